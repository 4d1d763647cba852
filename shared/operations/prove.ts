import { randomUUID } from "node:crypto";
import { Fault, malformed } from "../contract/fault.ts";
import type { Metadata } from "../contract/rows.ts";
import type { Credential } from "../contract/secret.ts";
import type { Verdict } from "../contract/verdict.ts";
import { timestamp } from "../ports/clock.ts";
import { attempt } from "../providers/attempt.ts";
import { checkCredential } from "../registry/check.ts";
import { looksLikeSecret } from "../registry/check-metadata.ts";
import type { Entry } from "../registry/entry.ts";
import type { Registry } from "../registry/load.ts";
import { seal } from "../vault/seal.ts";
import { refusal } from "./present.ts";
import { boundMetadata, type Subject, type Works } from "./works.ts";

/** A credential that passed the offline checks and was put to its provider, or deliberately was not. */
export interface Proven {
  credential: Credential;
  /** The fields that are not secret: mirrored in metadata, bound to the ciphertext. */
  bound: Record<string, string>;
  warnings: string[];
  /** Start of the attempt; `null` where validation was skipped. */
  checkedAt: string | null;
  verdict: Verdict | null;
}

/** A proven credential, encrypted under its new id. */
export interface Sealed {
  credentialId: string;
  ciphertext: Buffer;
  keyVersion: string;
  fingerprint: string;
  /** The organisation's metadata with the bound fields in it. */
  metadata: Metadata;
}

/**
 * Checks the format offline, then asks the provider. A verdict other than valid is returned, not thrown.
 *
 * @throws Fault `credential_format`
 */
export async function prove(works: Works, entry: Entry, submitted: unknown, skipValidation: boolean): Promise<Proven> {
  const { credential, bound, warnings } = checkCredential(works.registry, entry, submitted);
  if (skipValidation) return { credential, bound, warnings, checkedAt: null, verdict: null };
  const checkedAt = timestamp(works.clock.now());
  const verdict = await attempt(entry, credential, works);
  return { credential, bound, warnings: [...new Set([...warnings, ...verdict.warnings])], checkedAt, verdict };
}

/** @throws Fault the refusal that the verdict stands for, where it is not valid */
export function requireValid(entry: Entry, proven: Proven): void {
  if (proven.verdict !== null && proven.verdict.outcome !== "valid") throw refusal(entry, proven.verdict);
}

/** Encrypts a proven credential for an organisation under a new credential id. @throws Fault `encryption_failed` */
export async function sealProven(works: Works, subject: Subject, proven: Proven, metadata: Metadata): Promise<Sealed> {
  const { entry, org } = subject;
  const credentialId = randomUUID();
  const withBound = { ...withoutBound(metadata, entry), ...proven.bound };
  const binding = {
    org_slug: org,
    provider: entry.code,
    credential_id: credentialId,
    credential_type: entry.credential_type,
    bound: boundMetadata(entry, withBound),
  };
  const { ciphertext, keyVersion } = await seal(works.keys, binding, proven.credential);
  return {
    credentialId,
    ciphertext,
    keyVersion,
    fingerprint: fingerprintOf(entry, proven.credential),
    metadata: withBound,
  };
}

/** First 8 hex of SHA-256 of the secret field alone. */
export function fingerprintOf(entry: Entry, credential: Credential): string {
  const name = entry.fields.find((field) => field.secret)?.name ?? entry.fields[0]?.name ?? "";
  const secret = credential[name];
  if (!secret) throw new Fault("internal");
  return secret.fingerprint();
}

/** Kept metadata with the patch laid over it; `null` removes. */
export function mergeMetadata(kept: Metadata, patch: Metadata): Metadata {
  return Object.fromEntries(Object.entries({ ...kept, ...patch }).filter(([, value]) => value !== null));
}

/** @throws Fault `request_malformed` where a name looks like a secret in the wrong place */
export function requireHarmlessName(registry: Registry, name: string | undefined): void {
  if (name !== undefined && looksLikeSecret(registry, name))
    throw malformed("/credential_name", "looks like a secret; send it in credential");
}

/** Metadata without the provider's own fields: what was bound to an earlier credential says nothing about a new one. */
export function withoutBound(metadata: Metadata, entry: Entry): Metadata {
  const names = new Set(entry.fields.map((field) => field.name));
  return Object.fromEntries(Object.entries(metadata).filter(([name]) => !names.has(name)));
}
