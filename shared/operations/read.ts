import type { Head } from "../contract/rows.ts";
import { timestamp } from "../ports/clock.ts";
import type { Entry } from "../registry/entry.ts";
import { absent, integrationInfo, isConfigured, requireConfigured, summary, unreadable } from "./present.ts";
import type { Subject, Works } from "./works.ts";

export interface ListFilter {
  category: string | null;
  configured: boolean | null;
  /** Only credentials that expire within so many days, or have expired. */
  expiringWithinDays: number | null;
}

/** All integrations of an organisation; the totals go by all of them, whatever the filter shows. */
export async function list(works: Works, org: string, filter: ListFilter) {
  const nowMs = works.clock.now();
  const now = timestamp(nowMs);
  const { heads: stored, corrupt } = await works.store.readHeads(org);
  const heads = new Map(stored.filter((head) => isConfigured(head, now)).map((head) => [head.provider, head]));
  const known = works.registry.entries.map((entry) => ({ entry, head: heads.get(entry.code) ?? null }));
  const checked = known.filter(({ entry }) => entry.credential_type !== "none");
  const configured = checked.filter(({ head }) => head !== null);
  const isValid = ({ head }: { head: Head | null }) => head?.validation_status === "VALID";
  const show = ({ entry, head }: { entry: Entry; head: Head | null }) =>
    head !== null ? summary(entry, head) : corrupt.includes(entry.code) ? unreadable(entry) : absent(entry);
  const soon = filter.expiringWithinDays === null ? null : timestamp(nowMs + filter.expiringWithinDays * 86_400_000);
  const shown = known.filter(
    ({ entry, head }) =>
      (filter.category === null || entry.category === filter.category) &&
      (filter.configured === null || filter.configured === (head !== null || corrupt.includes(entry.code))) &&
      (soon === null || (head !== null && head.expires_at !== null && head.expires_at <= soon)),
  );
  return {
    org_slug: org,
    integrations: Object.fromEntries(shown.map((one) => [one.entry.code, show(one)])),
    all_valid: checked.every(isValid),
    all_configured_valid: configured.length > 0 && corrupt.length === 0 && configured.every(isValid),
    providers_configured: known
      .filter(({ entry, head }) => head !== null || corrupt.includes(entry.code))
      .map(({ entry }) => entry.code),
  };
}

/** One integration, never its secret. @throws Fault `not_configured` */
export async function get(works: Works, { org, entry }: Subject) {
  const found = await works.store.readHead({ org_slug: org, provider: entry.code });
  const head = requireConfigured(found, entry, timestamp(works.clock.now()));
  return { head, body: integrationInfo(entry, head) };
}

/** Versions and status changes, newest first; those of a deleted integration as well. */
export async function history(works: Works, { org, entry }: Subject, page: { limit: number; before: string | null }) {
  const { items, next } = await works.store.readHistory({ org_slug: org, provider: entry.code }, page);
  return { items, next_cursor: next };
}

/** What the customer must create at the provider, step by step. */
export function instructions({ org, entry }: Subject) {
  return {
    org_slug: org,
    provider: entry.code,
    display_name: entry.display_name,
    credential_type: entry.credential_type,
    steps: entry.setup_help,
    fields: entry.fields.map(({ name, label, secret, example, optional, help }) => ({
      name,
      label,
      secret,
      example,
      optional,
      ...(help ? { help } : {}),
    })),
    docs_url: entry.docs?.url ?? null,
    setup: { method: "POST", path: `/api/v1/integrations/${org}/${entry.code.toLowerCase()}/setup` },
  };
}
