import { existsSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { assemble, type Parts, readPlan } from "../../functions/parts.ts";
import { systemClock } from "../../shared/adapters/system-clock.ts";
import { untilOf } from "../../shared/cli/commands/org-key.ts";
import { parseKeyList } from "../../shared/cli/key-lines.ts";
import { Stop } from "../../shared/cli/stop.ts";
import { legacyKeyRow } from "../../shared/vault/legacy-key.ts";
import { bench } from "../platform/rights.ts";
import { startPlatform } from "../platform/start.ts";
import { cli, printed, startService, temporaryFolder } from "./run.ts";

const folder = temporaryFolder();
const home = join(folder.path, "home");
const here = { INTEGRATIONS_HOME: home };
const run = (...args: string[]) => cli(args, here);
const feed = (text: string, ...args: string[]) => cli(["org-key", "import", "-", ...args], here, text);
const key = (org: string) => `${org}_api_0123456789abcdef`;
afterAll(folder.remove);

describe("org-key import", () => {
  let service: Awaited<ReturnType<typeof startService>>;
  beforeAll(async () => {
    service = await startService(here);
  });
  afterAll(() => service?.stop());
  const list = (org: string, text: string) =>
    fetch(`${service.url}/${org}`, { headers: { "x-api-key": text } }).then(({ status, headers }) => [
      status,
      headers.get("deprecation"),
    ]);

  test("takes a list from stdin, beside the running service, which takes the keys from then on", async () => {
    const ran = await feed(`api_key,org_slug\n${key("acme")},acme\n${key("beta")},beta\n`, "--until", "90d");
    expect(ran).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^2 taken over until \d{4}-.*, 0 skipped, 0 failed\n$/),
    });
    expect(await list("acme", key("acme"))).toEqual([200, expect.stringMatching(/^@\d+$/)]);
    expect(await list("acme", key("beta"))).toEqual([403, expect.stringMatching(/^@\d+$/)]);
    expect(await list("acme", key("nobody"))).toEqual([401, null]);
    const listed = JSON.parse((await run("org-key", "list", "acme", "--json")).stdout);
    expect(listed.items).toMatchObject([{ legacy: true, scope: "manage", state: "live" }]);
  });

  test("may be run again, from a file, and says by line what it did not take", async () => {
    const file = join(folder.path, "keys.jsonl");
    const lines = [
      { api_key: key("acme"), org_slug: "acme" },
      { api_key: key("gamma"), org_slug: "gamma", created_at: "x" },
      { api_key: "sk-canary-0123456789", org_slug: "acme" },
      { org_slug: "acme" },
      { api_key: key("delta"), org_slug: "Delta Ltd" },
      { api_key: key("gamma"), org_slug: "gamma" },
    ];
    writeFileSync(file, `${lines.map((line) => JSON.stringify(line)).join("\n")}\n\n`);
    const ran = await run("org-key", "import", file, "--until", "2027-12-31", "--json");
    expect(ran.code).toBe(1);
    expect(JSON.parse(ran.stdout)).toMatchObject({
      dry_run: false,
      until: "2027-12-31T23:59:59.000Z",
      imported: 1,
      skipped: 2,
      failed: 3,
      items: [
        { line: 1, org_slug: "acme", outcome: "skipped", code: "already_here" },
        { line: 2, org_slug: "gamma", outcome: "imported" },
        { line: 3, org_slug: "acme", outcome: "failed", code: "key_shape" },
        { line: 4, org_slug: null, outcome: "failed", code: "malformed" },
        { line: 5, org_slug: null, outcome: "failed", code: "org_invalid" },
        { line: 6, org_slug: "gamma", outcome: "skipped", code: "same_key_above" },
      ],
    });
    const table = await run("org-key", "import", file, "--until", "90d");
    expect(table.stdout).toMatch(/^3 +acme +failed +api_key has not the form \{org\}_api_… of the older keys$/m);
    expect(table.stdout).toMatch(/^4 +- +failed +must be api_key,org_slug, or a JSON object with both$/m);
  });

  test("a dry run takes nothing", async () => {
    const ran = await feed(`${key("epsilon")},epsilon\n`, "--until", "90d", "--dry-run");
    expect(ran).toMatchObject({ code: 0, stdout: expect.stringContaining("1 would be taken over") });
    expect(await list("epsilon", key("epsilon"))).toEqual([401, null]);
  });

  test("a revoked one stays revoked, and whoever revokes it is told of the older table", async () => {
    const listed = JSON.parse((await run("org-key", "list", "beta", "--json")).stdout);
    const revoked = await run("org-key", "revoke", listed.items[0].key_id);
    expect(revoked).toMatchObject({ code: 0, stderr: expect.stringContaining("delete it from org_api_keys as well") });
    const ran = await feed(`${key("beta")},beta\n`, "--until", "90d");
    expect(ran).toMatchObject({ code: 0, stdout: expect.stringContaining("was revoked here") });
  });

  test("what the older table has ended is not taken, and lives no longer than that says", async () => {
    const ends = "2027-01-31 12:00:00";
    const rows = [
      { api_key: key("live"), org_slug: "live", is_active: "true", revoked_at: null, expires_at: ends },
      { api_key: key("off"), org_slug: "off", is_active: "false", revoked_at: null, expires_at: null },
      {
        api_key: key("gone"),
        org_slug: "gone",
        is_active: "true",
        revoked_at: "2026-01-01 00:00:00",
        expires_at: null,
      },
      {
        api_key: key("over"),
        org_slug: "over",
        is_active: "true",
        revoked_at: null,
        expires_at: "2026-01-01 00:00:00",
      },
      { api_key: key("odd"), org_slug: "odd", is_active: "true", revoked_at: null, expires_at: "soon" },
      { api_key: key("twice"), org_slug: "other", is_active: "false" },
      { api_key: key("twice"), org_slug: "other", expires_at: "2026-01-01 00:00:00" },
      { api_key: key("twice"), org_slug: "twice", is_active: true, expires_at: ends },
      { api_key: key("twice"), org_slug: "twice", is_active: true },
      { api_key: "swapped", org_slug: key("swapped"), is_active: false },
      { api_key: "swapped", org_slug: "Not A Slug", is_active: false },
      { api_key: key("pair"), org_slug: "pair", expires_at: ends },
      { api_key: key("pair"), org_slug: "pair", expires_at: "2027-01-30" },
    ];
    const items = [
      { line: 1, org_slug: "live", outcome: "imported" },
      { line: 2, org_slug: "off", key_id: null, outcome: "skipped", code: "inactive" },
      { line: 3, org_slug: "gone", key_id: null, outcome: "skipped", code: "revoked" },
      { line: 4, org_slug: "over", key_id: null, outcome: "skipped", code: "expired" },
      { line: 5, org_slug: "odd", key_id: null, outcome: "failed", code: "end_unreadable" },
      { line: 6, org_slug: "other", key_id: null, outcome: "skipped", code: "inactive" },
      { line: 7, org_slug: "other", key_id: null, outcome: "skipped", code: "expired" },
      { line: 8, org_slug: "twice", outcome: "imported" },
      { line: 9, org_slug: "twice", outcome: "skipped", code: "same_key_above" },
      { line: 10, org_slug: null, outcome: "skipped", code: "inactive" },
      { line: 11, org_slug: null, outcome: "skipped", code: "inactive" },
      { line: 12, org_slug: "pair", outcome: "imported" },
      { line: 13, org_slug: "pair", outcome: "skipped", code: "same_key_above" },
    ];
    const ran = await feed(JSON.stringify(rows), "--until", "2027-12-31", "--json");
    expect([ran.code, JSON.parse(ran.stdout)]).toMatchObject([1, { imported: 3, skipped: 9, failed: 1, items }]);
    for (const org of ["off", "gone", "over", "odd", "other"])
      expect(JSON.parse((await run("org-key", "list", org, "--json")).stdout).items).toEqual([]);
    const endOf = async (org: string) => JSON.parse((await run("org-key", "list", org, "--json")).stdout).items;
    expect(await endOf("live")).toMatchObject([{ expires_at: "2027-01-31T12:00:00.000Z" }]);
    expect(await endOf("pair")).toMatchObject([{ expires_at: "2027-01-31T12:00:00.000Z" }]);
    expect(await endOf("twice")).toMatchObject([{ expires_at: "2027-12-31T23:59:59.000Z" }]);
    const text = await feed(JSON.stringify(rows.slice(1, 5)), "--until", "90d");
    expect(text.stdout).toMatch(/^1 +off +skipped +is not active in the older table$/m);
    expect(text.stdout).toMatch(/^2 +gone +skipped +was revoked in the older table$/m);
    expect(text.stdout).toMatch(/^4 +odd +failed +expires_at must be a time/m);
  });

  const wrong: Array<[string, string[], string, RegExp]> = [
    ["without an end", [], `${key("zeta")},zeta\n`, /--until is missing/],
    ["with an end that has passed", ["--until", "2020-01-01"], `${key("zeta")},zeta\n`, /lies in the past/],
    ["of nothing", ["--until", "90d"], "\n \n", /The list of keys is empty/],
    [
      "of half a JSON array",
      ["--until", "90d"],
      `[{"api_key":"${key("zeta")}"`,
      /begins like a JSON array and is none/,
    ],
  ];
  test.each(wrong)("a list %s is wrong usage", async (_, args, text, expected) => {
    expect(await feed(text, ...args)).toMatchObject({ code: 2, stdout: "", stderr: expect.stringMatching(expected) });
  });

  test("a file that is not there, and a key in place of a file, are wrong usage", async () => {
    const missing = await run("org-key", "import", join(folder.path, "none.csv"), "--until", "90d");
    expect(missing).toMatchObject({ code: 2, stderr: expect.stringContaining("cannot be read (ENOENT)") });
    const typed = await run("org-key", "import", key("acme"), "--until", "90d");
    expect(typed).toMatchObject({ code: 2, stderr: expect.stringContaining("must be a file, never a key") });
  });

  test("nothing that was ever printed holds a key", () => {
    expect(printed.join("\n")).not.toMatch(/_api_0123456789abcdef|canary|Delta Ltd/);
  });
});

