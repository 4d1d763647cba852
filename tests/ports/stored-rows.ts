import { randomBytes, randomUUID } from "node:crypto";
import type { Head, ValidationRow, Version } from "../../shared/contract/rows.ts";
import type { Verdict } from "../../shared/contract/verdict.ts";
import type { CheckRow, CredentialStore, HeadChange, HeadColumns, Pair } from "../../shared/ports/credential-store.ts";

/** Where the tests' time begins. */
export const T0 = "2026-08-22T12:00:00.000Z";
const MINUTE = 60_000;

/** T0 and so many minutes. */
export function minute(minutes: number): string {
  return new Date(Date.parse(T0) + minutes * MINUTE).toISOString();
}
export const hour = (hours: number): string => minute(hours * 60);

export function verdict(outcome: Verdict["outcome"] = "valid"): Verdict {
  return {
    outcome,
    code: outcome === "valid" ? null : "credential_rejected",
    message: "Integration validated successfully",
    reason: null,
    remedy: null,
    details: { connection: "success", permissions: "verified", models: 3 },
    http_status: 200,
    provider_code: null,
    provider_request_id: "req_1",
    retry_after_s: null,
    capabilities: [
      { id: "models_read", state: "granted" },
      { id: "cost_read", state: "denied", reason: "scope", remedy: "an admin key" },
    ],
    warnings: ["wide"],
    field: null,
    expires_at: null,
  };
}

/** Every column of a head that a new credential sets. */
export function headColumns(changed: Partial<HeadColumns> = {}): HeadColumns {
  return {
    secret_event_id: null,
    op: "setup",
    credential_id: randomUUID(),
    credential_type: "api_key",
    credential_name: "Größe „7“ 🗝️ 'x' \"y\"",
    key_version: "1",
    fingerprint: "0123abcd",
    metadata: { region: "eu", nested: { list: [1, "two", null, true] }, price: "12.50" },
    enabled: true,
    expires_at_declared: null,
    expires_at: null,
    deactivation_scheduled_at: null,
    validation_status: "VALID",
    last_validated_at: T0,
    last_checked_at: T0,
    error_code: null,
    verdict: verdict(),
    consecutive_failures: 0,
    next_due_at: hour(24),
    reported_at: null,
    notified_days: null,
    created_at: T0,
    updated_at: T0,
    created_by: "kid000000001",
    ...changed,
  };
}

export function version(pair: Pair, changed: Partial<Version> & Pick<Version, "seq" | "prev_event_id">): Version {
  return {
    ...pair,
    event_id: randomUUID(),
    op: "setup",
    credential_id: randomUUID(),
    credential_type: "api_key",
    encrypted_credential: randomBytes(48),
    key_version: "1",
    fingerprint: "0123abcd",
    credential_name: "OpenAI API Key",
    metadata: { region: "eu" },
    idempotency_key_hash: null,
    idempotency_body_hash: null,
    result: null,
    request_id: randomUUID(),
    changed_at: T0,
    changed_by: "kid000000001",
    ...changed,
  };
}

export function check(head: Head, changed: Partial<CheckRow> = {}): CheckRow {
  return {
    org_slug: head.org_slug,
    provider: head.provider,
    credential_id: head.credential_id,
    seq: head.seq,
    checked_at: minute(10),
    status: "VALID",
    error_code: null,
    verdict: verdict(),
    failed: false,
    next_due_at: hour(24),
    discovered_expires_at: null,
    notified_days: null,
    ...changed,
  };
}

export function validation(head: Head, changed: Partial<ValidationRow> = {}): ValidationRow {
  return {
    event_id: randomUUID(),
    org_slug: head.org_slug,
    provider: head.provider,
    credential_id: head.credential_id,
    checked_at: minute(10),
    outcome: "valid",
    status: "VALID",
    error_code: null,
    verdict: verdict(),
    checked_by: "scheduler",
    ...changed,
  };
}

/** One change by the whole protocol, with nobody else around: a new secret unless `op` says that it is kept. */
export async function change(
  store: CredentialStore,
  pair: Pair,
  at: { version?: Partial<Version>; head?: Partial<HeadColumns> } = {},
): Promise<Head> {
  const before = (await store.readOpening(pair, { idempotencyKeyHash: null, eventId: null, now: T0 })).head;
  if (!before) await store.placeHeads([pair], T0);
  const seq = before?.seq ?? 0;
  const op = at.version?.op ?? (seq === 0 ? "setup" : "rotate");
  const keeps = op === "update" || op === "enable" || op === "disable" || op === "schedule" || op === "delete";
  const made = version(pair, {
    seq: seq + 1,
    prev_event_id: seq > 0 && before ? before.event_id : null,
    ...(keeps ? { encrypted_credential: null } : {}),
    ...(before && (keeps || op === "rewrap") ? { credential_id: before.credential_id } : {}),
    ...at.version,
    op,
  });
  await store.appendVersions([made]);
  const { credential_id, event_id, changed_at: updated_at } = made;
  const kept: HeadChange["set"] = { op, updated_at };
  const set = keeps
    ? Object.assign(kept, at.head)
    : headColumns({ op, credential_id, secret_event_id: event_id, updated_at, ...at.head });
  const changed = await store.advanceHead({ ...pair, expected_seq: seq, event_id, set });
  if (changed === 0) throw new Error("someone else was there");
  const { head } = await store.readOpening(pair, { idempotencyKeyHash: null, eventId: null, now: T0 });
  if (!head) throw new Error("the head is gone");
  return head;
}
