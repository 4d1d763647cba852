/**
 * Yours to write: whether whoever is signed in belongs to the organisation, then its key from where you keep it. `null`
 * is answered as `Organization API key not found`.
 */
export async function getOrgApiKeySecure(orgSlug: string): Promise<string | null> {
  return orgSlug === process.env["ORG_SLUG"] ? (process.env["ORG_API_KEY"] ?? null) : null;
}
