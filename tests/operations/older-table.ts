import { randomUUID } from "node:crypto";
import type { KeyManagement } from "../../shared/ports/key-management.ts";
import type { OlderCredential, OlderCredentials } from "../../shared/ports/older-credentials.ts";

/** The older table in memory, read as BigQuery's is: whole organisations in the order of their slugs. */
export function olderTable(rows: readonly OlderCredential[]): OlderCredentials {
  const placeOf = ({ org_slug }: OlderCredential) => org_slug ?? "";
  return {
    async readPage({ organisations, after, org }) {
      const asked = rows.filter((row) => org === null || row.org_slug === org);
      const places = [...new Set(asked.map(placeOf))]
        .sort()
        .filter((place) => after === null || place > after)
        .slice(0, organisations);
      const last = places.length === organisations ? places.at(-1) : undefined;
      return {
        rows: asked.filter((row) => places.includes(placeOf(row))),
        total: asked.length,
        next: last ?? null,
      };
    },
  };
}

/** Makes rows as the older service did: sealed with its key, without associated data. */
export function olderRows(oldKey: KeyManagement) {
  return async (
    org: string,
    provider: string,
    credential: string | object | null,
    more: Partial<OlderCredential> = {},
  ): Promise<OlderCredential> => {
    const text = typeof credential === "string" ? credential : JSON.stringify(credential);
    const sealed = credential === null ? null : (await oldKey.encrypt(Buffer.from(text), Buffer.alloc(0))).ciphertext;
    return {
      credential_id: randomUUID(),
      org_slug: org,
      provider,
      encrypted_credential: sealed,
      credential_name: `${provider} Production`,
      validation_status: "VALID",
      last_validated_at: "2026-07-01T10:00:00.000Z",
      is_active: true,
      metadata: null,
      expires_at: null,
      deactivation_scheduled_at: null,
      created_at: "2026-01-22T03:33:08.000Z",
      ...more,
    };
  };
}
