import { parse } from "sql-parser-cst";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { type BigQueryDatabase, openBigQueryDatabase } from "../../../shared/adapters/cloud/bigquery-database.ts";
import {
  legacyStatements,
  openBigQueryLegacyKeys,
  openBigQueryLegacyKeyTable,
} from "../../../shared/adapters/cloud/bigquery-legacy.ts";
import { olderStatements, openBigQueryOlder } from "../../../shared/adapters/cloud/bigquery-older.ts";
import { tableNamed } from "../../../shared/adapters/cloud/bigquery-older-table.ts";
import { systemClock } from "../../../shared/adapters/system-clock.ts";
import { Secret } from "../../../shared/contract/secret.ts";
import type { LegacyKeyEntry } from "../../../shared/ports/legacy-keys.ts";
import type { OlderCredential } from "../../../shared/ports/older-credentials.ts";
import { faultOf } from "../../operations/bench.ts";
import { type BigQueryBench, operator, project, startBench } from "./bigquery-bench.ts";

/** Tables of the test that runs: the emulator does not forget one that was dropped. */
let OLDER = "";
let KEYS = "";
let serial = 0;
const NOW = Date.parse("2026-08-22T12:00:00.000Z");
const clock = { now: () => NOW };
let bench: BigQueryBench;
let database: BigQueryDatabase;

beforeAll(async () => {
  bench = await startBench();
  database = openBigQueryDatabase({
    auth: await bench.identity(operator),
    project,
    location: bench.sim.location,
    apiEndpoint: bench.sim.endpoint,
    clock: systemClock(),
  });
});
beforeEach(() => {
  serial += 1;
  OLDER = `${project}.organizations.older_credentials_${serial}`;
  KEYS = `${project}.organizations.org_api_keys_${serial}`;
});
afterAll(async () => {
  database.close();
  await bench.close();
});

/** A table of these columns, and rows of SQL values in their order. */
async function table(name: string, columns: string, ...rows: string[]): Promise<void> {
  await bench.sim.admin(`CREATE TABLE \`${name}\` (${columns})`);
  for (const row of rows) await bench.sim.admin(`INSERT INTO \`${name}\` VALUES (${row})`);
}

