import { plain, type Terminal, type Tone } from "./terminal.ts";

/** A piece of a table: text as it came, and what it means. */
export type Cell = string | { text: string; tone: Tone };

/** A table with a faint head, columns two spaces apart, nothing cut. Every text is made plain. */
export function table(terminal: Terminal, head: readonly string[], rows: readonly Cell[][]): string {
  const all = [head.map((text): Cell => ({ text, tone: "faint" })), ...rows];
  const widths = head.map((_, column) => Math.max(...all.map((row) => width(textOf(row[column])))));
  return all.map((row) => line(terminal, row, widths)).join("\n");
}

/** Names and values, one a line. */
export function pairs(terminal: Terminal, rows: ReadonlyArray<readonly [string, Cell]>): string {
  const widest = Math.max(...rows.map(([name]) => width(name)));
  return rows.map(([name, value]) => line(terminal, [{ text: name, tone: "faint" }, value], [widest, 0])).join("\n");
}

/** A time as people read it: to the minute, UTC; `-` where there is none. */
export function moment(iso: unknown): string {
  const found = typeof iso === "string" ? /^(\d{4}-\d\d-\d\d)T(\d\d:\d\d)/.exec(iso) : null;
  return found ? `${found[1]} ${found[2]}Z` : "-";
}

/** A status or lifecycle in its colour. */
export function statusCell(status: string): Cell {
  const tones: Readonly<Record<string, Tone>> = {
    VALID: "good",
    INVALID: "bad",
    EXPIRED: "bad",
    PENDING: "warn",
    NOT_CONFIGURED: "faint",
    active: "good",
    error: "bad",
    expired: "bad",
    pending: "warn",
    disabled: "warn",
    not_configured: "faint",
  };
  const tone = Object.hasOwn(tones, status) ? tones[status] : undefined;
  return tone === undefined ? status : { text: status, tone };
}

function line(terminal: Terminal, row: readonly Cell[], widths: readonly number[]): string {
  return row
    .map((cell, column) => {
      const text = textOf(cell);
      const shown = typeof cell === "string" ? text : terminal.tone(cell.tone, text);
      const isLast = column === row.length - 1;
      return isLast ? shown : shown + " ".repeat(Math.max(0, (widths[column] ?? 0) - width(text)));
    })
    .join("  ")
    .trimEnd();
}

function textOf(cell: Cell | undefined): string {
  return plain(typeof cell === "string" ? cell : (cell?.text ?? ""));
}

function width(text: string): number {
  return [...text].length;
}
