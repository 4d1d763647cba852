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
  const days = /^([1-9]\d{0,3})d$/.exec(text)?.[1];
  const time = days
    ? nowMs + Number(days) * DAY_MS
    : RFC_3339.test(text)
      ? Date.parse(text.length === 10 ? `${text}T23:59:59.000Z` : text)
      : Number.NaN;
  if (Number.isNaN(time))
    throw usage(`--${option} must be days like 90d, a date like 2027-01-31, or a time in RFC 3339`);
  if (time <= nowMs) throw usage(`--${option} lies in the past`);
  return new Date(time).toISOString();
}
