import { createPrivateKey, generateKeyPairSync, type KeyObject } from "node:crypto";
import { describe, expect, test } from "vitest";
import { readPrivateKey } from "../../shared/registry/private-key.ts";

const rsa = generateKeyPairSync("rsa", { modulusLength: 2_048 });
const other = generateKeyPairSync("rsa", { modulusLength: 2_048 });
const pkcs8 = pemOf(rsa.privateKey, "pkcs8");
const pkcs1 = pemOf(rsa.privateKey, "pkcs1");

function pemOf(key: KeyObject, type: "pkcs8" | "pkcs1"): string {
  return key.export({ type, format: "pem" }).toString();
}

/**
 * A key file of 16384 bits, of random numbers: only its size is read. Making a real one takes minutes.
 * Form: RFC 8017 A.1.2.
 */
function hugePem(): string {
  const number = (bytes: number): Buffer =>
    element(0x02, Buffer.concat([Buffer.from([0x00]), Buffer.alloc(bytes, 0xff)]));
  const small = (value: number): Buffer => element(0x02, Buffer.from([value]));
  const der = element(
    0x30,
    Buffer.concat([
      small(0),
      number(2_048),
      element(0x02, Buffer.from([1, 0, 1])),
      number(2_048),
      ...Array.from({ length: 5 }, () => number(1_024)),
    ]),
  );
  const lines = der.toString("base64").match(/.{1,64}/g) ?? [];
  return `-----BEGIN RSA PRIVATE KEY-----\n${lines.join("\n")}\n-----END RSA PRIVATE KEY-----\n`;
}

function element(tag: number, content: Buffer): Buffer {
  const { length } = content;
  const size = length < 128 ? [length] : length < 256 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...size]), content]);
}

/** The same key, whatever its form. */
function isSame(pem: string, key: KeyObject): boolean {
  return createPrivateKey(pem).equals(key);
}

describe("a key is taken and brought into its one form", () => {
  const body = pkcs8.split("\n").slice(1, -2).join("");
  test.each([
    ["as it was made", pkcs8],
    ["with \\r\\n", pkcs8.replaceAll("\n", "\r\n")],
    ["with \\n as two characters", pkcs8.replaceAll("\n", "\\n")],
    ["with \\r\\n as four characters", pkcs8.replaceAll("\n", "\\r\\n")],
    ["without line breaks", pkcs8.replaceAll("\n", "")],
    ["with blanks for line breaks", pkcs8.replaceAll("\n", " ")],
    ["indented", pkcs8.replaceAll("\n", "\n    ")],
    [
      "with lines of 76",
      `-----BEGIN PRIVATE KEY-----\n${body.match(/.{1,76}/g)?.join("\n")}\n-----END PRIVATE KEY-----`,
    ],
    ["with a label behind it, as OCI's console appends", `${pkcs8}OCI_API_KEY`],
    ["with words around it", `key:\n${pkcs8}\nthank you`],
  ])("%s", (_, pasted) => {
    expect(readPrivateKey(pasted)).toBe(pkcs8);
  });
  test("in the older form, which stays", () => {
    const read = readPrivateKey(pkcs1);
    expect(read).toBe(pkcs1);
    expect(typeof read === "string" && isSame(read, rsa.privateKey)).toBe(true);
  });
  test.each([2_048, 3_072, 4_096])("of %i bits", (modulusLength) => {
    const { privateKey } = generateKeyPairSync("rsa", { modulusLength });
    expect(readPrivateKey(pemOf(privateKey, "pkcs8"))).toBe(pemOf(privateKey, "pkcs8"));
  });
});

/** A key of which some numbers are others. */
function damaged(numbers: Record<string, string>): string {
  const key = { ...rsa.privateKey.export({ format: "jwk" }), ...numbers };
  return pemOf(createPrivateKey({ key, format: "jwk" }), "pkcs8");
}

/** A number of the key with its last bit turned: `n` becomes even. */
function turned(name: "n" | "d"): Record<string, string> {
  const bytes = Buffer.from(String(rsa.privateKey.export({ format: "jwk" })[name]), "base64url");
  bytes.writeUInt8((bytes.at(-1) ?? 0) ^ 1, bytes.length - 1);
  return { [name]: bytes.toString("base64url") };
}

