import { Fault } from "../contract/fault.ts";
import type { Entry, Field } from "./entry.ts";
import { pattern } from "./linear.ts";
import { repairPasted } from "./repair-pasted.ts";

/**
 * The entry of a family whose credential a setup body holds, by its shape: the fields it names, or the text it is, be it
 * one that the entry knows and refuses. The two older shapes of the body are looked through as well. A body that offers
 * no credential at all is the first entry's: what is wrong with it is for the body's own schema to say.
 *
 * @throws Fault `credential_format` where it has the shape of none
 */
export function chooseByShape(members: readonly Entry[], body: unknown): Entry {
  const bodies = isRecord(body) ? [body["credential"], body["credentials"], body] : [];
  const findBy = (test: typeof fits): Entry[] =>
    bodies.flatMap((one) => members.find((entry) => test(entry, one)) ?? []);
  const [chosen] = [...findBy(fits), ...findBy(refuses)];
  if (chosen !== undefined) return chosen;
  const [first] = members;
  if (first !== undefined && !bodies.slice(0, 2).some(isCredential)) return first;
  const shapes = members.map(({ display_name, fields }) => {
    const names = requiredOf({ fields }).map(({ name }) => name);
    return `${names.join(" and ")} (${display_name})`;
  });
  throw new Fault("credential_format", {
    detail: "The credential has none of the shapes that are taken here",
    errors: [{ field: "/credential", message: `must hold ${shapes.join(", or ")}` }],
    remedy: "Send the fields of one of them, each whole as its provider shows it.",
  });
}

function fits(entry: Entry, submitted: unknown): boolean {
  const required = requiredOf(entry);
  if (typeof submitted !== "string")
    return isRecord(submitted) && required.some(({ name }) => Object.hasOwn(submitted, name));
  const only = onlyOf(required);
  return only !== null && pattern(only.pattern).test(repairPasted(submitted));
}

/** Whether it is a text that the entry's only required field knows and does not take: its refusal says most. */
function refuses(entry: Entry, submitted: unknown): boolean {
  const only = onlyOf(requiredOf(entry));
  if (only === null || typeof submitted !== "string") return false;
  const text = repairPasted(submitted);
  return only.refuse.some((shape) => pattern(shape.pattern).test(text));
}

function requiredOf({ fields }: Pick<Entry, "fields">): Field[] {
  return fields.filter(({ optional }) => !optional);
}

/** The field that a text alone stands for; `null` where a credential needs none or several. */
function onlyOf(required: readonly Field[]): Field | null {
  const [only] = required;
  return required.length === 1 && only !== undefined ? only : null;
}

/** Whether the schema of the body takes it for a credential. */
function isCredential(value: unknown): boolean {
  return (typeof value === "string" && value !== "") || isRecord(value);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
