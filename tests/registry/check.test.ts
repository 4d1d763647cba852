import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Fault } from "../../shared/contract/fault.ts";
import { checkCredential } from "../../shared/registry/check.ts";
import { loadRegistry } from "../../shared/registry/load.ts";
import { repairPasted } from "../../shared/registry/repair-pasted.ts";
import { adminKeys, entryOf, fakeKey, fakeKeys, registry, registryText } from "./the-registry.ts";

const KEY = fakeKey("OPENAI");
const ANT = fakeKey("ANTHROPIC");

function refusalOf(code: string, submitted: unknown): Fault {
  try {
    checkCredential(registry, entryOf(code), submitted);
  } catch (error) {
    if (error instanceof Fault) return error;
    throw error;
  }
  throw new Error("was taken");
}

/** Everything of a fault that reaches the caller. */
function shown(fault: Fault): string {
  const { cause: _, ...details } = fault.details;
  return JSON.stringify({ message: fault.message, ...details });
}

describe("pasted text is repaired once and the repaired value is what is used:", () => {
  test.each([
    ["nothing around it", KEY],
    ["blanks and line breaks", `  \n${KEY}\r\n\t`],
    ["a byte order mark", `\ufeff${KEY}`],
    ["zero-width characters", `\u200b${KEY}\u200d\u2060`],
    ["a no-break space", `\u00a0${KEY}\u00a0`],
    ["straight quotes", `"${KEY}"`],
    ["single quotes", `'${KEY}'`],
    ["curly quotes", `“${KEY}”`],
    ["low curly quotes", `„${KEY}“`],
    ["backticks", `\`${KEY}\``],
    ["quotes with blanks inside and out", ` " ${KEY} " `],
    ["the header it was copied from", `Bearer ${KEY}`],
    ["the whole header line", `Authorization: bearer  ${KEY}`],
  ])("%s", (_, pasted) => {
    expect(checkCredential(registry, entryOf("OPENAI"), pasted).credential["api_key"]?.reveal()).toBe(KEY);
    expect(checkCredential(registry, entryOf("OPENAI"), { api_key: pasted }).credential["api_key"]?.reveal()).toBe(KEY);
  });
  test("the inside is left as it is", () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[a-z0-9][\x21-\x7e]{0,40}[a-z0-9]$/), (inside) => {
        expect(repairPasted(` \t"${inside}"\n`)).toBe(inside);
      }),
    );
  });
  test("64 KiB of blanks and quotes blow nothing up", () => {
    for (const unit of [" ", '"', "\u200b", "Bearer ", "“"]) {
      const start = performance.now();
      repairPasted(unit.repeat(65_536));
      expect(performance.now() - start).toBeLessThan(1_000);
    }
  });
});

describe("a credential is taken", () => {
  test.each(Object.entries(fakeKeys))("of %s in its own shape, as text and as an object", (code, key) => {
    for (const submitted of [key, { api_key: key }]) {
      const { credential, bound } = checkCredential(registry, entryOf(code), submitted);
      expect(Object.keys(credential)).toEqual(["api_key"]);
      expect(credential["api_key"]?.reveal()).toBe(key);
      expect(bound).toEqual({});
    }
  });
  test.each([
    ["OPENAI", adminKeys.OPENAI],
    ["OPENAI", `sk-${"a".repeat(20)}T3BlbkFJ${"b".repeat(20)}`],
    ["OPENAI", "sk-test-0123456789abcdef0123"],
    ["ANTHROPIC", adminKeys.ANTHROPIC],
    ["ANTHROPIC", `sk-ant-api99-${"z".repeat(40)}`],
    ["GEMINI", `AIza${"a-_9".repeat(8)}abc`],
    ["DEEPSEEK", "sk-ABCDEFabcdef0123456789ABCDEFab"],
    ["MISTRAL", "0a0a0a0a-0a0a-0a0a-0a0a-0a0a0a0a0a0a"],
  ])("of %s in an older, newer or unusual shape", (code, key) => {
    expect(checkCredential(registry, entryOf(code), key).credential["api_key"]?.reveal()).toBe(key);
  });
  test("with fields that are not secret, which are bound", () => {
    const { credential, bound } = checkCredential(registry, entryOf("OPENAI"), {
      api_key: KEY,
      organization_id: " org-1234567890 ",
      project_id: "",
    });
    expect(Object.keys(credential)).toEqual(["api_key", "organization_id"]);
    expect(bound).toEqual({ organization_id: "org-1234567890" });
  });
  test("with null for an optional field as if it were left out", () => {
    expect(checkCredential(registry, entryOf("OPENAI"), { api_key: KEY, organization_id: null }).bound).toEqual({});
  });
  test.each([
    ["GEMINI", `AIza${"a".repeat(35)}`, ["key_type_deprecated"]],
    ["GEMINI", fakeKey("GEMINI"), []],
    ["OPENAI", fakeKey("DEEPSEEK"), ["looks_like_deepseek"]],
    ["OPENAI", KEY, []],
  ])("of %s with the warnings that its shape gives", (code, key, warnings) => {
    expect(checkCredential(registry, entryOf(code), key).warnings).toEqual(warnings);
  });
});

