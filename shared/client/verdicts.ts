import type { Capability, Outcome, Readiness, Status } from "../contract/verdict.ts";
import type { VerdictDetails } from "./answers.ts";
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
  const { success, message, provider, capabilities, pipelines, warnings } = body;
  const [credentialId, validationStatus] = [body.credential_id, body.validation_status];
  return { success, message, provider, credentialId, validationStatus, capabilities, pipelines, warnings, etag };
}

/** A verdict as a result: a bad one is a failure that says what was seen besides. */
export function checkedOf({
  status,
  body,
}: Answered<VerdictAnswer>): ({ success: true } & Checked) | (Failure & Checked) {
  const { message, provider, outcome, details, capabilities, pipelines, warnings, code, reason, remedy } = body;
  const checked = {
    message,
    provider,
    validationStatus: body.validation_status,
    outcome,
    details,
    capabilities,
    pipelines,
    warnings,
    lastValidatedAt: body.last_validated_at,
    lastCheckedAt: body.last_checked_at,
  };
  if (body.success) return { success: true, ...checked };
  const isDefinite = outcome === "rejected" || outcome === "expired" || outcome === "forbidden";
  return {
    success: false,
    error: message,
    code: code ?? "credential_rejected",
    status,
    retryable: !isDefinite,
    ...(reason === undefined ? {} : { reason }),
    ...(remedy === undefined ? {} : { remedy }),
    ...checked,
  };
}
