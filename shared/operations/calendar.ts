/* Days of the calendar in UTC, as `YYYY-MM-DD`: as text they compare as days do. */

const DAY_MS = 86_400_000;

/** The day that a time falls on. */
export function dayOf(time: string): string {
  return time.slice(0, 10);
}

/** So many days later, earlier where negative. */
export function addDays(day: string, days: number): string {
  return dayOf(new Date(Date.parse(`${day}T00:00:00Z`) + days * DAY_MS).toISOString());
}

/** The same day so many months later; the last of that month where it has no such day. */
export function addMonths(day: string, months: number): string {
  const first = new Date(`${day.slice(0, 7)}-01T00:00:00Z`);
  first.setUTCMonth(first.getUTCMonth() + months);
  const last = new Date(Date.UTC(first.getUTCFullYear(), first.getUTCMonth() + 1, 0)).getUTCDate();
  first.setUTCDate(Math.min(dateOf(day), last));
  return dayOf(first.toISOString());
}

/**
 * The first day, not before `from`, of those that follow an anchor every so many months, the anchor itself included.
 * Each is counted from the anchor, so 31 January leads to 28 February and to 31 March.
 */
export function nextOccurrence(anchor: string, months: number, from: string): string {
  if (anchor >= from) return anchor;
  const passed = Math.floor((monthOf(from) - monthOf(anchor)) / months) * months;
  const day = addMonths(anchor, passed);
  return day >= from ? day : addMonths(anchor, passed + months);
}

function dateOf(day: string): number {
  return Number(day.slice(8));
}

/** Months since the year 0. */
function monthOf(day: string): number {
  return Number(day.slice(0, 4)) * 12 + Number(day.slice(5, 7));
}
