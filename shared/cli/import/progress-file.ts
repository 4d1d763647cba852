import { createHmac } from "node:crypto";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { isRecord, parseJson } from "./read-rows.ts";

/*
 * What an import has done so far, beside its list, so that a run that was cut off goes on. It holds no value of a row:
 * rows are told apart by an HMAC under the organisation's key, and a row that was changed is another row.
 */

/** A row that is done, or was sent and may be. */
interface Stored {
  format: 1;
  /** Digest of a row that is stored → what it became. */
  done: Record<string, { provider: string; credential_id: string }>;
  /** Batches that were sent and not answered, as digests: sent again as they were, the service knows them. */
  sent: string[][];
}

export interface ProgressFile {
  path: string;
  done: ReadonlyMap<string, { provider: string; credential_id: string }>;
  sent: readonly (readonly string[])[];
  sending(batch: readonly string[]): void;
  /** The batch was answered: these of its rows are done. */
  answered(batch: readonly string[], done: ReadonlyMap<string, { provider: string; credential_id: string }>): void;
  /** Takes it away: everything is done. */
  remove(): void;
}

/** Opens the file of a list, or begins one. It is of mode 0600. */
export function openProgressFile(list: string): ProgressFile {
  const path = `${list}.import-progress`;
  const stored = read(path);
  const write = (): void => writeFileSync(path, `${JSON.stringify(stored)}\n`, { mode: 0o600 });
  return {
    path,
    done: new Map(Object.entries(stored.done)),
    sent: stored.sent.map((batch) => [...batch]),
    sending(batch) {
      if (!stored.sent.some((one) => isSame(one, batch))) stored.sent.push([...batch]);
      write();
    },
    answered(batch, done) {
      stored.sent = stored.sent.filter((one) => !isSame(one, batch));
      Object.assign(stored.done, Object.fromEntries(done));
      write();
    },
    remove: () => rmSync(path, { force: true }),
  };
}

/** A digest of what a row asks of an organisation at a service; nobody without the key can guess a value by it. */
export function digestOf(apiKey: string, place: { url: string; org: string }, item: unknown): string {
  return createHmac("sha256", apiKey)
    .update(JSON.stringify([place.url, place.org, item]))
    .digest("base64url");
}

function read(path: string): Stored {
  const empty: Stored = { format: 1, done: {}, sent: [] };
  let value: unknown;
  try {
    value = parseJson(readFileSync(path, "utf8"));
  } catch {
    return empty;
  }
  if (!isRecord(value) || value["format"] !== 1) return empty;
  const { done, sent } = value;
  const known = Object.entries(isRecord(done) ? done : {}).flatMap(([digest, one]) => {
    if (!isRecord(one)) return [];
    const { provider, credential_id } = one;
    return typeof provider === "string" && typeof credential_id === "string"
      ? [[digest, { provider, credential_id }] as const]
      : [];
  });
  const batches = (Array.isArray(sent) ? sent : []).filter((batch) => Array.isArray(batch));
  return {
    format: 1,
    done: Object.fromEntries(known),
    sent: batches.map((batch) => batch.filter((one) => typeof one === "string")),
  };
}

function isSame(one: readonly string[], other: readonly string[]): boolean {
  return one.length === other.length && one.every((digest, place) => digest === other[place]);
}
