import { execFile } from "node:child_process";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { BigQuery, type Query, type QueryOptions } from "@google-cloud/bigquery";
import { OAuth2Client } from "google-auth-library";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { benchToken } from "./bearer.ts";
import { isRecord, recordOf } from "./bigquery/json.ts";
import { type BigQuerySim, type Fault, type FaultKind, startBigQuery } from "./bigquery/start.ts";
import type { Kind } from "./bigquery/statement.ts";

const HEADS = "`cloudact-testing-1.integrations.heads`";
const VERSIONS = "`cloudact-testing-1.integrations.versions`";
const KEYS = "`cloudact-testing-1.integrations.org_keys`";
const VIEW = "`cloudact-testing-1.organizations.integration_versions`";

/** Everything that a head needs; the tests look at seq, event_id and credential_name. */
const INSERT = `INSERT INTO ${HEADS} (org_slug, provider, seq, event_id, op, credential_id, credential_type, credential_name,
  metadata, enabled, validation_status, consecutive_failures, created_at, updated_at, created_by)
  SELECT @org, 'OPENAI', @seq, @event, 'setup', 'c', 'api_key', 'n', PARSE_JSON('{}'), TRUE, 'PENDING', 0,
  CURRENT_TIMESTAMP(), CURRENT_TIMESTAMP(), 'k'`;
const CAS = `UPDATE ${HEADS} h SET seq = @seq + 1, event_id = @event WHERE h.org_slug = @org AND h.seq = @seq
  AND (SELECT MAX(x.seq) FROM ${HEADS} x WHERE x.org_slug = @org) = @seq`;
const READ = `SELECT org_slug, seq, event_id FROM ${HEADS} WHERE org_slug = @org ORDER BY seq, event_id`;

/** For what takes milliseconds, on a machine that has other things to do. */
const PATIENT = { timeout: 10_000, interval: 10 };

let bigquery: BigQuerySim;
let client: BigQuery;
const extra: BigQuerySim[] = [];

beforeAll(async () => {
  bigquery = await startBigQuery();
  client = clientOf(bigquery, "int-setup@cloudact-testing-1.iam.gserviceaccount.com");
});
afterEach(() => bigquery.reset());
afterAll(async () => {
  for (const one of [bigquery, ...extra]) await one.close();
});

async function another(settings: Parameters<typeof startBigQuery>[0]): Promise<BigQuerySim> {
  const made = await startBigQuery(settings);
  extra.push(made);
  return made;
}

/** The official client as that service account; it retries quickly or, without `retries`, not at all. */
function clientOf(sim: BigQuerySim, email: string | null, retries = false): BigQuery {
  const authClient = new OAuth2Client();
  const token = email === null ? "ya29.unknown" : benchToken(email);
  authClient.setCredentials({ access_token: token, expiry_date: Date.now() + 3_600_000 });
  const retryOptions = { autoRetry: retries, maxRetryDelay: 0.01 };
  return new BigQuery({ projectId: sim.project, apiEndpoint: sim.endpoint, authClient, retryOptions });
}

interface Seen {
  rows?: unknown[];
  affected?: number;
  reply?: Record<string, unknown>;
  code?: unknown;
  reason?: unknown;
  message?: string;
}

/** What came of a statement, as the client tells it: rows and reply, or code, reason and message. */
async function ask(query: Query, options?: QueryOptions, by = client): Promise<Seen> {
  try {
    const answer: readonly unknown[] = await by.query({ location: "US", ...query }, options ?? {});
    const reply = recordOf(answer[2]);
    return { rows: [answer[0]].flat(), affected: Number(reply["numDmlAffectedRows"] ?? 0), reply };
  } catch (error) {
    return failure(error);
  }
}

function failure(error: unknown): Seen {
  if (!(error instanceof Error)) throw error;
  const errors = "errors" in error && Array.isArray(error.errors) ? error.errors : [];
  const [first] = errors;
  const code = "code" in error ? error.code : undefined;
  return { code, reason: isRecord(first) ? first["reason"] : undefined, message: error.message };
}

const insert = (org: string, seq: number, event: string): Query => ({ query: INSERT, params: { org, seq, event } });
const cas = (org: string, seq: number, event: string): Query => ({ query: CAS, params: { org, seq, event } });
const read = (org: string): Query => ({ query: READ, params: { org } });
const headsOf = async (org: string): Promise<unknown[]> => (await ask(read(org))).rows ?? [];

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
    const [job] = await client.createQueryJob({ ...insert("acme", 0, "e0"), location: "US", jobId: "mine" });
    const [, , reply] = await job.getQueryResults();
    expect(reply).toMatchObject({ numDmlAffectedRows: "1" });
    const again = client.createQueryJob({ ...insert("acme", 0, "e0"), location: "US", jobId: "mine" });
    expect(await again.then(() => ({}), failure)).toMatchObject({ code: 409, reason: "duplicate" });
    const [metadata] = await client.job("mine", { location: "US" }).getMetadata();
    expect(metadata).toMatchObject({ status: { state: "DONE" } });
    expect(await headsOf("acme")).toHaveLength(1);
  });

  test("a dry run tells what a statement is and does nothing; a cancelled job promises nothing", async () => {
    const [job] = await client.createQueryJob({ ...insert("acme", 0, "e0"), location: "US", dryRun: true });
    expect(job.metadata).toMatchObject({ status: { state: expect.any(String) } });
    expect(await headsOf("acme")).toEqual([]);
    const refused = client.createQueryJob({
      query: `UPDATE ${HEADS} SET seq = 'x' WHERE TRUE`,
      location: "US",
      dryRun: true,
    });
    expect(await refused.then(() => ({}), failure)).toMatchObject({ code: 400 });
    const [running] = await client.createQueryJob({ ...insert("acme", 0, "e0"), location: "US" });
    await running.cancel();
    await expect.poll(() => headsOf("acme"), PATIENT).toHaveLength(1);
  });

  test("a caller who waits for less than a statement takes is told so, and the statement goes on", async () => {
    bigquery.faults.next({ kind: "INSERT" }, { kind: "slow", ms: 150 });
    const late = await ask(insert("acme", 0, "e0"), { timeoutMs: 20 });
    expect(late.message).toBe("The query did not complete before 20ms");
    await expect.poll(() => headsOf("acme"), PATIENT).toHaveLength(1);
  });
});

