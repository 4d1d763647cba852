import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { getExpressionAst } from "@cdktf/hcl2json";
import { parse as parseYaml } from "yaml";
import { z } from "zod";

/*
 * What an HCL expression comes to, for the part of the language that this project's Terraform is written in. Sets are
 * sorted arrays without duplicates. What is not known here is an error, never a guess.
 */

interface Node {
  type: string;
  meta: Record<string, unknown>;
  children: Node[];
  range: { start: { byte: number }; end: { byte: number } };
}
const position = z.object({ byte: z.number() });
const node: z.ZodType<Node> = z.lazy(() =>
  z.object({
    type: z.string(),
    meta: z
      .record(z.string(), z.unknown())
      .nullish()
      .transform((meta) => meta ?? {}),
    children: z
      .array(node)
      .nullish()
      .transform((children) => children ?? []),
    range: z.object({ start: position, end: position }),
  }),
);

/** What names stand for: `var`, `module`, `each`, a resource's type; `local` is evaluated when it is asked for. */
export interface Scope {
  names: Readonly<Record<string, unknown>>;
  locals: Readonly<Record<string, unknown>>;
  /** Folder that `file` and `fileset` start from. */
  folder: string;
}

const fields = z.record(z.string(), z.unknown());
const list = z.array(z.unknown());
const texts = z.array(z.string());

/** Evaluates a value as the parser gives it: texts may hold expressions, objects and arrays are gone through. */
export async function evaluate(value: unknown, scope: Scope): Promise<unknown> {
  if (Array.isArray(value)) return await Promise.all(value.map((item) => evaluate(item, scope)));
  if (typeof value === "object" && value !== null)
    return Object.fromEntries(
      await Promise.all(
        Object.entries(value).map(async ([key, item]) => [
          String(await evaluate(key, scope)),
          await evaluate(item, scope),
        ]),
      ),
    );
  if (typeof value !== "string") return value;
  const parts: unknown[] = [];
  for (const part of templateParts(value))
    parts.push(part.isExpression ? await evaluateText(part.text, scope) : part.text.replaceAll("$${", "${"));
  return parts.length === 1 ? parts[0] : parts.map(String).join("");
}

/** Cuts a template into its literal texts and its expressions. */
function templateParts(template: string): Array<{ text: string; isExpression: boolean }> {
  const parts: Array<{ text: string; isExpression: boolean }> = [];
  let from = 0;
  for (let at = template.indexOf("${"); at >= 0; at = template.indexOf("${", at)) {
    if (template[at - 1] === "$") {
      at += 2;
      continue;
    }
    if (at > from) parts.push({ text: template.slice(from, at), isExpression: false });
    const end = endOfExpression(template, at + 2);
    parts.push({ text: template.slice(at + 2, end), isExpression: true });
    from = end + 1;
    at = from;
  }
  if (from < template.length || parts.length === 0) parts.push({ text: template.slice(from), isExpression: false });
  return parts;
}

/** Where the brace that closes an expression stands; braces in quoted texts do not count. */
function endOfExpression(template: string, start: number): number {
  let depth = 1;
  let quoted = false;
  for (let at = start; at < template.length; at += 1) {
    const sign = template[at];
    if (quoted) {
      if (sign === "\\") at += 1;
      else if (sign === '"') quoted = false;
      else if (sign === "$" && template[at + 1] === "{" && template[at - 1] !== "$")
        at = endOfExpression(template, at + 2);
    } else if (sign === '"') quoted = true;
    else if (sign === "{") depth += 1;
    else if (sign === "}") {
      depth -= 1;
      if (depth === 0) return at;
    }
  }
  throw new Error(`an expression is not closed: ${template}`);
}

async function evaluateText(text: string, scope: Scope): Promise<unknown> {
  const tree = node.parse(await getExpressionAst("expression.tf", text.trim()));
  return await new Evaluation(text.trim(), scope).value(tree);
}

class Evaluation {
  readonly #source: Buffer;
  readonly #scope: Scope;

  constructor(source: string, scope: Scope) {
    this.#source = Buffer.from(source, "utf8");
    this.#scope = scope;
  }

