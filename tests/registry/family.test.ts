import { describe, expect, test } from "vitest";
import { Fault } from "../../shared/contract/fault.ts";
import { chooseByShape } from "../../shared/registry/family.ts";
import { loadRegistry } from "../../shared/registry/load.ts";

const probe = 'probe: { get: { endpoint: api, path: /, headers: { x: "{SENT}" } }, success: { status: 200, has: ok } }';
const entry = (code: string, sent: string, fields: string, more = "") => `
  - code: ${code}
    display_name: ${code}
    category: cloud
    credential_type: api_key
    family: pair
    fields: [${fields}]
    endpoints: { api: "https://pair.example" }
    ${probe.replace("SENT", sent)}
${more}`;
const role = entry(
  "PAIR_ROLE",
  "role",
  '{ name: role, pattern: "^role:[a-z]+$", refuse: [{ pattern: "^(?:other|own):|^id", reason: elsewhere }] }',
  "    reasons: { elsewhere: Set it up elsewhere. }",
);
const keys = entry("PAIR_KEYS", "secret", '{ name: id, secret: false, pattern: "^id[a-z]+$" }, { name: secret }');
const load = (text: string) => loadRegistry([{ name: "family.yml", text: `providers:${text}` }]);
const registry = load(role + keys);
const members = registry.familyOf("pair");

test("the family's word and its first entry leave open which is meant, the others do not", () => {
  const codes = (segment: string) => registry.familyOf(segment).map(({ code }) => code);
  expect(codes("pair")).toEqual(["PAIR_ROLE", "PAIR_KEYS"]);
  expect(codes("pair_role")).toEqual(["PAIR_ROLE", "PAIR_KEYS"]);
  expect(codes("pair_keys")).toEqual([]);
  expect(codes("nothing")).toEqual([]);
  expect(registry.byPath("pair")).toBeNull();
});

describe("setup chooses by the credential's shape:", () => {
  const bodies: Array<[string, unknown, string]> = [
    ["a text that fits", { credential: " role:admin " }, "PAIR_ROLE"],
    ["an object", { credential: { role: "role:x" } }, "PAIR_ROLE"],
    ["an object of the other", { credential: { id: "idx", secret: "s" } }, "PAIR_KEYS"],
    ["one that lacks a field, which is told later", { credential: { id: "idx" } }, "PAIR_KEYS"],
    ["the older shape", { credentials: { id: "idx", secret: "s" } }, "PAIR_KEYS"],
    ["the oldest shape", { role: "role:x" }, "PAIR_ROLE"],
  ];
  test.each(bodies)("%s", (_, body, code) => {
    expect(chooseByShape(members, body).code).toBe(code);
  });
  test.each([
    ["that its first entry refuses", "other:role", "PAIR_ROLE"],
    ["that is another's, with a word for it", ' "idold" ', "PAIR_ROLE"],
    ["that one refuses and another takes", "own:x", "PAIR_OWN"],
  ])("a text %s is told by that entry what it is", (_, credential, code) => {
    const own = entry("PAIR_OWN", "own", '{ name: own, pattern: "^own:" }');
    expect(chooseByShape(load(role + keys + own).familyOf("pair"), { credential }).code).toBe(code);
  });
  test.each([
    [{}],
    [{ foo: 1 }],
    [{ credential: null }],
    [{ credential: 42 }],
    [{ credential: "" }],
    [{ credential: [], metadata: {} }],
    [null],
    [[]],
    ["x"],
  ])("%j offers nothing, which the body's schema says of the first entry", (body) => {
    expect(chooseByShape(members, body).code).toBe("PAIR_ROLE");
  });
  test.each([
    [{ credential: "nonsense-value" }],
    [{ credentials: "nonsense-value" }],
    [{ credential: {} }],
    [{ credential: { other: "nonsense-value" } }],
  ])("%j has the shape of none, and is told both", (body) => {
    const refused = (): unknown => chooseByShape(members, body);
    expect(refused).toThrow(Fault);
    try {
      refused();
    } catch (error) {
      const { details, code } = error instanceof Fault ? error : { details: {}, code: null };
      expect(code).toBe("credential_format");
      expect(JSON.stringify(details)).toContain("role (PAIR_ROLE), or id and secret (PAIR_KEYS)");
      expect(JSON.stringify(details)).not.toContain("nonsense-value");
    }
  });
});

test("a family's word is nobody else's alias, in whatever order they stand", () => {
  const stranger = `
  - code: STRANGER
    display_name: Stranger
    category: genai
    credential_type: api_key
    aliases: [pair]
    fields: [{ name: secret }]
    endpoints: { api: "https://stranger.example" }
    probe: { get: { endpoint: api, path: /, headers: { x: "{secret}" } }, success: { status: 200, has: ok } }
`;
  expect(() => load(role + keys + stranger)).toThrow("`pair` is already taken by the family pair");
  expect(() => load(stranger + role)).toThrow("`pair` is already taken by STRANGER");
});
