import type { Head, Metadata } from "../contract/rows.ts";
import { statusOf, type Verdict } from "../contract/verdict.ts";
import type { Entry } from "../registry/entry.ts";
import { earliest } from "./schedule.ts";

/** What the record of a manual subscription says on a day. Nobody is asked: there is nothing to ask with. */
export function recordVerdict(entry: Entry, metadata: Metadata, now: string): Verdict {
  void metadata;
  void now;
  return {
    outcome: "valid",
    code: null,
    message: "Integration validated successfully",
    reason: null,
    remedy: null,
    details: { connection: "none", permissions: "ok" },
    http_status: null,
    provider_code: null,
    provider_request_id: null,
    retry_after_s: null,
    capabilities: entry.capabilities.map(({ id }) => ({ id, state: "granted" })),
    warnings: [],
    field: null,
    expires_at: null,
  };
}

/** A subscription's head as its record reads today; any other head as it is. */
export function asOfNow<Found extends Head | null>(entry: Entry, head: Found, now: string): Found {
  if (head === null || entry.credential_type !== "none") return head;
  const verdict = recordVerdict(entry, head.metadata, now);
  return {
    ...head,
    verdict,
    validation_status: statusOf(verdict.outcome) ?? head.validation_status,
    expires_at: earliest(head.expires_at_declared, verdict.expires_at),
  };
}
