import type { Query } from "@google-cloud/bigquery";
import { describe, expect, test } from "vitest";
import {
  cas,
  clientOf,
  failure,
  HEADS,
  insert,
  KEYS,
  PATIENT,
  READ,
  read,
  type Seen,
  useBigQuery,
} from "./bigquery/bench.ts";

const bench = useBigQuery();
const { ask, headsOf, another } = bench;

describe("replies", () => {
  test("a statement answers as BigQuery does: rows by type, affected rows, statistics", async () => {
    const inserted = await ask(insert("acme", 0, "e0"));
    expect(inserted).toMatchObject({
      affected: 1,
      reply: { jobComplete: true, dmlStats: { insertedRowCount: "1", updatedRowCount: "0", deletedRowCount: "0" } },
    });
    expect(await ask(cas("acme", 0, "e1"))).toMatchObject({
      affected: 1,
      reply: { dmlStats: { updatedRowCount: "1" } },
    });
    expect(await ask(cas("acme", 0, "e2"))).toMatchObject({ affected: 0 });
    expect(await headsOf("acme")).toEqual([{ org_slug: "acme", seq: 1, event_id: "e1" }]);
  });

  test("bytes, timestamps, JSON, arrays, booleans and null come back as they went in", async () => {
    await ask({
      query: `INSERT INTO ${KEYS} (key_id, org_slug, environment, scope, key_hmac, pepper_version, legacy, created_at, created_by)
        SELECT @id, 'acme', 'live', 'read', FROM_BASE64(@hmac), '1', FALSE, @at, 'k'`,
      params: { id: "k1", hmac: Buffer.from([0, 255]).toString("base64"), at: new Date(1_700_000_000_123) },
    });
    const query = `SELECT key_hmac, created_at, TIMESTAMP_MICROS(1700000000123456) AS micros, legacy, revoked_at,
      ['a', 'b'] AS list, PARSE_JSON('{"z": 1, "a": {"c": 2, "b": [1,  2]}}') AS json,
      TO_JSON_STRING(PARSE_JSON('{"b": 1, "a": 2}')) AS text, JSON_QUERY('{"a": {"c": 1}}', '$.a') AS part FROM ${KEYS}`;
    const expected = {
      key_hmac: Buffer.from([0, 255]),
      created_at: expect.objectContaining({ value: "2023-11-14T22:13:20.123Z" }),
      micros: expect.objectContaining({ value: "2023-11-14T22:13:20.123456000Z" }),
      legacy: false,
      revoked_at: null,
      list: ["a", "b"],
      text: '{"b":1,"a":2}', // no JSON for BigQuery: a STRING
      part: '{"c":1}',
    };
    const parsed = { a: { b: [1, 2], c: 2 }, z: 1 };
    expect((await ask({ query })).rows).toEqual([{ ...expected, json: JSON.stringify(parsed) }]);
    expect((await ask({ query, parseJSON: true })).rows).toEqual([{ ...expected, json: parsed }]);
  });

  test("a SELECT that may come without a job has a queryId and no job; what writes has a job", async () => {
    const jobCreationMode = "JOB_CREATION_OPTIONAL";
    const short = await ask({ ...read("acme"), jobCreationMode });
    expect(short.reply).toMatchObject({ queryId: expect.any(String) });
    expect(short.reply).not.toHaveProperty("jobReference");
    expect((await ask(read("acme"))).reply).toHaveProperty("jobReference");
    expect((await ask({ ...insert("acme", 0, "e"), jobCreationMode })).reply).toHaveProperty("jobReference");
    const always = clientOf(await another({ shortQueries: false }), "a@b.c");
    expect((await ask({ ...read("acme"), jobCreationMode }, {}, always)).reply).toHaveProperty("jobReference");
  });

  test("results are paged by what the caller asks for and by the size of a reply", async () => {
    const sim = await another({ replyBytes: 20_000 });
    const by = clientOf(sim, "a@b.c");
    await sim.admin(
      "INSERT INTO `integrations.org_keys` SELECT CAST(i AS STRING), 'o', 'live', 'read', REPEAT('x', 1000), FROM_BASE64(''), '1', FALSE, CURRENT_TIMESTAMP(), 'k', NULL, NULL, NULL FROM UNNEST(GENERATE_ARRAY(1, 25)) AS i",
    );
    const query = `SELECT key_id, name FROM ${KEYS}`;
    const jobCreationMode = "JOB_CREATION_OPTIONAL";
    expect((await ask({ query, jobCreationMode }, {}, by)).rows).toHaveLength(25);
    const first = await ask({ query, jobCreationMode }, { autoPaginate: false }, by);
    expect(first.rows).toHaveLength(19);
    expect(first.reply).toMatchObject({ totalRows: "25", pageToken: expect.any(String), jobReference: {} });
    const few = { query: `SELECT key_id FROM ${KEYS}`, maxResults: 10 };
    expect((await ask(few, { autoPaginate: false }, by)).rows).toHaveLength(10);
    const large = { query: `SELECT REPEAT(name, 25) AS name FROM ${KEYS} LIMIT 1` };
    expect(await ask(large, {}, by)).toMatchObject({ code: 403, reason: "responseTooLarge" });
  });

  test("a job of the caller's own name runs once; its result is asked for by that name", async () => {
    const [job] = await bench.client.createQueryJob({ ...insert("acme", 0, "e0"), location: "US", jobId: "mine" });
    const [, , reply] = await job.getQueryResults();
    expect(reply).toMatchObject({ numDmlAffectedRows: "1" });
    const again = bench.client.createQueryJob({ ...insert("acme", 0, "e0"), location: "US", jobId: "mine" });
    expect(await again.then(() => ({}), failure)).toMatchObject({ code: 409, reason: "duplicate" });
    const [metadata] = await bench.client.job("mine", { location: "US" }).getMetadata();
    expect(metadata).toMatchObject({ status: { state: "DONE" } });
    expect(await headsOf("acme")).toHaveLength(1);
  });

  test("a dry run tells what a statement is and does nothing; a cancelled job promises nothing", async () => {
    const [job] = await bench.client.createQueryJob({ ...insert("acme", 0, "e0"), location: "US", dryRun: true });
    expect(job.metadata).toMatchObject({ status: { state: expect.any(String) } });
    expect(await headsOf("acme")).toEqual([]);
    const refused = bench.client.createQueryJob({
      query: `UPDATE ${HEADS} SET seq = 'x' WHERE TRUE`,
      location: "US",
      dryRun: true,
    });
    expect(await refused.then(() => ({}), failure)).toMatchObject({ code: 400 });
    const [running] = await bench.client.createQueryJob({ ...insert("acme", 0, "e0"), location: "US" });
    await running.cancel();
    await expect.poll(() => headsOf("acme"), PATIENT).toHaveLength(1);
  });

  test("a caller who waits for less than a statement takes is told so, and the statement goes on", async () => {
    bench.sim.faults.next({ kind: "INSERT" }, { kind: "slow", ms: 150 });
    const late = await ask(insert("acme", 0, "e0"), { timeoutMs: 20 });
    expect(late.message).toBe("The query did not complete before 20ms");
    await expect.poll(() => headsOf("acme"), PATIENT).toHaveLength(1);
  });
});

