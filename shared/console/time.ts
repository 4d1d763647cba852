const SECOND = 1_000;
const steps: ReadonlyArray<readonly [Intl.RelativeTimeFormatUnit, number]> = [
  ["year", 365 * 86_400 * SECOND],
  ["month", 30 * 86_400 * SECOND],
  ["day", 86_400 * SECOND],
  ["hour", 3_600 * SECOND],
  ["minute", 60 * SECOND],
];

/** A moment as seen from now: "3 hours ago", "in 12 days". */
export function relative(at: string, nowMs: number, locale = "en"): string {
  const distance = Date.parse(at) - nowMs;
  for (const [unit, length] of steps)
    if (Math.abs(distance) >= length)
      return new Intl.RelativeTimeFormat(locale, { numeric: "auto" }).format(Math.round(distance / length), unit);
  return distance > 0 ? "in a moment" : "just now";
}

/** A moment in full, in the reader's time zone. */
export function exact(at: string, locale?: string): string {
  return new Intl.DateTimeFormat(locale, { dateStyle: "medium", timeStyle: "long" }).format(Date.parse(at));
}

/** A day alone, `YYYY-MM-DD` or the beginning of a moment in UTC. */
export function day(at: string, locale = "en-GB"): string {
  return new Intl.DateTimeFormat(locale, { dateStyle: "medium", timeZone: "UTC" }).format(Date.parse(at.slice(0, 10)));
}

/** Whole days from now until a day or moment, rounded up; negative where it has passed. */
export function daysUntil(at: string, nowMs: number): number {
  const ms = at.length === 10 ? Date.parse(`${at}T23:59:59Z`) : Date.parse(at);
  return Math.ceil((ms - nowMs) / 86_400_000) - (at.length === 10 ? 1 : 0);
}
