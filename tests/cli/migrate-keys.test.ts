import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { systemClock } from "../../shared/adapters/system-clock.ts";
import { untilOf } from "../../shared/cli/commands/org-key.ts";
import { parseKeyList } from "../../shared/cli/key-lines.ts";
import { Stop } from "../../shared/cli/stop.ts";
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

  test("is as the operator says where the environment does not", () => {
    expect(untilOf(unset, "90d")).toBe("2026-11-20T12:00:00.000Z");
    expect(untilOf(unset, "2027-01-31")).toBe("2027-01-31T23:59:59.000Z");
    expect(() => untilOf(unset, null)).toThrow("--until is missing");
  });
});

describe("a list of keys", () => {
  const one = (line: number, api: string | null, org = "acme") => ({
    line,
    found: api === null ? null : { key: api, org },
  });
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