describe("beside rows under other peppers", () => {
  const other = join(folder.path, "other");
  let parts: Parts;
  const pepper = { version: "9", bytes: Buffer.alloc(32, 9) };
  beforeAll(async () => {
    parts = await assemble(readPlan(null, { INTEGRATIONS_HOME: other }));
    for (const org of ["stop", "twin"])
      await parts.orgKeys.addKey(
        legacyKeyRow(key(org), {
          ...{ org, environment: parts.keyEnvironment, pepper, by: "test" },
          ...{ now: "2026-01-01T00:00:00.000Z", until: "2099-01-01T00:00:00.000Z" },
        }),
      );
  });
  afterAll(() => parts.store.close());
  const run = (...args: string[]) => cli(args, { INTEGRATIONS_HOME: other });
  const feed = (text: string, ...args: string[]) =>
    cli(["org-key", "import", "-", ...args], { INTEGRATIONS_HOME: other }, text);

  test("what was taken is told where a run ends by a fault, and it ends as the fault does", async () => {
    const list = `api_key,org_slug\n${key("one")},one\nnonsense\n${key("two")},two\n${key("stop")},stop\n`;
    const json = await feed(list, "--until", "90d", "--json");
    expect([json.code, JSON.parse(json.stdout)]).toMatchObject([
      4,
      {
        ...{ success: false, code: "key_unavailable", error: expect.any(String), dry_run: false },
        ...{ imported: 2, skipped: 0, failed: 1, not_reached: 1 },
        items: [
          { line: 2, org_slug: "one", outcome: "imported" },
          { line: 3, outcome: "failed", code: "malformed" },
          { line: 4, org_slug: "two", outcome: "imported" },
        ],
      },
    ]);
    const text = await feed(list, "--until", "90d");
    expect(text.code).toBe(4);
    expect(text.stdout).toMatch(/^0 taken over until .*, 2 skipped, 1 failed, 1 not reached\n$/m);
    expect(text.stderr).toContain("API keys cannot be checked now");
    for (const org of ["one", "two"])
      expect(JSON.parse((await run("org-key", "list", org, "--json")).stdout).items).toHaveLength(1);
  });

  test.runIf(existsSync("/dev/full"))("nothing is told of a run that could not be recorded", async () => {
    const file = join(other, "audit.jsonl");
    rmSync(file);
    symlinkSync("/dev/full", file);
    const ran = await feed(`${key("three")},three\n`, "--until", "90d");
    rmSync(file);
    expect(ran).toMatchObject({ code: 4, stdout: "", stderr: expect.stringContaining("audit log cannot be written") });
    expect(JSON.parse((await run("org-key", "list", "three", "--json")).stdout).items).toEqual([]);
  });

  test("whoever revokes one is told of others of the organisation that may be the same key", async () => {
    const [mine] = await parts.secrets.peppers();
    const of = { org: "twin", environment: parts.keyEnvironment, pepper: mine, by: "test" };
    const row = legacyKeyRow(key("twin"), {
      ...of,
      now: "2026-01-02T00:00:00.000Z",
      until: "2099-01-01T00:00:00.000Z",
    });
    await parts.orgKeys.addKey(row);
    const [before] = await parts.orgKeys.listKeys("twin");
    const first = await run("org-key", "revoke", row.key_id);
    expect(first).toMatchObject({ code: 0, stderr: expect.stringContaining("may be the same key") });
    expect(first.stderr).toContain(before?.key_id);
    const second = await run("org-key", "revoke", String(before?.key_id));
    expect(second.stderr).not.toContain("may be the same key");
  });

  test("nothing that was ever printed holds a key", () => {
    expect(printed.join("\n")).not.toMatch(/_api_0123456789abcdef/);
  });
});

