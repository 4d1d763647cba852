import { createCipheriv, createDecipheriv, createSecretKey, type KeyObject, randomBytes } from "node:crypto";
import { Fault } from "../../contract/fault.ts";
import { type Clock, timestamp } from "../../ports/clock.ts";
import type { KeyManagement } from "../../ports/key-management.ts";
import { isRecord, parseObject } from "../stored/json.ts";
import { systemClock } from "../system-clock.ts";
import { createOnce, fileStamp, readPrivateFile, replaceFile, withLock } from "./home.ts";

export type KeyState = "enabled" | "disabled" | "destroyed";

/** A key version as an operator sees it. */
export interface KeyVersion {
  /** Its number as text. */
  version: string;
  state: KeyState;
  created_at: string;
  /** Whether new secrets are sealed with it. */
  primary: boolean;
}

/** The local stand-in for Cloud KMS, with what there is done by hand. */
export interface KeyRing extends KeyManagement {
  /** Adds a key version and makes it the primary one. @returns its number */
  rotate(): string;
  versions(): KeyVersion[];
  /** Nothing sealed with it opens until it is enabled again. @throws Error for the primary or an unknown version */
  disable(version: string): void;
  /** @throws Error for an unknown or destroyed version */
  enable(version: string): void;
  /** Forgets the key for ever. @throws Error for the primary or an unknown version */
  destroy(version: string): void;
}

/*
 * Sealed bytes: format (1 byte, 0x01), key version (uint32be), IV (12), tag (16), ciphertext.
 * The first five are authenticated before the caller's associated data.
 */
const FORMAT = 1;
const HEADER = 5;
const IV = 12;
const TAG = 16;
/** Cloud KMS takes no more, for the plaintext and for the associated data. */
const MOST_BYTES = 64 * 1024;

interface StoredKey {
  version: string;
  state: KeyState;
  created_at: string;
  /** 32 bytes, base64; `null` once destroyed. */
  key: string | null;
}
interface StoredRing {
  primary: string;
  keys: StoredKey[];
}

/**
 * Opens the key ring in a JSON file of mode 0600, and creates it with one key where there is none. Other processes may
 * rotate it meanwhile: a changed file is read again before the next use.
 *
 * @throws Error where the file is open to others or is not a key ring
 */
export function openKeyRing(file: string, clock: Clock = systemClock()): KeyRing {
  if (fileStamp(file) === null) createOnce(file, write({ primary: "1", keys: [freshKey("1", clock)] }));
  let stamp = fileStamp(file);
  let ring = read(file);
  let keys = keyObjects(ring);

  function refresh(): void {
    const now = fileStamp(file);
    if (now !== null && now === stamp) return;
    try {
      ring = read(file);
      keys = keyObjects(ring);
      stamp = now;
    } catch (cause) {
      throw new Fault("key_unavailable", { cause });
    }
  }

  function change(work: (ring: StoredRing) => StoredRing): void {
    withLock(`${file}.lock`, () => replaceFile(file, write(work(read(file)))));
    refresh();
  }

  function setState(version: string, state: KeyState): void {
    change((before) => {
      const key = before.keys.find((one) => one.version === version);
      if (!key) throw new Error(`there is no key version ${version}`);
      if (version === before.primary && state !== "enabled")
        throw new Error(`key version ${version} is the primary one: rotate first`);
      if (key.state === "destroyed" && state !== "destroyed") throw new Error(`key version ${version} is destroyed`);
      const after = { ...key, state, key: state === "destroyed" ? null : key.key };
      return { ...before, keys: before.keys.map((one) => (one === key ? after : one)) };
    });
  }

  return {
    async encrypt(plaintext, aad) {
      refresh();
      const key = keys.get(ring.primary);
      if (!key) throw new Fault("encryption_failed", { cause: new Error("the primary key version is not enabled") });
      if (plaintext.length > MOST_BYTES || aad.length > MOST_BYTES) {
        throw new Fault("encryption_failed", { cause: new Error("more than 64 KiB") });
      }
      const header = Buffer.alloc(HEADER);
      header.writeUInt8(FORMAT, 0);
      header.writeUInt32BE(Number(ring.primary), 1);
      const iv = randomBytes(IV);
      const cipher = createCipheriv("aes-256-gcm", key, iv, { authTagLength: TAG });
      cipher.setAAD(Buffer.concat([header, aad]));
      const body = cipher.update(plaintext);
      cipher.final();
      return { ciphertext: Buffer.concat([header, iv, cipher.getAuthTag(), body]), keyVersion: ring.primary };
    },

    async decrypt(ciphertext, aad) {
      refresh();
      if (ciphertext.length < HEADER + IV + TAG || ciphertext.readUInt8(0) !== FORMAT) throw new Fault("integrity");
      const version = String(ciphertext.readUInt32BE(1));
      const stored = ring.keys.find((key) => key.version === version);
      if (!stored) throw new Fault("integrity");
      const key = keys.get(version);
      if (!key) throw new Fault("key_unavailable", { cause: new Error(`key version ${version} is ${stored.state}`) });
      return openBytes(key, ciphertext, aad);
    },

    rotate() {
      let version = "";
      change((before) => {
        version = String(Math.max(...before.keys.map((key) => Number(key.version))) + 1);
        return { primary: version, keys: [...before.keys, freshKey(version, clock)] };
      });
      return version;
    },
    versions() {
      refresh();
      return ring.keys.map(({ version, state, created_at }) => ({
        version,
        state,
        created_at,
        primary: version === ring.primary,
      }));
    },
    disable: (version) => setState(version, "disabled"),
    enable: (version) => setState(version, "enabled"),
    destroy: (version) => setState(version, "destroyed"),
  };
}

