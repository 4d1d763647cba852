/**
 * The one identity that this service has towards AWS: `integrations-aws`, whose numeric id stands in customers' trust
 * policies. Only setup, update, validate, revalidate and decrypt may ask it for tokens.
 */
export interface Federation {
  /** The project in every audience: `cloudact-integrations:{project}:{org_slug}`. */
  project: string;
  /** The identity's numeric id, `sub` and `azp` of its tokens. */
  subject: string;
  /** Whether the subject only stands in for a real one, as on one machine. */
  isPlaceholder: boolean;
  /** A signed token for this audience, valid for at most an hour. @throws Fault `key_unavailable` */
  identityToken(audience: string): Promise<string>;
}
