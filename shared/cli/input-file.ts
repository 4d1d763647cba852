import { open } from "node:fs/promises";
import { Stop, usage } from "./stop.ts";
import type { Terminal } from "./terminal.ts";

/** A text that a person hands in, and whether others on this machine can read it too. */
export interface Input {
  text: string;
  isOpenToOthers: boolean;
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
  try {
    await using handle = path === "-" ? null : await open(path, "r");
    isOpenToOthers = handle !== null && ((await handle.stat()).mode & 0o044) !== 0;
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
  const text = Buffer.concat(chunks).toString("utf8");
  for (const chunk of chunks) chunk.fill(0);
  return { text, isOpenToOthers };
}
