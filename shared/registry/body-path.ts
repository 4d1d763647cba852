/**
 * Every value a path finds in a JSON answer, `null` left out: `a.b` by member, `a[].b` for any element; a top-level
 * array is looked through. Only own members count, so `__proto__` finds nothing.
 */
export function valuesAt(body: unknown, path: string): unknown[] {
  let found: unknown[] = Array.isArray(body) ? body : [body];
  for (const step of path.split(".")) {
    const many = step.endsWith("[]");
    const name = many ? step.slice(0, -2) : step;
    const next: unknown[] = [];
    for (const value of found) {
      const member = memberOf(value, name);
      if (!many) next.push(member);
      else if (Array.isArray(member)) for (const element of member) next.push(element);
    }
    found = next.filter((value) => value !== undefined && value !== null);
  }
  return found;
}

function memberOf(value: unknown, name: string): unknown {
  if (typeof value !== "object" || value === null || Array.isArray(value) || !Object.hasOwn(value, name))
    return undefined;
  return Reflect.get(value, name);
}
