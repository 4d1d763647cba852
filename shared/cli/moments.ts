import { usage } from "./stop.ts";

const DAY_MS = 86_400_000;
const RFC_3339 = /^\d{4}-\d\d-\d\d(?:T\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?(?:Z|[+-]\d\d:\d\d))?$/;

/**
 * A time as people write it: days from now (`90d`), a date (its last second, UTC), or RFC 3339.
 *
 * @returns RFC 3339 UTC
 * @throws Stop
 */
export function readMoment(option: string, text: string, nowMs: number): string {
  const time = timeOf(option, text, { days: (count) => nowMs + count * DAY_MS, ofDate: "T23:59:59.000Z" });
  if (time <= nowMs) throw usage(`--${option} lies in the past`);
  return new Date(time).toISOString();
}

/**
 * A time in the past: so many days ago (`30d`), a date (its first moment, UTC), or RFC 3339.
 *
 * @returns RFC 3339 UTC
 * @throws Stop
 */
export function readPastMoment(option: string, text: string, nowMs: number): string {
  const time = timeOf(option, text, { days: (count) => nowMs - count * DAY_MS, ofDate: "T00:00:00.000Z" });
  if (time > nowMs) throw usage(`--${option} lies in the future`);
  return new Date(time).toISOString();
}

function timeOf(
  option: string,
  text: string,
  { days, ofDate }: { days: (count: number) => number; ofDate: string },
): number {
  const count = /^([1-9]\d{0,3})d$/.exec(text)?.[1];
  if (count !== undefined) return days(Number(count));
  const time = RFC_3339.test(text) ? Date.parse(text.length === 10 ? `${text}${ofDate}` : text) : Number.NaN;
  if (Number.isNaN(time))
    throw usage(`--${option} must be days like 90d, a date like 2027-01-31, or a time in RFC 3339`);
  return time;
}
