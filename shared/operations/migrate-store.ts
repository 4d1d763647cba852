import { Fault } from "../contract/fault.ts";
import type { Head, Version } from "../contract/rows.ts";
import type { CredentialStore, HeadColumns, Opening, Pair } from "../ports/credential-store.ts";
import { forget, headChange, untilKnown } from "./change.ts";
import { fail, type Migrated, skip } from "./migrate-line.ts";
import type { Works } from "./works.ts";

/** A credential that is sealed and waits to be stored. */
export interface Ready {
  line: Migrated;
  /** The pair's row as it was read; `null` where there is none. */
  head: Head | null;
  version: Version;
  set: HeadColumns;
}

/**
 * The openings of many pairs in the order asked, all in one read; where some row of them cannot be read, pair by pair, so
 * that it stands for itself.
 *
 * @returns Fault `integrity` in the place of what cannot be read
 */
export async function readEachOpening(
  { store }: Pick<Works, "store">,
  asked: Parameters<CredentialStore["readOpenings"]>[0],
  now: string,
): Promise<Array<Opening | Fault | null>> {
  if (asked.length === 0) return [];
  try {
    return await store.readOpenings(asked, now);
  } catch (error) {
    if (!isUnreadable(error)) throw error;
  }
  const openings: Array<Opening | Fault | null> = [];
  for (const one of asked) {
    try {
      openings.push((await store.readOpenings([one], now))[0] ?? null);
    } catch (error) {
      if (!isUnreadable(error)) throw error;
      openings.push(error);
    }
  }
  return openings;
}

function isUnreadable(error: unknown): error is Fault {
  return error instanceof Fault && error.code === "integrity";
}

/** Stores all that was prepared, as an import does; each stands for itself, and what came first here stays. */
export async function storeAll(works: Works, ready: readonly Ready[], now: string): Promise<void> {
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
  let after: Array<Opening | Fault | null> = [];
  await untilKnown(works, async () => {
    after = await readEachOpening(works, asked, now);
  });
  for (const [at, { line, version }] of ready.entries()) {
    const { org_slug, provider, credential_id } = version;
    const seen = after[at] ?? null;
    if (seen instanceof Fault) {
      fail(line, seen);
    } else if (seen?.effective) {
      line.outcome = "taken_over";
      works.log("NOTICE", "integration.migrated", { org_slug, provider, credential_id });
    } else {
      skip(line, "already_here");
    }
  }
}

function pairOf({ org_slug, provider }: Pair): Pair {
  return { org_slug, provider };
}

/** A pair as the name of a map's entry. */
export function nameOf({ org_slug, provider }: Pair): string {
  return `${org_slug} ${provider}`;
}
