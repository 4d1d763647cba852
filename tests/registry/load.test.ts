import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { registrySchemaText } from "../../scripts/generate-registry-schema.ts";
import { protocolNames } from "../../shared/providers/protocol-names.ts";
import { loadRegistry, openRegistry, RegistryError } from "../../shared/registry/load.ts";
import { registry, registryText } from "./the-registry.ts";

const GOOD = `providers:
  - code: ACME
    aliases: [acme, acme_ai]
    display_name: Acme
    category: genai
    credential_type: api_key
    fields:
      - { name: api_key, label: API key, secret: true, pattern: "^acme-[a-z0-9]{10,60}$", example: acme-0a0a }
      - { name: team, label: Team, secret: false, pattern: "^[a-z]{1,20}$", example: blue, optional: true }
    endpoints: { api: "https://api.acme.example/" }
    probe:
      get: { endpoint: api, path: /v1/me, headers: { authorization: "Bearer {api_key}" } }
      success: { status: 200, has: id }
    capabilities: [{ id: cost_read }]
    pipelines: [{ id: genai.payg_usage, any_of: [cost_read] }]
`;

function problemsOf(...texts: string[]): string[] {
  try {
    loadRegistry(texts.map((text, index) => ({ name: `file${index}.yml`, text })));
    return [];
  } catch (error) {
    if (!(error instanceof RegistryError)) throw error;
    return error.message.split("\n").slice(1);
  }
}

describe("the registry that ships", () => {
  test("holds the providers of the contract, each with a protocol that exists", () => {
    const { entries, custom } = loadRegistry([{ name: "providers.yml", text: registryText }], new Map(), protocolNames);
    const codesOf = (one: string) => entries.filter(({ category }) => category === one).map(({ code }) => code);
    expect(codesOf("saas")).toEqual([
      "CHATGPT_PLUS",
      "CLAUDE_PRO",
      "CURSOR",
      "CANVA",
      "FIGMA",
      "ADOBE_CC",
      "NOTION",
      "SLACK",
      "ASANA",
      "GITHUB",
      "VERCEL",
      "RAILWAY",
    ]);
    expect(custom?.code).toBe("CUSTOM");
    expect(codesOf("genai")).toEqual([
      "OPENAI",
      "ANTHROPIC",
      "GEMINI",
      "DEEPSEEK",
      "MISTRAL",
      "GROQ",
      "XAI",
      "COHERE",
      "PERPLEXITY",
      "OPENROUTER",
      "TOGETHER",
      "FIREWORKS",
    ]);
  });
  test("gives every genai provider the pipeline genai.payg_usage and says how to make it ready", () => {
    for (const entry of registry.entries.filter(({ category }) => category === "genai")) {
      expect(
        entry.pipelines.map(({ id }) => id),
        entry.code,
      ).toContain("genai.payg_usage");
      for (const capability of entry.capabilities.filter(({ id }) => id !== "models_read" && id !== "balance_read")) {
        expect(capability.remedy, `${entry.code} ${capability.id}`).toBeTruthy();
      }
      expect(entry.setup_help.length, entry.code).toBeGreaterThan(0);
      expect(entry.docs, entry.code).toBeDefined();
      expect(entry.remedies.rejected, entry.code).toBeTruthy();
    }
  });
  test("asks for nothing that costs money", () => {
    expect(registry.entries.filter(({ cost }) => cost !== "free")).toEqual([]);
  });
  test("explains every reason that its rules can give", () => {
    for (const entry of registry.entries) {
      if (entry.probe === undefined || "protocol" in entry.probe) continue;
      for (const { reason } of entry.probe.rules)
        if (reason) expect(entry.reasons, entry.code).toHaveProperty([reason]);
    }
  });
  test("is the same once it was compiled, and an override reaches it", () => {
    const all = [...registry.entries, ...(registry.custom ? [registry.custom] : [])];
    const compiled: typeof all = JSON.parse(JSON.stringify(all));
    const opened = openRegistry(compiled, new Map([["OPENAI_API", "http://127.0.0.1:9000/v1/"]]));
    expect(opened.entries.slice(1)).toEqual(registry.entries.slice(1));
    expect(opened.custom).toEqual(registry.custom);
    expect(opened.byCode("OPENAI")?.endpoints).toEqual({ api: "http://127.0.0.1:9000/v1" });
    expect(opened.byPath("custom-x")?.code).toBe("custom-x");
    expect(opened.familyOf("aws").map(({ code }) => code)).toEqual(["AWS_IAM", "AWS_KEYS"]);
    expect(() => openRegistry(compiled, new Map([["NOBODY_API", "http://127.0.0.1:1"]]))).toThrow("names no endpoint");
  });
  test("has a JSON Schema beside it that is freshly generated", () => {
    const path = new URL("../../configs/system/providers.schema.json", import.meta.url);
    expect(readFileSync(path, "utf8")).toBe(registrySchemaText());
  });
  test("takes 20 texts of 64 KiB against every pattern without blowing up", () => {
    const hostile = ["a", "sk-", "AIza", "-", "sk-ant-api03-", "0f", "T3BlbkFJ", "AQ."].map((unit) =>
      unit.repeat(65_536 / unit.length),
    );
    for (const entry of registry.entries) {
      const patterns = [
        ...entry.fields.flatMap((field) => [field.pattern, ...field.warn.map((one) => one.pattern)]),
        ...entry.recognise,
      ];
      for (const source of patterns) {
        for (const text of hostile) {
          const start = performance.now();
          new RegExp(source).test(`${text}!`);
          expect(performance.now() - start, `${entry.code} ${source}`).toBeLessThan(1_000);
        }
      }
    }
  });
});

