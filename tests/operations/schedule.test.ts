import { describe, expect, test } from "vitest";
import type { Outcome, Verdict } from "../../shared/contract/verdict.ts";
import { earliest, nextDueAt, nextThreshold, passedSince, passedThreshold } from "../../shared/operations/schedule.ts";
import { verdict } from "../ports/stored-rows.ts";
import { DAY, entryOf, HOUR, MINUTE, SECOND } from "./bench.ts";

const NOW = Date.parse("2026-08-22T12:00:00.000Z");
const entry = entryOf("FAKE");
const iso = (ms: number) => new Date(NOW + ms).toISOString();
const of = (outcome: Outcome, more: Partial<Verdict> = {}): Verdict => ({ ...verdict(outcome), ...more });
/** How far off the next check is, over many draws of the jitter. */
function spread(said: Verdict, failures: number, expiresAt: string | null = null): { least: number; most: number } {
  const draws = Array.from(
    { length: 400 },
    () => Date.parse(nextDueAt(entry, said, failures, expiresAt, NOW) ?? "") - NOW,
  );
  return { least: Math.min(...draws), most: Math.max(...draws) };
}

describe("when a credential is asked about again", () => {
  test("a valid one after its interval, give or take 10 %, and not all at once", () => {
    const { least, most } = spread(of("valid"), 0);
    expect(least).toBeGreaterThanOrEqual(0.9 * DAY);
    expect(most).toBeLessThanOrEqual(1.1 * DAY);
    expect(most - least).toBeGreaterThan(2 * HOUR);
  });

  test.each(["rejected", "forbidden", "expired"] as const)("a %s one never, however near its expiry", (outcome) => {
    expect(nextDueAt(entry, of(outcome), 0, iso(HOUR), NOW)).toBeNull();
  });

  test.each([
    [1, 5 * MINUTE],
    [2, 10 * MINUTE],
    [3, 20 * MINUTE],
    [4, 40 * MINUTE],
    [8, 640 * MINUTE],
    [9, 1_280 * MINUTE],
    [10, DAY],
    [1_000_000, DAY],
  ])("after %i answers in a row that said nothing, in about %i ms, and never later than a day", (failures, ms) => {
    const { least, most } = spread(of("unreachable"), failures);
    expect(least).toBeGreaterThanOrEqual(0.9 * ms);
    expect(most).toBeLessThanOrEqual(Math.min(DAY, 1.1 * ms));
  });

  test("at the cap the jitter stays, so that an outage's credentials do not all come back at once", () => {
    const { least, most } = spread(of("unreachable"), 20);
    expect(least).toBeLessThan(0.95 * DAY);
    expect(most).toBeLessThanOrEqual(DAY);
  });

  test.each(["rate_limited", "unreachable", "service_misconfigured"] as const)("%s backs off", (outcome) => {
    expect(spread(of(outcome), 3).least).toBeGreaterThanOrEqual(18 * MINUTE);
  });

  test("not before the provider's own Retry-After", () => {
    expect(spread(of("rate_limited", { retry_after_s: 900 }), 1)).toEqual({ least: 900 * SECOND, most: 900 * SECOND });
    expect(spread(of("rate_limited", { retry_after_s: 1 }), 1).least).toBeGreaterThanOrEqual(4.5 * MINUTE);
  });

  test.each([
    ["valid", 0],
    ["unreachable", 12],
  ] as const)("a %s one is due the moment an expiry threshold passes", (outcome, failures) => {
    for (const days of [30, 14, 7, 1, 0])
      expect(nextDueAt(entry, of(outcome), failures, iso(days * DAY + HOUR), NOW)).toBe(iso(HOUR));
  });
});

describe("expiry thresholds", () => {
  const rows: Array<[string, number | null, number | null, number | null]> = [
    // expiry in ms from now; the smallest threshold passed; ms until the next one
    ["none known", null, null, null],
    ["40 days off", 40 * DAY, null, 10 * DAY],
    ["exactly 30 days off", 30 * DAY, 30, 16 * DAY],
    ["29 days off", 29 * DAY, 30, 15 * DAY],
    ["14 days off", 14 * DAY, 14, 7 * DAY],
    ["8 days off", 8 * DAY, 14, DAY],
    ["7 days off", 7 * DAY, 7, 6 * DAY],
    ["a day and a second off", DAY + SECOND, 7, SECOND],
    ["a day off", DAY, 1, DAY],
    ["a second off", SECOND, 1, SECOND],
    ["now", 0, 0, null],
    ["a year past", -365 * DAY, 0, null],
  ];
  test.each(rows)("expiry %s", (_, expiry, passed, next) => {
    const at = expiry === null ? null : iso(expiry);
    expect(passedThreshold(at, NOW)).toBe(passed);
    expect(nextThreshold(at, NOW)).toBe(next === null ? null : iso(next));
  });
});

test.each<[string, number | null, number | null, number | null]>([
  ["none known", null, -DAY, null],
  ["passed a threshold since", 14 * DAY - HOUR, -DAY, 14],
  ["passed none since", 13 * DAY, -HOUR, null],
  ["passed two since", 6 * DAY, -10 * DAY, 7],
  ["never looked at", 6 * DAY, null, 7],
  ["never looked at, and far", 60 * DAY, null, null],
  ["gone since", -HOUR, -DAY, 0],
  ["gone before", -2 * DAY, -DAY, null],
])("a date %s", (_, at, since, days) => {
  const time = (ms: number | null) => (ms === null ? null : iso(ms));
  expect(passedSince(time(at), time(since), NOW)).toBe(days);
});

test.each([
  [null, null, null],
  ["2026-01-01T00:00:00.000Z", null, "2026-01-01T00:00:00.000Z"],
  [null, "2026-01-01T00:00:00.000Z", "2026-01-01T00:00:00.000Z"],
  ["2026-01-02T00:00:00.000Z", "2026-01-01T00:00:00.000Z", "2026-01-01T00:00:00.000Z"],
])("the earlier of %s and %s is %s", (left, right, found) => {
  expect(earliest(left, right)).toBe(found);
});
