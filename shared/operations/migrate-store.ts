import type { Head, Version } from "../contract/rows.ts";
import type { HeadColumns, Pair } from "../ports/credential-store.ts";
import { forget, headChange, untilKnown } from "./change.ts";
import { type Migrated, skip } from "./migrate-line.ts";
import type { Works } from "./works.ts";

/** A credential that is sealed and waits to be stored. */
export interface Ready {
  line: Migrated;
  /** The pair's row as it was read; `null` where there is none. */
  head: Head | null;
  version: Version;
  set: HeadColumns;
  createdAt: string;
}

/** Stores all that was prepared, as an import does; each stands for itself, and what came first here stays. */
export async function storeAll(works: Works, prepared: readonly Ready[], now: string): Promise<void> {
  const ready = onePerPair(prepared);
  if (ready.length === 0) return;
  const missing = ready.filter(({ head }) => head === null).map(({ version }) => pairOf(version));
  if (missing.length > 0) await untilKnown(works, () => works.store.placeHeads(missing, now));
  await untilKnown(works, () => works.store.appendVersions(ready.map(({ version }) => version)));
  const changes = ready.map(({ version, set }) => ({
    ...headChange({ op: version.op, status: 0, body: {}, set, version }, version),
    set,
  }));
  try {
    await untilKnown(works, () => works.store.advanceHeads(changes));
  } finally {
    for (const { version } of ready) forget(works, version.org_slug, version.provider);
  }
  const asked = ready.map(({ version }) => ({
    ...pairOf(version),
    idempotencyKeyHash: null,
    eventId: version.event_id,
  }));
  const after = await works.store.readOpenings(asked, now);
  for (const [at, { line, version }] of ready.entries()) {
    const { org_slug, provider, credential_id } = version;
    if (after[at]?.effective) {
      line.outcome = "taken_over";
      works.log("NOTICE", "integration.migrated", { org_slug, provider, credential_id });
    } else {
      skip(line, "already_here");
    }
  }
}

/** Two older names may have come to one provider by the shape of what they sealed: the newer row stands. */
function onePerPair(ready: readonly Ready[]): Ready[] {
  const newest = new Map<string, Ready>();
  const sorted = [...ready].sort((left, right) =>
    left.createdAt === right.createdAt ? 0 : left.createdAt > right.createdAt ? -1 : 1,
  );
  for (const one of sorted) {
    const name = nameOf(one.version);
    if (newest.has(name)) skip(one.line, "older_duplicate");
    else newest.set(name, one);
  }
  return [...newest.values()];
}

function pairOf({ org_slug, provider }: Pair): Pair {
  return { org_slug, provider };
}

/** A pair as the name of a map's entry. */
export function nameOf({ org_slug, provider }: Pair): string {
  return `${org_slug} ${provider}`;
}
