/** What came back, read whole: `body` is parsed JSON, or `undefined` where it was none. */
export interface Reply {
  status: number;
  headers: Headers;
  body: unknown;
}

/**
 * No usable reply, and why. `connection` covers DNS, TLS and reset; `redirect` any 3xx, which is never followed;
 * `body` one that is oversized or broke off.
 */
export interface Silence {
  silence: "timeout" | "connection" | "redirect" | "body";
}
