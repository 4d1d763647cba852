import { randomUUID } from "node:crypto";
import { parse } from "sql-parser-cst";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { statements } from "../../../shared/adapters/cloud/bigquery-store.ts";
import type { Head } from "../../../shared/contract/rows.ts";
import { change, check, headColumns, hour, minute, T0, validation, version } from "../../ports/stored-rows.ts";
import { type BigQueryBench, project, type Store, startBench } from "./bigquery-bench.ts";
import { callsOf, grant, nothing, orgKey, pair } from "./bigquery-calls.ts";
import { type Relay, startRelay } from "./bigquery-relay.ts";

const places = { project, ledgerDataset: "integrations", viewsDataset: "organizations" };
const listed = statements(places);

let bench: BigQueryBench;
let store: Store;
let relay: Relay;
const sent: string[] = [];
const corrupt: string[] = [];
beforeAll(async () => {
  bench = await startBench();
  relay = await startRelay(bench.sim.endpoint);
  store = bench.open({
    apiEndpoint: relay.endpoint,
    onStatement: (name) => sent.push(name),
    onCorrupt: (row) => corrupt.push(`${row.statement} ${row.org_slug} ${row.provider}`),
  });
});
afterEach(async () => {
  await bench.sim.reset();
  for (const list of [sent, corrupt, relay.passed]) list.length = 0;
  relay.reply = (body) => body;
});
afterAll(async () => {
  await relay.close();
  await bench.close();
});

const at = (table: string) => `\`integrations.${table}\``;

