import type { KeyManagementServiceClient } from "@google-cloud/kms/build/src/v1/key_management_service_client.js";
import type { CallOptions } from "google-gax";
import { Fault } from "../../contract/fault.ts";
import type { Clock } from "../../ports/clock.ts";
import type { KeyManagement } from "../../ports/key-management.ts";
import type { Log } from "../../ports/log.ts";
import { crc32c, readChecksum } from "./crc32c.ts";
import { CallFailure, connecting, insist, mismatch, type Patience, type Try } from "./google-retry.ts";
import { Breaker } from "./kms-breaker.ts";
import { Turns } from "./turns.ts";

/** What is used of Google's client. */
export type KmsClient = Pick<KeyManagementServiceClient, "encrypt" | "decrypt">;

export interface CloudKmsOptions {
  /** Makes a client with its credentials found. Called at the first use, and again where that failed. */
  connect: () => Promise<KmsClient>;
  /** `projects/<P>/locations/<L>/keyRings/<R>/cryptoKeys/<K>`, with the project's id as Cloud KMS writes it. */
  key: string;
  clock: Clock;
  log?: Log;
  random?: () => number;
  /** Told when a version that is not the primary one has opened something: it wants to be sealed anew. */
  onOldVersion?: () => void;
  /** For work that can wait: where the quota is used up it fails at once instead of trying again. */
  givesWay?: boolean;
}

const KEY = /^projects\/[^/\s]+\/locations\/[^/\s]+\/keyRings\/[^/\s]+\/cryptoKeys\/[^/\s]+$/;
/** Cloud KMS takes no more, for the plaintext and for the associated data. */
const MOST_BYTES = 64 * 1024;
const patience: Patience = { tries: 5, mismatches: 3, tryMs: 2_000, totalMs: 8_000 };
const RETRY_AFTER_S = 5;
/** Calls of one process in flight; a crowd waits here and not in Cloud KMS's quota. */
const MOST_AT_ONCE = 64;
/** Who gets a turn later than this would not have the time of one whole try. */
const LONGEST_WAIT_MS = patience.totalMs - patience.tryMs;

/**
 * A key in Cloud KMS. Everything sent carries its CRC-32C and everything that comes back is checked against its own, as
 * Google asks of clients; an answer that does not fit is thrown away. The client's own retries are switched off, so
 * that eight seconds bound every call; at most 64 are in flight.
 *
 * What is opened is handed over in the client's own buffer. Besides that there is the reply as it came, which nobody can
 * overwrite and which stays in memory until it is collected: over REST a text with the plaintext in base64.
 *
 * Source: https://cloud.google.com/kms/docs/data-integrity-guidelines, read 2026-11-20.
 *
 * @throws Error where `key` is not the name of a key
 */
