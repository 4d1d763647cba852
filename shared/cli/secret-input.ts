import { open } from "node:fs/promises";
import type { Context, Option } from "./command.ts";
import { exits, Stop, usage } from "./stop.ts";
import type { Terminal } from "./terminal.ts";

const LARGEST_BYTES = 120 * 1024;

/** The option that names a file with the secret. */
export const fileOption: Option = {
  value: "<path>",
  help: "Read the secret from a file; - is stdin",
  opaque: true,
};

export type SecretSource = { from: "file"; path: string } | { from: "stdin" } | { from: "prompt" };

/** Where the secret comes from: a named file, else what is piped, else a person is asked. Never the command line. */
export function secretSource(file: string | null, stdinIsTty: boolean): SecretSource {
  if (file !== null && file !== "-") return { from: "file", path: file };
  return stdinIsTty && file === null ? { from: "prompt" } : { from: "stdin" };
}

/**
 * Reads the secret. An object in JSON is sent as the provider's fields, anything else as text.
 *
 * @throws Stop usage, where nothing comes or it is too large; the value is never in it
 */
export async function readSecret(
  { given, terminal }: Context,
  provider: string,
): Promise<string | Record<string, unknown>> {
  const source = secretSource(given.text("file"), terminal.stdinIsTty);
  return asCredential(await textFrom(source, terminal, provider));
}

/** What is sent for the text: an object of fields, or the text without its outer white space. @throws Stop */
export function asCredential(raw: string): string | Record<string, unknown> {
  const text = raw.trim();
  if (text === "") throw noSecret();
  if (!text.startsWith("{")) return text;
  try {
    const parsed: unknown = JSON.parse(text);
    if (typeof parsed === "object" && parsed !== null && !Array.isArray(parsed)) return { ...parsed };
  } catch {
    // The service says what is wrong with it.
  }
  return text;
}

async function textFrom(source: SecretSource, terminal: Terminal, provider: string): Promise<string> {
  switch (source.from) {
    case "file":
      return await readFile(source.path);
    case "stdin":
      return await readStdin(terminal);
    case "prompt":
      return await promptHidden(terminal, `Credential for ${provider} (not shown): `);
  }
}

async function readFile(path: string): Promise<string> {
  const unreadable = (why: string) => usage(`The file that --file names cannot be read (${why})`);
  try {
    await using handle = await open(path, "r");
    const { bytesRead, buffer } = await handle.read({ buffer: Buffer.alloc(LARGEST_BYTES + 1) });
    if (bytesRead > LARGEST_BYTES) throw tooLarge();
    return buffer.toString("utf8", 0, bytesRead);
  } catch (error) {
    if (error instanceof Stop) throw error;
    throw unreadable(
      error instanceof Error && "code" in error && /^E[A-Z]+$/.test(String(error.code)) ? String(error.code) : "error",
    );
  }
}

async function readStdin(terminal: Terminal): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of terminal.stdin) {
    const piece = Buffer.from(chunk);
    bytes += piece.length;
    if (bytes > LARGEST_BYTES) throw tooLarge();
    chunks.push(piece);
  }
  return Buffer.concat(chunks).toString("utf8");
}

/** Asks on the terminal and shows nothing of what is typed. Pasted JSON and PEM may have lines. */
async function promptHidden(terminal: Terminal, question: string): Promise<string> {
  const { stdin } = terminal;
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  let typed = "";
  const onData = (chunk: Buffer | string): void => {
    for (const letter of String(chunk)) {
      const step = typing(typed, letter);
      typed = step.typed;
      if (step.ended === "interrupted") reject(new Stop(exits.usage, { message: "Interrupted: nothing was sent" }));
      if (step.ended === "done") resolve(typed);
      if (step.ended !== null) return;
    }
  };
  process.stderr.write(question);
  stdin.setRawMode(true);
  stdin.setEncoding("utf8");
  stdin.on("data", onData);
  stdin.resume();
  try {
    return await promise;
  } finally {
    stdin.off("data", onData);
    stdin.setRawMode(false);
    stdin.pause();
    terminal.note("");
  }
}

/** One key press in the hidden prompt. */
export function typing(typed: string, letter: string): { typed: string; ended: "done" | "interrupted" | null } {
  switch (letter) {
    case "\u0003":
      return { typed: "", ended: "interrupted" };
    case "\u0004":
      return { typed, ended: "done" };
    case "\u0008":
    case "\u007f":
      return { typed: [...typed].slice(0, -1).join(""), ended: null };
    case "\u0015":
      return { typed: "", ended: null };
    case "\r":
    case "\n":
      return isUnfinished(typed) ? { typed: `${typed}\n`, ended: null } : { typed, ended: "done" };
    default:
      return { typed: typed + letter, ended: null };
  }
}

function isUnfinished(typed: string): boolean {
  const text = typed.trim();
  if (text.startsWith("-----BEGIN")) return !/-----END [A-Z ]+-----$/.test(text);
  if (!text.startsWith("{")) return false;
  try {
    JSON.parse(text);
    return false;
  } catch {
    return true;
  }
}

function noSecret(): Stop {
  return usage("No secret was given", "Pipe it (… < key.txt), name a file (--file key.txt), or run this in a terminal");
}

function tooLarge(): Stop {
  return usage(`The secret is larger than ${LARGEST_BYTES / 1024} KiB`);
}
