import { createCipheriv, createDecipheriv } from "node:crypto";
import { chmodSync, existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { openKeyRing } from "../../../shared/adapters/local/key-ring.ts";
import { freshHome } from "./fresh-home.ts";

interface Stored {
  primary: string;
  keys: Array<{ version: string; state: string; key: string | null }>;
}

describe("the local key ring on its own", () => {
  let home: string;
  let remove: () => void;
  let file: string;
  const aad = Buffer.from("aad");
  beforeEach(() => {
    ({ home, remove } = freshHome());
    file = join(home, "key-ring.json");
  });
  afterEach(() => remove());
  const stored = (): Stored => JSON.parse(readFileSync(file, "utf8"));

  test("sealed bytes are format, version, IV, tag and ciphertext, with the header authenticated before the caller's data", async () => {
    const ring = openKeyRing(file);
    const { ciphertext } = await ring.encrypt(Buffer.from("secret"), aad);
    expect(ciphertext.length).toBe(1 + 4 + 12 + 16 + 6);
    expect(ciphertext.subarray(0, 5).toString("hex")).toBe("0100000001");
    const opener = createDecipheriv(
      "aes-256-gcm",
      Buffer.from(stored().keys[0]?.key ?? "", "base64"),
      ciphertext.subarray(5, 17),
      { authTagLength: 16 },
    );
    opener.setAAD(Buffer.concat([ciphertext.subarray(0, 5), aad])).setAuthTag(ciphertext.subarray(17, 33));
    expect(Buffer.concat([opener.update(ciphertext.subarray(33)), opener.final()]).toString()).toBe("secret");
  });

  test("no byte of sealed bytes can change unnoticed", async () => {
    const ring = openKeyRing(file);
    ring.rotate();
    const { ciphertext } = await ring.encrypt(Buffer.from("secret"), aad);
    for (let at = 0; at < ciphertext.length; at += 1) {
      for (const bit of [1, 2, 128]) {
        const changed = Buffer.from(ciphertext);
        changed.writeUInt8(changed.readUInt8(at) ^ bit, at);
        await expect(ring.decrypt(changed, aad), `byte ${at}`).rejects.toMatchObject({ code: "integrity" });
      }
    }
  });

  // Node takes shorter tags where authTagLength is not set; a 4-byte one is guessed in 2^32 tries.
  test.each([4, 8, 12, 15])("a tag of %d bytes, right as far as it goes, opens nothing", async (length) => {
    const ring = openKeyRing(file);
    const { ciphertext } = await ring.encrypt(Buffer.from("secret"), aad);
    const key = Buffer.from(stored().keys[0]?.key ?? "", "base64");
    const short = createCipheriv("aes-256-gcm", key, ciphertext.subarray(5, 17), { authTagLength: length });
    short.setAAD(Buffer.concat([ciphertext.subarray(0, 5), aad]));
    const body = Buffer.concat([short.update("secret"), short.final()]);
    const head = ciphertext.subarray(0, 17);
    for (const forged of [
      Buffer.concat([head, short.getAuthTag(), body]),
      Buffer.concat([head, short.getAuthTag(), Buffer.alloc(16 - length), body]),
    ]) {
      await expect(ring.decrypt(forged, aad)).rejects.toMatchObject({ code: "integrity" });
    }
    await expect(ring.decrypt(Buffer.concat([head, short.getAuthTag()]), aad)).rejects.toMatchObject({
      code: "integrity",
    });
  });

  test("a secret whose header names another version that exists opens nothing", async () => {
    const ring = openKeyRing(file);
    const { ciphertext } = await ring.encrypt(Buffer.from("secret"), aad);
    ring.rotate();
    const moved = Buffer.from(ciphertext);
    moved.writeUInt32BE(2, 1);
    await expect(ring.decrypt(moved, aad)).rejects.toMatchObject({ code: "integrity" });
  });

  test("a format that is not known opens nothing, even where key and tag are right", async () => {
    const ring = openKeyRing(file);
    const { ciphertext } = await ring.encrypt(Buffer.from("secret"), aad);
    const header = Buffer.from("0200000001", "hex");
    const key = Buffer.from(stored().keys[0]?.key ?? "", "base64");
    const cipher = createCipheriv("aes-256-gcm", key, ciphertext.subarray(5, 17), { authTagLength: 16 });
    cipher.setAAD(Buffer.concat([header, aad]));
    const body = Buffer.concat([cipher.update("secret"), cipher.final()]);
    const other = Buffer.concat([header, ciphertext.subarray(5, 17), cipher.getAuthTag(), body]);
    await expect(ring.decrypt(other, aad)).rejects.toMatchObject({ code: "integrity" });
  });

  test("a version that another process added is found, and one that it disabled is not used any more", async () => {
    const ring = openKeyRing(file);
    const other = openKeyRing(file);
    const old = await ring.encrypt(Buffer.from("old"), aad);
    expect(other.rotate()).toBe("2");
    const young = await other.encrypt(Buffer.from("new"), aad);
    expect((await ring.decrypt(young.ciphertext, aad)).toString()).toBe("new");
    expect((await ring.encrypt(Buffer.from("x"), aad)).keyVersion).toBe("2");
    other.disable("1");
    await expect(ring.decrypt(old.ciphertext, aad)).rejects.toMatchObject({ code: "key_unavailable" });
    other.enable("1");
    expect((await ring.decrypt(old.ciphertext, aad)).toString()).toBe("old");
  });

  test("a destroyed key is nowhere in the file and cannot come back; the primary one can be neither disabled nor destroyed", () => {
    const ring = openKeyRing(file);
    const key = stored().keys[0]?.key ?? "";
    expect(() => ring.destroy("1")).toThrow(/rotate first/);
    expect(() => ring.disable("1")).toThrow(/rotate first/);
    ring.rotate();
    ring.destroy("1");
    expect(readFileSync(file, "utf8")).not.toContain(key);
    expect(() => ring.enable("1")).toThrow(/destroyed/);
    expect(() => ring.disable("9")).toThrow(/no key version 9/);
    expect(ring.versions().map(({ version, state, primary }) => [version, state, primary])).toEqual([
      ["1", "destroyed", false],
      ["2", "enabled", true],
    ]);
  });

  test.each([0o640, 0o604, 0o644])("a key ring of mode %o is refused, at the start and while running", async (mode) => {
    const ring = openKeyRing(file);
    const content = readFileSync(file, "utf8");
    rmSync(file);
    writeFileSync(file, content);
    chmodSync(file, mode);
    expect(() => openKeyRing(file)).toThrow(/open to others/);
    await expect(ring.encrypt(Buffer.from("x"), aad)).rejects.toMatchObject({ code: "key_unavailable" });
  });

  test.each([
    "",
    "{",
    "[]",
    '{"format":2}',
    '{"format":1,"primary":"1","keys":[]}',
    '{"format":1,"primary":"1","keys":[{"version":"1","state":"enabled","created_at":"x","key":"Y2FuYXJ5"}]}',
  ])("a file that is no key ring (%#) is neither taken nor replaced nor quoted", (content) => {
    writeFileSync(file, content, { mode: 0o600 });
    expect(() => openKeyRing(file)).toThrow(/^(?!.*Y2FuYXJ5).*is not a key ring/);
    expect(readFileSync(file, "utf8")).toBe(content);
  });

  test("a key ring that vanishes is unavailable and is not made anew under running secrets", async () => {
    const ring = openKeyRing(file);
    const { ciphertext } = await ring.encrypt(Buffer.from("secret"), aad);
    rmSync(file);
    await expect(ring.decrypt(ciphertext, aad)).rejects.toMatchObject({ code: "key_unavailable" });
    await expect(ring.encrypt(Buffer.from("x"), aad)).rejects.toMatchObject({ code: "key_unavailable" });
    expect(existsSync(file)).toBe(false);
  });
});
