import type { FaultCode, FieldError } from "../contract/fault.ts";
import type { Capability, Outcome, Readiness, Status } from "../contract/verdict.ts";
import type {
  HistoryItem,
  ImportItemResult,
  Instructions,
  IntegrationInfo,
  IntegrationSummary,
  Provider,
  VerdictDetails,
} from "./answers.ts";

/** What only the client can find: no answer at all, none in time, one that is not the service's, an import in part. */
export type ClientCode = "no_answer" | "timeout" | "not_this_service" | "import_incomplete";

/** Why a call did not succeed. Plain data, so that a server action can hand it on; never a secret. */
export interface Failure {
  success: false;
  /** What happened, for people. */
  error: string;
  code: FaultCode | ClientCode;
  /** The HTTP status, 0 where there was no answer. */
  status: number;
  /** Whether the same call may succeed later without a change. */
  retryable: boolean;
  /** What to do about it. */
  remedy?: string;
  /** A machine word that narrows the code: timeout, leaked, region_blocked, not_connected, … */
  reason?: string;
  /** The provider's code. */
  provider?: string;
  /** What is wrong, by field: a JSON Pointer into the body, `header:Name` or `query:name`. */
  errors?: FieldError[];
  /** Whole seconds until another call makes sense. */
  retryAfterS?: number;
  /** What to name to the operators. */
  requestId?: string;
}

/** A credential was stored. */
export interface Stored {
  success: true;
  message: string;
  provider: string;
  credentialId: string;
  validationStatus: Status;
  capabilities: Capability[];
  pipelines: Readiness[];
  warnings: string[];
  /** The version that was stored, for `ifMatch`. */
  etag: string | null;
}

/** What the provider said of a credential, where nothing was stored. */
export interface Checked {
  message: string;
  provider: string;
  validationStatus: Status;
  outcome: Outcome;
  details: VerdictDetails;
  capabilities: Capability[];
  pipelines: Readiness[];
  warnings: string[];
  /** The last success, RFC 3339 UTC. */
  lastValidatedAt: string | null;
  lastCheckedAt: string;
}

/** A verdict, good or bad, or why there is none: then only `Failure`'s members are there. */
export type ValidateResult = ({ success: true } & Checked) | (Failure & Partial<Checked>);
export type StoreResult = Stored | Failure;
/** With `dryRun` nothing is stored: the members of a verdict, and no credential. */
export type SetupResult = Stored | ({ success: true; dryRun: true; credentialId?: undefined } & Checked) | Failure;
export type ListResult =
  | {
      success: true;
      org_slug: string;
      /** By the provider's code. */
      integrations: Record<string, IntegrationSummary>;
      all_valid: boolean;
      all_configured_valid: boolean;
      providers_configured: string[];
    }
  | Failure;
export type StatusResult = { success: true; integration: IntegrationInfo; etag: string | null } | Failure;
export type DeleteResult = { success: true; message: string; deactivationScheduledAt?: string } | Failure;
/** `success` only where every item was completed; `results` wherever the service has looked at the items. */
export type ImportResult =
  | { success: true; dryRun: boolean; results: ImportItemResult[] }
  | (Failure & { dryRun?: boolean; results?: ImportItemResult[] });
export type ProvidersResult = { success: true; providers: Provider[] } | Failure;
export type InstructionsResult = { success: true; instructions: Instructions } | Failure;
export type HistoryResult = { success: true; items: HistoryItem[]; nextCursor: string | null } | Failure;
export type ReportResult = { success: true; message: string } | Failure;
