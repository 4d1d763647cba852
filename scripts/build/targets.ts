import { join } from "node:path";
import { allRights, type Rights } from "../../functions/rights.ts";
import { type FunctionName, routes } from "../../shared/contract/routes.ts";

export const root = join(import.meta.dirname, "../..");

/** A target of the functions framework that is deployed by itself. */
export type Target = FunctionName | "gateway";

/** What an artifact may do: its function's line in configs/functions.yml, or for the gateway what all of them may. */
export interface Limits extends Pick<Rights, "invoker" | "key" | "secrets" | "aws" | "egress"> {
  target: Target;
}

/** Every deployed target. */
export const targets: readonly Target[] = [...new Set(routes.map(({ fn }) => fn)), "gateway"];

const rights = allRights();

export function limitsOf(target: Target): Limits {
  if (target !== "gateway") return { ...rights[target], target };
  return { target, invoker: "pipelines", key: "decrypt", secrets: ["pepper"], aws: true, egress: "providers" };
}
