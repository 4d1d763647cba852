import type { FaultCode } from "./fault.ts";

/** How one attempt at a provider ended. The last three are inconclusive: they never change a stored status. */
export const outcomes = [
  "valid",
  "rejected",
  "expired",
  "forbidden",
  "rate_limited",
  "unreachable",
  "service_misconfigured",
] as const;
export type Outcome = (typeof outcomes)[number];

export const statuses = ["VALID", "INVALID", "PENDING", "EXPIRED"] as const;
export type Status = (typeof statuses)[number];

export type Lifecycle = "pending" | "active" | "error" | "disabled" | "expired" | "not_configured";

/** Something a credential can or cannot do at its provider. */
export interface Capability {
  id: string;
  state: "granted" | "denied" | "unknown";
  reason?: string;
  remedy?: string;
}

/** Whether a pipeline can run on a credential; `missing` names the capabilities that keep it from it. */
export interface Readiness {
  id: string;
  ready: boolean | "unknown";
  missing: string[];
}

export const tableKinds = ["standard", "detailed", "pricing", "cud", "unknown"] as const;
export const tableStates = ["ok", "stale", "no_data_yet", "missing", "denied", "wrong_kind", "unknown"] as const;

/** What was seen of one table of a billing export. */
export interface TableReport {
  /** The setting that names it; `discovered` where it was found and is not configured. */
  setting: string;
  /** `project.dataset.table` */
  table: string;
  /** By its schema. */
  kind: (typeof tableKinds)[number];
  state: (typeof tableStates)[number];
  location: string | null;
  /** When rows last arrived, RFC 3339 UTC. */
  last_export_at: string | null;
  lag_hours: number | null;
}

/** What a check can tell beside its outcome; every member only where the provider tells it. */
export interface Facts {
  models?: number;
  tier?: string;
  /** The account, tenancy or project that the credential belongs to. */
  account?: string;
  /** When the key was made, RFC 3339 UTC. */
  key_created_at?: string;
  tables?: TableReport[];
  /** The day by which a subscription must be cancelled, and the day of its next renewal: `YYYY-MM-DD`. */
  cancellation_deadline?: string;
  next_renewal_date?: string;
}

/**
 * What one attempt learnt. Holds only words and numbers of our own, and names that fit a strict pattern (tables,
 * accounts): never a provider's text, never a credential.
 */
export interface Finding {
  outcome: Outcome;
  /** A machine word that narrows the outcome: timeout, unexpected_response, region_blocked, billing, leaked, … */
  reason: string | null;
  /** HTTP status of the deciding answer, `null` where there was none. */
  http_status: number | null;
  /** The provider's own error code, only `[A-Za-z0-9_.:-]{1,64}`. */
  provider_code: string | null;
  /** The provider's request id, same alphabet, for its support desk. */
  provider_request_id: string | null;
  /** Seconds the provider asks us to wait, capped at 900; `null` where it did not say. */
  retry_after_s: number | null;
  /** Capabilities that this attempt decided; the registry supplies the rest. */
  capabilities: Capability[];
  details: Facts;
  /** A discovered expiry, RFC 3339 UTC. */
  expires_at: string | null;
  warnings: string[];
  /** The credential's field at fault, where the provider names one. */
  field: string | null;
  /** Settings that the provider made known: they fill what the customer left open when a credential is stored. */
  discovered: Record<string, unknown>;
}

/** What is stored and shown of the last attempt. */
export interface Verdict {
  outcome: Outcome;
  /** `null` when valid, else the fault code of the outcome. */
  code: FaultCode | null;
  message: string;
  reason: string | null;
  remedy: string | null;
  details: { connection: string; permissions: string; message?: string } & Facts;
  http_status: number | null;
  provider_code: string | null;
  provider_request_id: string | null;
  retry_after_s: number | null;
  capabilities: Capability[];
  warnings: string[];
  field: string | null;
  expires_at: string | null;
  /** Settings that the provider made known; only where there are any. */
  discovered?: Record<string, unknown>;
  /** A mark of the settings that it was reached with; only in stored ones. */
  settings?: string;
}

export type Definite = "valid" | "rejected" | "expired" | "forbidden";

/** Whether the provider gave an answer about the credential, as opposed to an outage, a limit or our own mistake. */
export function isDefinite(outcome: Outcome): outcome is Definite {
  return outcome === "valid" || outcome === "rejected" || outcome === "expired" || outcome === "forbidden";
}

/** The status a definite outcome stands for; `null` for inconclusive ones, which leave the status as it is. */
export function statusOf(outcome: Outcome): Status | null {
  switch (outcome) {
    case "valid":
      return "VALID";
    case "rejected":
    case "forbidden":
      return "INVALID";
    case "expired":
      return "EXPIRED";
    case "rate_limited":
    case "unreachable":
    case "service_misconfigured":
      return null;
  }
}
