import { Fault } from "../contract/fault.ts";
import type { Entry } from "./entry.ts";
import { pattern } from "./linear.ts";
import { repairPasted } from "./repair-pasted.ts";

/**
 * The entry of a family whose credential a setup body holds, by its shape: the fields it names, or the text it is. The
 * two older shapes of the body are looked through as well.
 *
 * @throws Fault `credential_format` where it has the shape of none
 */
export function chooseByShape(members: readonly Entry[], body: unknown): Entry {
  const bodies = isRecord(body) ? [body["credential"], body["credentials"], body] : [];
  const fitting = bodies.flatMap((one) => members.find((entry) => fits(entry, one)) ?? []);
  const [chosen] = fitting;
  if (chosen !== undefined) return chosen;
  const shapes = members.map(({ display_name, fields }) => {
    const names = fields.filter(({ optional }) => !optional).map(({ name }) => name);
    return `${names.join(" and ")} (${display_name})`;
  });
  throw new Fault("credential_format", {
    detail: "The credential has none of the shapes that are taken here",
    errors: [{ field: "/credential", message: `must hold ${shapes.join(", or ")}` }],
    remedy: "Send the fields of one of them, each whole as its provider shows it.",
  });
}

function fits(entry: Entry, submitted: unknown): boolean {
  const required = entry.fields.filter(({ optional }) => !optional);
  if (typeof submitted === "string") {
    const [only] = required;
    return only !== undefined && required.length === 1 && pattern(only.pattern).test(repairPasted(submitted));
  }
  return isRecord(submitted) && required.some(({ name }) => Object.hasOwn(submitted, name));
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
