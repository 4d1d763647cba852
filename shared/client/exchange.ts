import { failure } from "./failure.ts";
import type { ClientOptions } from "./requests.ts";
import type { Failure } from "./results.ts";

const TRY_MS = 30_000;
const RETRIES = 2;
const FIRST_PAUSE_MS = 250;
/** What asks for a longer wait is answered to the caller instead, who knows whether to wait. */
const LONGEST_PAUSE_MS = 20_000;
/** An answer of the service is far smaller; one that does not end is not the service's. */
const MOST_CHARACTERS = 8 * 1024 * 1024;

/** One call, safe to repeat: it reads, or it carries a key by which the service knows it again. */
export interface Question {
  method: "GET" | "POST" | "PUT" | "DELETE";
  url: string;
  headers: Record<string, string>;
  /** JSON text. */
  body?: string | undefined;
  signal?: AbortSignal | undefined;
  /** The least that a try may take. */
  leastTryMs?: number;
  /** Whether it may be sent again, default true. */
  repeatable?: boolean;
  /** What the service says of a try where an earlier one has got through and its answer was lost. */
  doneBefore?: Failure["code"] | undefined;
}

/** A success, its body parsed. */
export interface Answered<Body> {
  success: true;
  status: number;
  etag: string | null;
  body: Body;
}

/**
 * Asks until there is an answer, tries or time are used up, or the caller gives up.
 *
 * @throws the signal's reason, at once, where it aborts
 */
export async function exchange<Body extends object>(
  options: ClientOptions,
  question: Question,
): Promise<Answered<Body> | Failure> {
  const tryMs = Math.max(options.timeoutMs ?? TRY_MS, question.leastTryMs ?? 0);
  const endsAt = Date.now() + Math.max(options.totalTimeoutMs ?? 3 * tryMs, question.leastTryMs ?? 0);
  const tries = question.repeatable === false ? 0 : (options.retries ?? RETRIES);
  for (let failed = 0, isFirst = true; ; isFirst = false) {
    const answer = await once<Body>(options, question, Math.min(tryMs, endsAt - Date.now()));
    if (answer.success) return answer;
    if (!isFirst && answer.code === question.doneBefore)
      return { success: true, status: 200, etag: null, body: JSON.parse("{}") };
    // The first try is still running at the service: its result is worth waiting for, however often.
    const isRunning = answer.code === "in_flight" && question.repeatable !== false;
    if (!isRunning) failed += 1;
    const pauseMs = pauseBefore(failed, answer);
    const isOver = failed > tries || pauseMs > LONGEST_PAUSE_MS || Date.now() + pauseMs >= endsAt;
    if (isOver || !mayRepeat(answer)) return answer;
    await pause(pauseMs, question.signal);
  }
}

/** What a provider did, the service has tried twice already; what it has decided will not change. */
function mayRepeat({ code, status }: Failure): boolean {
  if (code === "in_flight" || code === "no_answer" || code === "timeout") return true;
  return code === "not_this_service" ? status === 429 || status >= 500 : status === 429 || status === 503;
}

function pauseBefore(failed: number, { retryAfterS }: Failure): number {
  if (retryAfterS !== undefined) return retryAfterS * 1_000;
  return FIRST_PAUSE_MS * 2 ** failed * (0.5 + Math.random() / 2);
}

async function once<Body extends object>(
  { fetch: send = fetch }: ClientOptions,
  { method, url, headers, body, signal }: Question,
  timeMs: number,
): Promise<Answered<Body> | Failure> {
  signal?.throwIfAborted();
  const ended = new AbortController();
  const giveUp = () => ended.abort(signal?.reason);
  signal?.addEventListener("abort", giveUp, { once: true });
  const timer = setTimeout(() => ended.abort(), timeMs);
  try {
    const init: RequestInit = { method, headers, cache: "no-store", redirect: "manual", signal: ended.signal };
    const response = await send(url, body === undefined ? init : { ...init, body });
    return read<Body>(response, await textOf(response));
  } catch {
    signal?.throwIfAborted();
    // What fetch says may repeat a header; that there was no answer is all there is to tell.
    return ended.signal.aborted
      ? failure("timeout", `The service did not answer within ${Math.ceil(timeMs / 1_000)} s`, { retryable: true })
      : failure("no_answer", "The service cannot be reached", {
          retryable: true,
          remedy: "Check the address and the network",
        });
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", giveUp);
  }
}

async function textOf(response: Response): Promise<string> {
  const reader = response.body?.getReader();
  const decoder = new TextDecoder();
  let text = "";
  while (reader) {
    const { done, value } = await reader.read();
    if (done) break;
    text += decoder.decode(value, { stream: true });
    if (text.length > MOST_CHARACTERS) {
      await reader.cancel();
      return "";
    }
  }
  return text;
}

function read<Body extends object>(response: Response, text: string): Answered<Body> | Failure {
  const { status, ok, headers } = response;
  const body = ok ? parse<Body>(text) : null;
  if (body) return { success: true, status, etag: headers.get("etag"), body };
  const problem = ok ? null : parse<Problem>(text);
  if (problem?.code && problem.request_id) return refused(problem);
  const wait = Number(headers.get("retry-after") ?? Number.NaN);
  return failure("not_this_service", `What answers at this address is not the service (status ${status})`, {
    status,
    retryable: status === 429 || status >= 500,
    remedy:
      "Check the address. On Cloud Run: is the caller an invoker, is its platform token for this address, may it come from outside?",
    ...(Number.isFinite(wait) ? { retryAfterS: Math.max(0, Math.ceil(wait)) } : {}),
  });
}

/** The service's problem document. */
interface Problem extends Pick<Failure, "code" | "provider" | "errors" | "reason" | "remedy"> {
  type: string;
  title: string;
  status: number;
  detail: string;
  error: string;
  success: false;
  request_id: string;
  retry_after_s?: number;
}

function refused({ type, title, detail, retry_after_s, request_id, ...problem }: Problem): Failure {
  const { status, code } = problem;
  return {
    ...problem,
    retryable: status === 429 || status === 502 || status === 503 || code === "conflict" || code === "in_flight",
    ...(retry_after_s === undefined ? {} : { retryAfterS: retry_after_s }),
    requestId: request_id,
  };
}

/** A JSON object, or `null`. That it is what the contract says is the service's promise, and not checked here. */
function parse<Body extends object>(text: string): Body | null {
  try {
    const value: Body = JSON.parse(text);
    return typeof value === "object" && !Array.isArray(value) ? value : null;
  } catch {
    return null;
  }
}

/** Waits for the work, but no longer than until the signal aborts. @throws the signal's reason */
export async function unlessAborted<Value>(signal: AbortSignal | undefined, work: Promise<Value>): Promise<Value> {
  if (!signal) return await work;
  let giveUp = () => {};
  const aborted = new Promise<never>((_, reject) => {
    giveUp = () => reject(signal.reason);
    signal.addEventListener("abort", giveUp);
  });
  try {
    signal.throwIfAborted();
    return await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener("abort", giveUp);
  }
}

async function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const over = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, ms);
  });
  await unlessAborted(signal, over).finally(() => clearTimeout(timer));
}
