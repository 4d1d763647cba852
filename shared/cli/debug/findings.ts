import type { OrgKey } from "../../contract/rows.ts";
import { timestamp } from "../../ports/clock.ts";
import { pathOf } from "../../registry/check.ts";
import { moment } from "../show.ts";
import type { Collected, Looked } from "./collect.ts";

/** Something that a person should know of: what, since when, why, what to do. */
export interface Finding {
  /** `bad`: pipelines are or will be without it; `warn`: look at it. */
  state: "bad" | "warn";
  /** The provider's code; `null` where it is about the organisation. */
  provider: string | null;
  what: string;
  since: string | null;
  why: string | null;
  remedy: string | null;
}

const TOOL = "cloudact-integrations";
const DAY_MS = 86_400_000;
/** A check that is due is started within the hour where sweeps run. */
const LATE_MS = 3 * 3_600_000;
const SOON_DAYS = 30;
const KEY_SOON_DAYS = 14;

/** Everything that needs a person, the worst first. */
export function findingsOf(collected: Collected): Finding[] {
  const found = [
    ...collected.looked.flatMap((one) => ofIntegration(collected, one)),
    ...collected.corrupt.map(
      (provider): Finding => ({
        ...{ state: "bad", provider, what: "Its stored row failed its checks", since: null },
        why: "What is stored is not what was written; nothing of it is handed out",
        remedy: `${TOOL} setup ${collected.org} ${provider.toLowerCase()} stores it anew; look for integrity in the log`,
      }),
    ),
    ...ofOrganisation(collected),
  ];
  return found.sort((one, other) => Number(one.state === "warn") - Number(other.state === "warn"));
}

function ofIntegration(collected: Collected, looked: Looked): Finding[] {
  const { entry, head } = looked;
  const { org, now } = collected;
  const name = `${org} ${pathOf(entry)}`;
  const about = (state: Finding["state"], what: string, more: Partial<Finding> = {}): Finding => ({
    ...{ state, provider: entry.code, what, since: null, why: null, remedy: null },
    ...more,
  });
  const found: Finding[] = [];
  const { verdict, validation_status: status } = head;
  const why = verdict === null ? null : `${verdict.message}${verdict.reason ? ` (${verdict.reason})` : ""}`;
  const isRecord = entry.credential_type === "none";
  const anew = isRecord ? `${TOOL} update ${name} --metadata <setting=value>` : `${TOOL} rotate ${name}`;
  if (status === "INVALID" || status === "EXPIRED")
    found.push(
      about("bad", `is ${status}: pipelines are refused`, {
        since: looked.since,
        why,
        remedy: `${verdict?.remedy ?? "Create a new key at the provider."} Then: ${anew}`,
      }),
    );
  else if (status === "PENDING")
    found.push(
      about("warn", "has never been proven", {
        since: looked.since ?? head.created_at,
        why: why ?? "It was stored without validation",
        remedy: verdict?.remedy ?? `${TOOL} validate ${name}`,
      }),
    );
  else if (head.consecutive_failures > 0)
    found.push(
      about(
        "warn",
        `has not been confirmed: ${head.consecutive_failures} ${head.consecutive_failures === 1 ? "check" : "checks"} without an answer`,
        {
          ...{ since: head.last_validated_at, why },
          remedy: verdict?.remedy ?? `Nothing is known against it; it is asked again ${moment(head.next_due_at)}`,
        },
      ),
    );
  if (!head.enabled)
    found.push(
      about("bad", "is disabled: pipelines are refused", {
        since: head.updated_at,
        remedy: `${TOOL} update ${name} --enable`,
      }),
    );
  if (head.deactivation_scheduled_at !== null)
    found.push(
      about("warn", `will be deleted ${moment(head.deactivation_scheduled_at)}`, {
        remedy: `To keep it: ${TOOL} update ${name} --deactivate-at none`,
      }),
    );
  const days = daysUntil(head.expires_at, now);
  if (days !== null && days <= SOON_DAYS && status !== "EXPIRED")
    found.push(
      about(
        days <= 0 ? "bad" : "warn",
        days < 0
          ? `passed its expiry ${moment(head.expires_at)}`
          : `expires in ${daysText(days)}, ${moment(head.expires_at)}`,
        {
          why:
            head.expires_at === head.expires_at_declared
              ? "As declared"
              : isRecord
                ? "As its record says"
                : "As the provider says",
          remedy: `Create the next one at the provider. Then: ${anew}`,
        },
      ),
    );
  const deadline = verdict?.details.cancellation_deadline;
  const left = deadline === undefined ? null : daysUntil(`${deadline}T23:59:59.000Z`, now);
  if (deadline !== undefined && left !== null && left <= SOON_DAYS && left > 0)
    found.push(
      about("warn", `must be cancelled by ${deadline}, or it renews ${verdict?.details.next_renewal_date ?? ""}`, {
        remedy: "Cancel it at the provider, or let it renew",
      }),
    );
  if (status !== "INVALID" && status !== "EXPIRED") found.push(...readiness(looked, about));
  if (head.reported_at !== null)
    found.push(
      about("warn", "was reported by a pipeline: its provider refused it", {
        since: head.reported_at,
        remedy: `${TOOL} validate ${name}`,
      }),
    );
  if (head.next_due_at !== null && Date.parse(now) - Date.parse(head.next_due_at) > LATE_MS)
    found.push(
      about("warn", "is overdue for its check", {
        since: head.next_due_at,
        why: "No sweep has run since",
        remedy: `${TOOL} sweep --org ${org}; and look whether the Scheduler runs`,
      }),
    );
  return found;
}