describe("what BigQuery refuses and the emulator would not", () => {
  const org = "acme";
  const cases: [string, Query, Seen][] = [
    [
      "a NULL parameter",
      { query: READ, params: { org: null }, types: { org: "STRING" } },
      { code: 400, message: expect.stringContaining("'org' is NULL") },
    ],
    [
      "a Buffer as parameter",
      { query: "SELECT @b AS b", params: { b: Buffer.from("x") } },
      { code: 400, message: expect.stringContaining("'b' is an object where a string was expected") },
    ],
    [
      "a parameter that is no INT64",
      { query: "SELECT @n AS n", params: { n: "1.5" }, types: { n: "INT64" } },
      { code: 400, message: expect.stringContaining("'n' is no INT64") },
    ],
    [
      "a parameter that is no base64",
      { query: "SELECT @n AS n", params: { n: "ä" }, types: { n: "BYTES" } },
      { code: 400, message: expect.stringContaining("'n' is no BYTES") },
    ],
    [
      "a date within an array",
      { query: "SELECT @n AS n", params: { n: [new Date()] }, types: { n: ["TIMESTAMP"] } },
      { code: 400, message: expect.stringContaining("'n'") },
    ],
    [
      "a parameter that is missing",
      { query: READ, params: { other: "x" } },
      { code: 400, reason: "invalidQuery", message: expect.stringContaining("'org' not found") },
    ],
    ["no location", { query: READ, params: { org }, location: "" }, { code: 404, reason: "notFound" }],
    [
      "another location",
      { query: READ, params: { org }, location: "EU" },
      { code: 404, reason: "notFound", message: expect.stringContaining("was not found in location EU") },
    ],
    [
      "a table that is not there",
      { query: "SELECT 1 FROM `cloudact-testing-1.integrations.nothing`" },
      {
        code: 404,
        reason: "notFound",
        message: expect.stringContaining("Not found: Table cloudact-testing-1:integrations.nothing"),
      },
    ],
    [
      "a table without a dataset",
      { query: "SELECT 1 FROM heads" },
      { code: 400, message: expect.stringContaining("must be qualified with a dataset") },
    ],
    [
      "a syntax error",
      { query: "SELECT FROM WHERE" },
      { code: 400, reason: "invalidQuery", message: expect.stringContaining("Syntax error") },
    ],
    ["a column that is not there", { query: `SELECT nothing FROM ${HEADS}` }, { code: 400, reason: "invalidQuery" }],
    [
      "NULL in a required column",
      { query: `UPDATE ${HEADS} SET op = NULL WHERE TRUE` },
      { code: 400, reason: "invalidQuery", message: expect.stringContaining("op cannot be null") },
    ],
    [
      "a label in capitals",
      { query: "SELECT 1 AS n", labels: { Op: "x" } },
      { code: 400, message: expect.stringContaining("label") },
    ],
    [
      "SQL of more than a megabyte",
      { query: `SELECT 1 AS n -- ${"x".repeat(1_048_576)}` },
      { code: 400, message: expect.stringContaining("The query is too large") },
    ],
    ["a request of more than 10 MB", { query: "SELECT @x AS x", params: { x: "x".repeat(10_500_000) } }, { code: 413 }],
    [
      "more than 10,000 parameters",
      { query: "SELECT 1 AS n", params: Object.fromEntries(Array.from({ length: 10_001 }, (_, at) => [`p${at}`, 1])) },
      { code: 400, message: expect.stringContaining("limit is 10000") },
    ],
  ];
  test.each(cases)("%s", async (_, query, expected) => {
    await ask(insert(org, 0, "e0"));
    expect(await ask(query)).toMatchObject(expected);
  });

  test("no refusal shows the value of a parameter", async () => {
    const secret = "s3cret-value";
    const seen = [
      await ask({ query: "SELECT @n AS n", params: { n: secret }, types: { n: "INT64" } }),
      await ask({ query: "SELECT @n AS n", params: { n: secret }, types: { n: "TIMESTAMP" } }),
      await ask({ query: `SELECT nothing FROM ${HEADS} WHERE org_slug = @n`, params: { n: secret } }),
    ];
    for (const one of seen) expect(one.code).toBe(400);
    expect(JSON.stringify(seen)).not.toContain(secret);
  });

  test("a table that rows were streamed into cannot be changed for half an hour", async () => {
    let at = 0;
    const sim = await another({ now: () => at });
    const by = clientOf(sim, "a@b.c");
    const grant = {
      grant_id: "g",
      subject: "s",
      org_slugs: ["acme"],
      providers: ["*"],
      created_at: "2026-01-01T00:00:00Z",
      created_by: "o",
      expires_at: "2027-01-01T00:00:00Z",
    };
    await by.dataset("integrations").table("decrypt_grants").insert([grant]);
    const change: Query = {
      query: "UPDATE `cloudact-testing-1.integrations.decrypt_grants` SET subject = 't' WHERE TRUE",
    };
    expect(await ask(change, {}, by)).toMatchObject({
      code: 400,
      reason: "invalidQuery",
      message: expect.stringContaining("streaming buffer"),
    });
    at += 30 * 60_000;
    expect(await ask(change, {}, by)).toMatchObject({ affected: 1 });
  });
});

