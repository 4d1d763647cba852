import type { Reply, Silence } from "../contract/answer.ts";

/** One question to a provider. Header values have passed the credential check, so they are printable ASCII. */
export interface Question {
  method: "GET" | "POST";
  url: string;
  headers: Record<string, string>;
  body?: string;
  /** Ends the question early, answered as a timeout. */
  signal?: AbortSignal;
}

/** The only way out: one request, no redirect, one clock over headers and body, at most 256 KiB. Never throws. */
export interface Ask {
  (question: Question): Promise<Reply | Silence>;
  /**
   * The same guards behind the shape of `fetch`, for SDKs: answers with the body read whole. Where `ask` is silent it
   * rejects with an Error whose message is `silence: ` and the word, and nothing else.
   */
  fetch: typeof globalThis.fetch;
}

/** What `ask` needs of `fetch`; tests pass a function of their own. */
export type FetchLike = (url: string, init: RequestInit) => Promise<Response>;

/** A provider's answer is a few KiB; more is a mistake or an attack. */
const LARGEST_BODY = 256 * 1024;
const USER_AGENT = "CloudAct/0.1 (+https://cloudact.ai; credential check)";

/** An `ask` over this fetch; `timeoutMs` is the wall clock of one request, its body included. */
export function askThrough(fetchLike: FetchLike, timeoutMs: number): Ask {
  async function raw(url: string, init: RequestInit): Promise<Whole | Silence> {
    const clock = new AbortController();
    const timer = setTimeout(() => clock.abort(), timeoutMs);
    const signal = init.signal ? AbortSignal.any([clock.signal, init.signal]) : clock.signal;
    try {
      const headers = new Headers(init.headers);
      headers.set("user-agent", USER_AGENT);
      headers.delete("origin");
      headers.delete("referer");
      headers.delete("cookie");
      const response = await unlessAborted(signal, fetchLike(url, { ...init, headers, redirect: "manual", signal }));
      if (response.type === "opaqueredirect" || (response.status >= 300 && response.status < 400)) {
        discard(response);
        return { silence: "redirect" };
      }
      const bytes = await unlessAborted(signal, readCapped(response));
      if (bytes === null) return { silence: "body" };
      return { status: response.status, headers: response.headers, bytes };
    } catch (error) {
      // The thrown text may hold the request's headers, so nothing of it is kept but the kind.
      if (signal.aborted) return { silence: "timeout" };
      return { silence: error === BROKEN ? "body" : "connection" };
    } finally {
      clearTimeout(timer);
      // Ends whatever still runs behind a lost race: a body that drips, a fetch that ignores its signal.
      clock.abort();
    }
  }

  const ask = async (question: Question): Promise<Reply | Silence> => {
    const { method, url, headers, body, signal } = question;
    const whole = await raw(url, { method, headers, body: body ?? null, signal: signal ?? null });
    if ("silence" in whole) return whole;
    return { status: whole.status, headers: whole.headers, body: parseJson(whole.bytes) };
  };

  const guardedFetch: typeof globalThis.fetch = async (input, init = {}) => {
    const request = input instanceof Request ? input : null;
    const url = request ? request.url : String(input);
    const whole = await raw(
      url,
      request
        ? {
            method: request.method,
            headers: request.headers,
            body: (await request.text()) || null,
            signal: request.signal,
            ...init,
          }
        : init,
    );
    if ("silence" in whole) throw new Error(`silence: ${whole.silence}`);
    return responseOf(whole);
  };

  return Object.assign(ask, { fetch: guardedFetch });
}

interface Whole {
  status: number;
  headers: Headers;
  bytes: Uint8Array<ArrayBuffer>;
}

const BROKEN = new Error("broken body");

/** The promise's value, or a wordless rejection as soon as the signal fires, whether or not the promise minds it. */
async function unlessAborted<T>(signal: AbortSignal, promise: Promise<T>): Promise<T> {
  let stop = (): void => {};
  const aborted = new Promise<never>((_, reject) => {
    stop = () => reject(new Error("aborted"));
    if (signal.aborted) stop();
    else signal.addEventListener("abort", stop, { once: true });
  });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener("abort", stop);
    promise.catch(() => {});
  }
}

/** The body's bytes, or `null` where they exceed the cap; the cap counts what comes out of decompression. */
async function readCapped(response: Response): Promise<Uint8Array<ArrayBuffer> | null> {
  if (response.body === null) return new Uint8Array();
  const reader = response.body.getReader();
  const chunks: Uint8Array[] = [];
  let size = 0;
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      size += value.byteLength;
      if (size > LARGEST_BODY) {
        void reader.cancel().catch(() => {});
        return null;
      }
      chunks.push(value);
    }
  } catch {
    throw BROKEN;
  }
  const bytes = new Uint8Array(size);
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.byteLength;
  }
  return bytes;
}

function discard(response: Response): void {
  void response.body?.cancel().catch(() => {});
}

/** Parsed JSON, or `undefined`. Leading blank lines are fine: DeepSeek sends them while it is busy. */
function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    return undefined;
  }
}

/** A Response whose body is already here and already decompressed. */
function responseOf({ status, headers, bytes }: Whole): Response {
  const kept = new Headers(headers);
  for (const name of ["content-encoding", "content-length", "transfer-encoding", "set-cookie"]) kept.delete(name);
  const bodyless = status === 204 || status === 205;
  // `Response` takes 200-599; what lies outside is no answer that an SDK could read.
  return new Response(bodyless ? null : bytes, {
    status: status >= 200 && status <= 599 ? status : 599,
    headers: kept,
  });
}
