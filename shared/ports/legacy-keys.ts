import type { Secret } from "../contract/secret.ts";

/**
 * The older table of organisation keys, `org_api_keys(api_key, org_slug)`, which holds them in the clear.
 *
 * @throws Fault `store_unavailable`
 */
export interface LegacyKeys {
  /** The organisation whose key this is; `null` where the table does not have it, or has it for several organisations. */
  organisationOf(key: Secret): Promise<LegacyOwner | null>;
}

/** Whose key it is, and when the older table itself ends it: RFC 3339, UTC; `null` where it names no end. */
export interface LegacyOwner {
  org_slug: string;
  expires_at: string | null;
}

/** One key of the older table, with every organisation that it stands for. */
export interface LegacyKeyEntry {
  key: Secret;
  org_slugs: string[];
  /** As in `LegacyOwner`. */
  expires_at: string | null;
}

/** The same table, read from its beginning to its end. @throws Fault `store_unavailable` */
export interface LegacyKeyTable {
  /** Each key once, in an order that stays; `next` is `null` after the last page. */
  readPage(query: {
    limit: number;
    after: Secret | null;
  }): Promise<{ entries: LegacyKeyEntry[]; total: number; next: Secret | null }>;
}
