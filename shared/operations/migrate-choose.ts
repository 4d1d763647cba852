import { isOrgSlug } from "../contract/names.ts";
import type { OlderCredential } from "../ports/older-credentials.ts";
import type { Entry } from "../registry/entry.ts";
import type { Registry } from "../registry/load.ts";
import { type Migrated, refuse, skip } from "./migrate-line.ts";
import { readTimes } from "./migrate-read.ts";
import type { Ready } from "./migrate-store.ts";

/** Why a row is not taken over although nothing is wrong with it. */
export type Skip = "inactive" | "older_duplicate" | "deactivated" | "already_here" | "deleted_here";

/** A row that may be taken over, and what its provider may be: the entries of a family look alike by name. */
export interface Chosen {
  /** Without the times that cannot be read. */
  row: OlderCredential;
  unread: ReturnType<typeof readTimes>["unread"];
  org: string;
  members: readonly [Entry, ...Entry[]];
  /** Whether its deactivation has passed: it is left where it is, and so is what is older than it. */
  due: boolean;
}

/** A chosen row on its way: what is told of it, and what of it is to be stored. */
export interface Item extends Chosen {
  line: Migrated;
  opened: boolean;
  /** What its provider is, as soon as that is known. */
  entry: Entry | null;
  /** What may belong to one organisation only, and whether this one has proven that it does. */
  claim: { name: string; proven: boolean } | null;
  ready: Ready | null;
}

export interface Choice {
  chosen: Chosen[];
  skipped: Array<{ row: OlderCredential; org: string; provider: string; why: Skip }>;
  refused: Array<{ row: OlderCredential; why: "org_invalid" | "provider_unknown" }>;
}

/**
 * Of each organisation and provider the newest active row by its creation, as the older table's own repair would keep it.
 * A provider is known by its code or an alias, in any case: rows that differ only so are of one pair. Of a name that
 * stands for a family every active row is chosen, since only what it holds tells which entry it is of; and so is every
 * one of a pair whose order cannot be told.
 */
export function choose(registry: Registry, rows: readonly OlderCredential[], now: string): Choice {
  const choice: Choice = { chosen: [], skipped: [], refused: [] };
  const pairs = new Map<string, Array<Omit<Chosen, "due">>>();
  for (const { row, unread } of rows.map(readTimes)) {
    const org = row.org_slug;
    const members = membersOf(registry, row.provider);
    if (org === null || !isOrgSlug(org)) choice.refused.push({ row, why: "org_invalid" });
    else if (members === null) choice.refused.push({ row, why: "provider_unknown" });
    else {
      const name = `${org} ${members[0].code}`;
      pairs.set(name, [...(pairs.get(name) ?? []), { row, unread, org, members }]);
    }
  }
  for (const pair of pairs.values()) {
    const sorted = pair.sort((left, right) => newestFirst(left.row, right.row));
    const active = sorted.filter(({ row }) => row.is_active);
    const unordered = active.some(hasNoOrder);
    let taken = false;
    for (const { row, unread, org, members } of sorted) {
      const due = row.deactivation_scheduled_at !== null && row.deactivation_scheduled_at <= now;
      const each = members.length > 1 || unordered;
      const why = !row.is_active ? "inactive" : taken && !each ? "older_duplicate" : null;
      taken ||= row.is_active;
      if (why === null) choice.chosen.push({ row, unread, org, members, due });
      else choice.skipped.push({ row, org, provider: members[0].code, why });
    }
  }
  return choice;
}

/** What an older provider's name may mean: one entry, or the entries of a family, which differ in the credential's shape. */
function membersOf(registry: Registry, name: string | null): Chosen["members"] | null {
  const segment = (name ?? "").trim().toLowerCase();
  const [first, ...others] = registry.familyOf(segment);
  if (first !== undefined) return [first, ...others];
  const entry = registry.byPath(segment) ?? registry.byCode(segment.toUpperCase());
  return entry === null ? null : [entry];
}

/**
 * Settles what may be stored, when all of it has been opened. Several names, or several rows of a family's name, may have
 * come to one provider by the shape of what they held: the newest row stands, and nothing older in its place where it was
 * refused or deactivated, or where it could not be told what it is. What may belong to one organisation only goes to the
 * first of them, as if each had come alone.
 */
export function settle(items: readonly Item[]): void {
  const sorted = [...items].sort((left, right) => newestFirst(left.row, right.row));
  for (const item of sorted) {
    const { entry, org, line } = item;
    if (entry === null || (line.outcome === "failed" && !isPlanned(item))) continue;
    const rivals = sorted.filter((one) => one.org === org && mayBeOf(one, entry));
    const newer = rivals.slice(0, rivals.indexOf(item));
    if (rivals.length > 1 && rivals.some(hasNoOrder)) {
      if (isPlanned(item)) drop(item, "created_at_unreadable");
    } else if (newer.some((one) => one.entry !== null)) {
      item.ready = null;
      skip(line, "older_duplicate");
    } else if (newer.length > 0 && isPlanned(item)) drop(item, "newer_unopened");
  }
  const held = new Set<string>();
  const planned = items.filter(isPlanned).sort((left, right) => (left.org < right.org ? -1 : 1));
  for (const item of planned) {
    const { claim } = item;
    if (claim === null) continue;
    if (held.has(claim.name)) drop(item, "conflict");
    // A claim that nobody has proven, which anybody can make, keeps nobody out.
    else if (claim.proven) held.add(claim.name);
  }
}

function isPlanned({ ready, line }: Item): boolean {
  return ready !== null || line.outcome === "would_take_over";
}

/** Of a family whose row did not open it may be any. */
function mayBeOf({ entry, members }: Item, wanted: Entry): boolean {
  return entry === null ? members.includes(wanted) : entry === wanted;
}

function hasNoOrder({ unread }: Pick<Chosen, "unread">): boolean {
  return unread.includes("created_at");
}

function drop(item: Item, code: Parameters<typeof refuse>[1]): void {
  item.ready = null;
  refuse(item.line, code);
}

/** Equal ones in an order that stays. */
function newestFirst(left: OlderCredential, right: OlderCredential): number {
  const [one, two] = [left.created_at ?? "", right.created_at ?? ""];
  if (one !== two) return one > two ? -1 : 1;
  return (left.credential_id ?? "") > (right.credential_id ?? "") ? -1 : 1;
}