describe("the older table of credentials", () => {
  const columns = `credential_id STRING, org_slug STRING, provider STRING, encrypted_credential BYTES, credential_name STRING,
    validation_status STRING, last_validated_at TIMESTAMP, is_active BOOL, metadata JSON, created_at TIMESTAMP`;
  const bare = (org: string) => `'c', ${org}, 'OPENAI', FROM_BASE64('AAECAw=='), NULL, NULL, NULL, TRUE, NULL, NULL`;
  const read = async (organisations = 10, org: string | null = null) => {
    const older = openBigQueryOlder({ database, table: OLDER });
    const pages: OlderCredential[][] = [];
    const totals: number[] = [];
    let after: string | null = null;
    do {
      const page: Awaited<ReturnType<typeof older.readPage>> = await older.readPage({ organisations, after, org });
      pages.push(page.rows);
      totals.push(page.total);
      after = page.next;
    } while (after !== null);
    return { pages, totals };
  };

  test("is read as it lies there, with the columns of the sources", async () => {
    await table(
      OLDER,
      columns,
      `'7d3f1f1e-3c4b-4a5d-8e6f-001122334455', 'acme', 'OPENAI', FROM_BASE64('/wAB/g=='), 'Größe "7"', 'VALID',
        TIMESTAMP('2026-01-22T03:33:08.123Z'), TRUE, PARSE_JSON('{"region":"eu","n":[1,null]}'), TIMESTAMP('2025-12-31T23:59:59Z')`,
    );
    const { pages } = await read();
    // The emulator sorts the members of JSON, which says nothing.
    const told = pages.map((rows) => rows.map((row) => ({ ...row, metadata: JSON.parse(row.metadata ?? "") })));
    expect(told).toEqual([
      [
        {
          credential_id: "7d3f1f1e-3c4b-4a5d-8e6f-001122334455",
          org_slug: "acme",
          provider: "OPENAI",
          encrypted_credential: Buffer.from([255, 0, 1, 254]),
          credential_name: 'Größe "7"',
          validation_status: "VALID",
          last_validated_at: "2026-01-22T03:33:08.123Z",
          is_active: true,
          metadata: { region: "eu", n: [1, null] },
          expires_at: null,
          deactivation_scheduled_at: null,
          created_at: "2025-12-31T23:59:59.000Z",
        },
      ],
    ]);
  });

  test("may have further columns of any type, and those that came later", async () => {
    await table(
      OLDER,
      `${columns}, deactivation_scheduled_at TIMESTAMP, expires_at TIMESTAMP, weight FLOAT64, day DATE, credential_type STRING`,
      `${bare("'acme'")}, TIMESTAMP('2026-12-01T00:00:00Z'), TIMESTAMP('2027-01-01T00:00:00Z'), 1.5, DATE '2026-01-01', 'api_key'`,
    );
    const [row] = (await read()).pages[0] ?? [];
    expect(row).toMatchObject({
      deactivation_scheduled_at: "2026-12-01T00:00:00.000Z",
      expires_at: "2027-01-01T00:00:00.000Z",
      encrypted_credential: Buffer.from([0, 1, 2, 3]),
    });
  });

  test("may lack everything but what makes a credential: every row of it is active then", async () => {
    await table(
      OLDER,
      "org_slug STRING, provider STRING, encrypted_credential BYTES",
      "'a', 'GROQ', FROM_BASE64('AA==')",
    );
    expect((await read()).pages[0]).toMatchObject([
      { org_slug: "a", provider: "GROQ", is_active: true, credential_id: null, metadata: null, created_at: null },
    ]);
  });

  test("may hold metadata as text, times as text, and bytes as base64", async () => {
    await table(
      OLDER,
      "org_slug STRING, provider STRING, encrypted_credential STRING, metadata STRING, created_at STRING, is_active STRING",
      `'a', 'GROQ', 'AAECAw==', '{"team":"x"}', '2026-01-02 03:04:05', 'true'`,
    );
    expect((await read()).pages[0]).toMatchObject([
      {
        encrypted_credential: Buffer.from([0, 1, 2, 3]),
        metadata: JSON.stringify('{"team":"x"}'),
        created_at: "2026-01-02T03:04:05.000Z",
        is_active: true,
      },
    ]);
  });

  const times: Array<[string, string, string | null]> = [
    ["STRING", "'2026-12-01T00:00:00Z'", "2026-12-01T00:00:00.000Z"],
    ["STRING", "'2026-12-01 00:00:00 UTC'", "2026-12-01T00:00:00.000Z"],
    ["STRING", "'2026-12-01 00:00:00.123456 UTC'", "2026-12-01T00:00:00.123Z"],
    ["STRING", "'2026-12-01 02:00:00.5 +0200'", "2026-12-01T00:00:00.500Z"],
    ["STRING", "'2026-12-01 00:00:00+00'", "2026-12-01T00:00:00.000Z"],
    ["STRING", "'2026-12-01T00:00Z'", "2026-12-01T00:00:00.000Z"],
    ["STRING", "'2026-12-01'", "2026-12-01T00:00:00.000Z"],
    ["DATETIME", "DATETIME '2026-12-01 00:00:00'", "2026-12-01T00:00:00.000Z"],
    ["STRING", "NULL", null],
    ["STRING", "'  '", null],
    ["STRING", "'next summer'", "next summer"],
    ["STRING", "'2026-13-01T00:00:00Z'", "2026-13-01T00:00:00Z"],
    ["INT64", "1796083200", "1796083200"],
  ];
  test.each(times)("a time as %s of %s is one of one form, or stays what it is", async (type, value, expected) => {
    const names = ["last_validated_at", "expires_at", "deactivation_scheduled_at", "created_at"];
    await table(
      OLDER,
      `org_slug STRING, provider STRING, encrypted_credential BYTES, ${names.map((name) => `${name} ${type}`).join(", ")}`,
      `'a', 'GROQ', FROM_BASE64('AA=='), ${names.map(() => value).join(", ")}`,
    );
    expect((await read()).pages[0]).toMatchObject([Object.fromEntries(names.map((name) => [name, expected]))]);
  });

  test("a row that does not say whether it is active, or has no ciphertext, is none that is", async () => {
    await table(OLDER, columns, "'c', 'a', 'GROQ', NULL, NULL, NULL, NULL, NULL, NULL, NULL");
    expect((await read()).pages[0]).toMatchObject([{ is_active: false, encrypted_credential: null }]);
  });

  test("comes in pages of whole organisations, those without one first, each with the count of all", async () => {
    const orgs = ["'b'", "'a'", "NULL", "'c'", "'a'", "'a-b'", "'b'"];
    await table(OLDER, columns, ...orgs.map(bare));
    const { pages, totals } = await read(2);
    expect(pages.map((rows) => rows.map(({ org_slug }) => org_slug))).toEqual([
      [null, "a", "a"],
      ["a-b", "b", "b"],
      ["c"],
    ]);
    expect(totals).toEqual([7, 7, 7]);
    expect((await read(2, "b")).pages.map((rows) => rows.map(({ org_slug }) => org_slug))).toEqual([["b", "b"]]);
    expect((await read(2, "nobody")).pages).toEqual([[]]);
    expect((await read(1)).pages.map((rows) => rows.length)).toEqual([1, 2, 1, 2, 1, 0]);
  });

  test("is not written: nothing but SELECT is sent", async () => {
    await table(OLDER, columns, bare("'a'"));
    const before = bench.sim.statements().length;
    await read();
    const asked = bench.sim.statements().slice(before);
    expect(asked.length).toBeGreaterThan(0);
    for (const { sql } of asked) expect(sql).toMatch(/^SELECT /);
  });

  test("one that lacks the ciphertext is refused with what it needs", async () => {
    await table(OLDER, "org_slug STRING, provider STRING", "'a', 'GROQ'");
    expect(await faultOf(read())).toBe("request_malformed");
  });

  test("one that is not there is store_unavailable", async () => {
    expect(await faultOf(read())).toBe("store_unavailable");
  });
});

