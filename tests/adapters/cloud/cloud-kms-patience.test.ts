import { GoogleAuth, OAuth2Client } from "google-auth-library";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import type { KmsClient } from "../../../shared/adapters/cloud/cloud-kms.ts";
import { openCloudKms } from "../../../shared/adapters/cloud/cloud-kms.ts";
import { googleIdentity } from "../../../shared/adapters/cloud/google-identity.ts";
import { insist } from "../../../shared/adapters/cloud/google-retry.ts";
import { connectKmsGrpc } from "../../../shared/adapters/cloud/kms-grpc.ts";
import { connectKmsRest } from "../../../shared/adapters/cloud/kms-rest.ts";
import { systemClock } from "../../../shared/adapters/system-clock.ts";
import type { KeyManagement } from "../../../shared/ports/key-management.ts";
import { hurriedClock, type Stand, standBefore, transports } from "../../platform/kms/stand.ts";
import { type Metadata, startMetadata } from "../../platform/metadata.ts";
import { manualClock } from "../../ports/manual-clock.ts";

const aad = Buffer.from("CSV1 acme OPENAI");
const plaintext = Buffer.from('{"api_key":"sk-canary-0123456789"}');
const GIVEN_UP_MS = 8_000;

/** What a piece of work throws, and after how many milliseconds. */
async function failing(work: Promise<unknown>): Promise<{ code: unknown; ms: number }> {
  const startedAt = performance.now();
  const error: unknown = await work.then(
    () => null,
    (thrown: unknown) => thrown,
  );
  const code = typeof error === "object" && error !== null && "code" in error ? error.code : error;
  return { code, ms: performance.now() - startedAt };
}

describe.concurrent("Cloud KMS, when it is slow", () => {
  test.each(transports)("over %s an answer that comes within two seconds is waited for", async (transport) => {
    const stand = await standBefore(transport);
    stand.kms.faults.next({ slow: 600 });
    expect((await stand.open().encrypt(plaintext, aad)).keyVersion).toBe("1");
    expect(stand.kms.calls()).toHaveLength(1);
    await stand.close();
  });

  test.each(transports)(
    "over %s one that never comes is asked for again after two seconds, and given up after eight",
    async (transport) => {
      const stand = await standBefore(transport);
      const { ciphertext } = await stand.open().encrypt(plaintext, aad);
      stand.kms.forgetCalls();
      stand.kms.faults.always("hang");
      const [sealing, opening] = await Promise.all([
        failing(stand.open({ clock: systemClock() }).encrypt(plaintext, aad)),
        failing(stand.open({ clock: systemClock() }).decrypt(ciphertext, aad)),
      ]);
      stand.kms.faults.clear();
      expect([sealing.code, opening.code]).toEqual(["encryption_failed", "key_unavailable"]);
      for (const { ms } of [sealing, opening]) {
        expect(ms).toBeGreaterThan(GIVEN_UP_MS / 2);
        expect(ms).toBeLessThan(GIVEN_UP_MS + 2_000);
      }
      expect(stand.kms.calls().length).toBeGreaterThan(4);
      expect(stand.kms.calls().length).toBeLessThanOrEqual(8);
      expect(stand.lines.map(({ fields }) => fields.reason)).toEqual(["DEADLINE_EXCEEDED", "DEADLINE_EXCEEDED"]);
      expect((await stand.open().decrypt(ciphertext, aad)).equals(plaintext)).toBe(true);
      await stand.close();
    },
  );

  test("a token that never comes is given up after eight seconds, and nothing is sent later", async () => {
    const stand = await standBefore("rest");
    const authClient = new OAuth2Client();
    const token = Promise.withResolvers<{ access_token: string; expiry_date: number }>();
    authClient.refreshHandler = () => token.promise;
    const connect = () => connectKmsRest({ auth: new GoogleAuth({ authClient }), apiEndpoint: stand.kms.endpoint });
    const { code, ms } = await failing(stand.open({ connect, clock: systemClock() }).encrypt(plaintext, aad));
    expect(code).toBe("encryption_failed");
    expect(ms).toBeLessThan(GIVEN_UP_MS + 2_000);
    token.resolve({ access_token: "ya29.late", expiry_date: Date.now() + 3_600_000 });
    await new Promise((done) => setTimeout(done, 100));
    expect(stand.kms.calls()).toEqual([]);
    await stand.close();
  });

  test.each(transports)(
    "over %s a plaintext that comes after its try was given up is overwritten",
    async (transport) => {
      const stand = await standBefore(transport);
      const { ciphertext } = await stand.open().encrypt(plaintext, aad);
      const replies: Uint8Array[] = [];
      const released = Promise.withResolvers<void>();
      const client = watched(stand, replies, () => (replies.length === 1 ? released.promise : Promise.resolve()));
      const opened = await stand.open({ connect: async () => client }).decrypt(ciphertext, aad);
      expect(replies.map((reply) => plaintext.equals(reply))).toEqual([true, true]);
      released.resolve();
      await new Promise((done) => setTimeout(done, 20));
      expect(replies[0]?.every((byte) => byte === 0)).toBe(true);
      expect(opened.equals(plaintext)).toBe(true);
      await stand.close();
    },
  );
});

