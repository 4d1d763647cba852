/** One row of the older table `org_integration_credentials`, as it lies there: nothing of it has been checked. */
export interface OlderCredential {
  credential_id: string | null;
  org_slug: string | null;
  provider: string | null;
  /** Sealed with the older key, without associated data. */
  encrypted_credential: Buffer | null;
  credential_name: string | null;
  validation_status: string | null;
  /** Times are RFC 3339 UTC with milliseconds and Z; text that is no time stays as it lies there. */
  last_validated_at: string | null;
  /** `true` in a table that has no such column. */
  is_active: boolean;
  /** JSON as text. */
  metadata: string | null;
  expires_at: string | null;
  deactivation_scheduled_at: string | null;
  created_at: string | null;
}

export interface OlderPage {
  /** All rows of the organisations on this page. */
  rows: OlderCredential[];
  /** All rows that are asked for, on whatever page. */
  total: number;
  /** The last organisation of this page (`""` for rows without one); `null` after the last page. */
  next: string | null;
}

/** The older table. It is read and never written. @throws Fault `store_unavailable` */
export interface OlderCredentials {
  /** Whole organisations in the order of their slugs, at most `organisations` of them, after the one given. */
  readPage(query: { organisations: number; after: string | null; org: string | null }): Promise<OlderPage>;
}
