import { createServer } from "node:http";
import { describe, expect, test } from "vitest";
import { parse, refuseKeys, usageLine } from "../../shared/cli/arguments.ts";
import { readMetadata } from "../../shared/cli/commands/change.ts";
import { text as decryptText, view } from "../../shared/cli/commands/decrypt.ts";
import { commands } from "../../shared/cli/commands.ts";
import { dispatch } from "../../shared/cli/dispatch.ts";
import { readMoment, readPastMoment } from "../../shared/cli/moments.ts";
import { nearest } from "../../shared/cli/nearest.ts";
import { bar, progressBar } from "../../shared/cli/progress.ts";
import { asCredential, secretSource, typing } from "../../shared/cli/secret-input.ts";
import { looksLikeKey, looksRandom } from "../../shared/cli/secret-shapes.ts";
import { flowing, table } from "../../shared/cli/show.ts";
import { harmlessJson, plain } from "../../shared/cli/terminal.ts";
import { exampleKeys, providerCodes } from "../simulators/start.ts";
import { fakeTerminal } from "./fake-terminal.ts";

describe("the table of commands", () => {
  test("names each command once", () => {
    expect(new Set(commands.map(({ name }) => name)).size).toBe(commands.length);
  });

  test.each(commands.map((command) => [command.name, command] as const))(
    "has an example for %s that parses",
    (_, it) => {
      expect(it.example).toContain(`cloudact-integrations ${it.name}`);
      const words = it.example
        .replace(/^.*?cloudact-integrations /, "")
        .replace(/ [<>] .*$/, "")
        .replace(/\)$/, "")
        .replaceAll("'", "")
        .split(" ")
        .slice(it.name.split(" ").length);
      expect(() => parse(it, words)).not.toThrow();
      expect(usageLine(it)).toContain(it.name);
    },
  );
});

describe("what is meant by a mistyped word", () => {
  test.each([
    ["statsu", "status"],
    ["setpu", "setup"],
    ["delte", "delete"],
    ["org-kye create", "org-key create"],
    ["xyzzy", null],
  ])("%s → %s", (word, meant) => {
    expect(
      nearest(
        word,
        commands.map(({ name }) => name),
      ),
    ).toBe(meant);
  });
});

describe("secrets on the command line", () => {
  const keys = providerCodes.flatMap((code) => [exampleKeys(code).good, exampleKeys(code).revoked]);

  test.each(keys)("are seen: %s", (key) => {
    expect(looksLikeKey(key) || looksRandom(key)).toBe(true);
    expect(looksLikeKey(`--credential=${key}`) || looksRandom(`--credential=${key}`)).toBe(true);
  });

  test.each([
    "cact_local_000000000000_0000",
    "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJwMSJ9.c2ln",
    "-----BEGIN PRIVATE KEY-----",
    "AKIAIOSFODNN7EXAMPLE",
    '{"private_key":"x"}',
    "--name=sk-proj-abc",
  ])("are seen by their form: %s", (text) => {
    expect(() => refuseKeys([text])).toThrow(/never taken from the command line/);
  });

  test.each([
    "acme",
    "acme_corp",
    "sk-telecom-international-group",
    "key-accounts-management",
    "api-first-company-of-berlin",
    "openai",
    "genai.payg_usage",
    "2027-01-31T00:00:00Z",
    "6c1d4f0e-6d1f-4f5e-9a55-0d7a9a1f2b3c",
    "0Ab1Cd2Ef3Gh",
    "--expires=90d",
    "billing_export_table=my-project-1.billing.gcp_billing_export_v1_01AB",
  ])("are not seen in harmless words: %s", (text) => {
    expect(looksLikeKey(text)).toBe(false);
    expect(looksRandom(text)).toBe(false);
  });
});

