import type { Clock } from "../../ports/clock.ts";

/** The status codes of Google's APIs by number, the same over gRPC and REST. Source: google-gax 6.17.0, `status.js`. */
const codes = [
  "OK",
  "CANCELLED",
  "UNKNOWN",
  "INVALID_ARGUMENT",
  "DEADLINE_EXCEEDED",
  "NOT_FOUND",
  "ALREADY_EXISTS",
  "PERMISSION_DENIED",
  "RESOURCE_EXHAUSTED",
  "FAILED_PRECONDITION",
  "ABORTED",
  "OUT_OF_RANGE",
  "UNIMPLEMENTED",
  "INTERNAL",
  "UNAVAILABLE",
  "DATA_LOSS",
  "UNAUTHENTICATED",
] as const;
export type GoogleCode = (typeof codes)[number];

/** Answers that asking again does not change. Everything else may be weather. */
const definite: ReadonlySet<GoogleCode> = new Set<GoogleCode>([
  "INVALID_ARGUMENT",
  "NOT_FOUND",
  "ALREADY_EXISTS",
  "PERMISSION_DENIED",
  "FAILED_PRECONDITION",
  "OUT_OF_RANGE",
  "UNIMPLEMENTED",
  "UNAUTHENTICATED",
]);

/**
 * Why a call of Google's API gave nothing that may be used. The clients' own errors hold requests, tokens and
 * plaintext: only their code is read, and whether Google itself has spoken; none of them is kept as a cause.
 */
export class CallFailure extends Error {
  override readonly name = "CallFailure";
  /** `MISMATCH`: an answer came and its checksums or names do not fit. */
  readonly code: GoogleCode | "MISMATCH";
  /** Whether another try may end otherwise. */
  readonly transient: boolean;
  /** How often the call was sent. */
  readonly tries: number;

  constructor(code: GoogleCode | "MISMATCH", tries: number = 0, what: string = code) {
    super(what);
    this.code = code;
    this.transient = code === "MISMATCH" || !definite.has(code);
    this.tries = tries;
  }
}

/** For an answer that must be thrown away. `what` is a word of ours. */
export function mismatch(what: string): CallFailure {
  return new CallFailure("MISMATCH", 0, what);
}

/**
 * The failure behind whatever a client has thrown. What is no answer of Google's (a front's HTML page with status 400,
 * an error without a status) is UNAVAILABLE, and so may be tried again.
 */
export function failureOf(thrown: unknown): CallFailure {
  if (thrown instanceof CallFailure) return thrown;
  if (typeof thrown !== "object" || thrown === null || !("code" in thrown)) return new CallFailure("UNAVAILABLE");
  const code = typeof thrown.code === "number" ? codes[thrown.code] : undefined;
  if (code === undefined || code === "OK") return new CallFailure("UNAVAILABLE");
  if (!definite.has(code)) return new CallFailure(code);
  if (!spokenByGoogle(thrown)) return new CallFailure("UNAVAILABLE");
  return code === "INVALID_ARGUMENT" && isChecksumRefusal(thrown)
    ? mismatch("request checksum")
    : new CallFailure(code);
}

/**
 * Over gRPC an error's `details` is its text; over REST it is an array where the body was an error of Google's, and
 * missing where the client could make nothing of the body.
 */
function spokenByGoogle(thrown: object): boolean {
  return "details" in thrown && (typeof thrown.details === "string" || Array.isArray(thrown.details));
}

/** "The checksum in field … did not match": what was sent has changed on its way. */
function isChecksumRefusal(thrown: object): boolean {
  return "message" in thrown && typeof thrown.message === "string" && /\bchecksum in field\b/i.test(thrown.message);
}

/** How much patience a call has. */
export interface Patience {
  /** How often it is sent at most. */
  tries: number;
  /** How many answers whose checksums do not fit are thrown away before it is given up. */
  mismatches: number;
  /** For one try, milliseconds. */
  tryMs: number;
  /** For all tries and the waits between them, milliseconds. */
  totalMs: number;
  /** RESOURCE_EXHAUSTED is not tried again: the quota is left to others. */
  givesWay?: boolean;
}