describe("a registry file", () => {
  test("is found by code exactly, and by alias or lower-case code in a path", () => {
    const loaded = loadRegistry([{ name: "a", text: GOOD }]);
    expect(loaded.byCode("ACME")?.display_name).toBe("Acme");
    expect(loaded.byPath("acme")?.code).toBe("ACME");
    expect(loaded.byPath("acme_ai")?.code).toBe("ACME");
    for (const unknown of ["ACME", "Acme", "acme ", "", "constructor", "__proto__"])
      expect(loaded.byPath(unknown)).toBeNull();
    expect(loaded.byCode("acme")).toBeNull();
  });
  test("needs only what the contract calls required; the rest has defaults", () => {
    const [entry] = loadRegistry([
      { name: "a", text: GOOD.replace(/ {4}capabilities[\s\S]*/, "").replace("    aliases: [acme, acme_ai]\n", "") },
    ]).entries;
    expect(entry).toMatchObject({
      aliases: [],
      capabilities: [
        { id: "usage_read", state: "unknown" },
        { id: "cost_read", state: "unknown" },
      ],
      pipelines: [{ id: "genai.payg_usage", all_of: [], any_of: ["usage_read", "cost_read"] }],
      cost: "free",
      concurrency: 50,
      confirm_after_ms: 2_000,
      deadline_ms: 15_000,
      rate_limit: { requests_per_minute: 60, retry_after_seconds: 60 },
      retry: { max: 1, backoff_ms: 500 },
      revalidate: { interval_hours: 24 },
    });
  });
  test("may write a path with [] unquoted inside braces, as the grammar's example does", () => {
    const bare = GOOD.replace(
      /( {6}success:.*\n)/,
      "$1      rules: [{ status: 400, at: error.details[].reason, equals: DEAD, then: rejected }]\n",
    );
    const [entry] = loadRegistry([{ name: "a", text: bare }]).entries;
    expect(entry?.probe).toMatchObject({ rules: [{ at: "error.details[].reason", equals: "DEAD" }] });
    expect(problemsOf(bare.replace("then: rejected", "then: nonsense")).join()).toContain("then");
  });
  test("may hold a pattern with two open ends around a fixed part", () => {
    expect(problemsOf(GOOD.replace("^acme-[a-z0-9]{10,60}$", "^[a-z]+@[a-z]+$"))).toEqual([]);
  });
  test("merges a further file behind the first", () => {
    const second = GOOD.replaceAll("ACME", "OTHER").replaceAll("acme, acme_ai", "other");
    const loaded = loadRegistry([
      { name: "a", text: GOOD },
      { name: "b", text: second },
    ]);
    expect(loaded.entries.map(({ code }) => code)).toEqual(["ACME", "OTHER"]);
  });
  test("cannot be changed once it is loaded", () => {
    const entry = loadRegistry([{ name: "a", text: GOOD }]).byCode("ACME");
    expect(() => Object.assign(entry?.endpoints ?? {}, { api: "https://evil.example" })).toThrow(TypeError);
  });
  test("has every base URL without its trailing slash", () => {
    expect(loadRegistry([{ name: "a", text: GOOD }]).byCode("ACME")?.endpoints).toEqual({
      api: "https://api.acme.example",
    });
  });
});

