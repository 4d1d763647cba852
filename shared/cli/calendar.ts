import { createHash } from "node:crypto";

/** Something with a day or a time that people shall be reminded of. */
export interface Occasion {
  org: string;
  /** The provider's code. */
  provider: string;
  kind: "expiry" | "renewal" | "cancellation" | "deletion";
  /** `YYYY-MM-DD` for a whole day, else RFC 3339 UTC. */
  at: string;
  summary: string;
  description: string;
}

const ALARMS_DAYS = [14, 1] as const;
/** Octets of a line, its end not counted. */
const LONGEST = 75;

/**
 * A calendar file (RFC 5545) of occasions, each with a reminder 14 days and 1 day before. The same occasion has the
 * same UID in every file, so that a calendar that takes a newer file moves what it has and doubles nothing.
 *
 * @param nowMs when the file is made: DTSTAMP of its events
 */
export function calendarOf(name: string, occasions: readonly Occasion[], nowMs: number): string {
  const stamp = compact(new Date(nowMs).toISOString());
  const lines = [
    "BEGIN:VCALENDAR",
    "VERSION:2.0",
    "PRODID:-//CloudAct//Integrations//EN",
    "CALSCALE:GREGORIAN",
    "METHOD:PUBLISH",
    `X-WR-CALNAME:${escaped(name)}`,
    ...occasions.flatMap((occasion) => eventLines(occasion, stamp)),
    "END:VCALENDAR",
  ];
  return lines.map((line) => `${folded(line)}\r\n`).join("");
}

function eventLines({ org, provider, kind, at, summary, description }: Occasion, stamp: string): string[] {
  // A name of the organisation's own may stand in the code of a custom subscription: the UID is opaque.
  const id = createHash("sha256")
    .update(JSON.stringify([org, provider, kind]))
    .digest("hex")
    .slice(0, 32);
  return [
    "BEGIN:VEVENT",
    `UID:${id}@cloudact-integrations`,
    `DTSTAMP:${stamp}`,
    ...whenLines(at),
    `SUMMARY:${escaped(summary)}`,
    `DESCRIPTION:${escaped(description)}`,
    `CATEGORIES:${escaped(kind)}`,
    "STATUS:CONFIRMED",
    "TRANSP:TRANSPARENT",
    ...ALARMS_DAYS.flatMap((days) => [
      "BEGIN:VALARM",
      "ACTION:DISPLAY",
      `DESCRIPTION:${escaped(`${summary} (in ${days === 1 ? "a day" : `${days} days`})`)}`,
      `TRIGGER:-P${days}D`,
      "END:VALARM",
    ]),
    "END:VEVENT",
  ];
}

/** A whole day, or a moment. */
function whenLines(at: string): string[] {
  if (at.length > 10) return [`DTSTART:${compact(at)}`];
  const next = new Date(Date.parse(`${at}T00:00:00Z`) + 86_400_000).toISOString().slice(0, 10);
  return [`DTSTART;VALUE=DATE:${at.replaceAll("-", "")}`, `DTEND;VALUE=DATE:${next.replaceAll("-", "")}`];
}

/** `2026-11-21T08:30:00.000Z` as `20261121T083000Z`. */
function compact(iso: string): string {
  return `${iso.slice(0, 19).replace(/[-:]/g, "")}Z`;
}

function escaped(text: string): string {
  return text
    .replace(/[\\;,]/g, (sign) => `\\${sign}`)
    .replace(/\r\n|\r|\n/g, "\\n")
    .replace(/[\p{Cc}\u2028\u2029]/gu, " ");
}

/** Lines of at most 75 octets, continued after a space, no character cut in two. */
function folded(line: string): string {
  let room = LONGEST;
  let text = "";
  for (const letter of line) {
    const size = Buffer.byteLength(letter);
    if (size > room) {
      text += "\r\n ";
      room = LONGEST - 1;
    }
    text += letter;
    room -= size;
  }
  return text;
}
