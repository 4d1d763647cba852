import type { Condition, ProbeRules, Rule } from "../../shared/registry/entry.ts";
import { holds } from "../../shared/registry/read-answer.ts";
import { textsFor } from "./text-for.ts";

type Json = Record<string, unknown>;

/** Bodies that satisfy every condition, as many as there are ways to word them; none where they contradict one another. */
export function bodiesFor(conditions: readonly Condition[], around: Json = {}): Json[] {
  const wordings = Math.max(1, ...conditions.map((one) => valuesFor(one).length));
  // Deeper paths last: what must merely be there is there already where something stands below it.
  const ordered = [...conditions].sort((one, other) => Number(isBare(one)) - Number(isBare(other)));
  return Array.from({ length: wordings }, (_, index) => {
    const body = structuredClone(around);
    for (const condition of ordered) {
      if (isBare(condition) && holds(condition, body)) continue;
      const values = valuesFor(condition);
      place(body, condition.at.split("."), values[index % values.length]);
    }
    return body;
  }).filter((body) => conditions.every((one) => holds(one, body)));
}

/** The conditions of a rule; one that looks at the status alone has none. */
export function conditionsOf({ at, equals, matches, and }: Rule): Condition[] {
  return [...(at === undefined ? [] : [{ at, equals, matches }]), ...(and === undefined ? [] : [and])];
}

/** Bodies that the success rule must take; the first is the plainest. */
export function successBodies({ has, is, expires }: ProbeRules["success"], expiresAt?: string): Json[] {
  const around: Json = {};
  if (expires !== undefined && expiresAt !== undefined) place(around, expires.split("."), expiresAt);
  return (is === undefined ? ["array", "string", "object"] : [is]).flatMap((kind) =>
    (KINDS[kind] ?? []).map((value) => {
      const body = structuredClone(around);
      place(body, has.split("."), value);
      return body;
    }),
  );
}

const KINDS: Readonly<Record<string, readonly unknown[]>> = {
  array: [[{ id: "kit" }], []],
  object: [{ id: "kit" }],
  string: ["kit"],
  number: [7],
  boolean: [true, false],
};

function isBare({ equals, matches }: Condition): boolean {
  return equals === undefined && matches === undefined;
}

function valuesFor({ equals, matches }: Condition): unknown[] {
  if (equals !== undefined) return [equals];
  if (matches !== undefined) return textsFor(matches);
  return ["kit", [{ id: "kit" }], { id: "kit" }];
}

/** Sets a value at `a.b` or `a[].b`, making what is missing; leaves alone what is in the way. */
function place(body: Json, [step = "", ...rest]: readonly string[], value: unknown): void {
  const many = step.endsWith("[]");
  const name = many ? step.slice(0, -2) : step;
  if (rest.length === 0) {
    body[name] = many ? [value] : value;
    return;
  }
  const inner = body[name] ?? (many ? [{}] : {});
  const next: unknown = many && Array.isArray(inner) ? inner[0] : inner;
  if (!isObject(next)) return;
  body[name] = inner;
  place(next, rest, value);
}

function isObject(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
