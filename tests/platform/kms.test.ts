import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { crc32c } from "../../shared/adapters/cloud/crc32c.ts";
import { type Stand, standBefore, transports } from "./kms/stand.ts";
import { type KmsSim, startKms } from "./kms/start.ts";
import { bench, emailOf } from "./rights.ts";

const aad = Buffer.from("CSV1 acme OPENAI");
const plaintext = Buffer.from("sk-canary");
const wrap = (bytes: Uint8Array) => ({ value: crc32c(bytes) });
const once = { retry: null, timeout: 3_000 };

function sealing(extra: object = {}) {
  return {
    name: bench.key,
    plaintext,
    plaintextCrc32c: wrap(plaintext),
    additionalAuthenticatedData: aad,
    additionalAuthenticatedDataCrc32c: wrap(aad),
    ...extra,
  };
}
function opening(ciphertext: Uint8Array, extra: object = {}) {
  return { name: bench.key, ciphertext, additionalAuthenticatedData: aad, ...extra };
}
const asBuffer = (bytes: unknown): Buffer => (bytes instanceof Uint8Array ? Buffer.from(bytes) : Buffer.alloc(0));

describe.each(transports)("the bench's Cloud KMS over %s, to Google's own client", (transport) => {
  let stand: Stand;
  beforeEach(async () => {
    stand = await standBefore(transport);
  });
  afterEach(async () => stand.close());

  async function seal(extra: object = {}): Promise<Buffer> {
    const [reply] = await stand.client.encrypt(sealing(extra), once);
    return asBuffer(reply.ciphertext);
  }

  test("answers with the version, checksums as text in a wrapper, and what it has verified", async () => {
    const [sealed] = await stand.client.encrypt(sealing(), once);
    const ciphertext = asBuffer(sealed.ciphertext);
    expect(sealed).toMatchObject({
      name: `${bench.key}/cryptoKeyVersions/1`,
      ciphertextCrc32c: { value: String(crc32c(ciphertext)) },
      verifiedPlaintextCrc32c: true,
      verifiedAdditionalAuthenticatedDataCrc32c: true,
    });
    const [opened] = await stand.client.decrypt(opening(ciphertext), once);
    expect(opened).toMatchObject({ plaintextCrc32c: { value: String(crc32c(plaintext)) }, usedPrimary: true });
    expect(asBuffer(opened.plaintext)).toEqual(plaintext);
  });

  test("has verified only what a checksum came with", async () => {
    const [sealed] = await stand.client.encrypt({ name: bench.key, plaintext }, once);
    expect(sealed.verifiedPlaintextCrc32c).toBe(false);
    expect(sealed.verifiedAdditionalAuthenticatedDataCrc32c).toBe(false);
  });

  test("seals with the primary version or the one that is named, and opens with the one that sealed", async () => {
    const old = await seal();
    expect(stand.kms.key.rotate()).toBe(2);
    const [young] = await stand.client.encrypt(sealing(), once);
    expect(young.name).toBe(`${bench.key}/cryptoKeyVersions/2`);
    const [named] = await stand.client.encrypt(sealing({ name: `${bench.key}/cryptoKeyVersions/1` }), once);
    expect(named.name).toBe(`${bench.key}/cryptoKeyVersions/1`);
    expect((await stand.client.decrypt(opening(old), once))[0].usedPrimary).toBe(false);
    expect((await stand.client.decrypt(opening(asBuffer(young.ciphertext)), once))[0].usedPrimary).toBe(true);
  });

  const much = Buffer.alloc(65_537);
  const refused: Array<[string, (ciphertext: Buffer, stand: Stand) => Promise<unknown>, number, RegExp]> = [
    [
      "other associated data",
      (ciphertext, { client }) =>
        client.decrypt(opening(ciphertext, { additionalAuthenticatedData: Buffer.from("x") }), once),
      3,
      /Decryption failed: the ciphertext is invalid/,
    ],
    [
      "a ciphertext cut short",
      (ciphertext, { client }) => client.decrypt(opening(ciphertext.subarray(0, 20)), once),
      3,
      /Decryption failed: the ciphertext is invalid/,
    ],
    [
      "a ciphertext of no version of this key",
      (ciphertext, { client, kms }) => {
        kms.keyNamed(`${bench.key}-2`);
        return client.decrypt(opening(ciphertext, { name: `${bench.key}-2` }), once);
      },
      3,
      /Decryption failed: verify that 'name' refers to the correct CryptoKey/,
    ],
    [
      "a checksum of the plaintext that does not match",
      (_, { client }) => client.encrypt(sealing({ plaintextCrc32c: { value: 7 } }), once),
      3,
      /The checksum in field plaintext_crc32c did not match the data in field plaintext\./,
    ],
    [
      "a checksum of the associated data that does not match",
      (_, { client }) => client.encrypt(sealing({ additionalAuthenticatedDataCrc32c: { value: 7 } }), once),
      3,
      /The checksum in field additional_authenticated_data_crc32c did not match/,
    ],
    [
      "a checksum of the ciphertext that does not match",
      (ciphertext, { client }) => client.decrypt(opening(ciphertext, { ciphertextCrc32c: { value: 7 } }), once),
      3,
      /The checksum in field ciphertext_crc32c did not match the data in field ciphertext\./,
    ],
    [
      "more than 64 KiB of plaintext",
      (_, { client }) => client.encrypt({ name: bench.key, plaintext: much }, once),
      3,
      /not more than 65536\. Provided value had length 65537\./,
    ],
    [
      "more than 64 KiB of associated data",
      (_, { client }) => client.encrypt({ name: bench.key, plaintext, additionalAuthenticatedData: much }, once),
      3,
      /not more than 65536\. Provided value had length 65537\./,
    ],
    [
      "nothing to open",
      (_, { client }) => client.decrypt(opening(Buffer.alloc(0)), once),
      3,
      /Decryption failed: the ciphertext is invalid/,
    ],
    [
      "a version that is disabled",
      (ciphertext, { client, kms }) => {
        kms.key.disable(1);
        return client.decrypt(opening(ciphertext), once);
      },
      9,
      /\/cryptoKeyVersions\/1 is not enabled, current state is: DISABLED\./,
    ],
    [
      "a primary version that is disabled",
      (_, { client, kms }) => {
        kms.key.disable(1);
        return client.encrypt(sealing(), once);
      },
      9,
      /is not enabled, current state is: DISABLED\./,
    ],
    [
      "a version to be destroyed",
      (ciphertext, { client, kms }) => {
        kms.key.destroy(1);
        return client.decrypt(opening(ciphertext), once);
      },
      9,
      /is not enabled, current state is: DESTROY_SCHEDULED\./,
    ],
    [
      "a key that is not there",
      (_, { client }) => client.encrypt(sealing({ name: `${bench.key}-gone` }), once),
      5,
      /not found/,
    ],
  ];
  test.each(refused)("refuses %s as Google does", async (_, ask, code, message) => {
    const ciphertext = await seal();
    await expect(ask(ciphertext, stand)).rejects.toMatchObject({ code, message: expect.stringMatching(message) });
  });

  test("takes nothing, and as much as 64 KiB of both", async () => {
    for (const bytes of [Buffer.alloc(0), Buffer.alloc(65_536, 7)]) {
      const [sealed] = await stand.client.encrypt(
        { name: bench.key, plaintext: bytes, additionalAuthenticatedData: bytes },
        once,
      );
      const [opened] = await stand.client.decrypt(
        { name: bench.key, ciphertext: sealed.ciphertext ?? null, additionalAuthenticatedData: bytes },
        once,
      );
      expect(asBuffer(opened.plaintext).equals(bytes)).toBe(true);
    }
  });

  test("opens again with a version that was enabled again", async () => {
    const ciphertext = await seal();
    stand.kms.key.disable(1);
    stand.kms.key.enable(1);
    expect(asBuffer((await stand.client.decrypt(opening(ciphertext), once))[0].plaintext)).toEqual(plaintext);
    expect(stand.kms.key.versions()).toEqual([{ number: 1, state: "ENABLED", primary: true }]);
  });

  // Why the adapter checks: the client hands all of this on without a word.
  test.each(["bit_flipped", "checksum_missing", "checksum_wrong"] as const)(
    "can answer what Google's client does not see: %s",
    async (fault) => {
      stand.kms.faults.next(fault);
      const [sealed] = await stand.client.encrypt(sealing(), once);
      const checksum = sealed.ciphertextCrc32c?.value ?? null;
      expect(String(checksum)).not.toBe(String(crc32c(asBuffer(sealed.ciphertext))));
    },
  );
  test.each([
    ["plaintext_unverified", { verifiedPlaintextCrc32c: false }],
    ["aad_unverified", { verifiedAdditionalAuthenticatedDataCrc32c: false }],
    ["no_name", { name: "" }],
    ["odd_version", { name: `${bench.key}/cryptoKeyVersions/latest` }],
    ["other_key", { name: `${bench.key.slice(0, -1)}x/cryptoKeyVersions/1` }],
  ] as const)("can answer what Google's client does not mind: %s", async (fault, expected) => {
    stand.kms.faults.next(fault);
    const [sealed] = await stand.client.encrypt(sealing(), once);
    expect(sealed).toMatchObject(expected);
  });

  test.each([
    ["unavailable", 14],
    ["internal", 13],
    ["resource_exhausted", 8],
    ["deadline_exceeded", 4],
    ["aborted", 10],
    ["unauthenticated", 16],
    ["reset_before", 14],
  ] as const)("can fail: %s is code %d", async (fault, code) => {
    stand.kms.faults.next(fault);
    await expect(stand.client.encrypt(sealing(), once)).rejects.toMatchObject({ code });
    expect((await stand.client.encrypt(sealing(), once))[0].name).toContain("cryptoKeyVersions/1");
  });

  test.each(["reset_mid_reply", "truncated_json", "html_502", "html_400", "html_200", "redirect"] as const)(
    "can break on the way: %s",
    async (fault) => {
      stand.kms.faults.next(fault);
      await expect(stand.client.encrypt(sealing(), once)).rejects.toThrow();
      expect((await stand.client.encrypt(sealing(), once))[0].name).toContain("cryptoKeyVersions/1");
    },
  );

  test("can be slow, and silent", async () => {
    stand.kms.faults.next({ slow: 100 });
    const startedAt = performance.now();
    await stand.client.encrypt(sealing(), once);
    expect(performance.now() - startedAt).toBeGreaterThan(90);
    stand.kms.faults.next("hang");
    await expect(stand.client.encrypt(sealing(), { retry: null, timeout: 200 })).rejects.toMatchObject({ code: 4 });
  });

  test("meets what is next, then what is always, then chaos", async () => {
    const codes = async (count: number) => {
      const seen: unknown[] = [];
      for (let call = 0; call < count; call += 1)
        seen.push(
          await stand.client.encrypt(sealing(), once).then(
            () => "ok",
            (error: { code: number }) => error.code,
          ),
        );
      return seen;
    };
    stand.kms.faults.chaos({ seed: 1, rate: 1, kinds: ["aborted"] });
    stand.kms.faults.always("internal");
    stand.kms.faults.next("unavailable", 2);
    expect(await codes(4)).toEqual([14, 14, 13, 13]);
    stand.kms.faults.always(null);
    expect(await codes(2)).toEqual([10, 10]);
    stand.kms.faults.clear();
    expect(await codes(2)).toEqual(["ok", "ok"]);
    const wild = { rate: 0.5, kinds: ["unavailable", "internal", "aborted"] } as const;
    stand.kms.faults.chaos({ seed: 42, ...wild });
    const first = await codes(40);
    stand.kms.faults.chaos({ seed: 42, ...wild });
    expect(await codes(40)).toEqual(first);
    stand.kms.faults.chaos({ seed: 43, ...wild });
    expect(await codes(40)).not.toEqual(first);
    expect(new Set(first)).toEqual(new Set(["ok", 14, 13, 10]));
  });
});

