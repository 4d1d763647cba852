import { valuesAt } from "../../registry/body-path.ts";

/**
 * Whether one of the permissions allows an action: `actions` without `notActions`, each of which subtracts only from
 * the role that it belongs to. `*` stands for anything, slashes included; case does not count.
 * Source: https://learn.microsoft.com/azure/role-based-access-control/role-definitions, read 2026-11-20.
 *
 * @param permissions `{ value: [{ actions, notActions }] }`, as Resource Manager answers
 */
export function allows(permissions: unknown, action: string): boolean {
  const wanted = action.toLowerCase();
  const matches = (role: unknown, list: string): boolean =>
    valuesAt(role, list).some((one) => typeof one === "string" && fits(wanted, one.toLowerCase()));
  return valuesAt(permissions, "value[]").some((role) => matches(role, "actions[]") && !matches(role, "notActions[]"));
}

/** Whether the text fits a pattern in which only `*` is special. Never goes back further than to the last `*`. */
function fits(text: string, pattern: string): boolean {
  const [head = "", ...rest] = pattern.split("*");
  const tail = rest.pop();
  if (tail === undefined) return text === head;
  if (!text.startsWith(head) || !text.endsWith(tail)) return false;
  let at = head.length;
  for (const part of rest) {
    const found = text.indexOf(part, at);
    if (found < 0) return false;
    at = found + part.length;
  }
  return at <= text.length - tail.length;
}
