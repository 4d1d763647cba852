import { moment } from "../contract/bodies.ts";
import { malformed } from "../contract/fault.ts";
import type { Request } from "./request.ts";

/** A query parameter that is `true`, `false` or absent. @throws Fault `request_malformed` */
export function readFlag(request: Request, name: string): boolean {
  return readTernary(request, name) ?? false;
}

/** The same, with `null` for absent. @throws Fault `request_malformed` */
export function readTernary(request: Request, name: string): boolean | null {
  const value = request.query().get(name);
  if (value === undefined) return null;
  if (value !== "true" && value !== "false") throw malformed(`query:${name}`, "must be true or false");
  return value === "true";
}

/** A query parameter from a closed set, `null` where absent. @throws Fault `request_malformed` */
export function readChoice(request: Request, name: string, choices: readonly string[]): string | null {
  const value = request.query().get(name);
  if (value === undefined) return null;
  if (!choices.includes(value)) throw malformed(`query:${name}`, `must be one of: ${choices.join(", ")}`);
  return value;
}

/** A query parameter of a shape, `null` where absent. @throws Fault `request_malformed` */
export function readShaped(request: Request, name: string, shape: RegExp, message: string): string | null {
  const value = request.query().get(name);
  if (value === undefined) return null;
  if (value.length > 512 || !shape.test(value)) throw malformed(`query:${name}`, message);
  return value;
}

/** RFC 3339 or a date, as in bodies; normalised to UTC, `null` where absent. @throws Fault `request_malformed` */
export function readMoment(request: Request, name: string): string | null {
  const value = request.query().get(name);
  if (value === undefined) return null;
  const parsed = moment.safeParse(value);
  if (!parsed.success) throw malformed(`query:${name}`, "must be a time in RFC 3339 or a date");
  return parsed.data;
}
