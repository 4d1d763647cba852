import type { Occasion } from "./calendar.ts";
import { at, textAt } from "./read.ts";

/** What of an integration belongs into a calendar, from what `get` shows of it. */
export function occasionsOf(org: string, info: unknown): Occasion[] {
  const provider = textAt(info, "provider");
  const name = textAt(info, "display_name");
  const label = textAt(info, "credential_name");
  const isRecord = at(info, "credential_type") === "none";
  const own = label === "-" || label === name ? "" : ` (${label})`;
  const occasion = (kind: Occasion["kind"], when: unknown, summary: string, remedy: string): Occasion[] =>
    typeof when === "string" && /^\d{4}-\d\d-\d\d(?:T\d\d:\d\d:\d\d(?:\.\d+)?Z)?$/.test(when)
      ? [
          {
            org,
            provider,
            kind,
            at: dayAlone(when),
            summary: `${summary}: ${name}, ${org}`,
            description: `${provider}${own} of ${org}. ${remedy}`,
          },
        ]
      : [];
  const path = `${org} ${provider.toLowerCase()}`;
  return [
    ...occasion(
      "expiry",
      at(info, "expires_at"),
      isRecord ? "Subscription ends" : "Credential expires",
      isRecord
        ? "Renew it at the provider, then bring its record up to date."
        : `Create the next one at the provider, then: cloudact-integrations rotate ${path}`,
    ),
    ...occasion(
      "renewal",
      at(info, "validation", "details", "next_renewal_date"),
      "Subscription renews",
      "It renews unless it was cancelled in time.",
    ),
    ...occasion(
      "cancellation",
      at(info, "validation", "details", "cancellation_deadline"),
      "Last day to cancel",
      "After it the subscription renews for another term.",
    ),
    ...occasion(
      "deletion",
      at(info, "deactivation_scheduled_at"),
      "Integration is deleted",
      `To keep it: cloudact-integrations update ${path} --deactivate-at none`,
    ),
  ];
}

/** The last second of a day stands for the whole day. */
function dayAlone(when: string): string {
  return /T23:59:59(?:\.\d+)?Z$/.test(when) ? when.slice(0, 10) : when;
}
