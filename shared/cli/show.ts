import { plain, type Terminal, type Tone } from "./terminal.ts";

/** A piece of a table: text as it came, and what it means. */
export type Cell = string | { text: string; tone: Tone };

/**
 * A table with a faint head, columns two spaces apart, nothing cut. Every text is made plain. On a terminal that is too
 * narrow for it the widest texts go on below themselves, or, where that is not enough, each row becomes a list.
 *
 * @param indent columns that the caller puts before every line
 */
export function table(terminal: Terminal, head: readonly string[], rows: readonly Cell[][], indent = 0): string {
  const all = [head.map((text): Cell => ({ text, tone: "faint" })), ...rows];
  const widths = head.map((_, column) => Math.max(...all.map((row) => width(textOf(row[column])))));
  const fitting = terminal.columns === null ? widths : fitted(widths, all, terminal.columns - indent);
  if (fitting === null)
    return rows
      .map((row) =>
        pairs(
          terminal,
          head.map((name, column): [string, Cell] => [name, row[column] ?? ""]),
          indent,
        ),
      )
      .join("\n\n");
  return all.map((row) => line(terminal, row, fitting)).join("\n");
}

/** Names and values, one a line; a long value goes on below itself on a terminal. */
export function pairs(terminal: Terminal, rows: ReadonlyArray<readonly [string, Cell]>, indent = 0): string {
  const widest = Math.max(...rows.map(([name]) => width(name)));
  const room = terminal.columns === null ? Number.POSITIVE_INFINITY : terminal.columns - indent - widest - GAP;
  const widths = [widest, Math.max(LEAST, room)];
  return rows.map(([name, value]) => line(terminal, [{ text: name, tone: "faint" }, value], widths)).join("\n");
}

const GAP = 2;
/** A column of running text is never narrower: a date and its time stand below each other in it. */
const LEAST = 10;

/** Widths that the room is enough for, the widest texts made narrower; `null` where it is enough for none. */
function fitted(natural: readonly number[], rows: readonly Cell[][], room: number): number[] | null {
  const widths = [...natural];
  // A long word in the last column disturbs nothing beside it.
  const least = widths.map((wide, column) => {
    const words = column === widths.length - 1 ? [] : rows.flatMap((row) => textOf(row[column]).split(" ").map(width));
    return Math.min(wide, Math.max(LEAST, ...words));
  });
  for (;;) {
    const over = widths.reduce((sum, wide) => sum + wide, GAP * (widths.length - 1)) - room;
    if (over <= 0) return widths;
    const widest = widths.reduce((best, wide, column) => {
      const isOpen = wide > (least[column] ?? 0);
      return isOpen && (best === -1 || wide > (widths[best] ?? 0)) ? column : best;
    }, -1);
    if (widest === -1) return null;
    widths[widest] = Math.max(least[widest] ?? 0, (widths[widest] ?? 0) - Math.min(over, WIDTH_STEP));
  }
}
const WIDTH_STEP = 4;

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
  const cells = row.map((cell, column) => wrapped(textOf(cell), widths[column] ?? 0));
  const height = Math.max(...cells.map((lines) => lines.length));
  return Array.from({ length: height }, (_, at) =>
    row
      .map((cell, column) => {
        const text = cells[column]?.[at] ?? "";
        const shown = typeof cell === "string" || text === "" ? text : terminal.tone(cell.tone, text);
        const isLast = column === row.length - 1;
        return isLast ? shown : shown + " ".repeat(Math.max(0, (widths[column] ?? 0) - width(text)));
      })
      .join(" ".repeat(GAP))
      .trimEnd(),
  ).join("\n");
}

/** Running text in lines that a terminal has room for; elsewhere as it is. */
export function flowing(terminal: Terminal, text: string): string {
  return terminal.columns === null ? text : wrapped(text, terminal.columns).join("\n");
}

/** The text in lines of that width, broken at spaces; a longer word stands on a line of its own. */
function wrapped(text: string, most: number): string[] {
  if (width(text) <= most) return [text];
  const lines: string[] = [];
  for (const word of text.split(" ")) {
    const last = lines.at(-1);
    if (last !== undefined && width(last) + 1 + width(word) <= most) lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines;
}

function textOf(cell: Cell | undefined): string {
  return plain(typeof cell === "string" ? cell : (cell?.text ?? ""));
}

function width(text: string): number {
  return [...text].length;
}
