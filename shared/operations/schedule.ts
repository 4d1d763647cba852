import { malformed } from "../contract/fault.ts";
import type { Verdict } from "../contract/verdict.ts";
import { isDefinite } from "../contract/verdict.ts";
import { timestamp } from "../ports/clock.ts";
import type { Entry } from "../registry/entry.ts";

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const FIRST_BACK_OFF_MS = 5 * 60_000;
/** Days before an expiry at which it is announced, and 0 for its passing. */
export const THRESHOLDS = [30, 14, 7, 1, 0] as const;

/**
 * When the sweep asks again: valid ones after the provider's interval (10 % jitter), inconclusive ones after an
 * exponential back-off, capped at 24 h, both at each expiry threshold; refused ones not at all.
 *
 * @param failures inconclusive attempts in a row, this one included
 */
export function nextDueAt(
  entry: Entry,
  verdict: Verdict,
  failures: number,
  expiresAt: string | null,
  nowMs: number,
): string | null {
  const jitter = 0.9 + Math.random() * 0.2;
  if (verdict.outcome === "valid")
    return earliest(
      timestamp(nowMs + entry.revalidate.interval_hours * HOUR_MS * jitter),
      nextThreshold(expiresAt, nowMs),
    );
  if (isDefinite(verdict.outcome)) return null;
  const backOffMs = Math.min(DAY_MS, FIRST_BACK_OFF_MS * 2 ** Math.min(20, Math.max(0, failures - 1))) * jitter;
  const waitMs = Math.min(DAY_MS, Math.max(backOffMs, (verdict.retry_after_s ?? 0) * 1_000));
  return earliest(timestamp(nowMs + waitMs), nextThreshold(expiresAt, nowMs));
}

/** When the next expiry threshold passes; `null` where none is left. */
export function nextThreshold(expiresAt: string | null, nowMs: number): string | null {
  if (expiresAt === null) return null;
  const end = Date.parse(expiresAt);
  const next = THRESHOLDS.map((days) => end - days * DAY_MS).find((at) => at > nowMs);
  return next === undefined ? null : timestamp(next);
}

/** The smallest threshold that has passed; `null` while the expiry is further off than all, or unknown. */
export function passedThreshold(expiresAt: string | null, nowMs: number): number | null {
  if (expiresAt === null) return null;
  const end = Date.parse(expiresAt);
  return THRESHOLDS.filter((days) => nowMs >= end - days * DAY_MS).at(-1) ?? null;
}

/**
 * The smallest threshold that has passed since a time, for dates of which nothing else says what was announced already.
 *
 * @param since RFC 3339 of the check before; `null` where there was none
 */
export function passedSince(at: string | null, since: string | null, nowMs: number): number | null {
  const passed = passedThreshold(at, nowMs);
  const before = since === null ? null : passedThreshold(at, Date.parse(since));
  return passed === before ? null : passed;
}

/** The earlier of two times, where `null` is never. */
export function earliest(left: string | null, right: string | null): string | null {
  if (left === null || right === null) return left ?? right;
  return left < right ? left : right;
}

/** A time that a person names must lie ahead, and not too far. @throws Fault `request_malformed` */
export function requireFuture(field: string, at: string | null | undefined, nowMs: number, maxYears: number): void {
  if (at === null || at === undefined) return;
  const time = Date.parse(at);
  if (time <= nowMs) throw malformed(field, "lies in the past");
  const last = new Date(nowMs);
  last.setUTCFullYear(last.getUTCFullYear() + maxYears);
  if (time > last.getTime())
    throw malformed(field, `lies more than ${maxYears === 1 ? "a year" : `${maxYears} years`} ahead`);
}
