import type { Node } from "sql-parser-cst";
import { Refusal } from "../replies.ts";
import { callType } from "./functions.ts";
import {
  areComparable,
  arrayOf,
  canonical,
  commonOf,
  elementOf,
  isTakenAs,
  NULL_TYPE,
  noSignature,
  settled,
  type Type,
  typed,
} from "./type.ts";

/** Where an expression stands: what its names mean, and what a subquery in it gives. */
export interface Place {
  /** The type of a column, by its path (`h.seq` or `seq`); null where it is not known. */
  column(path: readonly string[]): Type;
  parameter(name: string): Type;
  /** The type of the first column of a subquery. */
  subquery(node: Node): Type;
}

const COMPARISONS = new Set(["=", "<", ">", "<=", ">=", "!=", "<>"]);

/** @throws Refusal 400 where BigQuery would find no signature for the operator or function. */
export function typeOf(node: Node, place: Place): Type {
  switch (node.type) {
    case "string_literal":
      return typed("STRING", true);
    case "number_literal":
      return typed(Number.isInteger(node.value) && !/[.e]/i.test(node.text) ? "INT64" : "FLOAT64", true);
    case "boolean_literal":
      return typed("BOOL", true);
    case "null_literal":
      return NULL_TYPE;
    case "timestamp_literal":
      return typed("TIMESTAMP");
    case "date_literal":
      return typed("DATE");
    case "json_literal":
      return typed("JSON");
    case "blob_literal":
      return typed("BYTES", true);
    case "parameter":
      return place.parameter(node.text.replace(/^@/, ""));
    case "identifier":
      return place.column([node.name]);
    case "member_expr":
      return memberType(node, place);
    case "paren_expr":
      return isQuery(node.expr) ? place.subquery(node.expr) : typeOf(node.expr, place);
    case "select_stmt":
    case "compound_select_stmt":
      return place.subquery(node);
    case "cast_expr":
      return castType(node, place);
    case "func_call":
      return funcType(node, place);
    case "case_expr":
      return caseType(node, place);
    case "prefix_op_expr":
      return prefixType(node, place);
    case "binary_expr":
      return binaryType(node, place);
    case "between_expr":
      return comparison(
        "BETWEEN",
        [node.left, node.begin, node.end].map((one) => typeOf(one, place)),
      );
    case "array_expr":
      return arrayOf(commonOf(itemsOf(node.expr).map((one) => typeOf(one, place))) ?? null);
    case "extract_expr":
      return null;
    default:
      return null;
  }
}

/** `@throws` as `typeOf`; the condition of a WHERE, HAVING, QUALIFY or ON has to be BOOL. */
export function checkCondition(node: Node, place: Place, clause: string): void {
  const type = typeOf(node, place);
  if (isTakenAs(type, "BOOL")) return;
  throw new Refusal(400, "invalidQuery", `${clause} clause should return type BOOL, but returns ${type?.name}`);
}

export function isQuery(node: Node): boolean {
  if (node.type === "paren_expr") return isQuery(node.expr);
  return node.type === "select_stmt" || node.type === "compound_select_stmt";
}

export function itemsOf(node: Node | undefined): readonly Node[] {
  if (node === undefined) return [];
  if (node.type === "paren_expr") return itemsOf(node.expr);
  return node.type === "list_expr" ? node.items : [node];
}

/** The names of a path of identifiers; null for anything else. */
export function pathOf(node: Node): string[] | null {
  if (node.type === "identifier") return [node.name];
  if (node.type !== "member_expr" || node.property.type !== "identifier") return null;
  const rest = pathOf(node.object);
  return rest === null ? null : [...rest, node.property.name];
}

function memberType(node: Extract<Node, { type: "member_expr" }>, place: Place): Type {
  if (node.property.type === "array_subscript") return elementOf(typeOf(node.object, place));
  const path = pathOf(node);
  return path === null ? null : place.column(path);
}

function castType(node: Extract<Node, { type: "cast_expr" }>, place: Place): Type {
  const { expr, dataType } = node.args.expr;
  typeOf(expr, place);
  if (dataType.type !== "data_type_name" || Array.isArray(dataType.name)) return null;
  return "name" in dataType.name ? typed(canonical(dataType.name.name.toUpperCase())) : null;
}

