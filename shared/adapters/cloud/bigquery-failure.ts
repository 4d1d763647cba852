import { Fault } from "../../contract/fault.ts";
import { isRecord } from "../stored/json.ts";

/** Why a statement gave no result, in a word of ours, and what that says. */
interface Policy {
  /** Whether the statement may have taken effect all the same. */
  effect: "none" | "unknown";
  /** Whether it is sent again, within the statement's deadline. */
  again: boolean;
  /** Seconds until another request may fare better. */
  retryAfterS: number;
}

const policies = {
  /** Too many requests: this one was not looked at. */
  busy: { effect: "none", again: true, retryAfterS: 5 },
  /** Others write to the table: BigQuery has undone this statement, or has no room for it in the queue. */
  contended: { effect: "none", again: true, retryAfterS: 5 },
  /** The job has failed on BigQuery's side; a job is atomic. */
  job_failed: { effect: "none", again: true, retryAfterS: 5 },
  /** No usable answer: a broken connection, a server error, silence, or a reply that is not BigQuery's. */
  no_answer: { effect: "unknown", again: true, retryAfterS: 5 },
  /** No connection, or no token to open one with: nothing was sent. */
  not_sent: { effect: "none", again: true, retryAfterS: 5 },
  /** It still runs after all the patience there is. */
  still_running: { effect: "unknown", again: false, retryAfterS: 10 },
  /** A quota of the project for the day or the like: asking again at once spends more of it. */
  quota: { effect: "none", again: false, retryAfterS: 60 },
  /** Rows that were streamed in during the last 30 minutes cannot be changed. Nothing here streams. */
  streaming_buffer: { effect: "none", again: false, retryAfterS: 1_800 },
  /** The service account may not do this, or its rights have not arrived yet. */
  denied: { effect: "none", again: false, retryAfterS: 60 },
  /** A table, a view or a dataset is not there, or not in this location. */
  missing: { effect: "none", again: false, retryAfterS: 60 },
  closed: { effect: "none", again: false, retryAfterS: 5 },
  /** The statement itself is wrong, or larger than what BigQuery takes: a mistake of ours. */
  refused: { effect: "none", again: false, retryAfterS: 60 },
} as const satisfies Record<string, Policy>;

export type Word = keyof typeof policies;

/** A statement that gave no result. Holds a word of ours and nothing of what was sent or answered. */
export class Failure extends Error {
  override readonly name = "Failure";
  readonly word: Word;

  constructor(word: Word) {
    super(`BigQuery: ${word.replaceAll("_", " ")}`);
    this.word = word;
  }

  get policy(): Policy {
    return policies[this.word];
  }

  /** @param isUncertain whether the statement may have taken effect: by this attempt or one before it */
  fault(isUncertain: boolean): Fault {
    if (this.word === "refused" && !isUncertain) return new Fault("internal", { cause: this });
    return new Fault("store_unavailable", {
      reason: isUncertain && this.policy.effect === "none" ? "no_answer" : this.word,
      retryAfterS: this.policy.retryAfterS,
      cause: this,
    });
  }
}

/** What BigQuery says of itself passes by under several codes, so the words decide. Source: BigQuery, "Error messages". */
const sentences: ReadonlyArray<readonly [RegExp, Word]> = [
  [/could not serialize access|aborted due to concurrent update/i, "contended"],
  [/too many dml statements outstanding|dml statement has been queued for too long/i, "contended"],
  [/streaming buffer/i, "streaming_buffer"],
];

const reasons: Readonly<Record<string, Word>> = {
  rateLimitExceeded: "busy",
  userRateLimitExceeded: "busy",
  jobRateLimitExceeded: "job_failed",
  tableUnavailable: "busy",
  jobBackendError: "job_failed",
  jobInternalError: "job_failed",
  quotaExceeded: "quota",
  billingNotEnabled: "quota",
  blocked: "quota",
  accessDenied: "denied",
  notFound: "missing",
  responseTooLarge: "refused",
  backendError: "no_answer",
  internalError: "no_answer",
  timeout: "no_answer",
  stopped: "job_failed",
};

/** Errors of the machine's network before anything was sent. */
const unsent: ReadonlySet<string> = new Set(["ECONNREFUSED", "ENOTFOUND", "EAI_AGAIN", "EHOSTUNREACH", "ENETUNREACH"]);

/**
 * What an error of the client means. It holds requests, tokens and replies: its codes are read, its messages are
 * compared, and neither is kept.
 *
 * @param wasSent whether the request itself had been begun; a token that cannot be had ends a call before that
 */
export function failureOf(error: unknown, wasSent: boolean): Failure {
  if (!wasSent) return new Failure("not_sent");
  if (error instanceof Failure) return error;
  const { status, said } = readError(error);
  for (const { message } of said)
    for (const [words, word] of sentences) if (words.test(message)) return new Failure(word);
  for (const { reason } of said) {
    const word = Object.hasOwn(reasons, reason) ? reasons[reason] : undefined;
    if (word !== undefined) return new Failure(word);
  }
  if (status === null) return new Failure(isUnsent(error) ? "not_sent" : "no_answer");
  if (status === 401 || status === 403) return new Failure("denied");
  if (status === 404) return new Failure("missing");
  // A front's own page says nothing about the statement, whatever its number is.
  if (said.length === 0 || status === 408 || status === 429 || status >= 500 || status < 400)
    return new Failure("no_answer");
  return new Failure("refused");
}

/** The HTTP status, `null` where there was no answer, and what Google itself has said. */
function readError(error: unknown): { status: number | null; said: Array<{ reason: string; message: string }> } {
  if (!isRecord(error)) return { status: null, said: [] };
  const { code, errors } = error;
  const said = (Array.isArray(errors) ? errors : []).filter(isRecord).map(({ reason, message }) => ({
    reason: typeof reason === "string" ? reason : "",
    message: typeof message === "string" ? message : "",
  }));
  return { status: typeof code === "number" ? code : null, said };
}

function isUnsent(error: unknown): boolean {
  const { code } = isRecord(error) ? error : {};
  return typeof code === "string" && unsent.has(code);
}