  async value(tree: Node, names: Readonly<Record<string, unknown>> = {}): Promise<unknown> {
    const [first, second, third] = tree.children;
    switch (tree.type) {
      case "": // parentheses
        return await this.value(some(first), names);
      case "templateWrap":
        return await this.value(some(first), names);
      case "literalValue":
        return literal(tree.meta);
      case "template":
        return (await Promise.all(tree.children.map((child) => this.value(child, names)))).map(String).join("");
      case "tuple":
        return await Promise.all(tree.children.map((child) => this.value(child, names)));
      case "object":
        return await this.#object(tree, names);
      case "for":
        return await this.#for(tree, names);
      case "function":
        return await this.#call(tree, names);
      case "scopeTraversal":
        return await this.#traverse(tree, names);
      case "relativeTraversal":
        return follow(await this.value(some(first), names), steps(tree));
      case "index":
        return follow(await this.value(some(first), names), [String(await this.value(some(second), names))]);
      case "splat": {
        const source = await this.value(some(first), names);
        const items = source === null ? [] : Array.isArray(source) ? source : [source];
        return second === undefined || second.type === "" ? items : items.map((item) => follow(item, steps(second)));
      }
      case "conditional":
        return (await this.value(some(first), names)) === true
          ? await this.value(some(second), names)
          : await this.value(some(third), names);
      case "unaryOp":
        return unary(String(tree.meta["operator"]), await this.value(some(first), names));
      case "binaryOp":
        return binary(
          String(tree.meta["operator"]),
          await this.value(some(first), names),
          await this.value(some(second), names),
        );
      default:
        throw new Error(`an expression of type ${tree.type} is not known here`);
    }
  }

