import { randomUUID } from "node:crypto";
import type { Credential } from "../contract/secret.ts";
import { timestamp } from "../ports/clock.ts";
import type { SealedHead } from "../ports/credential-store.ts";
import type { Entry } from "../registry/entry.ts";
import { asCredential, open, readFields } from "../vault/seal.ts";
import { forget, untilKnown } from "./change.ts";
import { announce, judge, validationRow } from "./judge.ts";
import { requireConfigured, verdictAnswer } from "./present.ts";
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
  await untilKnown(works, () => works.store.appendValidations([validationRow(judgement, randomUUID(), request.actor)]));
  let changed = 0;
  let tries = 0;
  await untilKnown(works, async () => {
    tries += 1;
    changed = await works.store.recordChecks([row]);
  });
  forget(works, org, entry.code);
  // A repetition may find that its first try took effect, and changes nothing then.
  if (changed > 0 || tries > 1) announce(works, head, judgement);
  const lastValidatedAt = row.status === "VALID" ? row.checked_at : head.last_validated_at;
  return { head, body: verdictAnswer(entry, verdict, { status, lastValidatedAt, lastCheckedAt: row.checked_at }) };
}

/** Opens a stored credential for its provider's probe; the plaintext buffer is overwritten at once. @throws Fault `integrity`, `key_unavailable` */
export async function openStored(
  works: Works,
  entry: Entry,
  { head, encrypted_credential }: SealedHead,
): Promise<Credential> {
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