const refused: Array<[title: string, submitted: unknown, field: string, message: RegExp]> = [
  ["nothing", undefined, "/credential", /must be a string, or an object with: api_key, organization_id, project_id/],
  ["null", null, "/credential", /must be a string/],
  ["a number", 42, "/credential", /must be a string/],
  ["a list", [KEY], "/credential", /must be a string/],
  ["an empty object", {}, "/credential/api_key", /is missing/],
  ["an empty text", "", "/credential", /is empty/],
  ["blanks", " \n\u200b ", "/credential", /is empty/],
  ["only quotes", '""', "/credential", /is empty/],
  ["a field of another type", { api_key: 42 }, "/credential/api_key", /must be a string/],
  ["a field that is an object", { api_key: { value: KEY } }, "/credential/api_key", /must be a string/],
  ["a lone surrogate", `${KEY}\ud800`, "/credential", /not valid Unicode/],
  ["a blank inside", `${KEY.slice(0, 30)} ${KEY.slice(30)}`, "/credential", /holds a space/],
  ["a line break inside", `${KEY}\r\nX-Evil: 1`, "/credential", /holds a space/],
  ["a Cyrillic letter", `sk-proj-${"а".repeat(40)}`, "/credential", /printable ASCII/],
  ["more than 8 KiB", `sk-${"a".repeat(8_190)}`, "/credential", /longer than 8 KiB/],
  ["a megabyte", `sk-${"a".repeat(1_000_000)}`, "/credential", /longer than 8 KiB/],
  ["a key of no known shape", "hunter2-hunter2-hunter2", "/credential", /does not have the shape/],
  ["too short a key", "sk-abc", "/credential", /does not have the shape/],
  ["asterisks", "********************", "/credential", /masked/],
  ["a masked tail", "sk-proj-••••••••abcd", "/credential", /masked/],
  ["a masked middle", "sk-proj-abc...wxyz0123456789", "/credential", /masked/],
  ["a dotted middle of the right length", `sk-proj-${"a".repeat(30)}...${"b".repeat(30)}`, "/credential", /masked/],
  ["an ellipsis", "sk-proj-abcdefghijklmnopqrst…", "/credential", /masked/],
  ["stars in the middle", "sk-WRQsP***************xQBt", "/credential", /masked/],
  [
    "an organization of the wrong shape",
    { api_key: KEY, organization_id: "org/../../x" },
    "/credential/organization_id",
    /does not have the shape/,
  ],
];

describe("a credential of OPENAI is refused, without its value, for", () => {
  test.each(refused)("%s", (_, submitted, field, message) => {
    const fault = refusalOf("OPENAI", submitted);
    expect(fault.code).toBe("credential_format");
    expect(fault.message).toMatch(/^Invalid API key format for OpenAI/);
    expect(fault.details).toMatchObject({ provider: "OPENAI", providerName: "OpenAI", remedy: expect.any(String) });
    expect(fault.details.errors).toEqual([{ field, message: expect.stringMatching(message) }]);
    const values = typeof submitted === "string" ? [submitted] : Object.values(submitted ?? {});
    for (const value of values) {
      if (typeof value === "string" && value.trim().length > 3)
        expect(shown(fault)).not.toContain(value.trim().slice(0, 12));
    }
  });
  test("a field that is not known, without its name", () => {
    const fault = refusalOf("OPENAI", { api_key: KEY, [`sk-${"x".repeat(30)}`]: "y", password: "hunter2" });
    expect(fault.details.errors).toEqual([
      { field: "/credential", message: "takes only: api_key, organization_id, project_id" },
    ]);
    expect(shown(fault)).not.toMatch(/hunter2|password|sk-xx/);
  });
  test.each(["__proto__", "constructor", "toString"])("the name %s, and nothing is polluted", (name) => {
    const submitted: unknown = JSON.parse(`{"api_key":"${KEY}","${name}":{"api_key":"x","polluted":true}}`);
    expect(refusalOf("OPENAI", submitted).details.errors?.[0]?.field).toBe("/credential");
    expect(Reflect.get({}, "polluted")).toBeUndefined();
  });
  test("a name inherited instead of given", () => {
    expect(refusalOf("OPENAI", Object.create({ api_key: KEY })).details.errors?.[0]?.message).toBe("is missing");
  });
  test("everything that is wrong, at once", () => {
    const fault = refusalOf("OPENAI", { api_key: "", organization_id: 1, nope: 1 });
    expect(fault.details.errors?.map(({ field }) => field)).toEqual([
      "/credential/api_key",
      "/credential/organization_id",
      "/credential",
    ]);
  });
});

