import { existsSync, statSync } from "node:fs";
import { basename, dirname } from "node:path";
import { DatabaseSync } from "node:sqlite";

/** The files of a home that are worth nothing without each other, by their paths. */
export interface HomeFiles {
  store: string;
  keyRing: string;
  peppers: string;
}

/**
 * Refuses a home that has lost a file: a fresh key ring or pepper beside a used store would hide the loss until every
 * credential and every organisation's key turned out to be dead, and so would an empty store beside a key ring. A home
 * is made store first, and nothing is stored before all three are there, so a first start that died half-way goes on.
 * Writes nothing.
 *
 * @throws Error, which names the file and the remedy
 */
export function requireWhole({ store, keyRing, peppers }: HomeFiles): void {
  const missing = (): string | undefined => [keyRing, peppers].find((file) => !existsSync(file));
  const present = [keyRing, peppers].find((file) => existsSync(file));
  // In this order: another process may be making this home.
  if (present !== undefined && !existsSync(store)) throw lost(store, present);
  if (missing() === undefined || !isUsed(store)) return;
  const gone = missing();
  if (gone !== undefined) throw lost(gone, store);
}

function lost(file: string, beside: string): Error {
  return new Error(
    `${file} is not there beside ${basename(beside)}: restore it from the backup that belongs to ${basename(beside)}, or move everything out of ${dirname(file)} to begin anew`,
  );
}

/** Whether anything was ever stored that a key ring or a pepper belongs to. */
function isUsed(store: string): boolean {
  if ((statSync(store, { throwIfNoEntry: false })?.size ?? 0) === 0) return false;
  // The last one that may write folds a log that is there into the store; one that may not leaves a log where none was.
  const database = new DatabaseSync(store, { timeout: 5_000, readOnly: existsSync(`${store}-wal`) });
  try {
    const tables = database
      .prepare("SELECT name FROM sqlite_schema WHERE type = 'table' AND name IN ('versions', 'heads', 'org_keys')")
      .all();
    return tables.some(({ name }) => database.prepare(`SELECT 1 FROM ${String(name)} LIMIT 1`).get() !== undefined);
  } finally {
    database.close();
  }
}