function funcType(node: Extract<Node, { type: "func_call" }>, place: Place): Type {
  const name = (pathOf(node.name)?.at(-1) ?? "").toUpperCase();
  const given = node.args === undefined ? [] : itemsOf(node.args.expr.args);
  if (name === "ARRAY" && given[0] !== undefined && isQuery(given[0])) return arrayOf(place.subquery(given[0]));
  const types = given
    .filter((one) => one.type !== "named_arg" && one.type !== "all_columns" && !isUnit(one))
    .map((one) => typeOf(one, place));
  const type = callType(name, types);
  return settled(type);
}

/** `DAY` in TIMESTAMP_TRUNC(x, DAY) parses as a column and is none. */
function isUnit(node: Node): boolean {
  return (
    node.type === "interval_literal" ||
    (node.type === "identifier" &&
      /^(?:MICRO|MILLI)?SECOND$|^(?:MINUTE|HOUR|DAY|WEEK|MONTH|QUARTER|YEAR)$/i.test(node.name))
  );
}

function caseType(node: Extract<Node, { type: "case_expr" }>, place: Place): Type {
  const base = node.expr === undefined ? null : typeOf(node.expr, place);
  const results: Type[] = [];
  for (const clause of node.clauses) {
    if (clause.type === "case_when") {
      if (node.expr === undefined) checkCondition(clause.condition, place, "CASE WHEN");
      else comparison("CASE", [base, typeOf(clause.condition, place)]);
    }
    results.push(typeOf(clause.result, place));
  }
  const common = commonOf(results);
  if (common === undefined) throw noSignature("operator CASE", results);
  return settled(common);
}

function prefixType(node: Extract<Node, { type: "prefix_op_expr" }>, place: Place): Type {
  const operator = wordsOf(node.operator);
  const type = typeOf(node.expr, place);
  if (operator === "EXISTS") return typed("BOOL");
  if (operator !== "NOT") return type;
  if (!isTakenAs(type, "BOOL")) throw noSignature("operator NOT", [type]);
  return typed("BOOL");
}

function binaryType(node: Extract<Node, { type: "binary_expr" }>, place: Place): Type {
  const operator = wordsOf(node.operator);
  const left = typeOf(node.left, place);
  if (operator === "IN" || operator === "NOT IN") return comparison("IN", [left, ...listed(node.right, place)]);
  const right = typeOf(node.right, place);
  if (COMPARISONS.has(operator) || operator.includes("DISTINCT FROM")) return comparison(operator, [left, right]);
  if (operator === "AND" || operator === "OR") return demand(operator, [left, right], ["BOOL"], typed("BOOL"));
  if (operator.endsWith("LIKE")) return demand(operator, [left, right], ["STRING", "BYTES"], typed("BOOL"));
  if (operator.startsWith("IS")) return typed("BOOL");
  if (operator === "||") return demand(operator, [left, right], ["STRING", "BYTES"], left);
  if (["+", "-", "*", "/"].includes(operator)) {
    if ([left, right].some((one) => one === null || one.name === "TIMESTAMP" || one.name === "DATE")) return null;
    return demand(operator, [left, right], ["INT64", "NUMERIC", "FLOAT64"], operator === "/" ? typed("FLOAT64") : left);
  }
  return null;
}

/** What stands right of an IN: a list, a subquery or an array. */
function listed(node: Node, place: Place): Type[] {
  if (node.type === "unnest_expr") return [elementOf(typeOf(node.expr, place))];
  return isQuery(node) ? [typeOf(node, place)] : itemsOf(node).map((one) => typeOf(one, place));
}

function comparison(operator: string, types: readonly Type[]): Type {
  const [first = null, ...others] = types;
  if (!others.every((one) => areComparable(first, one))) throw noSignature(`operator ${operator}`, types);
  return typed("BOOL");
}

function demand(operator: string, types: readonly Type[], anyOf: readonly string[], gives: Type): Type {
  const fits = anyOf.some((name) => types.every((one) => isTakenAs(one, name)));
  if (!fits) throw noSignature(`operator ${operator}`, types);
  return settled(gives);
}

function wordsOf(operator: unknown): string {
  if (Array.isArray(operator)) return operator.map(wordsOf).join(" ");
  if (typeof operator === "string") return operator;
  const isKeyword = typeof operator === "object" && operator !== null && "name" in operator;
  return isKeyword ? String(operator.name).toUpperCase() : "";
}
