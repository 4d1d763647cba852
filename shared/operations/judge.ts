import type { Head, ValidationRow } from "../contract/rows.ts";
import type { Credential } from "../contract/secret.ts";
import { isDefinite, type Status, statusOf, type Verdict } from "../contract/verdict.ts";
import { timestamp } from "../ports/clock.ts";
import type { CheckRow } from "../ports/credential-store.ts";
import { attempt } from "../providers/attempt.ts";
import type { Entry } from "../registry/entry.ts";
import { earliest, nextDueAt, passedThreshold } from "./schedule.ts";
import type { Works } from "./works.ts";

/** A stored credential's check: what was learnt, when it began, and what it makes of the status. */
export interface Judgement {
  verdict: Verdict;
  checkedAt: string;
  /** The status after it. */
  status: Status;
  changed: boolean;
  /** Days left of an expiry threshold that has not been announced yet. */
  announceDays: number | null;
  row: CheckRow;
}

/**
 * Checks a stored credential. Where a VALID one is refused, the provider is asked once more after the entry's
 * `confirm_after_ms`, and only a second definite answer counts. Writes nothing.
 */
export async function judge(works: Works, entry: Entry, head: Head, credential: Credential): Promise<Judgement> {
  const checkedAt = timestamp(works.clock.now());
  let verdict = await attempt(entry, credential, works);
  if (head.validation_status === "VALID" && isDefinite(verdict.outcome) && verdict.outcome !== "valid") {
    await works.clock.sleep(entry.confirm_after_ms);
    verdict = await attempt(entry, credential, works);
  }
  const nowMs = works.clock.now();
  const decided = statusOf(verdict.outcome);
  const failed = decided === null;
  const expiresAt = earliest(head.expires_at_declared, verdict.expires_at ?? head.verdict?.expires_at ?? null);
  const passed = passedThreshold(expiresAt, nowMs);
  const status = decided ?? head.validation_status;
  return {
    verdict,
    checkedAt,
    status,
    changed: status !== head.validation_status,
    announceDays: passed !== null && passed !== head.notified_days ? passed : null,
    row: {
      org_slug: head.org_slug,
      provider: head.provider,
      credential_id: head.credential_id,
      checked_at: checkedAt,
      status: decided,
      error_code: verdict.code,
      verdict: failed
        ? {
            ...verdict,
            capabilities: head.verdict?.capabilities ?? verdict.capabilities,
            expires_at: head.verdict?.expires_at ?? null,
          }
        : verdict,
      failed,
      next_due_at:
        failed || decided === "VALID"
          ? nextDueAt(entry, verdict, failed ? head.consecutive_failures + 1 : 0, expiresAt, nowMs)
          : null,
      expires_at: expiresAt,
      notified_days: passed,
    },
  };
}

/** The history row of a check. */
export function validationRow(judgement: Judgement, eventId: string, checkedBy: string): ValidationRow {
  const { row, verdict, status } = judgement;
  return {
    event_id: eventId,
    credential_id: row.credential_id,
    org_slug: row.org_slug,
    provider: row.provider,
    checked_at: row.checked_at,
    outcome: verdict.outcome,
    status,
    error_code: verdict.code,
    verdict,
    checked_by: checkedBy,
  };
}

/** Tells the operators what a stored check changed: status, recovery, nearing expiry. Called once it is durable. */
export function announce(works: Works, head: Head, judgement: Judgement): void {
  const about = {
    org_slug: head.org_slug,
    provider: head.provider,
    credential_id: head.credential_id,
    ...(head.fingerprint ? { fingerprint: head.fingerprint } : {}),
  };
  const { status, verdict } = judgement;
  if (judgement.changed) {
    const event =
      status === "VALID" && head.validation_status !== "PENDING"
        ? "integration.recovered"
        : "integration.status_changed";
    works.log(status === "VALID" ? "NOTICE" : "ERROR", event, {
      ...about,
      status,
      previous_status: head.validation_status,
      outcome: verdict.outcome,
      ...(verdict.reason ? { reason: verdict.reason } : {}),
    });
  } else if (status === "VALID" && head.consecutive_failures > 0 && !judgement.row.failed) {
    works.log("NOTICE", "integration.recovered", { ...about, status, count: head.consecutive_failures });
  }
  if (judgement.announceDays !== null && judgement.row.expires_at !== null) {
    works.log("WARNING", "integration.expiring", {
      ...about,
      days: judgement.announceDays,
      expires_at: judgement.row.expires_at,
    });
  }
}