describe("where a secret comes from", () => {
  test.each([
    [null, true, { from: "prompt" }],
    [null, false, { from: "stdin" }],
    ["-", true, { from: "stdin" }],
    ["key.txt", true, { from: "file", path: "key.txt" }],
    ["key.txt", false, { from: "file", path: "key.txt" }],
  ] as const)("--file %s, a terminal: %s", (file, isTty, source) => {
    expect(secretSource(file, isTty)).toEqual(source);
  });

  test.each([
    ["  abc\n", "abc"],
    ['{"api_key":"abc"}\n', { api_key: "abc" }],
    ["{not json", "{not json"],
    ["[1]", "[1]"],
  ])("%j is sent as %j", (text, sent) => {
    expect(asCredential(text)).toEqual(sent);
  });

  test("nothing is refused", () => {
    expect(() => asCredential(" \n")).toThrow("No secret was given");
  });

  const type = (keys: string): { typed: string; ended: string | null } => {
    let state: ReturnType<typeof typing> = { typed: "", ended: null };
    for (const key of keys) if (state.ended === null) state = typing(state.typed, key);
    return state;
  };
  test.each([
    ["abc\r", { typed: "abc", ended: "done" }],
    ["abx\u007fc\r", { typed: "abc", ended: "done" }],
    ["wrong\u0015abc\n", { typed: "abc", ended: "done" }],
    ["abc\u0003", { typed: "", ended: "interrupted" }],
    ['{\n"a":1\n}\r', { typed: '{\n"a":1\n}', ended: "done" }],
    [
      "-----BEGIN PRIVATE KEY-----\nAA\n-----END PRIVATE KEY-----\n",
      { typed: "-----BEGIN PRIVATE KEY-----\nAA\n-----END PRIVATE KEY-----", ended: "done" },
    ],
  ])("typing %j in the hidden prompt", (keys, state) => {
    expect(type(keys)).toEqual(state);
  });
});

describe("times", () => {
  test.each([
    ["30d", "2026-10-22T12:00:00.000Z"],
    ["2026-11-01", "2026-11-01T00:00:00.000Z"],
    ["2026-11-01T10:00:00+02:00", "2026-11-01T08:00:00.000Z"],
  ])("%s ago or since → %s", (text, iso) =>
    expect(readPastMoment("since", text, Date.parse("2026-11-21T12:00:00.000Z"))).toBe(iso),
  );
  test.each(["yesterday", "2027-01-01", "0d", "2026-13-01"])("%s is no time in the past", (text) => {
    expect(() => readPastMoment("since", text, Date.parse("2026-11-21T12:00:00.000Z"))).toThrow(/--since/);
  });
  const now = Date.UTC(2026, 10, 20, 12);
  test.each([
    ["90d", "2027-02-18T12:00:00.000Z"],
    ["2027-01-31", "2027-01-31T23:59:59.000Z"],
    ["2027-01-31T10:00:00+02:00", "2027-01-31T08:00:00.000Z"],
  ])("%s → %s", (text, iso) => expect(readMoment("expires", text, now)).toBe(iso));
  test.each(["0d", "tomorrow", "2027-13-01", "90", "2020-01-01", "-5d"])("%s is refused", (text) => {
    expect(() => readMoment("expires", text, now)).toThrow(/--expires/);
  });
});

test("settings are texts, lists in JSON, or null where they are removed", () => {
  const kinds = new Map([
    ["seats", "integer"],
    ["auto_renew", "boolean"],
    ["unit_price", "decimal"],
  ]);
  expect(readMetadata(["team=fin=ops", 'tags=["a"]'], { removes: false, kinds })).toEqual({
    team: "fin=ops",
    tags: ["a"],
  });
  expect(readMetadata(["team="], { removes: true, kinds })).toEqual({ team: null });
  expect(() => readMetadata(["team="], { removes: false, kinds })).toThrow("has no value");
  expect(() => readMetadata(["tags=[a"], { removes: false, kinds })).toThrow("no JSON");
  const typed = ["seats=5", "auto_renew=false", "unit_price=20.00", "team=7"];
  expect(readMetadata(typed, { removes: false, kinds })).toEqual({
    seats: 5,
    auto_renew: false,
    unit_price: "20.00",
    team: "7",
  });
  expect(readMetadata(["seats=many"], { removes: false, kinds })).toEqual({ seats: "many" });
  expect(readMetadata([], { removes: true, kinds })).toBeNull();
});

