/** An answer read whole. */
export interface Answered {
  status: number;
  headers: Headers;
  text: string;
}

/**
 * Asks once: no redirect is followed, the whole answer must be there within `deadlineMs` and within `maxBytes`.
 *
 * @throws Error of the network, or ours in our words; none quotes what was sent or answered
 */
export async function boundedFetch(
  url: string,
  init: { method?: "GET" | "POST"; headers?: Record<string, string>; body?: string },
  { deadlineMs, maxBytes }: { deadlineMs: number; maxBytes: number },
): Promise<Answered> {
  const signal = AbortSignal.timeout(Math.max(1, Math.trunc(deadlineMs)));
  const response = await fetch(url, { ...init, redirect: "manual", signal });
  const chunks: Uint8Array[] = [];
  let received = 0;
  for await (const chunk of response.body ?? []) {
    received += chunk.byteLength;
    if (received > maxBytes) throw new Error(`the answer is larger than ${maxBytes} bytes`);
    chunks.push(chunk);
  }
  return { status: response.status, headers: response.headers, text: Buffer.concat(chunks).toString("utf8") };
}

/** The outcome of `work` where it is there in time; else an Error with these words, and the work goes on unheard. */
export async function inTime<T>(work: Promise<T>, deadlineMs: number, words: string): Promise<T> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(new Error(words)), deadlineMs);
  try {
    return await Promise.race([work, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}

/** What went wrong on the way, in a word of ours: the error itself may hold a token. */
export function networkWord(error: unknown): string {
  if (!(error instanceof Error)) return "unknown";
  if (error.name === "TimeoutError" || error.name === "AbortError") return "timeout";
  const cause = error.cause instanceof Error && "code" in error.cause ? error.cause.code : null;
  return typeof cause === "string" && /^[A-Z_]{1,40}$/.test(cause) ? cause : "network";
}
