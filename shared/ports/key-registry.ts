import type { Grant, OrgKey } from "../contract/rows.ts";

/** Organisation keys at rest. @throws Fault `store_unavailable` */
export interface OrgKeyStore {
  findKey(keyId: string): Promise<OrgKey | null>;
  listKeys(orgSlug: string): Promise<OrgKey[]>;
  addKey(key: OrgKey): Promise<void>;
  /** Returns false where there is no such live key. */
  revokeKey(keyId: string, at: string, by: string): Promise<boolean>;
}

/** Decrypt grants at rest. @throws Fault `store_unavailable` */
export interface GrantStore {
  /** Live and dead grants of a subject. */
  grantsOf(subject: string): Promise<Grant[]>;
  listGrants(orgSlug: string | null): Promise<Grant[]>;
  addGrant(grant: Grant): Promise<void>;
  revokeGrant(grantId: string, at: string, by: string): Promise<boolean>;
}
