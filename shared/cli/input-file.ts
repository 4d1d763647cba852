import { open } from "node:fs/promises";
import { Stop, usage } from "./stop.ts";
import type { Terminal } from "./terminal.ts";

/** A text that a person hands in, and whether others on this machine can read it too. */
export interface Input {
  text: string;
  isOpenToOthers: boolean;
  /** A file that another run finds again; false for stdin, pipes and the like. */
  isFile: boolean;
}

/**
 * Reads a file, or stdin for `-`.
 *
 * @param what how messages call it, such as `The list of keys`
 * @throws Stop usage, which says nothing of what stands in it
 */
export async function readInput(
  path: string,
  { terminal, what, largestBytes }: { terminal: Terminal; what: string; largestBytes: number },
): Promise<Input> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  let isOpenToOthers = false;
  let isFile = false;
  try {
    await using handle = path === "-" ? null : await open(path, "r");
    const stat = await handle?.stat();
    isFile = stat?.isFile() === true;
    isOpenToOthers = stat !== undefined && isFile && (stat.mode & 0o044) !== 0;
    const stream = handle === null ? terminal.stdin : handle.createReadStream({ autoClose: false });
    for await (const chunk of stream) {
      const piece = Buffer.from(chunk);
      bytes += piece.length;
      if (bytes > largestBytes) throw usage(`${what} is larger than ${largestBytes / 1024 / 1024} MiB`);
      chunks.push(piece);
    }
  } catch (error) {
    if (error instanceof Stop) throw error;
    const code =
      error instanceof Error && "code" in error && /^E[A-Z]+$/.test(String(error.code)) ? error.code : "error";
    throw usage(`${what} cannot be read (${code})`, "Name a file, or - for stdin");
  }
  const whole = Buffer.concat(chunks);
  try {
    return { text: decoded(whole, what), isOpenToOthers, isFile };
  } finally {
    for (const buffer of [...chunks, whole]) buffer.fill(0);
  }
}

/** @throws Stop usage, where it is no UTF-8: in any other encoding names would be stored damaged */
function decoded(bytes: Buffer, what: string): string {
  const isWide = (bytes[0] === 0xff && bytes[1] === 0xfe) || (bytes[0] === 0xfe && bytes[1] === 0xff);
  try {
    if (!isWide) return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    // Told below.
  }
  throw usage(`${what} is ${isWide ? "UTF-16" : "not UTF-8"}`, 'Save it as UTF-8, in a spreadsheet as "CSV UTF-8"');
}
