import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from "node:crypto";
import { Refusal } from "./refusal.ts";

export type VersionState = "ENABLED" | "DISABLED" | "DESTROY_SCHEDULED" | "DESTROYED";

interface Version {
  number: number;
  state: VersionState;
  /** 32 bytes. */
  key: Buffer;
  /** What a ciphertext names its version by. */
  id: Buffer;
}

/** A symmetric key of the store, with what an operator does to it. */
export interface StoredKey {
  name: string;
  versions(): Array<{ number: number; state: VersionState; primary: boolean }>;
  primary: number;
  /** Adds a version and makes it the primary one. @returns its number */
  rotate(): number;
  enable(version: number): void;
  disable(version: number): void;
  /** DESTROY_SCHEDULED, as Google does for 30 days: it opens nothing from now on. */
  destroy(version: number): void;
}

interface Key extends StoredKey {
  all: Version[];
}

/*
 * Ciphertext, shaped like Google's: 0x0a 0x24, 36 bytes that name the version, 0x12, the length as uint32be (Google: a
 * varint), IV (12), tag (16), body. Everything before the IV is authenticated before the caller's associated data.
 */
const ID = 36;
const HEAD = 2 + ID + 1 + 4;
const IV = 12;
const TAG = 16;

/** Keys with real AES-256-GCM. The same seed gives the same keys. */
export class KeyStore {
  readonly #keys = new Map<string, Key>();
  readonly #seed: number;

  constructor(seed: number) {
    this.#seed = seed;
  }

  /** The key of this name, made with one version where there is none. */
  add(name: string): StoredKey {
    const known = this.#keys.get(name);
    if (known) return known;
    const all: Version[] = [];
    const fresh = (): number => {
      const number = all.length + 1;
      const bytes = Buffer.from(hkdfSync("sha256", `${this.#seed}`, "bench", `${name}/${number}`, 68));
      all.push({ number, state: "ENABLED", key: bytes.subarray(0, 32), id: bytes.subarray(32) });
      return number;
    };
    const find = (number: number): Version => {
      const version = all.find((one) => one.number === number);
      if (version === undefined) throw new Error(`${name} has no version ${number}`);
      return version;
    };
    const key: Key = {
      name,
      all,
      primary: fresh(),
      versions: () => all.map(({ number, state }) => ({ number, state, primary: number === key.primary })),
      rotate() {
        key.primary = fresh();
        return key.primary;
      },
      enable(number) {
        find(number).state = "ENABLED";
      },
      disable(number) {
        find(number).state = "DISABLED";
      },
      destroy(number) {
        find(number).state = "DESTROY_SCHEDULED";
      },
    };
    this.#keys.set(name, key);
    return key;
  }

  get(name: string): StoredKey | null {
    return this.#keys.get(name) ?? null;
  }

  /** @throws Refusal as Cloud KMS has it */
  encrypt(name: string, plaintext: Buffer, aad: Buffer): { ciphertext: Buffer; version: number } {
    const [keyName = "", number] = name.split("/cryptoKeyVersions/");
    const key = this.#find(keyName);
    const version = usable(
      key,
      key.all.find((one) => one.number === (number === undefined ? key.primary : Number(number))),
    );
    const head = Buffer.concat([
      Buffer.from([0x0a, ID]),
      version.id,
      Buffer.from([0x12]),
      uint32(IV + TAG + plaintext.length),
    ]);
    const iv = randomBytes(IV);
    const cipher = createCipheriv("aes-256-gcm", version.key, iv, { authTagLength: TAG });
    cipher.setAAD(Buffer.concat([head, aad]));
    const body = Buffer.concat([cipher.update(plaintext), cipher.final()]);
    return { ciphertext: Buffer.concat([head, iv, cipher.getAuthTag(), body]), version: version.number };
  }

  /** @throws Refusal as Cloud KMS has it */
  decrypt(name: string, ciphertext: Buffer, aad: Buffer): { plaintext: Buffer; usedPrimary: boolean } {
    const key = this.#find(name);
    if (ciphertext.length < HEAD + IV + TAG) throw invalid();
    const id = ciphertext.subarray(2, 2 + ID);
    const found = key.all.find((one) => one.id.equals(id));
    if (found === undefined)
      throw new Refusal("INVALID_ARGUMENT", "Decryption failed: verify that 'name' refers to the correct CryptoKey.");
    const version = usable(key, found);
    const iv = ciphertext.subarray(HEAD, HEAD + IV);
    const decipher = createDecipheriv("aes-256-gcm", version.key, iv, { authTagLength: TAG });
    decipher.setAAD(Buffer.concat([ciphertext.subarray(0, HEAD), aad]));
    decipher.setAuthTag(ciphertext.subarray(HEAD + IV, HEAD + IV + TAG));
    try {
      const plaintext = Buffer.concat([decipher.update(ciphertext.subarray(HEAD + IV + TAG)), decipher.final()]);
      return { plaintext, usedPrimary: version.number === key.primary };
    } catch {
      throw invalid();
    }
  }

  #find(name: string): Key {
    const key = this.#keys.get(name);
    if (key === undefined) throw new Refusal("NOT_FOUND", `CryptoKey ${name} not found.`);
    return key;
  }
}

/** The name of a key that is not ours, of the same length: for replies that name the wrong one. */
export function otherKey(name: string): string {
  return `${name.slice(0, -1)}${name.endsWith("x") ? "y" : "x"}`;
}

function usable(key: Key, version: Version | undefined): Version {
  if (version === undefined) throw new Refusal("NOT_FOUND", `CryptoKeyVersion of ${key.name} not found.`);
  if (version.state === "ENABLED") return version;
  const subject = `${key.name}/cryptoKeyVersions/${version.number}`;
  throw new Refusal("FAILED_PRECONDITION", `${subject} is not enabled, current state is: ${version.state}.`, [
    {
      "@type": "type.googleapis.com/google.rpc.PreconditionFailure",
      violations: [{ type: version.state === "DISABLED" ? "KEY_DISABLED" : "KEY_DESTROYED", subject }],
    },
  ]);
}

function invalid(): Refusal {
  return new Refusal("INVALID_ARGUMENT", "Decryption failed: the ciphertext is invalid.");
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}
