import { Fault, malformed } from "../contract/fault.ts";
import type { Head, Metadata } from "../contract/rows.ts";
import { type Capability, type Outcome, type Status, statusOf, type Verdict } from "../contract/verdict.ts";
import { timestamp } from "../ports/clock.ts";
import { isDate, missingSettings, refused, type WrongSetting } from "../registry/check-metadata.ts";
import type { Entry } from "../registry/entry.ts";
import { addDays, addMonths, dayOf, nextOccurrence } from "./calendar.ts";
import { isConfigured } from "./present.ts";
import { earliest } from "./schedule.ts";
import type { Works } from "./works.ts";

/** Months from one billing to the next, or from one renewal to the next, by what a record calls it. */
export const cycles: ReadonlyMap<unknown, number> = new Map([
  ["monthly", 1],
  ["quarterly", 3],
  ["semiannual", 6],
  ["annual", 12],
  ["biennial", 24],
  ["triennial", 36],
]);

/** What the dates of a record come to on a day, `YYYY-MM-DD`. */
export interface Term {
  /** The last day; `null` where it renews, or nothing says that it ends. */
  lastDay: string | null;
  /** The next renewal, today's included; `null` where there is none or it cannot be told. */
  nextRenewal: string | null;
  /** The last day on which that renewal can be cancelled; `null` where no notice period is known. */
  cancellationDeadline: string | null;
}

/**
 * A subscription ends with `end_date` unless it renews by itself, and with `renewal_date` where it expressly does not. It
 * renews on `renewal_date`, else after `end_date`, else a term after `start_date`, and then every term; a term is a
 * billing cycle where the record names none.
 */
export function termOf(metadata: Metadata, today: string): Term {
  const [start, end, renewal] = (["start_date", "end_date", "renewal_date"] as const).map((name) =>
    dateIn(metadata, name),
  );
  const renews = metadata["auto_renew"];
  const lastDay = renews === true ? null : (end ?? (renews === false ? (renewal ?? null) : null));
  const months = monthsIn(metadata);
  const anchor = renewal ?? (end ? addDays(end, 1) : start && months ? addMonths(start, months) : null);
  const next = anchor === null || months === null ? anchor : nextOccurrence(anchor, months, today);
  const isAhead = renews !== false && next !== null && next >= today && (lastDay === null || next <= lastDay);
  const nextRenewal = isAhead ? next : null;
  const notice = metadata["notice_period_days"];
  return {
    lastDay,
    nextRenewal,
    cancellationDeadline: nextRenewal !== null && typeof notice === "number" ? addDays(nextRenewal, -notice) : null,
  };
}

/** What the record of a manual subscription says on a day. Nobody is asked: there is nothing to ask with. */
export function recordVerdict(entry: Entry, metadata: Metadata, now: string): Verdict {
  const today = dayOf(now);
  const { lastDay, nextRenewal, cancellationDeadline } = termOf(metadata, today);
  const missing = missingSettings(entry, metadata);
  const hasEnded = lastDay !== null && today > lastDay;
  const [outcome, reason, message] = hasEnded
    ? (["expired", "ended", "The subscription has ended"] as const)
    : missing.length > 0
      ? (["service_misconfigured", "record_incomplete", "The subscription's record is incomplete"] as const)
      : (["valid", null, "Integration validated successfully"] as const);
  const warnings = outcome === "valid" ? warningsOf(metadata) : [];
  const told = reason ?? warnings[0] ?? null;
  const capabilities = entry.capabilities.map((declared) => capabilityOf(entry, declared, reason, metadata));
  return {
    outcome,
    code: null,
    message,
    reason: told,
    remedy: told === null ? null : (entry.reasons[told] ?? null),
    details: {
      connection: "none",
      permissions: permissionsOf(outcome, capabilities),
      ...(missing.length > 0 ? { message: `Missing: ${missing.map(({ label }) => label).join(", ")}` } : {}),
      ...(nextRenewal === null ? {} : { next_renewal_date: nextRenewal }),
      ...(cancellationDeadline === null ? {} : { cancellation_deadline: cancellationDeadline }),
    },
    http_status: null,
    provider_code: null,
    provider_request_id: null,
    retry_after_s: null,
    capabilities,
    warnings,
    field: null,
    expires_at: lastDay === null ? null : `${lastDay}T23:59:59.000Z`,
  };
}

/** The status that a record's verdict stands for: an incomplete one waits for whoever completes it. */
export function recordStatus({ outcome }: Pick<Verdict, "outcome">): Status {
  return statusOf(outcome) ?? "PENDING";
}

/**
 * A subscription's head as its record reads today. One that was stored without validation stays as it was stored until
 * its first check, unless it has ended.
 */
