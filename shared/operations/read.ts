import type { Head } from "../contract/rows.ts";
import { timestamp } from "../ports/clock.ts";
import type { Entry } from "../registry/entry.ts";
import { render, valuesFor } from "../registry/render.ts";
import { absent, integrationInfo, isConfigured, requireConfigured, summary, unreadable } from "./present.ts";
import { asShown } from "./shown.ts";
import type { Subject, Works } from "./works.ts";

/** A longer list, such as all currencies, says less than an example. */
const MOST_OPTIONS = 20;
const PLACEHOLDER =
  "This service runs on one machine, so the numeric id in the policies is a placeholder that AWS trusts for nobody. Take the instructions from the deployed service.";

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
  const custom = [...heads.keys(), ...corrupt].flatMap((code) => customEntry(works, code));
  const known = [...works.registry.entries, ...custom].map((entry) => ({
    entry,
    head: asShown(entry, heads.get(entry.code) ?? null, now),
  }));
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

/** The entry of a custom subscription that an organisation has; none for any other code. */
function customEntry(works: Works, code: string): Entry[] {
  const entry = works.registry.byCode(code);
  return entry?.custom ? [entry] : [];
}

/** One integration, never its secret. @throws Fault `not_configured` */
export async function get(works: Works, { org, entry }: Subject) {
  const found = await works.store.readHead({ org_slug: org, provider: entry.code });
  const now = timestamp(works.clock.now());
  const head = requireConfigured(asShown(entry, found, now), entry, now);
  return { head, body: integrationInfo(entry, head) };
}

/** Versions and status changes, newest first; those of a deleted integration as well. */
export async function history(works: Works, { org, entry }: Subject, page: { limit: number; before: string | null }) {
  const { items, next } = await works.store.readHistory({ org_slug: org, provider: entry.code }, page);
  return { items, next_cursor: next };
}

/** What the customer must create at the provider, step by step. */
export function instructions({ federation }: Pick<Works, "federation">, { org, entry }: Subject) {
  const values = valuesFor(entry, org, federation);
  const usesIdentity = entry.snippets.some(({ text }) => text.includes("{aws_subject}"));
  return {
    org_slug: org,
    provider: entry.code,
    display_name: entry.display_name,
    credential_type: entry.credential_type,
    steps: entry.setup_help.map((step) => render(step, values)),
    fields: entry.fields.map(({ name, label, secret, example, optional, help }) => ({
      name,
      label: label ?? name,
      secret,
      ...(example ? { example } : {}),
      optional,
      ...(help ? { help } : {}),
    })),
    settings: entry.metadata.map(({ name, label, kind, required, example, help, options }) => ({
      name,
      label,
      kind,
      required,
      example,
      ...(help ? { help } : {}),
      ...(options && options.length <= MOST_OPTIONS ? { options } : {}),
    })),
    snippets: entry.snippets.map(({ id, title, language, text }) => ({
      id,
      title,
      language,
      text: render(text, values),
    })),
    notes: usesIdentity && federation.isPlaceholder ? [PLACEHOLDER] : [],
    docs_url: entry.docs?.url ?? null,
    setup: { method: "POST", path: `/api/v1/integrations/${org}/${entry.code.toLowerCase()}/setup` },
  };
}
