import type { Capability } from "../../contract/verdict.ts";
import { valuesAt } from "../../registry/body-path.ts";
import { type AnswerRules, readAnswer, unexpected401, when } from "../../registry/read-answer.ts";
import type { AnswerContext, AskArm } from "./arm.ts";
import { allows } from "./roles.ts";

/** What a role must allow for costs to be read. */
const READ_COSTS = "Microsoft.CostManagement/query/read";

/**
 * Whether costs can be read: by the roles at the subscription, which costs nothing, and where those cannot be read by
 * one dimension of Cost Management, which spends a little of the tenant's query budget. Never asked again in here: Cost
 * Management's own hints for how long to wait are too short.
 */
export async function costRead(ask: AskArm, subscription: string, context: AnswerContext): Promise<Capability> {
  const roles = await ask(`${subscription}/providers/Microsoft.Authorization/permissions?api-version=2022-04-01`);
  const read = readAnswer({ success: listed, rules: [unavailable, unexpected401] }, roles, context);
  const whole = "silence" in roles ? null : roles.body;
  if (read.outcome === "valid" && whole !== null) {
    if (allows(whole, READ_COSTS)) return { id: "cost_read", state: "granted" };
    const isCut = valuesAt(whole, "nextLink").length > 0;
    if (!isCut) return denied("cost_role_missing");
  } else if (read.reason !== unavailable.reason) return unknown(read.reason ?? read.outcome);
  const dimensions = await ask(
    `${subscription}/providers/Microsoft.CostManagement/dimensions?api-version=2023-11-01&$top=1`,
  );
  const found = readAnswer({ success: listed, rules: refusals }, dimensions, context);
  if (found.outcome === "valid") return { id: "cost_read", state: "granted" };
  if (found.outcome === "forbidden") return denied(found.reason ?? "cost_role_missing");
  return unknown(found.reason ?? found.outcome);
}

const listed: AnswerRules["success"] = { status: 200, has: "value", is: "array" };

/** Roles that may not be read by the application itself, or only elsewhere, say nothing about costs. */
const unavailable = {
  status: [400, 403, 404, 405],
  at: "error.code",
  // biome-ignore lint/suspicious/noThenProperty: the registry's grammar says `then`
  then: "unreachable" as const,
  reason: "roles_unreadable",
};

/**
 * By code, not by status: the same refusal is answered as 401 and as 403.
 * Source: https://github.com/Azure/azqr/issues/277 (401 RBACAccessDenied) and /issues/581 (400 AccountCostDisabled).
 */
const refusals: AnswerRules["rules"] = [
  when([401, 403], "error.code", /^(?:RBACAccessDenied|AuthorizationFailed)$/, "forbidden", "cost_role_missing"),
  when([400, 401, 403], "error.code", /^(?:AccountCostDisabled|IndirectCostDisabled)$/, "forbidden", "costs_hidden"),
  unexpected401,
];

function denied(reason: string): Capability {
  return { id: "cost_read", state: "denied", reason };
}

function unknown(reason: string): Capability {
  return { id: "cost_read", state: "unknown", reason };
}
