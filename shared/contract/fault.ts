/**
 * Every way a request can fail, in one table. A row is the whole policy of its code: the HTTP status, whether the
 * same request may succeed later, the title, and the text shown when the thrower has none of its own (`{provider}`
 * is replaced by the display name). Codes are API: add rows freely, never rename one.
 */
export const faults = {
  request_malformed: {
    status: 400,
    retryable: false,
    title: "The request does not match its contract",
    text: "The request is malformed",
  },
  org_key_invalid: {
    status: 401,
    retryable: false,
    title: "The API key is missing or not recognised",
    text: "Organization API key not found",
  },
  caller_invalid: {
    status: 401,
    retryable: false,
    title: "The identity token was not accepted",
    text: "Identity token not accepted",
  },
  forbidden: {
    status: 403,
    retryable: false,
    title: "This caller may not do this here",
    text: "Not allowed for this organization",
  },
  scope_insufficient: {
    status: 403,
    retryable: false,
    title: "The API key's scope does not reach",
    text: "This operation needs an API key with the scope manage",
  },
  route_unknown: { status: 404, retryable: false, title: "There is no such route", text: "Route not found" },
  provider_unknown: {
    status: 404,
    retryable: false,
    title: "The provider is not in the registry",
    text: "Provider not found: add it to the registry",
  },
  not_configured: {
    status: 404,
    retryable: false,
    title: "The integration is not configured",
    text: "{provider} is not configured",
  },
  method_not_allowed: {
    status: 405,
    retryable: false,
    title: "The route exists, the method does not",
    text: "Method not allowed",
  },
  credential_not_usable: {
    status: 409,
    retryable: false,
    title: "The credential cannot be used",
    text: "The credential of {provider} cannot be used",
  },
  conflict: {
    status: 409,
    retryable: true,
    title: "Something changed meanwhile",
    text: "A newer version was stored meanwhile",
  },
  in_flight: {
    status: 409,
    retryable: true,
    title: "The same request is still running",
    text: "A request with the same Idempotency-Key is still running",
  },
  already_exists: {
    status: 412,
    retryable: false,
    title: "The integration exists",
    text: "Integration already exists for {provider}",
  },
  precondition_failed: {
    status: 412,
    retryable: false,
    title: "The precondition does not hold",
    text: "The integration is at another version than If-Match names",
  },
  payload_too_large: {
    status: 413,
    retryable: false,
    title: "The body is too large",
    text: "The body is larger than 128 KiB",
  },
  media_type: {
    status: 415,
    retryable: false,
    title: "The body's type is not taken",
    text: "Send application/json without Content-Encoding",
  },
  credential_format: {
    status: 422,
    retryable: false,
    title: "The credential's format is wrong",
    text: "Invalid API key format for {provider}",
  },
  credential_rejected: {
    status: 422,
    retryable: false,
    title: "The provider refused the credential",
    text: "{provider} API key is invalid or expired",
  },
  permission_missing: {
    status: 422,
    retryable: false,
    title: "The credential lacks permissions",
    text: "Service account lacks required permissions",
  },
  trust_policy_too_wide: {
    status: 422,
    retryable: false,
    title: "The role trusts more than this organisation",
    text: "The role's trust policy is too wide",
  },
  token_unsupported: {
    status: 422,
    retryable: false,
    title: "No short-lived token is available",
    text: "{provider} offers no short-lived stand-in for this credential",
  },
  idempotency_reuse: {
    status: 422,
    retryable: false,
    title: "The Idempotency-Key was used with another body",
    text: "This Idempotency-Key was used with another body",
  },
  too_many_requests: { status: 429, retryable: true, title: "Too many requests", text: "Too many requests" },
  internal: { status: 500, retryable: false, title: "The service failed", text: "Internal error" },
  integrity: {
    status: 500,
    retryable: false,
    title: "A stored credential failed its checks",
    text: "The stored credential failed its integrity checks; nothing was returned",
  },
  provider_unreachable: {
    status: 502,
    retryable: true,
    title: "The provider gave no usable answer",
    text: "Unable to connect to {provider}",
  },
  provider_rate_limited: {
    status: 503,
    retryable: true,
    title: "The provider limits our requests",
    text: "{provider} rate limit exceeded during validation",
  },
  encryption_failed: {
    status: 503,
    retryable: true,
    title: "Encryption is not available",
    text: "Credential encryption failed",
  },
  key_unavailable: {
    status: 503,
    retryable: true,
    title: "The key cannot be used now",
    text: "The encryption key cannot be used now",
  },
  store_unavailable: {
    status: 503,
    retryable: true,
    title: "The store is not available",
    text: "The credential store is not available",
  },
  audit_unavailable: {
    status: 503,
    retryable: true,
    title: "The audit log is not available",
    text: "The audit log cannot be written, so nothing was released",
  },
} as const satisfies Record<string, { status: number; retryable: boolean; title: string; text: string }>;

export type FaultCode = keyof typeof faults;

/** One field at fault: an RFC 6901 JSON Pointer into the body (or `header:Name`, `query:name`) and what is wrong. */
export interface FieldError {
  field: string;
  message: string;
}

/** What a fault may tell the caller besides its code. No member ever holds a credential or a provider's own text. */
export interface FaultDetails {
  detail?: string;
  /** The provider's code, shown in the field `provider`. */
  provider?: string;
  /** The provider's display name, for `{provider}` in texts; the code where left out. */
  providerName?: string;
  errors?: FieldError[];
  /** A machine word that narrows the code down: timeout, region_blocked, leaked, … */
  reason?: string;
  remedy?: string;
  /** Whole seconds until another try makes sense. */
  retryAfterS?: number;
  /** Methods the route takes, for the header Allow. */
  allow?: string[];
  /** The credential it is about, for the audit record only. */
  credentialId?: string;
  cause?: unknown;
}

/** A known failure. Everything but `cause` reaches the caller. */
export class Fault extends Error {
  override readonly name = "Fault";
  readonly code: FaultCode;
  readonly details: FaultDetails;

  constructor(code: FaultCode, details: FaultDetails = {}) {
    const text = details.detail ?? faults[code].text;
    super(text.replaceAll("{provider}", details.providerName ?? details.provider ?? "The provider"), {
      cause: details.cause,
    });
    this.code = code;
    this.details = details;
  }

  get status(): number {
    return faults[this.code].status;
  }
}

/** A body (`""` for the whole of it) or parameter that does not match its contract, by field. */
export function malformed(field: string, message: string, remedy?: string): Fault {
  return new Fault("request_malformed", {
    detail: `${field.replace(/:$/, "") || "body"}: ${message}`,
    errors: [{ field, message }],
    ...(remedy ? { remedy } : {}),
  });
}
