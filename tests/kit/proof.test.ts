import { describe, expect, test } from "vitest";
import type { Entry } from "../../shared/registry/entry.ts";
import { loadRegistry, type Registry } from "../../shared/registry/load.ts";
import { entryOf, registryText } from "../registry/the-registry.ts";
import { fixture as openai } from "./fixtures/openai.ts";
import { faultsOf } from "./kit.ts";
import { type OutcomeAsked, type OwnProtocol, ownCases } from "./own-protocol.ts";
import { openRunner } from "./run.ts";

/** A provider that exists only here, written as a customer would add one: YAML and nothing else. */
const good = `
  - code: LUMEN
    aliases: [lumen]
    display_name: Lumen
    category: genai
    credential_type: api_key
    fields: [{ name: api_key, pattern: "^lum_[A-Za-z0-9]{24,60}$" }]
    endpoints: { api: "https://api.lumen.example/base" }
    probe:
      get: { endpoint: api, path: /v2/key, headers: { authorization: "Bearer {api_key}" } }
      success: { status: 200, has: key.id, is: string, expires: key.expires_at }
      rules:
        - { status: [400, 401], at: "errors[].code", equals: dead_key, and: { at: "errors[].text", matches: "^key .{1,20} ended" }, then: expired }
        - { status: [400, 401], at: "errors[].code", equals: dead_key, then: rejected }
        - { status: 403, at: "errors[].code", matches: "^SCOPE_[A-Z_]+$", then: forbidden, reason: scope }
    capabilities:
      - { id: usage_read, granted_when: { at: key.is_admin, equals: true }, remedy: Create an admin key. }
      - { id: cost_read, granted_when: { at: key.is_admin, equals: true }, remedy: Create an admin key. }
    reasons: { scope: Give the key the scope usage at lumen.example. }
    examples:
      - { name: seen_once, status: 401, body: { errors: [{ code: dead_key, text: "Key ab ended yesterday" }] }, then: expired, source: "lumen.example/docs/errors" }
`;

type Replacement = readonly [from: string, to: string];

/** The made-up entry with something changed in it, beside those that ship. */
function loadWith(replacements: readonly Replacement[]): { registry: Registry; entry: Entry } {
  const text = replacements.reduce((yaml, [from, to]) => {
    if (!yaml.includes(from)) throw new Error(`the entry does not hold ${from}`);
    return yaml.replace(from, to);
  }, good);
  const registry = loadRegistry([
    { name: "providers.yml", text: registryText },
    { name: "extra.yml", text: `providers:${text}` },
  ]);
  const entry = registry.byCode("LUMEN");
  if (entry === null) throw new Error("not loaded");
  return { registry, entry };
}

/** What the kit says of it, but for what happens on the way. */
async function faultsWith(...replacements: Replacement[]): Promise<string[]> {
  const { registry, entry } = loadWith(replacements);
  return await faultsOf(registry, entry, ({ name }) => !/silence|drips|5 MB|breaks off|echoes|tempting/.test(name));
}

/** Where the entry stops being one of HTTP. */
const ownProtocol: readonly Replacement[] = [
  [good.slice(good.indexOf("    probe:"), good.indexOf("    capabilities:")), "    probe: { protocol: openai }\n"],
  [good.slice(good.indexOf("    capabilities:"), good.indexOf("    reasons:")), ""],
];

test("a provider that YAML alone describes gets the whole kit, and passes", async () => {
  const { registry, entry } = loadWith([]);
  expect(await faultsOf(registry, entry)).toEqual([]);
});

const rule403 = '{ status: 403, at: "errors[].code", matches: "^SCOPE_[A-Z_]+$", then: forbidden, reason: scope }';
const dead = '{ status: [400, 401], at: "errors[].code", equals: dead_key, then: rejected }';
const ended =
  '{ status: [400, 401], at: "errors[].code", equals: dead_key, and: { at: "errors[].text", matches: "^key .{1,20} ended" }, then: expired }';

