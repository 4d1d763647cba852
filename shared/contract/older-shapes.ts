/** Since when the older bodies are deprecated, as RFC 9745 writes it (2026-02-08, the date of the newest source). */
export const DEPRECATED_SINCE = "@1770508800";

const CANONICAL: ReadonlySet<string> = new Set([
  "credential",
  "credential_name",
  "metadata",
  "skip_validation",
  "expires_at",
]);

/**
 * Brings the two older shapes of a setup body into today's: `{credentials: {api_key|service_account_json|oauth_token},
 * config}`, and provider fields at top level. Anything else is handed back as it is, for the schema to judge.
 */
export function adaptOlderShape(body: unknown, fieldNames: readonly string[]): { body: unknown; deprecated: boolean } {
  if (typeof body !== "object" || body === null || Array.isArray(body) || "credential" in body)
    return { body, deprecated: false };
  const given = new Map<string, unknown>(Object.entries(body));
  const kept = Object.fromEntries([...given].filter(([name]) => CANONICAL.has(name)));
  const credentials = given.get("credentials");
  if (
    isRecord(credentials) &&
    [...given.keys()].every((name) => CANONICAL.has(name) || name === "credentials" || name === "config")
  ) {
    const { fields, rest } = split(isRecord(given.get("config")) ? given.get("config") : {}, fieldNames);
    const secret = credentials["api_key"] ?? credentials["service_account_json"] ?? credentials["oauth_token"];
    const credential = Object.keys(fields).length === 0 ? secret : { ...fields, ...pickKnown(credentials, fieldNames) };
    return { body: { ...kept, credential, ...(Object.keys(rest).length ? { metadata: rest } : {}) }, deprecated: true };
  }
  const { fields, rest } = split(body, [...fieldNames, "service_account_key"]);
  if (Object.keys(fields).length === 0) return { body, deprecated: false };
  const { service_account_key: account, ...others } = fields;
  const { billing_dataset: dataset, project_id: project, ...unknown } = rest;
  const metadata = {
    ...(dataset === undefined ? {} : { billing_dataset: dataset }),
    ...(project === undefined || account === undefined ? {} : { project_id: project }),
  };
  const leftover = Object.fromEntries(Object.entries(unknown).filter(([name]) => !CANONICAL.has(name)));
  return {
    body: {
      ...kept,
      ...leftover,
      credential: account ?? others,
      ...(Object.keys(metadata).length ? { metadata } : {}),
    },
    deprecated: true,
  };
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

function pickKnown(value: Record<string, unknown>, names: readonly string[]): Record<string, unknown> {
  return Object.fromEntries(Object.entries(value).filter(([name]) => names.includes(name)));
}
