import type { Node } from "sql-parser-cst";
import { type Plan, walk } from "./statement.ts";

interface Edit {
  from: number;
  to: number;
  text: string;
}

const known = new Map<string, string>();

/**
 * The statement as the emulator has to hear it: where it hands BigQuery's words on to DuckDB, which means something else
 * by them. CAST to TIMESTAMP is a time without a zone there, INTO and FROM may not be left out, and PARSE_JSON has no
 * named argument (its JSON keeps numbers as they are written, whatever `wide_number_mode` says).
 */
export function forEmulator({ sql, program }: Plan): string {
  const before = known.get(sql);
  if (before !== undefined) return before;
  const edits: Edit[] = [];
  walk(program, (node) => {
    const edit = editOf(node);
    if (edit !== null) edits.push(edit);
  });
  const text = edits
    .sort((a, b) => b.from - a.from)
    .reduce((rest, { from, to, text }) => rest.slice(0, from) + text + rest.slice(to), sql);
  if (known.size > 500) known.clear();
  known.set(sql, text);
  return text;
}

/** Asks whether an `UPDATE … FROM` finds more than one source row for some row of its table; null for other statements. */
export function severalSources(plan: Plan): string | null {
  const [statement] = plan.program.statements;
  if (statement?.type !== "update_stmt") return null;
  const part = { target: "", alias: "", source: "", condition: "" };
  for (const clause of statement.clauses) {
    if (clause.type === "update_clause") {
      const [target] = clause.tables.items;
      part.target = textOf(target, plan);
      part.alias = target?.type === "alias" ? textOf(target.alias, plan) : (plan.target?.split(".").at(-1) ?? "");
    } else if (clause.type === "from_clause") part.source = textOf(clause.expr, plan);
    else if (clause.type === "where_clause") part.condition = textOf(clause.expr, plan);
  }
  if (part.source === "") return null;
  return `SELECT 1 AS found FROM ${part.target}, ${part.source} WHERE ${part.condition} GROUP BY ${part.alias}.rowid HAVING COUNT(*) > 1 LIMIT 1`;
}

function textOf(node: Node | undefined, plan: Plan): string {
  return node?.range === undefined ? "" : plan.sql.slice(...node.range);
}

function editOf(node: Node): Edit | null {
  switch (node.type) {
    case "cast_arg":
      return node.dataType.type === "data_type_name" && isTimestamp(node.dataType.name)
        ? at(node.dataType.range, "TIMESTAMPTZ")
        : null;
    case "func_args": {
      const [text, mode] = node.args.items;
      if (mode?.type !== "named_arg" || text?.range === undefined || mode.range === undefined) return null;
      return mode.name.name.toLowerCase() === "wide_number_mode" ? at([text.range[1], mode.range[1]], "") : null;
    }
    case "merge_clause":
      return node.intoKw === undefined ? after(node.mergeKw.range, "INTO") : null;
    case "insert_clause":
      return node.intoKw === undefined ? after(node.insertKw.range, "INTO") : null;
    case "delete_clause":
      return node.fromKw === undefined ? after(node.deleteKw.range, "FROM") : null;
    default:
      return null;
  }
}

function isTimestamp(name: { type: string } | readonly unknown[]): boolean {
  return "name" in name && name.name === "TIMESTAMP";
}

function at(range: [number, number] | undefined, text: string): Edit | null {
  return range === undefined ? null : { from: range[0], to: range[1], text };
}

function after(range: [number, number] | undefined, word: string): Edit | null {
  return range === undefined ? null : { from: range[1], to: range[1], text: ` ${word}` };
}