describe("the older table of organisation keys", () => {
  const key = (text: string) => new Secret(text);
  const keys = () => openBigQueryLegacyKeys({ database, table: KEYS, clock });
  const columns = "api_key STRING, org_slug STRING";

  test("says whose a key is: of one organisation, of none, and of none where it is of several", async () => {
    await table(
      KEYS,
      columns,
      "'acme_api_11111111', 'acme'",
      "'acme_api_11111111', 'acme'",
      "'both_api_11111111', 'acme'",
      "'both_api_11111111', 'beta'",
      "'none_api_11111111', NULL",
      "'half_api_11111111', NULL",
      "'half_api_11111111', 'half'",
    );
    const found = await Promise.all(
      ["acme", "both", "none", "half", "nobody"].map((org) => keys().organisationOf(key(`${org}_api_11111111`))),
    );
    expect(found.map((owner) => owner?.org_slug ?? null)).toEqual(["acme", null, null, "half", null]);
    expect(found[0]).toEqual({ org_slug: "acme", expires_at: null });
    expect(await keys().organisationOf(key("ACME_api_11111111"))).toBeNull();
    expect(await keys().organisationOf(key("acme_api_1111111"))).toBeNull();
  });

  test("is asked by parameter: no key stands in a statement", async () => {
    await table(KEYS, columns, "'acme_api_22222222', 'acme'");
    await keys().organisationOf(key("acme_api_22222222"));
    const asked = bench.sim.statements().at(-1);
    expect(asked?.sql).toContain("@api_key");
    expect(asked?.sql).not.toContain("acme_api_22222222");
  });

  test("is believed where it says that a key has ended, if it has such columns", async () => {
    await table(
      KEYS,
      `${columns}, is_active BOOL, revoked_at TIMESTAMP, expires_at TIMESTAMP`,
      "'live_api_11111111', 'live', TRUE, NULL, TIMESTAMP('2027-01-01T00:00:00Z')",
      "'null_api_11111111', 'null', NULL, NULL, NULL",
      "'off_api_111111111', 'off', FALSE, NULL, NULL",
      "'gone_api_11111111', 'gone', TRUE, TIMESTAMP('2026-01-01T00:00:00Z'), NULL",
      "'past_api_11111111', 'past', TRUE, NULL, TIMESTAMP('2026-01-01T00:00:00Z')",
      "'live_api_11111111', 'live', TRUE, NULL, TIMESTAMP('2026-12-01T00:00:00Z')",
    );
    const texts = [
      "live_api_11111111",
      "null_api_11111111",
      "off_api_111111111",
      "gone_api_11111111",
      "past_api_11111111",
    ];
    const live = { org_slug: "live", expires_at: "2027-01-01T00:00:00.000Z" };
    expect(await Promise.all(texts.map((text) => keys().organisationOf(key(text))))).toEqual([
      live,
      null,
      null,
      null,
      null,
    ]);
    const { entries } = await openBigQueryLegacyKeyTable({ database, table: KEYS, clock }).readPage({
      limit: 9,
      after: null,
    });
    expect(entries.map((entry) => [entry.key.reveal(), entry.expires_at])).toEqual([
      ["live_api_11111111", live.expires_at],
    ]);
  });

  const actives: Array<[string, string, boolean]> = [
    ["BOOL", "TRUE", true],
    ["BOOL", "FALSE", false],
    ["BOOL", "NULL", false],
    ["STRING", "'true'", true],
    ["STRING", "'false'", false],
    ["STRING", "'FALSE'", false],
    ["STRING", "'0'", false],
    ["INT64", "1", false],
    ["INT64", "0", false],
  ];
  test.each(actives)("an is_active %s of %s is read by one rule in both tables", async (type, value, expected) => {
    await table(
      KEYS,
      `${columns}, note STRING, is_active ${type}`,
      `'acme_api_11111111', 'acme', '"is_active":', ${value}`,
    );
    await table(
      OLDER,
      `org_slug STRING, provider STRING, encrypted_credential BYTES, is_active ${type}`,
      `'a', 'GROQ', FROM_BASE64('AA=='), ${value}`,
    );
    expect((await keys().organisationOf(key("acme_api_11111111"))) !== null).toBe(expected);
    const older = openBigQueryOlder({ database, table: OLDER });
    const { rows } = await older.readPage({ organisations: 1, after: null, org: null });
    expect(rows.map(({ is_active }) => is_active)).toEqual([expected]);
  });

  test("that has no is_active is one of live keys, whatever a text in it says", async () => {
    await table(KEYS, `${columns}, note STRING`, `'acme_api_11111111', 'acme', '"is_active":false'`);
    expect(await keys().organisationOf(key("acme_api_11111111"))).not.toBeNull();
  });

  const ends: Array<[string, string, string | null | undefined]> = [
    ["STRING", "'2027-01-02 03:04:05'", "2027-01-02T03:04:05.000Z"],
    ["DATE", "DATE '2027-01-02'", "2027-01-02T00:00:00.000Z"],
    ["STRING", "'soon'", new Date(0).toISOString()],
    ["STRING", "NULL", null],
    ["INT64", "1798858800", undefined],
  ];
  test.each(ends)("an end as %s of %s is a time of one form, or one that has passed", async (type, value, expected) => {
    await table(KEYS, `${columns}, expires_at ${type}`, `'acme_api_11111111', 'acme', ${value}`);
    expect((await keys().organisationOf(key("acme_api_11111111")))?.expires_at).toBe(expected);
  });

  test("is read from its beginning to its end, each key once with all its organisations", async () => {
    const rows = ["d", "b", "a", "c", "e"].map((org) => `'${org}_api_11111111', '${org}'`);
    await table(KEYS, columns, ...rows, "'b_api_11111111', 'beta'", "'b_api_11111111', 'b'", "NULL, 'x'");
    const older = openBigQueryLegacyKeyTable({ database, table: KEYS, clock });
    const seen: LegacyKeyEntry[] = [];
    let after: Secret | null = null;
    let total = 0;
    do {
      const page: Awaited<ReturnType<typeof older.readPage>> = await older.readPage({ limit: 2, after });
      seen.push(...page.entries);
      total ||= page.total;
      after = page.next;
    } while (after !== null);
    expect(seen.map((one) => [one.key.reveal(), one.org_slugs.sort()])).toEqual([
      ["a_api_11111111", ["a"]],
      ["b_api_11111111", ["b", "beta"]],
      ["c_api_11111111", ["c"]],
      ["d_api_11111111", ["d"]],
      ["e_api_11111111", ["e"]],
    ]);
    expect(total).toBe(5);
    for (const { sql } of bench.sim.statements()) expect(sql).not.toContain("_api_11111111");
  });

  test("one that is not there is store_unavailable, and one without the columns is refused", async () => {
    expect(await faultOf(keys().organisationOf(key("acme_api_11111111")))).toBe("store_unavailable");
    await table(KEYS, "org_slug STRING", "'a'");
    const older = openBigQueryLegacyKeyTable({ database, table: KEYS, clock });
    expect(await faultOf(older.readPage({ limit: 1, after: null }))).toBe("request_malformed");
  });
});

