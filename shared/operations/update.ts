import type { UpdateBody } from "../contract/bodies.ts";
import { malformed } from "../contract/fault.ts";
import type { Precondition } from "../contract/precondition.ts";
import type { Head, Op } from "../contract/rows.ts";
import { timestamp } from "../ports/clock.ts";
import { checkMetadata } from "../registry/check-metadata.ts";
import { change, configuredHead, type Done, type Idempotency, type Plan } from "./change.ts";
import {
  mergeMetadata,
  type Proven,
  prove,
  requireHarmlessName,
  requireValid,
  type Sealed,
  sealProven,
} from "./prove.ts";
import { announceStatus } from "./record.ts";
import { earliest, nextThreshold, requireFuture } from "./schedule.ts";
import { configuredAnswer, newCredentialColumns, versionPart } from "./setup.ts";
import { asShown, settingsMark } from "./shown.ts";
import { recordVerdict, requireNamed, requireRecord } from "./subscription.ts";
import { type Requester, type Subject, type Works, withoutBound } from "./works.ts";

export interface UpdateRequest extends Subject, Requester {
  body: UpdateBody;
  /** What is said on success: that of update, or of rotate. */
  message: string;
  idempotency: Idempotency | null;
  precondition: Precondition;
}

/**
 * Changes what is stored. Without a credential the secret is kept untouched; a new credential is proven before it
 * replaces the old one, which stays active until then.
 *
 * @throws Fault `not_configured`, those of setup, `conflict` where another change came first
 */
export async function update(works: Works, request: UpdateRequest): Promise<Done & { sealed: Sealed | null }> {
  const { entry, body } = request;
  if (body.metadata !== undefined && body.config !== undefined)
    throw malformed("/config", "is the older name of metadata; send one of them");
  const { mirrored, settings } = splitMirrored(entry, body.metadata ?? body.config ?? {});
  const made: { sealed: Sealed | null; before: Head | null } = { sealed: null, before: null };
  const done = await change(works, { ...request, repeats: false }, async (found) => {
    const patch = checkMetadata(works.registry, entry, settings);
    requireHarmlessName(works.registry, body.credential_name);
    requireFuture("/expires_at", body.expires_at, works.clock.now(), 10);
    requireFuture("/deactivation_scheduled_at", body.deactivation_scheduled_at, works.clock.now(), 1);
    const head = configuredHead(found, works, entry);
    made.before = head;
    requireNamed(entry, body.credential_name, head);
    requireUnchanged(head, mirrored);
    const metadata = mergeMetadata(head.metadata, patch);
    if (body.credential === undefined) {
      if (entry.credential_type === "none" && Object.keys(patch).length > 0) requireRecord(entry, metadata);
      return settingsPlan(works, request, head, metadata);
    }
    const proven = await prove(works, {
      org: request.org,
      entry,
      submitted: body.credential,
      metadata: withoutBound(metadata, entry),
      skipValidation: false,
    });
    requireValid(entry, proven);
    made.sealed = await sealProven(works, request, proven, metadata);
    return credentialPlan(works, request, head, proven, made.sealed);
  });
  const { sealed, before } = made;
  if (!done.replayed && before !== null && sealed !== null) announceStatus(works, before, "VALID");
  return { ...done, sealed };
}

/** The fields of the credential that metadata mirrors, and the settings that are a customer's to change. */
function splitMirrored(entry: Subject["entry"], metadata: Head["metadata"]) {
  const isField = ([name]: [string, unknown]) => entry.fields.some((field) => field.name === name);
  const entries = Object.entries(metadata);
  return {
    mirrored: Object.fromEntries(entries.filter(isField)),
    settings: Object.fromEntries(entries.filter((one) => !isField(one))),
  };
}

/** Who sends back what was read may do so; a mirrored field changes only with its credential. @throws Fault `request_malformed` */
function requireUnchanged(head: Head, mirrored: Head["metadata"]): void {
  for (const [name, value] of Object.entries(mirrored)) {
    if (head.metadata[name] !== value)
      throw malformed(`/metadata/${name}`, "is part of the credential: send it inside `credential`");
  }
}

/**
 * The plan of a change that leaves the secret and everything a check has found as they are. Expiry and due time, which
 * checks and reports set as well, are written only where the change is about them.
 */
function settingsPlan(works: Works, request: UpdateRequest, head: Head, metadata: Head["metadata"]): Plan {
  const { body, entry } = request;
  const nowMs = works.clock.now();
  const declared = body.expires_at === undefined ? head.expires_at_declared : body.expires_at;
  const isRecord = entry.credential_type === "none";
  const now = timestamp(nowMs);
  const found = isRecord ? recordVerdict(entry, metadata, now) : head.verdict;
  const expiresAt = earliest(declared, found?.expires_at ?? null);
  const name = body.credential_name ?? head.credential_name;
  const enabled = body.enabled ?? head.enabled;
  const isChanged = settingsMark(entry, head.metadata) !== settingsMark(entry, metadata);
  const isAsked = isRecord || isChanged || (enabled && !head.enabled);
  const threshold = body.expires_at === undefined ? null : nextThreshold(expiresAt, nowMs);
  // What was refused is asked again only when a person changes what it is asked with, or asks for it.
  const refused = head.next_due_at === null && !isRecord && !isChanged;
  const dueAt = refused ? null : isAsked ? now : earliest(head.next_due_at, threshold);
  return {
    op: opOf(body, head),
    status: 200,
    body: configuredAnswer(
      entry,
      asShown(entry, { ...head, metadata }, now),
      isRecord ? (found?.warnings ?? []) : [],
      request.message,
    ),
    set: {
      op: opOf(body, head),
      credential_name: name,
      metadata,
      enabled,
      ...(body.expires_at === undefined && !isRecord ? {} : { expires_at_declared: declared, expires_at: expiresAt }),
      deactivation_scheduled_at:
        body.deactivation_scheduled_at === undefined ? head.deactivation_scheduled_at : body.deactivation_scheduled_at,
      ...(dueAt === head.next_due_at ? {} : { next_due_at: dueAt }),
      updated_at: now,
    },
    version: {
      credential_id: head.credential_id,
      credential_type: head.credential_type,
      encrypted_credential: null,
      key_version: head.key_version,
      fingerprint: head.fingerprint,
      credential_name: name,
      metadata,
    },
  };
}

function credentialPlan(works: Works, request: UpdateRequest, head: Head, proven: Proven, sealed: Sealed): Plan {
  const { body, entry } = request;
  const declared = body.expires_at === undefined ? head.expires_at_declared : body.expires_at;
  const name = body.credential_name ?? head.credential_name;
  const columns = newCredentialColumns(works, request, head, proven, sealed, declared);
  return {
    op: "rotate",
    status: 200,
    body: configuredAnswer(entry, columns, proven.warnings, request.message),
    set: {
      ...columns,
      credential_name: name,
      enabled: body.enabled ?? head.enabled,
      deactivation_scheduled_at:
        body.deactivation_scheduled_at === undefined ? head.deactivation_scheduled_at : body.deactivation_scheduled_at,
    },
    version: versionPart(sealed, entry.credential_type, name),
  };
}

function opOf(body: UpdateBody, head: Head): Op {
  if (body.enabled !== undefined && body.enabled !== head.enabled) return body.enabled ? "enable" : "disable";
  if (body.deactivation_scheduled_at !== undefined) return "schedule";
  return "update";
}
