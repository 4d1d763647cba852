import { createHmac } from "node:crypto";
import { expect, test } from "vitest";
import { hashOrgKey, mintOrgKey, parseOrgKey, sameHash } from "../../shared/vault/org-key.ts";

/** The published test vector of the key format. */
const VECTOR = "cact_test_0000000000Ab_00000000000000000000000000000000000000000013XLJbH";

const texts: Array<[string, string, ReturnType<typeof parseOrgKey>]> = [
  ["the published vector", VECTOR, { environment: "test", keyId: "0000000000Ab" }],
  ["the vector with Ab changed to AB", VECTOR.replace("Ab", "AB"), null],
  ["a wrong checksum", `${VECTOR.slice(0, -1)}I`, null],
  ["a changed secret", VECTOR.replace("_0000000000000", "_0000000000001"), null],
  ["another environment with the same checksum", VECTOR.replace("test", "live"), null],
  ["an environment there is none of", VECTOR.replace("test", "prod"), null],
  ["one character less", VECTOR.slice(0, -1), null],
  ["one character more", `${VECTOR}0`, null],
  ["a line break at the end", `${VECTOR}\n`, null],
  ["a blank before it", ` ${VECTOR}`, null],
  ["upper case", VECTOR.toUpperCase(), null],
  ["two keys, as a doubled header arrives", `${VECTOR}, ${VECTOR}`, null],
  ["nothing", "", null],
  ["a hundred thousand characters", "c".repeat(100_000), null],
  ["a letter from another alphabet", VECTOR.replace("Ab", "Аb"), null],
];
test.each(texts)("%s is read as it should be", (_, text, parsed) => {
  expect(parseOrgKey(text)).toEqual(parsed);
});

test.each(["live", "test", "local"])(
  "a thousand minted keys of %s are of the shape, valid, and all different",
  (environment) => {
    const keys = Array.from({ length: 1_000 }, () => mintOrgKey(environment));
    for (const { key, keyId } of keys) {
      expect(key.reveal()).toMatch(/^cact_(live|test|local)_[0-9A-Za-z]{12}_[0-9A-Za-z]{49}$/);
      expect(parseOrgKey(key.reveal())).toEqual({ environment, keyId });
    }
    expect(new Set(keys.map(({ keyId }) => keyId)).size).toBe(1_000);
    expect(`${keys[0]?.key}`).not.toContain(keys[0]?.keyId ?? "");
  },
);

test("any one character changed makes a key invalid", () => {
  const key = mintOrgKey("local").key.reveal();
  for (let at = "cact_local_".length; at < key.length; at += 1) {
    if (key[at] === "_") continue;
    expect(parseOrgKey(key.slice(0, at) + (key[at] === "x" ? "y" : "x") + key.slice(at + 1)), `at ${at}`).toBeNull();
  }
});

test("the hash is HMAC-SHA-256 of the whole key under the pepper", () => {
  const pepper = Buffer.alloc(32, 9);
  const hash = hashOrgKey(pepper, VECTOR);
  expect(hash.toString("hex")).toBe(createHmac("sha256", pepper).update(VECTOR).digest("hex"));
  expect(sameHash(hash, hashOrgKey(pepper, VECTOR))).toBe(true);
  expect(sameHash(hash, hashOrgKey(Buffer.alloc(32, 8), VECTOR))).toBe(false);
  expect(sameHash(hash, hash.subarray(1))).toBe(false);
});