describe("the simulator", () => {
  test("holds the tables of the schema files, all columns of versions but the ciphertext in the view, and nothing else", async () => {
    const columns = await bench.sim.admin("SELECT * FROM `integrations.heads`");
    expect(columns).toEqual([]);
    await bench.sim.admin(
      "INSERT INTO `integrations.versions` (event_id, org_slug, provider, seq, op, credential_id, credential_type, encrypted_credential, credential_name, metadata, request_id, changed_at, changed_by) SELECT 'e', 'o', 'p', 1, 'setup', 'c', 'api_key', FROM_BASE64('AAAA'), 'n', PARSE_JSON('{}'), 'r', CURRENT_TIMESTAMP(), 'k'",
    );
    const [row] = await bench.sim.admin("SELECT * FROM `organizations.integration_versions`");
    const [all] = await bench.sim.admin("SELECT * FROM `integrations.versions`");
    expect(Object.keys(row ?? {})).toEqual(Object.keys(all ?? {}).filter((name) => name !== "encrypted_credential"));
  });

  test("a table that is made or made anew is known by its columns of now", async () => {
    const place = "cloudact-testing-1.integrations.extra";
    await ask({ query: `CREATE OR REPLACE TABLE \`${place}\` AS SELECT 1 AS n` });
    expect(await ask({ query: `UPDATE \`${place}\` SET n = 'x' WHERE TRUE` })).toMatchObject({ code: 400 });
    await bench.sim.admin(`CREATE OR REPLACE TABLE \`${place}\` AS SELECT 'a' AS n`);
    expect(await ask({ query: `UPDATE \`${place}\` SET n = 'x' WHERE TRUE` })).toMatchObject({ affected: 1 });
    await ask({ query: `DROP TABLE \`${place}\`` });
    expect(await ask({ query: `SELECT n FROM \`${place}\`` })).toMatchObject({ code: 404 });
    const schema = [{ name: "at_time", type: "TIMESTAMP" }];
    await bench.client.dataset("integrations").createTable("streamed", { schema });
    expect(
      await ask({
        query: "SELECT at_time = 'x' AS b, at_time = CONCAT('x') AS c FROM `cloudact-testing-1.integrations.streamed`",
      }),
    ).toMatchObject({ code: 400, message: expect.stringContaining("TIMESTAMP, STRING") });
    await bench.client.dataset("integrations").table("streamed").delete();
    expect(await ask({ query: "SELECT 1 AS n FROM `cloudact-testing-1.integrations.streamed`" })).toMatchObject({
      code: 404,
    });
  });

  test("further views are there too; one that BigQuery would not take stops the start", async () => {
    const from = "FROM `$" + "{project}.$" + "{integrations}.heads`";
    const sim = await another({ views: { mine: `SELECT COUNT(*) AS n ${from}` } });
    expect(await sim.admin("SELECT n FROM `organizations.mine`")).toEqual([{ n: 0 }]);
    const odd = { odd: `SELECT 1 AS n ${from} WHERE seq = 'x'` };
    await expect(another({ views: odd })).rejects.toThrow("No matching signature for operator =");
    await expect(another({ views: { odd: `SELECT nothing ${from}` } })).rejects.toThrow("nothing");
  });

  test("reset empties every table and forgets faults, statements and jobs", async () => {
    await ask(insert("acme", 0, "e0"));
    await bench.sim.admin("CREATE TABLE `integrations.extra` AS SELECT 1 AS n");
    bench.sim.faults.next({}, "unavailable", 3);
    await bench.sim.reset();
    expect(await headsOf("acme")).toEqual([]);
    expect(await bench.sim.admin("SELECT COUNT(*) AS n FROM `integrations.extra`")).toEqual([{ n: 0 }]);
    expect([bench.sim.faults.waiting(), bench.sim.faults.struck().length, bench.sim.statements().length]).toEqual([
      0, 0, 1,
    ]);
    await bench.sim.admin("DROP TABLE `integrations.extra`");
  });

  test("a statement that began before a reset does not write after it", async () => {
    for (const at of ["arrival", "snapshot"] as const) {
      const hold = bench.sim.faults.hold({ kind: "INSERT" }, at);
      const asked = ask(insert("acme", 0, "e0"));
      await hold.arrived;
      await bench.sim.reset();
      expect(await asked).toMatchObject({ code: 503 });
      expect(await headsOf("acme")).toEqual([]);
    }
    bench.sim.faults.next({ kind: "INSERT" }, { kind: "slow", ms: 50 });
    const asked = ask(insert("acme", 0, "e0"));
    await expect.poll(() => bench.sim.faults.struck().length, PATIENT).toBe(1);
    await bench.sim.reset();
    expect(await asked).toMatchObject({ code: 503 });
    expect(await headsOf("acme")).toEqual([]);
  });

  test("several start beside each other and share nothing", async () => {
    const [one, two] = await Promise.all([another({}), another({})]);
    await ask(insert("acme", 0, "e0"), {}, clientOf(one, "a@b.c"));
    expect((await ask(read("acme"), {}, clientOf(one, "a@b.c"))).rows).toHaveLength(1);
    expect((await ask(read("acme"), {}, clientOf(two, "a@b.c"))).rows).toEqual([]);
  });

  test("DuckDB can neither fetch nor load an extension, nor read a file", async () => {
    const tried = ["INSTALL httpfs", "LOAD spatial", "SELECT * FROM read_csv('package.json')"];
    for (const sql of tried) await expect(bench.sim.admin(sql)).rejects.toThrow(/disabled|Permission|not/i);
  });

  test("starts and resets in the time that a test file can spare", async () => {
    const started = performance.now();
    const sim = await another({});
    const up = performance.now();
    await sim.reset();
    expect(up - started).toBeLessThan(15_000);
    expect(performance.now() - up).toBeLessThan(1_000);
  });
});