function openBytes(key: KeyObject, ciphertext: Buffer, aad: Buffer): Buffer {
  const iv = ciphertext.subarray(HEADER, HEADER + IV);
  const decipher = createDecipheriv("aes-256-gcm", key, iv, { authTagLength: TAG });
  decipher.setAAD(Buffer.concat([ciphertext.subarray(0, HEADER), aad]));
  decipher.setAuthTag(ciphertext.subarray(HEADER + IV, HEADER + IV + TAG));
  const plaintext = decipher.update(ciphertext.subarray(HEADER + IV + TAG));
  try {
    decipher.final();
  } catch {
    plaintext.fill(0);
    throw new Fault("integrity");
  }
  return plaintext;
}

function freshKey(version: string, clock: Clock): StoredKey {
  return { version, state: "enabled", created_at: timestamp(clock.now()), key: randomBytes(32).toString("base64") };
}

function keyObjects(ring: StoredRing): Map<string, KeyObject> {
  const keys = new Map<string, KeyObject>();
  for (const { version, state, key } of ring.keys) {
    if (state === "enabled" && key !== null) keys.set(version, createSecretKey(key, "base64"));
  }
  return keys;
}

function write(ring: StoredRing): string {
  return `${JSON.stringify({ format: FORMAT, ...ring }, null, 2)}\n`;
}

function read(file: string): StoredRing {
  const text = readPrivateFile(file);
  const ring = parse(text);
  if (!ring) throw new Error(`${file} is not a key ring; restore it from a backup`);
  return ring;
}

function parse(text: string): StoredRing | null {
  const value = parseObject(text);
  if (!value || value["format"] !== FORMAT || typeof value["primary"] !== "string" || !Array.isArray(value["keys"]))
    return null;
  const keys = value["keys"].map(parseKey);
  const whole = keys.filter((key) => key !== null);
  return whole.length === keys.length && whole.some((key) => key.version === value["primary"])
    ? { primary: value["primary"], keys: whole }
    : null;
}

function parseKey(value: unknown): StoredKey | null {
  if (!isRecord(value)) return null;
  const { version, state, created_at, key } = value;
  if (typeof version !== "string" || !/^[1-9]\d{0,8}$/.test(version) || typeof created_at !== "string") return null;
  if (state !== "enabled" && state !== "disabled" && state !== "destroyed") return null;
  if (state === "destroyed") return { version, state, created_at, key: null };
  if (typeof key !== "string" || Buffer.from(key, "base64").length !== 32) return null;
  return { version, state, created_at, key };
}