describe.concurrent("more than 64 calls at once", () => {
  const crowd = (length: number, key: KeyManagement) => Array.from({ length }, () => key.encrypt(plaintext, aad));

  test("are 64 calls and a queue, and all of them end well", async () => {
    const stand = await standBefore("rest");
    const key = stand.open();
    stand.kms.faults.always("hang");
    const sealing = crowd(200, key);
    await expect.poll(() => stand.kms.calls().length).toBeGreaterThanOrEqual(64);
    await new Promise((done) => setTimeout(done, 200));
    expect(stand.kms.calls()).toHaveLength(64);
    stand.kms.faults.clear();
    expect(new Set((await Promise.all(sealing)).map(({ keyVersion }) => keyVersion))).toEqual(new Set(["1"]));
    expect(stand.lines).toEqual([]);
    await stand.close();
  });

  test("wait for a turn within their eight seconds, and not for ever", async () => {
    const stand = await standBefore("rest");
    const key = stand.open({ clock: systemClock() });
    stand.kms.faults.always("hang");
    const ends = await Promise.all(crowd(70, key).map(failing));
    stand.kms.faults.clear();
    for (const { code, ms } of ends) {
      expect(code).toBe("encryption_failed");
      expect(ms).toBeLessThan(GIVEN_UP_MS + 2_000);
    }
    const reasons = stand.lines.map(({ fields }) => fields.reason);
    expect(reasons.filter((reason) => reason === "too many at once")).toHaveLength(6);
    expect(reasons.filter((reason) => reason === "DEADLINE_EXCEEDED")).toHaveLength(64);
    await stand.close();
  });

  test("have waited out of their own eight seconds, not before these began", async () => {
    const stand = await standBefore("rest");
    const key = stand.open({ clock: systemClock() });
    stand.kms.faults.next({ slow: 1_500 }, 2 * 64);
    stand.kms.faults.always("hang");
    const ends = await Promise.all(crowd(2 * 64 + 6, key).map(failing));
    expect(ends.filter(({ code }) => code === null).length).toBeGreaterThan(64);
    expect(Math.max(...ends.map(({ ms }) => ms))).toBeLessThan(GIVEN_UP_MS + 2_000);
    await stand.close();
  });

  test("leave nothing behind: the turns of those who were refused, or who gave up waiting, are there again", async () => {
    const stand = await standBefore("rest");
    const key = stand.open({ clock: systemClock() });
    stand.kms.faults.always("unauthenticated");
    await Promise.allSettled(crowd(100, key));
    stand.kms.faults.always("hang");
    const waiting = crowd(70, key);
    await Promise.allSettled(waiting.slice(64));
    stand.kms.faults.clear();
    stand.kms.forgetCalls();
    await Promise.allSettled(waiting);
    await Promise.all(crowd(64, key));
    stand.kms.faults.always("hang");
    stand.kms.forgetCalls();
    const last = crowd(70, key);
    await new Promise((done) => setTimeout(done, 500));
    expect(stand.kms.calls()).toHaveLength(64);
    stand.kms.faults.clear();
    await Promise.all(last);
    await stand.close();
  });
});

describe.each(transports)("what Cloud KMS has opened over %s", (transport) => {
  let stand: Stand;
  let ciphertext: Buffer;
  const replies: Uint8Array[] = [];
  beforeAll(async () => {
    stand = await standBefore(transport);
    ({ ciphertext } = await stand.open().encrypt(plaintext, aad));
  });
  afterAll(async () => stand.close());
  beforeEach(() => {
    replies.length = 0;
    stand.kms.faults.clear();
  });

  test("is the client's own buffer: overwriting it leaves no copy", async () => {
    const opened = await stand.open({ connect: async () => watched(stand, replies) }).decrypt(ciphertext, aad);
    expect(opened.equals(plaintext)).toBe(true);
    opened.fill(0);
    expect(replies[0]?.every((byte) => byte === 0)).toBe(true);
  });

  test("is overwritten where it is thrown away", async () => {
    stand.kms.faults.next("checksum_wrong");
    stand.kms.faults.next("bit_flipped");
    await stand.open({ connect: async () => watched(stand, replies) }).decrypt(ciphertext, aad);
    expect(replies.map((reply) => reply.every((byte) => byte === 0))).toEqual([true, true, false]);
  });
});

