import type { IntegrationInfo, IntegrationSummary } from "../client/answers.ts";
import type { Tone } from "./context.ts";
import type { Section } from "./places.ts";

export const sectionNames: Readonly<Record<Section, string>> = {
  cloud: "Cloud providers",
  genai: "AI providers",
  saas: "Subscriptions",
};

/** How an integration is, in one word, with its colour and its sign. */
export interface Standing {
  label: string;
  tone: Tone | "off";
  /** Comes first in lists where smaller. */
  rank: number;
}

type Judged = Pick<IntegrationSummary, "status" | "lifecycle" | "category"> & {
  pipelines?: ReadonlyArray<{ ready: boolean | "unknown" }>;
};

/** The standing of an integration: whether it works, and whether it can deliver what it is there for. */
export function standingOf(one: Judged): Standing {
  if (one.lifecycle === "not_configured") return { label: "Not connected", tone: "off", rank: 9 };
  if (one.lifecycle === "disabled") return { label: "Disabled", tone: "off", rank: 6 };
  if (!("pipelines" in one)) return { label: "Unreadable", tone: "bad", rank: 0 };
  if (one.status === "INVALID") return { label: "Refused", tone: "bad", rank: 1 };
  if (one.status === "EXPIRED") return { label: one.category === "saas" ? "Ended" : "Expired", tone: "bad", rank: 1 };
  if (one.status === "PENDING")
    return { label: one.category === "saas" ? "Incomplete" : "Not proven yet", tone: "warn", rank: 2 };
  // A provider's first pipeline is the one that it is there for.
  if (one.pipelines?.[0]?.ready === false) return { label: "No cost data", tone: "warn", rank: 3 };
  return { label: one.category === "saas" ? "Recorded" : "Working", tone: "good", rank: 5 };
}

/** A sentence on what the standing means. */
export function explain(info: IntegrationInfo): string {
  const who = info.display_name;
  if (!info.enabled) return "It is switched off: no pipeline is handed this credential until you enable it.";
  if (info.category === "saas") return info.validation.details?.message ?? `${info.validation.message}.`;
  const inconclusive = ["rate_limited", "unreachable", "service_misconfigured"].includes(info.validation.outcome ?? "");
  switch (info.status) {
    case "VALID":
      return inconclusive
        ? `The last check got no clear answer (${lowerFirst(info.validation.message)}). Only a definite answer changes a status, so it stays as it was.`
        : info.pipelines.every(({ ready }) => ready === true)
          ? `${who} accepts this credential, and every pipeline can run on it.`
          : `${who} accepts this credential, but not every pipeline can run on it.`;
    case "INVALID":
      return `${info.validation.message}. Pipelines are not handed this credential.`;
    case "EXPIRED":
      return `${who} says that this credential has expired. Pipelines are not handed it.`;
    case "PENDING":
      return "It is stored, and nobody has proven yet that it works. Validate it now.";
  }
}

/** What happened, for the timeline. */
export function happened(type: string, status: string | null): { text: string; tone: Tone | "off" } {
  switch (type) {
    case "setup":
      return { text: "Connected", tone: "good" };
    case "rotate":
      return { text: "Credential replaced", tone: "good" };
    case "update":
      return { text: "Settings changed", tone: "info" };
    case "disable":
      return { text: "Disabled", tone: "off" };
    case "enable":
      return { text: "Enabled", tone: "good" };
    case "schedule":
      return { text: "Deletion schedule changed", tone: "warn" };
    case "delete":
      return { text: "Deleted", tone: "bad" };
    case "rewrap":
      return { text: "Encrypted anew with a newer key", tone: "info" };
    default:
      return status === "VALID"
        ? { text: "A check found it working again", tone: "good" }
        : { text: `A check changed the status to ${(status ?? "unknown").toLowerCase()}`, tone: "bad" };
  }
}

/** A pipeline's id as people say it: `cloud.gcp.cost.billing` → `Cost billing`. */
export function pipelineName(id: string): string {
  const known: Readonly<Record<string, string>> = {
    "genai.payg_usage": "AI usage and cost",
    "saas.subscription_cost": "Subscription cost",
  };
  if (known[id]) return known[id];
  return spoken(
    id
      .split(".")
      .slice(id.startsWith("cloud.") ? 2 : 1)
      .join(" "),
  );
}

/** A machine word as people write it. */
export function spoken(word: string): string {
  const text = word.replaceAll("_", " ").replace(/\b(?:api|iam|gcp|gpu|arn|id|cud)\b/g, (short) => short.toUpperCase());
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** A label inside a sentence; what begins with several capitals stays as it is. */
export function lowered(label: string): string {
  return /^[A-Z][a-z]/.test(label) ? label.charAt(0).toLowerCase() + label.slice(1) : label;
}

/** A text as a sentence: with a capital and a full stop. */
export function sentence(text: string): string {
  const whole = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.!?…]$/.test(whole) ? whole : `${whole}.`;
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}
