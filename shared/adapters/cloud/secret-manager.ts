import type { SecretManagerServiceClient } from "@google-cloud/secret-manager/build/src/v1/secret_manager_service_client.js";
import { Fault } from "../../contract/fault.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Log } from "../../ports/log.ts";
import type { Pepper, SecretSource } from "../../ports/secret-source.ts";
import { crc32c, readChecksum } from "./crc32c.ts";
import { CallFailure, connecting, insist, mismatch, type Patience } from "./google-retry.ts";

/** What is used of Google's client. */
export type SecretClient = Pick<SecretManagerServiceClient, "accessSecretVersion">;

export interface SecretManagerOptions {
  /** Makes a client with its credentials found. Called at the first use, and again where that failed. */
  connect: () => Promise<SecretClient>;
  /** `projects/<P>/secrets/<S>` */
  secret: string;
  clock: Clock;
  log?: Log;
  random?: () => number;
}

const SECRET = /^projects\/[^/\s]+\/secrets\/([A-Za-z0-9_-]{1,255})$/;
const VERSION = /^projects\/[^/]+\/secrets\/([^/]+)\/versions\/([1-9]\d{0,8})$/;
const LEAST_BYTES = 32;
const FRESH_MS = 10 * 60_000;
const USABLE_MS = 60 * 60_000;
const PAUSE_MS = 30_000;
const patience: Patience = { tries: 5, mismatches: 3, tryMs: 3_000, totalMs: 8_000 };
const RETRY_AFTER_S = 5;

type Peppers = readonly [Pepper, ...Pepper[]];

/**
 * The pepper: the bytes of the secret's latest version, with which new keys are hashed, and of the version before it,
 * which still verifies; a version that is disabled, destroyed or not there is left out. Versions are found by number,
 * since the accessor's role may list nothing.
 *
 * Remembered for ten minutes; then one caller waits for an answer and the others take what is remembered. Where Secret
 * Manager cannot be asked, what is remembered serves until it is an hour old: a pepper does not change by itself, so an
 * outage there must refuse nobody's key, and an hour bounds how long a version that an operator has disabled is still
 * taken. With nothing remembered, nothing is served. It is asked twice a minute at most, and besides once for each newer
 * version that a key names: whoever has added one hands out its first keys at once.
 *
 * Source: https://cloud.google.com/secret-manager/docs/reference/rest/v1/projects.secrets.versions/access, read
 * 2026-11-20.
 *
 * @throws Error where `secret` is not the name of a secret
 */
export function openSecretManager(options: SecretManagerOptions): SecretSource {
  const { secret, clock, log = () => {}, random = Math.random } = options;
  const id = SECRET.exec(secret)?.[1];
  if (id === undefined) throw new Error("the name of the secret is not projects/…/secrets/…");
  const connected = connecting(options.connect);
  let known: { peppers: Peppers; at: number } | null = null;
  let askedAt = Number.NEGATIVE_INFINITY;
  let asking: Promise<Peppers> | null = null;
  /** The newer versions for which it was asked at once; keys name few. */
  const named = new Set<string>();

  /** One version's bytes. @throws CallFailure */
  function access(which: string, budget: Patience): Promise<Pepper> {
    return insist(budget, clock, random, async (timeout, signal) => {
      const client = await connected();
      const name = `${secret}/versions/${which}`;
      const [reply] = await client.accessSecretVersion({ name }, { timeout, signal, retry: null });
      // The project is not compared: it is asked by its id and answered by its number.
      const [, named, number] = VERSION.exec(reply.name ?? "") ?? [];
      if (named !== id || number === undefined || (which !== "latest" && which !== number))
        throw mismatch("secret version");
      const data = reply.payload?.data;
      if (!(data instanceof Uint8Array) || crc32c(data) !== readChecksum(reply.payload?.dataCrc32c))
        throw mismatch("secret checksum");
      return { version: number, bytes: Buffer.from(data.buffer, data.byteOffset, data.byteLength) };
    });
  }

  /** The version before `newest`; `null` where it is none that may be used. @throws CallFailure where that is not known */
  async function before(newest: string, budget: Patience): Promise<Pepper | null> {
    if (newest === "1") return null;
    try {
      const older = await access(String(Number(newest) - 1), budget);
      if (older.bytes.length >= LEAST_BYTES) return older;
      log("WARNING", "pepper.too_short", { key_version: older.version, count: older.bytes.length });
      return null;
    } catch (error) {
      const gone = error instanceof CallFailure && (error.code === "FAILED_PRECONDITION" || error.code === "NOT_FOUND");
      if (gone) return null;
      throw error;
    }
  }

  async function ask(budget: Patience): Promise<Peppers> {
    const startedAt = clock.monotonic();
    const newest = await access("latest", budget);
    if (newest.bytes.length < LEAST_BYTES) {
      log("CRITICAL", "pepper.too_short", { key_version: newest.version, count: newest.bytes.length });
      throw new CallFailure("FAILED_PRECONDITION", 1, "shorter than 32 bytes");
    }
    const left = budget.totalMs - (clock.monotonic() - startedAt);
    const older = await before(newest.version, { ...budget, totalMs: left });
    return older === null ? [newest] : [newest, older];
  }

  /** Asks once however many wait for it. @throws CallFailure */
  function askOnce(budget: Patience): Promise<Peppers> {
    asking ??= (async () => {
      askedAt = clock.monotonic();
      try {
        const peppers = await ask(budget);
        known = { peppers, at: askedAt };
        return peppers;
      } finally {
        asking = null;
      }
    })();
    return asking;
  }

  return {
    async peppers(wanted) {
      const now = clock.monotonic();
      const usable = known !== null && now - known.at < USABLE_MS ? known.peppers : null;
      if (usable !== null && known !== null) {
        const newer = wanted !== undefined && Number(wanted) > Number(usable[0].version);
        const due = now - known.at >= FRESH_MS || newer;
        const joins = newer && asking !== null;
        const first = newer && !joins && !named.has(wanted);
        if (!due || (now - askedAt < PAUSE_MS && !joins && !first)) return usable;
        if (first) named.add(wanted);
      }
      try {
        return await askOnce(usable === null ? patience : { ...patience, tries: 2, totalMs: patience.tryMs });
      } catch (error) {
        const failure = error instanceof CallFailure ? error : new CallFailure("UNKNOWN");
        const severity = failure.transient ? "ERROR" : "CRITICAL";
        log(usable === null ? severity : "WARNING", failure.transient ? "pepper.unavailable" : "pepper.refused", {
          reason: failure.message,
          count: failure.tries,
        });
        if (usable !== null) return usable;
        throw new Fault("key_unavailable", {
          ...(failure.transient ? { retryAfterS: RETRY_AFTER_S } : {}),
          cause: new Error(`Secret Manager: ${failure.message}`),
        });
      }
    },
  };
}
