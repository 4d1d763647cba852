import { randomBytes } from "node:crypto";
import { Fault } from "../../contract/fault.ts";
import type { Pepper, SecretSource } from "../../ports/secret-source.ts";
import { isRecord, parseObject } from "../stored/json.ts";
import { createOnce, fileStamp, readPrivateFile, replaceFile, withLock } from "./home.ts";

/** The local stand-in for Secret Manager. */
export interface LocalSecrets extends SecretSource {
  /** Adds a pepper that new keys are hashed with; the older ones still verify. @returns its version */
  rotate(): string;
}

/**
 * Opens the peppers in a JSON file of mode 0600, newest first, and creates it with one where there is none. 32 random
 * bytes each. A file that another process changed is read again.
 *
 * @throws Error where the file is open to others or holds no peppers
 */
export function openLocalSecrets(file: string): LocalSecrets {
  if (fileStamp(file) === null) createOnce(file, write([fresh(1)]));
  let stamp = fileStamp(file);
  let peppers = read(file);

  function refresh(): void {
    const now = fileStamp(file);
    if (now !== null && now === stamp) return;
    try {
      peppers = read(file);
      stamp = now;
    } catch (cause) {
      throw new Fault("key_unavailable", { cause });
    }
  }

  return {
    async peppers() {
      refresh();
      return peppers;
    },
    rotate() {
      withLock(`${file}.lock`, () => {
        const before = read(file);
        replaceFile(file, write([fresh(Number(before[0].version) + 1), ...before]));
      });
      refresh();
      return peppers[0].version;
    },
  };
}

function fresh(version: number): Pepper {
  return { version: String(version), bytes: randomBytes(32) };
}

function write(peppers: readonly Pepper[]): string {
  const rows = peppers.map(({ version, bytes }) => ({ version, bytes: bytes.toString("base64") }));
  return `${JSON.stringify({ format: 1, peppers: rows }, null, 2)}\n`;
}

function read(file: string): readonly [Pepper, ...Pepper[]] {
  const [first, ...rest] = parse(readPrivateFile(file)) ?? [];
  if (!first) throw new Error(`${file} holds no peppers; restore it from a backup`);
  return [first, ...rest];
}

function parse(text: string): Pepper[] | null {
  const value = parseObject(text);
  if (value?.["format"] !== 1 || !Array.isArray(value["peppers"])) return null;
  const peppers: Pepper[] = [];
  for (const one of value["peppers"]) {
    if (!isRecord(one) || typeof one["version"] !== "string" || !/^[1-9]\d{0,8}$/.test(one["version"])) return null;
    const bytes = typeof one["bytes"] === "string" ? Buffer.from(one["bytes"], "base64") : Buffer.alloc(0);
    if (bytes.length !== 32) return null;
    peppers.push({ version: one["version"], bytes });
  }
  return peppers;
}
