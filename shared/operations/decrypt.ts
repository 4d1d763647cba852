import type { DecryptBody, FailuresBody } from "../contract/bodies.ts";
import { Fault, malformed } from "../contract/fault.ts";
import type { Head } from "../contract/rows.ts";
import type { StandIn } from "../contract/secret.ts";
import { timestamp } from "../ports/clock.ts";
import type { SealedHead } from "../ports/credential-store.ts";
import { mint } from "../providers/attempt.ts";
import { looksLikeSecret } from "../registry/check-metadata.ts";
import { asCredential, type OpenFields, open, readFields } from "../vault/seal.ts";
import { memoryPrefix } from "./change.ts";
import { capabilitiesOf, pipelinesOf, refusal } from "./present.ts";
import { asShown } from "./shown.ts";
import { boundMetadata, type Subject, type Works, withoutBound } from "./works.ts";

const MAX_READS = 5;
/** No provider's key is shorter, so shorter texts need no look. */
const SHORTEST_SECRET = 12;
const CACHE_MAX_AGE_S = 300;

/**
 * Hands a credential to a pipeline. What is remembered is used only while it is certain that this process has not
 * changed it, which is looked at again just before answering.
 *
 * @throws Fault `not_configured`, `credential_not_usable`, `token_unsupported`, `integrity`, `key_unavailable`
 */
export async function decrypt(works: Works, { org, entry }: Subject, body: DecryptBody) {
  requireRun(works, { org, entry }, body);
  if (entry.credential_type === "none" && body.as !== "none")
    throw malformed("/as", "must be none: a manual subscription has no secret");
  const pair = { org_slug: org, provider: entry.code };
  const minted = new Map<string, Token | Fault>();
  for (let reads = 0; reads < MAX_READS; reads += 1) {
    const { seen, remembered } = await works.heads.read(pair, () => works.store.readSealed(pair));
    const now = timestamp(works.clock.now());
    const head = requireUsable(asShown(entry, seen.sealed?.head ?? null, now), { org, entry }, now);
    const opened =
      body.as === "none" ? { fields: null, hit: remembered } : await fieldsOf(works, { org, entry }, seen.sealed, head);
    const of = `${head.credential_id} ${head.secret_event_id}`;
    if (body.as === "token" && !minted.has(of))
      minted.set(of, await tokenOrFault(works, { org, entry }, head, opened.fields ?? {}, body.pipeline));
    if (!works.heads.isCurrent(pair, seen)) continue;
    // A refusal too is told only of the credential that is current.
    const token = minted.get(of);
    if (token instanceof Fault) throw token;
    const told = token === undefined ? { credential: opened.fields } : { credential: null, token };
    return { head, body: answer({ org, entry }, head, told, opened.hit) };
  }
  throw new Fault("conflict", { provider: entry.code, retryAfterS: 1 });
}

/**
 * Takes a pipeline's word that the provider refused the credential: it becomes due at once. Where the store is busy the
 * report is logged and still taken.
 *
 * @returns whether the report was new and about the current credential
 */
export async function reportFailure(works: Works, subject: Subject, body: FailuresBody): Promise<boolean> {
  requireRun(works, subject, body);
  const pair = { org_slug: subject.org, provider: subject.entry.code };
  const { seen } = await works.heads.read(pair, () => works.store.readSealed(pair));
  const head = seen.sealed?.head;
  if (
    !head ||
    head.credential_id !== body.credential_id ||
    head.reported_at !== null ||
    (head.validation_status !== "VALID" && head.validation_status !== "PENDING") ||
    recentlyReported(works, body.credential_id)
  )
    return false;
  const about = {
    org_slug: subject.org,
    provider: subject.entry.code,
    credential_id: body.credential_id,
    pipeline: body.pipeline,
    run_id: body.run_id,
  };
  try {
    const marked = await works.store.markReported(body.credential_id, timestamp(works.clock.now()));
    if (marked > 0)
      works.log("WARNING", "integration.failure_reported", {
        ...about,
        ...(body.http_status ? { status: body.http_status } : {}),
      });
    return marked > 0;
  } catch (error) {
    if (!(error instanceof Fault) || error.code !== "store_unavailable") throw error;
    reports.get(works)?.delete(body.credential_id);
    works.log("ERROR", "integration.failure_report_lost", { ...about, code: error.code });
    return false;
  } finally {
    works.heads.drop(pair);
  }
}

const reports = new WeakMap<Works, Map<string, number>>();

/** One report a minute and instance for each credential. */
function recentlyReported(works: Works, credentialId: string): boolean {
  const seen = reports.get(works) ?? new Map<string, number>();
  reports.set(works, seen);
  const now = works.clock.monotonic();
  for (const [id, at] of seen) if (now - at > 60_000) seen.delete(id);
  if (seen.has(credentialId)) return true;
  seen.set(credentialId, now);
  return false;
}

/**
 * What a pipeline says of itself goes into the audit: so its id must be one of this provider's, and its run no secret
 * that slipped into the wrong field. Plain hexadecimal passes, since many orchestrators name runs so.
 *
 * @throws Fault `request_malformed`
 */
export function requireRun(
  works: Pick<Works, "registry">,
  { entry }: Subject,
  run: Pick<DecryptBody, "pipeline" | "run_id">,
): void {
  if (!entry.pipelines.some((known) => known.id === run.pipeline))
    throw malformed(
      "/pipeline",
      `is no pipeline of ${entry.display_name}; known: ${entry.pipelines.map((known) => known.id).join(", ") || "none"}`,
    );
  if (
    run.run_id.length >= SHORTEST_SECRET &&
    !/^[0-9a-f-]*$/i.test(run.run_id) &&
    looksLikeSecret(works.registry, run.run_id)
  )
    throw malformed("/run_id", "looks like a secret; send the id of the run");
}

