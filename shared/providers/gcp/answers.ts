import type { Reply, Silence } from "../../contract/answer.ts";
import { valuesAt } from "../../registry/body-path.ts";

/** How an answer of a Google API behind the token reads. None of them says anything against the key. */
export type Reading =
  | { is: "ok"; body: object }
  /** Not allowed; the permission that Google names, where it names one that is known here. */
  | { is: "denied"; permission: string | null }
  | { is: "missing" }
  | { is: "unknown"; reason: string };

/** Permissions that a refusal may name. */
const NAMED = [
  "bigquery.datasets.get",
  "bigquery.tables.getData",
  "bigquery.tables.get",
  "bigquery.tables.list",
  "bigquery.jobs.create",
];

/**
 * Reads one answer. A 403 has many causes and only one of them is a missing permission: limits, APIs that are off,
 * perimeters, billing and our own scopes are told apart by their reasons first.
 * Source: github.com/cloudquery/cloudquery/issues/1062 (perimeter), googleapis/google-cloud-python/issues/4140
 * (API not enabled), googleapis/repo-automation-bots/issues/5084 (denied), read 2026-11-21.
 */
export function readGoogle(answer: Reply | Silence): Reading {
  if ("silence" in answer) {
    const isKnown = answer.silence === "timeout" || answer.silence === "connection";
    return unknown(isKnown ? answer.silence : "unexpected_response");
  }
  const { status, body } = answer;
  if (status === 429) return unknown("rate_limited");
  if (status >= 500 || status === 408) return unknown("unavailable");
  if (typeof body !== "object" || body === null || Array.isArray(body)) return unknown("unexpected_response");
  if (status === 200) return { is: "ok", body };
  const because = reasonsIn(body);
  const text = textsIn(body).join(" ").slice(0, LONGEST_TEXT);
  if (status === 401) return unknown("token_refused");
  if (status === 404) return because.has("notFound") || because.has("NOT_FOUND") ? { is: "missing" } : STRANGE;
  if (status !== 403) return because.has("invalidQuery") ? unknown("invalid_query") : STRANGE;
  return readForbidden(because, text);
}

function readForbidden(because: ReadonlySet<string>, text: string): Reading {
  const named = (...words: string[]): boolean => words.some((word) => because.has(word));
  if (named("ACCESS_TOKEN_SCOPE_INSUFFICIENT") || /insufficient authentication scopes/i.test(text))
    return unknown("scope_insufficient");
  if (named("rateLimitExceeded", "userRateLimitExceeded", "quotaExceeded", "RATE_LIMIT_EXCEEDED"))
    return unknown("rate_limited");
  if (named("accessNotConfigured", "SERVICE_DISABLED")) return unknown("api_disabled");
  if (named("policyViolation", "vpcServiceControls", "SECURITY_POLICY_VIOLATED", "VPC_SERVICE_CONTROLS"))
    return unknown("vpc_service_controls");
  if (/vpc service controls|vpcServiceControlsUniqueIdentifier|prohibited by organization's policy/i.test(text))
    return unknown("vpc_service_controls");
  if (named("billingNotEnabled", "BILLING_DISABLED")) return unknown("billing_disabled");
  if (!named("accessDenied", "IAM_PERMISSION_DENIED", "forbidden", "PERMISSION_DENIED")) return STRANGE;
  // Other details under the same status, such as CONSUMER_INVALID, speak of the project.
  if (named("CONSUMER_INVALID", "CONSUMER_SUSPENDED", "USER_PROJECT_DENIED")) return unknown("project_unusable");
  return { is: "denied", permission: NAMED.find((permission) => text.includes(permission)) ?? null };
}

const STRANGE: Reading = { is: "unknown", reason: "unexpected_response" };

function unknown(reason: string): Reading {
  return { is: "unknown", reason };
}

/** Every machine word of an error, from the older form and from the newer. */
function reasonsIn(body: object): Set<string> {
  const paths = [
    "error.errors[].reason",
    "error.details[].reason",
    "error.details[].violations[].type",
    "error.status",
  ];
  return new Set(paths.flatMap((path) => valuesAt(body, path)).filter((value) => typeof value === "string"));
}

/** How much is read of all messages of an error together. */
const LONGEST_TEXT = 8_192;

function textsIn(body: object): string[] {
  return ["error.message", "error.errors[].message"]
    .flatMap((path) => valuesAt(body, path))
    .flatMap((text) => (typeof text === "string" ? [text.slice(0, 1_024)] : []));
}

/** A text member of an answer; `null` where it is none. */
export function textAt(reading: Reading, path: string): string | null {
  if (reading.is !== "ok") return null;
  const [value] = valuesAt(reading.body, path);
  return typeof value === "string" ? value : null;
}

/** Of these permissions, those that a `testIamPermissions` says the account has; `null` where it said nothing. */
export function heldOf(reading: Reading, asked: readonly string[]): ReadonlySet<string> | null {
  if (reading.is !== "ok") return null;
  // Where the account has none of them, the whole answer is `{}`.
  if (Object.keys(reading.body).length === 0) return new Set();
  const listed = "permissions" in reading.body ? reading.body.permissions : null;
  if (!Array.isArray(listed)) return null;
  return listed.every((permission) => asked.includes(permission)) ? new Set(listed) : null;
}
