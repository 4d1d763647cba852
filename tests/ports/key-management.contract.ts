import { randomBytes } from "node:crypto";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { KeyManagement } from "../../shared/ports/key-management.ts";

/** A key with one enabled version, and what an operator can do to it. */
export interface KeyUnderTest {
  key: KeyManagement;
  rotate(): Promise<void>;
  disable(version: string): Promise<void>;
  destroy(version: string): Promise<void>;
  dispose(): Promise<void>;
}

export function describeKeyManagement(name: string, make: () => Promise<KeyUnderTest>): void {
  describe(`${name} as key management`, () => {
    let under: KeyUnderTest;
    let key: KeyManagement;
    const aad = Buffer.from("CSV1 acme OPENAI");
    beforeEach(async () => {
      under = await make();
      key = under.key;
    });
    afterEach(async () => under.dispose());

    test.each([1, 15, 16, 17, 3_000, 65_536])("%d bytes come back as they were", async (size) => {
      const plaintext = randomBytes(size);
      const { ciphertext, keyVersion } = await key.encrypt(plaintext, aad);
      expect(keyVersion).toMatch(/^[1-9]\d*$/);
      expect(size < 16 || !ciphertext.includes(plaintext)).toBe(true);
      expect(await key.decrypt(ciphertext, aad)).toEqual(plaintext);
    });

    test("more than 64 KiB is not taken", async () => {
      await expect(key.encrypt(randomBytes(65_537), aad)).rejects.toMatchObject({ code: "encryption_failed" });
    });

    test("the same bytes never seal to the same ciphertext", async () => {
      const sealed = await Promise.all(Array.from({ length: 50 }, () => key.encrypt(Buffer.from("secret"), aad)));
      expect(new Set(sealed.map((one) => one.ciphertext.toString("hex"))).size).toBe(50);
    });

    test.each([
      ["other", Buffer.from("CSV1 acme GEMINI")],
      ["no", Buffer.alloc(0)],
      ["longer", Buffer.from("CSV1 acme OPENAI ")],
      ["shorter", Buffer.from("CSV1 acme OPENA")],
    ])("%s associated data opens nothing", async (_, wrong) => {
      const { ciphertext } = await key.encrypt(Buffer.from("secret"), aad);
      await expect(key.decrypt(ciphertext, wrong)).rejects.toMatchObject({ code: "integrity" });
    });

    test.each(["first", "last"])("a ciphertext with one bit changed in its %s byte opens nothing", async (which) => {
      const { ciphertext } = await key.encrypt(Buffer.from("secret"), aad);
      const changed = Buffer.from(ciphertext);
      const at = which === "first" ? 0 : changed.length - 1;
      changed.writeUInt8(changed.readUInt8(at) ^ 1, at);
      await expect(key.decrypt(changed, aad)).rejects.toMatchObject({ code: "integrity" });
    });

    test.each([0, 1, 5, 20, -1])("a ciphertext cut to %d bytes opens nothing", async (length) => {
      const { ciphertext } = await key.encrypt(Buffer.from("secret"), aad);
      await expect(key.decrypt(ciphertext.subarray(0, length), aad)).rejects.toMatchObject({ code: "integrity" });
    });

    test("the plaintext belongs to the caller: overwriting it changes nothing that is returned later", async () => {
      const { ciphertext } = await key.encrypt(Buffer.from("secret"), aad);
      (await key.decrypt(ciphertext, aad)).fill(0);
      expect((await key.decrypt(ciphertext, aad)).toString()).toBe("secret");
    });

    test("after a rotation new secrets name the new version and old ones still open", async () => {
      const before = await key.encrypt(Buffer.from("old"), aad);
      await under.rotate();
      const after = await key.encrypt(Buffer.from("new"), aad);
      expect(Number(after.keyVersion)).toBeGreaterThan(Number(before.keyVersion));
      expect((await key.decrypt(before.ciphertext, aad)).toString()).toBe("old");
      expect((await key.decrypt(after.ciphertext, aad)).toString()).toBe("new");
    });

    test.each(["disable", "destroy"] as const)(
      "a secret of a version after %s is unavailable, which is not an integrity failure",
      async (act) => {
        const before = await key.encrypt(Buffer.from("old"), aad);
        await under.rotate();
        await under[act](before.keyVersion);
        await expect(key.decrypt(before.ciphertext, aad)).rejects.toMatchObject({ code: "key_unavailable" });
        const after = await key.encrypt(Buffer.from("new"), aad);
        expect((await key.decrypt(after.ciphertext, aad)).toString()).toBe("new");
      },
    );
  });
}
