import type { Reply, Silence } from "../../contract/answer.ts";
import type { Credential, Secret } from "../../contract/secret.ts";
import type { Finding } from "../../contract/verdict.ts";
import { valuesAt } from "../../registry/body-path.ts";
import {
  type AnswerContext,
  type AnswerRules,
  readAnswer,
  unexpected,
  unexpected401,
  when,
} from "../../registry/read-answer.ts";
import type { ProbeContext } from "../provider.ts";
import type { AzureToken } from "./token.ts";

export type { AnswerContext } from "../../registry/read-answer.ts";

/** One question to Resource Manager: what stands behind `/subscriptions`, the query included. */
export type AskArm = (path: string) => Promise<Reply | Silence>;

/** Asks Resource Manager as the application that was given this token. */
export function armOf({ cloud, token }: AzureToken, { ask }: ProbeContext): AskArm {
  return (path) =>
    ask({
      method: "GET",
      url: `${cloud.arm}/subscriptions${path}`,
      headers: { accept: "application/json", authorization: `Bearer ${token.reveal()}` },
    });
}

/** What a token must not leave a trace of either. */
export function reading(credential: Credential, token: Secret, now: number): AnswerContext {
  return { credential: { ...credential, access_token: token }, now };
}

const API = "?api-version=2022-12-01";

/**
 * Whether the subscription can be seen, from the list of all that can: none at all means that the application has no
 * role anywhere, another one that the id is wrong. A list too long to be read whole is followed by the one in question.
 */
export async function subscriptionRead(ask: AskArm, id: string, context: AnswerContext): Promise<Finding> {
  const answer = await ask(API);
  const isTooLong = "silence" in answer && answer.silence === "body";
  if (isTooLong) return await oneSubscription(ask, id, context);
  const found = readAnswer({ success: { status: 200, has: "value", is: "array" }, rules }, answer, context);
  if (found.outcome === "forbidden") return lacking(found, found.reason ?? "no_subscription");
  if (found.outcome !== "valid" || "silence" in answer) return found;
  const all = valuesAt(answer.body, "value[]");
  const own = all.find((one) => isSubscription(one, id));
  if (own !== undefined) return { ...found, warnings: warningsOf(own) };
  if (valuesAt(answer.body, "nextLink").length > 0) return await oneSubscription(ask, id, context);
  if (all.length === 0) return lacking(found, "no_subscription");
  const areSubscriptions = all.every((one) => valuesAt(one, "subscriptionId").some((name) => typeof name === "string"));
  return areSubscriptions ? lacking(found, "wrong_subscription") : unexpected(found);
}

async function oneSubscription(ask: AskArm, id: string, context: AnswerContext): Promise<Finding> {
  const answer = await ask(`/${id}${API}`);
  const found = readAnswer({ success: { status: 200, has: "subscriptionId", is: "string" }, rules }, answer, context);
  if (found.outcome === "forbidden") return lacking(found, "wrong_subscription");
  if (found.outcome !== "valid" || "silence" in answer) return found;
  return isSubscription(answer.body, id) ? { ...found, warnings: warningsOf(answer.body) } : unexpected(found);
}

/** Source: https://learn.microsoft.com/azure/azure-resource-manager/troubleshooting/common-deployment-errors, read 2026-11-20. */
const rules: AnswerRules["rules"] = [
  when([401, 403], "error.code", "AuthorizationFailed", "forbidden", "no_subscription"),
  when(404, "error.code", "SubscriptionNotFound", "forbidden", "wrong_subscription"),
  // The token has just been issued: that Resource Manager does not take it says nothing about the secret.
  unexpected401,
];

function isSubscription(one: unknown, id: string): boolean {
  return valuesAt(one, "subscriptionId").some(
    (name) => typeof name === "string" && name.toLowerCase() === id.toLowerCase(),
  );
}

/** The required capability denied: the outcome follows from it. */
function lacking(found: Finding, reason: string): Finding {
  return {
    ...found,
    outcome: "forbidden",
    reason,
    field: reason === "wrong_subscription" ? "subscription_id" : null,
    capabilities: [{ id: "subscription_read", state: "denied", reason }],
  };
}

/** Subscriptions in arrears are read-only at first: their costs can still be read. */
const WARNINGS: Readonly<Record<string, string>> = {
  disabled: "subscription_disabled",
  deleted: "subscription_disabled",
  expired: "subscription_disabled",
  warned: "subscription_warned",
  pastdue: "subscription_past_due",
};

function warningsOf(subscription: unknown): string[] {
  const [state] = valuesAt(subscription, "state");
  const key = typeof state === "string" ? state.toLowerCase() : "";
  const warning = Object.hasOwn(WARNINGS, key) ? WARNINGS[key] : undefined;
  return warning === undefined ? [] : [warning];
}