describe("what to do is told of the field that is wrong:", () => {
  const file = {
    type: "service_account",
    project_id: "acme-billing",
    client_email: "cloudact@acme-billing.iam.gserviceaccount.com",
  };
  const fixedRemedy = (label: string) =>
    `${label} must be as in the key file that Google Cloud made. Paste that file whole and unchanged.`;
  const told: Array<[title: string, code: string, submitted: unknown, remedy: string]> = [
    [
      "a key as text",
      "OPENAI",
      "sk-abc",
      "Copy API key again from OpenAI and paste it whole. It looks like sk-admin-…",
    ],
    [
      "an optional field",
      "OPENAI",
      { api_key: KEY, organization_id: "no/pe" },
      "Copy Organization ID again from OpenAI and paste it whole. It looks like org-…",
    ],
    [
      "the first of several, secret or not",
      "OCI",
      { tenancy_ocid: "nonsense", user_ocid: "nonsense" },
      "Copy Tenancy OCID again from Oracle Cloud and paste it whole. It looks like ocid1.tenancy.oc1..aaaa…",
    ],
    ["a fixed field of another value", "GCP_SA", { ...file, type: "user" }, fixedRemedy("Type")],
    ["a fixed field that is missing", "GCP_SA", { ...file, type: undefined }, fixedRemedy("Type")],
    [
      "several fields as one text",
      "OCI",
      "nonsense",
      "Copy the credential again from Oracle Cloud and paste it whole.",
    ],
  ];
  test.each(told)("%s", (_, code, submitted, remedy) => {
    expect(refusalOf(code, submitted).details.remedy).toBe(remedy);
  });
});

describe("another provider's key is refused with that provider's name:", () => {
  const unmistakable = [
    "OPENAI",
    "ANTHROPIC",
    "GEMINI",
    "GROQ",
    "XAI",
    "PERPLEXITY",
    "OPENROUTER",
    "TOGETHER",
    "FIREWORKS",
  ];
  const pairs = Object.keys(fakeKeys).flatMap((target) =>
    unmistakable.filter((source) => source !== target).map((source) => [source, target] as const),
  );
  test.each(pairs)("a key of %s pasted into %s", (source, target) => {
    const fault = refusalOf(target, fakeKey(source));
    const name = entryOf(source).display_name;
    expect(fault.details).toMatchObject({ reason: "other_provider", provider: target });
    expect(fault.message).toContain(`this looks like a key of ${name}`);
    expect(fault.details.remedy).toBe(`This looks like a key of ${name}; set it up under /${source.toLowerCase()}.`);
    expect(shown(fault)).not.toContain(fakeKey(source).slice(0, 14));
  });
  test("an entry's own recognition wins over another's", () => {
    const greedy = `${registryText}
  - code: GREEDY
    display_name: Greedy
    category: genai
    credential_type: api_key
    fields: [{ name: api_key }]
    recognise: ["^sk-"]
    endpoints: { api: "https://greedy.example" }
    probe: { get: { endpoint: api, path: /, headers: { authorization: "{api_key}" } }, success: { status: 200, has: id } }
`;
    const loaded = loadRegistry([{ name: "a", text: greedy }]);
    const anthropic = loaded.byCode("ANTHROPIC");
    if (anthropic === null) throw new Error("no ANTHROPIC");
    expect(checkCredential(loaded, anthropic, ANT).credential["api_key"]?.reveal()).toBe(ANT);
  });
  test.each([`sk-ant-oat01-${"a".repeat(60)}`, `sk-ant-sid01-${"a".repeat(60)}`])(
    "a sign-in token of Anthropic is no API key",
    (token) => {
      const fault = refusalOf("ANTHROPIC", token);
      expect(fault.details).toMatchObject({
        reason: "oauth_token",
        remedy: expect.stringMatching(/short-lived.*admin key/),
      });
    },
  );
});
