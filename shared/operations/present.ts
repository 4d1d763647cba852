import { Fault, type FaultCode } from "../contract/fault.ts";
import type { Head } from "../contract/rows.ts";
import type { Capability, Lifecycle, Readiness, Status, Verdict } from "../contract/verdict.ts";
import type { Entry } from "../registry/entry.ts";
import { readiness } from "../registry/readiness.ts";

/** Whether something is configured: written once, not deleted, no scheduled deactivation passed. Disabled counts. */
export function isConfigured(head: Head | null, now: string): head is Head {
  return (
    head !== null &&
    head.seq > 0 &&
    head.op !== "delete" &&
    !(head.deactivation_scheduled_at !== null && head.deactivation_scheduled_at <= now)
  );
}

/** @throws Fault `not_configured` */
export function requireConfigured(head: Head | null, entry: Entry, now: string): Head {
  if (!isConfigured(head, now)) {
    throw new Fault("not_configured", {
      provider: entry.code,
      providerName: entry.display_name,
      remedy: `Set it up: POST /{org}/${entry.code.toLowerCase()}/setup`,
    });
  }
  return head;
}

export function lifecycle(head: Head): Lifecycle {
  if (!head.enabled) return "disabled";
  const byStatus: Record<Status, Lifecycle> = {
    VALID: "active",
    PENDING: "pending",
    INVALID: "error",
    EXPIRED: "expired",
  };
  return byStatus[head.validation_status];
}

/** What the credential can do as last seen; all unknown where it was never proven. */
export function capabilitiesOf(entry: Entry, verdict: Verdict | null): Capability[] {
  return verdict?.capabilities ?? entry.capabilities.map(({ id }) => ({ id, state: "unknown" }));
}

export function pipelinesOf(entry: Entry, verdict: Verdict | null): Readiness[] {
  return readiness(entry, capabilitiesOf(entry, verdict));
}

/** What an integration is called: a custom subscription by the name that it was given. */
function displayName(entry: Entry, head: Head): string {
  return entry.custom ? head.credential_name : entry.display_name;
}

/** A configured integration in the list. */
export function summary(entry: Entry, head: Head) {
  return {
    provider: entry.code,
    display_name: displayName(entry, head),
    category: entry.category,
    status: head.validation_status,
    lifecycle: lifecycle(head),
    enabled: head.enabled,
    credential_name: head.credential_name,
    credential_id: head.credential_id,
    last_validated_at: head.last_validated_at,
    last_checked_at: head.last_checked_at,
    expires_at: head.expires_at,
    pipelines: pipelinesOf(entry, head.verdict),
    created_at: head.created_at,
  };
}

/** A provider that the organisation has not configured. */
export function absent(entry: Entry) {
  return {
    provider: entry.code,
    display_name: entry.display_name,
    category: entry.category,
    status: "NOT_CONFIGURED",
    lifecycle: "not_configured",
  };
}

/** One whose stored row cannot be read: it is there, and nothing can be said of it but that. */
export function unreadable(entry: Entry) {
  return {
    provider: entry.code,
    display_name: entry.display_name,
    category: entry.category,
    status: "PENDING",
    lifecycle: "error",
    code: "integrity",
  };
}

/** One integration in full: everything but the secret. */
export function integrationInfo(entry: Entry, head: Head) {
  const { verdict } = head;
  return {
    org_slug: head.org_slug,
    provider: entry.code,
    display_name: displayName(entry, head),
    category: entry.category,
    status: head.validation_status,
    lifecycle: lifecycle(head),
    enabled: head.enabled,
    credential_id: head.credential_id,
    credential_name: head.credential_name,
    credential_type: head.credential_type,
    fingerprint: head.fingerprint,
    key_version: head.key_version,
    metadata: head.metadata,
    validation: {
      outcome: verdict?.outcome ?? null,
      code: verdict?.code ?? null,
      message: verdict?.message ?? "Not validated yet",
      remedy: verdict?.remedy ?? null,
      details: verdict?.details ?? null,
    },
    capabilities: capabilitiesOf(entry, verdict),
    pipelines: pipelinesOf(entry, verdict),
    last_validated_at: head.last_validated_at,
    last_checked_at: head.last_checked_at,
    expires_at: head.expires_at,
    deactivation_scheduled_at: head.deactivation_scheduled_at,
    created_at: head.created_at,
    updated_at: head.updated_at,
    created_by: head.created_by,
  };
}

/** The answer to a verdict reached without changing anything: validate, and the dry run of setup. */
export function verdictAnswer(
  entry: Entry,
  verdict: Verdict,
  stored: { status: Status; lastValidatedAt: string | null; lastCheckedAt: string },
) {
  return {
    success: verdict.outcome === "valid",
    provider: entry.code,
    validation_status: stored.status,
    message: verdict.message,
    details: verdict.details,
    outcome: verdict.outcome,
    ...(verdict.code === null ? {} : { code: verdict.code }),
    ...(verdict.reason === null ? {} : { reason: verdict.reason }),
    ...(verdict.remedy === null ? {} : { remedy: verdict.remedy }),
    capabilities: verdict.capabilities,
    pipelines: readiness(entry, verdict.capabilities),
    warnings: verdict.warnings,
    last_validated_at: stored.lastValidatedAt,
    last_checked_at: stored.lastCheckedAt,
  };
}

/** The refusal that a verdict other than valid stands for when a new credential is at stake. */
export function refusal(entry: Entry, verdict: Verdict): Fault {
  const code: FaultCode = verdict.code ?? "internal";
  const field = verdict.field === null ? [] : [{ field: `/credential/${verdict.field}`, message: verdict.message }];
  return new Fault(code, {
    provider: entry.code,
    providerName: entry.display_name,
    ...(verdict.reason === null ? {} : { reason: verdict.reason }),
    ...(verdict.remedy === null ? {} : { remedy: verdict.remedy }),
    ...(field.length ? { errors: field } : {}),
    ...(code === "provider_rate_limited" || code === "provider_unreachable"
      ? { retryAfterS: verdict.retry_after_s ?? entry.rate_limit.retry_after_seconds }
      : {}),
  });
}
