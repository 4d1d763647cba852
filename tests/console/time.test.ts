import { expect, test } from "vitest";
import { day, daysUntil, relative } from "../../shared/console/time.ts";

const NOW = Date.parse("2026-11-21T12:00:00.000Z");

test.each([
  ["2026-11-21T11:59:40.000Z", "just now"],
  ["2026-11-21T11:57:00.000Z", "3 minutes ago"],
  ["2026-11-21T07:00:00.000Z", "5 hours ago"],
  ["2026-11-20T12:00:00.000Z", "yesterday"],
  ["2026-11-28T11:59:58.000Z", "in 7 days"],
  ["2027-03-01T00:00:00.000Z", "in 3 months"],
  ["2024-11-21T12:00:00.000Z", "2 years ago"],
  ["2026-11-21T12:00:20.000Z", "in a moment"],
])("%s is %s", (at, text) => {
  expect(relative(at, NOW)).toBe(text);
});

test("a day is the day in UTC, wherever the reader is", () => {
  expect(day("2026-12-01")).toBe("1 Dec 2026");
  expect(day("2026-12-01T23:59:59.000Z")).toBe("1 Dec 2026");
});

test("days are counted to the end of a day", () => {
  expect(daysUntil("2026-11-21", NOW)).toBe(0);
  expect(daysUntil("2026-12-21", NOW)).toBe(30);
  expect(daysUntil("2026-11-20", NOW)).toBe(-1);
});
