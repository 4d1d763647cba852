import type { SetupBody } from "../contract/bodies.ts";
import { Fault } from "../contract/fault.ts";
import type { Precondition } from "../contract/precondition.ts";
import type { Head } from "../contract/rows.ts";
import { type Status, statusOf } from "../contract/verdict.ts";
import { timestamp } from "../ports/clock.ts";
import type { HeadColumns } from "../ports/credential-store.ts";
import { checkMetadata } from "../registry/check-metadata.ts";
import { change, type Done, type Idempotency, type Plan, requirePrecondition } from "./change.ts";
import { capabilitiesOf, isConfigured, pipelinesOf, verdictAnswer } from "./present.ts";
import {
  type Claim,
  mergeMetadata,
  type Proven,
  prove,
  requireHarmlessName,
  requireValid,
  type Sealed,
  sealProven,
  storedMetadata,
} from "./prove.ts";
import { announceStatus } from "./record.ts";
import { earliest, nextDueAt, passedThreshold, requireFuture } from "./schedule.ts";
import { settingsMark } from "./shown.ts";
import { noRoom, requireNamed, roomForCustom } from "./subscription.ts";
import { type Requester, type Subject, type Works, withoutBound } from "./works.ts";

export interface SetupRequest extends Subject, Requester {
  body: SetupBody;
  idempotency: Idempotency | null;
  precondition: Precondition;
}

/**
 * Format → connection test → encrypt → store. Nothing is stored unless the credential passed; `skip_validation`
 * stores PENDING. The answer says what became of it.
 *
 * @throws Fault `credential_format`, `credential_rejected`, `permission_missing`, `provider_unreachable`,
 * `provider_rate_limited`, `encryption_failed`, and those of `change`
 */
export async function setup(works: Works, request: SetupRequest): Promise<Done & { sealed: Sealed | null }> {
  const { entry, body } = request;
  const made: { proven: Proven | null; settings: string | null; sealed: Sealed | null; before: Head | null } = {
    proven: null,
    settings: null,
    sealed: null,
    before: null,
  };
  const done = await change(works, { ...request, repeats: true }, async (head) => {
    checkBody(works, request);
    const kept = isConfigured(head, timestamp(works.clock.now())) ? head : null;
    made.before = kept;
    const metadata = withoutBound(mergeMetadata(kept?.metadata ?? {}, body.metadata ?? {}), entry);
    // A credential is proven once with the same settings; a record is what it has become, so it is always read anew.
    const settings = settingsMark(entry, metadata);
    if (made.proven === null || made.settings !== settings || entry.credential_type === "none")
      made.proven = await prove(works, claimOf(request, metadata, body.skip_validation));
    made.settings = settings;
    requireValid(entry, made.proven);
    await requirePlace(works, request, kept);
    made.sealed ??= await sealProven(works, request, made.proven, metadata);
    const sealed = { ...made.sealed, metadata: storedMetadata(entry, made.proven, metadata) };
    return setupPlan(works, request, body, kept, made.proven, sealed);
  });
  if (done.replayed) return { ...done, sealed: null };
  if (made.before !== null && made.proven !== null) announceStatus(works, made.before, statusAfter(made.proven));
  return { ...done, sealed: made.sealed };
}

/** Everything of setup but encrypting and storing. @throws Fault `credential_format`, `already_exists`, `precondition_failed` */
export async function dryRun(works: Works, request: SetupRequest) {
  const now = timestamp(works.clock.now());
  const head = await works.store.readHead({ org_slug: request.org, provider: request.entry.code });
  requirePrecondition(head, request, now);
  checkBody(works, request);
  const kept = isConfigured(head, now) ? head : null;
  const metadata = withoutBound(mergeMetadata(kept?.metadata ?? {}, request.body.metadata ?? {}), request.entry);
  const proven = await prove(works, claimOf(request, metadata, false));
  await requirePlace(works, request, kept);
  const { verdict, checkedAt } = proven;
  if (verdict === null || checkedAt === null) throw new Fault("internal");
  const answer = verdictAnswer(request.entry, verdict, {
    status: statusOf(verdict.outcome) ?? "PENDING",
    lastValidatedAt: verdict.outcome === "valid" ? checkedAt : null,
    lastCheckedAt: checkedAt,
  });
  return { ...answer, warnings: proven.warnings, dry_run: true };
}

function claimOf({ org, entry, body }: SetupRequest, metadata: Head["metadata"], skipValidation: boolean): Claim {
  return { org, entry, submitted: body.credential, metadata, skipValidation };
}

