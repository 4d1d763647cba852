import { randomUUID } from "node:crypto";
import {
  chmodSync,
  closeSync,
  existsSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from "node:fs";
import { dirname, resolve } from "node:path";
import { DatabaseSync } from "node:sqlite";

/**
 * Creates the folder of the local store and keys, mode 0700, where it does not exist.
 *
 * @returns the folder
 * @throws Error where it is none, cannot be made, or others could replace files in it
 */
export function openHome(folder: string): string {
  makeFolder(resolve(folder), folder);
  if (!statSync(folder).isDirectory()) throw new Error(`${folder} is not a folder`);
  const mode = statSync(folder).mode & 0o777;
  if (mode & 0o022) throw new Error(`${folder} can be written by others (mode ${octal(mode)}): chmod 700 it`);
  return folder;
}

/** Writes a file unless it exists. Whole or not at all: of several processes at once, one wins and all read its bytes. */
export function createOnce(file: string, content: string, mode: number = 0o600): void {
  const draft = writeDraft(file, content, mode);
  try {
    linkSync(draft, file);
    syncFolder(file);
  } catch (error) {
    if (!hasCode(error, "EEXIST")) throw error;
  } finally {
    rmSync(draft, { force: true });
  }
}

/** Replaces a file's content. A reader, or a crash, sees the old bytes or the new ones. */
export function replaceFile(file: string, content: string, mode: number = 0o600): void {
  const draft = writeDraft(file, content, mode);
  try {
    renameSync(draft, file);
  } catch (error) {
    rmSync(draft, { force: true });
    throw error;
  }
  syncFolder(file);
}

/** @throws Error where the file can be read or written by others; what is in it must then be thought known */
export function readPrivateFile(file: string): string {
  const mode = statSync(file).mode & 0o777;
  if (mode & 0o077)
    throw new Error(`${file} is open to others (mode ${octal(mode)}): chmod 600 it, and replace what it holds`);
  return readFileSync(file, "utf8");
}

/**
 * Runs `work` while no other process runs one under the same lock. The lock is one of the operating system on a SQLite
 * file: it ends with its process, however that ends, so there are no stale ones. Waits 5 s at most.
 */
export function withLock<T>(file: string, work: () => T): T {
  closeSync(openSync(file, "a", 0o600));
  const lock = new DatabaseSync(file, { timeout: 5_000 });
  try {
    lock.exec("BEGIN EXCLUSIVE");
    return work();
  } finally {
    lock.close();
  }
}

/** Text that changes when the file is replaced; `null` where there is none. */
export function fileStamp(file: string): string | null {
  const stat = statSync(file, { throwIfNoEntry: false });
  return stat ? `${stat.ino}.${stat.mtimeMs}.${stat.size}` : null;
}

/** Flushes the names in a file's folder, so that the file is still there after a power cut. */
export function syncFolder(file: string): void {
  const folder = openSync(dirname(file), "r");
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
}

/** Whether an error of the operating system has this code. */
export function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && "code" in error && error.code === code;
}

/** Level by level: where the system says of a folder that is there that it is not, as procfs does, Node's own way never ends. */
function makeFolder(path: string, home: string): void {
  if (existsSync(path)) return;
  makeFolder(dirname(path), home);
  try {
    mkdirSync(path, { mode: 0o700 });
  } catch (error) {
    if (hasCode(error, "EEXIST")) return;
    const code = error instanceof Error && "code" in error ? ` (${String(error.code)})` : "";
    throw new Error(`${home} cannot be made${code}: INTEGRATIONS_HOME must name a folder that you can write`);
  }
}

function writeDraft(file: string, content: string, mode: number): string {
  const draft = `${file}.${randomUUID()}.tmp`;
  const handle = openSync(draft, "wx", 0o600);
  try {
    const bytes = Buffer.from(content, "utf8");
    for (let written = 0; written < bytes.length; ) written += writeSync(handle, bytes, written);
    fsyncSync(handle);
  } catch (error) {
    rmSync(draft, { force: true });
    throw error;
  } finally {
    closeSync(handle);
  }
  chmodSync(draft, mode);
  return draft;
}

function octal(mode: number): string {
  return mode.toString(8).padStart(4, "0");
}