  async #object(tree: Node, names: Readonly<Record<string, unknown>>): Promise<Record<string, unknown>> {
    const made: Record<string, unknown> = {};
    for (let at = 0; at + 1 < tree.children.length; at += 2) {
      const key = some(tree.children[at]);
      const [written] = key.children;
      const bare = this.#source.subarray(key.range.start.byte, key.range.end.byte).toString("utf8");
      made[written === undefined ? bare : String(await this.value(written, names))] = await this.value(
        some(tree.children[at + 1]),
        names,
      );
    }
    return made;
  }

  async #for(tree: Node, names: Readonly<Record<string, unknown>>): Promise<unknown> {
    const { keyVar, valVar, conditionalExpression, keyExpression } = tree.meta;
    const parts = [...tree.children];
    const collection = await this.value(some(parts.shift()), names);
    const key = keyExpression ? some(parts.shift()) : null;
    const value = some(parts.shift());
    const condition = conditionalExpression ? some(parts.shift()) : null;
    const pairs: Array<[unknown, unknown]> = Array.isArray(collection)
      ? collection.map((item, index) => [index, item])
      : Object.entries(fields.parse(collection)).sort(([one], [other]) => (one < other ? -1 : 1));
    const made: Array<[string, unknown]> = [];
    for (const [index, item] of pairs) {
      const inner = { ...names, ...(keyVar ? { [String(keyVar)]: index } : {}), [String(valVar)]: item };
      if (condition !== null && (await this.value(condition, inner)) !== true) continue;
      made.push([key === null ? "" : String(await this.value(key, inner)), await this.value(value, inner)]);
    }
    return key === null ? made.map(([, item]) => item) : Object.fromEntries(made);
  }

  async #call(tree: Node, names: Readonly<Record<string, unknown>>): Promise<unknown> {
    const name = String(tree.meta["name"]);
    if (name === "try") {
      for (const child of tree.children)
        try {
          return await this.value(child, names);
        } catch {}
      throw new Error("nothing that was tried has a value");
    }
    const given = await Promise.all(tree.children.map((child) => this.value(child, names)));
    const last = tree.meta["expandedFinalArgument"] === true ? list.parse(given.pop()) : [];
    const called = functions[name];
    if (called === undefined) throw new Error(`the function ${name} is not known here`);
    return called([...given, ...last], this.#scope.folder);
  }

  async #traverse(tree: Node, names: Readonly<Record<string, unknown>>): Promise<unknown> {
    const [root = "", ...rest] = steps(tree);
    if (root in names) return follow(names[root], rest);
    if (root === "local") {
      const [local = "", ...further] = rest;
      if (!(local in this.#scope.locals)) throw new Error(`local.${local} is not known`);
      return follow(await evaluate(this.#scope.locals[local], this.#scope), further);
    }
    if (root in this.#scope.names) return follow(this.#scope.names[root], rest);
    throw new Error(`${root} is not known`);
  }
}

function some(tree: Node | undefined): Node {
  if (tree === undefined) throw new Error("an expression is missing a part");
  return tree;
}

function literal(meta: Record<string, unknown>): unknown {
  const text = String(meta["value"]);
  switch (meta["type"]) {
    case "number":
      return Number(text);
    case "bool":
      return text === "true";
    case "string":
      return text.replace(/\\(["\\n])/g, (_, sign: string) => (sign === "n" ? "\n" : sign)).replaceAll("$${", "${");
    default:
      return null;
  }
}

function steps(tree: Node): string[] {
  const traversal = z.array(z.object({ segment: z.string() })).parse(tree.meta["traversal"]);
  return traversal.map(({ segment }) => segment.replace(/^"(.*)"$/, "$1"));
}

function follow(from: unknown, path: readonly string[]): unknown {
  let value = from;
  for (const step of path) {
    const inner = Array.isArray(value) ? value[Number(step)] : fields.parse(value)[step];
    if (inner === undefined) throw new Error(`there is no ${step}`);
    value = inner;
  }
  return value;
}

function unary(operator: string, value: unknown): unknown {
  if (operator === "logicalNot") return value !== true;
  if (operator === "negate") return -Number(value);
  throw new Error(`the operator ${operator} is not known here`);
}

function binary(operator: string, left: unknown, right: unknown): unknown {
  switch (operator) {
    case "equal":
      return isDeepStrictEqual(left, right);
    case "notEqual":
      return !isDeepStrictEqual(left, right);
    case "logicalAnd":
      return left === true && right === true;
    case "logicalOr":
      return left === true || right === true;
    case "add":
      return Number(left) + Number(right);
    case "subtract":
      return Number(left) - Number(right);
    case "multiply":
      return Number(left) * Number(right);
    case "lessThan":
      return Number(left) < Number(right);
    case "greaterThan":
      return Number(left) > Number(right);
    default:
      throw new Error(`the operator ${operator} is not known here`);
  }
}

const unique = (items: readonly unknown[]): unknown[] =>
  items.filter((item, index) => items.findIndex((other) => isDeepStrictEqual(other, item)) === index);
const sorted = (items: readonly unknown[]): string[] => items.map(String).sort();

/** What the language calls them. A relative folder starts at the module's own. */
const functions: Record<string, (given: unknown[], folder: string) => unknown> = {
  base64encode: ([text]) => Buffer.from(String(text), "utf8").toString("base64"),
  concat: (lists) => lists.flatMap((items) => list.parse(items)),
  contains: ([items, item]) => list.parse(items).some((one) => isDeepStrictEqual(one, item)),
  distinct: ([items]) => unique(list.parse(items)),
  file: ([path], folder) => readFileSync(join(folder, String(path)), "utf8"),
  fileset: ([path, pattern], folder) =>
    readdirSync(join(folder, String(path)))
      .filter((name) => name.endsWith(String(pattern).replace("*", "")))
      .sort(),
  jsondecode: ([text]) => JSON.parse(String(text)),
  jsonencode: ([value]) => JSON.stringify(value),
  join: ([separator, items]) => texts.parse(items).join(String(separator)),
  keys: ([object]) => Object.keys(fields.parse(object)).sort(),
  length: ([items]) => (Array.isArray(items) ? items.length : Object.keys(fields.parse(items)).length),
  max: (numbers) => Math.max(...numbers.map(Number)),
  merge: (objects) => Object.assign({}, ...objects.map((object) => fields.parse(object))),
  min: (numbers) => Math.min(...numbers.map(Number)),
  range: ([count]) => [...Array(Number(count)).keys()],
  setsubtract: ([from, items]) => sorted(list.parse(from).filter((one) => !list.parse(items).includes(one))),
  sort: ([items]) => sorted(list.parse(items)),
  strcontains: ([text, part]) => String(text).includes(String(part)),
  toset: ([items]) => sorted(unique(list.parse(items))),
  tostring: ([value]) => String(value),
  trimsuffix: ([text, suffix]) =>
    String(text).endsWith(String(suffix)) ? String(text).slice(0, -String(suffix).length) : text,
  values: ([object]) =>
    Object.entries(fields.parse(object))
      .sort(([one], [other]) => (one < other ? -1 : 1))
      .map(([, value]) => value),
  yamldecode: ([text]) => parseYaml(String(text)),
};