describe("what is sent", () => {
  test("every method is one statement, the one that stands in the list under its name", async () => {
    const head = await change(store, pair);
    const calls = callsOf(store, head);
    for (const [name, call] of calls) {
      sent.length = 0;
      relay.passed.length = 0;
      await call();
      expect(sent).toEqual([name]);
      expect(relay.passed.map(({ method, body }) => [method, body["query"]])).toEqual([["POST", listed[name]]]);
    }
    expect(calls.map(([name]) => name).sort()).toEqual(Object.keys(listed).sort());
    expect(calls).toHaveLength(Object.keys(store).filter((name) => name !== "close").length);
  });

  test.each(Object.entries(listed))("%s is BigQuery SQL, and names tables in full and in backticks", (_, sql) => {
    const program = parse(sql, { dialect: "bigquery", paramTypes: ["@name"] });
    expect(program.statements).toHaveLength(1);
    const tables = [...sql.matchAll(/`([^`]*)`/g)].map((found) => found[1]);
    expect(tables.length).toBeGreaterThan(0);
    for (const name of tables) expect(name).toMatch(/^cloudact-testing-1\.(?:integrations|organizations)\.[a-z_]+$/);
    // Where a number is wider than BigQuery's JSON holds, PARSE_JSON without this fails; the emulator never does.
    expect(sql.match(/PARSE_JSON\(/g)?.length).toBe(sql.match(/, wide_number_mode => 'round'\)/g)?.length);
    expect(sql, "functions that treat NULL or time differently elsewhere").not.toMatch(
      /\b(?:LEAST|GREATEST|CURRENT_TIMESTAMP|ANY_VALUE)\b/,
    );
  });

  test("a request says all that BigQuery would otherwise decide for itself", async () => {
    await store.readHead(pair);
    const [first] = relay.passed;
    expect(first?.url).toBe(`/bigquery/v2/projects/${project}/queries?prettyPrint=false`);
    expect(first?.body).toEqual({
      query: listed["read_head"],
      labels: { statement: "read_head" },
      useLegacySql: false,
      location: "US",
      requestId: expect.stringMatching(/^[0-9a-f-]{36}$/),
      parameterMode: "NAMED",
      queryParameters: [
        { name: "org_slug", parameterType: { type: "STRING" }, parameterValue: { value: "acme" } },
        { name: "provider", parameterType: { type: "STRING" }, parameterValue: { value: "OPENAI" } },
      ],
      useQueryCache: false,
      jobCreationMode: "JOB_CREATION_OPTIONAL",
      formatOptions: { useInt64Timestamp: true },
      timeoutMs: expect.any(Number),
    });
  });

  test("no value reaches the text of a statement, and none is NULL", async () => {
    const canary = "canary' OR 1=1 -- `";
    const of = { org_slug: canary, provider: canary };
    const head: Head = { ...of, seq: 0, event_id: canary, ...headColumns({ credential_id: canary }) };
    const calls: Array<Promise<unknown>> = [
      store.readHead(of),
      store.readHeads(canary),
      store.readHolders(canary, canary),
      store.readSealed(of),
      store.readOpening(of, { idempotencyKeyHash: canary, eventId: canary, now: T0 }),
      store.placeHeads([of], T0),
      store.appendVersions([version(of, { seq: 1, prev_event_id: canary, metadata: { [canary]: canary } })]),
      store.advanceHead({ ...of, expected_seq: 0, event_id: canary, set: headColumns({ credential_name: canary }) }),
      store.readHistory(of, { limit: 3, before: null }),
      store.readDue({ now: T0, limit: 3, org: canary, shard: null, after: null }),
      store.appendValidations([validation(head)]),
      store.recordChecks([check(head)]),
      store.readTaken([check(head)]),
      store.markReported(canary, T0),
      store.readDueDeactivations(T0, 3, canary),
      store.readSealedElsewhere({ keyVersion: canary, limit: 3, after: of }),
      store.addKey(orgKey({ key_id: canary })),
      store.findKey(canary),
      store.revokeKey(canary, T0, canary),
      store.addGrant(grant({ subject: canary, org_slugs: [canary] })),
      store.grantsOf(canary),
      store.listGrants(canary),
      store.revokeGrant(canary, T0, canary),
    ];
    await Promise.all(calls);
    const texts = new Set(Object.values(listed));
    expect(relay.passed.length).toBeGreaterThanOrEqual(calls.length);
    for (const { body } of relay.passed) {
      expect(texts.has(String(body["query"]))).toBe(true);
      const { queryParameters, ...rest } = body;
      expect(JSON.stringify(rest)).not.toContain("canary");
      expect(JSON.stringify(queryParameters)).not.toMatch(/"value":(?!")/);
    }
    expect((await store.grantsOf(canary))[0]?.org_slugs).toEqual([canary]);
  });

  test("a request larger than BigQuery takes is refused before it is sent, as a mistake of ours", async () => {
    const made = version(pair, { seq: 1, prev_event_id: null, encrypted_credential: Buffer.alloc(7_600_000) });
    await expect(store.appendVersions([made])).rejects.toMatchObject({ code: "internal" });
    expect(relay.passed).toEqual([]);
  });

  test("a statement that would name a row twice is refused before it is sent", async () => {
    const head = await change(store, pair);
    relay.passed.length = 0;
    const twice = { ...pair, expected_seq: 1, event_id: "e", set: headColumns() };
    await expect(store.advanceHeads([twice, { ...twice }])).rejects.toThrow(TypeError);
    await expect(store.recordChecks([check(head), check(head)])).rejects.toThrow(TypeError);
    expect(relay.passed).toEqual([]);
  });
});

describe("what is stored is what was given", () => {
  const texts = [
    "{{projectId}} and \\{{projectId}}",
    "'\"`\\ \n\r\t -- /* */ @org_slug $1 %s \\u007b",
    "ümläut 🗝️ \u2028\u2029\u0085 ﷽",
    "x".repeat(70_000),
  ];
  test.each(texts)("a text %#", async (text) => {
    const metadata = { [text.slice(0, 60)]: text, list: [text, { text }] };
    const set = headColumns({ credential_name: text, metadata, created_by: text });
    const result = { status: 201, body: { text, [text.slice(0, 60)]: [text] }, etag: text };
    const made = version(pair, { seq: 1, prev_event_id: null, idempotency_key_hash: "k", result });
    await store.placeHeads([pair], T0);
    await store.appendVersions([made]);
    await store.advanceHead({ ...pair, expected_seq: 0, event_id: made.event_id, set });
    expect(await store.readHead(pair)).toEqual({ ...pair, seq: 1, event_id: made.event_id, ...set });
    expect((await store.readOpening(pair, { ...nothing, idempotencyKeyHash: "k" })).replay?.result).toEqual(result);
  });

  test("a number as JavaScript knows it, however wide", async () => {
    const numbers = [0.1, 0.1 + 0.2, 1 / 3, 1e21, -1.5e-7, 5e-324, 1.7976931348623157e308, 2 ** 53, 2 ** 64, 123456.78];
    const head = await change(store, pair, { head: { metadata: { numbers } } });
    expect(head.metadata).toEqual({ numbers });
  });

  test("half of a surrogate pair, which no JSON of a store need take, becomes the replacement character", async () => {
    const head = await change(store, pair, {
      head: { credential_name: "a\ud800b", metadata: { a: "\udc00", "\\ud800": 1 } },
    });
    expect(head).toMatchObject({ credential_name: "a\ufffdb", metadata: { a: "\ufffd", "\\ud800": 1 } });
  });

  test.each([0, 1, 48, 65_536])("ciphertext of %i bytes", async (size) => {
    const ciphertext = Buffer.alloc(size, 0xfb);
    await change(store, pair, { version: { encrypted_credential: ciphertext } });
    expect((await store.readSealed(pair))?.encrypted_credential).toEqual(ciphertext);
  });

  test("a reply that BigQuery cuts into pages is read to its end", async () => {
    const ciphertext = Buffer.alloc(65_536, 7);
    const pairs = Array.from({ length: 250 }, (_, index) => ({ org_slug: "acme", provider: `custom-${index}` }));
    await store.placeHeads(pairs, T0);
    const made = pairs.map((one) => version(one, { seq: 1, prev_event_id: null, encrypted_credential: ciphertext }));
    for (let from = 0; from < made.length; from += 25) await store.appendVersions(made.slice(from, from + 25));
    await store.advanceHeads(
      made.map(({ event_id, org_slug, provider }) => {
        const set = headColumns({ secret_event_id: event_id, next_due_at: T0 });
        return { org_slug, provider, expected_seq: 0, event_id, set };
      }),
    );
    relay.passed.length = 0;
    const page = await store.readDue({ now: minute(1), limit: 500, org: null, shard: null, after: null });
    expect(page.rows).toHaveLength(250);
    expect(page.rows.every((row) => row.encrypted_credential?.equals(ciphertext))).toBe(true);
    expect(relay.passed.map(({ method }) => method)).toEqual(["POST", "GET"]);
  });
});

describe("a row that is not what it must be", () => {
  const readers: Array<[string, () => Promise<unknown>]> = [
    ["readHead", () => store.readHead(pair)],
    ["readSealed", () => store.readSealed(pair)],
    ["readOpening", () => store.readOpening(pair, nothing)],
  ];
  const gemini = { org_slug: "acme", provider: "GEMINI" };
  const soon = { next_due_at: T0, deactivation_scheduled_at: hour(1) };
  const damage = (set: string) => bench.sim.admin(`UPDATE ${at("heads")} SET ${set} WHERE provider = 'OPENAI'`);
  const due = { now: minute(1), limit: 10, org: null, shard: null, after: null };

  test.each([
    ["metadata that is a list", "metadata = PARSE_JSON('[]')"],
    ["metadata that is a text", "metadata = PARSE_JSON('\"canary\"')"],
    ["an unknown status", "validation_status = 'canary'"],
    ["an unknown op", "op = 'steal'"],
    ["a negative count", "consecutive_failures = -1"],
    ["a count beyond what JavaScript holds", "consecutive_failures = 9007199254740993"],
  ])("%s is an integrity fault for that row, and the others are read", async (_, set) => {
    await change(store, pair, { head: soon });
    const good = await change(store, gemini, { head: soon });
    await damage(set);
    for (const [, read] of readers) {
      const fault: Error = await read().then(
        () => new Error("was read"),
        (error) => error,
      );
      expect(fault).toMatchObject({ code: "integrity" });
      expect(`${fault.message} ${String(fault.cause)}`).not.toMatch(/canary|SELECT/);
    }
    expect(await store.readHeads("acme")).toEqual({ heads: [good], corrupt: ["OPENAI"] });
    expect(corrupt).toEqual(["read_heads acme OPENAI"]);
    expect((await store.readDue(due)).rows.map((row) => row.head)).toEqual([good]);
    expect(
      (await store.readDueDeactivations(hour(2), 10, null)).filter(({ provider }) => provider === "GEMINI"),
    ).toEqual([good]);
  });

  test("two heads of one pair with one seq and different events are an integrity fault for that pair", async () => {
    await change(store, pair);
    const good = await change(store, gemini);
    await bench.sim.admin(
      `INSERT INTO ${at("heads")} SELECT * REPLACE ('another' AS event_id) FROM ${at("heads")} WHERE provider = 'OPENAI'`,
    );
    for (const [, read] of readers) await expect(read()).rejects.toMatchObject({ code: "integrity" });
    expect(await store.readHeads("acme")).toEqual({ heads: [good], corrupt: ["OPENAI"] });
    expect(corrupt).toEqual(["read_heads acme OPENAI"]);
  });

  test("two identical heads of one pair are no fault, and are one", async () => {
    const head = await change(store, pair, { head: soon });
    await bench.sim.admin(`INSERT INTO ${at("heads")} SELECT * FROM ${at("heads")}`);
    expect(await store.readHead(pair)).toEqual(head);
    expect(await store.readHeads("acme")).toEqual({ heads: [head], corrupt: [] });
    expect(await store.readDue(due)).toMatchObject({ rows: [{ head }], due_total: 1 });
    expect(await store.readDueDeactivations(hour(2), 10, null)).toEqual([head]);
    expect((await store.readSealedElsewhere({ keyVersion: "2", limit: 5, after: null })).total).toBe(1);
  });

  test.each(['{"outcome":"canary"}', '"canary"', "[]", '{"outcome":"valid"}', "null"])(
    "a verdict that reads %s is read as none, and the next check writes a readable one",
    async (verdict) => {
      const head = await change(store, pair, { head: soon });
      await damage(`verdict = PARSE_JSON('${verdict}')`);
      const without = { ...head, verdict: null };
      expect(await store.readHead(pair)).toEqual(without);
      expect((await store.readDue(due)).rows.map((row) => row.head)).toEqual([without]);
      expect(await store.recordChecks([check(without)])).toBe(1);
      expect((await store.readHead(pair))?.verdict).toEqual(head.verdict);
      expect(corrupt).toEqual([]);
    },
  );

  test("a time that is finer than a millisecond is read as the millisecond, and pages go on behind it", async () => {
    const pairs = ["custom-a", "custom-b", "custom-c"].map((provider) => ({ org_slug: "acme", provider }));
    for (const one of pairs) await change(store, one, { head: { next_due_at: T0 } });
    await bench.sim.admin(
      `UPDATE ${at("heads")} SET next_due_at = TIMESTAMP('2026-08-22T12:00:00.000789Z') WHERE TRUE`,
    );
    const seen: string[] = [];
    for (let after = null, pages = 0; pages < 6; pages += 1) {
      const page: Awaited<ReturnType<Store["readDue"]>> = await store.readDue({ ...due, limit: 1, after });
      for (const { head } of page.rows) seen.push(`${head.provider} ${head.next_due_at}`);
      after = page.next;
      if (after === null) break;
    }
    expect(seen.sort()).toEqual(pairs.map(({ provider }) => `${provider} ${T0}`));
  });

  test("a page of due rows none of which can be read still leads to the next one", async () => {
    for (const provider of ["custom-a", "custom-b", "custom-c"])
      await change(store, { org_slug: "acme", provider }, { head: { next_due_at: T0 } });
    await bench.sim.admin(`UPDATE ${at("heads")} SET metadata = PARSE_JSON('1') WHERE TRUE`);
    const first = await store.readDue({ ...due, limit: 2 });
    expect([first.rows, first.due_total, first.next === null]).toEqual([[], 3, false]);
    expect((await store.readDue({ ...due, limit: 2, after: first.next })).next).toBeNull();
  });

  test("a replay whose kept answer cannot be read is an integrity fault, and the history is read without it", async () => {
    const result = { status: 200, body: {}, etag: "e" };
    await change(store, pair, { version: { idempotency_key_hash: "k", result } });
    await bench.sim.admin(`UPDATE ${at("versions")} SET result = PARSE_JSON('{"status":"canary"}') WHERE TRUE`);
    await expect(store.readOpening(pair, { ...nothing, idempotencyKeyHash: "k" })).rejects.toMatchObject({
      code: "integrity",
    });
    expect((await store.readHistory(pair, { limit: 5, before: null })).items).toHaveLength(1);
  });
});

describe("what stands there more than once, or elsewhere", () => {
  const beta = { org_slug: "beta", provider: "OPENAI" };

  test("two placeholders are no fault, whatever made them, and their event is never effective", async () => {
    await store.placeHeads([pair], T0);
    await bench.sim.admin(
      `INSERT INTO ${at("heads")} SELECT * REPLACE ('another' AS event_id) FROM ${at("heads")} WHERE TRUE`,
    );
    const opening = await store.readOpening(pair, { ...nothing, eventId: "placeholder" });
    expect([opening.head?.seq, opening.effective]).toEqual([0, false]);
  });

  test("a ciphertext that stands twice, once of them purged, is read wherever it is read", async () => {
    const head = await change(store, pair, { head: { next_due_at: T0 } });
    const ciphertext = (await store.readSealed(pair))?.encrypted_credential;
    await bench.sim.admin(
      `INSERT INTO ${at("versions")} SELECT * REPLACE (CAST(NULL AS BYTES) AS encrypted_credential) FROM ${at("versions")}`,
    );
    const row = { head, encrypted_credential: ciphertext };
    expect(await store.readSealed(pair)).toEqual(row);
    const due = await store.readDue({ now: minute(1), limit: 10, org: null, shard: null, after: null });
    expect([due.rows, due.due_total]).toEqual([[row], 1]);
    expect(await store.readSealedElsewhere({ keyVersion: "2", limit: 10, after: null })).toMatchObject({
      rows: [row],
      total: 1,
    });
    expect(await store.countByKeyVersion()).toEqual([{ key_version: "1", current: 1, other: 0 }]);
    expect((await store.readHistory(pair, { limit: 10, before: null })).items).toHaveLength(1);
  });

  test("a head and a version that stand twice each are one row elsewhere", async () => {
    const head = await change(store, pair);
    for (const table of ["heads", "versions"])
      await bench.sim.admin(`INSERT INTO ${at(table)} SELECT * FROM ${at(table)}`);
    expect(await store.readSealedElsewhere({ keyVersion: "2", limit: 10, after: null })).toMatchObject({
      rows: [{ head }],
      total: 1,
    });
    expect(await store.purgeSuperseded(hour(99))).toBe(0);
    await change(store, pair, { version: { op: "delete" } });
    expect(await store.purgeDeleted(), "both rows lose theirs").toBe(2);
  });

  test("a key that was used for two other providers is found at the newer one", async () => {
    const key = { idempotency_key_hash: "k", result: { status: 201, body: {}, etag: "e" } };
    await change(store, { ...pair, provider: "GEMINI" }, { version: { ...key, changed_at: minute(2) } });
    await change(store, { ...pair, provider: "GROQ" }, { version: { ...key, changed_at: minute(1) } });
    const { replay } = await store.readOpening(pair, { ...nothing, idempotencyKeyHash: "k" });
    expect(replay?.provider).toBe("GEMINI");
  });

  test("a change before a secret supersedes it not, however old it is, and one without effect has its own day", async () => {
    await change(store, pair, { version: { changed_at: T0 } });
    const second = await change(store, pair, { version: { changed_at: hour(10) } });
    const inert = version(pair, { seq: 2, prev_event_id: null, changed_at: hour(40) });
    await store.appendVersions([inert]);
    const third = await change(store, pair, { version: { changed_at: hour(20) } });
    expect(await store.purgeSuperseded(hour(35)), "the first").toBe(1);
    expect(await store.purgeSuperseded(hour(50)), "the second").toBe(1);
    const left = await bench.sim.admin(`SELECT event_id FROM ${at("versions")} WHERE encrypted_credential IS NOT NULL`);
    expect(left.map((row) => row["event_id"]).sort()).toEqual([inert.event_id, third.event_id].sort());
    expect(second.event_id).not.toBe(third.event_id);
  });

  test("openings and changes of several organisations go in one statement, whatever their order", async () => {
    const zeta = { org_slug: "zeta", provider: "GEMINI" };
    await change(store, beta);
    await store.placeHeads([zeta, pair], T0);
    const changes = [zeta, beta, pair].map((one) => ({
      ...one,
      expected_seq: one === beta ? 1 : 0,
      event_id: randomUUID(),
      set: headColumns(),
    }));
    await store.advanceHeads(changes);
    const openings = await store.readOpenings(
      changes.map((one) => ({ ...one, idempotencyKeyHash: null, eventId: one.event_id })),
      T0,
    );
    expect(openings.map(({ head, effective }) => [head?.org_slug, head?.seq, effective])).toEqual([
      ["zeta", 1, true],
      ["beta", 2, true],
      ["acme", 1, true],
    ]);
  });

  test("a check that names the credential of another organisation touches neither", async () => {
    const mine = await change(store, pair);
    const theirs = await change(store, beta, { head: { credential_id: mine.credential_id } });
    expect(await store.recordChecks([check({ ...mine, org_slug: "gamma" }, { status: "INVALID" })])).toBe(0);
    expect([await store.readHead(pair), await store.readHead(beta)]).toEqual([mine, theirs]);
  });
});

describe("keys and grants whose addition was repeated", () => {
  test("an addition that is sent again adds no row", async () => {
    for (let times = 0; times < 2; times += 1) {
      await store.addKey(orgKey());
      await store.addGrant(grant());
    }
    expect(await bench.sim.admin(`SELECT key_id FROM ${at("org_keys")}`)).toHaveLength(1);
    expect(await bench.sim.admin(`SELECT grant_id FROM ${at("decrypt_grants")}`)).toHaveLength(1);
  });

  test("a key that stands twice is one, and is revoked where either is", async () => {
    const key = orgKey();
    await store.addKey(key);
    await bench.sim.admin(`INSERT INTO ${at("org_keys")} SELECT * FROM ${at("org_keys")}`);
    expect(await store.listKeys("acme")).toEqual([key]);
    expect(await store.revokeKey("k", minute(1), "ann")).toBe(true);
    await bench.sim.admin(
      `INSERT INTO ${at("org_keys")} SELECT * REPLACE (CAST(NULL AS TIMESTAMP) AS revoked_at, CAST(NULL AS STRING) AS revoked_by) FROM ${at("org_keys")} LIMIT 1`,
    );
    const revoked = { ...key, revoked_at: minute(1), revoked_by: "ann" };
    expect(await store.findKey("k")).toEqual(revoked);
    expect(await store.listKeys("acme")).toEqual([revoked]);
  });

  test("a grant that stands twice is one, and is revoked where either is", async () => {
    await store.addGrant(grant());
    await bench.sim.admin(`INSERT INTO ${at("decrypt_grants")} SELECT * FROM ${at("decrypt_grants")}`);
    await bench.sim.admin(
      `INSERT INTO ${at("decrypt_grants")} SELECT * REPLACE (TIMESTAMP('${T0}') AS revoked_at, 'ann' AS revoked_by) FROM ${at("decrypt_grants")} LIMIT 1`,
    );
    const revoked = grant({ revoked_at: T0, revoked_by: "ann" });
    expect(await store.grantsOf("s")).toEqual([revoked]);
    expect(await store.listGrants("acme")).toEqual([revoked]);
    expect(await store.listGrants(null)).toEqual([revoked]);
  });
});

describe("where it may not go", () => {
  test.each([
    ["a project of another form", { project: "no`pe" }],
    ["a dataset with a dot", { ledgerDataset: "integrations.heads" }],
    ["a dataset with a backtick", { viewsDataset: "organizations`" }],
    ["no dataset", { ledgerDataset: "" }],
  ])("%s is refused when the store is opened", (_, wrong) => {
    expect(() => statements({ ...places, ...wrong })).toThrow(RangeError);
    expect(() => bench.open({ places: { ...places, ...wrong } })).toThrow(RangeError);
  });

  test("an environment that would send statements elsewhere stops it", () => {
    process.env["BIGQUERY_EMULATOR_HOST"] = "http://127.0.0.1:1/elsewhere";
    try {
      expect(() => bench.open()).toThrow(expect.objectContaining({ code: "internal" }));
      expect(() => bench.open({ apiEndpoint: null })).toThrow(expect.objectContaining({ code: "internal" }));
    } finally {
      delete process.env["BIGQUERY_EMULATOR_HOST"];
    }
    bench.open({ apiEndpoint: null }).close();
  });

  test.each([
    "2026-02-30T00:00:00.000Z",
    "0000-01-01T00:00:00.000Z",
    "2026-08-22T12:00:00Z",
    "+010000-01-01T00:00:00.000Z",
    7,
  ])("a cursor with the time %s is none", async (happened_at) => {
    const cursor = Buffer.from(JSON.stringify({ happened_at, kind: 0, seq: 1, event_id: randomUUID() }));
    await expect(store.readHistory(pair, { limit: 3, before: cursor.toString("base64url") })).rejects.toMatchObject({
      code: "request_malformed",
    });
    expect(relay.passed).toEqual([]);
  });
});