/** The status that a credential is stored with. */
export function statusAfter({ verdict }: Pick<Proven, "verdict">): Status {
  return verdict === null ? "PENDING" : (statusOf(verdict.outcome) ?? "PENDING");
}

/** @throws Fault `request_malformed` where a custom subscription has no name, `conflict` where there is no room for it */
async function requirePlace(works: Works, { org, entry, body }: SetupRequest, kept: Head | null): Promise<void> {
  requireNamed(entry, body.credential_name, kept);
  if (entry.custom && kept === null && (await roomForCustom(works, org)) === 0) throw noRoom(entry);
}

/** What a credential is called where nobody named it. */
export function defaultName(entry: Subject["entry"]): string {
  return `${entry.display_name} ${entry.credential_type === "none" ? "subscription" : "API Key"}`;
}

function checkBody(works: Works, { entry, body }: SetupRequest): void {
  requireHarmlessName(works.registry, body.credential_name);
  requireFuture("/expires_at", body.expires_at, works.clock.now(), 10);
  if (body.metadata) checkMetadata(works.registry, entry, body.metadata);
}

/** The plan that makes a sealed credential current. `kept` is what is configured now, if anything. */
export function setupPlan(
  works: Works,
  request: Subject & Requester,
  asked: Pick<SetupBody, "credential_name" | "expires_at">,
  kept: Head | null,
  proven: Proven,
  sealed: Sealed,
): Plan & { set: HeadColumns } {
  const { entry } = request;
  const declared = asked.expires_at ?? kept?.expires_at_declared ?? null;
  const name = asked.credential_name ?? kept?.credential_name ?? defaultName(entry);
  const columns = newCredentialColumns(works, request, kept, proven, sealed, declared);
  return {
    op: "setup",
    status: kept === null ? 201 : 200,
    body: configuredAnswer(entry, columns, proven.warnings, "Integration configured successfully"),
    set: { ...columns, op: "setup", credential_name: name, enabled: true, deactivation_scheduled_at: null },
    version: versionPart(sealed, entry.credential_type, name),
  };
}

/** The head's columns after a new credential, the columns of a check included. */
export function newCredentialColumns(
  works: Works,
  request: Subject & Requester,
  kept: Head | null,
  proven: Proven,
  sealed: Sealed,
  declared: string | null,
): HeadColumns {
  const nowMs = works.clock.now();
  const now = timestamp(nowMs);
  const { verdict } = proven;
  const expiresAt = earliest(declared, verdict?.expires_at ?? null);
  return {
    secret_event_id: null,
    op: kept === null ? "setup" : "rotate",
    credential_id: sealed.credentialId,
    credential_type: request.entry.credential_type,
    credential_name: kept?.credential_name ?? defaultName(request.entry),
    key_version: sealed.keyVersion,
    fingerprint: sealed.fingerprint,
    metadata: sealed.metadata,
    enabled: kept?.enabled ?? true,
    expires_at_declared: declared,
    expires_at: expiresAt,
    deactivation_scheduled_at: kept?.deactivation_scheduled_at ?? null,
    validation_status: statusAfter(proven),
    last_validated_at: verdict?.outcome === "valid" ? proven.checkedAt : null,
    last_checked_at: verdict === null ? null : proven.checkedAt,
    error_code: null,
    verdict,
    consecutive_failures: 0,
    next_due_at: verdict === null ? now : nextDueAt(request.entry, verdict, 0, expiresAt, nowMs),
    reported_at: null,
    notified_days: passedThreshold(expiresAt, nowMs),
    created_at: kept?.created_at ?? now,
    updated_at: now,
    created_by: request.actor,
  };
}

/** The version's share of a new credential. */
export function versionPart(sealed: Sealed, credentialType: string, name: string): Plan["version"] {
  return {
    credential_id: sealed.credentialId,
    credential_type: credentialType,
    encrypted_credential: sealed.ciphertext,
    key_version: sealed.keyVersion,
    fingerprint: sealed.fingerprint,
    credential_name: name,
    metadata: sealed.metadata,
  };
}

/** What setup, PUT and rotate answer. */
export function configuredAnswer(
  entry: Subject["entry"],
  columns: Pick<Head, "credential_id" | "validation_status" | "verdict">,
  warnings: string[],
  message: string,
): Record<string, unknown> {
  return {
    success: true,
    provider: entry.code,
    credential_id: columns.credential_id,
    validation_status: columns.validation_status,
    message,
    capabilities: capabilitiesOf(entry, columns.verdict),
    pipelines: pipelinesOf(entry, columns.verdict),
    warnings,
  };
}
