import type { Credential } from "../contract/secret.ts";
import { timestamp } from "../ports/clock.ts";
import type { SealedHead } from "../ports/credential-store.ts";
import type { Entry } from "../registry/entry.ts";
import { asCredential, open, readFields } from "../vault/seal.ts";
import { judge } from "./judge.ts";
import { requireConfigured, verdictAnswer } from "./present.ts";
import { announce, record } from "./record.ts";
import { boundMetadata, type Requester, type Subject, type Works } from "./works.ts";

/**
 * Asks the provider about the stored credential again and records what it said. An inconclusive answer leaves the status.
 *
 * @throws Fault `not_configured`, `integrity`, `key_unavailable`, `store_unavailable`
 */
export async function validate(works: Works, request: Subject & Requester) {
  const { entry, org } = request;
  const sealed = await works.store.readSealed({ org_slug: org, provider: entry.code });
  const head = requireConfigured(sealed?.head ?? null, entry, timestamp(works.clock.now()));
  const credential = await openStored(works, entry, {
    head,
    encrypted_credential: sealed?.encrypted_credential ?? null,
  });
  const judgement = await judge(works, entry, head, credential);
  const { row, verdict, status } = judgement;
  const taken = await record(works, [judgement], request.actor);
  if (taken.has(head.credential_id)) {
    announce(works, head, judgement);
    const lastValidatedAt = row.status === "VALID" ? row.checked_at : head.last_validated_at;
    return { head, body: verdictAnswer(entry, verdict, { status, lastValidatedAt, lastCheckedAt: row.checked_at }) };
  }
  // Replaced or checked anew meanwhile: what holds now is what is stored now.
  const current = requireConfigured(await works.store.readHead(head), entry, timestamp(works.clock.now()));
  const stored = {
    status: current.validation_status,
    lastValidatedAt: current.last_validated_at,
    lastCheckedAt: current.last_checked_at ?? row.checked_at,
  };
  return { head: current, body: verdictAnswer(entry, verdict, stored) };
}

/** Opens a stored credential for its provider's probe; the plaintext buffer is overwritten at once. @throws Fault `integrity`, `key_unavailable` */
export async function openStored(
  works: Works,
  entry: Entry,
  { head, encrypted_credential }: SealedHead,
): Promise<Credential> {
  if (entry.credential_type === "none") return {};
  const binding = {
    org_slug: head.org_slug,
    provider: head.provider,
    credential_id: head.credential_id,
    credential_type: head.credential_type,
    bound: boundMetadata(entry, head.metadata),
  };
  const plaintext = await open(works.keys, binding, encrypted_credential);
  try {
    return asCredential(readFields(plaintext));
  } finally {
    plaintext.fill(0);
  }
}
