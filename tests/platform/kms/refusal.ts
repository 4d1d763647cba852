import { type Answer, googleError } from "../http-simulator.ts";

/** Google's canonical codes that the bench answers with: number over gRPC, HTTP status over REST. */
const canonical = {
  INVALID_ARGUMENT: { number: 3, http: 400 },
  DEADLINE_EXCEEDED: { number: 4, http: 504 },
  NOT_FOUND: { number: 5, http: 404 },
  PERMISSION_DENIED: { number: 7, http: 403 },
  RESOURCE_EXHAUSTED: { number: 8, http: 429 },
  FAILED_PRECONDITION: { number: 9, http: 400 },
  ABORTED: { number: 10, http: 409 },
  INTERNAL: { number: 13, http: 500 },
  UNAVAILABLE: { number: 14, http: 503 },
  UNAUTHENTICATED: { number: 16, http: 401 },
} as const;
export type RefusalCode = keyof typeof canonical;

/** An error that a service answers with, the same over both transports. */
export class Refusal extends Error {
  override readonly name = "Refusal";
  readonly code: RefusalCode;
  readonly details: object[];

  constructor(code: RefusalCode, message: string, details: object[] = []) {
    super(message);
    this.code = code;
    this.details = details;
  }

  /** Over gRPC. */
  get number(): number {
    return canonical[this.code].number;
  }

  /** Over REST. */
  get answer(): Answer {
    return googleError(canonical[this.code].http, this.code, this.message, this.details);
  }
}

export function unauthenticated(): Refusal {
  return new Refusal(
    "UNAUTHENTICATED",
    "Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or other valid authentication credential. See https://developers.google.com/identity/sign-in/web/devconsole-project.",
  );
}

/** `reason`, `domain` and metadata as IAM gives them. */
export function denied(domain: string, permission: string, resource: string, message: string): Refusal {
  return new Refusal("PERMISSION_DENIED", message, [
    {
      "@type": "type.googleapis.com/google.rpc.ErrorInfo",
      reason: "IAM_PERMISSION_DENIED",
      domain,
      metadata: { permission, resource },
    },
  ]);
}
