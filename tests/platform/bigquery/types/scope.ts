import type { Node } from "sql-parser-cst";
import { type Place, pathOf } from "./expressions.ts";
import type { Type } from "./type.ts";

/** A column of a table or a query. */
export interface Column {
  name: string;
  type: Type;
}

/** What a name in FROM stands for; columns null where they are not known. */
export interface Relation {
  alias: string;
  columns: readonly Column[] | null;
}

/** What a scope asks of whoever walks the statement. */
interface Around {
  parameter(name: string): Type;
  subquery(node: Node, scope: Scope): Type;
}

/** The names that can be used at one place of a statement. */
export class Scope implements Place {
  readonly #around: Around;
  readonly #outer: Scope | null;
  readonly #named = new Map<string, readonly Column[] | null>();
  #relations: Relation[] = [];
  /** Whether names may mean something that is not known here. */
  #isBlind = false;
  #isJoined = false;

  private constructor(around: Around, outer: Scope | null) {
    this.#around = around;
    this.#outer = outer;
  }

  static empty(around: Around): Scope {
    return new Scope(around, null);
  }

  inner(): Scope {
    return new Scope(this.#around, this);
  }

  /** The same names and, before them, those that a SELECT gives its columns. */
  with(relation: Relation): Scope {
    const scope = new Scope(this.#around, this);
    scope.add(relation);
    return scope;
  }

  blind(): Scope {
    const scope = this.inner();
    scope.#isBlind = true;
    return scope;
  }

  add(relation: Relation): void {
    this.#relations.push(relation);
  }

  /** After a JOIN … USING the columns it names are there once, of both sides. */
  joined(): void {
    this.#isJoined = true;
  }

  name(name: string, columns: readonly Column[] | null): void {
    this.#named.set(name.toLowerCase(), columns);
  }

  named(name: string): readonly Column[] | null | undefined {
    const own = this.#named.get(name.toLowerCase());
    return own === undefined ? this.#outer?.named(name) : own;
  }

  column(path: readonly string[]): Type {
    const [first = "", second] = path.map((one) => one.toLowerCase());
    if (second !== undefined) {
      const relation = this.#relations.find((one) => one.alias.toLowerCase() === first);
      if (relation !== undefined) {
        const found = relation.columns?.find((one) => one.name.toLowerCase() === second);
        return path.length === 2 ? (found?.type ?? null) : null;
      }
    } else {
      const found = this.#relations.flatMap(
        (one) => one.columns?.filter((column) => column.name.toLowerCase() === first) ?? [],
      );
      const [one] = found;
      if (one !== undefined) return found.every((other) => other.type?.name === one.type?.name) ? one.type : null;
    }
    const isCertain = !this.#isBlind && this.#relations.every((one) => one.columns !== null);
    return isCertain ? (this.#outer?.column(path) ?? null) : null;
  }

  parameter(name: string): Type {
    return this.#around.parameter(name);
  }

  subquery(node: Node): Type {
    return this.#around.subquery(node, this);
  }

  /** The columns of `*`, `t.*` or `* EXCEPT (…)`; null where they are not known. */
  star(node: Node): readonly Column[] | null {
    if (node.type === "except_columns") {
      const left = new Set(node.columns.expr.items.map((one) => one.name.toLowerCase()));
      return this.star(node.expr)?.filter((one) => !left.has(one.name.toLowerCase())) ?? null;
    }
    if (this.#isJoined) return null;
    const alias = node.type === "member_expr" ? pathOf(node.object)?.[0]?.toLowerCase() : undefined;
    const wanted = this.#relations.filter((one) => alias === undefined || one.alias.toLowerCase() === alias);
    if (wanted.length === 0) return null;
    const columns: Column[] = [];
    for (const one of wanted) {
      if (one.columns === null) return null;
      columns.push(...one.columns);
    }
    return columns;
  }
}
