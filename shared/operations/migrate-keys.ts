import { Fault } from "../contract/fault.ts";
import { isOrgSlug } from "../contract/names.ts";
import type { OrgKey } from "../contract/rows.ts";
import type { Secret } from "../contract/secret.ts";
import { timestamp } from "../ports/clock.ts";
import type { OrgKeyStore } from "../ports/key-registry.ts";
import type { Pepper } from "../ports/secret-source.ts";
import {
  earlierOf,
  isLegacyKey,
  lastEndOf,
  legacyKeyId,
  legacyKeyRow,
  newestPepper,
  standingOf,
} from "../vault/legacy-key.ts";
import { hashOrgKey, sameHash } from "../vault/org-key.ts";
import { reaching } from "../vault/peppers.ts";
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
    | "ended_here"
    | "revoked_here"
    | "ended_before"
    | "revoked_before"
    | "expired"
    | "key_shape"
    | "org_invalid"
    | "several_organisations"
    | "other_organisation";
}

type KeyWorks = Pick<Works, "clock" | "secrets" | "audit"> & { orgKeys: OrgKeyStore };

/**
 * Hashes keys of the older kind into ours: flagged, of the scope manage, with an end. What is here already stays as it
 * is, revoked or not, so that a run that was cut off goes on by running again; one that is here under two peppers and was
 * revoked under one is revoked under the other too. Where a key of its organisation was revoked or ended under a pepper
 * that is gone nobody can tell whether it is this one: it is not taken (`revoked_before`, `ended_before`), nor beyond the
 * last end of those.
 *
 * @param told gets what has become of each, in their order, where the run ends by a fault; `null` where that is not known
 * @returns one line each, in their order
 * @throws Fault `key_unavailable`, `store_unavailable`, `audit_unavailable`; what was taken until then stays
 */
export async function takeOverKeys(
  works: KeyWorks,
  request: KeysRequest,
  found: readonly FoundKey[],
  told?: (lines: ReadonlyArray<TakenKey | null>) => void,
): Promise<TakenKey[]> {
  const peppers = await works.secrets.peppers();
  const lines: Array<TakenKey | null> = found.map(() => null);
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
  if (failure === null) return lines.filter((line) => line !== null);
  told?.(lines);
  throw failure;
}

async function takeOne(
  works: KeyWorks,
  request: KeysRequest,
  { key, org_slugs, expires_at = null }: FoundKey,
  peppers: readonly [Pepper, ...Pepper[]],
): Promise<TakenKey> {
  const [org, ...others] = [...new Set(org_slugs)];
  const failed = (code: NonNullable<TakenKey["code"]>): TakenKey => ({
    // Where the columns are swapped a key stands here.
    org_slug: org !== undefined && isOrgSlug(org) && !isLegacyKey(org) && others.length === 0 ? org : null,
    key_id: null,
    outcome: "failed",
    code,
  });
  const text = key.reveal();
  if (!isLegacyKey(text)) return failed("key_shape");
  if (others.length > 0) return failed("several_organisations");
  if (org === undefined || !isOrgSlug(org)) return failed("org_invalid");
  const { environment, actor } = request;
  const now = timestamp(works.clock.now());
  const [known, ...twins] = await findAll(works.orgKeys, text, peppers);
  if (known !== undefined) {
    if (known.org_slug !== org) return failed("other_organisation");
    if (known.revoked_at !== null && !request.dryRun) await revokeAll(works, request, twins, now);
    return hereAlready(known, now);
  }
  const rows = await works.orgKeys.listKeys(org);
  const newest = newestPepper(rows);
  const held = reaching(await works.secrets.peppers(newest), newest);
  const standing = standingOf(text, rows, held);
  if (standing === "unknowable") return failed("revoked_before");
  if (standing !== null) return hereAlready(standing, now);
  const vouched = earlierOf(request.until, expires_at);
  if (vouched <= now) return { org_slug: org, key_id: null, outcome: "skipped", code: "expired" };
  const until = earlierOf(vouched, lastEndOf(rows, held));
  if (until <= now) return failed("ended_before");
  const row = legacyKeyRow(text, { org, environment, pepper: held[0], now, until, by: actor });
  if (request.dryRun) return { org_slug: org, key_id: row.key_id, outcome: "would_import" };
  record(works, request, row, "org_key.import");
  await works.orgKeys.addKey(row);
  return { org_slug: org, key_id: row.key_id, outcome: "imported" };
}

function hereAlready({ org_slug, key_id, revoked_at, expires_at }: OrgKey, now: string): TakenKey {
  const ended = expires_at === null || expires_at <= now;
  const code = revoked_at !== null ? "revoked_here" : ended ? "ended_here" : "already_here";
  return { org_slug, key_id, outcome: "skipped", code };
}

/** The rows of a key under whichever pepper they were made, a revoked one first. @throws Fault `integrity` where one stands there that is not its own */
async function findAll(orgKeys: OrgKeyStore, text: string, peppers: readonly [Pepper, ...Pepper[]]): Promise<OrgKey[]> {
  const found: OrgKey[] = [];
  for (const { bytes } of peppers) {
    const hmac = hashOrgKey(bytes, text);
    const row = await orgKeys.findKey(legacyKeyId(hmac));
    if (row === null) continue;
    if (!sameHash(row.key_hmac, hmac))
      throw new Fault("integrity", { cause: new Error("another key stands under this key's id") });
    if (row.revoked_at === null) found.push(row);
    else found.unshift(row);
  }
  return found;
}

/** Once the pepper of a revoked row is gone a live one beside it would be all that is found. */
async function revokeAll(works: KeyWorks, request: KeysRequest, rows: readonly OrgKey[], now: string): Promise<void> {
  for (const row of rows.filter(({ revoked_at }) => revoked_at === null)) {
    record(works, request, row, "org_key.revoke");
    await works.orgKeys.revokeKey(row.key_id, now, request.actor);
  }
}

function record(works: KeyWorks, request: KeysRequest, row: OrgKey, operation: string): void {
  works.audit.write({
    request_id: request.requestId,
    actor_type: "operator",
    actor_id: request.actor,
    org_slug: row.org_slug,
    provider: null,
    operation,
    decision: "allow",
    outcome: "ok",
    status: 0,
    target_id: row.key_id,
  });
}
