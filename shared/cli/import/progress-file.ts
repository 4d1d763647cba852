import { createHmac, randomUUID } from "node:crypto";
import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { usage } from "../stop.ts";
import { isRecord, parseJson } from "./read-rows.ts";

/*
 * What an import has done so far, beside its list, so that a run that was cut off goes on. It holds no value of a row:
 * rows are told apart by an HMAC under the organisation's key, and a row that was changed is another row.
 */

/** A batch that was sent and not answered: sent again as it was, under its key, the service knows it. */
interface SentBatch {
  /** Its Idempotency-Key. */
  key: string;
  /** Digests of its rows. */
  rows: readonly string[];
}

type Done = ReadonlyMap<string, { provider: string; credential_id: string }>;

interface Stored {
  format: 2;
  /** Digest of a row that is stored → what it became. */
  done: Record<string, { provider: string; credential_id: string }>;
  sent: SentBatch[];
}

export interface ProgressFile {
  path: string;
  /** Whether an earlier run has left it. */
  isResumed: boolean;
  done: Done;
  sent: readonly SentBatch[];
  sending(batch: SentBatch): void;
  /** The batch was answered: these of its rows are done. */
  answered(key: string, done: Done): void;
  /** Takes it away: everything is done. */
  remove(): void;
}

/**
 * Opens the file of a list, or begins one. It is of mode 0600 and replaced as a whole, so that a run that is cut off
 * leaves the one before.
 *
 * @throws Stop usage, where nothing can be written there
 */
export function openProgressFile(list: string): ProgressFile {
  const path = `${list}.import-progress`;
  const isResumed = existsSync(path);
  const stored = read(path);
  const write = (): void => {
    const draft = `${path}.${randomUUID()}.tmp`;
    try {
      writeFileSync(draft, `${JSON.stringify(stored)}\n`, { mode: 0o600, flag: "wx", flush: true });
      renameSync(draft, path);
    } catch (error) {
      rmSync(draft, { force: true });
      const code = error instanceof Error && "code" in error ? ` (${String(error.code)})` : "";
      throw usage(
        `The progress file ${path} cannot be written${code}`,
        "Put the list into a folder that you can write, or use - for stdin",
      );
    }
  };
  write();
  return {
    path,
    isResumed,
    done: new Map(Object.entries(stored.done)),
    sent: [...stored.sent],
    sending(batch) {
      if (!stored.sent.some(({ key }) => key === batch.key)) stored.sent.push(batch);
      write();
    },
    answered(key, done) {
      stored.sent = stored.sent.filter((one) => one.key !== key);
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
  const empty: Stored = { format: 2, done: {}, sent: [] };
  let value: unknown;
  try {
    value = parseJson(readFileSync(path, "utf8"));
  } catch {
    return empty;
  }
  if (!isRecord(value) || value["format"] !== 2) return empty;
  const { done, sent } = value;
  const known = Object.entries(isRecord(done) ? done : {}).flatMap(([digest, one]) => {
    if (!isRecord(one)) return [];
    const { provider, credential_id } = one;
    return typeof provider === "string" && typeof credential_id === "string"
      ? [[digest, { provider, credential_id }] as const]
      : [];
  });
  const batches = (Array.isArray(sent) ? sent : []).flatMap((one: unknown): SentBatch[] => {
    const { key, rows } = isRecord(one) ? one : {};
    if (typeof key !== "string" || !Array.isArray(rows)) return [];
    return [{ key, rows: rows.filter((row) => typeof row === "string") }];
  });
  return { format: 2, done: Object.fromEntries(known), sent: batches };
}
