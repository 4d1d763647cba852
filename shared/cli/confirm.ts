import { createInterface } from "node:readline/promises";
import { usage } from "./stop.ts";
import type { Terminal } from "./terminal.ts";

/** Whether a person agrees; `yes` answers for them. @throws Stop usage, where nobody can be asked */
export async function confirm(terminal: Terminal, question: string, yes: boolean): Promise<boolean> {
  if (yes) return true;
  if (!terminal.stdinIsTty || !terminal.stderrIsTty)
    throw usage("This needs a yes, and there is no terminal to ask on", "Add --yes");
  const lines = createInterface({ input: terminal.stdin, output: process.stderr });
  const closed = new Promise<string>((resolve) => lines.once("close", () => resolve("")));
  try {
    // Ctrl-C rejects the question, Ctrl-D only closes the interface: both are a no.
    const answer = await Promise.race([lines.question(`${question} [y/N] `).catch(() => ""), closed]);
    return /^y(?:es)?$/i.test(answer.trim());
  } finally {
    lines.close();
  }
}
