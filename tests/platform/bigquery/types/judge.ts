import type { Node } from "sql-parser-cst";
import type { Catalog } from "../catalog.ts";
import type { ParameterTypes } from "../parameters.ts";
import { Refusal } from "../replies.ts";
import { nameOfTable, type Plan } from "../statement.ts";
import { checkCondition, isQuery, itemsOf, pathOf, typeOf } from "./expressions.ts";
import { type Column, type Relation, Scope } from "./scope.ts";
import { areComparable, arrayOf, canonical, elementOf, isTakenAs, settled, type Type, typed } from "./type.ts";

/**
 * Refuses what BigQuery refuses by its types and DuckDB lets pass, converting as it goes: a STRING for a TIMESTAMP column,
 * a comparison of two types, JSON in an ORDER BY. It knows less than BigQuery: what it does not know it lets pass.
 */
export class Judge {
  readonly #catalog: Catalog;
  readonly #parameters: ParameterTypes;

  constructor(catalog: Catalog, parameters: ParameterTypes) {
    this.#catalog = catalog;
    this.#parameters = parameters;
  }

  /**
   * The types of the columns that a SELECT gives, null for those that are not known; none for other statements.
   *
   * @throws Refusal 400 invalidQuery in BigQuery's words.
   */
  check(plan: Plan): readonly Type[] {
    for (const statement of plan.program.statements) {
      if (isQuery(statement)) return this.#columnsOf(statement, Scope.empty(this))?.map((one) => one.type) ?? [];
      if (statement.type === "insert_stmt") this.#insert(statement, plan);
      else if (statement.type === "update_stmt") this.#update(statement, plan);
      else if (statement.type === "delete_stmt") this.#delete(statement, plan);
      else if (statement.type === "merge_stmt") this.#merge(statement, plan);
    }
    return [];
  }

  parameter(name: string): Type {
    const type = this.#parameters.get(name);
    return type === undefined ? null : typed(canonicalArray(type), true);
  }

