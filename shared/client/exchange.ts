import { failure } from "./failure.ts";
import { type Answered, readAnswer } from "./read-answer.ts";
import type { ClientOptions } from "./requests.ts";
import type { Failure } from "./results.ts";
import { within } from "./within.ts";

const TRY_MS = 30_000;
const RETRIES = 2;
const FIRST_PAUSE_MS = 250;
/** Our own pauses grow no further. */
const LONGEST_OWN_PAUSE_MS = 5_000;
/** What asks for a longer wait is answered to the caller instead, who knows whether to wait. */
const LONGEST_PAUSE_MS = 20_000;
/** What Node says where no connection came about; browsers do not tell. */
const UNSENT = /^(?:ECONNREFUSED|ENOTFOUND|EAI_AGAIN)$/;

/** One call, safe to repeat: it reads, or it carries a key by which the service knows it again. */
export interface Question {
  method: "GET" | "POST" | "PUT" | "DELETE";
  url: string;
  headers: Record<string, string>;
  /** JSON text. */
  body?: string | undefined;
  signal?: AbortSignal | undefined;
  /** A member of every success: what has it not is not the service's answer. */
  shows: string;
  /** The least that a try may take. */
  leastTryMs?: number;
  /** Whether it may be sent again, default true. */
  repeatable?: boolean;
  /** What the service says of a try where an earlier one has got through and its answer was lost. */
  doneBefore?: Failure["code"];
}

/** How long one try may take, and until when the call. */
export interface Limits {
  tryMs: number;
  /** Unix milliseconds. */
  endsAt: number;
}

export function limitsOf({ timeoutMs = TRY_MS, totalTimeoutMs }: ClientOptions, leastTryMs = 0): Limits {
  const tryMs = Math.max(timeoutMs, leastTryMs);
  return { tryMs, endsAt: Date.now() + Math.max(totalTimeoutMs ?? 3 * tryMs, leastTryMs) };
}

/**
 * Asks until there is an answer, tries or time are used up, or the caller gives up.
 *
 * @throws the signal's reason, at once, where it aborts
 */
export async function exchange<Body extends object>(
  options: ClientOptions,
  question: Question,
  { tryMs, endsAt }: Limits,
): Promise<Answered<Body> | Failure> {
  let triesLeft = question.repeatable === false ? -1 : (options.retries ?? RETRIES);
  let mayHaveArrived = false;
  for (let tries = 1; ; tries += 1) {
    const answer = await once<Body>(options, question, Math.min(tryMs, endsAt - Date.now()));
    if (answer.success) return answer;
    if (mayHaveArrived && answer.code === question.doneBefore)
      return { success: true, status: 200, etag: null, body: JSON.parse("{}") };
    mayHaveArrived ||= answer.status >= 500 || (answer.status === 0 && answer.reason !== "not_connected");
    const pauseMs = pauseAfter(tries, answer);
    if (pauseMs > LONGEST_PAUSE_MS || Date.now() + pauseMs >= endsAt || !mayRepeat(answer)) return answer;
    // The first try is still running at the service: its result is worth waiting for, however often.
    if (answer.code !== "in_flight") triesLeft -= 1;
    if (triesLeft < 0) return answer;
    await within(pauseMs, question.signal, () => new Promise(() => {}));
  }
}

/** What a provider did, the service has tried twice already; what it has decided will not change. */
function mayRepeat({ code, status }: Failure): boolean {
  return [0, 429, 503].includes(status) || code === "in_flight" || (code === "not_this_service" && status >= 500);
}

function pauseAfter(tries: number, { retryAfterS = 0 }: Failure): number {
  const own = Math.min(FIRST_PAUSE_MS * 2 ** tries, LONGEST_OWN_PAUSE_MS) * (0.5 + Math.random() / 2);
  return Math.max(own, retryAfterS * 1_000);
}

async function once<Body extends object>(
  { fetch: send = fetch }: ClientOptions,
  { method, url, headers, body, signal, shows }: Question,
  timeMs: number,
): Promise<Answered<Body> | Failure> {
  const answer = await within(timeMs, signal, async (ended) => {
    try {
      const init: RequestInit = { method, headers, cache: "no-store", redirect: "manual", signal: ended };
      return await readAnswer<Body>(await send(url, body === undefined ? init : { ...init, body }), shows);
    } catch (error) {
      // What fetch says may repeat a header; that there was no answer is all there is to tell.
      return failure("no_answer", "The service cannot be reached", {
        retryable: true,
        ...(isUnsent(error) && { reason: "not_connected" }),
        remedy: "Check the address and the network",
      });
    }
  });
  return answer ?? lateAfter(timeMs, "The service did not answer");
}

/** The failure of what took longer than it may. */
export function lateAfter(ms: number, what: string): Failure {
  return failure("timeout", `${what} within ${Math.ceil(ms / 1_000)} s`, { retryable: true });
}

function isUnsent(error: unknown): boolean {
  const cause: { code?: unknown } = Object(error instanceof Error && error.cause);
  return UNSENT.test(`${cause.code}`);
}