describe("what a terminal gets", () => {
  test("holds nothing that it would obey or hide", () => {
    expect(plain("a\u001b[31mred\u0007\u009b2J\u202ex\u200b\r\nb")).toBe("a[31mred2Jx b");
    const json = '{"a":"\u009b2J\u202e","b":"\\u001b"}';
    expect(harmlessJson(json)).toBe('{"a":"\\u009b2J\\u202e","b":"\\u001b"}');
    expect(JSON.parse(harmlessJson(json))).toEqual(JSON.parse(json));
    expect(table(fakeTerminal(false), ["x"], [["\u001b]0;title\u0007"], ["b\nc"]])).toBe("x\n]0;title\nb c");
  });

  describe("that is narrow", () => {
    const wide = (columns: number | null) => ({ ...fakeTerminal(true), columns });
    const head = ["row", "what is wrong", "what to do"];
    const rows = [["2", "does not have the shape of this provider's", "Copy it again and paste it whole"]];
    test("is a table whose long texts go on below themselves, no line longer than there is room", () => {
      expect(table(wide(50), head, rows).split("\n")).toEqual([
        "row  what is wrong           what to do",
        "2    does not have the       Copy it again and",
        "     shape of this           paste it whole",
        "     provider's",
      ]);
      for (const columns of [30, 40, 60, 79])
        for (const line of table(wide(columns), head, rows).split("\n"))
          expect(line.length).toBeLessThanOrEqual(columns);
    });
    test("has a list for each row where no table fits", () => {
      expect(table(wide(24), head, [...rows, ["3", "is missing", ""]]).split("\n")).toEqual([
        "row            2",
        "what is wrong  does not",
        "               have the",
        "               shape of",
        "               this",
        "               provider's",
        "what to do     Copy it",
        "               again and",
        "               paste it",
        "               whole",
        "",
        "row            3",
        "what is wrong  is missing",
        "what to do",
      ]);
    });
    test("cuts nothing where there is no terminal, or room enough", () => {
      for (const columns of [null, 200])
        expect(table(wide(columns), head, rows).split("\n")[1]).toBe(
          "2    does not have the shape of this provider's  Copy it again and paste it whole",
        );
    });
    test("shows running text in lines of its width", () => {
      expect(flowing(wide(12), "one two three four")).toBe("one two\nthree four");
      expect(flowing(wide(null), "one two three four")).toBe("one two three four");
    });
  });

  test.each([
    [{ json: true, stdoutIsTty: true, reveal: false }, "json"],
    [{ json: false, stdoutIsTty: false, reveal: false }, "json"],
    [{ json: false, stdoutIsTty: true, reveal: true }, "revealed"],
    [{ json: false, stdoutIsTty: true, reveal: false }, "hidden"],
  ] as const)("of a decrypted credential: %j → %s", (asked, shown) => expect(view(asked)).toBe(shown));

  test("is the secret only where it is asked for", () => {
    const body = { provider: "OPENAI", credential: { api_key: "the-secret" }, fingerprint: "1a2b3c4d" };
    expect(decryptText(fakeTerminal(true), body, { revealed: false })).not.toContain("the-secret");
    expect(decryptText(fakeTerminal(true), body, { revealed: false })).toContain("1a2b3c4d");
    expect(decryptText(fakeTerminal(true), body, { revealed: true })).toContain("the-secret");
  });

  test("is a bar on a terminal and nothing elsewhere", () => {
    expect(bar(15, 30, "checked")).toBe(`${"█".repeat(15)}${"░".repeat(15)}  15/30 checked`);
    expect(bar(0, 0, "checked")).toContain("0/0");
    const [tty, pipe] = [fakeTerminal(true), fakeTerminal(false)];
    for (const terminal of [tty, pipe]) {
      const progress = progressBar(terminal, "checked");
      progress.advance(1, 2);
      progress.above(() => terminal.note("a note"));
      progress.end();
    }
    expect(tty.drawn).toEqual([bar(1, 2, "checked"), "", bar(1, 2, "checked"), ""]);
    expect(pipe.drawn).toEqual([]);
    expect(pipe.notes).toEqual(["a note"]);
  });
});