/** What is wrong with an entry → what the kit says of it. */
const wrong: Array<[string, readonly Replacement[], RegExp]> = [
  [
    "a rule that an earlier one covers",
    [[`- ${ended}\n        - ${dead}`, `- ${dead}\n        - ${ended}`]],
    /rules\[1\] never decides about a 401: rules\[0\] takes every answer of it first/,
  ],
  [
    "a rule whose conditions contradict one another",
    [[rule403, rule403.replace(", then", ", and: { at: errors, equals: none }, then")]],
    /rules\[2\] cannot be satisfied/,
  ],
  [
    "a success that an error satisfies",
    [["has: key.id, is: string, expires: key.expires_at", "has: message"]],
    /takes junk for a success/,
  ],
  [
    "a success that every envelope satisfies",
    [["has: key.id, is: string", "has: data"]],
    /takes junk for a success \(an envelope\)/,
  ],
  [
    "a success that its own rules take",
    [[rule403, "{ status: 200, at: key.id, then: rejected }"]],
    /no answer is ever a success/,
  ],
  ["forbidden without a text", [[", reason: scope }", " }"]], /`forbidden` and says nowhere what to do/],
  ["a reason without a text", [["reasons: { scope:", "reasons: { other:"]], /reason `scope`, which has no text/],
  [
    "a rejection by the status alone",
    [[rule403, "{ status: 403, then: rejected }"]],
    /rejected by the status 403 alone[\s\S]*403 of a gateway that says no: is read as rejected/,
  ],
  [
    "a gateway's 401 that condemns",
    [[rule403, "{ status: 401, at: message, equals: Unauthorized, then: rejected }"]],
    /401 of a gateway: is read as rejected/,
  ],
  [
    "an outage that condemns",
    [[rule403, "{ status: 503, at: error.message, then: rejected }"]],
    /503 in JSON: is read as rejected/,
  ],
  [
    "a limit that condemns",
    [[rule403, "{ status: 429, at: error, then: rejected }"]],
    /429, wording 2: is read as rejected/,
  ],
  [
    "an example that is read otherwise",
    [["then: expired, source", "then: rejected, source"]],
    /example: seen_once: is read as expired and not as rejected/,
  ],
  [
    "a pattern that refuses its own keys",
    [
      [
        'pattern: "^lum_[A-Za-z0-9]{24,60}$" }',
        'pattern: "^lum_[0-9]{24,60}$", refuse: [{ pattern: "^lum_", reason: scope }] }',
      ],
    ],
    /a made-up credential: cannot be made up: the kit finds no text of the shape of `api_key`/,
  ],
  ["a probe that costs money", [["code: LUMEN", "code: LUMEN\n    cost: billable"]], /costs money/],
  [
    "a probe that asks what costs money",
    [["get: { endpoint: api, path: /v2/key, headers", "post: { endpoint: api, path: /v2/messages, body: {}, headers"]],
    /asks what may cost money: POST \/base\/v2\/messages/,
  ],
  [
    "a capability that is denied without a text",
    [["remedy: Create an admin key. }\n    reasons", "state: denied }\n    reasons"]],
    /capability `cost_read` can be denied and has no text/,
  ],
  [
    "a protocol of its own without answers",
    [...ownProtocol, [good.slice(good.indexOf("    examples:")), ""]],
    /^answers of its own: LUMEN has a protocol of its own and no answers in tests\/kit\/fixtures\/lumen\.ts$/,
  ],
];

describe("the kit refuses", () => {
  test.concurrent.each(wrong)("%s", async (_, replacements, said) => {
    expect((await faultsWith(...replacements)).join("\n")).toMatch(said);
  });
});

test("recorded answers are refused where no HTTP probe would read them", () => {
  expect(() => loadWith(ownProtocol)).toThrow(
    /extra\.yml:\d+ providers\[0\]\.examples: are read by the rules of an HTTP probe/,
  );
});

describe("a fixture of a provider with a protocol of its own is refused", () => {
  const lines: Array<[string, Partial<OwnProtocol>, RegExp]> = [
    ["where it is another provider's", { code: "ANTHROPIC" }, /is the fixture of ANTHROPIC/],
    ["where nothing proves anything", { proves: [] }, /names no endpoint that proves anything/],
    ["where it names an endpoint that is none", { proves: ["sts"] }, /sts is no endpoint/],
    [
      "where an outcome is missing without a reason",
      outcome("expired", { absent: "no" }),
      /does not say why there is no expired/,
    ],
    ["where an outcome has no answer", outcome("rejected", []), /has no answer for rejected/],
    ["where there is no success", outcome("success", { absent: "nobody has ever seen one of them" }), /has no success/],
  ];
  test.each(lines)("%s", async (_, change, said) => {
    const runner = await openRunner();
    const [first] = ownCases(entryOf("OPENAI"), { ...openai, ...change }, runner);
    expect((await first?.run())?.join("\n")).toMatch(said);
    await runner.close();
  });

  test("where a good key is answered otherwise than it says", async () => {
    const runner = await openRunner();
    const wrong = outcome("success", [{ force: { api: "rejected" }, expect: { outcome: "valid" } }]);
    const checks = ownCases(entryOf("OPENAI"), { ...openai, ...wrong }, runner);
    expect(await checks.find(({ name }) => name === "success")?.run()).toEqual([
      "is read as rejected and not as valid",
    ]);
    await runner.close();
  });

  function outcome(name: OutcomeAsked, answers: OwnProtocol["outcomes"][OutcomeAsked]): Partial<OwnProtocol> {
    return { outcomes: { ...openai.outcomes, [name]: answers } };
  }
});