const wrong: Array<[title: string, from: string | RegExp, to: string, problem: RegExp]> = [
  ["a code in lower case", "code: ACME", "code: acme", /^ {2}file0\.yml:2 providers\[0\]\.code: /],
  [
    "a member that is missing, at its entry",
    "    display_name: Acme\n",
    "",
    /^ {2}file0\.yml:2 providers\[0\]\.display_name: is missing/,
  ],
  [
    "a member that is not known",
    "category: genai",
    "category: genai\n    colour: red",
    /^ {2}file0\.yml:6 providers\[0\]\.colour: is not known here/,
  ],
  ["a category that is not known", "genai\n", "fun\n", /file0\.yml:5 providers\[0\]\.category: /],
  [
    "a pattern that does not compile",
    "^acme-[a-z0-9]{10,60}$",
    "^acme-[",
    /file0\.yml:8 providers\[0\]\.fields\[0\]\.pattern: must compile and stay linear/,
  ],
  [
    "a pattern with a quantified group",
    "^acme-[a-z0-9]{10,60}$",
    "^([a-z]+)+$",
    /fields\[0\]\.pattern: must compile and stay linear/,
  ],
  ["a pattern whose quantifiers multiply", "^acme-[a-z0-9]{10,60}$", "^[a-z]+[a-z]+[a-z]+$", /stay linear/],
  ["a pattern with lookahead", "^acme-[a-z0-9]{10,60}$", "^(?=a)a$", /stay linear/],
  ["a pattern with inline flags", "^acme-[a-z0-9]{10,60}$", "(?i)acme", /stay linear/],
  [
    "an endpoint over plain http",
    "https://api.acme.example/",
    "http://api.acme.example",
    /file0\.yml:10 providers\[0\]\.endpoints\.api: must be https/,
  ],
  [
    "an endpoint with credentials",
    "https://api",
    "https://user:secret@api",
    /endpoints\.api: must not hold credentials/,
  ],
  [
    "an endpoint with a query",
    "acme.example/",
    "acme.example/?a=b",
    /endpoints\.api: must have neither query nor fragment/,
  ],
  [
    "an endpoint that is interpolated",
    "api.acme.example",
    "{team}.acme.example",
    /endpoints\.api: is never interpolated|Invalid URL/i,
  ],
  [
    "an endpoint of another scheme",
    "https://api.acme.example/",
    "ftp://api.acme.example",
    /endpoints\.api: must be an http/,
  ],
  [
    "a probe of an endpoint that does not exist",
    "endpoint: api",
    "endpoint: costs",
    /file0\.yml:12 providers\[0\]\.probe\.get\.endpoint: endpoint `costs`/,
  ],
  [
    "interpolation of an unknown field",
    "Bearer {api_key}",
    "Bearer {api_key} {user}",
    /file0\.yml:12 .*headers\.authorization: `\{user\}` is not a field/,
  ],
  [
    "interpolation in a path",
    "path: /v1/me",
    'path: "/v1/{team}/me"',
    /probe\.get\.path: a path is never interpolated/,
  ],
  [
    "a secret that is sent nowhere",
    "Bearer {api_key}",
    "Bearer {team}",
    /file0\.yml:8 providers\[0\]\.fields\[0\]\.name: is secret and sent nowhere/,
  ],
  [
    "a header that belongs to the connection",
    "authorization: ",
    "host: x, authorization: ",
    /headers\.host: is not a header that a provider may set/,
  ],
  [
    "success without a shape",
    ", has: id",
    "",
    /file0\.yml:13 providers\[0\]\.probe\.success\.has: must say what the body holds/,
  ],
  [
    "a probe that both gets and posts",
    "      success:",
    "      post: { endpoint: api, path: /x, body: {} }\n      success:",
    /probe: needs exactly one of get and post/,
  ],
  [
    "a rule that compares nothing",
    "has: id }",
    "has: id }\n      rules: [{ status: 401, equals: x, then: rejected }]",
    /rules\[0\]: `equals` and `matches` need `at`/,
  ],
  [
    "a rule with an unknown outcome",
    "has: id }",
    "has: id }\n      rules: [{ status: 401, then: dead }]",
    /file0\.yml:14 providers\[0\]\.probe\.rules\[0\]\.then: /,
  ],
  [
    "a pipeline that needs an undeclared capability",
    "any_of: [cost_read]",
    "any_of: [usage_read]",
    /file0\.yml:15 providers\[0\]\.pipelines\[0\]\.any_of\[0\]: capability `usage_read` is not declared/,
  ],
  [
    "a capability that stands twice",
    "[{ id: cost_read }]",
    "[{ id: cost_read }, { id: cost_read }]",
    /capabilities\[1\]\.id: `cost_read` stands twice/,
  ],
  [
    "a warning without a text",
    "example: acme-0a0a",
    'example: acme-0a0a, warn: [{ pattern: "^x", reason: old }]',
    /fields\[0\]\.warn\[0\]\.reason: `old` has no text/,
  ],
  ["an alias that routes use", "acme_ai", "import", /aliases\[1\]: is a word of the routes/],
  [
    "a setting that mirrors the credential",
    "    pipelines",
    "    metadata: [{ name: team, label: T, pattern: ^a$, example: a }]\n    pipelines",
    /metadata\[0\]\.name: `team` is a field of the credential/,
  ],
  [
    "a key that stands twice",
    "category: genai",
    "category: genai\n    category: saas",
    /file0\.yml:6: is not plain YAML/,
  ],
  ["a tag", "display_name: Acme", "display_name: !!js/function Acme", /file0\.yml:4: is not plain YAML/],
  ["an anchor", "display_name: Acme", "display_name: &a Acme", /file0\.yml:4: anchors and aliases are not taken/],
  ["text that is no YAML", "providers:", "providers: [", /is not plain YAML/],
  ["no providers at all", /[\s\S]*/, "providers: []", /file0\.yml:1 providers: /],
  ["another document behind the first", /$/, "---\nproviders: []\n", /is not plain YAML/],
];

