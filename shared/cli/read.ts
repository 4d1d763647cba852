import { plain } from "./terminal.ts";

/*
 * Answers are read leniently: what is missing shows as `-`, so that an older tool still shows what a newer service says.
 */

/** The value at a path of member names, `undefined` where there is none. */
export function at(value: unknown, ...path: string[]): unknown {
  let current = value;
  for (const name of path) {
    if (typeof current !== "object" || current === null || !Object.hasOwn(current, name)) return undefined;
    current = Reflect.get(current, name);
  }
  return current;
}

/** Text, number or boolean at a path as plain text; `-` for nothing. */
export function textAt(value: unknown, ...path: string[]): string {
  const found = at(value, ...path);
  if (typeof found === "string" && found !== "") return plain(found);
  return typeof found === "number" || typeof found === "boolean" ? String(found) : "-";
}

/** The list at a path, empty where there is none. */
export function listAt(value: unknown, ...path: string[]): unknown[] {
  const found = at(value, ...path);
  return Array.isArray(found) ? found : [];
}

/** The texts of the list at a path, plain. */
export function textsAt(value: unknown, ...path: string[]): string[] {
  return listAt(value, ...path)
    .filter((one) => typeof one === "string")
    .map(plain);
}

/** Names and values of the object at a path. */
export function membersAt(value: unknown, ...path: string[]): Array<[string, unknown]> {
  const found = at(value, ...path);
  return typeof found === "object" && found !== null && !Array.isArray(found) ? Object.entries(found) : [];
}
