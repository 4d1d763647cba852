import { styleText } from "node:util";

/** What a piece of text means; colours follow from it. */
export type Tone = "good" | "bad" | "warn" | "faint" | "strong";

const formats = { good: "green", bad: "red", warn: "yellow", faint: "dim", strong: "bold" } as const;

/** Where a command reads and writes. */
export interface Terminal {
  /** A line or more for stdout: results. */
  print(text: string): void;
  /** A line or more for stderr: notes for people. */
  note(text: string): void;
  /** Text in its colour, where that stream shows colours. */
  tone(tone: Tone, text: string, stream?: "stdout" | "stderr"): string;
  /** Rewrites the last line of stderr; only for a terminal. */
  redraw(text: string): void;
  stdin: NodeJS.ReadStream;
  /** How wide stdout is; `null` where it is no terminal, and lines are as long as they are. */
  columns: number | null;
  stdinIsTty: boolean;
  stdoutIsTty: boolean;
  stderrIsTty: boolean;
}

/** The process's own streams. Colours only on a terminal, and none with NO_COLOR. */
export function processTerminal(): Terminal {
  const { stdin, stdout, stderr } = process;
  return {
    print: (text) => void stdout.write(`${text}\n`),
    note: (text) => void stderr.write(`${text}\n`),
    tone: (tone, text, stream = "stdout") =>
      styleText(formats[tone], text, { stream: stream === "stdout" ? stdout : stderr }),
    redraw: (text) => void stderr.write(`\r\u001b[2K${text}`),
    stdin,
    columns: stdout.isTTY === true && stdout.columns > 0 ? stdout.columns : null,
    stdinIsTty: stdin.isTTY === true,
    stdoutIsTty: stdout.isTTY === true,
    stderrIsTty: stderr.isTTY === true,
  };
}

/** On one line and without anything a terminal would obey or hide: escapes, control characters, invisible marks. */
export function plain(text: string): string {
  return text
    .replace(/[\t\n\v\f\r\u0085\u2028\u2029]+/g, " ")
    .replace(/[\p{Cc}\p{Cf}]/gu, "")
    .toWellFormed();
}

/** JSON text that means the same and holds no character that a terminal would obey or hide: they are escaped. */
export function harmlessJson(text: string): string {
  return text
    .trim()
    .replace(/[\u007f-\u009f\u2028\u2029\p{Cf}]/gu, (found) =>
      Array.from({ length: found.length }, (_, at) => `\\u${found.charCodeAt(at).toString(16).padStart(4, "0")}`).join(
        "",
      ),
    );
}
