import type { Parts } from "../../functions/parts.ts";
import { unconditional } from "../../shared/contract/precondition.ts";
import { setup } from "../../shared/operations/setup.ts";
import { hashOrgKey, mintOrgKey } from "../../shared/vault/org-key.ts";
import { exampleKeys } from "../../tests/simulators/start.ts";

/** Who may call, in either backend: a key of organisation `acme` and a grant of the subject for it. @returns the key */
export async function admit(parts: Parts, subject: string): Promise<string> {
  const { key, keyId } = mintOrgKey(parts.keyEnvironment);
  const [pepper] = await parts.secrets.peppers();
  const made = {
    created_at: new Date().toISOString(),
    created_by: "bench",
    revoked_at: null,
    revoked_by: null,
  };
  await parts.orgKeys.addKey({
    key_id: keyId,
    org_slug: "acme",
    environment: parts.keyEnvironment,
    scope: "manage",
    name: null,
    key_hmac: hashOrgKey(pepper.bytes, key.reveal()),
    pepper_version: pepper.version,
    legacy: false,
    expires_at: null,
    ...made,
  });
  await parts.grants.addGrant({
    grant_id: "bench",
    subject,
    org_slugs: ["acme"],
    providers: ["*"],
    expires_at: new Date(Date.now() + 3_600_000).toISOString(),
    ...made,
  });
  const entry = parts.registry.byCode("OPENAI");
  if (!entry) throw new Error("OPENAI is not in the registry");
  await setup(parts, {
    org: "acme",
    entry,
    requestId: "bench",
    actor: "bench",
    body: { credential: String(exampleKeys("OPENAI").admin), skip_validation: false },
    idempotency: null,
    precondition: unconditional,
  });
  return key.reveal();
}
