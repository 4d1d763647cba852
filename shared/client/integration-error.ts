import type { FieldError } from "../contract/fault.ts";
import type { Failure } from "./results.ts";

/** A credential that could not be had, with the members of a `Failure`. Neither message nor members hold a secret. */
export class IntegrationError extends Error {
  override readonly name = "IntegrationError";
  declare readonly code: Failure["code"];
  /** The HTTP status, 0 where there was no answer. */
  declare readonly status: number;
  /** Whether the same call may succeed later without a change. */
  declare readonly retryable: boolean;
  declare readonly remedy: string | undefined;
  declare readonly reason: string | undefined;
  declare readonly provider: string | undefined;
  declare readonly errors: FieldError[] | undefined;
  declare readonly retryAfterS: number | undefined;
  declare readonly requestId: string | undefined;

  constructor({ success, error, ...members }: Failure) {
    super(members.remedy === undefined ? error : `${error}. ${members.remedy}`);
    Object.assign(this, members);
  }
}