test("migrate tells the keys of a page that ended by a fault, and takes the rest when it is run again", async () => {
  const platform = await startPlatform();
  const table = `${bench.project}.${bench.views}.org_api_keys`;
  const env = { ...platform.env("operator"), INTEGRATIONS_HOME: join(folder.path, "gcp") };
  const migrate = (...args: string[]) => cli(["migrate", "--org-keys", table, "--until", "90d", ...args], env);
  try {
    await platform.bigquery.admin(`CREATE TABLE \`${table}\` (api_key STRING, org_slug STRING)`);
    for (const org of ["acme", "beta", "gamma"])
      await platform.bigquery.admin(`INSERT INTO \`${table}\` VALUES ('${key(org)}', '${org}')`);
    platform.bigquery.faults.next({ kind: "INSERT", table: "integrations.org_keys" }, "quota_403");
    const ran = await migrate("--json");
    const taken = { outcome: "imported" };
    expect([ran.code, JSON.parse(ran.stdout)]).toMatchObject([
      4,
      { success: false, code: "store_unavailable", keys: { items: [taken, taken] } },
    ]);
    expect(await platform.bigquery.admin("SELECT key_id FROM `integrations.org_keys`")).toHaveLength(2);
    expect((await migrate()).stdout).toMatch(/^API keys: 1 taken over until .*, 2 skipped, 0 failed$/m);
  } finally {
    await platform.close();
  }
});

