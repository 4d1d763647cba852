import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { FunctionName } from "../shared/contract/routes.ts";

/** What a function may do, as `configs/functions.yml` says. */
export interface Rights {
  invoker: "everyone" | "pipelines" | "scheduler";
  key: "encrypt" | "decrypt" | "none";
  /** Table or view → `read`, `append` or `change`. */
  tables: Readonly<Record<string, "read" | "append" | "change">>;
  secrets: readonly string[];
  /** Whether it may mint tokens of `integrations-aws`. */
  aws: boolean;
  /** Whether it shows customers that identity's number, for their trust policies, without acting as it. */
  shows_aws?: boolean;
  egress: "providers" | "google";
  timeout_s: number;
  min_instances?: number;
}

const system = fileURLToPath(new URL("../configs", import.meta.url));
/** Only in artifacts, which hold no YAML parser. */
const COMPILED = join(system, "functions.json");

/** What every function may do, by name. */
export function allRights(): Readonly<Record<FunctionName, Rights>> {
  if (existsSync(COMPILED)) return JSON.parse(readFileSync(COMPILED, "utf8"));
  // Not imported, so that no bundle holds it.
  const yaml: { parse(text: string): { functions: Record<FunctionName, Rights> } } = createRequire(import.meta.url)(
    "yaml",
  );
  return yaml.parse(readFileSync(join(system, "functions.yml"), "utf8")).functions;
}

/** What this process may reach: one function's rights, or for the gateway and the operator (`null`) everything. */
export interface Reach {
  key: boolean;
  pepper: boolean;
  aws: boolean;
  showsAws: boolean;
  /** Whether identity tokens are verified. */
  tokens: boolean;
}

/** The name of a process in which a person works with the command line. */
export const OPERATOR = "operator";

/** Of a tool that opens nothing. */
export const reachOfNone: Reach = { key: false, pepper: false, aws: false, showsAws: false, tokens: false };

/** @returns what a function's process may reach; `null` stands for the gateway */
export function reachOf(name: FunctionName | typeof OPERATOR | null): Reach {
  if (name === null || name === OPERATOR) return { key: true, pepper: true, aws: true, showsAws: true, tokens: true };
  const rights = allRights()[name];
  return {
    key: rights.key !== "none",
    pepper: rights.secrets.includes("pepper"),
    aws: rights.aws,
    showsAws: rights.shows_aws ?? false,
    tokens: rights.invoker !== "everyone",
  };
}
