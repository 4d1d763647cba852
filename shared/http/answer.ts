import { type Fault, faults } from "../contract/fault.ts";

/** What a handler gives back; the endpoint adds the headers that every answer has. */
export interface Answer {
  status: number;
  body: unknown;
  headers?: Record<string, string>;
}

/** 200 with a body. */
export function ok(body: unknown, headers: Record<string, string> = {}): Answer {
  return { status: 200, body, headers };
}

/** A fault as RFC 9457 problem document, with the sources' `success` and `error`. Nothing of `cause` is shown. */
export function problem(fault: Fault, requestId: string): Answer {
  const { title, status } = faults[fault.code];
  const { provider, errors, reason, remedy, retryAfterS, allow } = fault.details;
  const headers: Record<string, string> = { "content-type": "application/problem+json" };
  if (retryAfterS !== undefined) headers["retry-after"] = String(retryAfterS);
  if (allow) headers["allow"] = allow.join(", ");
  return {
    status,
    headers,
    body: {
      type: `urn:cloudact:problem:${fault.code}`,
      title,
      status,
      detail: fault.message,
      code: fault.code,
      request_id: requestId,
      success: false,
      error: fault.message,
      ...(provider === undefined ? {} : { provider }),
      ...(errors === undefined ? {} : { errors }),
      ...(reason === undefined ? {} : { reason }),
      ...(remedy === undefined ? {} : { remedy }),
      ...(retryAfterS === undefined ? {} : { retry_after_s: retryAfterS }),
    },
  };
}
