import type { FieldError } from "../contract/fault.ts";
import type { Failure } from "./results.ts";

/** A credential that could not be had, with the members of a `Failure`. Neither message nor members hold a secret. */
export class IntegrationError extends Error {
  override readonly name = "IntegrationError";
  readonly code: Failure["code"];
  /** The HTTP status, 0 where there was no answer. */
  readonly status: number;
  /** Whether the same call may succeed later without a change. */
  readonly retryable: boolean;
  readonly remedy: string | undefined;
  readonly reason: string | undefined;
  readonly provider: string | undefined;
  readonly errors: FieldError[] | undefined;
  readonly retryAfterS: number | undefined;
  readonly requestId: string | undefined;

  constructor(failure: Failure) {
    super(failure.remedy === undefined ? failure.error : `${failure.error}. ${failure.remedy}`);
    this.code = failure.code;
    this.status = failure.status;
    this.retryable = failure.retryable;
    this.remedy = failure.remedy;
    this.reason = failure.reason;
    this.provider = failure.provider;
    this.errors = failure.errors;
    this.retryAfterS = failure.retryAfterS;
    this.requestId = failure.requestId;
  }
}
