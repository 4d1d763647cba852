import { Fault } from "../contract/fault.ts";
import type { Head } from "../contract/rows.ts";
import { timestamp } from "../ports/clock.ts";
import type { Entry } from "../registry/entry.ts";
import { isConfigured } from "./present.ts";
import type { Works } from "./works.ts";

/**
 * The one of a family's entries that is configured, where a path names the family (`aws`) or its first entry
 * (`aws_iam`), which falls through to the others only where it is not configured itself.
 *
 * @param remembered whether a head may be seconds old, as decrypt's may
 * @throws Fault `conflict` where the family was named and several are configured
 */
export async function configuredOf(
  works: Works,
  org: string,
  members: readonly Entry[],
  segment: string,
  remembered: boolean,
): Promise<Entry> {
  const now = timestamp(works.clock.now());
  const heads = remembered
    ? await Promise.all(members.map((entry) => rememberedHead(works, org, entry)))
    : await headsOf(works, org, members, now);
  const configured = members.filter((_, index) => isConfigured(heads[index] ?? null, now));
  const [first] = members;
  const [chosen] = configured;
  if (first === undefined) throw new Fault("provider_unknown");
  // Of what is gone there still is a history.
  if (chosen === undefined) return members.find((_, index) => (heads[index]?.seq ?? 0) > 0) ?? first;
  if (configured.length === 1) return chosen;
  if (segment === first.code.toLowerCase()) return first;
  const paths = configured.map(({ code }) => `/${org}/${code.toLowerCase()}`);
  throw new Fault("conflict", {
    detail: `Both ${configured.map(({ code }) => code).join(" and ")} are configured, so ${segment} could be either`,
    reason: "ambiguous",
    remedy: `Name the one that is meant: ${paths.join(" or ")}`,
  });
}

/** The heads of all members in one statement. */
async function headsOf(works: Works, org: string, members: readonly Entry[], now: string): Promise<Array<Head | null>> {
  const asked = members.map(({ code }) => ({
    org_slug: org,
    provider: code,
    idempotencyKeyHash: null,
    eventId: null,
  }));
  return (await works.store.readOpenings(asked, now)).map(({ head }) => head);
}

async function rememberedHead(works: Works, org: string, entry: Entry): Promise<Head | null> {
  const pair = { org_slug: org, provider: entry.code };
  const { seen } = await works.heads.read(pair, () => works.store.readSealed(pair));
  return seen.sealed?.head ?? null;
}