describe("a key is refused, with a word for it", () => {
  const ec = generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey;
  const dsa = generateKeyPairSync("dsa", { modulusLength: 1_024, divisorLength: 160 }).privateKey;
  const ed25519 = generateKeyPairSync("ed25519").privateKey;
  const pss = generateKeyPairSync("rsa-pss", { modulusLength: 2_048 }).privateKey;
  const passphrase = "demo";
  const locked = rsa.privateKey.export({ type: "pkcs8", format: "pem", cipher: "aes-256-cbc", passphrase }).toString();
  const lockedOlder = rsa.privateKey
    .export({ type: "pkcs1", format: "pem", cipher: "aes-128-cbc", passphrase })
    .toString();
  const half = pkcs8.slice(0, 800);
  const certificate = pkcs8.replaceAll("PRIVATE KEY", "CERTIFICATE");
  test.each([
    ["EC", pemOf(ec, "pkcs8"), "key_not_rsa"],
    ["EC in its older form", ec.export({ type: "sec1", format: "pem" }).toString(), "key_malformed"],
    ["DSA", pemOf(dsa, "pkcs8"), "key_not_rsa"],
    ["Ed25519", pemOf(ed25519, "pkcs8"), "key_not_rsa"],
    ["RSA-PSS, which signs nothing that Google or Oracle take", pemOf(pss, "pkcs8"), "key_not_rsa"],
    ["1024 bits", pemOf(generateKeyPairSync("rsa", { modulusLength: 1_024 }).privateKey, "pkcs8"), "key_size"],
    ["2047 bits", pemOf(generateKeyPairSync("rsa", { modulusLength: 2_047 }).privateKey, "pkcs8"), "key_size"],
    ["16384 bits", hugePem(), "key_too_long"],
    ["an even modulus", damaged(turned("n")), "key_malformed"],
    ["another exponent", damaged({ ...turned("d"), p: "AA", q: "AA" }), "key_malformed"],
    ["a prime of nothing", damaged({ p: "AA" }), "key_malformed"],
    ["another key's modulus", damaged({ n: String(other.privateKey.export({ format: "jwk" }).n) }), "key_malformed"],
    ["a passphrase", locked, "key_encrypted"],
    ["a passphrase in the older form", lockedOlder, "key_encrypted"],
    ["an end cut off", half, "key_malformed"],
    ["an end cut off and put on again", `${half}\n-----END PRIVATE KEY-----`, "key_malformed"],
    ["a beginning cut off", pkcs8.slice(100), "key_malformed"],
    ["other marks at its end", pkcs8.replace("END PRIVATE", "END RSA PRIVATE"), "key_malformed"],
    ["two keys", pkcs8 + pemOf(other.privateKey, "pkcs8"), "key_malformed"],
    [
      "a certificate beside it",
      `${pkcs8}-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n`,
      "key_malformed",
    ],
    ["a certificate instead", certificate, "key_malformed"],
    ["the public half", rsa.publicKey.export({ type: "spki", format: "pem" }).toString(), "key_malformed"],
    ["an OpenSSH key", "-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----", "key_malformed"],
    ["characters that base64 has not", pkcs8.replace("M", "*"), "key_malformed"],
    ["rubbish between the marks", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----", "key_malformed"],
    ["nothing between the marks", "-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----", "key_malformed"],
    ["nothing at all", "", "key_malformed"],
    ["9 kB", pkcs8 + " ".repeat(9_000), "key_too_long"],
  ])("%s", (_, pasted, reason) => {
    const read = readPrivateKey(pasted);
    expect(read).toMatchObject({ reason, message: expect.any(String) });
    expect(JSON.stringify(read)).not.toContain(pkcs8.slice(60, 80));
  });
  test("whatever its size in 8 kB: no key of more than 4096 bits", () => {
    const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 4_104 });
    expect(readPrivateKey(pemOf(privateKey, "pkcs8"))).toMatchObject({ reason: "key_size" });
  });
});

test.each([
  ["8 kB of base64", `-----BEGIN PRIVATE KEY-----\n${"A".repeat(8_100)}\n-----END PRIVATE KEY-----`],
  ["8 kB of beginnings", "-----BEGIN PRIVATE KEY-----".repeat(300)],
  ["8 kB of blanks", `-----BEGIN PRIVATE KEY-----${" ".repeat(8_100)}`],
  ["a megabyte", "-----BEGIN PRIVATE KEY-----\n".repeat(40_000)],
])("hostile text takes no time to refuse: %s", (_, pasted) => {
  const began = performance.now();
  expect(readPrivateKey(pasted)).toHaveProperty("reason");
  expect(performance.now() - began).toBeLessThan(1_000);
});