describe("a wrong entry is reported with file, line and path:", () => {
  test.each(wrong)("%s", (_, from, to, problem) => {
    const text = GOOD.replace(from, () => to);
    expect(text).not.toBe(GOOD);
    const problems = problemsOf(text);
    expect(problems.join("\n")).toMatch(new RegExp(problem.source, "m"));
  });
  test("all at once, in the order of the file", () => {
    const text = GOOD.replace("code: ACME", "code: acme").replace("genai\n", "fun\n").replace(", has: id", "");
    expect(problemsOf(text).map((line) => /yml:(\d+)/.exec(line)?.[1])).toEqual(["2", "5", "13"]);
  });
  test("a code that an earlier file has taken, naming where", () => {
    expect(problemsOf(GOOD, GOOD).join("\n")).toMatch(
      /file1\.yml:2 providers\[0\]\.code: `acme` is already taken by ACME \(file0\.yml:2\)/,
    );
  });
  test("an alias that is another provider's code", () => {
    const second = GOOD.replace("ACME", "OTHER");
    expect(problemsOf(GOOD, second).join("\n")).toMatch(
      /file1\.yml:3 providers\[0\]\.aliases\[0\]: `acme` is already taken/,
    );
  });
  test("a protocol that no file speaks", () => {
    const text = GOOD.replace(/probe:[\s\S]*?has: id \}/, "probe: { protocol: telepathy }");
    expect(() => loadRegistry([{ name: "a.yml", text }], new Map(), protocolNames)).toThrow(
      /a\.yml:11 .*probe\.protocol: no file/,
    );
  });
  test("a bomb of aliases, before it is expanded", () => {
    const bomb = `a: &a [x,x,x,x,x,x,x,x,x]\n${"bcdefgh"
      .split("")
      .map((name, index) => `${name}: &${name} [${Array(9).fill(`*${"abcdefgh"[index]}`)}]`)
      .join("\n")}\n`;
    const start = performance.now();
    expect(problemsOf(bomb).join("\n")).toMatch(/anchors and aliases/);
    expect(performance.now() - start).toBeLessThan(5_000);
  });
});

describe("an endpoint override", () => {
  const sources = [{ name: "providers.yml", text: registryText }];
  test("replaces the base URL of one endpoint of one provider", () => {
    const loaded = loadRegistry(sources, new Map([["OPENAI_API", "http://127.0.0.1:9000/v1/"]]));
    expect(loaded.byCode("OPENAI")?.endpoints).toEqual({ api: "http://127.0.0.1:9000/v1" });
    expect(loaded.byCode("ANTHROPIC")?.endpoints).toEqual({ api: "https://api.anthropic.com" });
  });
  test("keeps plain http on a loopback host allowed in a file", () => {
    expect(problemsOf(GOOD.replace("https://api.acme.example/", "http://127.0.0.1:9000"))).toEqual([]);
  });
  test.each([
    ["of an endpoint that does not exist", "OPENAI_COSTS", "https://x.example", /OPENAI_COSTS: names no endpoint/],
    ["of a provider that does not exist", "NOBODY_API", "https://x.example", /NOBODY_API: names no endpoint/],
    ["in lower case", "openai_api", "https://x.example", /openai_api: names no endpoint/],
    ["that is no URL", "OPENAI_API", "over there", /OPENAI_API: is not a URL/],
    ["of another scheme", "OPENAI_API", "file:///etc/passwd", /OPENAI_API: must be an http\(s\) URL/],
    [
      "with credentials, which it does not repeat",
      "OPENAI_API",
      "https://u:hunter2@x.example",
      /OPENAI_API: must not hold credentials$/,
    ],
  ])("%s stops the start", (_, key, url, message) => {
    expect(() => loadRegistry(sources, new Map([[key, url]]))).toThrow(message);
    expect(() => loadRegistry(sources, new Map([[key, url]]))).toThrow(RegistryError);
  });
});
