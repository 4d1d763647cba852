import { ORG_SLUG, PROVIDER_SLUG } from "../../shared/contract/names.ts";
import type { Route } from "../../shared/contract/routes.ts";

interface Parameter {
  in: "path" | "query" | "header";
  name: string;
  required: boolean;
  description: string;
  schema: object;
  example?: unknown;
}

const header = (name: string, description: string, schema: object, example: unknown): Parameter => ({
  in: "header",
  name,
  required: false,
  description,
  schema,
  example,
});
const query = (name: string, description: string, schema: object, example: unknown): Parameter => ({
  ...header(name, description, schema, example),
  in: "query",
});
const flag = { type: "boolean" };

/** Every parameter, by the name it has under `components/parameters`. */
export const parameters: Record<string, Parameter> = {
  Org: {
    in: "path",
    name: "org",
    required: true,
    description: "The organisation's slug: lower case, byte-exact.",
    schema: { type: "string", pattern: ORG_SLUG.source, minLength: 1, maxLength: 63 },
    example: "acme",
  },
  Provider: {
    in: "path",
    name: "provider",
    required: true,
    description: "A provider's alias or code in lower case, or `custom-{slug}`.",
    schema: { type: "string", pattern: PROVIDER_SLUG.source },
    example: "openai",
  },
  dry_run: query("dry_run", "Do everything but encrypt and store.", flag, false),
  category: query("category", "Only this category.", { type: "string", enum: ["cloud", "genai", "saas"] }, "genai"),
  configured: query("configured", "Only configured ones, or only the others.", flag, true),
  expiring_within: query(
    "expiring_within",
    "Only those that expire within so many days.",
    { type: "string", pattern: "^[1-9]\\d{0,2}d$" },
    "30d",
  ),
  limit: query("limit", "Items on a page.", { type: "integer", minimum: 1, maximum: 200, default: 50 }, 50),
  cursor: query(
    "cursor",
    "`next_cursor` of the page before, as it was given.",
    { type: "string", pattern: "^[A-Za-z0-9_-]{1,500}$" },
    undefined,
  ),
  deactivation_scheduled_at: query(
    "deactivation_scheduled_at",
    "Delete then instead of now: RFC 3339, or a date for its last second; within a year.",
    {
      anyOf: [
        { type: "string", format: "date-time" },
        { type: "string", format: "date" },
      ],
    },
    undefined,
  ),
  IdempotencyKey: header(
    "Idempotency-Key",
    "The same key and body within 24 h give the stored answer again, without a second version.",
    { type: "string", pattern: "^[\\x20-\\x7e]{1,255}$" },
    "7e0c4f5a-2f7b-4f0e-9a51-5f2f3a1f7c11",
  ),
  IfMatch: header(
    "If-Match",
    "Only if the stored version has this ETag, or with `*` if there is any.",
    { type: "string" },
    '"v3"',
  ),
  IfNoneMatch: header("If-None-Match", "Only if nothing is configured yet.", { type: "string", enum: ["*"] }, "*"),
  RequestId: header(
    "X-Request-Id",
    "A UUID by which the request is found again in logs and audit; for anything else the service makes its own.",
    { type: "string" },
    "1b4e28ba-2fa1-41d2-883f-0016d3cca427",
  ),
};

/** References to the parameters that a route takes. */
export function parametersOf(route: Route): Array<{ $ref: string }> {
  const { name } = route;
  const changes = name === "setup" || name === "update" || name === "rotate";
  return [
    ...(route.path.includes("{org}") ? ["Org"] : []),
    ...(route.path.includes("{provider}") ? ["Provider"] : []),
    ...route.query,
    ...(changes || name === "import" ? ["IdempotencyKey"] : []),
    ...(changes || name === "delete" ? ["IfMatch"] : []),
    ...(name === "setup" ? ["IfNoneMatch"] : []),
    "RequestId",
  ].map((one) => ({ $ref: `#/components/parameters/${one}` }));
}