/** Pipelines that cannot run, one finding for those that miss the same. */
function readiness(
  { pipelines, capabilities, entry }: Looked,
  about: (state: Finding["state"], what: string, more?: Partial<Finding>) => Finding,
): Finding[] {
  const unready = pipelines.filter(({ ready }) => ready === false);
  return [...Map.groupBy(unready, ({ missing }) => missing.join(", "))].map(([missing, ones]) => {
    const lacking = capabilities.filter(({ id }) => ones[0]?.missing.includes(id));
    const remedy =
      lacking.find((one) => one.remedy !== undefined)?.remedy ??
      entry.capabilities.find(({ id, remedy: text }) => text && ones[0]?.missing.includes(id))?.remedy;
    return about("warn", `is not ready for ${ones.map(({ id }) => id).join(", ")}`, {
      why: `It lacks ${missing}`,
      remedy: remedy ?? null,
    });
  });
}

function ofOrganisation({ org, now, orgKeys, denied, looked, corrupt, primary }: Collected): Finding[] {
  const found: Finding[] = [];
  const about = (what: string, more: Partial<Finding>): void =>
    void found.push({ ...{ state: "warn", provider: null, what, since: null, why: null, remedy: null }, ...more });
  const live = orgKeys.filter((key) => isLive(key, now));
  if (looked.length + corrupt.length > 0 && !live.some(({ scope }) => scope === "manage"))
    about("No organisation key can manage it", { remedy: `${TOOL} org-key create ${org} --scope manage` });
  for (const key of live) {
    const days = daysUntil(key.expires_at, now);
    if (days !== null && days <= KEY_SOON_DAYS)
      about(`Organisation key ${key.key_id} (${key.scope}) ends in ${daysText(days)}, ${moment(key.expires_at)}`, {
        remedy: `${TOOL} org-key create ${org} --scope ${key.scope}, and hand it to who uses the old one`,
      });
  }
  const unread = looked.filter(
    ({ grants, pipelines, head }) => head.enabled && pipelines.length > 0 && grants.length === 0,
  );
  if (unread.length > 0)
    about(`No pipeline can read ${unread.map(({ entry }) => entry.code).join(", ")}`, {
      why: "No live grant reaches them",
      remedy: `${TOOL} grant create --subject <pipeline> --org ${org} --provider ${unread.map(({ entry }) => entry.code).join(",")}`,
    });
  const older = looked.filter(({ head }) => isOlder(head.key_version, primary));
  if (older.length > 0)
    about(`Sealed with an older key version than ${primary}: ${older.map(({ entry }) => entry.code).join(", ")}`, {
      remedy: `${TOOL} rewrap`,
    });
  for (const { subject, provider, reason, count, last_at } of denied ?? [])
    about(`${subject} was refused ${provider ?? "a provider"} ${count === 1 ? "once" : `${count} times`}`, {
      since: last_at,
      why: reason,
      remedy:
        reason === "forbidden"
          ? `${TOOL} grant create --subject ${subject} --org ${org} --provider ${provider ?? "<code>"}`
          : null,
    });
  return found;
}

function isLive(key: OrgKey, now: string): boolean {
  return key.revoked_at === null && (key.expires_at === null || key.expires_at > now);
}

/** Whether something was sealed with a key version from before the newest. */
export function isOlder(version: string | null, primary: string | null): boolean {
  return version !== null && primary !== null && Number(version) < Number(primary);
}

/** Days until a time, a begun one counted; 0 and less once it has passed. */
function daysUntil(at: string | null, now: string): number | null {
  return at === null ? null : Math.ceil((Date.parse(at) - Date.parse(now)) / DAY_MS);
}

function daysText(days: number): string {
  return days === 1 ? "a day" : `${days} days`;
}

/** `2 days`: how long ago a time was, roughly. */
export function agoText(at: string, now: string): string {
  const minutes = Math.max(0, Math.round((Date.parse(now) - Date.parse(at)) / 60_000));
  if (minutes < 90) return `${minutes} min`;
  if (minutes < 48 * 60) return `${Math.round(minutes / 60)} h`;
  return `${Math.round(minutes / 1_440)} days`;
}

/** The time of a finding for people: `2026-11-19 14:02Z, 2 days ago`. */
export function sinceText(at: string, now: string): string {
  return `${moment(timestamp(Date.parse(at)))}, ${agoText(at, now)} ago`;
}
