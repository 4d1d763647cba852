import type { Category } from "./answers.ts";

/** The functions that a client can call; each may have an address of its own. */
export type CalledFunction = "setup" | "validate" | "list" | "get" | "update" | "delete" | "decrypt";

export interface ClientOptions {
  /**
   * Where all routes answer, with the prefix: `https://integrations.example.com/api/v1/integrations`. In a browser it may
   * be a path. Default: the variable INTEGRATIONS_URL, else `http://127.0.0.1:8000/api/v1/integrations`, unless `urls` are given.
   */
  baseUrl?: string | URL;
  /** The functions' own addresses, as the deployment prints them; what is left out is asked at `baseUrl`. */
  urls?: Partial<Record<CalledFunction, string | URL>>;
  /** The organisation's key, or where to get it. Default: the variable INTEGRATIONS_API_KEY. */
  apiKey?: string | ((orgSlug: string) => string | null | undefined | Promise<string | null | undefined>);
  /**
   * A pipeline's identity token, or where to get one for an audience. Default: the variable INTEGRATIONS_TOKEN, else the
   * metadata server of Google Cloud.
   */
  identityToken?: string | ((audience: string) => string | Promise<string>);
  /** The audience that the decrypt function wants; default `cloudact-integrations-decrypt`. */
  audience?: string;
  /** The audience that Cloud Run wants before it; default the origin of the decrypt function's address. */
  platformAudience?: string;
  /** In place of the global `fetch`. */
  fetch?: (url: string, init: RequestInit) => Promise<Response>;
  /** Milliseconds that one try may take; default 30,000. An import may always take 90,000. */
  timeoutMs?: number;
  /** Milliseconds that a call may take with its key or token, all its tries and waits; default three times `timeoutMs`. */
  totalTimeoutMs?: number;
  /** How often a call is tried again where that is safe; default 2. */
  retries?: number;
}

/** What every call takes. */
export interface CallOptions {
  /** Ends the call at once, between tries as well; the call then throws the signal's reason. */
  signal?: AbortSignal;
}

/** What a call that stores takes besides. */
export interface ChangeOptions extends CallOptions {
  /** Only if the stored version has this `etag`. */
  ifMatch?: string;
  /** One key for one intent, 1-255 printable characters; by default each call has its own, kept over its tries. */
  idempotencyKey?: string;
}

/** The key as text, or an object of the provider's fields; of a JSON credential, the document as object, text or base64. */
export type Credential = string | Record<string, unknown>;

export interface SetupRequest extends ChangeOptions {
  orgSlug: string;
  /** As in a path: `openai`, `gcp`, `custom-miro`. */
  provider: string;
  /** Left out for subscriptions, which have none. */
  credential?: Credential;
  credentialName?: string;
  metadata?: Record<string, unknown>;
  /** RFC 3339, or a date for its last second. */
  expiresAt?: string;
  /** Store as PENDING without asking the provider. */
  skipValidation?: boolean;
  /** Ask the provider and store nothing. */
  dryRun?: boolean;
  /** Only if nothing is configured yet. */
  createOnly?: boolean;
}

/** At least one of the settings. */
export interface UpdateRequest extends ChangeOptions {
  orgSlug: string;
  provider: string;
  credential?: Credential;
  credentialName?: string;
  /** Merged by key; `null` removes a key. */
  metadata?: Record<string, unknown>;
  enabled?: boolean;
  /** `null` removes the declared expiry. */
  expiresAt?: string | null;
  /** When to stop; `null` cancels. */
  deactivationScheduledAt?: string | null;
}

export interface RotateRequest extends ChangeOptions {
  orgSlug: string;
  provider: string;
  credential: Credential;
}

export interface ImportItem {
  provider: string;
  credential?: Credential;
  credentialName?: string;
  metadata?: Record<string, unknown>;
}

export interface ImportRequest extends CallOptions {
  orgSlug: string;
  /** 1 to 100, each provider once. */
  items: readonly ImportItem[];
  /** Ask all providers and store nothing. */
  dryRun?: boolean;
  idempotencyKey?: string;
}

export interface ListOptions extends CallOptions {
  category?: Category;
  /** Only configured ones, or only the others. */
  configured?: boolean;
  /** Only those that expire within so many days, 1 to 999. */
  expiringWithinDays?: number;
}

export interface DeleteOptions extends CallOptions {
  ifMatch?: string;
  /** Delete then instead of now: RFC 3339, or a date for its last second. */
  deactivationScheduledAt?: string;
}

export interface HistoryOptions extends CallOptions {
  /** 1 to 200, default 50. */
  limit?: number;
  /** `nextCursor` of the page before. */
  cursor?: string;
}

export interface DecryptRequest extends CallOptions {
  orgSlug: string;
  provider: string;
  /** The pipeline's id in the registry, like `genai.payg_usage`. */
  pipeline: string;
  /** Which run it is for; it stands in the audit log. */
  runId: string;
  /** The secret (default), a short-lived stand-in where the provider has one, or everything but the secret. */
  as?: "secret" | "token" | "none";
}

export interface FailureReport extends CallOptions {
  orgSlug: string;
  provider: string;
  /** `credential_id` of the credential that the provider refused. */
  credentialId: string;
  pipeline: string;
  runId: string;
  /** What the provider answered. */
  httpStatus?: number;
}
