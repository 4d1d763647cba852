/*
 * The queries that people have used to look into org_integration_credentials since before this service, as they stand in
 * their runbooks: not a letter may have to change. `{org_slug}` and `{provider}` are what the runbooks leave open.
 */

export const allOfAnOrganisation = `
SELECT
  credential_id,
  provider,
  credential_name,
  validation_status,
  last_validated_at,
  is_active,
  created_at
FROM organizations.org_integration_credentials
WHERE org_slug = '{org_slug}'
ORDER BY provider, created_at DESC
`;

export const moreThanOneActive = `
SELECT provider, COUNT(*) as active_count
FROM organizations.org_integration_credentials
WHERE org_slug = '{org_slug}' AND is_active = TRUE
GROUP BY provider
HAVING COUNT(*) > 1
`;

/** Part of a repair that nobody needs any more: which credential would have been kept. */
export const latestOfAProvider = `
    SELECT credential_id FROM organizations.org_integration_credentials
    WHERE org_slug = '{org_slug}' AND provider = '{provider}'
    ORDER BY created_at DESC LIMIT 1
`;

/** A runbook's query with its placeholders filled in. */
export function asked(query: string, names: { org_slug: string; provider?: string }): string {
  return query.replaceAll("{org_slug}", names.org_slug).replaceAll("{provider}", names.provider ?? "");
}
