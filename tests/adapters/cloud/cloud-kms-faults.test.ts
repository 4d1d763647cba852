import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { FaultCode } from "../../../shared/contract/fault.ts";
import type { KeyManagement } from "../../../shared/ports/key-management.ts";
import { type Stand, standBefore, transports } from "../../platform/kms/stand.ts";

const aad = Buffer.from("CSV1 acme OPENAI");
const plaintext = Buffer.from('{"api_key":"sk-canary-0123456789"}');

/** Faults that pass: sent up to five times. */
const passing = [
  "unavailable",
  "internal",
  "resource_exhausted",
  "deadline_exceeded",
  "aborted",
  "reset_before",
  "reset_mid_reply",
  "truncated_json",
  "html_502",
  "html_400",
  "html_200",
  "redirect",
] as const;

/** Answers that are thrown away: at most three. */
const unfitToEncrypt = [
  "bit_flipped",
  "request_flipped",
  "plaintext_unverified",
  "aad_unverified",
  "checksum_missing",
  "checksum_wrong",
  "other_key",
  "no_name",
  "odd_version",
] as const;
const unfitToDecrypt = ["bit_flipped", "request_flipped", "checksum_missing", "checksum_wrong"] as const;

describe.each(transports)("Cloud KMS over %s, when something goes wrong", (transport) => {
  let stand: Stand;
  let key: KeyManagement;
  let ciphertext: Buffer;
  beforeAll(async () => {
    stand = await standBefore(transport);
    key = stand.open();
    ({ ciphertext } = await key.encrypt(plaintext, aad));
  });
  afterAll(async () => stand.close());
  beforeEach(() => {
    stand.kms.faults.clear();
    stand.kms.forgetCalls();
    stand.lines.length = 0;
    stand.waits.length = 0;
    key = stand.open();
  });

  const encrypt = () => key.encrypt(plaintext, aad);
  const decrypt = () => key.decrypt(ciphertext, aad);
  const sent = () => stand.kms.calls().map((call) => call.method);

  test.each(passing)("%s once is nobody's trouble", async (fault) => {
    stand.kms.faults.next(fault);
    const sealed = await encrypt();
    stand.kms.faults.next(fault);
    expect((await key.decrypt(sealed.ciphertext, aad)).equals(plaintext)).toBe(true);
    expect(sent()).toEqual(["encrypt", "encrypt", "decrypt", "decrypt"]);
    expect(stand.lines).toEqual([]);
  });

  test.each(passing)("%s without end is given up after five, and may be tried again later", async (fault) => {
    stand.kms.faults.always(fault);
    await expect(encrypt()).rejects.toMatchObject({ code: "encryption_failed", details: { retryAfterS: 5 } });
    await expect(decrypt()).rejects.toMatchObject({ code: "key_unavailable", details: { retryAfterS: 5 } });
    expect(sent()).toEqual([...Array(5).fill("encrypt"), ...Array(5).fill("decrypt")]);
    expect(stand.lines.map(({ severity, event, fields }) => [severity, event, fields.operation, fields.count])).toEqual(
      [
        ["ERROR", "kms.unavailable", "encrypt", 5],
        ["ERROR", "kms.unavailable", "decrypt", 5],
      ],
    );
    expect(stand.kms.followed()).toBe(0);
  });

  test.each(unfitToEncrypt)("%s twice is thrown away and asked for again when sealing", async (fault) => {
    stand.kms.faults.next(fault, 2);
    const sealed = await encrypt();
    expect(sealed.keyVersion).toBe("1");
    expect((await key.decrypt(sealed.ciphertext, aad)).equals(plaintext)).toBe(true);
    expect(sent()).toEqual(["encrypt", "encrypt", "encrypt", "decrypt"]);
  });

  test.each(unfitToEncrypt)("%s three times over seals nothing", async (fault) => {
    stand.kms.faults.next(fault, 3);
    await expect(encrypt()).rejects.toMatchObject({ code: "encryption_failed" });
    expect(sent()).toHaveLength(3);
    expect(stand.lines).toMatchObject([{ severity: "ERROR", event: "kms.unavailable", fields: { count: 3 } }]);
  });

  test.each(unfitToDecrypt)("%s twice is thrown away and asked for again when opening", async (fault) => {
    stand.kms.faults.next(fault, 2);
    expect((await decrypt()).equals(plaintext)).toBe(true);
    expect(sent()).toHaveLength(3);
  });

  test.each(unfitToDecrypt)("%s three times over opens nothing", async (fault) => {
    stand.kms.faults.next(fault, 3);
    await expect(decrypt()).rejects.toMatchObject({ code: "key_unavailable", details: { retryAfterS: 5 } });
    expect(sent()).toHaveLength(3);
  });

  test("checksums of all that is sent go with it", async () => {
    await decrypt();
    await encrypt();
    expect(stand.kms.calls().map(({ method, checksums }) => [method, checksums])).toEqual([
      ["decrypt", 2],
      ["encrypt", 2],
    ]);
  });

  test("answers that do not fit are counted however many other failures lie between them", async () => {
    for (const fault of ["bit_flipped", "unavailable", "checksum_missing", "bit_flipped"] as const)
      stand.kms.faults.next(fault);
    await expect(decrypt()).rejects.toMatchObject({ code: "key_unavailable", details: { retryAfterS: 5 } });
    expect(sent()).toHaveLength(4);
  });

  test("waits grow from at least 50 ms to at most 800 ms, at random", async () => {
    stand.kms.faults.always("unavailable");
    for (const [random, expected] of [
      [0, [50, 50, 50, 50]],
      [1, [100, 200, 400, 800]],
      [0.5, [75, 125, 225, 425]],
    ] as const) {
      stand.waits.length = 0;
      await expect(stand.open({ random: () => random }).encrypt(plaintext, aad)).rejects.toThrow();
      expect(stand.waits).toEqual(expected);
    }
  });

  test("work that can wait leaves a used-up quota to others at once, and only that", async () => {
    const patient = stand.open({ givesWay: true });
    stand.kms.faults.next("resource_exhausted");
    await expect(patient.decrypt(ciphertext, aad)).rejects.toMatchObject({ code: "key_unavailable" });
    expect(sent()).toHaveLength(1);
    stand.kms.faults.next("unavailable", 2);
    expect((await patient.decrypt(ciphertext, aad)).equals(plaintext)).toBe(true);
  });

  const refusals: Array<[string, (kms: Stand["kms"]) => void]> = [
    ["a version that is disabled", (kms) => kms.key.disable(1)],
    ["a version that is scheduled for destruction", (kms) => kms.key.destroy(1)],
  ];
  test.each(refusals)("%s opens nothing, is asked for once, and is no integrity failure", async (_, act) => {
    act(stand.kms);
    try {
      await expect(decrypt()).rejects.toMatchObject({ code: "key_unavailable" });
      await expect(encrypt()).rejects.toMatchObject({ code: "encryption_failed" });
      expect(sent()).toEqual(["decrypt", "encrypt"]);
      expect(stand.lines).toMatchObject([
        { severity: "CRITICAL", event: "kms.refused", fields: { reason: "FAILED_PRECONDITION", count: 1 } },
        { severity: "CRITICAL", event: "kms.refused", fields: { reason: "FAILED_PRECONDITION", count: 1 } },
      ]);
    } finally {
      stand.kms.key.enable(1);
    }
  });

  test("a key that is not there, and a token that is not taken, are asked for once", async () => {
    const nowhere = stand.open({ key: `${stand.kms.key.name}-gone` });
    await expect(nowhere.decrypt(ciphertext, aad)).rejects.toMatchObject({ code: "key_unavailable" });
    await expect(nowhere.encrypt(plaintext, aad)).rejects.toMatchObject({ code: "encryption_failed" });
    stand.kms.faults.next("unauthenticated", 2);
    await expect(decrypt()).rejects.toMatchObject({ code: "key_unavailable" });
    await expect(encrypt()).rejects.toMatchObject({ code: "encryption_failed" });
    expect(sent()).toHaveLength(4);
    expect(stand.lines.map(({ event, fields }) => `${event} ${fields.reason}`)).toEqual([
      "kms.refused NOT_FOUND",
      "kms.refused NOT_FOUND",
      "kms.refused UNAUTHENTICATED",
      "kms.refused UNAUTHENTICATED",
    ]);
  });

  const wrong: Array<[string, () => Promise<Buffer>]> = [
    ["other associated data", () => key.decrypt(ciphertext, Buffer.from("CSV1 acme GEMINI"))],
    ["a ciphertext with a bit changed", () => key.decrypt(changed(ciphertext, ciphertext.length - 1), aad)],
    ["a ciphertext of nothing", () => key.decrypt(Buffer.alloc(0), aad)],
    ["bytes that were never a ciphertext", () => key.decrypt(Buffer.alloc(200, 7), aad)],
  ];
  test.each(wrong)("%s is an integrity failure, asked for once", async (_, open) => {
    await expect(open()).rejects.toMatchObject({ code: "integrity" satisfies FaultCode });
    expect(sent()).toEqual(["decrypt"]);
    expect(stand.lines).toMatchObject([{ event: "kms.refused", fields: { reason: "INVALID_ARGUMENT" } }]);
  });

  test("another key's ciphertext is an integrity failure", async () => {
    const other = `${stand.kms.key.name}-2`;
    stand.kms.keyNamed(other);
    const { ciphertext: foreign } = await stand.open({ key: other }).encrypt(plaintext, aad);
    await expect(key.decrypt(foreign, aad)).rejects.toMatchObject({ code: "integrity" });
  });

  test("more than 64 KiB of either is never sent", async () => {
    const much = Buffer.alloc(65_537);
    await expect(key.encrypt(much, aad)).rejects.toMatchObject({ code: "encryption_failed" });
    await expect(key.encrypt(plaintext, much)).rejects.toMatchObject({ code: "encryption_failed" });
    await expect(key.decrypt(ciphertext, much)).rejects.toMatchObject({ code: "integrity" });
    expect(sent()).toEqual([]);
    const most = Buffer.alloc(65_536, 3);
    const sealed = await key.encrypt(most, most);
    expect((await key.decrypt(sealed.ciphertext, most)).equals(most)).toBe(true);
  });

  test("what a key without associated data has sealed opens without", async () => {
    const older = stand.open({ key: stand.kms.keyNamed(`${stand.kms.key.name}-older`).name });
    const { ciphertext: old } = await older.encrypt(plaintext, Buffer.alloc(0));
    expect((await older.decrypt(old, Buffer.alloc(0))).equals(plaintext)).toBe(true);
  });

  test("of three versions the primary seals, the others open what they sealed and say that they are old", async () => {
    const name = `${stand.kms.key.name}-rotated`;
    const stored = stand.kms.keyNamed(name);
    let old = 0;
    const rotated = stand.open({ key: name, onOldVersion: () => (old += 1) });
    const sealed = [await rotated.encrypt(plaintext, aad)];
    for (const version of [2, 3]) {
      expect(stored.rotate()).toBe(version);
      sealed.push(await rotated.encrypt(plaintext, aad));
    }
    expect(sealed.map(({ keyVersion }) => keyVersion)).toEqual(["1", "2", "3"]);
    for (const one of sealed) expect((await rotated.decrypt(one.ciphertext, aad)).equals(plaintext)).toBe(true);
    expect(old).toBe(2);
  });

  test("one request in five failing at random still ends well 999 times in a thousand", async () => {
    stand.kms.faults.chaos({
      seed: 20_261_121,
      rate: 0.2,
      kinds: ["unavailable", "internal", "resource_exhausted", "reset_before", "reset_mid_reply", "truncated_json"],
    });
    const rounds = 1_000;
    let failed = 0;
    for (let round = 0; round < rounds; round += 1) {
      const work = round % 2 === 0 ? encrypt() : decrypt();
      await work.catch(() => {
        failed += 1;
      });
    }
    expect(stand.kms.faults.met).toBeGreaterThan(rounds / 10);
    expect(failed).toBeLessThanOrEqual(rounds / 1_000);
  }, 120_000);

  test("answers that lie, one in five, are never taken", async () => {
    stand.kms.faults.chaos({ seed: 7, rate: 0.2, kinds: unfitToEncrypt });
    for (let round = 0; round < 200; round += 1) {
      const sealed = await encrypt().catch(() => null);
      if (sealed === null) continue;
      const opened = await key.decrypt(sealed.ciphertext, aad).catch(() => null);
      if (opened !== null) expect(opened.equals(plaintext)).toBe(true);
      expect(sealed.keyVersion).toBe("1");
    }
    expect(stand.kms.faults.met).toBeGreaterThan(20);
  });
});

function changed(bytes: Buffer, at: number): Buffer {
  const copy = Buffer.from(bytes);
  copy.writeUInt8(copy.readUInt8(at) ^ 1, at);
  return copy;
}