  #table(name: string | null): readonly Column[] | null {
    const table = name === null ? undefined : this.#catalog.get(name);
    if (table === undefined) return null;
    return [...table.columns].map(([column, { type, mode }]) => ({
      name: column,
      type: mode === "REPEATED" ? arrayOf(typed(canonical(type))) : typed(canonical(type)),
    }));
  }

  #insert(statement: Extract<Node, { type: "insert_stmt" }>, plan: Plan): void {
    const table = this.#table(plan.target);
    let targets = table;
    for (const clause of statement.clauses) {
      if (clause.type === "insert_clause" && clause.columns !== undefined) {
        const names = clause.columns.expr.items.map((one) => pathOf(one)?.[0] ?? "");
        targets = table === null ? null : names.map((name) => find(table, name, plan.target));
        if (new Set(names).size !== names.length) throw invalid("Duplicate column in the column list of INSERT");
      } else if (clause.type === "values_clause") {
        for (const row of clause.values.items) checkInserted(targets, typesOf(row, Scope.empty(this)));
      } else if (isQuery(clause)) {
        const given = this.#columnsOf(clause, Scope.empty(this))?.map((one) => one.type);
        if (given !== undefined) checkInserted(targets, given);
      }
    }
  }

  #update(statement: Extract<Node, { type: "update_stmt" }>, plan: Plan): void {
    const scope = Scope.empty(this);
    const sets: Extract<Node, { type: "set_clause" }>[] = [];
    for (const clause of statement.clauses) {
      if (clause.type === "update_clause") scope.add(this.#target(clause.tables.items[0], plan));
      else if (clause.type === "from_clause") this.#from(clause.expr, scope);
      else if (clause.type === "set_clause") sets.push(clause);
    }
    for (const clause of statement.clauses) {
      if (clause.type === "where_clause") checkCondition(clause.expr, scope, "WHERE");
    }
    for (const set of sets) this.#assigned(set, scope, plan);
  }

  #assigned(set: Extract<Node, { type: "set_clause" }>, scope: Scope, plan: Plan): void {
    const table = this.#table(plan.target);
    for (const one of set.assignments.items) {
      if (one.type !== "column_assignment") continue;
      const name = one.column.type === "identifier" ? one.column.name : (pathOf(one.column)?.at(-1) ?? "");
      const type = typeOf(one.expr, scope);
      const column = table === null ? null : find(table, name, plan.target);
      if (column?.type && !isTakenAs(type, column.type.name)) {
        throw invalid(`Value of type ${type?.name} cannot be assigned to ${name}, which has type ${column.type.name}`);
      }
    }
  }

  #delete(statement: Extract<Node, { type: "delete_stmt" }>, plan: Plan): void {
    const scope = Scope.empty(this);
    for (const clause of statement.clauses) {
      if (clause.type === "delete_clause") scope.add(this.#target(clause.tables.items[0], plan));
      else if (clause.type === "where_clause") checkCondition(clause.expr, scope, "WHERE");
    }
  }

  #merge(statement: Extract<Node, { type: "merge_stmt" }>, plan: Plan): void {
    const scope = Scope.empty(this);
    for (const clause of statement.clauses) {
      if (clause.type === "merge_clause") {
        scope.add(this.#target(clause.target, plan));
        this.#from(clause.source, scope);
        checkCondition(clause.condition, scope, "ON");
      } else if (clause.type === "merge_when_clause" && clause.action.type === "merge_action_update") {
        this.#assigned(clause.action.set, scope, plan);
      } else if (clause.type === "merge_when_clause" && clause.action.type === "merge_action_insert") {
        const table = this.#table(plan.target);
        const names = clause.action.columns?.expr.items.map((one) => one.name);
        const targets =
          table === null || names === undefined ? table : names.map((name) => find(table, name, plan.target));
        for (const values of clause.action.clauses) {
          if (values.type !== "values_clause") continue;
          for (const row of values.values.items) checkInserted(targets, typesOf(row, scope));
        }
      }
    }
  }

  #target(node: Node | undefined, plan: Plan): Relation {
    const alias =
      node?.type === "alias" && node.alias.type === "identifier" ? node.alias.name : lastOf(plan.target ?? "");
    return { alias, columns: this.#table(plan.target) };
  }

  /** The columns of a query, each expression in it checked on the way; null where they are not known. */
  #columnsOf(node: Node, outer: Scope): readonly Column[] | null {
    if (node.type === "paren_expr") return this.#columnsOf(node.expr, outer);
    if (node.type === "compound_select_stmt") return this.#compound(node, outer);
    if (node.type !== "select_stmt") return null;
    const scope = outer.inner();
    this.#names(node, scope);
    for (const clause of node.clauses) if (clause.type === "from_clause") this.#from(clause.expr, scope);
    let columns: readonly Column[] | null = null;
    for (const clause of node.clauses) {
      if (clause.type === "where_clause") checkCondition(clause.expr, scope, "WHERE");
      else if (clause.type === "select_clause") columns = this.#selected(clause, scope);
    }
    const after = columns === null ? scope.blind() : scope.with({ alias: "", columns });
    for (const clause of node.clauses) {
      if (clause.type === "having_clause") checkCondition(clause.expr, after, "HAVING");
      else if (clause.type === "qualify_clause") checkCondition(clause.expr, after, "QUALIFY");
      else if (clause.type === "order_by_clause") checkOrder(clause.specifications.items, after, "ORDER BY");
      else if (clause.type === "group_by_clause") checkOrder(clause.columns.items, after, "GROUP BY");
      else if (clause.type === "paren_expr") return this.#columnsOf(clause.expr, scope);
    }
    return columns;
  }

  /** The names of a WITH clause; the parser puts one before a set operation into its first query. */
  #names(node: Node, scope: Scope): void {
    if (node.type === "compound_select_stmt") this.#names(node.left, scope);
    else if (node.type === "select_stmt") {
      for (const clause of node.clauses) {
        if (clause.type !== "with_clause") continue;
        for (const one of clause.tables.items) scope.name(one.table.name, this.#columnsOf(one.expr, scope));
      }
    }
  }

  #compound(node: Extract<Node, { type: "compound_select_stmt" }>, outer: Scope): readonly Column[] | null {
    const scope = outer.inner();
    this.#names(node, scope);
    const left = this.#columnsOf(node.left, scope);
    const right = this.#columnsOf(node.right, scope);
    if (left === null || right === null) return null;
    if ([node.operator].flat().some((one) => one.name === "DISTINCT")) checkDistinct(left, "a set operation DISTINCT");
    if (left.length !== right.length) {
      throw invalid(`Queries in a set operation have mismatched column count: ${left.length} and ${right.length}`);
    }
    return left.map((column, at) => {
      const other = right[at]?.type ?? null;
      if (isTakenAs(column.type, other?.name ?? "") || other === null || column.type === null) {
        return { name: column.name, type: column.type === null || other === null ? null : typed(other.name) };
      }
      if (isTakenAs(other, column.type.name)) return { name: column.name, type: typed(column.type.name) };
      throw invalid(`Column ${at + 1} in a set operation has incompatible types: ${column.type.name}, ${other.name}`);
    });
  }

  #selected(clause: Extract<Node, { type: "select_clause" }>, scope: Scope): readonly Column[] | null {
    const columns: Column[] = [];
    let isKnown = true;
    for (const item of clause.columns?.items ?? []) {
      if (item.type === "alias" && item.alias.type === "identifier") {
        columns.push({ name: item.alias.name, type: settled(typeOf(item.expr, scope)) });
      } else if (item.type === "all_columns" || item.type === "except_columns" || endsInStar(item)) {
        const all = scope.star(item);
        if (all === null) isKnown = false;
        else columns.push(...all);
      } else if (item.type === "replace_columns") {
        isKnown = false;
      } else if (item.type !== "empty") {
        columns.push({ name: pathOf(item)?.at(-1) ?? "", type: settled(typeOf(item, scope)) });
      }
    }
    const isDistinct = clause.modifiers.some((one) => one.type === "select_distinct");
    if (isDistinct) checkDistinct(columns, "SELECT DISTINCT");
    return isKnown ? columns : null;
  }

  #from(node: Node, scope: Scope, alias = ""): void {
    switch (node.type) {
      case "alias":
        this.#from(node.expr, scope, node.alias.type === "identifier" ? node.alias.name : "");
        break;
      case "join_expr":
        this.#from(node.left, scope);
        this.#from(node.right, scope);
        if (node.specification?.type === "join_on_specification") checkCondition(node.specification.expr, scope, "ON");
        if (node.specification?.type === "join_using_specification") scope.joined();
        break;
      case "paren_expr":
        if (isQuery(node.expr)) scope.add({ alias, columns: this.#columnsOf(node.expr, scope) });
        else this.#from(node.expr, scope);
        break;
      case "unnest_with_offset_expr":
        this.#from(node.unnest, scope);
        if (alias !== "") scope.add({ alias, columns: [{ name: alias, type: typed("INT64") }] });
        break;
      case "unnest_expr":
        scope.add({ alias, columns: [{ name: alias, type: elementOf(typeOf(node.expr, scope)) }] });
        break;
      case "for_system_time_as_of_expr":
        this.#from(node.left, scope, alias);
        break;
      default: {
        const path = pathOf(node);
        const named = path?.length === 1 ? scope.named(path[0] ?? "") : undefined;
        const name = named === undefined ? nameOfTable(node) : null;
        const columns = named === undefined ? this.#table(name) : named;
        scope.add({ alias: alias || (path?.at(-1) ?? lastOf(name ?? "")), columns });
      }
    }
  }

  subquery(node: Node, scope: Scope): Type {
    return this.#columnsOf(node, scope)?.[0]?.type ?? null;
  }
}