describe("an answer that does not end", () => {
  test.each([200, 401, 500])("is not read beyond 8 MiB and is no answer of the service (%i)", async (status) => {
    let sent = 0;
    const closed = Promise.withResolvers<void>();
    const server = createServer((_request, response) => {
      response.writeHead(status, { "content-type": "application/json" });
      response.once("close", () => closed.resolve());
      const chunk = Buffer.alloc(64 * 1024, "[");
      const pour = () => {
        while (!response.destroyed && sent < 64 * 1024 * 1024) {
          sent += chunk.length;
          if (!response.write(chunk)) return void response.once("drain", pour);
        }
        response.end();
      };
      pour();
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const address = server.address();
    const port = typeof address === "object" && address !== null ? address.port : 0;
    const terminal = fakeTerminal(false);
    const environment = { INTEGRATIONS_API_KEY: "x", INTEGRATIONS_URL: `http://127.0.0.1:${port}` };
    const code = await dispatch(["status", "acme"], terminal, environment);
    await closed.promise;
    server.close();
    expect(code).toBe(status === 401 ? 3 : 4);
    expect(terminal.lines).toEqual([]);
    expect(terminal.notes.join("").length).toBeLessThan(1_000);
    expect(sent).toBeLessThan(32 * 1024 * 1024);
  });
});

describe("usage", () => {
  const key = "sk-proj-demo-good-000000000000000000000000000000";
  test.each([
    [["statsu", "acme"], 'Did you mean "status"'],
    [["org-key"], "org-key create, org-key list, org-key revoke"],
    [["org-key", "crate", "acme"], 'Did you mean "org-key create"'],
    [["org-key", "create", "acme"], "--scope is missing"],
    [["org-key", "create", "acme", "--scope", "write"], "--scope must be one of: manage, read"],
    [["org-key", "create", "ACME", "--scope", "read"], "<org> must be an organisation"],
    [["org-key", "create", "providers", "--scope", "read"], "<org> must be an organisation"],
    [["org-key", "create", "acme", "--scope", "read", "--scope", "manage"], "--scope is given twice"],
    [["org-key", "create", "acme", "--scope"], "--scope needs a value"],
    [["org-key", "create", "acme", "--scope", "--json"], "--scope needs a value"],
    [["org-key", "create", "acme", "--scpoe", "read"], "Did you mean --scope"],
    [["grant", "create", "--subject", "a b", "--org", "acme", "--provider", "*"], "--subject must be"],
    [["grant", "create", "--subject", "a", "--org", "acme", "--provider", "a.txt", "b.txt"], "needs quotes"],
    [["grant", "revoke", "x"], "<grant_id> must be"],
    [["token", "--subject", "no/slash"], "--subject must be"],
    [["sweep", "--shard", "3/3"], "--shard must be i/n"],
    [["sweep", "--limit", "0"], "--limit must be"],
    [["update", "acme", "openai"], "nothing to change"],
    [["update", "acme", "openai", "--enable", "--disable"], "exclude each other"],
    [["setup", "acme", "openai", key], "never taken from the command line"],
    [["setup", "acme", "openai", "0123456789abcdef0123456789abcdef"], "never taken from the command line"],
    [["setup", "acme", "openai", `--credential=${key}`], "never taken from the command line"],
    [["setup", "acme", "openai", "--api-key", "plain"], "never taken from the command line"],
    [["update", "acme", "openai", "--credential=plain"], "never taken from the command line"],
    [["setup", "acme", "openai", "--name", key], "never taken from the command line"],
    [["setup", "acme", "openai", "--metadata", `team=${key}`], "never taken from the command line"],
    [["setup", "acme", "../beta"], "<provider> must be a provider"],
    [["--scope", "read", "org-key", "create"], "Options stand behind the command"],
  ])("%j → 2: %s", async (args, told) => {
    const terminal = fakeTerminal(false);
    expect(await dispatch(args, terminal, { INTEGRATIONS_API_KEY: "x" })).toBe(2);
    const [said, silent] = args.includes("--json")
      ? [terminal.lines, terminal.notes]
      : [terminal.notes, terminal.lines];
    expect(silent).toEqual([]);
    const text = said.join("\n");
    expect(text).toContain(told);
    expect(text).not.toContain("demo-good");
    expect(text).not.toContain("0123456789abcdef");
    expect(text).not.toContain("plain");
  });
});
