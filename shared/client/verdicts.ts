import type { Capability, Outcome, Readiness, Status } from "../contract/verdict.ts";
import type { VerdictDetails } from "./answers.ts";
import { failure } from "./failure.ts";
import type { Answered } from "./read-answer.ts";
import type { Checked, Failure, Stored } from "./results.ts";

/** What setup, update and rotate answer. */
export interface StoredAnswer {
  success: true;
  provider: string;
  credential_id: string;
  validation_status: Status;
  message: string;
  capabilities: Capability[];
  pipelines: Readiness[];
  warnings: string[];
}

/** What validate answers, and setup where nothing shall be stored. */
export interface VerdictAnswer {
  success: boolean;
  provider: string;
  validation_status: Status;
  message: string;
  details: VerdictDetails;
  outcome: Outcome;
  code?: Failure["code"];
  reason?: string;
  remedy?: string;
  capabilities: Capability[];
  pipelines: Readiness[];
  warnings: string[];
  last_validated_at: string | null;
  last_checked_at: string;
  dry_run?: true;
}

export function storedOf({ etag, body }: Answered<StoredAnswer>): Stored {
  const { credential_id, validation_status, ...shown } = body;
  return { ...shown, credentialId: credential_id, validationStatus: validation_status, etag };
}

/** A verdict as a result: a bad one is a failure that says what was seen besides. */
export function checkedOf({
  status,
  body,
}: Answered<VerdictAnswer>): ({ success: true } & Checked) | (Failure & Checked) {
  const { success, code, validation_status, last_validated_at, last_checked_at, dry_run, ...shown } = body;
  const checked = {
    ...shown,
    validationStatus: validation_status,
    lastValidatedAt: last_validated_at,
    lastCheckedAt: last_checked_at,
  };
  if (success) return { success, ...checked };
  const isDefinite = ["rejected", "expired", "forbidden"].includes(shown.outcome);
  const failed = { status, retryable: !isDefinite };
  return { ...failure(code ?? "credential_rejected", shown.message, failed), ...checked };
}
