import type { Kind } from "./statement.ts";

/** Selects statements: all that is named must fit. A regular expression alone is matched against the SQL text. */
export interface Match {
  sql?: RegExp;
  kind?: Kind | readonly Kind[];
  /** `dataset.table`, written to or read. */
  table?: string;
  /** Email of the service account. */
  identity?: string;
}

/** What can go wrong, each as the client sees it. */
export type FaultKind =
  | "unavailable" // 503 backendError; nothing ran
  | "internal" // 500 internalError; nothing ran
  | "html" // 502 and a page of a proxy; nothing ran
  | "reset_before" // the socket dies; nothing ran
  | "slow" // answers late
  | "reset_after" // ran; the reply is cut within its body
  | "timeout_after_commit" // ran; the reply never comes
  | "truncated" // ran; 200 with JSON that ends too early, the connection in order
  | "garbage" // ran; 200 with JSON that is no reply of BigQuery: the client's promise never settles
  | "missing_rows" // a SELECT ran; the reply says how many rows and holds none
  | "stale_read" // a SELECT sees the state before the last write
  | "serialization" // 400 invalidQuery, could not serialize
  | "too_many_dml" // 400 invalidQuery, too many DML statements outstanding
  | "rate_limit_403" // 403 rateLimitExceeded
  | "job_rate_limit_400" // 400 jobRateLimitExceeded
  | "quota_403" // 403 quotaExceeded
  | "streaming_buffer" // 400 invalidQuery, rows in the streaming buffer
  | "no_job_reference" // ran; the reply has a queryId and no jobReference, also where a job was asked for
  | "pending" // ran; jobComplete false first, the result when asked for
  | "pending_forever" // jobComplete false, again and again; the statement did run
  | "job_error"; // jobComplete false, then the job has failed; nothing ran

export type Fault =
  | FaultKind
  /** Milliseconds before the statement runs; 200 without it. */
  | { kind: "slow"; ms: number }
  /** How often a caller who asks for the results is told "not yet"; 1 without it. */
  | { kind: "pending"; polls: number };

export interface Chaos {
  seed?: number;
  /** Share of statements that a fault befalls, 0 to 1. */
  rate: number;
  kinds: readonly FaultKind[];
  /** Only these; every statement without it. */
  match?: Match | RegExp;
}

export type HoldPoint = "arrival" | "snapshot" | "reply";

/** One statement stopped on its way. */
export interface Hold {
  /** Settles when a statement has arrived at the point where it stops; rejects when `clear` or `reset` comes first. */
  readonly arrived: Promise<void>;
  /** Lets it go on. Before its arrival: it will not stop. */
  release(): void;
  /** Settles when it has run and its reply is on the way. */
  readonly done: Promise<void>;
}

export interface Faults {
  /** The next `times` (1) statements that match meet this fault. Scripted faults go before chaos, in their order. */
  next(match: Match | RegExp, fault: Fault, times?: number): void;
  /** A fault at random, until `clear` or `reset`. */
  chaos(settings: Chaos): void;
  /**
   * Stops the next statement that matches between its snapshot and its commit (`snapshot`, see hold.ts), before it has
   * read anything (`arrival`), or after its commit and before its reply (`reply`).
   */
  hold(match: Match | RegExp, at?: HoldPoint): Hold;
  /** What has struck so far, in order. */
  struck(): readonly { kind: FaultKind; sql: string }[];
  /** Scripted faults that have not struck. */
  waiting(): number;
  /** No further faults; statements that are held go on. */
  clear(): void;
}
