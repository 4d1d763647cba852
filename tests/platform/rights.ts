import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import type { Allows, Right } from "./bearer.ts";

/** What the bench is made of, as Terraform would name it. */
export const bench = {
  project: "cloudact-testing-1",
  key: "projects/cloudact-testing-1/locations/us-central1/keyRings/integrations/cryptoKeys/credentials",
  pepper: "projects/cloudact-testing-1/secrets/integrations-pepper",
  ledger: "integrations",
  views: "organizations",
  location: "US",
} as const;

export const operator = emailOf("operator");
export const awsAccount = emailOf("integrations-aws");

/** One function's line in configs/functions.yml, as far as rights go. */
interface FunctionRights {
  key: "encrypt" | "decrypt" | "none";
  tables: Record<string, TableRight>;
  secrets: string[];
  aws: boolean;
}
type TableRight = "read" | "append" | "change";

/** What each table right lets a statement do. INSERT alone shows no row, and whoever may UPDATE may INSERT and read. */
const actions: Readonly<Record<TableRight, readonly string[]>> = {
  read: ["read"],
  append: ["append"],
  change: ["read", "append", "change"],
};

/** The private tables; every other name in configs/functions.yml is an authorised view in the shared dataset. */
const tables: readonly string[] = ["heads", "versions", "validations", "org_keys", "decrypt_grants"];

/** A right that somebody wanted and does not have. */
export interface Refused extends Right {
  identity: string | null;
}

/** The service account of a function, or of another name in the bench's project. */
export function emailOf(name: string): string {
  return `${name}@${bench.project}.iam.gserviceaccount.com`;
}

/** The functions of configs/functions.yml. */
export function functionNames(): string[] {
  return Object.keys(readFunctions());
}

/**
 * Answers what Google's IAM would with exactly the grants of configs/functions.yml: each function as `int-<name>`, the
 * operator everything, `integrations-aws` and everybody else nothing.
 */
export function openRights(options: { legacyKeys?: boolean } = {}): { allows: Allows; refusals: Refused[] } {
  const granted = new Map(
    Object.entries(readFunctions()).map(([name, rights]) => [
      emailOf(`int-${name}`),
      new Set(grantsOf(rights, options.legacyKeys ?? false)),
    ]),
  );
  const refusals: Refused[] = [];
  return {
    refusals,
    allows(identity, right) {
      if (identity === operator) return true;
      if (identity !== null && granted.get(identity)?.has(written(right))) return true;
      refusals.push({ identity, ...right });
      return false;
    },
  };
}

/** Every single right, written out. */
function grantsOf({ key, tables: on, secrets, aws }: FunctionRights, legacyKeys: boolean): string[] {
  const grants: Right[] = Object.entries(on).flatMap(([table, right]) =>
    actions[right].map((action) => ({ service: "bigquery", resource: placeOf(table), action })),
  );
  if (grants.length > 0) grants.push({ service: "bigquery", resource: bench.project, action: "jobs.create" });
  if (key !== "none") grants.push({ service: "kms", resource: bench.key, action: key });
  if (secrets.includes("pepper")) {
    grants.push({ service: "secretmanager", resource: bench.pepper, action: "access" });
    // While keys of the older table are taken over, which Terraform grants beside LEGACY_KEYS_UNTIL.
    if (legacyKeys)
      grants.push(
        { service: "bigquery", resource: `${bench.views}.org_api_keys`, action: "read" },
        { service: "bigquery", resource: `${bench.ledger}.org_keys`, action: "append" },
      );
  }
  if (aws) grants.push({ service: "iam", resource: awsAccount, action: "getOpenIdToken" });
  return grants.map(written);
}

function placeOf(table: string): string {
  return `${tables.includes(table) ? bench.ledger : bench.views}.${table}`;
}

function written({ service, resource, action }: Right): string {
  return `${service} ${resource} ${action}`;
}

function readFunctions(): Record<string, FunctionRights> {
  const file = join(import.meta.dirname, "../../configs/functions.yml");
  const { functions }: { functions: Record<string, FunctionRights> } = parse(readFileSync(file, "utf8"));
  return functions;
}