describe("types, which DuckDB converts and BigQuery does not", () => {
  const cases: [string, Query, refused: string | null][] = [
    [
      "a STRING expression is no TIMESTAMP",
      { query: `UPDATE ${HEADS} SET next_due_at = NULLIF(@at, '') WHERE TRUE`, params: { at: "x" } },
      "Value of type STRING cannot be assigned to next_due_at, which has type TIMESTAMP",
    ],
    [
      "a STRING parameter becomes a TIMESTAMP",
      { query: `UPDATE ${HEADS} SET next_due_at = @at WHERE TRUE`, params: { at: "2026-01-01T00:00:00Z" } },
      null,
    ],
    [
      "so does what TIMESTAMP() makes of an expression",
      { query: `UPDATE ${HEADS} SET next_due_at = TIMESTAMP(NULLIF(@at, '')) WHERE TRUE`, params: { at: "" } },
      null,
    ],
    [
      "a STRING parameter is no JSON",
      { query: `UPDATE ${HEADS} SET metadata = @json WHERE TRUE`, params: { json: "{}" } },
      "Value of type STRING cannot be assigned to metadata, which has type JSON",
    ],
    [
      "PARSE_JSON makes JSON",
      {
        query: `UPDATE ${HEADS} SET metadata = PARSE_JSON(@json, wide_number_mode => 'round') WHERE TRUE`,
        params: { json: "{}" },
      },
      null,
    ],
    [
      "a STRING parameter is no BYTES",
      { query: `UPDATE ${VERSIONS} SET encrypted_credential = @bytes WHERE TRUE`, params: { bytes: "AAAA" } },
      "Value of type STRING cannot be assigned to encrypted_credential, which has type BYTES",
    ],
    [
      "a text is no INT64",
      { query: `UPDATE ${HEADS} SET seq = '1' WHERE TRUE` },
      "Value of type STRING cannot be assigned to seq, which has type INT64",
    ],
    ["NULL fits everywhere", { query: `UPDATE ${HEADS} SET verdict = NULL, next_due_at = NULL WHERE TRUE` }, null],
    [
      "an inserted column has the type of its column",
      { query: `INSERT INTO ${KEYS} (key_id, key_hmac) SELECT @id, @hmac`, params: { id: "k", hmac: "AAAA" } },
      "Query column 2 has type STRING which cannot be inserted into column key_hmac, which has type BYTES",
    ],
    [
      "a literal in a SELECT is no TIMESTAMP any more",
      { query: `INSERT INTO ${KEYS} (key_id, created_at) SELECT 'k', '2026-01-01'` },
      "Query column 2 has type STRING which cannot be inserted into column created_at, which has type TIMESTAMP",
    ],
    [
      "so has one of VALUES",
      { query: `INSERT INTO ${KEYS} (key_id, created_at) VALUES ('k', CONCAT('2026', ''))` },
      "cannot be inserted into column created_at",
    ],
    [
      "as many values as columns",
      { query: `INSERT INTO ${KEYS} (key_id, org_slug) SELECT 'k'` },
      "Inserted row has wrong column count; Has 1, expected 2",
    ],
    [
      "a column that is not there",
      { query: `INSERT INTO ${KEYS} (key_id, nothing) SELECT 'k', 1` },
      "Column nothing is not present in table",
    ],
    [
      "an INT64 is not compared with a STRING",
      { query: `SELECT 1 AS n FROM ${HEADS} h WHERE h.seq = @seq`, params: { seq: "1" } },
      "No matching signature for operator = for argument types: INT64, STRING",
    ],
    [
      "a TIMESTAMP is not compared with what JSON_VALUE gives",
      {
        query: `SELECT 1 AS n FROM ${HEADS} h JOIN (SELECT JSON_VALUE(x, '$.at') AS at_time FROM UNNEST(@rows) AS x) r ON h.next_due_at < r.at_time`,
        params: { rows: ["{}"] },
      },
      "No matching signature for operator < for argument types: TIMESTAMP, STRING",
    ],
    [
      "a TIMESTAMP is compared with a STRING parameter",
      { query: `SELECT 1 AS n FROM ${HEADS} WHERE next_due_at < @at`, params: { at: "2026-01-01T00:00:00Z" } },
      null,
    ],
    [
      "an UPDATE from a query knows the types of the query",
      {
        query: `UPDATE ${HEADS} h SET last_checked_at = r.checked FROM (SELECT JSON_VALUE(x, '$.id') AS id, JSON_VALUE(x, '$.t') AS checked FROM UNNEST(@rows) AS x) r WHERE h.credential_id = r.id`,
        params: { rows: [] },
        types: { rows: ["STRING"] },
      },
      "Value of type STRING cannot be assigned to last_checked_at, which has type TIMESTAMP",
    ],
    [
      "COALESCE wants one type",
      { query: `SELECT COALESCE(next_due_at, JSON_VALUE(metadata, '$.x')) AS x FROM ${HEADS}` },
      "No matching signature for function COALESCE for argument types: TIMESTAMP, STRING",
    ],
    [
      "IF wants a BOOL",
      { query: `SELECT IF(seq, 1, 2) AS x FROM ${HEADS}` },
      "No matching signature for function IF for argument types: INT64, INT64, INT64",
    ],
    [
      "CASE wants one type",
      { query: `SELECT CASE WHEN enabled THEN seq ELSE op END AS x FROM ${HEADS}` },
      "No matching signature for operator CASE",
    ],
    [
      "WHERE wants a BOOL",
      { query: `SELECT 1 AS x FROM ${HEADS} WHERE seq` },
      "WHERE clause should return type BOOL, but returns INT64",
    ],
    [
      "AND wants BOOL",
      { query: `SELECT 1 AS x FROM ${HEADS} WHERE enabled AND seq` },
      "No matching signature for operator AND",
    ],
    [
      "IN wants one type",
      { query: `SELECT 1 AS x FROM ${HEADS} WHERE seq IN UNNEST(@list)`, params: { list: ["a"] } },
      "No matching signature for operator IN for argument types: INT64, STRING",
    ],
    [
      "JSON is not compared",
      { query: `SELECT 1 AS x FROM ${HEADS} WHERE metadata = PARSE_JSON('{}')` },
      "No matching signature for operator = for argument types: JSON, JSON",
    ],
    [
      "nor ordered",
      { query: `SELECT 1 AS x FROM ${HEADS} ORDER BY metadata` },
      "ORDER BY does not support expressions of type JSON",
    ],
    [
      "nor grouped",
      { query: `SELECT COUNT(*) AS x FROM ${HEADS} GROUP BY metadata` },
      "Grouping by expressions of type JSON is not allowed",
    ],
    [
      "PARSE_JSON wants a STRING",
      { query: `SELECT PARSE_JSON(metadata) AS x FROM ${HEADS}` },
      "No matching signature for function PARSE_JSON for argument types: JSON",
    ],
    [
      "TIMESTAMP_MILLIS wants an INT64",
      { query: "SELECT TIMESTAMP_MILLIS(@ms) AS x", params: { ms: "5" } },
      "No matching signature for function TIMESTAMP_MILLIS for argument types: STRING",
    ],
    [
      "+ wants numbers",
      { query: `SELECT seq + op AS x FROM ${HEADS}` },
      "No matching signature for operator + for argument types: INT64, STRING",
    ],
    [
      "a UNION has the same columns",
      { query: `SELECT seq AS a FROM ${HEADS} UNION ALL SELECT op FROM ${HEADS}` },
      "Column 1 in a set operation has incompatible types: INT64, STRING",
    ],
    [
      "what a WITH clause and a view give is known",
      { query: `WITH v AS (SELECT * FROM ${VIEW}) SELECT 1 AS x FROM v WHERE v.changed_at = v.op` },
      "No matching signature for operator = for argument types: TIMESTAMP, STRING",
    ],
    [
      "a scalar subquery has the type of its column",
      { query: `SELECT 1 AS x FROM ${HEADS} h WHERE h.op = (SELECT MAX(x.seq) FROM ${HEADS} x)` },
      "No matching signature for operator = for argument types: STRING, INT64",
    ],
    [
      "a MERGE is judged by its parts",
      {
        query: `MERGE ${HEADS} h USING (SELECT @at AS at_time) s ON h.op = s.at_time WHEN MATCHED THEN UPDATE SET next_due_at = s.at_time`,
        params: { at: "x" },
      },
      "Value of type STRING cannot be assigned to next_due_at",
    ],
    [
      "SAFE_CAST gives the type it names",
      { query: `UPDATE ${HEADS} SET next_due_at = SAFE_CAST(op AS TIMESTAMP), seq = CAST(op AS INT64) WHERE FALSE` },
      null,
    ],
    ["what is not known here is let pass", { query: `SELECT 1 AS x FROM ${HEADS} WHERE NET.HOST(op) IS NULL` }, null],
  ];
  test.each(cases)("%s", async (_, query, refused) => {
    const seen = await ask(query);
    if (refused !== null)
      expect(seen).toMatchObject({ code: 400, reason: "invalidQuery", message: expect.stringContaining(refused) });
    else expect(seen.message ?? "").not.toMatch(/type|signature/i);
  });

  test("a CAST to TIMESTAMP keeps the moment, and comes as a TIMESTAMP", async () => {
    const { rows } = await ask({
      query: "SELECT CAST('2026-01-01 02:00:00+02' AS TIMESTAMP) AS at_time, SAFE_CAST('x' AS TIMESTAMP) AS none",
    });
    expect(rows).toEqual([{ at_time: expect.objectContaining({ value: "2026-01-01T00:00:00.000Z" }), none: null }]);
  });

  test("an UPDATE that finds two source rows for one row is refused and changes nothing", async () => {
    await ask(insert("acme", 0, "e0"));
    const query = `UPDATE ${HEADS} h SET event_id = r.id FROM (SELECT x AS id FROM UNNEST(@rows) AS x) r WHERE h.org_slug = 'acme' AND r.id <> 'skipped'`;
    expect(await ask({ query, params: { rows: ["a", "b"] } })).toMatchObject({
      code: 400,
      reason: "invalidQuery",
      message: expect.stringContaining("must match at most one source row"),
    });
    expect(await headsOf("acme")).toMatchObject([{ event_id: "e0" }]);
    expect(await ask({ query, params: { rows: ["a", "skipped"] } })).toMatchObject({ affected: 1 });
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

/** What the client tells of a fault that strikes once, without its own retries, and whether the statement ran. */
const faults: [Fault, Seen, ran: boolean][] = [
  ["unavailable", { code: 503, reason: "backendError" }, false],
  ["internal", { code: 500, reason: "internalError" }, false],
  ["html", { code: 502 }, false],
  ["reset_before", { code: "ECONNRESET" }, false],
  [{ kind: "slow", ms: 30 }, { affected: 1 }, true],
  ["reset_after", { code: "ECONNRESET" }, true],
  ["truncated", { code: undefined, message: expect.stringContaining("JSON") }, true],
  [
    "serialization",
    {
      code: 400,
      reason: "invalidQuery",
      message: expect.stringContaining(
        "Could not serialize access to table cloudact-testing-1:integrations.heads due to concurrent update",
      ),
    },
    false,
  ],
  [
    "too_many_dml",
    {
      code: 400,
      reason: "invalidQuery",
      message: expect.stringContaining(
        "Too many DML statements outstanding against table cloudact-testing-1:integrations.heads, limit is 20.",
      ),
    },
    false,
  ],
  [
    "rate_limit_403",
    { code: 403, reason: "rateLimitExceeded", message: expect.stringContaining("Exceeded rate limits") },
    false,
  ],
  ["job_rate_limit_400", { code: 400, reason: "jobRateLimitExceeded" }, false],
  ["quota_403", { code: 403, reason: "quotaExceeded" }, false],
  [
    "streaming_buffer",
    {
      code: 400,
      reason: "invalidQuery",
      message: expect.stringContaining("would affect rows in the streaming buffer, which is not supported"),
    },
    false,
  ],
  ["no_job_reference", { affected: 1, reply: { queryId: expect.any(String) } }, true],
  ["pending", { affected: 1 }, true],
  [{ kind: "pending", polls: 3 }, { affected: 1 }, true],
  ["job_error", { code: 400, reason: "jobBackendError" }, false],
];

describe("faults", () => {
  test.each(faults)(
    "%j: the client tells it so, once, and the statement ran or did not",
    async (fault, expected, ran) => {
      await ask(insert("acme", 0, "e0"));
      bigquery.faults.next({ kind: "UPDATE", table: "integrations.heads" }, fault);
      expect(await ask(cas("acme", 0, "e1"))).toMatchObject(expected);
      expect(await headsOf("acme")).toMatchObject([{ seq: ran ? 1 : 0 }]);
      expect(bigquery.faults.struck()).toMatchObject([{ kind: typeof fault === "string" ? fault : fault.kind }]);
      expect(bigquery.faults.waiting()).toBe(0);
    },
  );

  test.each(["timeout_after_commit", "pending_forever"] as const)(
    "%s: no answer ever, and the statement ran",
    async (kind) => {
      await ask(insert("acme", 0, "e0"));
      bigquery.faults.next({ kind: "UPDATE" }, kind);
      const asked = ask(cas("acme", 0, "e1"));
      await expect.poll(() => headsOf("acme"), PATIENT).toMatchObject([{ seq: 1 }]);
      expect(await Promise.race([asked, sleep(100, "nothing")])).toBe("nothing");
      await bigquery.reset();
      if (kind === "pending_forever") expect(await asked).toMatchObject({ code: 404, reason: "notFound" });
    },
  );

  test("garbage: the client never answers and rejects where nobody listens, so each query needs a deadline of its own", async () => {
    bigquery.faults.next({ kind: "SELECT" }, "garbage");
    const script = `
      import { BigQuery } from "@google-cloud/bigquery";
      import { PassThroughClient } from "google-auth-library";
      process.on("unhandledRejection", (error) => { console.log("unhandled", error.name); setTimeout(() => process.exit(0), 50); });
      const client = new BigQuery({ projectId: "p", apiEndpoint: ${JSON.stringify(bigquery.endpoint)}, authClient: new PassThroughClient() });
      await client.query({ query: "SELECT 1 AS n", location: "US" }).then(() => console.log("answered"), () => console.log("refused"));`;
    const { stdout } = await promisify(execFile)(process.execPath, ["--input-type=module", "-e", script]);
    expect(stdout).toBe("unhandled TypeError\n");
  });

  test("missing_rows: the reply says how many rows there are and holds none", async () => {
    await ask(insert("acme", 0, "e0"));
    bigquery.faults.next({ kind: "SELECT" }, "missing_rows");
    expect(await ask(read("acme"))).toMatchObject({ rows: [], reply: { totalRows: "1" } });
  });

  test("stale_read: a SELECT sees the state before the last write to what it reads, once there is one", async () => {
    await ask(insert("acme", 0, "e0"));
    bigquery.faults.next({ kind: "SELECT" }, "stale_read");
    expect(await headsOf("acme")).toMatchObject([{ seq: 0 }]);
    expect(bigquery.faults.waiting()).toBe(1);
    await ask(cas("acme", 0, "e1"));
    await ask({
      query: `INSERT INTO ${KEYS} SELECT 'k', 'o', 'live', 'read', 'n', FROM_BASE64(''), '1', FALSE, CURRENT_TIMESTAMP(), 'k', NULL, NULL, NULL`,
    });
    expect(await headsOf("acme")).toMatchObject([{ seq: 0, event_id: "e0" }]);
    expect(await headsOf("acme")).toMatchObject([{ seq: 1, event_id: "e1" }]);
  });

  test("a match names statements by text, kind, table or caller, and scripted faults come in their order", async () => {
    const other = clientOf(bigquery, "int-list@cloudact-testing-1.iam.gserviceaccount.com");
    bigquery.faults.next({ identity: "int-list@cloudact-testing-1.iam.gserviceaccount.com" }, "quota_403");
    bigquery.faults.next(/ORDER BY seq/, "unavailable");
    bigquery.faults.next({ table: "organizations.integration_versions", kind: ["INSERT", "SELECT"] }, "internal");
    expect(await ask(insert("acme", 0, "e0"))).toMatchObject({ affected: 1 });
    expect(await ask(read("acme"))).toMatchObject({ code: 503 });
    expect(await ask(read("acme"), {}, other)).toMatchObject({ code: 403 });
    expect(await ask(read("acme"))).toMatchObject({ rows: [{ seq: 0 }] });
    expect(await ask({ query: `SELECT COUNT(*) AS n FROM ${VIEW}` })).toMatchObject({ code: 500 });
    expect(bigquery.faults.struck().map((one) => one.kind)).toEqual(["unavailable", "quota_403", "internal"]);
  });

  test("a client that retries a reset after the commit sends the same request id, and the statement runs once", async () => {
    const retrying = clientOf(bigquery, "a@b.c", true);
    bigquery.faults.next({ kind: "INSERT" }, "reset_after", 2);
    bigquery.faults.next({ kind: "INSERT" }, "unavailable");
    expect(await ask(insert("acme", 0, "e0"), {}, retrying)).toMatchObject({ affected: 1 });
    expect(bigquery.faults.struck()).toHaveLength(3);
    expect(await headsOf("acme")).toHaveLength(1);
  });

  test("a request id counts for 15 minutes and for the same query and parameters", async () => {
    let at = 0;
    const sim = await another({ now: () => at });
    const send = async (seq: number, requestId: string): Promise<unknown> => {
      const queryParameters = Object.entries({ org: "STRING", event: "STRING", seq: "INT64" }).map(([name, type]) => ({
        name,
        parameterType: { type },
        parameterValue: { value: type === "INT64" ? String(seq) : "x" },
      }));
      const body = {
        query: INSERT,
        queryParameters,
        parameterMode: "NAMED",
        useLegacySql: false,
        location: "US",
        requestId,
      };
      const answer = await fetch(`${sim.endpoint}/bigquery/v2/projects/${sim.project}/queries`, {
        method: "POST",
        body: JSON.stringify(body),
      });
      return recordOf(await answer.json())["numDmlAffectedRows"];
    };
    const count = async (): Promise<unknown> =>
      (await sim.admin("SELECT COUNT(*) AS n FROM `integrations.heads`"))[0]?.["n"];
    expect([await send(1, "a"), await send(1, "a"), await count()]).toEqual(["1", "1", 1]);
    expect([await send(2, "a"), await count()]).toEqual(["1", 2]);
    expect([await send(1, "b"), await count()]).toEqual(["1", 3]);
    at += 15 * 60_000 - 1;
    expect([await send(1, "a"), await count()]).toEqual(["1", 3]);
    at += 1;
    expect([await send(1, "a"), await count()]).toEqual(["1", 4]);
  });

  test("one seed reproduces one run, whatever runs beside it; another seed another", async () => {
    const kinds: FaultKind[] = ["unavailable", "serialization", "stale_read", "quota_403"];
    const run = async (seed: number, isBusy: boolean): Promise<string[]> => {
      bigquery.faults.chaos({ seed, rate: 0.5, kinds });
      const seen: string[] = [];
      for (let at = 0; at < 20; at += 1) {
        if (isBusy) await ask({ query: "SELECT 1 AS other" });
        const answer = await ask(at % 2 === 0 ? insert("acme", at, `e${at}`) : cas("acme", at, "e"));
        seen.push(String(answer.reason ?? "none"));
      }
      await bigquery.reset();
      return seen;
    };
    const first = await run(7, false);
    expect(await run(7, true)).toEqual(first);
    expect(await run(8, false)).not.toEqual(first);
    expect(new Set(first)).toContain("none");
    expect(new Set(first).size).toBeGreaterThan(1);
    const inserts = first.filter((_, at) => at % 2 === 0); // a fault of UPDATE alone befalls no INSERT
    expect(inserts).not.toContain("invalidQuery");
  });
});

describe("permissions", () => {
  const setup = "int-setup@cloudact-testing-1.iam.gserviceaccount.com";
  const rights: Record<string, readonly string[]> = {
    "integrations.heads": ["read", "change", "append"],
    "integrations.versions": ["append"],
    "organizations.integration_versions": ["read"],
    "cloudact-testing-1": ["jobs.create"],
  };
  const cases: [string, Query, Seen | null][] = [
    ["reads what it may read", read("acme"), null],
    ["changes what it may change", cas("acme", 0, "e"), null],
    [
      "reads through an authorised view without a right on its table",
      { query: `SELECT COUNT(*) AS n FROM ${VIEW}` },
      null,
    ],
    [
      "cannot read the table behind the view",
      { query: `SELECT COUNT(*) AS n FROM ${VERSIONS}` },
      {
        code: 403,
        reason: "accessDenied",
        message: expect.stringContaining("Access Denied: Table cloudact-testing-1:integrations.versions"),
      },
    ],
    [
      "cannot read it in a subquery",
      { query: `SELECT 1 AS n FROM ${HEADS} WHERE seq IN (SELECT seq FROM ${VERSIONS})` },
      { code: 403 },
    ],
    [
      "cannot read it in a WITH clause",
      { query: `WITH v AS (SELECT * FROM ${VERSIONS}) SELECT COUNT(*) AS n FROM v` },
      { code: 403 },
    ],
    [
      "cannot read it in a join",
      { query: `SELECT COUNT(*) AS n FROM ${HEADS} h JOIN ${VERSIONS} v USING (event_id)` },
      { code: 403 },
    ],
    [
      "cannot read it while writing elsewhere",
      { query: `UPDATE ${HEADS} h SET event_id = v.event_id FROM ${VERSIONS} v WHERE h.seq = v.seq` },
      { code: 403 },
    ],
    [
      "cannot read what it may append to by an INSERT into elsewhere",
      { query: `INSERT INTO ${HEADS} SELECT * FROM ${VERSIONS}` },
      { code: 403 },
    ],
    [
      "cannot read it under another spelling",
      { query: "SELECT COUNT(*) AS n FROM `cloudact-testing-1`.integrations.`versions`" },
      { code: 403 },
    ],
    [
      "cannot change what it may append to",
      { query: `UPDATE ${VERSIONS} SET result = NULL WHERE TRUE` },
      { code: 403, message: expect.stringContaining("bigquery.tables.updateData denied") },
    ],
    ["cannot delete", { query: `DELETE FROM ${VERSIONS} WHERE TRUE` }, { code: 403 }],
    [
      "cannot merge",
      {
        query: `MERGE ${VERSIONS} v USING (SELECT 'e' AS event_id) s ON v.event_id = s.event_id WHEN MATCHED THEN DELETE`,
      },
      { code: 403 },
    ],
    ["cannot empty a table", { query: `TRUNCATE TABLE ${VERSIONS}` }, { code: 403 }],
    [
      "cannot create a view of its own",
      { query: `CREATE VIEW \`cloudact-testing-1.integrations.mine\` AS SELECT 1 AS n` },
      { code: 403 },
    ],
    [
      "cannot ask for what it does not name rightly either",
      { query: "SELECT 1 FROM `elsewhere.integrations.versions`" },
      { code: 403 },
    ],
  ];
  let sim: BigQuerySim;
  beforeAll(async () => {
    sim = await another({
      allows: (identity, { service, resource, action }) =>
        identity === setup && service === "bigquery" && (rights[resource] ?? []).includes(action),
    });
  });

  test.each(cases)("a caller %s", async (_, query, refused) => {
    const seen = await ask(query, {}, clientOf(sim, setup));
    if (refused === null) expect(seen.code).toBeUndefined();
    else expect(seen).toMatchObject(refused);
  });

  test("a caller without a token of the bench is 401, one without any right 403 on jobs.create", async () => {
    expect(await ask(read("acme"), {}, clientOf(sim, null))).toMatchObject({ code: 401 });
    expect(
      await ask(read("acme"), {}, clientOf(sim, "int-other@cloudact-testing-1.iam.gserviceaccount.com")),
    ).toMatchObject({ code: 403, reason: "accessDenied", message: expect.stringContaining("bigquery.jobs.create") });
  });

  test("tables are described, listed, streamed to and created by those who may", async () => {
    const by = clientOf(sim, setup);
    const heads = by.dataset("integrations").table("heads");
    const asked = [
      heads.getMetadata(),
      heads.getRows(),
      by.dataset("integrations").createTable("mine", {}),
      by.dataset("integrations").table("versions").getRows(),
    ];
    const seen = await Promise.all(asked.map((one) => one.then(() => ({ code: 200 }), failure)));
    expect(seen.map((one) => one.code)).toEqual([403, 200, 403, 403]);
  });

  test("what arrived is known by text, kind, caller and tables, in order", async () => {
    await sim.reset();
    await ask({ ...read("acme"), labels: { statement: "read" } }, {}, clientOf(sim, setup));
    await ask(
      { query: `INSERT INTO ${VERSIONS} (event_id) SELECT event_id FROM ${VIEW} WHERE FALSE` },
      {},
      clientOf(sim, setup),
    );
    await ask(cas("acme", 7, "e"), {}, clientOf(sim, setup));
    expect(sim.statements()).toEqual([
      {
        sql: READ,
        kind: "SELECT",
        identity: setup,
        tables: [{ name: "integrations.heads", action: "read" }],
        labels: { statement: "read" },
      },
      {
        sql: expect.stringContaining("INSERT"),
        kind: "INSERT",
        identity: setup,
        tables: [
          { name: "integrations.versions", action: "append" },
          { name: "organizations.integration_versions", action: "read" },
        ],
        labels: {},
      },
      {
        sql: CAS,
        kind: "UPDATE",
        identity: setup,
        tables: [
          { name: "integrations.heads", action: "change" },
          { name: "integrations.heads", action: "read" },
        ],
        labels: {},
      },
    ]);
  });
});

describe("statements held between their snapshot and their commit", () => {
  /** The next statement of that kind is sent and stopped there; `end` lets it go on and tells what came of it. */
  async function held(kind: Kind, query: Query): Promise<{ end(): Promise<Seen> }> {
    const hold = bigquery.faults.hold({ kind });
    const asked = ask(query);
    await hold.arrived;
    return {
      async end() {
        hold.release();
        await hold.done;
        return asked;
      },
    };
  }

  test("two UPDATEs that compare and set: the one held first finds the row changed, and only one is acknowledged", async () => {
    await ask(insert("acme", 0, "e0"));
    const first = await held("UPDATE", cas("acme", 0, "first"));
    expect(await ask(cas("acme", 0, "second"))).toMatchObject({ affected: 1 });
    expect(await first.end()).toMatchObject({ affected: 0 });
    expect(await headsOf("acme")).toMatchObject([{ seq: 1, event_id: "second" }]);
  });

  test("two UPDATEs held at once: whichever commits first is the only one acknowledged", async () => {
    await ask(insert("acme", 0, "e0"));
    const first = await held("UPDATE", cas("acme", 0, "first"));
    const second = await held("UPDATE", cas("acme", 0, "second"));
    expect(await second.end()).toMatchObject({ affected: 1 });
    expect(await first.end()).toMatchObject({ affected: 0 });
    expect(await headsOf("acme")).toMatchObject([{ event_id: "second" }]);
  });

  test("a change of another row of the table is a conflict too: the statement runs anew and succeeds", async () => {
    await ask(insert("acme", 0, "e0"));
    await ask(insert("globex", 0, "e0"));
    const first = await held("UPDATE", cas("acme", 0, "first"));
    expect(await ask(cas("globex", 0, "other"))).toMatchObject({ affected: 1 });
    await ask(insert("acme", 0, "late")); // seen by the second run, which takes the table as it is
    expect(await first.end()).toMatchObject({ affected: 2 });
  });

  test("an UPDATE does not see rows that were inserted after its snapshot, and they are there afterwards", async () => {
    await ask(insert("acme", 0, "e0"));
    const first = await held("UPDATE", cas("acme", 0, "first"));
    expect(await ask(insert("acme", 0, "late"))).toMatchObject({ affected: 1 });
    expect(await ask(insert("acme", 9, "later"))).toMatchObject({ affected: 1 });
    expect(await first.end()).toMatchObject({ affected: 1 });
    expect(await headsOf("acme")).toMatchObject([{ event_id: "late" }, { event_id: "first" }, { event_id: "later" }]);
  });

  test("an UPDATE that changed nothing is no conflict for one that is held", async () => {
    await ask(insert("acme", 0, "e0"));
    const first = await held("UPDATE", cas("acme", 0, "first"));
    expect(await ask(cas("acme", 7, "none"))).toMatchObject({ affected: 0 });
    await ask(insert("acme", 5, "late"));
    expect(await first.end()).toMatchObject({ affected: 1 }); // MAX(seq) as it was at its snapshot
  });

  test("an UPDATE reads other tables as they were at its snapshot", async () => {
    await ask(insert("acme", 0, "e0"));
    const query = `UPDATE ${HEADS} SET consecutive_failures = (SELECT COUNT(*) FROM ${KEYS}) WHERE org_slug = @org`;
    const first = await held("UPDATE", { query, params: { org: "acme" } });
    await bigquery.admin(
      "INSERT INTO `integrations.org_keys` SELECT 'k', 'o', 'live', 'read', 'n', FROM_BASE64(''), '1', FALSE, CURRENT_TIMESTAMP(), 'k', NULL, NULL, NULL",
    );
    expect(await first.end()).toMatchObject({ affected: 1 });
    expect(await bigquery.admin("SELECT consecutive_failures AS n FROM `integrations.heads`")).toEqual([{ n: 0 }]);
    expect(await bigquery.admin("SELECT COUNT(*) AS n FROM `integrations.org_keys`")).toEqual([{ n: 1 }]);
  });

  test("a DELETE that conflicts runs anew; one that does not spares what was inserted since", async () => {
    const remove: Query = { query: `DELETE FROM ${HEADS} WHERE org_slug = @org`, params: { org: "acme" } };
    await ask(insert("acme", 0, "e0"));
    const first = await held("DELETE", remove);
    await ask(insert("acme", 0, "late"));
    expect(await first.end()).toMatchObject({ affected: 1 });
    expect(await headsOf("acme")).toMatchObject([{ event_id: "late" }]);
    const second = await held("DELETE", remove);
    await ask(cas("acme", 0, "changed"));
    await ask(insert("acme", 0, "later"));
    expect(await second.end()).toMatchObject({ affected: 2 });
    expect(await headsOf("acme")).toEqual([]);
  });

  test("INSERT … WHERE MAX(seq) = @n is broken: two writers who expect the same are both acknowledged", async () => {
    const append = (event: string): Query => ({
      query: `${INSERT.replace("@seq", "@seq + 1")} FROM (SELECT MAX(seq) AS last FROM ${HEADS} WHERE org_slug = @org) WHERE last = @seq`,
      params: { org: "acme", seq: 0, event },
    });
    await ask(insert("acme", 0, "e0"));
    const first = await held("INSERT", append("first"));
    expect(await ask(append("second"))).toMatchObject({ affected: 1 });
    expect(await first.end()).toMatchObject({ affected: 1 });
    expect(await headsOf("acme")).toMatchObject([{ seq: 0 }, { seq: 1 }, { seq: 1 }]);
    expect(await ask(append("third"))).toMatchObject({ affected: 0 }); // one after the other it would have held
  });

  const merge = (event: string): Query => ({
    query: `MERGE ${HEADS} h USING (SELECT @org AS org, @event AS event) s ON h.org_slug = s.org
      WHEN MATCHED THEN UPDATE SET event_id = s.event
      WHEN NOT MATCHED THEN INSERT (org_slug, provider, seq, event_id, op, credential_id, credential_type, credential_name,
        metadata, enabled, validation_status, consecutive_failures, created_at, updated_at, created_by)
        VALUES (org, 'OPENAI', 1, event, 'setup', 'c', 'api_key', 'n', PARSE_JSON('{}'), TRUE, 'PENDING', 0,
        CURRENT_TIMESTAMP(), CURRENT_TIMESTAMP(), 'k')`,
    params: { org: "acme", event },
  });

  test("two concurrent first MERGEs both insert", async () => {
    const first = await held("MERGE", merge("first"));
    const second = await held("MERGE", merge("second"));
    expect(await second.end()).toMatchObject({
      affected: 1,
      reply: { dmlStats: { insertedRowCount: "1", updatedRowCount: "0" } },
    });
    expect(await first.end()).toMatchObject({ affected: 1 });
    expect(await headsOf("acme")).toMatchObject([{ event_id: "first" }, { event_id: "second" }]);
  });

  test("a MERGE that updates conflicts as an UPDATE does, and one after the other they do not insert twice", async () => {
    await ask(merge("zero"));
    const first = await held("MERGE", merge("first"));
    expect(await ask(merge("second"))).toMatchObject({
      affected: 1,
      reply: { dmlStats: { insertedRowCount: "0", updatedRowCount: "1" } },
    });
    expect(await first.end()).toMatchObject({ affected: 1, reply: { dmlStats: { updatedRowCount: "1" } } });
    expect(await headsOf("acme")).toMatchObject([{ event_id: "first" }]);
    const update = await held("UPDATE", cas("acme", 1, "third"));
    await ask(merge("fourth"));
    expect(await update.end()).toMatchObject({ affected: 1 });
    expect(await headsOf("acme")).toMatchObject([{ seq: 2, event_id: "third" }]);
  });

  test("a SELECT answers what it read when it was held", async () => {
    await ask(insert("acme", 0, "e0"));
    const first = await held("SELECT", read("acme"));
    await ask(cas("acme", 0, "e1"));
    expect(await first.end()).toMatchObject({ rows: [{ seq: 0 }] });
  });

  test("a statement that fails when it is held fails when it is released, and leaves nothing", async () => {
    await ask(insert("acme", 0, "e0"));
    const first = await held("INSERT", { query: `INSERT INTO ${HEADS} (org_slug) SELECT 'acme'` });
    await ask(insert("acme", 1, "e1"));
    expect(await first.end()).toMatchObject({ code: 400, reason: "invalidQuery" });
    const second = await held("UPDATE", { query: `UPDATE ${HEADS} SET op = NULL WHERE TRUE` });
    await ask(insert("acme", 2, "e2"));
    expect(await second.end()).toMatchObject({ code: 400 });
    expect(await headsOf("acme")).toHaveLength(3);
  });

  test.each([
    ["arrival", 0, 1],
    ["reply", 1, 1],
  ] as const)("one held at its %s has changed %i rows by then", async (at, whileHeld, afterwards) => {
    const hold = bigquery.faults.hold({ kind: "INSERT" }, at);
    const asked = ask(insert("acme", 0, "e0"));
    await hold.arrived;
    expect(await headsOf("acme")).toHaveLength(whileHeld);
    hold.release();
    expect(await asked).toMatchObject({ affected: 1 });
    expect(await headsOf("acme")).toHaveLength(afterwards);
  });

  test("two mutating statements run at once on a table, twenty wait, the next is refused; INSERTs never wait", async () => {
    await ask(insert("acme", 0, "e0"));
    const holds = [await held("UPDATE", cas("acme", 0, "a")), await held("UPDATE", cas("acme", 0, "b"))];
    const waiting = Array.from({ length: 20 }, (_, at) => ask(cas("acme", 0, `w${at}`)));
    await expect.poll(() => bigquery.statements().length, PATIENT).toBe(23);
    expect(await ask(cas("acme", 0, "late"))).toMatchObject({
      code: 400,
      reason: "invalidQuery",
      message: expect.stringContaining("Too many DML statements outstanding"),
    });
    expect(await ask(insert("globex", 0, "e0"))).toMatchObject({ affected: 1 });
    const ended = await Promise.all([...holds.map((one) => one.end()), ...waiting]);
    expect(ended.map((one) => one.affected).sort()).toEqual([...Array.from({ length: 21 }, () => 0), 1]);
  });

  test("clearing lets held statements go on, and tells who waits that none has arrived", async () => {
    const never = bigquery.faults.hold({ kind: "DELETE" });
    const first = await held("INSERT", insert("acme", 0, "e0"));
    bigquery.faults.clear();
    expect(await first.end()).toMatchObject({ affected: 1 });
    await expect(never.arrived).rejects.toThrow("no statement had arrived");
  });
});

describe("the simulator", () => {
  test("holds the tables of the schema files, all columns of versions but the ciphertext in the view, and nothing else", async () => {
    const columns = await bigquery.admin("SELECT * FROM `integrations.heads`");
    expect(columns).toEqual([]);
    await bigquery.admin(
      "INSERT INTO `integrations.versions` (event_id, org_slug, provider, seq, op, credential_id, credential_type, encrypted_credential, credential_name, metadata, request_id, changed_at, changed_by) SELECT 'e', 'o', 'p', 1, 'setup', 'c', 'api_key', FROM_BASE64('AAAA'), 'n', PARSE_JSON('{}'), 'r', CURRENT_TIMESTAMP(), 'k'",
    );
    const [row] = await bigquery.admin("SELECT * FROM `organizations.integration_versions`");
    const [all] = await bigquery.admin("SELECT * FROM `integrations.versions`");
    expect(Object.keys(row ?? {})).toEqual(Object.keys(all ?? {}).filter((name) => name !== "encrypted_credential"));
  });

  test("reset empties every table and forgets faults, statements and jobs", async () => {
    await ask(insert("acme", 0, "e0"));
    await bigquery.admin("CREATE TABLE `integrations.extra` AS SELECT 1 AS n");
    bigquery.faults.next({}, "unavailable", 3);
    await bigquery.reset();
    expect(await headsOf("acme")).toEqual([]);
    expect(await bigquery.admin("SELECT COUNT(*) AS n FROM `integrations.extra`")).toEqual([{ n: 0 }]);
    expect([bigquery.faults.waiting(), bigquery.faults.struck().length, bigquery.statements().length]).toEqual([
      0, 0, 1,
    ]);
    await bigquery.admin("DROP TABLE `integrations.extra`");
  });

  test("a statement that began before a reset does not write after it", async () => {
    for (const at of ["arrival", "snapshot"] as const) {
      const hold = bigquery.faults.hold({ kind: "INSERT" }, at);
      const asked = ask(insert("acme", 0, "e0"));
      await hold.arrived;
      await bigquery.reset();
      expect(await asked).toMatchObject({ code: 503 });
      expect(await headsOf("acme")).toEqual([]);
    }
    bigquery.faults.next({ kind: "INSERT" }, { kind: "slow", ms: 50 });
    const asked = ask(insert("acme", 0, "e0"));
    await expect.poll(() => bigquery.faults.struck().length, PATIENT).toBe(1);
    await bigquery.reset();
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
    for (const sql of tried) await expect(bigquery.admin(sql)).rejects.toThrow(/disabled|Permission|not/i);
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
