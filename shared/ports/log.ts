export type Severity = "DEBUG" | "INFO" | "NOTICE" | "WARNING" | "ERROR" | "CRITICAL";

/** The only names a log line may carry besides time, severity and event. */
export interface LogFields {
  request_id?: string;
  trace?: string;
  operation?: string;
  org_slug?: string;
  provider?: string;
  credential_id?: string;
  fingerprint?: string;
  key_version?: string;
  code?: string;
  reason?: string;
  outcome?: string;
  status?: string | number;
  previous_status?: string;
  latency_ms?: number;
  count?: number;
  total?: number;
  days?: number;
  expires_at?: string;
  error_name?: string;
  pipeline?: string;
  run_id?: string;
  subject?: string;
  shard?: string;
}

/** Structured application log: one JSON object a line, built from an allow-list of names. */
export type Log = (severity: Severity, event: string, fields?: LogFields) => void;
