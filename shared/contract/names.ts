/** An organisation's slug: checked byte-exact, never case-folded. */
export const ORG_SLUG = /^[a-z0-9](?:[a-z0-9_-]{0,61}[a-z0-9])?$/;
/** First path segments that can never be an organisation. */
export const RESERVED_SLUGS: ReadonlySet<string> = new Set(["providers", "revalidate", "health", "console", "api"]);
/** A provider as it stands in a path: an alias, a code in lower case, or a custom subscription. */
export const PROVIDER_SLUG = /^(?:[a-z][a-z0-9_]{1,40}|custom-[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?)$/;
/** What every multi-function route starts with. */
export const PREFIX = "/api/v1/integrations";
export const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[1-8][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
/** A local caller's name: a pipeline, or `scheduler`. */
export const LOCAL_SUBJECT = /^[A-Za-z0-9._@-]{1,64}$/;

/** Whether the text may name an organisation: length first, then shape, then the reserved words. */
export function isOrgSlug(text: string): boolean {
  return text.length >= 1 && text.length <= 63 && ORG_SLUG.test(text) && !RESERVED_SLUGS.has(text);
}

/** The audience of our identity's tokens that binds an AWS role to one organisation. */
export function awsAudience({ project }: { project: string }, org: string): string {
  return `cloudact-integrations:${project}:${org}`;
}