test.each(Object.entries({ ...legacyStatements(`${project}.organizations.k`), ...olderStatements(`${project}.a.b`) }))(
  "%s is one statement of BigQuery's language",
  (_, sql) => {
    const { statements } = parse(sql, { dialect: "bigquery", paramTypes: ["@name"], includeComments: false });
    expect(statements.map(({ type }) => type)).toEqual(["select_stmt"]);
  },
);

describe("the name of a table", () => {
  test.each([
    ["cloudact-testing-1.organizations.org_api_keys", true],
    ["cloudact-testing-1.organizations.org-keys_2026", true],
    ["organizations.org_api_keys", false],
    ["cloudact-testing-1.organizations", false],
    ["cloudact-testing-1.organizations.a.b", false],
    ["cloudact-testing-1.organizations.a` WHERE TRUE --", false],
    ["cloudact-testing-1.organizations.a\\`", false],
    ["cloudact-testing-1.organi zations.a", false],
    ["cloudact-testing-1.organizations.a\n", false],
    ["Cloudact-testing-1.organizations.a", false],
    ["cloudact-testing-1.organizations.", false],
    [`cloudact-testing-1.organizations.${"a".repeat(1025)}`, false],
    ["", false],
  ])("%j is one or is none, and nothing else is written into a statement", (text, expected) => {
    if (expected) expect(tableNamed(text)).toBe(`\`${text}\``);
    else expect(() => tableNamed(text)).toThrow(RangeError);
  });
});
