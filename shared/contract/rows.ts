import type { Status, Verdict } from "./verdict.ts";

/*
 * The rows as they are stored: the same names as the columns in configs/setup/bootstrap/schemas and, where a response
 * shows them, on the wire. Times are RFC 3339 UTC with milliseconds and Z. `null` is "absent". A test compares these
 * interfaces with the schema files.
 */

export type Op = "setup" | "rotate" | "update" | "disable" | "enable" | "schedule" | "delete" | "rewrap";
export type Metadata = Record<string, unknown>;

/** Current state of one provider in one organisation, without ciphertext. `seq` 0 is a placeholder: never configured. */
export interface Head {
  org_slug: string;
  /** The provider's code, or `custom-{slug}`. */
  provider: string;
  seq: number;
  /** The change that made this state. */
  event_id: string;
  /** The version row that holds the ciphertext; `null` where there is none. */
  secret_event_id: string | null;
  op: Op;
  /** New with each new secret. */
  credential_id: string;
  credential_type: string;
  credential_name: string;
  /** The key version's number as text. */
  key_version: string | null;
  fingerprint: string | null;
  metadata: Metadata;
  enabled: boolean;
  expires_at_declared: string | null;
  /** The earlier of the declared and the discovered expiry. */
  expires_at: string | null;
  deactivation_scheduled_at: string | null;
  validation_status: Status;
  last_validated_at: string | null;
  last_checked_at: string | null;
  error_code: string | null;
  verdict: Verdict | null;
  consecutive_failures: number;
  next_due_at: string | null;
  reported_at: string | null;
  /** The smallest expiry threshold in days already announced; `null` where none was. */
  notified_days: number | null;
  created_at: string;
  updated_at: string;
  created_by: string;
}

/** One change, append-only. It takes effect only when a head points to it. */
export interface Version {
  event_id: string;
  /** The head's event before this change; `null` for the first. */
  prev_event_id: string | null;
  org_slug: string;
  provider: string;
  seq: number;
  op: Op;
  credential_id: string;
  credential_type: string;
  encrypted_credential: Buffer | null;
  key_version: string | null;
  fingerprint: string | null;
  credential_name: string;
  metadata: Metadata;
  /** HMAC-SHA-256 over organisation, route, provider and the caller's key, hex. */
  idempotency_key_hash: string | null;
  /** HMAC-SHA-256 over the body's bytes, hex. */
  idempotency_body_hash: string | null;
  /** What was answered: `{status, body, etag}`, replayed for the same Idempotency-Key. */
  result: { status: number; body: Record<string, unknown>; etag: string } | null;
  request_id: string;
  changed_at: string;
  changed_by: string;
}

/** One attempt at a provider, append-only history: nothing is derived from it. */
export interface ValidationRow {
  event_id: string;
  credential_id: string;
  org_slug: string;
  provider: string;
  /** Start of the attempt. */
  checked_at: string;
  outcome: string;
  /** The credential's status after the attempt. */
  status: Status;
  error_code: string | null;
  verdict: Verdict;
  /** `scheduler`, or the key id of the caller. */
  checked_by: string;
}

export type Scope = "read" | "manage";

/** One organisation API key. The key itself is nowhere: only its HMAC. */
export interface OrgKey {
  key_id: string;
  org_slug: string;
  environment: string;
  scope: Scope;
  name: string | null;
  /** HMAC-SHA-256(pepper, whole key), 32 bytes. */
  key_hmac: Buffer;
  pepper_version: string;
  legacy: boolean;
  created_at: string;
  created_by: string;
  expires_at: string | null;
  revoked_at: string | null;
  revoked_by: string | null;
}

/** Who may read which credentials. */
export interface Grant {
  grant_id: string;
  /** The token's `sub`. */
  subject: string;
  org_slugs: string[];
  /** Provider codes, or `*` alone. */
  providers: string[];
  created_at: string;
  created_by: string;
  expires_at: string;
  revoked_at: string | null;
  revoked_by: string | null;
}