describe("a key that does not answer", () => {
  let stand: Stand;
  let ciphertext: Buffer;
  beforeEach(async () => {
    stand = await standBefore("rest");
    ({ ciphertext } = await stand.open().encrypt(plaintext, aad));
    stand.kms.forgetCalls();
  });
  afterEach(async () => stand.close());

  test("is left alone for five seconds after five failures in a row, then looked at once", async () => {
    const clock = manualClock();
    const key = stand.open({ clock: { ...clock, sleep: async () => {} } });
    const calls = () => stand.kms.calls().length;
    stand.kms.faults.always("unavailable");
    for (let call = 0; call < 5; call += 1) await failing(key.decrypt(ciphertext, aad));
    expect(calls()).toBe(25);
    expect((await failing(key.decrypt(ciphertext, aad))).code).toBe("key_unavailable");
    expect((await failing(key.encrypt(plaintext, aad))).code).toBe("encryption_failed");
    expect(calls()).toBe(25);
    clock.advance(4_999);
    await failing(key.decrypt(ciphertext, aad));
    expect(calls()).toBe(25);
    clock.advance(1);
    await Promise.all(Array.from({ length: 10 }, () => failing(key.decrypt(ciphertext, aad))));
    expect(calls()).toBe(30);
    clock.advance(5_000);
    stand.kms.faults.clear();
    expect((await key.decrypt(ciphertext, aad)).equals(plaintext)).toBe(true);
    expect((await key.decrypt(ciphertext, aad)).equals(plaintext)).toBe(true);
    expect(calls()).toBe(32);
  });

  test.each([
    ["refusals", "unauthenticated"],
    ["answers that do not fit", "bit_flipped"],
  ] as const)("is not one that gives %s", async (_, fault) => {
    const key = stand.open();
    stand.kms.faults.always(fault);
    for (let call = 0; call < 8; call += 1) await failing(key.decrypt(ciphertext, aad));
    stand.kms.faults.clear();
    expect((await key.decrypt(ciphertext, aad)).equals(plaintext)).toBe(true);
  });

  test("is not one that answers now and then", async () => {
    const key = stand.open();
    for (let round = 0; round < 4; round += 1) {
      stand.kms.faults.next("unavailable", 20);
      for (let call = 0; call < 4; call += 1) await failing(key.decrypt(ciphertext, aad));
      expect((await key.decrypt(ciphertext, aad)).equals(plaintext)).toBe(true);
    }
  });
});

