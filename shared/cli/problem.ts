import type { Problem, Stop } from "./stop.ts";
import { harmlessJson, plain, type Terminal } from "./terminal.ts";

/** Tells people on stderr why a command ended. */
export function showProblem(terminal: Terminal, problem: Problem): void {
  const { status, message, fields = [], reason, remedy, retryAfterS, requestId } = problem;
  const faint = (label: string, text: string) => `${terminal.tone("faint", label, "stderr")} ${plain(text)}`;
  const lines = message.split("\n").map(plain);
  terminal.note(terminal.tone("bad", [...(status ? [`${plain(status)}:`] : []), lines[0] ?? ""].join(" "), "stderr"));
  for (const line of lines.slice(1)) terminal.note(line);
  for (const one of fields.filter((field) => message !== `${field.field}: ${field.message}`))
    terminal.note(`  ${plain(one.field)} ${plain(one.message)}`);
  if (reason) terminal.note(faint("reason:", reason));
  if (remedy) terminal.note(faint("remedy:", remedy));
  if (retryAfterS !== undefined) terminal.note(faint("retry after:", `${retryAfterS} s`));
  if (requestId) terminal.note(faint("request id:", requestId));
}

/** The same for programs: the server's own document, or one of ours in its form. */
export function problemJson(stop: Stop): string {
  if (stop.answer !== null) return harmlessJson(stop.answer);
  const { message, code, fields, reason, remedy } = stop.problem;
  return harmlessJson(
    JSON.stringify({
      success: false,
      ...(code ? { code } : {}),
      error: message,
      ...(fields ? { errors: fields } : {}),
      ...(reason ? { reason } : {}),
      ...(remedy ? { remedy } : {}),
    }),
  );
}
