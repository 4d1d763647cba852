import { valuesAt } from "./body-path.ts";

/** Longest wait a provider can impose on us, seconds. */
const LONGEST_S = 900;

/**
 * Whole seconds a provider asks us to wait: `retry-after-ms`, `retry-after` in seconds or as an HTTP date, or Google's
 * RetryInfo, in this order; capped at 900. `null` where it did not say, or said nonsense.
 */
export function retryAfterS(headers: Headers, body: unknown, nowMs: number): number | null {
  const milliseconds = headers.get("retry-after-ms");
  if (milliseconds !== null && isNumber(milliseconds)) return capped(Number(milliseconds) / 1000);
  const header = headers.get("retry-after");
  if (header !== null) {
    if (isNumber(header)) return capped(Number(header));
    const date = header.length <= 64 && /^[A-Za-z]{3,9},? /.test(header) ? Date.parse(header) : Number.NaN;
    if (!Number.isNaN(date)) return date > nowMs ? capped((date - nowMs) / 1000) : null;
  }
  for (const delay of valuesAt(body, "error.details[].retryDelay")) {
    if (typeof delay === "string" && delay.length < 20 && /^\d+(?:\.\d+)?s$/.test(delay)) {
      return capped(Number(delay.slice(0, -1)));
    }
  }
  return null;
}

function isNumber(text: string): boolean {
  return text.length <= 20 && /^\d+(?:\.\d+)?$/.test(text.trim());
}

function capped(seconds: number): number {
  return Math.min(LONGEST_S, Math.ceil(seconds));
}
