import { randomUUID } from "node:crypto";
import type { Head, ValidationRow } from "../contract/rows.ts";
import type { Status } from "../contract/verdict.ts";
import { forget, untilKnown } from "./change.ts";
import type { Judgement } from "./judge.ts";
import type { Works } from "./works.ts";

/**
 * Writes checks: their history first, then the heads they speak of, each in one statement. Repeating both is harmless.
 *
 * @returns the credentials whose head took the check; the others have been replaced or checked anew meanwhile
 * @throws Fault `store_unavailable`
 */
export async function record(works: Works, judgements: Judgement[], checkedBy: string): Promise<Set<string>> {
  const rows = judgements.map(({ row }) => row);
  const history = judgements.map((judgement) => validationRow(judgement, checkedBy));
  await untilKnown(works, () => works.store.appendValidations(history));
  let changed = 0;
  try {
    await untilKnown(works, async () => {
      changed = await works.store.recordChecks(rows);
    });
  } finally {
    for (const row of rows) forget(works, row.org_slug, row.provider);
  }
  // Rows are counted, not credentials, and a head may stand there twice: only where nothing is to be told is that enough.
  const certain = rows.length === 1 || !judgements.some(({ isNews }) => isNews);
  if (changed === rows.length && certain) return new Set(rows.map(({ credential_id }) => credential_id));
  return new Set(
    await works.store.readTaken(rows.map(({ credential_id, checked_at }) => ({ credential_id, checked_at }))),
  );
}

function validationRow({ row, verdict, status }: Judgement, checkedBy: string): ValidationRow {
  return {
    event_id: randomUUID(),
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

/** Tells the operators what a stored check changed: status, recovery, nearing expiry or end of notice. Called once it is durable. */
export function announce(works: Works, head: Head, judgement: Judgement): void {
  const { status, verdict, row } = judgement;
  announceStatus(works, head, status, {
    outcome: verdict.outcome,
    ...(verdict.reason ? { reason: verdict.reason } : {}),
  });
  if (status === "VALID" && head.validation_status === "VALID" && head.consecutive_failures > 0 && !row.failed)
    works.log("NOTICE", "integration.recovered", { ...about(head), status, count: head.consecutive_failures });
  if (judgement.announceDays !== null && judgement.expiresAt !== null)
    works.log("WARNING", "integration.expiring", {
      ...about(head),
      days: judgement.announceDays,
      expires_at: judgement.expiresAt,
    });
  if (judgement.notice !== null)
    works.log("WARNING", "integration.expiring", {
      ...about(head),
      reason: "cancellation_deadline",
      days: judgement.notice.days,
      expires_at: judgement.notice.at,
    });
}

/** Tells them that a credential, or the one that replaced it, has another status than the head that was read. */
export function announceStatus(
  works: Works,
  before: Head,
  status: Status,
  why: { outcome?: string; reason?: string } = {},
): void {
  if (status === before.validation_status) return;
  const recovered = status === "VALID" && before.validation_status !== "PENDING";
  works.log(
    status === "VALID" ? "NOTICE" : "ERROR",
    recovered ? "integration.recovered" : "integration.status_changed",
    {
      ...about(before),
      status,
      previous_status: before.validation_status,
      ...why,
    },
  );
}

function about(head: Head) {
  const { org_slug, provider, credential_id, fingerprint } = head;
  return { org_slug, provider, credential_id, ...(fingerprint ? { fingerprint } : {}) };
}
