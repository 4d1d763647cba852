import type { IntegrationInfo, IntegrationSummary } from "../../client/answers.ts";
import { daysUntil, relative } from "../time.ts";
import { pipelineName, sentence, standingOf } from "../words.ts";

/** What is wrong with an integration, and what to do; `null` where nothing is. */
export function wrongWith(
  summary: IntegrationSummary,
  info: IntegrationInfo | null,
): { what: string; remedy: string | null } | null {
  const standing = standingOf(summary);
  if (!("credential_id" in summary))
    return summary.lifecycle === "error"
      ? { what: "Its stored record failed its checks.", remedy: "Tell the operators of this service." }
      : null;
  if (summary.lifecycle === "disabled") return { what: "Switched off: pipelines are not handed it.", remedy: null };
  if (info !== null && info.deactivation_scheduled_at !== null)
    return {
      what: `It will be deleted ${relative(info.deactivation_scheduled_at, Date.now())}.`,
      remedy: "Open it to undo that.",
    };
  if (standing.tone === "bad" || summary.status === "PENDING")
    return {
      what:
        info === null ? `${standing.label}.` : sentence(info.validation.details?.message ?? info.validation.message),
      remedy: info?.validation.remedy ?? null,
    };
  if (standing.tone === "warn") {
    const remedy = info?.capabilities.find(({ state, remedy }) => state === "denied" && remedy !== undefined)?.remedy;
    const missing = summary.pipelines.filter(({ ready }) => ready === false).map(({ id }) => pipelineName(id));
    return { what: `The key works, and cannot deliver: ${missing.slice(0, 3).join(", ")}.`, remedy: remedy ?? null };
  }
  if (summary.expires_at !== null && daysUntil(summary.expires_at, Date.now()) <= 30)
    return {
      what: `It expires ${relative(summary.expires_at, Date.now())}.`,
      remedy: "Create a new key and rotate it in time.",
    };
  return null;
}
