import type { Reply, Silence } from "../../contract/answer.ts";
import type { Capability } from "../../contract/verdict.ts";
import { valuesAt } from "../../registry/body-path.ts";
import { type AnswerContext, type AnswerRules, readAnswer, unexpected401, when } from "../../registry/read-answer.ts";
import { type OciRegion, ociRegion } from "./regions.ts";

/**
 * The tenancy's home region, where costs are kept, from its list of regions; `null` where that may not be read, or
 * names none that is known. Only regions of the credential's own realm are believed.
 */
export function homeRegion(answer: Reply | Silence, realm: string): OciRegion | null {
  if ("silence" in answer || answer.status !== 200 || !Array.isArray(answer.body)) return null;
  const home = answer.body.find((region) => valuesAt(region, "isHomeRegion").includes(true));
  const [name] = valuesAt(home, "regionName");
  const region = typeof name === "string" ? ociRegion(name) : null;
  return region?.realm === realm ? region : null;
}

/**
 * One whole day of costs, summed up: 00:00 UTC of yesterday to 00:00 UTC of today.
 * Source: RequestSummarizedUsagesDetails of oci-usageapi 2.139.1, read 2026-11-20.
 */
export function usageQuestion(tenancyOcid: string, now: number): string {
  const day = 86_400_000;
  const today = Math.floor(now / day) * day;
  return JSON.stringify({
    tenantId: tenancyOcid,
    timeUsageStarted: new Date(today - day).toISOString(),
    timeUsageEnded: new Date(today).toISOString(),
    granularity: "DAILY",
    queryType: "COST",
    isAggregateByTime: true,
  });
}

/**
 * Whether costs can be read. The key has been proven by then, so that a 401 is the missing policy's as much as a 404:
 * both have been seen for it. Where the home region is not known the region given may be the cause as well.
 */
export function readUsage(answer: Reply | Silence, isHome: boolean, context: AnswerContext): Capability {
  const found = readAnswer({ success: { status: 200, has: "items", is: "array" }, rules }, answer, context);
  if (found.outcome === "valid") return { id: "usage_read", state: "granted" };
  if (found.outcome !== "forbidden")
    return { id: "usage_read", state: "unknown", reason: found.reason ?? found.outcome };
  const policy = isHome ? "usage_policy_missing" : "usage_policy_or_region";
  const reason = found.reason === "usage_policy_missing" ? policy : (found.reason ?? policy);
  return { id: "usage_read", state: "denied", reason };
}

const rules: AnswerRules["rules"] = [
  when(401, "code", "NotAuthenticated", "forbidden", "usage_policy_missing"),
  when(404, "code", "NotAuthorizedOrNotFound", "forbidden", "usage_policy_missing"),
  when(403, "code", "NotAuthorized", "forbidden", "usage_policy_missing"),
  when(403, "code", "NotAllowed", "forbidden", "home_region_only"),
  when([402, 403], "code", "SignUpRequired", "forbidden", "sign_up_required"),
  unexpected401,
];
