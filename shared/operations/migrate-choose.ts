import { isOrgSlug } from "../contract/names.ts";
import type { OlderCredential } from "../ports/older-credentials.ts";
import type { Entry } from "../registry/entry.ts";
import type { Registry } from "../registry/load.ts";

/** Why a row is not taken over although nothing is wrong with it. */
export type Skip = "inactive" | "older_duplicate" | "deactivated" | "already_here" | "deleted_here";

/** A row that may be taken over, and what its provider may be: the entries of a family look alike by name. */
export interface Chosen {
  row: OlderCredential;
  org: string;
  members: readonly [Entry, ...Entry[]];
  /** Whether its deactivation has passed: it is left where it is, and so is what is older than it. */
  due: boolean;
}

export interface Choice {
  chosen: Chosen[];
  skipped: Array<{ row: OlderCredential; org: string; provider: string; why: Skip }>;
  refused: Array<{ row: OlderCredential; why: "org_invalid" | "provider_unknown" }>;
}

/**
 * Of each organisation and provider the newest active row by its creation, as the older table's own repair would keep it.
 * A provider is known by its code or an alias, in any case: rows that differ only so are of one pair. Of a name that
 * stands for a family every active row is chosen, since only what it holds tells which entry it is of.
 */
export function choose(registry: Registry, rows: readonly OlderCredential[], now: string): Choice {
  const choice: Choice = { chosen: [], skipped: [], refused: [] };
  const pairs = new Map<string, Array<Omit<Chosen, "due">>>();
  for (const row of rows) {
    const org = row.org_slug;
    const members = membersOf(registry, row.provider);
    if (org === null || !isOrgSlug(org)) choice.refused.push({ row, why: "org_invalid" });
    else if (members === null) choice.refused.push({ row, why: "provider_unknown" });
    else {
      const name = `${org} ${members[0].code}`;
      pairs.set(name, [...(pairs.get(name) ?? []), { row, org, members }]);
    }
  }
  for (const pair of pairs.values()) {
    const sorted = pair.sort((left, right) => newestFirst(left.row, right.row));
    let taken = false;
    for (const { row, org, members } of sorted) {
      const due = row.deactivation_scheduled_at !== null && row.deactivation_scheduled_at <= now;
      const family = members.length > 1;
      const settled = taken ? "older_duplicate" : due ? "deactivated" : null;
      const why = !row.is_active ? "inactive" : family ? null : settled;
      if (row.is_active && !family) taken = true;
      if (why === null) choice.chosen.push({ row, org, members, due });
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

/** Equal ones in an order that stays. */
export function newestFirst(left: OlderCredential, right: OlderCredential): number {
  const [one, two] = [left.created_at ?? "", right.created_at ?? ""];
  if (one !== two) return one > two ? -1 : 1;
  return (left.credential_id ?? "") > (right.credential_id ?? "") ? -1 : 1;
}
