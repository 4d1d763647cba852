/** One operation, allowed or denied. Identifiers and words of ours only: no values, no free text from outside. */
export interface AuditRecord {
  request_id: string;
  actor_type: "api_key" | "service_account" | "scheduler" | "operator" | "anonymous";
  /** Key id or token subject; `null` where nobody was recognised. */
  actor_id: string | null;
  org_slug: string | null;
  provider: string | null;
  operation: string;
  decision: "allow" | "deny";
  outcome: "ok" | "denied" | "error";
  /** HTTP status answered; 0 for work without a request. */
  status: number;
  reason_code?: string;
  credential_id?: string;
  /** The key, the grant or the subject that an operator acted on. */
  target_id?: string;
  fingerprint?: string;
  key_version?: string;
  cache?: "hit" | "miss";
  pipeline?: string;
  run_id?: string;
}

/** @throws Fault `audit_unavailable`; the caller must then release nothing. */
export interface Audit {
  /** Appends one record with a time and an event id, and returns only when it is written. */
  write(record: AuditRecord): void;
}