export function recordHead<Found extends Head>(entry: Entry, head: Found, now: string): Found {
  const verdict = recordVerdict(entry, head.metadata, now);
  const expiresAt = earliest(head.expires_at_declared, verdict.expires_at);
  if (head.verdict === null && verdict.outcome === "valid") return { ...head, expires_at: expiresAt };
  return { ...head, verdict, validation_status: recordStatus(verdict), expires_at: expiresAt };
}

/** Checks that a record is complete and does not contradict itself. @throws Fault `request_malformed` */
export function requireRecord(entry: Entry, metadata: Metadata): void {
  const wrong = [...missingSettings(entry, metadata), ...contradictions(metadata)];
  if (wrong.length > 0) throw refused(wrong);
}

/** A custom subscription is known by the name it is given. @throws Fault `request_malformed` */
export function requireNamed(entry: Entry, name: string | undefined, kept: Head | null): void {
  if (!entry.custom || (name === undefined ? kept !== null : name.trim() !== "")) return;
  throw malformed("/credential_name", "is missing: a custom subscription is listed by it", "Send its name, e.g. Miro");
}

/** How many custom subscriptions an organisation may still add. */
export async function roomForCustom(works: Pick<Works, "store" | "clock">, org: string): Promise<number> {
  const { heads, corrupt } = await works.store.readHeads(org);
  const now = timestamp(works.clock.now());
  const held = [...heads.filter((head) => isConfigured(head, now)).map(({ provider }) => provider), ...corrupt];
  return Math.max(0, MOST_CUSTOM - held.filter((provider) => provider.startsWith("custom-")).length);
}
const MOST_CUSTOM = 200;

/** What is said where there is no room for another custom subscription. */
export function noRoom(entry: Entry): Fault {
  return new Fault("conflict", {
    detail: `An organization can have at most ${MOST_CUSTOM} custom subscriptions`,
    provider: entry.code,
    reason: "too_many",
    remedy: "Delete one that is no longer needed",
  });
}

function contradictions(metadata: Metadata): WrongSetting[] {
  const [start, end, renewal] = (["start_date", "end_date", "renewal_date"] as const).map((name) =>
    dateIn(metadata, name),
  );
  const at = (name: string, message: string, remedy: string): WrongSetting => ({
    field: `/metadata/${name}`,
    message,
    remedy,
  });
  const found: WrongSetting[] = [];
  if (start && end && end < start)
    found.push(at("end_date", "lies before start_date", "Correct one of the two dates, or leave start_date out"));
  if (start && renewal && renewal < start)
    found.push(at("renewal_date", "lies before start_date", "Send the next renewal, or leave start_date out"));
  if (metadata["billing_model"] === "per_seat" && metadata["seats"] === undefined)
    found.push(at("seats", "is missing: the price is per seat", "Send the number of seats, or billing_model flat"));
  const cycle = cycles.get(metadata["billing_cycle"]);
  const term = cycles.get(metadata["term"]);
  if (cycle !== undefined && term !== undefined && term < cycle)
    found.push(at("term", "is shorter than the billing cycle", "Leave term out where it is the billing cycle"));
  return found;
}

function warningsOf(metadata: Metadata): string[] {
  const notice = metadata["notice_period_days"];
  const months = monthsIn(metadata);
  return typeof notice === "number" && months !== null && notice > months * 31 ? ["notice_longer_than_term"] : [];
}

function capabilityOf(
  entry: Entry,
  { id, state, remedy }: Entry["capabilities"][number],
  reason: string | null,
  metadata: Metadata,
): Capability {
  const denied = (why: string): Capability => {
    const text = remedy ?? entry.reasons[why];
    return { id, state: "denied", reason: why, ...(text ? { remedy: text } : {}) };
  };
  if (id === "record_current") return reason === null ? { id, state: "granted" } : denied(reason);
  if (id === "currency_known")
    return metadata["currency"] === undefined ? denied("currency_missing") : { id, state: "granted" };
  return { id, state };
}

function permissionsOf(outcome: Outcome, capabilities: readonly Capability[]): "ok" | "limited" | "unknown" {
  if (outcome !== "valid") return "unknown";
  return capabilities.some(({ state }) => state === "denied") ? "limited" : "ok";
}

/** Months of one term; `null` where the record does not say. */
function monthsIn(metadata: Metadata): number | null {
  return cycles.get(metadata["term"]) ?? cycles.get(metadata["billing_cycle"]) ?? null;
}

function dateIn(metadata: Metadata, name: string): string | null {
  const value = metadata[name];
  return typeof value === "string" && isDate(value) ? value : null;
}