/** @throws Fault `not_configured`, `credential_not_usable` */
function requireUsable(head: Head | null, { org, entry }: Subject, now: string): Head {
  const about = { provider: entry.code, providerName: entry.display_name };
  const at = `/${org}/${entry.code.toLowerCase()}`;
  if (head === null || head.seq === 0 || head.op === "delete")
    throw new Fault("not_configured", { ...about, remedy: `Set it up: POST ${at}/setup` });
  const isRecord = entry.credential_type === "none";
  const refuse = (reason: string, remedy: string) =>
    new Fault("credential_not_usable", {
      ...about,
      ...(isRecord ? { detail: "The subscription cannot be used" } : {}),
      reason,
      remedy,
      credentialId: head.credential_id,
    });
  if (head.deactivation_scheduled_at !== null && head.deactivation_scheduled_at <= now)
    throw refuse(
      "deactivated",
      `Its scheduled deactivation has passed; set ${isRecord ? "it up again" : "up a credential"}: POST ${at}/setup`,
    );
  if (!head.enabled) throw refuse("disabled", `Enable it: PUT ${at} {"enabled": true}`);
  if (head.validation_status === "INVALID")
    throw refuse("invalid", head.verdict?.remedy ?? `Replace it: POST ${at}/rotate`);
  if (head.validation_status === "EXPIRED")
    throw refuse("expired", (isRecord ? head.verdict?.remedy : null) ?? `Replace it: POST ${at}/rotate`);
  return head;
}

async function fieldsOf(
  works: Works,
  { org, entry }: Subject,
  sealed: SealedHead | null,
  head: Head,
): Promise<{ fields: OpenFields; hit: boolean }> {
  const name = `${memoryPrefix(org, entry.code)}${head.credential_id}\u0000${head.secret_event_id}\u0000${head.key_version}`;
  const binding = {
    org_slug: org,
    provider: entry.code,
    credential_id: head.credential_id,
    credential_type: head.credential_type,
    bound: boundMetadata(entry, head.metadata),
  };
  const { result, hit } = await works.memory.with(
    name,
    () => open(works.keys, binding, sealed?.encrypted_credential ?? null),
    readFields,
  );
  return { fields: result, hit };
}

/** A stand-in minted for one pipeline, as it goes over the wire. */
type Token = Record<string, string> & { type: StandIn["type"]; expires_at: string };

/** What minting came to: a refusal is a value until it is known whether it is about the current credential. */
async function tokenOrFault(...asked: Parameters<typeof tokenFor>): Promise<Token | Fault> {
  try {
    return await tokenFor(...asked);
  } catch (error) {
    if (error instanceof Fault) return error;
    throw error;
  }
}

/**
 * Has the provider make a short-lived stand-in for the credential.
 *
 * @throws Fault `token_unsupported`, `credential_not_usable` where the provider refused the credential itself,
 * `permission_missing`, `provider_unreachable`, `provider_rate_limited`
 */
async function tokenFor(
  works: Works,
  { org, entry }: Subject,
  head: Head,
  fields: OpenFields,
  pipeline: string,
): Promise<Token> {
  const about = { provider: entry.code, providerName: entry.display_name, credentialId: head.credential_id };
  // What belongs to one organisation only, such as a role, must have been proven to belong to this one.
  if (entry.fields.some(({ unique }) => unique) && head.last_validated_at === null)
    throw new Fault("credential_not_usable", {
      ...about,
      reason: "not_proven",
      remedy: `It was stored without validation; validate it: POST /${org}/${entry.code.toLowerCase()}/validate`,
    });
  const owner = { org, metadata: withoutBound(head.metadata, entry), isNew: false };
  const minted = await mint(entry, asCredential(fields), owner, pipeline, works);
  if (minted === null) throw new Fault("token_unsupported", { ...about, remedy: 'Ask with "as": "secret"' });
  if ("fields" in minted) {
    const members = Object.entries(minted.fields).map(([name, secret]) => [name, secret.reveal()]);
    return { ...Object.fromEntries(members), type: minted.type, expires_at: minted.expires_at };
  }
  if (minted.outcome === "rejected" || minted.outcome === "expired")
    throw new Fault("credential_not_usable", {
      ...about,
      reason: minted.outcome,
      remedy: minted.remedy ?? `Replace it: POST /${org}/${entry.code.toLowerCase()}/rotate`,
    });
  throw refusal(entry, minted);
}

function answer(
  { org, entry }: Subject,
  head: Head,
  told: { credential: OpenFields | null; token?: Token },
  hit: boolean,
) {
  return {
    org_slug: org,
    provider: entry.code,
    credential_id: head.credential_id,
    credential_type: head.credential_type,
    ...told,
    metadata: head.metadata,
    fingerprint: head.fingerprint,
    key_version: head.key_version,
    validation_status: head.validation_status,
    last_validated_at: head.last_validated_at,
    capabilities: capabilitiesOf(entry, head.verdict),
    pipelines: pipelinesOf(entry, head.verdict),
    expires_at: head.expires_at,
    cache: hit ? "hit" : "miss",
    cache_max_age_s: CACHE_MAX_AGE_S,
  };
}
