import type { Terminal } from "../../shared/cli/terminal.ts";

/** A terminal that keeps what it is told. */
export function fakeTerminal(isTty: boolean): Terminal & { lines: string[]; notes: string[]; drawn: string[] } {
  const lines: string[] = [];
  const notes: string[] = [];
  const drawn: string[] = [];
  return {
    lines,
    notes,
    drawn,
    print: (text) => void lines.push(text),
    note: (text) => void notes.push(text),
    tone: (_, text) => text,
    redraw: (text) => void drawn.push(text),
    stdin: process.stdin,
    columns: null,
    stdinIsTty: isTty,
    stdoutIsTty: isTty,
    stderrIsTty: isTty,
  };
}
