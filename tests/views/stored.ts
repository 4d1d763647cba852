import type { DatabaseSync } from "node:sqlite";
import { type Column, columnsOf, tables } from "./files.ts";
import type { Given } from "./insert.ts";

/** Every row of the local store, by table: what the store's protocol has really written, for the views to read. */
export function storedRows(database: DatabaseSync): Record<string, Given[]> {
  return Object.fromEntries(
    tables.map((table) => {
      const columns = columnsOf(table);
      const found = database.prepare(`SELECT * FROM ${table}`).all();
      return [table, found.map((row) => given(columns, row))];
    }),
  );
}

function given(columns: readonly Column[], row: Record<string, unknown>): Given {
  return Object.fromEntries(columns.map((column) => [column.name, read(column, row[column.name])]));
}

function read({ type, mode }: Column, value: unknown): unknown {
  if (value === null || value === undefined) return null;
  if (type === "JSON" || mode === "REPEATED") return JSON.parse(String(value));
  return type === "BOOLEAN" ? Number(value) === 1 : value;
}
