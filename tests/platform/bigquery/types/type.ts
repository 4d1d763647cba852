import { Refusal } from "../replies.ts";

/**
 * The type of an expression as BigQuery would find it; null where this does not know it, and then nothing is refused.
 * `isFree` marks literals and parameters, which coerce further than columns do.
 */
export type Type = { name: string; isFree: boolean } | null;

export function typed(name: string, isFree = false): Type {
  return { name, isFree };
}

/** The type of nothing: NULL fits everywhere. */
export const NULL_TYPE: Type = typed("NULL", true);

/** As a column or as what a function gives: a literal or parameter no longer, so it coerces less. NULL stays NULL. */
export function settled(type: Type): Type {
  return type === null || type.name === "NULL" ? type : typed(type.name);
}

export function arrayOf(element: Type): Type {
  return element === null ? null : typed(`ARRAY<${element.name}>`);
}

/** What an array holds; null for what is no array. */
export function elementOf(array: Type): Type {
  const name = /^ARRAY<(.*)>$/.exec(array?.name ?? "")?.[1];
  return name === undefined ? null : typed(name);
}

/** Names that schemas and parameters use besides. */
const ALIASES: Readonly<Record<string, string>> = { INTEGER: "INT64", BOOLEAN: "BOOL", FLOAT: "FLOAT64" };

export function canonical(name: string): string {
  return ALIASES[name] ?? name;
}

/** Coercion of any expression, and of literals and parameters beyond that. */
const WIDER: Readonly<Record<string, readonly string[]>> = {
  INT64: ["NUMERIC", "BIGNUMERIC", "FLOAT64"],
  NUMERIC: ["BIGNUMERIC", "FLOAT64"],
  BIGNUMERIC: ["FLOAT64"],
  DATE: ["DATETIME"],
};
const FREER: Readonly<Record<string, readonly string[]>> = {
  STRING: ["DATE", "DATETIME", "TIME", "TIMESTAMP"],
  FLOAT64: ["NUMERIC"],
};

/**
 * Whether a value of this type is taken where `to` is wanted.
 *
 * Source: https://cloud.google.com/bigquery/docs/reference/standard-sql/conversion_rules
 */
export function isTakenAs(from: Type, to: string): boolean {
  if (from === null || from.name === "NULL" || from.name === to) return true;
  if (WIDER[from.name]?.includes(to)) return true;
  return from.isFree && (FREER[from.name]?.includes(to) ?? false);
}

/** The common type of the branches of a COALESCE, IF or CASE; null where one is unknown. Undefined when there is none. */
export function commonOf(types: readonly Type[]): Type | undefined {
  const known = types.filter((one) => one !== null && one.name !== "NULL");
  if (known.length === 0) return types.includes(null) ? null : NULL_TYPE;
  const common = known.find((candidate) => known.every((one) => candidate !== null && isTakenAs(one, candidate.name)));
  if (common === undefined) return undefined;
  if (common === null || types.includes(null)) return null;
  return typed(common.name, known.every((one) => one?.isFree === true) && known.length === 1);
}

/** Whether two values can be compared for equality, or for order. */
export function areComparable(one: Type, other: Type): boolean {
  if (one === null || other === null) return true;
  if ([one, other].some((type) => type.name === "JSON" || type.name.startsWith("ARRAY<"))) return false;
  return isTakenAs(one, other.name) || isTakenAs(other, one.name);
}

/** @throws Refusal in BigQuery's words for an operator or function that does not take these types. */
export function noSignature(what: string, types: readonly Type[]): Refusal {
  const names = types.map((type) => type?.name ?? "ANY").join(", ");
  return new Refusal(400, "invalidQuery", `No matching signature for ${what} for argument types: ${names}`);
}
