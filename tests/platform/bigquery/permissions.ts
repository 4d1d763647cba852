import type { Allows, Right } from "../bearer.ts";
import { project } from "./place.ts";
import { Refusal } from "./replies.ts";
import type { Plan } from "./statement.ts";

/**
 * Everything that a statement needs: `jobs.create` on the project; on a table or view `dataset.table` to `read` its
 * rows, to `append` rows by INSERT, to `change` rows by UPDATE, DELETE, MERGE or TRUNCATE, to `create` or `describe` it.
 * A view is read by its own name: it is authorised, so reading through it needs nothing on its tables.
 */
export function rightsOf(plan: Plan): Right[] {
  const needed: Right[] = [right(project, "jobs.create")];
  if (plan.target !== null) needed.push(right(plan.target, actionOn(plan)));
  else if (plan.kind !== "SELECT") needed.push(right(project, actionOn(plan)));
  for (const name of plan.reads) needed.push(right(name, "read"));
  return needed;
}

function actionOn(plan: Plan): string {
  if (plan.kind === "INSERT") return "append";
  return plan.kind === "DDL" ? "create" : "change";
}

export function right(resource: string, action: string): Right {
  return { service: "bigquery", resource, action };
}

/** @throws Refusal 401 for a caller without an identity, 403 accessDenied for another, at the first right that is missing. */
export function demand(allows: Allows | undefined, identity: string | null, needed: readonly Right[]): void {
  if (allows === undefined) return;
  const missing = needed.find((one) => !allows(identity, one));
  if (missing === undefined) return;
  if (identity === null) {
    throw new Refusal(
      401,
      "required",
      "Request is missing required authentication credential. Expected OAuth 2 access token, login cookie or other valid authentication credential.",
    );
  }
  throw new Refusal(403, "accessDenied", `Access Denied: ${wordsFor(missing)}`);
}

function wordsFor({ resource, action }: Right): string {
  if (action === "jobs.create")
    return `Project ${project}: User does not have bigquery.jobs.create permission in project ${project}.`;
  const [dataset = "", ...rest] = resource.split(".");
  const table = `${project}:${dataset}.${rest.join(".")}`;
  if (action === "read")
    return `Table ${table}: User does not have permission to query table ${table}, or perhaps it does not exist.`;
  const permission = { create: "create", describe: "get" }[action] ?? "updateData";
  return `Table ${table}: Permission bigquery.tables.${permission} denied on table ${table} (or it may not exist).`;
}
