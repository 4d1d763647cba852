import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import { associatedData, type Binding, canonical } from "../../shared/vault/binding.ts";

const binding: Binding = {
  org_slug: "acme-corp",
  provider: "OPENAI",
  credential_id: "7d9f2c31-5b0e-4a57-9f53-0d1c4f7d2a10",
  credential_type: "api_key",
  bound: { project_id: "proj_9", organization_id: "org-Ä" },
};

/** The associated data, written down a second time: uint32be length and UTF-8 of each part after "CSV1". */
function byHand(parts: string[]): string {
  let hex = Buffer.from("CSV1").toString("hex");
  for (const part of parts) {
    const utf8 = new TextEncoder().encode(part);
    hex += utf8.length.toString(16).padStart(8, "0");
    for (const byte of utf8) hex += byte.toString(16).padStart(2, "0");
  }
  return hex;
}

test("the associated data are these bytes", () => {
  const digest = createHash("sha256").update('{"organization_id":"org-Ä","project_id":"proj_9"}', "utf8").digest("hex");
  expect(associatedData(binding).toString("hex")).toBe(
    byHand(["acme-corp", "OPENAI", "7d9f2c31-5b0e-4a57-9f53-0d1c4f7d2a10", "api_key", "1", digest]),
  );
});

test("without bound metadata they are this vector", () => {
  const bytes = associatedData({ org_slug: "a", provider: "B", credential_id: "c", credential_type: "d", bound: {} });
  // printf '{}' | sha256sum
  const empty = "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a";
  expect(bytes.toString("latin1")).toBe(
    `CSV1\0\0\0\x01a\0\0\0\x01B\0\0\0\x01c\0\0\0\x01d\0\0\0\x011\0\0\0\x40${empty}`,
  );
});

const changed: Array<[string, Partial<Binding>]> = [
  ["the organisation", { org_slug: "acme-corq" }],
  ["the organisation's case", { org_slug: "Acme-corp" }],
  ["the provider", { provider: "OPENAJ" }],
  ["the credential id", { credential_id: "7d9f2c31-5b0e-4a57-9f53-0d1c4f7d2a11" }],
  ["the type", { credential_type: "none" }],
  ["a bound value", { bound: { ...binding.bound, project_id: "proj_8" } }],
  ["a bound name", { bound: { organization_id: "org-Ä", project: "proj_9" } }],
  ["a bound field left out", { bound: { project_id: "proj_9" } }],
  ["all bound fields left out", { bound: {} }],
  ["a text that looks like the number", { bound: { ...binding.bound, n: "1" } }],
  ["the number", { bound: { ...binding.bound, n: 1 } }],
  ["a letter moved from one part to the next", { org_slug: "acme-corpO", provider: "PENAI" }],
  ["two parts swapped", { org_slug: "OPENAI", provider: "acme-corp" }],
];
test("every part changes them, and no two of these are alike", () => {
  const all = [binding, ...changed.map(([, change]) => ({ ...binding, ...change }))];
  expect(new Set(all.map((one) => associatedData(one).toString("hex"))).size).toBe(all.length);
});

test.each([
  [{ b: 1, a: 2 }, '{"a":2,"b":1}'],
  [{ a: { d: [3, { z: 1, y: null }], c: true } }, '{"a":{"c":true,"d":[3,{"y":null,"z":1}]}}'],
  [{ é: 1, z: 2, Z: 3 }, '{"Z":3,"z":2,"é":1}'],
  [{ "10": 1, "9": 2 }, '{"10":1,"9":2}'],
  [{ a: undefined }, '{"a":null}'],
  [[], "[]"],
  ['"\n', '"\\"\\n"'],
])("%j is written as one canonical JSON", (value, text) => {
  expect(canonical(value)).toBe(text);
});

test("the order in which metadata was written plays no part", () => {
  const { project_id, organization_id } = binding.bound;
  expect(associatedData({ ...binding, bound: { organization_id, project_id } })).toEqual(associatedData(binding));
});
