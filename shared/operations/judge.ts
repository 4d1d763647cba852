import type { Head } from "../contract/rows.ts";
import type { Credential } from "../contract/secret.ts";
import { isDefinite, type Status, statusOf, type Verdict } from "../contract/verdict.ts";
import { timestamp } from "../ports/clock.ts";
import type { CheckRow } from "../ports/credential-store.ts";
import { type AttemptParts, attempt } from "../providers/attempt.ts";
import type { Owner } from "../providers/provider.ts";
import type { Entry } from "../registry/entry.ts";
import { earliest, nextDueAt, nextThreshold, passedSince, passedThreshold } from "./schedule.ts";
import { marked } from "./shown.ts";
import { recordStatus, recordVerdict } from "./subscription.ts";
import { type Works, withoutBound } from "./works.ts";

/** A stored credential's check: what was learnt, when it began, and what it makes of the status. */
export interface Judgement {
  verdict: Verdict;
  checkedAt: string;
  /** The status after it. */
  status: Status;
  changed: boolean;
  expiresAt: string | null;
  /** Days left of an expiry threshold that has not been announced yet. */
  announceDays: number | null;
  /** The last moment to cancel a subscription, and the days left of a threshold that has passed since its last check. */
  notice: { at: string; days: number } | null;
  /** Whether there is something to tell the operators once it is durable. */
  isNews: boolean;
  row: CheckRow;
}

/**
 * Checks a stored credential. Where a VALID one is refused, the provider is asked once more after the entry's
 * `confirm_after_ms`, and only a second definite answer counts. Writes nothing.
 *
 * @param parts what asks: without `slots` where the caller holds a place at the provider
 */
export async function judge(
  works: Works,
  entry: Entry,
  head: Head,
  credential: Credential,
  parts: AttemptParts = works,
): Promise<Judgement> {
  const checkedAt = timestamp(works.clock.now());
  const owner = { org: head.org_slug, metadata: withoutBound(head.metadata, entry), isNew: false };
  let verdict = await check(entry, credential, owner, checkedAt, parts);
  if (
    entry.credential_type !== "none" &&
    head.validation_status === "VALID" &&
    isDefinite(verdict.outcome) &&
    verdict.outcome !== "valid"
  ) {
    await works.clock.sleep(entry.confirm_after_ms);
    verdict = await check(entry, credential, owner, checkedAt, parts);
  }
  const nowMs = works.clock.now();
  const isRecord = entry.credential_type === "none";
  const decided = isRecord ? recordStatus(verdict) : statusOf(verdict.outcome);
  const failed = decided === null;
  // A provider's date holds until it names another; a record's is what the record says now.
  const discovered = verdict.expires_at ?? (isRecord ? null : (head.verdict?.expires_at ?? null));
  const expiresAt = earliest(head.expires_at_declared, discovered);
  const passed = passedThreshold(expiresAt, nowMs);
  const status = decided ?? head.validation_status;
  // What was refused before is not asked again because this attempt had no answer.
  const asksAgain = decided === "VALID" || (failed && (status === "VALID" || status === "PENDING"));
  const announceDays = passed !== null && passed !== head.notified_days ? passed : null;
  const deadline = verdict.details.cancellation_deadline;
  const cancelBy = deadline === undefined ? null : `${deadline}T23:59:59.000Z`;
  const noticeDays = passedSince(cancelBy, head.last_checked_at, nowMs);
  const notice = cancelBy === null || noticeDays === null ? null : { at: cancelBy, days: noticeDays };
  const changed = status !== head.validation_status;
  return {
    verdict,
    checkedAt,
    status,
    changed,
    expiresAt,
    announceDays,
    notice,
    isNews: changed || announceDays !== null || notice !== null || (!failed && head.consecutive_failures > 0),
    row: {
      org_slug: head.org_slug,
      provider: head.provider,
      credential_id: head.credential_id,
      seq: head.seq,
      checked_at: checkedAt,
      status: decided,
      error_code: verdict.code,
      verdict: failed ? withKept(verdict, head.verdict) : marked(works.registry, entry, owner.metadata, verdict),
      failed,
      next_due_at: asksAgain
        ? earliest(
            nextDueAt(entry, verdict, failed ? head.consecutive_failures + 1 : 0, expiresAt, nowMs),
            nextThreshold(cancelBy, nowMs),
          )
        : null,
      discovered_expires_at: discovered,
      notified_days: passed,
    },
  };
}

/** An attempt without an answer leaves standing what an earlier one has found, and with which settings. */
function withKept(verdict: Verdict, kept: Verdict | null): Verdict {
  if (kept === null) return verdict;
  const { capabilities, expires_at, discovered, settings } = kept;
  return {
    ...verdict,
    capabilities,
    expires_at,
    ...(discovered === undefined ? {} : { discovered }),
    ...(settings === undefined ? {} : { settings }),
  };
}

/** What a provider says of a credential, or the calendar of a subscription that has none. */
async function check(
  entry: Entry,
  credential: Credential,
  owner: Owner,
  at: string,
  parts: AttemptParts,
): Promise<Verdict> {
  if (entry.credential_type === "none") return recordVerdict(entry, owner.metadata, at);
  return await attempt(entry, credential, owner, parts);
}
