import { parse, show } from "sql-parser-cst";
import { type Column, columnsOf } from "../../tests/views/files.ts";
import { multiset, without } from "./compare.ts";
import type { Told } from "./record.ts";
import type { Second } from "./second.ts";

/*
 * The second judge knows no UPDATE … FROM. What such a statement would do is asked of it as two SELECTs over the same
 * rows: those that it matches, and what they would become. Together with the rows that stay they must be what
 * bigquery-local has made of the table.
 */

/** The rows that an UPDATE … FROM matches, and what it makes of them, as SELECTs with the table's columns in their order. */
export function updateAsSelects(
  sql: string,
  columns: readonly Column[],
): { matched: string; made: string; assigned: ReadonlySet<string> } | null {
  const { statements } = parse(sql, { dialect: "bigquery", paramTypes: ["@name"], includeSpaces: true });
  const [statement] = statements;
  if (statement?.type !== "update_stmt") return null;
  const texts = { target: "", alias: "", from: "", where: "" };
  const values = new Map<string, string>();
  for (const clause of statement.clauses) {
    if (clause.type === "update_clause") {
      const [target] = clause.tables.items;
      if (target?.type !== "alias") return null;
      Object.assign(texts, { target: show(target), alias: target.alias.text });
    } else if (clause.type === "set_clause")
      for (const { column, expr } of clause.assignments.items) values.set(show(column).trim(), show(expr).trim());
    else if (clause.type === "from_clause") texts.from = show(clause.expr);
    else if (clause.type === "where_clause") texts.where = show(clause.expr);
  }
  if (texts.from === "") return null;
  const select = (of: (name: string) => string) =>
    `SELECT ${columns.map(({ name }) => `${of(name)} AS ${name}`).join(",\n  ")}\nFROM ${texts.target}, ${texts.from}\nWHERE ${texts.where}`;
  return {
    matched: select((name) => `${texts.alias}.${name}`),
    made: select((name) => values.get(name) ?? `${texts.alias}.${name}`),
    assigned: new Set([...values].filter(([, value]) => value.toUpperCase() !== "NULL").map(([name]) => name)),
  };
}

/** In what the second judge's reading of an UPDATE … FROM differs from what bigquery-local did; `undefined` where it is none. */
export async function judgeUpdate(
  second: Second,
  { question, outcome, wrote }: Told,
): Promise<string | null | undefined> {
  if (wrote === null) return undefined;
  const columns = columnsOf(wrote.table);
  const selects = updateAsSelects(question.query, columns);
  if (selects === null) return undefined;
  const before = await second.table(wrote.table);
  const matched = await second.ask({ ...question, query: selects.matched });
  const made = await second.ask({ ...question, query: selects.made });
  const odd = made.columns.find(({ name, type }, place) => selects.assigned.has(name) && type !== columns[place]?.type);
  if (odd !== undefined) return `${odd.name} would be given a value of type ${odd.type}`;
  if (matched.rows.length !== outcome.changed) return `changed rows: ${outcome.changed} / ${matched.rows.length}`;
  const stays = without(before.rows, matched.rows);
  if (stays === null) return "a row is matched twice";
  return multiset([...stays, ...made.rows]) === multiset(wrote.outcome.rows) ? null : "the rows that it makes";
}