export function openCloudKms(options: CloudKmsOptions): KeyManagement {
  const { key, clock, log = () => {}, random = Math.random, onOldVersion = () => {} } = options;
  if (!KEY.test(key)) throw new Error("the name of the key is not projects/…/locations/…/keyRings/…/cryptoKeys/…");
  const connected = connecting(options.connect);
  const breaker = new Breaker(clock);
  const turns = new Turns(MOST_AT_ONCE);
  const budget = { ...patience, givesWay: options.givesWay ?? false };

  function tell(operation: string, { transient, message, tries }: CallFailure, startedAt: number): void {
    log(transient ? "ERROR" : "CRITICAL", transient ? "kms.unavailable" : "kms.refused", {
      operation,
      reason: message,
      count: tries,
      latency_ms: Math.round(clock.monotonic() - startedAt),
    });
  }

  /** Sends within the budget, the wait for a turn included. @throws CallFailure */
  async function send<Reply>(
    operation: string,
    attempt: (client: KmsClient, callOptions: CallOptions) => Promise<Reply>,
    discard: (reply: Reply) => void,
  ): Promise<Reply> {
    const startedAt = clock.monotonic();
    if (!(await turns.take(LONGEST_WAIT_MS))) {
      const failure = new CallFailure("UNAVAILABLE", 0, "too many at once");
      tell(operation, failure, startedAt);
      throw failure;
    }
    try {
      return await sendNow(operation, attempt, discard, startedAt);
    } finally {
      turns.end();
    }
  }

  /** @throws CallFailure */
  async function sendNow<Reply>(
    operation: string,
    attempt: (client: KmsClient, callOptions: CallOptions) => Promise<Reply>,
    discard: (reply: Reply) => void,
    startedAt: number,
  ): Promise<Reply> {
    if (!breaker.admits()) throw new CallFailure("UNAVAILABLE", 0, "resting");
    const totalMs = budget.totalMs - (clock.monotonic() - startedAt);
    const once: Try<Reply> = async (timeout, signal) => {
      return await attempt(await connected(), { timeout, signal, retry: null });
    };
    let outcome: "answered" | "silent" = "answered";
    try {
      return await insist({ ...budget, totalMs }, clock, random, once, discard);
    } catch (error) {
      if (error instanceof CallFailure) {
        outcome = error.transient && error.code !== "MISMATCH" ? "silent" : "answered";
        tell(operation, error, startedAt);
      }
      throw error;
    } finally {
      breaker.report(outcome);
    }
  }

  return {
    async encrypt(plaintext, aad) {
      if (plaintext.length > MOST_BYTES || aad.length > MOST_BYTES)
        throw new Fault("encryption_failed", { cause: new Error("more than 64 KiB") });
      const request = {
        name: key,
        plaintext,
        plaintextCrc32c: { value: crc32c(plaintext) },
        additionalAuthenticatedData: aad,
        additionalAuthenticatedDataCrc32c: { value: crc32c(aad) },
      };
      try {
        return await send(
          "encrypt",
          async (client, callOptions) => {
            const [reply] = await client.encrypt(request, callOptions);
            if (reply.verifiedPlaintextCrc32c !== true) throw mismatch("plaintext not verified");
            if (reply.verifiedAdditionalAuthenticatedDataCrc32c !== true)
              throw mismatch("associated data not verified");
            const ciphertext = bytesOf(reply.ciphertext);
            if (ciphertext === null || crc32c(ciphertext) !== readChecksum(reply.ciphertextCrc32c))
              throw mismatch("ciphertext checksum");
            return { ciphertext, keyVersion: versionOf(key, reply.name) };
          },
          () => {},
        );
      } catch (error) {
        throw encryptFault(error);
      }
    },

    async decrypt(ciphertext, aad) {
      if (aad.length > MOST_BYTES) throw new Fault("integrity", { cause: new Error("more than 64 KiB") });
      const request = {
        name: key,
        ciphertext,
        ciphertextCrc32c: { value: crc32c(ciphertext) },
        additionalAuthenticatedData: aad,
        additionalAuthenticatedDataCrc32c: { value: crc32c(aad) },
      };
      try {
        const opened = await send(
          "decrypt",
          async (client, callOptions) => {
            const [reply] = await client.decrypt(request, callOptions);
            const plaintext = bytesOf(reply.plaintext);
            if (plaintext === null || crc32c(plaintext) !== readChecksum(reply.plaintextCrc32c)) {
              plaintext?.fill(0);
              throw mismatch("plaintext checksum");
            }
            return { plaintext, usedPrimary: reply.usedPrimary === true };
          },
          (late) => late.plaintext.fill(0),
        );
        if (!opened.usedPrimary) onOldVersion();
        return opened.plaintext;
      } catch (error) {
        throw decryptFault(error);
      }
    },
  };
}

/** The client's own bytes, not a copy: overwriting them leaves no other behind that could be reached. */
function bytesOf(given: unknown): Buffer | null {
  if (Buffer.isBuffer(given)) return given;
  return given instanceof Uint8Array ? Buffer.from(given.buffer, given.byteOffset, given.byteLength) : null;
}

/** The number of the version that sealed. @throws CallFailure where it is no version of our key */
function versionOf(key: string, name: unknown): string {
  const start = `${key}/cryptoKeyVersions/`;
  const version = typeof name === "string" && name.startsWith(start) ? name.slice(start.length) : "";
  if (!/^[1-9]\d{0,8}$/.test(version)) throw mismatch("key version");
  return version;
}

function encryptFault(error: unknown): unknown {
  if (!(error instanceof CallFailure)) return error;
  return new Fault("encryption_failed", {
    ...(error.transient ? { retryAfterS: RETRY_AFTER_S } : {}),
    cause: new Error(`Cloud KMS: ${error.message}`),
  });
}

function decryptFault(error: unknown): unknown {
  if (!(error instanceof CallFailure)) return error;
  const cause = new Error(`Cloud KMS: ${error.message}`);
  if (error.code === "INVALID_ARGUMENT") return new Fault("integrity", { cause });
  return new Fault("key_unavailable", { ...(error.transient ? { retryAfterS: RETRY_AFTER_S } : {}), cause });
}
