import type { Route } from "../../shared/contract/routes.ts";

/** Headers of answers, under `components/headers`. */
export const headers = {
  RequestId: {
    description: "Names the request in logs and audit; the caller's own where that was a UUID.",
    schema: { type: "string", format: "uuid" },
  },
  ETag: {
    description: "The stored version, for If-Match. A change of status leaves it.",
    schema: { type: "string", pattern: '^"v\\d+"$' },
    example: '"v3"',
  },
  RetryAfter: {
    description: "Whole seconds until another try makes sense; left out where nobody can know.",
    schema: { type: "integer", minimum: 0 },
    example: 12,
  },
  Allow: { description: "The methods that the path takes.", schema: { type: "string" }, example: "GET, HEAD" },
  Deprecation: {
    description:
      "Since when what the request uses is deprecated (RFC 9745): a body of an older shape, or an API key of the older kind.",
    schema: { type: "string", pattern: "^@\\d+$" },
    example: "@1770508800",
  },
};

const reference = (name: keyof typeof headers) => ({ $ref: `#/components/headers/${name}` });

/** Headers of a route's answer below 400. */
export function answerHeaders({ name, caller }: Route, status: number): Record<string, object> {
  const isVersioned = ["setup", "update", "rotate", "get"].includes(name) || (name === "delete" && status === 202);
  return {
    "X-Request-Id": reference("RequestId"),
    ...(isVersioned ? { ETag: reference("ETag") } : {}),
    ...(caller === "read" || caller === "manage" ? { Deprecation: reference("Deprecation") } : {}),
  };
}

/** Headers of a refusal. */
export function problemHeaders(status: number): Record<string, object> {
  return {
    "X-Request-Id": reference("RequestId"),
    ...(status === 405 ? { Allow: reference("Allow") } : {}),
    ...([409, 429, 502, 503].includes(status) ? { "Retry-After": reference("RetryAfter") } : {}),
  };
}
