import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { addDays, addMonths, dayOf, nextOccurrence } from "../../shared/operations/calendar.ts";

const day = fc
  .date({ min: new Date("1900-01-01T00:00:00Z"), max: new Date("2199-12-31T00:00:00Z"), noInvalidDate: true })
  .map((date) => dayOf(date.toISOString()));
const months = fc.constantFrom(1, 3, 6, 12, 24, 36);

describe("months are added as people do it:", () => {
  test.each([
    ["2026-01-31", 1, "2026-02-28"],
    ["2024-01-31", 1, "2024-02-29"],
    ["2026-01-31", 2, "2026-03-31"],
    ["2024-02-29", 12, "2025-02-28"],
    ["2024-02-29", 48, "2028-02-29"],
    ["2096-02-29", 48, "2100-02-28"],
    ["2026-11-30", 3, "2027-02-28"],
    ["2026-12-15", 1, "2027-01-15"],
    ["2026-08-22", 0, "2026-08-22"],
  ])("%s and %i months are %s", (from, count, to) => {
    expect(addMonths(from, count)).toBe(to);
  });
  test("the month is so many later, and the day is the same or the last of a month that has no such day", () => {
    fc.assert(
      fc.property(day, fc.integer({ min: 0, max: 1_200 }), (from, count) => {
        const to = addMonths(from, count);
        const [fromYear = 0, fromMonth = 0, fromDate = 0] = from.split("-").map(Number);
        const [year = 0, month = 0, date = 0] = to.split("-").map(Number);
        expect(year * 12 + month).toBe(fromYear * 12 + fromMonth + count);
        if (date === fromDate) return;
        expect(date).toBeLessThan(fromDate);
        expect(addDays(to, 1).slice(8)).toBe("01");
      }),
    );
  });
});

test("days are added and taken away again", () => {
  fc.assert(
    fc.property(day, fc.integer({ min: -4_000, max: 4_000 }), (from, count) => {
      const to = addDays(from, count);
      expect(addDays(to, -count)).toBe(from);
      expect((Date.parse(to) - Date.parse(from)) / 86_400_000).toBe(count);
    }),
  );
  expect(addDays("2026-12-31", 1)).toBe("2027-01-01");
  expect(addDays("2024-03-01", -1)).toBe("2024-02-29");
});

describe("the next occurrence is counted from its anchor:", () => {
  test.each([
    ["2026-01-31", 1, "2026-02-01", "2026-02-28"],
    ["2026-01-31", 1, "2026-03-01", "2026-03-31"],
    ["2026-01-31", 1, "2026-02-28", "2026-02-28"],
    ["2024-02-29", 12, "2025-01-01", "2025-02-28"],
    ["2024-02-29", 12, "2027-03-01", "2028-02-29"],
    ["2026-08-22", 12, "2026-08-22", "2026-08-22"],
    ["2026-08-22", 12, "2026-08-23", "2027-08-22"],
    ["2026-08-22", 3, "2026-08-21", "2026-08-22"],
    ["2020-01-15", 36, "2026-08-22", "2029-01-15"],
  ])("%s every %i months, not before %s: %s", (anchor, every, from, next) => {
    expect(nextOccurrence(anchor, every, from)).toBe(next);
  });
  test("it is the first that going through them one by one finds", () => {
    fc.assert(
      fc.property(day, months, day, (anchor, every, from) => {
        let step = 0;
        while (addMonths(anchor, step * every) < from) step += 1;
        expect(nextOccurrence(anchor, every, from)).toBe(addMonths(anchor, step * every));
      }),
    );
  });
});
