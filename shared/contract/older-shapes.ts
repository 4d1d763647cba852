/** Since when the older bodies are deprecated, as RFC 9745 writes it (2026-02-08, the date of the newest source). */
export const DEPRECATED_SINCE = "@1770508800";

const CANONICAL: ReadonlySet<string> = new Set([
  "credential",
  "credential_name",
  "metadata",
  "skip_validation",
  "expires_at",
]);

/** What an older body is read by: the names of the provider's fields, and whether its credential is one document. */
export interface Shape {
  fieldNames: readonly string[];
  document: boolean;
}

/**
 * Brings the two older shapes of a setup body into today's: `{credentials: {api_key|service_account_json|oauth_token},
 * config}`, and provider fields at top level. Anything else is handed back as it is, for the schema to judge.
 */
export function adaptOlderShape(body: unknown, shape: Shape): { body: unknown; deprecated: boolean } {
  if (!isRecord(body) || "credential" in body) return { body, deprecated: false };
  const adapted = fromCredentials(body, shape) ?? fromTopLevel(body, shape);
  return adapted === null ? { body, deprecated: false } : { body: adapted, deprecated: true };
}

function fromCredentials(body: Record<string, unknown>, { fieldNames, document }: Shape): object | null {
  const { credentials, config, ...others } = body;
  if (!isRecord(credentials) || Object.keys(others).some((name) => !CANONICAL.has(name))) return null;
  const { fields, rest } = split(isRecord(config) ? config : {}, fieldNames);
  const secret = credentials["api_key"] ?? credentials["service_account_json"] ?? credentials["oauth_token"];
  const inside = split(credentials, fieldNames).fields;
  const isWhole = document || (secret !== undefined && Object.keys(fields).length === 0);
  const parts = { ...fields, ...inside };
  const credential = isWhole || Object.keys(parts).length === 0 ? secret : parts;
  const metadata = document ? withProject(rest, fields["project_id"]) : rest;
  return {
    ...others,
    ...(credential === undefined ? {} : { credential }),
    ...(Object.keys(metadata).length ? { metadata } : {}),
  };
}

function fromTopLevel(body: Record<string, unknown>, { fieldNames }: Shape): object | null {
  const { fields, rest } = split(body, [...fieldNames, "service_account_key"]);
  if (Object.keys(fields).length === 0) return null;
  const { service_account_key: account, ...others } = fields;
  const { billing_dataset: dataset, metadata: settings, ...kept } = rest;
  const given = {
    ...(isRecord(settings) ? settings : {}),
    ...(dataset === undefined ? {} : { billing_dataset: dataset }),
  };
  const metadata = account === undefined ? given : withProject(given, fields["project_id"]);
  return { ...kept, credential: account ?? others, ...(Object.keys(metadata).length ? { metadata } : {}) };
}

/** The project named beside a service account is the one that its billing dataset lies in; the account knows its own. */
function withProject(settings: Record<string, unknown>, project: unknown): Record<string, unknown> {
  const dataset = settings["billing_dataset"] ?? settings["billing_dataset_id"];
  if (dataset === undefined || project === undefined || "billing_project_id" in settings) return settings;
  return { ...settings, billing_project_id: project };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function split(
  value: unknown,
  names: readonly string[],
): { fields: Record<string, unknown>; rest: Record<string, unknown> } {
  const entries = isRecord(value) ? Object.entries(value) : [];
  return {
    fields: Object.fromEntries(entries.filter(([name]) => names.includes(name))),
    rest: Object.fromEntries(entries.filter(([name]) => !names.includes(name))),
  };
}
