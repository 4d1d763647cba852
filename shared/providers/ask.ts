/** What came back, read whole: `body` is parsed JSON, or `undefined` where it was none. */
export interface Reply {
  status: number;
  headers: Headers;
  body: unknown;
}

/** No usable reply, and why. `connection` covers DNS, TLS and reset; `body` an oversized or unreadable one. */
export interface Silence {
  silence: "timeout" | "connection" | "redirect" | "body";
}

export interface Question {
  method: "GET" | "POST";
  url: string;
  headers: Record<string, string>;
  body?: string;
}

/** The only way out: one request, no redirect, one clock over headers and body, at most 256 KiB. Never throws. */
export interface Ask {
  (question: Question): Promise<Reply | Silence>;
  /** The same guards behind the shape of `fetch`, for SDKs. Rejects with a wordless error where `ask` is silent. */
  fetch: typeof globalThis.fetch;
}
