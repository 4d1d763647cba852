import { Fault } from "../contract/fault.ts";
import { isOrgSlug } from "../contract/names.ts";
import type { OrgKey } from "../contract/rows.ts";
import type { Secret } from "../contract/secret.ts";
import { timestamp } from "../ports/clock.ts";
import type { OrgKeyStore } from "../ports/key-registry.ts";
import type { Pepper } from "../ports/secret-source.ts";
import { earlierOf, isLegacyKey, legacyKeyId, legacyKeyRow, newestPepper, standingOf } from "../vault/legacy-key.ts";
import { hashOrgKey, sameHash } from "../vault/org-key.ts";
import { Lanes } from "./lanes.ts";
import type { Requester, Works } from "./works.ts";

const AT_ONCE = 8;

/** One key as it was found, with every organisation that it was found for. */
export interface FoundKey {
  key: Secret;
  org_slugs: readonly string[];
  /** When it ends where it was found, RFC 3339, UTC, milliseconds; nothing where that is not said. */
  expires_at?: string | null;
}

export interface KeysRequest extends Requester {
  /** Changes nothing. */
  dryRun: boolean;
  /** When they end at the latest, RFC 3339, UTC, milliseconds. */
  until: string;
  /** live, test or local: where they are taken. */
  environment: string;
}

/** What has become of one key. The key itself is not in it. */
export interface TakenKey {
  org_slug: string | null;
  /** `null` where it was not taken. */
  key_id: string | null;
  outcome: "imported" | "would_import" | "skipped" | "failed";
  code?:
    | "already_here"
    | "revoked_here"
    | "revoked_before"
    | "expired"
    | "key_shape"
    | "org_invalid"
    | "several_organisations"
    | "other_organisation";
}

/**
 * Hashes keys of the older kind into ours: flagged, of the scope manage, with an end. What is here already stays as it
 * is, revoked or not, so that a run that was cut off goes on by running again. Where a key of its organisation was revoked
 * under a pepper that is gone nobody can tell whether it is this one, and it is not taken (`revoked_before`).
 *
 * @returns one line each, in their order
 * @throws Fault `key_unavailable`, `store_unavailable`, `audit_unavailable`; what was taken until then stays
 */
export async function takeOverKeys(
  works: Pick<Works, "clock" | "secrets" | "audit"> & { orgKeys: OrgKeyStore },
  request: KeysRequest,
  found: readonly FoundKey[],
): Promise<TakenKey[]> {
  const peppers = await works.secrets.peppers();
  const lines: TakenKey[] = found.map(() => ({ org_slug: null, key_id: null, outcome: "failed" }));
  const lanes = new Lanes();
  let failure: unknown = null;
  for (const [at, one] of found.entries())
    lanes.add("keys", AT_ONCE, async () => {
      if (failure !== null) return;
      try {
        lines[at] = await takeOne(works, request, one, peppers);
      } catch (error) {
        failure ??= error;
      }
    });
  await lanes.idle();
  if (failure !== null) throw failure;
  return lines;
}

async function takeOne(
  works: Pick<Works, "clock" | "secrets" | "audit"> & { orgKeys: OrgKeyStore },
  request: KeysRequest,
  { key, org_slugs, expires_at = null }: FoundKey,
  peppers: readonly [Pepper, ...Pepper[]],
): Promise<TakenKey> {
  const [org, ...others] = [...new Set(org_slugs)];
  const failed = (code: NonNullable<TakenKey["code"]>): TakenKey => ({
    org_slug: org !== undefined && isOrgSlug(org) && others.length === 0 ? org : null,
    key_id: null,
    outcome: "failed",
    code,
  });
  const text = key.reveal();
  if (!isLegacyKey(text)) return failed("key_shape");
  if (others.length > 0) return failed("several_organisations");
  if (org === undefined || !isOrgSlug(org)) return failed("org_invalid");
  const known = await findAny(works.orgKeys, text, peppers);
  if (known !== null && known.org_slug !== org) return failed("other_organisation");
  if (known !== null) return hereAlready(org, known);
  const rows = await works.orgKeys.listKeys(org);
  const held = await works.secrets.peppers(newestPepper(rows));
  const standing = standingOf(text, rows, held);
  if (standing === "unknowable") return failed("revoked_before");
  if (standing !== null) return hereAlready(org, standing);
  const [pepper] = held;
  const now = timestamp(works.clock.now());
  const { environment, actor } = request;
  const until = earlierOf(request.until, expires_at);
  if (expires_at !== null && expires_at <= now)
    return { org_slug: org, key_id: null, outcome: "skipped", code: "expired" };
  const row = legacyKeyRow(text, { org, environment, pepper, now, until, by: actor });
  if (request.dryRun) return { org_slug: org, key_id: row.key_id, outcome: "would_import" };
  record(works, request, row);
  await works.orgKeys.addKey(row);
  return { org_slug: org, key_id: row.key_id, outcome: "imported" };
}

function hereAlready(org: string, { key_id, revoked_at }: OrgKey): TakenKey {
  return { org_slug: org, key_id, outcome: "skipped", code: revoked_at === null ? "already_here" : "revoked_here" };
}

/** The row of a key under whichever pepper it was made, a revoked one first. @throws Fault `integrity` where one stands there that is not its own */
async function findAny(
  orgKeys: OrgKeyStore,
  text: string,
  peppers: readonly [Pepper, ...Pepper[]],
): Promise<OrgKey | null> {
  let found: OrgKey | null = null;
  for (const { bytes } of peppers) {
    const hmac = hashOrgKey(bytes, text);
    const row = await orgKeys.findKey(legacyKeyId(hmac));
    if (row === null) continue;
    if (!sameHash(row.key_hmac, hmac))
      throw new Fault("integrity", { cause: new Error("another key stands under this key's id") });
    if (found === null || row.revoked_at !== null) found = row;
  }
  return found;
}

function record(works: Pick<Works, "audit">, request: KeysRequest, row: OrgKey): void {
  works.audit.write({
    request_id: request.requestId,
    actor_type: "operator",
    actor_id: request.actor,
    org_slug: row.org_slug,
    provider: null,
    operation: "org_key.import",
    decision: "allow",
    outcome: "ok",
    status: 0,
    target_id: row.key_id,
  });
}
