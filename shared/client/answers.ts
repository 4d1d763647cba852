import type { FieldError } from "../contract/fault.ts";
import type { Capability, Facts, Lifecycle, Outcome, Readiness, Status } from "../contract/verdict.ts";

/*
 * What the service shows, as it stands on the wire: the same names as in the HTTP documentation and in the tables. A test
 * holds each of these to the contract's schema of the same name.
 */

export type Category = "cloud" | "genai" | "saas";

/** A configured integration in the list. */
export interface ConfiguredSummary {
  provider: string;
  display_name: string;
  category: Category;
  status: Status;
  lifecycle: Lifecycle;
  enabled: boolean;
  credential_name: string;
  credential_id: string;
  /** The last success, RFC 3339 UTC; `null` where there was none. */
  last_validated_at: string | null;
  /** The last attempt. */
  last_checked_at: string | null;
  expires_at: string | null;
  pipelines: Readiness[];
  created_at: string;
}

/** A provider that is not configured. */
export interface AbsentSummary {
  provider: string;
  display_name: string;
  category: Category;
  status: "NOT_CONFIGURED";
  lifecycle: "not_configured";
}

/** One whose stored row failed its checks: it is there, and nothing more can be said of it. */
export interface UnreadableSummary {
  provider: string;
  display_name: string;
  category: Category;
  status: "PENDING";
  lifecycle: "error";
  code: "integrity";
}

export type IntegrationSummary = ConfiguredSummary | AbsentSummary | UnreadableSummary;

/** One integration in full: everything but its secret. */
export interface IntegrationInfo {
  org_slug: string;
  provider: string;
  display_name: string;
  category: Category;
  status: Status;
  lifecycle: Lifecycle;
  enabled: boolean;
  credential_id: string;
  credential_name: string;
  credential_type: string;
  /** First 8 hex characters of the secret's SHA-256. */
  fingerprint: string | null;
  key_version: string | null;
  metadata: Record<string, unknown>;
  validation: {
    outcome: Outcome | null;
    code: string | null;
    message: string;
    remedy: string | null;
    details: VerdictDetails | null;
  };
  capabilities: Capability[];
  pipelines: Readiness[];
  last_validated_at: string | null;
  last_checked_at: string | null;
  expires_at: string | null;
  deactivation_scheduled_at: string | null;
  created_at: string;
  updated_at: string;
  created_by: string;
}

/** What was seen at the provider. */
export type VerdictDetails = { connection: string; permissions: string; message?: string } & Facts;

/** One version or change of status. */
export interface HistoryItem {
  type: string;
  at: string;
  credential_id: string;
  status: Status | null;
  key_version: string | null;
  fingerprint: string | null;
  actor: string;
}

/** What to create at a provider, rendered for one organisation. */
export interface Instructions {
  org_slug: string;
  provider: string;
  display_name: string;
  credential_type: string;
  steps: string[];
  fields: Array<{
    name: string;
    label: string;
    secret: boolean;
    example?: string;
    optional: boolean;
    help?: string;
  }>;
  settings: Array<{
    name: string;
    label: string;
    kind: string;
    required: boolean;
    example: string;
    help?: string;
    options?: string[];
  }>;
  /** Policies and command lines, ready to paste. */
  snippets: Array<{ id: string; title: string; language: string; text: string }>;
  notes: string[];
  docs_url: string | null;
  setup: { method: "POST"; path: string };
}

/** One provider of the registry: enough to draw its form. */
export interface Provider {
  code: string;
  /** The preferred path segment; `custom-{slug}` where the caller names it. */
  path: string;
  aliases: string[];
  /** The path segment that it shares with others; `null` where it stands alone. */
  family: string | null;
  display_name: string;
  category: Category;
  credential_type: string;
  fields: ProviderField[];
  /** Patterns of credentials that are clearly its own, wherever they are pasted. */
  recognise: string[];
  /** The credential may be given as a JSON document: as an object, as text or as base64. */
  document: boolean;
  metadata: ProviderSetting[];
  capabilities: Array<{ id: string; label: string }>;
  pipelines: Array<{ id: string; all_of: string[]; any_of: string[] }>;
  setup_help: string[];
  cannot_know: string[];
  docs_url: string | null;
}

export interface ProviderField {
  name: string;
  label: string;
  secret: boolean;
  /** What a form may hold the value to; `null` where only the service can. */
  pattern: string | null;
  example: string | null;
  optional: boolean;
  help: string | null;
  kind: string;
  options: string[] | null;
}

export interface ProviderSetting {
  name: string;
  label: string;
  kind: string;
  pattern: string | null;
  options: string[] | null;
  min: number | null;
  /** Largest number, or most elements of a list. */
  max: number | null;
  example: string;
  help: string | null;
  required: boolean;
  /** What each element of a list holds. */
  items?: Array<Omit<ProviderSetting, "items">>;
}

/** How one item of an import ended. */
export interface ImportItemResult {
  index: number;
  provider: string;
  status: "completed" | "failed" | "not_attempted";
  code?: string;
  error?: string;
  errors?: FieldError[];
  remedy?: string;
  credential_id?: string;
}

/** A short-lived stand-in for the credential. */
export type ShortLivedToken =
  | { type: "access_token"; access_token: string; expires_at: string }
  | {
      type: "aws_session";
      access_key_id: string;
      secret_access_key: string;
      session_token: string;
      expires_at: string;
    };

/**
 * A credential for a pipeline. `credential` and `token` print as a note, not as what they hold. A copy of them (spread,
 * `structuredClone`, JSON) and an inspection with `customInspect: false` show it.
 */
export interface DecryptedCredential {
  org_slug: string;
  provider: string;
  credential_id: string;
  credential_type: string;
  /** The provider's fields by name; `null` unless asked `as: "secret"`. */
  credential: Record<string, string> | null;
  /** Only where asked `as: "token"`. */
  token?: ShortLivedToken;
  metadata: Record<string, unknown>;
  fingerprint: string | null;
  key_version: string | null;
  validation_status: Status;
  last_validated_at: string | null;
  capabilities: Capability[];
  pipelines: Readiness[];
  expires_at: string | null;
  cache: "hit" | "miss";
  cache_max_age_s: number;
}