describe("credentials from a metadata server", () => {
  const email = "int-decrypt@cloudact-testing-1.iam.gserviceaccount.com";
  const before = { ...process.env };
  let stand: Stand;
  let metadata: Metadata;
  let stray: unknown[];
  const note = (reason: unknown) => stray.push(reason);
  beforeEach(async () => {
    stand = await standBefore("rest", { allows: (identity) => identity === email });
    metadata = await startMetadata(email);
    Object.assign(process.env, metadata.env);
    stray = [];
    process.on("unhandledRejection", note);
  });
  afterEach(async () => {
    process.off("unhandledRejection", note);
    for (const name of Object.keys(metadata.env)) {
      const value = before[name];
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
    await metadata.close();
    await stand.close();
  });

  function open() {
    const auth = googleIdentity({ project: "cloudact-testing-1", fromMetadata: true });
    const connect = () => connectKmsRest({ auth, apiEndpoint: stand.kms.endpoint });
    return openCloudKms({ connect, key: stand.kms.key.name, clock: hurriedClock() });
  }

  test("say who calls", async () => {
    const { keyVersion } = await open().encrypt(plaintext, aad);
    expect(keyVersion).toBe("1");
    expect(stand.kms.calls().map(({ identity }) => identity)).toEqual([email]);
  });

  test("that are not to be had for a moment are asked for again", async () => {
    metadata.faults.next(503, 3);
    const { keyVersion } = await open().encrypt(plaintext, aad);
    expect(keyVersion).toBe("1");
    expect(stray).toEqual([]);
  });

  test("that were missing at the start do no harm once they are there", async () => {
    const key = open();
    metadata.faults.always(404);
    expect((await failing(key.encrypt(plaintext, aad))).code).toBe("encryption_failed");
    metadata.faults.clear();
    expect((await key.encrypt(plaintext, aad)).keyVersion).toBe("1");
    await new Promise((done) => setTimeout(done, 20));
    expect(stray).toEqual([]);
  });

  test("of somebody else are refused, asked for once", async () => {
    const other = await standBefore("rest", {
      allows: () => false,
      as: "int-list@cloudact-testing-1.iam.gserviceaccount.com",
    });
    expect((await failing(other.open().decrypt(Buffer.alloc(80, 1), aad))).code).toBe("key_unavailable");
    expect((await failing(other.open().encrypt(plaintext, aad))).code).toBe("encryption_failed");
    expect(other.kms.calls().map(({ outcome }) => outcome)).toEqual(["PERMISSION_DENIED", "PERMISSION_DENIED"]);
    expect(other.lines.map(({ severity, event }) => `${severity} ${event}`)).toEqual([
      "CRITICAL kms.refused",
      "CRITICAL kms.refused",
    ]);
    await other.close();
  });
});

describe("tries", () => {
  test("have two seconds each, and never more than is left of eight", async () => {
    const clock = manualClock();
    const given: number[] = [];
    const patience = { tries: 9, mismatches: 3, tryMs: 2_000, totalMs: 8_000 };
    const work = insist(
      patience,
      clock,
      () => 1,
      async (timeoutMs) => {
        given.push(timeoutMs);
        clock.advance(timeoutMs);
        throw new Error("no answer");
      },
    );
    await expect(work).rejects.toMatchObject({ code: "UNAVAILABLE", tries: 4 });
    expect(given).toEqual([2_000, 2_000, 2_000, 8_000 - 3 * 2_000 - 100 - 200 - 400]);
  });
});

describe("a client", () => {
  test("over gRPC that finds no credentials is none, and leaves no stray rejection", async () => {
    const stray: unknown[] = [];
    const note = (reason: unknown) => stray.push(reason);
    process.on("unhandledRejection", note);
    vi.stubEnv("METADATA_SERVER_DETECTION", "none");
    vi.stubEnv("CLOUDSDK_CONFIG", "/nonexistent");
    vi.stubEnv("GOOGLE_APPLICATION_CREDENTIALS", "");
    const auth = new GoogleAuth({ projectId: "cloudact-testing-1" });
    await expect(connectKmsGrpc({ auth, apiEndpoint: null })).rejects.toThrow(/credentials/);
    await new Promise((done) => setTimeout(done, 20));
    expect(stray).toEqual([]);
    vi.unstubAllEnvs();
    process.off("unhandledRejection", note);
  });

  test("is made once for all, at the first use, and anew only where that failed", async () => {
    const stand = await standBefore("grpc");
    let made = 0;
    const connect = async () => {
      made += 1;
      if (made <= 2) throw new Error("no credentials");
      return stand.client;
    };
    const key = stand.open({ connect });
    expect(made).toBe(0);
    const sealed = await Promise.all(Array.from({ length: 5 }, () => key.encrypt(plaintext, aad)));
    await key.encrypt(plaintext, aad);
    expect(sealed.map(({ keyVersion }) => keyVersion)).toEqual(["1", "1", "1", "1", "1"]);
    expect(made).toBe(3);
    await stand.close();
  });
});

describe("the name of the key", () => {
  test.each([
    "",
    "projects/p/locations/l/keyRings/r",
    "projects/p/locations/l/keyRings/r/cryptoKeys/k/cryptoKeyVersions/1",
    "https://cloudkms.googleapis.com/v1/projects/p/locations/l/keyRings/r/cryptoKeys/k",
    "projects/p/locations/l/keyRings/r/cryptoKeys/",
    "projects/p/locations/l/keyRings/r/cryptoKeys/k\n",
  ])("%j is refused, and not quoted", (key) => {
    const open = () => openCloudKms({ connect: async () => Promise.reject(new Error()), key, clock: systemClock() });
    expect(open).toThrow(/^the name of the key is not projects\/…/);
  });
});

/** The stand's client; the plaintexts that it hands out are written down, and handed out only when `release` lets them. */
function watched(stand: Stand, replies: Uint8Array[], release: () => Promise<void> = async () => {}): KmsClient {
  const decrypt = async (request: { name: string }, options: object) => {
    const [reply] = await stand.client.decrypt(request, options);
    replies.push(asBytes(reply.plaintext));
    await release();
    return [reply];
  };
  return { encrypt: stand.client.encrypt.bind(stand.client), decrypt } as unknown as KmsClient;
}

function asBytes(given: unknown): Uint8Array {
  if (given instanceof Uint8Array) return given;
  throw new Error("the client gave no bytes");
}
