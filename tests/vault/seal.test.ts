import { rmSync } from "node:fs";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { openKeyRing } from "../../shared/adapters/local/key-ring.ts";
import { Secret } from "../../shared/contract/secret.ts";
import type { KeyManagement } from "../../shared/ports/key-management.ts";
import type { Binding } from "../../shared/vault/binding.ts";
import { asCredential, open, readFields, seal } from "../../shared/vault/seal.ts";
import { freshHome } from "../adapters/local/fresh-home.ts";
import { faultOf } from "../operations/bench.ts";

const { home, remove } = freshHome();
const keys = openKeyRing(join(home, "keyring.json"));
afterAll(() => {
  remove();
  rmSync(home, { recursive: true, force: true });
});

const binding = (changed: Partial<Binding> = {}): Binding => ({
  org_slug: "acme",
  provider: "OPENAI",
  credential_id: "7d9f2c31-5b0e-4a57-9f53-0d1c4f7d2a10",
  credential_type: "api_key",
  bound: { region: "eu" },
  ...changed,
});
const credential = { api_key: new Secret('sk-"ü\\'), region: new Secret("eu") };

test("what was sealed opens to every field, and the ciphertext holds none of it", async () => {
  const { ciphertext, keyVersion } = await seal(keys, binding(), credential);
  expect(keyVersion).toBe("1");
  expect(ciphertext.includes("sk-")).toBe(false);
  const plaintext = await open(keys, binding(), ciphertext);
  expect(readFields(plaintext)).toEqual({ api_key: 'sk-"ü\\', region: "eu" });
});

test("the buffer that was sealed is overwritten, whether sealing works or not", async () => {
  const handed: Buffer[] = [];
  const watching = (works: boolean): KeyManagement => ({
    ...keys,
    encrypt: async (plaintext) => {
      handed.push(plaintext);
      if (!works) throw new Error("no key");
      return { ciphertext: Buffer.alloc(1), keyVersion: "1" };
    },
  });
  await seal(watching(true), binding(), credential);
  await expect(seal(watching(false), binding(), credential)).rejects.toThrow("no key");
  expect(handed.map((buffer) => buffer.length > 0 && buffer.every((byte) => byte === 0))).toEqual([true, true]);
});

const moved: Array<[string, Partial<Binding>]> = [
  ["another organisation", { org_slug: "acme2" }],
  ["another provider", { provider: "ANTHROPIC" }],
  ["another credential id of the same pair", { credential_id: "7d9f2c31-5b0e-4a57-9f53-0d1c4f7d2a11" }],
  ["another type", { credential_type: "none" }],
  ["other bound metadata", { bound: { region: "us" } }],
  ["no bound metadata", { bound: {} }],
  ["more bound metadata", { bound: { region: "eu", tenant: "x" } }],
  ["parts that join to the same text", { org_slug: "acmeO", provider: "PENAI" }],
];
test.each(moved)("a ciphertext moved to %s does not open", async (_, changed) => {
  const { ciphertext } = await seal(keys, binding(), credential);
  expect(await faultOf(open(keys, binding(changed), ciphertext))).toBe("integrity");
});

test("of ten rows, no ciphertext opens in another's place", async () => {
  const bindings = Array.from({ length: 10 }, (_, index) =>
    binding({ org_slug: `org${index % 3}`, provider: index % 2 ? "OPENAI" : "GROQ", credential_id: `id-${index}` }),
  );
  const sealed = await Promise.all(bindings.map((one) => seal(keys, one, credential)));
  for (const [at, one] of bindings.entries()) {
    for (const [from, { ciphertext }] of sealed.entries())
      expect(await faultOf(open(keys, one, ciphertext))).toBe(at === from ? "none" : "integrity");
  }
});

test("no flipped bit, no cut and no addition opens", async () => {
  const { ciphertext } = await seal(keys, binding(), credential);
  for (let bit = 0; bit < ciphertext.length * 8; bit += 1) {
    const bent = Buffer.from(ciphertext);
    bent[bit >> 3] = (bent[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    expect(await faultOf(open(keys, binding(), bent)), `bit ${bit}`).not.toBe("none");
  }
  for (const bent of [ciphertext.subarray(0, -1), ciphertext.subarray(1), Buffer.concat([ciphertext, Buffer.alloc(1)])])
    expect(await faultOf(open(keys, binding(), bent))).toBe("integrity");
});

test.each([[null], [Buffer.alloc(0)]])(
  "a ciphertext that is not there (%j) is an integrity fault, and no key is asked",
  async (ciphertext) => {
    const none: KeyManagement = { ...keys, decrypt: () => Promise.reject(new Error("asked")) };
    expect(await faultOf(open(none, binding(), ciphertext))).toBe("integrity");
  },
);

test.each(["", "{", "[]", "null", '"text"', "1", '{"a":1}', '{"a":null}', '{"a":{"b":"c"}}'])(
  "a plaintext %j that is no object of texts is an integrity fault that says nothing of it",
  (text) => {
    expect(() => readFields(Buffer.from(text))).toThrow(
      expect.objectContaining({
        code: "integrity",
        message: "The stored credential failed its integrity checks; nothing was returned",
      }),
    );
  },
);

test("fields on their way to a provider are wrapped", () => {
  expect(JSON.stringify(asCredential({ api_key: "sk-1" }))).not.toContain("sk-1");
});