describe("who may", () => {
  const setup = emailOf("int-setup");

  test("is asked with the key and what is to be done; a refusal is told as Google tells it", async () => {
    const seen: unknown[] = [];
    const stand = await standBefore("rest", {
      as: setup,
      allows: (identity, right) => {
        seen.push({ identity, ...right });
        return right.action === "encrypt";
      },
    });
    const [sealed] = await stand.client.encrypt(sealing(), once);
    await expect(stand.client.decrypt(opening(asBuffer(sealed.ciphertext)), once)).rejects.toMatchObject({
      code: 7,
      reason: "IAM_PERMISSION_DENIED",
      message: `Permission 'cloudkms.cryptoKeyVersions.useToDecrypt' denied on resource '${bench.key}' (or it may not exist).`,
    });
    expect(seen).toEqual([
      { identity: setup, service: "kms", resource: bench.key, action: "encrypt" },
      { identity: setup, service: "kms", resource: bench.key, action: "decrypt" },
    ]);
    expect(stand.kms.calls()).toEqual([
      { transport: "rest", method: "encrypt", identity: setup, name: bench.key, checksums: 2, outcome: "OK" },
      {
        transport: "rest",
        method: "decrypt",
        identity: setup,
        name: bench.key,
        checksums: 0,
        outcome: "PERMISSION_DENIED",
      },
    ]);
    await stand.close();
  });

  test("nobody, without a token of the bench", async () => {
    const kms = await startKms({ allows: () => true });
    for (const authorization of [undefined, "Bearer ya29.other", "Basic eA=="]) {
      const answer = await post(kms, `${bench.key}:encrypt`, { plaintext: "eA==" }, authorization);
      expect([answer.status, answer.error?.status]).toEqual([401, "UNAUTHENTICATED"]);
    }
    await kms.close();
  });

  test("gRPC in plain text carries no token", async () => {
    const stand = await standBefore("grpc", { allows: () => true });
    await expect(stand.client.encrypt(sealing(), once)).rejects.toMatchObject({ code: 16 });
    await stand.close();
  });
});