describe("when they end", () => {
  const NOW = Date.parse("2026-08-22T12:00:00.000Z");
  const clock = { ...systemClock(), now: () => NOW };
  const keys = { organisationOf: async () => null };
  const set = { parts: { clock, legacy: { until: "2027-03-31T23:59:59.000Z", keys } } };
  const unset = { parts: { clock, legacy: null } };

  test("is as the environment says, and nobody says otherwise", () => {
    expect(untilOf(set, null)).toBe("2027-03-31T23:59:59.000Z");
    expect(() => untilOf(set, "90d")).toThrow("LEGACY_KEYS_UNTIL decides");
  });

  test.each(["2026-01-01T00:00:00.000Z", "2026-08-22T12:00:00.000Z"])("is never in the past: %s", (until) => {
    const passed = { parts: { clock, legacy: { until, keys } } };
    for (const given of [null, "90d"]) expect(() => untilOf(passed, given)).toThrow("LEGACY_KEYS_UNTIL");
    expect(() => untilOf(passed, null)).toThrow("LEGACY_KEYS_UNTIL lies in the past");
  });

  test("is as the operator says where the environment does not", () => {
    expect(untilOf(unset, "90d")).toBe("2026-11-20T12:00:00.000Z");
    expect(untilOf(unset, "2027-01-31")).toBe("2027-01-31T23:59:59.000Z");
    expect(() => untilOf(unset, null)).toThrow("--until is missing");
  });
});