const SHORTEST_WAIT_MS = 50;
const LONGEST_WAIT_MS = 800;
/** With less time left than this no further try is begun. */
const SHORTEST_TRY_MS = 100;

/** One try: it has `timeoutMs`, after which the signal ends it. */
export type Try<Reply> = (timeoutMs: number, signal: AbortSignal) => Promise<Reply>;

/**
 * Sends a call until it is answered: a try that fails in passing is repeated after a random wait between 50 ms and a
 * ceiling that doubles from 100 to 800 ms. A reply that comes after its try was given up goes to `discard`.
 *
 * @throws CallFailure the last one, with the number of tries
 */
export async function insist<Reply>(
  patience: Patience,
  clock: Clock,
  random: () => number,
  attempt: Try<Reply>,
  discard: (late: Reply) => void = () => {},
): Promise<Reply> {
  const startedAt = clock.monotonic();
  const leftMs = () => patience.totalMs - (clock.monotonic() - startedAt);
  let mismatches = 0;
  for (let tries = 1; ; tries += 1) {
    try {
      return await within(Math.min(patience.tryMs, leftMs()), attempt, discard);
    } catch (thrown) {
      const failure = failureOf(thrown);
      if (failure.code === "MISMATCH") mismatches += 1;
      const ceiling = Math.min(LONGEST_WAIT_MS, SHORTEST_WAIT_MS * 2 ** tries);
      const waitMs = SHORTEST_WAIT_MS + random() * (ceiling - SHORTEST_WAIT_MS);
      const enough =
        !failure.transient ||
        (patience.givesWay === true && failure.code === "RESOURCE_EXHAUSTED") ||
        tries >= patience.tries ||
        mismatches >= patience.mismatches ||
        leftMs() < waitMs + SHORTEST_TRY_MS;
      if (enough) throw new CallFailure(failure.code, tries, failure.message);
      await clock.sleep(waitMs);
    }
  }
}

/** The clients' own deadline does not cover the token that they fetch first, so each try is bounded here as well. */
function within<Reply>(timeoutMs: number, attempt: Try<Reply>, discard: (late: Reply) => void): Promise<Reply> {
  const outcome = Promise.withResolvers<Reply>();
  const late = new AbortController();
  const timer = setTimeout(() => {
    outcome.reject(new CallFailure("DEADLINE_EXCEEDED"));
    late.abort();
  }, timeoutMs);
  attempt(timeoutMs, late.signal).then(
    (reply) => {
      if (late.signal.aborted) discard(reply);
      else outcome.resolve(reply);
    },
    (error: unknown) => outcome.reject(error),
  );
  return outcome.promise.finally(() => clearTimeout(timer));
}

/** The part of a client's options that says where it calls. `http:` is for tests, in plain text on one machine. */
export interface Place {
  apiEndpoint?: string;
  port?: number;
  protocol?: "http" | "https";
}

/** Options for an endpoint like `http://127.0.0.1:8080`; none for `null`, which leaves Google's own. */
export function placeOf(apiEndpoint: string | null): Place {
  if (apiEndpoint === null) return {};
  const { hostname, port, protocol } = new URL(apiEndpoint);
  const scheme = protocol === "http:" ? "http" : "https";
  return { apiEndpoint: hostname, port: port === "" ? (scheme === "http" ? 80 : 443) : Number(port), protocol: scheme };
}

/**
 * A client that is made at its first use and made anew where that failed: Google's clients remember a failed start (no
 * token to be had) for ever, and answer every later call with an unhandled rejection besides.
 */
export function connecting<Client>(connect: () => Promise<Client>): () => Promise<Client> {
  let client: Promise<Client> | null = null;
  return () => {
    if (client === null) {
      const fresh = connect();
      client = fresh;
      fresh.catch(() => {
        if (client === fresh) client = null;
      });
    }
    return client;
  };
}