function typesOf(row: Node, scope: Scope): Type[] {
  return itemsOf(row).map((one) => typeOf(one, scope));
}

function endsInStar(node: Node): boolean {
  return node.type === "member_expr" && node.property.type === "all_columns";
}

function checkInserted(targets: readonly Column[] | null, given: readonly Type[]): void {
  if (targets === null) return;
  if (targets.length !== given.length) {
    throw invalid(`Inserted row has wrong column count; Has ${given.length}, expected ${targets.length}`);
  }
  for (const [at, column] of targets.entries()) {
    const type = given[at] ?? null;
    if (column.type !== null && !isTakenAs(type, column.type.name)) {
      throw invalid(
        `Query column ${at + 1} has type ${type?.name} which cannot be inserted into column ${column.name}, which has type ${column.type.name}`,
      );
    }
  }
}

/** Nor can rows be told apart by them. */
function checkDistinct(columns: readonly Column[], where: string): void {
  const odd = columns.find((one) => !areComparable(one.type, one.type));
  if (odd !== undefined) throw invalid(`Column ${odd.name} of type ${odd.type?.name} cannot be used in ${where}`);
}

/** JSON and arrays have no order and no equality. */
function checkOrder(items: readonly Node[], scope: Scope, clause: string): void {
  for (const item of items) {
    const type = typeOf(item.type === "sort_specification" ? item.expr : item, scope);
    if (areComparable(type, type)) continue;
    const words = clause === "GROUP BY" ? "Grouping by expressions" : "ORDER BY does not support expressions";
    throw invalid(`${words} of type ${type?.name} ${clause === "GROUP BY" ? "is not allowed" : ""}`.trim());
  }
}

function find(table: readonly Column[], name: string, target: string | null): Column {
  const found = table.find((one) => one.name.toLowerCase() === name.toLowerCase());
  if (found === undefined) throw invalid(`Column ${name} is not present in table ${target}`);
  return found;
}

function canonicalArray(type: string): string {
  const element = /^ARRAY<(.*)>$/.exec(type)?.[1];
  return element === undefined ? canonical(type) : `ARRAY<${canonical(element)}>`;
}

function lastOf(name: string): string {
  return name.split(".").at(-1) ?? "";
}

function invalid(message: string): Refusal {
  return new Refusal(400, "invalidQuery", message);
}