describe("a list of keys", () => {
  const one = (line: number, api: string | null, org = "acme", more: object = {}) => ({
    line,
    found: api === null ? null : { key: api, org, ended: null, expires_at: null, ...more },
  });
  const END = "2027-01-31T12:00:00.000Z";
  const lists: Array<[string, string, ReturnType<typeof parseKeyList>]> = [
    ["without a head", "k1,acme\nk2,beta", [one(1, "k1"), one(2, "k2", "beta")]],
    ["with a head, in another order, with further columns", "org_slug,id,API_KEY\nacme,7,k1", [one(2, "k1")]],
    [
      "with a mark and the line ends of Windows",
      "\uFEFFapi_key,org_slug\r\nk1,acme\r\n\r\nk2,acme\r\n",
      [one(2, "k1"), one(4, "k2")],
    ],
    ["with quotes", '"k1","acme"\n"a ""b"", c", acme ', [one(1, "k1"), one(2, 'a "b", c')]],
    ["with a quote that is not closed", '"k1,acme\nk2,acme', [one(1, null), one(2, "k2")]],
    [
      "with further columns and no head that says what they are",
      "k1,acme,false\nk2,acme,",
      [one(1, null), one(2, "k2")],
    ],
    [
      "with columns that say what has ended",
      `expires_at,api_key,org_slug,Is_Active,revoked_at\n,k1,acme,TRUE,\n${END},k2,acme,true,null\n,k3,acme,false,\n,k4,acme,,\n,k5,acme,true,${END}`,
      [
        one(2, "k1"),
        one(3, "k2", "acme", { expires_at: END }),
        one(4, "k3", "acme", { ended: "inactive" }),
        one(5, "k4", "acme", { ended: "inactive" }),
        one(6, "k5", "acme", { ended: "revoked" }),
      ],
    ],
    ["with a short line", "api_key,org_slug,is_active\nk1,acme", [one(2, "k1", "acme", { ended: "inactive" })]],
    [
      "of objects that say what has ended",
      [
        { is_active: true, revoked_at: null, expires_at: null },
        { is_active: "true", expires_at: "2027-01-31 12:00:00" },
        { is_active: null },
        { is_active: 0 },
        { is_active: "yes" },
        { revoked_at: 1_767_225_600 },
        { is_active: false, revoked_at: "x" },
        { expires_at: "next year" },
        { expires_at: 1_767_225_600 },
      ]
        .map((more) => JSON.stringify({ api_key: "k", org_slug: "acme", ...more }))
        .join("\n"),
      [
        one(1, "k"),
        one(2, "k", "acme", { expires_at: END }),
        ...[3, 4, 5].map((line) => one(line, "k", "acme", { ended: "inactive" })),
        one(6, "k", "acme", { ended: "revoked" }),
        one(7, "k", "acme", { ended: "inactive" }),
        ...[8, 9].map((line) => one(line, "k", "acme", { ended: "end_unreadable" })),
      ],
    ],
    ["with one column", "k1\nk2,acme", [one(1, null), one(2, "k2")]],
    ["with an empty column", ",acme\nk1,", [one(1, ""), one(2, "k1", "")]],
    [
      "of objects",
      '{"api_key":"k1","org_slug":"acme","x":1}\n{"api_key":5,"org_slug":"acme"}',
      [one(1, "k1"), one(2, null)],
    ],
    [
      "of objects and lines",
      'k1,acme\n{"api_key":"k2","org_slug":"acme"}\n{broken',
      [one(1, "k1"), one(2, "k2"), one(3, null)],
    ],
    ["in an array", '[{"api_key":"k1","org_slug":"acme"},null,"x"]', [one(1, "k1"), one(2, null), one(3, null)]],
    ["of objects behind a mark", '\uFEFF{"api_key":"k1","org_slug":"acme"}', [one(1, "k1")]],
    ["in an array behind a mark", '\uFEFF[{"api_key":"k1","org_slug":"acme"}]', [one(1, "k1")]],
    ["in an empty array", "[]", []],
    ["that is empty", "", []],
    ["that is a head alone", "api_key,org_slug\n", []],
    ["whose head comes late is no head", "k1,acme\napi_key,org_slug", [one(1, "k1"), one(2, "api_key", "org_slug")]],
  ];
  test.each(lists)("%s", (_, text, expected) => {
    expect(parseKeyList(text)).toEqual(expected);
  });

  const times: Array<[string, string | null]> = [
    ["2027-01-31T12:00:00Z", END],
    ["2027-01-31T12:00:00.000Z", END],
    ["2027-01-31 12:00:00", END],
    ["2027-01-31 12:00", END],
    ["2027-01-31 12:00:00 UTC", END],
    ["2027-01-31 12:00:00.123456+00", "2027-01-31T12:00:00.123Z"],
    ["2027-01-31 14:00:00+0200", END],
    ["2027-01-31T14:00:00+02:00", END],
    ["2027-01-31", "2027-01-31T00:00:00.000Z"],
    ["2027-13-31", null],
    ["31.01.2027", null],
    ["1801137600", null],
  ];
  test.each(times)("an end is read as tables print it: %s", (text, expected) => {
    const [line] = parseKeyList(`api_key,org_slug,expires_at\nk,acme,${text}`);
    expect(line?.found).toMatchObject(
      expected === null ? { ended: "end_unreadable", expires_at: null } : { ended: null, expires_at: expected },
    );
  });

  test("a broken array is told of without a word of it", () => {
    expect(() => parseKeyList('[{"api_key":"secret"')).toThrow(Stop);
    expect(() => parseKeyList('[{"api_key":"secret"')).not.toThrow(/secret/);
  });

  test("a long line costs no more than its length", () => {
    const startedAt = performance.now();
    parseKeyList(`"${"a".repeat(2_000_000)}\n${",".repeat(200_000)}`);
    expect(performance.now() - startedAt).toBeLessThan(5_000);
  });
});