describe("REST by hand", () => {
  let kms: KmsSim;
  beforeEach(async () => {
    kms = await startKms();
  });
  afterEach(async () => kms.close());

  test("leaves out what has its default value, and has 64-bit numbers as text", async () => {
    const sealed = await post(kms, `${bench.key}:encrypt`, { plaintext: plaintext.toString("base64") });
    expect(Object.keys(sealed.json).sort()).toEqual(["ciphertext", "ciphertextCrc32c", "name", "protectionLevel"]);
    expect(sealed.json["ciphertextCrc32c"]).toMatch(/^\d+$/);
    kms.key.rotate();
    const opened = await post(kms, `${bench.key}:decrypt`, { ciphertext: sealed.json["ciphertext"] });
    expect(Object.keys(opened.json).sort()).toEqual(["plaintext", "plaintextCrc32c", "protectionLevel"]);
  });

  test.each([
    ["a field that there is not", `${bench.key}:encrypt`, { plaintext: "eA==", plain: "eA==" }, 400],
    ["the field of the other method", `${bench.key}:decrypt`, { plaintext: "eA==" }, 400],
    ["a checksum that is no number", `${bench.key}:encrypt`, { plaintext: "eA==", plaintextCrc32c: "crc" }, 400],
    ["another method", `${bench.key}:asymmetricSign`, {}, 404],
    ["another service's path", "projects/p/secrets/s", {}, 404],
  ])("refuses %s", async (_, path, body, status) => {
    expect((await post(kms, path, body)).status).toBe(status);
  });

  test("refuses what is no JSON object", async () => {
    for (const body of ["", "[]", "{", "null"]) {
      const answer = await fetch(`${kms.endpoint}/v1/${bench.key}:encrypt`, { method: "POST", body });
      expect(answer.status).toBe(400);
    }
  });

  test("shows a key and its versions", async () => {
    kms.key.rotate();
    kms.key.disable(1);
    const key = await (await fetch(`${kms.endpoint}/v1/${bench.key}`)).json();
    expect(key).toMatchObject({ name: bench.key, purpose: "ENCRYPT_DECRYPT", primary: { state: "ENABLED" } });
    const versions = await (await fetch(`${kms.endpoint}/v1/${bench.key}/cryptoKeyVersions`)).json();
    expect(versions).toMatchObject({
      cryptoKeyVersions: [{ name: `${bench.key}/cryptoKeyVersions/1`, state: "DISABLED" }, { state: "ENABLED" }],
      totalSize: 2,
    });
    expect((await fetch(`${kms.endpoint}/v1/${bench.key}-gone`)).status).toBe(404);
  });

  test("the same seed gives the same keys, another seed others, and both transports one store", async () => {
    const { json } = await post(kms, `${bench.key}:encrypt`, { plaintext: "c2VjcmV0" });
    const [same, other] = await Promise.all([startKms({ seed: 1 }), startKms({ seed: 2 })]);
    const body = { ciphertext: json["ciphertext"] };
    expect((await post(same, `${bench.key}:decrypt`, body)).json["plaintext"]).toBe("c2VjcmV0");
    expect((await post(other, `${bench.key}:decrypt`, body)).status).toBe(400);
    await Promise.all([same.close(), other.close()]);
    const stand = await standBefore("grpc");
    const [opened] = await stand.client.decrypt(
      { name: bench.key, ciphertext: Buffer.from(String(json["ciphertext"]), "base64") },
      once,
    );
    expect(asBuffer(opened.plaintext).toString()).toBe("secret");
    await stand.close();
  });

  test("closes while a request hangs", async () => {
    kms.faults.always("hang");
    const pending = post(kms, `${bench.key}:encrypt`, { plaintext: "eA==" }).catch(() => "gone");
    await new Promise((done) => setTimeout(done, 50));
    await kms.close();
    expect(await pending).toBe("gone");
    kms = await startKms();
  });
});

async function post(kms: KmsSim, path: string, body: object, authorization?: string) {
  const answer = await fetch(`${kms.endpoint}/v1/${path}`, {
    method: "POST",
    headers: { "content-type": "application/json", ...(authorization === undefined ? {} : { authorization }) },
    body: JSON.stringify(body),
  });
  const json: Record<string, unknown> & { error?: { status: string } } = await answer.json();
  return { status: answer.status, json, error: json.error };
}
