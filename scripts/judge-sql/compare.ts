import type { Outcome } from "./wire.ts";

/** In what two outcomes differ, in a few words; null where they do not. Rows count in their order only where it is asked for. */
export function difference(first: Outcome, second: Outcome, ordered: boolean): string | null {
  const names = (one: Outcome) => one.columns.map(({ name }) => name).join(", ");
  if (first.rows.length > 0 || second.rows.length > 0) {
    if (names(first) !== names(second)) return `columns: ${names(first)} / ${names(second)}`;
    if (first.rows.length !== second.rows.length) return `rows: ${first.rows.length} / ${second.rows.length}`;
    const [left, right] = ordered ? [first.rows, second.rows] : [sorted(first.rows), sorted(second.rows)];
    for (const [place, row] of left.entries()) {
      const other = right[place] ?? [];
      const at = row.findIndex((cell, index) => cell !== other[index]);
      if (at >= 0)
        return `row ${place}, ${first.columns[at]?.name}: ${short(row[at] ?? "")} / ${short(other[at] ?? "")}`;
    }
  }
  if (first.changed !== null && second.changed === null) return "changed rows: told / not told";
  if (first.changed !== second.changed) return `changed rows: ${first.changed} / ${second.changed}`;
  return null;
}

/** Whether a statement asks for an order of what it answers. */
export function isOrdered(sql: string): boolean {
  return /\bORDER BY [^()]*$/.test(sql);
}

/** The rows as one text, whatever their order. */
export function multiset(rows: string[][]): string {
  return JSON.stringify(sorted(rows));
}

/** The rows without some of them; null where one of these is not, or no longer, among them. */
export function without(rows: readonly string[][], gone: readonly string[][]): string[][] | null {
  const left = rows.map((row) => ({ row, key: JSON.stringify(row) }));
  for (const row of gone) {
    const key = JSON.stringify(row);
    const at = left.findIndex((one) => one.key === key);
    if (at < 0) return null;
    left.splice(at, 1);
  }
  return left.map(({ row }) => row);
}

function sorted(rows: string[][]): string[][] {
  const keyed = rows.map((row) => ({ row, key: JSON.stringify(row) }));
  return keyed.sort((left, right) => (left.key < right.key ? -1 : left.key > right.key ? 1 : 0)).map(({ row }) => row);
}

function short(text: string): string {
  return text.length > 60 ? `${text.slice(0, 57)}…` : text;
}
