import Anthropic from "@anthropic-ai/sdk";
import type { Reply, Silence } from "../contract/answer.ts";
import type { Credential } from "../contract/secret.ts";
import type { Finding } from "../contract/verdict.ts";
import { valuesAt } from "../registry/body-path.ts";
import { type AnswerRules, readAnswer, unexpected, unexpected401, when } from "../registry/read-answer.ts";
import type { ProbeContext } from "./provider.ts";
import { answerOf, quietLogger, sdkTransport } from "./sdk-transport.ts";

/** The version whose answers are read here; the SDK sends the same. */
const VERSION = "2026-10-21";
/** Never leaves the provider's files but as the reason of a capability that stays unknown. */
const NOT_FOUND = "not_found";

/** Anthropic's own mark on every error. */
const isError = { at: "type", equals: "error" };

/**
 * The words of a message may change, so branches go by `error_code`, then by type, and by words only where nothing else
 * tells. A 401 without Anthropic's mark was not written by Anthropic.
 * Source: https://platform.claude.com/docs/en/api/errors, read 2026-11-20.
 */
const rules: AnswerRules["rules"] = [
  when(400, "error.details.error_code", "claude_code_key_creator_not_member", "rejected", "creator_left"),
  when([400, 403], "error.details.error_code", "organization_on_hold", "forbidden", "account_on_hold"),
  when(400, "error.details.error_code", "organization_type_not_supported", "forbidden", "organization_type"),
  when(400, "error.details.error_code", "parent_organization_required", "forbidden", "organization_type"),
  when(403, "error.details.error_code", "sandbox_egress_restricted", "forbidden", "ip_allowlist"),
  { ...when(403, "error.type", "permission_error", "forbidden", "missing_scope"), and: isError },
  when(403, "error.message", /^request not allowed/, "unreachable", "region_blocked"),
  when(401, "error.message", /^cors requests are not allowed/, "service_misconfigured", "cors"),
  { ...when(401, "error.type", "authentication_error", "rejected"), and: isError },
  unexpected401,
  { ...when(404, "error.type", "not_found_error", "unreachable", NOT_FOUND), and: isError },
  when(400, "error.message", /^anthropic-version: /, "service_misconfigured", "api_version"),
  { ...when(402, "error.type", "billing_error", "valid", "billing"), and: isError },
  {
    ...when(400, "error.message", /^(?:your credit balance|you have reached your )/, "valid", "billing"),
    and: isError,
  },
];

/** What a good answer holds, by the question. */
const successes = {
  models: { status: 200, has: "data", is: "array" },
  organization: { status: 200, has: "id", is: "string" },
  report: { status: 200, has: "data", is: "array" },
} as const satisfies Record<string, AnswerRules["success"]>;

/** Reads an answer. Success needs Anthropic's own marks on the body besides: a type, or whether there is more. */
export function read(
  question: keyof typeof successes,
  answer: Reply | Silence,
  credential: Credential,
  context: ProbeContext,
): Finding {
  const found = readAnswer({ success: successes[question], rules }, answer, { credential, now: context.now });
  if (found.outcome !== "valid" || found.reason !== null || "silence" in answer) return found;
  const isOrganization = valuesAt(answer.body, "type").includes("organization");
  const isPage = valuesAt(answer.body, "has_more").some((more) => typeof more === "boolean");
  if (question === "organization" && !isOrganization) return unexpected(found);
  return question === "report" && !isPage ? unexpected(found) : found;
}

/** Whether Anthropic itself said that what was asked for does not exist. */
export function isNotFound(found: Finding): boolean {
  return found.reason === NOT_FOUND;
}

/**
 * One request of a client that belongs to this credential alone and reads nothing from environment or disk; `beta` is
 * the beta that it belongs to. Never rejects.
 */
export async function send(
  credential: Credential,
  { ask, entry }: ProbeContext,
  call: (client: Anthropic) => PromiseLike<unknown>,
  beta: string | null = null,
): Promise<Reply | Silence> {
  const key = credential["api_key"]?.reveal() ?? "";
  const transport = sdkTransport(ask, {
    accept: "application/json",
    authorization: `Bearer ${key}`,
    "anthropic-version": VERSION,
    ...(beta === null ? {} : { "anthropic-beta": beta }),
  });
  const options = {
    apiKey: key,
    authToken: null,
    webhookKey: null,
    baseURL: entry.endpoints["api"] ?? null,
    maxRetries: 0,
    timeout: entry.timeout_ms,
    logLevel: "off",
    logger: quietLogger,
    openTelemetry: false,
    fetch: transport.fetch,
    fetchOptions: { redirect: "manual" },
    defaultHeaders: {},
    defaultQuery: {},
    middleware: [],
  } as const;
  return await answerOf(transport, () => call(new Anthropic({ ...options, middleware: [] })));
}
