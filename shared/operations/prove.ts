import { randomUUID } from "node:crypto";
import { Fault, malformed } from "../contract/fault.ts";
import type { Metadata } from "../contract/rows.ts";
import type { Credential } from "../contract/secret.ts";
import type { Verdict } from "../contract/verdict.ts";
import { timestamp } from "../ports/clock.ts";
import { attempt } from "../providers/attempt.ts";
import { providerOf } from "../providers/index.ts";
import { checkCredential, refusal as credentialFault, pathOf } from "../registry/check.ts";
import { looksLikeSecret } from "../registry/check-metadata.ts";
import type { Entry } from "../registry/entry.ts";
import type { Registry } from "../registry/load.ts";
import { seal } from "../vault/seal.ts";
import { isConfigured, refusal } from "./present.ts";
import { marked } from "./shown.ts";
import { recordVerdict, requireRecord } from "./subscription.ts";
import { boundMetadata, type Subject, type Works, withoutBound } from "./works.ts";

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

/** What is to be proven: for whom, and with which settings beside it. */
export interface Claim extends Subject {
  /** What the customer sent; `undefined` where nothing was. */
  submitted: unknown;
  /** The settings that will be stored with it. */
  metadata: Metadata;
  skipValidation: boolean;
}

/** A proven credential, encrypted under its new id; a manual subscription has nothing to encrypt. */
export interface Sealed {
  credentialId: string;
  ciphertext: Buffer | null;
  keyVersion: string | null;
  fingerprint: string | null;
  /** The organisation's metadata with the bound fields in it. */
  metadata: Metadata;
}

/**
 * Checks the format offline, then asks the provider. A verdict other than valid is returned, not thrown. A manual
 * subscription is judged by its record alone.
 *
 * @throws Fault `request_malformed`, `credential_format`, `conflict` where another organisation has the same one
 */
export async function prove(works: Works, claim: Claim): Promise<Proven> {
  const { org, entry, submitted, metadata } = claim;
  const checkedAt = timestamp(works.clock.now());
  if (entry.credential_type === "none") {
    if (submitted !== undefined && submitted !== null)
      throw malformed("/credential", "is not taken: a manual subscription has no secret; send its record in metadata");
    requireRecord(entry, metadata);
    if (claim.skipValidation) return { credential: {}, bound: {}, warnings: [], checkedAt: null, verdict: null };
    const verdict = recordVerdict(entry, metadata, checkedAt);
    return { credential: {}, bound: {}, warnings: verdict.warnings, checkedAt, verdict };
  }
  if (submitted === undefined) throw malformed("/credential", "is missing or of the wrong type");
  const { credential, bound, warnings } = checkCredential(works.registry, entry, submitted);
  const provider = await providerOf(entry);
  const wrong = provider.inspect?.(credential, { entry, metadata }) ?? [];
  if (wrong.length > 0)
    throw credentialFault(
      entry,
      wrong.map((one) => ({ ...one, field: `/credential/${one.field}` })),
    );
  await requireUnclaimed(works, claim, credential);
  if (claim.skipValidation) return { credential, bound, warnings, checkedAt: null, verdict: null };
  const found = await attempt(entry, credential, { org, metadata, isNew: true }, works);
  const verdict = marked(works.registry, entry, metadata, found);
  return { credential, bound, warnings: [...new Set([...warnings, ...verdict.warnings])], checkedAt, verdict };
}

/** A credential that may belong to one organisation only is refused where another has it. @throws Fault `conflict` */
async function requireUnclaimed(works: Works, { org, entry }: Subject, credential: Credential): Promise<void> {
  const field = entry.fields.find(({ unique }) => unique);
  const value = field && credential[field.name]?.reveal();
  if (field === undefined || value === undefined) return;
  const now = timestamp(works.clock.now());
  const holders = await works.store.readHolders(entry.code, fingerprintOf(entry, credential));
  const taken = holders.some(
    (head) =>
      head.org_slug !== org &&
      isConfigured(head, now) &&
      // A claim that nobody has proven, which anybody can make, keeps nobody out.
      head.last_validated_at !== null &&
      head.metadata[field.name] === value,
  );
  if (!taken) return;
  throw new Fault("conflict", {
    detail: `This ${field.label ?? field.name} is registered by another organization already`,
    provider: entry.code,
    providerName: entry.display_name,
    reason: "taken",
    errors: [{ field: `/credential/${field.name}`, message: "belongs to another organization here" }],
    remedy: `Create one of its own for this organization, as /${org}/${pathOf(entry)}/instructions shows`,
  });
}

/** @throws Fault the refusal that the verdict stands for, where it is not valid; a subscription that ended is stored as it is */
export function requireValid(entry: Entry, { verdict }: Proven): void {
  if (verdict === null || verdict.outcome === "valid" || entry.credential_type === "none") return;
  throw refusal(entry, verdict);
}

/** Encrypts a proven credential for an organisation under a new credential id. @throws Fault `encryption_failed` */
export async function sealProven(works: Works, subject: Subject, proven: Proven, metadata: Metadata): Promise<Sealed> {
  const { entry, org } = subject;
  const credentialId = randomUUID();
  const stored = storedMetadata(entry, proven, metadata);
  if (entry.credential_type === "none")
    return { credentialId, ciphertext: null, keyVersion: null, fingerprint: null, metadata: stored };
  const binding = {
    org_slug: org,
    provider: entry.code,
    credential_id: credentialId,
    credential_type: entry.credential_type,
    bound: boundMetadata(entry, stored),
  };
  const { ciphertext, keyVersion } = await seal(works.keys, binding, proven.credential);
  return {
    credentialId,
    ciphertext,
    keyVersion,
    fingerprint: fingerprintOf(entry, proven.credential),
    metadata: stored,
  };
}

/** The settings, and the mirrored fields. */
export function storedMetadata(entry: Entry, proven: Proven, metadata: Metadata): Metadata {
  return { ...withoutBound(metadata, entry), ...proven.bound };
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
