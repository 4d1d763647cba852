import { type Node, type Program, parse } from "sql-parser-cst";
import { project } from "./place.ts";
import { Refusal } from "./replies.ts";

export type Kind = "SELECT" | "INSERT" | "UPDATE" | "DELETE" | "MERGE" | "TRUNCATE" | "DDL";

/** One statement as far as the proxy has to understand it. */
export interface Plan {
  sql: string;
  kind: Kind;
  /** `dataset.table` that is written to; null when nothing is. */
  target: string | null;
  /** `dataset.table` of everything that is read, the target too where rows of it are looked at. */
  reads: readonly string[];
  program: Program;
}

const KINDS: Readonly<Record<string, Kind>> = {
  select_stmt: "SELECT",
  compound_select_stmt: "SELECT",
  paren_expr: "SELECT",
  insert_stmt: "INSERT",
  update_stmt: "UPDATE",
  delete_stmt: "DELETE",
  merge_stmt: "MERGE",
  truncate_stmt: "TRUNCATE",
};

/** Mutating statements queue and conflict; INSERT never does. */
export function isMutating(kind: Kind): boolean {
  return kind === "UPDATE" || kind === "DELETE" || kind === "MERGE" || kind === "TRUNCATE";
}

const known = new Map<string, Plan>();

/**
 * Parses the statement as BigQuery SQL.
 *
 * @throws Refusal 400 invalidQuery where it does not parse, is several statements, or names a table without a dataset.
 */
export function planOf(sql: string): Plan {
  const before = known.get(sql);
  if (before !== undefined) return before;
  const plan = planAnew(sql);
  if (known.size > 500) known.clear();
  known.set(sql, plan);
  return plan;
}

function planAnew(sql: string): Plan {
  const program = parsed(sql);
  const statements = program.statements.filter((one) => one.type !== "empty");
  const [statement] = statements;
  if (statement === undefined) throw new Refusal(400, "invalidQuery", "Syntax error: Unexpected end of statement");
  if (statements.length > 1) throw new Refusal(400, "invalidQuery", "The simulator runs one statement at a time");
  const kind = KINDS[statement.type] ?? (/^(?:create|drop|alter)_/.test(statement.type) ? "DDL" : null);
  // EXECUTE IMMEDIATE, CALL and scripts could do anything without naming it.
  if (kind === null) throw new Refusal(400, "invalidQuery", "The simulator does not run statements of this sort");
  const target = targetOf(statement);
  const written = target === null ? null : nameIn(target);
  const looked = written !== null && (kind === "UPDATE" || kind === "DELETE" || kind === "MERGE") ? [written] : [];
  return { sql, kind, target: written, reads: [...new Set([...looked, ...readsOf(statement, target)])], program };
}

/** The node that names what is written to, at its one place in each statement. */
function targetOf(statement: Node): Node | null {
  switch (statement.type) {
    case "insert_stmt":
    case "update_stmt":
    case "delete_stmt":
    case "merge_stmt":
      for (const clause of statement.clauses) {
        if (clause.type === "insert_clause") return bare(clause.table);
        if (clause.type === "merge_clause") return bare(clause.target);
        if (clause.type === "update_clause" || clause.type === "delete_clause")
          return bare(clause.tables.items[0] ?? null);
      }
      return null;
    case "truncate_stmt":
      return bare(statement.tables.items[0] ?? null);
    default:
      return KINDS[statement.type] === undefined ? firstPath(statement) : null;
  }
}

/** What a statement of DDL is about: the name that comes first in it. */
function firstPath(statement: Node): Node | null {
  const paths: Node[] = [];
  walk(statement, (node) => {
    if (node.type === "bigquery_quoted_member_expr") paths.push(node);
  });
  return paths[0] ?? null;
}

function bare(node: Node | null): Node | null {
  return node?.type === "alias" ? node.expr : node;
}

function parsed(sql: string): Program {
  try {
    return parse(sql, { dialect: "bigquery", paramTypes: ["@name"], includeRange: true });
  } catch (error) {
    // The parser's words hold lines of the SQL, which holds no values: parameters carry those.
    const [first = ""] = error instanceof Error ? error.message.split("\n") : [];
    throw new Refusal(400, "invalidQuery", `Syntax error: ${first}`);
  }
}

/** Every table that rows are read from: each quoted path, and what stands bare in a FROM, a JOIN or a USING. */
function readsOf(statement: Node, target: Node | null): string[] {
  const names: string[] = [];
  const local = new Set<string>(); // names of WITH clauses and of range variables
  walk(statement, (node) => {
    if (node.type === "common_table_expr") local.add(node.table.name.toLowerCase());
    if (node.type === "alias" && node.alias.type === "identifier") local.add(node.alias.name.toLowerCase());
  });
  const inFrom = (node: Node): void => {
    switch (node.type) {
      case "alias":
        inFrom(node.expr);
        break;
      case "join_expr":
        inFrom(node.left);
        inFrom(node.right);
        break;
      case "for_system_time_as_of_expr":
        inFrom(node.left);
        break;
      case "identifier":
      case "member_expr": {
        const path = pathOf(node);
        // The name of a WITH clause; or `FROM t, t.list`, a walk through a column.
        if (!local.has((path[0] ?? "").toLowerCase())) names.push(nameIn(node));
        break;
      }
      default: // a quoted path is found below, a subquery when the walk reaches it
        break;
    }
  };
  walk(statement, (node) => {
    if (node === target) return;
    if (node.type === "bigquery_quoted_member_expr") names.push(nameIn(node));
    else if (node.type === "from_clause") inFrom(node.expr);
    else if (node.type === "merge_clause") inFrom(node.source);
  });
  return names;
}

/**
 * `dataset.table`; of another project with the project before it.
 *
 * @throws Refusal 400 for a name without a dataset.
 */
function nameIn(node: Node): string {
  const path = pathOf(node);
  if (path.length > 1) return (path[0] === project ? path.slice(1) : path).join(".");
  throw new Refusal(400, "invalid", `Table "${path[0] ?? ""}" must be qualified with a dataset (e.g. dataset.table).`);
}

/** Visits a node and all below it, in the order of the text. */
export function walk(node: Node, visit: (node: Node) => void): void {
  visit(node);
  for (const value of Object.values(node)) walkInto(value, visit);
}

function walkInto(value: unknown, visit: (node: Node) => void): void {
  if (Array.isArray(value)) for (const one of value) walkInto(one, visit);
  else if (isNode(value)) walk(value, visit);
}

function isNode(value: unknown): value is Node {
  return typeof value === "object" && value !== null && "type" in value && typeof value.type === "string";
}

/** `dataset.table` that a node in FROM names; null for a node that is no name of two parts or more. */
export function nameOfTable(node: Node): string | null {
  return pathOf(node).length > 1 ? nameIn(node) : null;
}

function pathOf(node: Node): string[] {
  if (node.type === "identifier") return node.name.replaceAll("`", "").split(".");
  if (node.type === "member_expr") return [...pathOf(node.object), ...pathOf(node.property)];
  return node.type === "bigquery_quoted_member_expr" ? pathOf(node.expr) : [];
}
