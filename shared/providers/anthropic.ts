import Anthropic from "@anthropic-ai/sdk";
import type { Reply, Silence } from "../contract/answer.ts";
import type { Credential } from "../contract/secret.ts";
import type { Capability, Finding } from "../contract/verdict.ts";
import { valuesAt } from "../registry/body-path.ts";
import {
  type AnswerContext,
  type AnswerRules,
  finding,
  readAnswer,
  unexpected401,
  when,
} from "../registry/read-answer.ts";
import type { ProbeContext, Provider } from "./provider.ts";
import { answerOf, quietLogger, sdkTransport } from "./sdk-transport.ts";

/** The version whose answers are read here; the SDK sends the same. */
const VERSION = "2026-10-21";
/** Never leaves this file but as the reason of a capability that stays unknown. */
const NOT_FOUND = "not_found";

/**
 * Anthropic. An API key is asked for one model; an admin key, which alone can read costs, for its organisation and then
 * for one day of costs and of usage. Nothing here is billed.
 * Source: https://platform.claude.com/docs/en/api/errors, read 2026-11-20.
 */
export const anthropic: Provider = {
  async probe(credential, context) {
    const isAdmin = credential["api_key"]?.reveal().startsWith("sk-ant-admin") ?? false;
    return isAdmin ? await probeAdmin(credential, context) : await probeKey(credential, context);
  },
};

/** Anthropic's own mark on every error. */
const isError = { at: "type", equals: "error" };

/**
 * The words of a message may change, so branches go by `error_code`, then by type, and by words only where nothing else
 * tells. A 401 without Anthropic's mark was not written by Anthropic.
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

const models: AnswerRules = { success: { status: 200, has: "data", is: "array" }, rules };
const organization: AnswerRules = { success: { status: 200, has: "id", is: "string" }, rules };
const report: AnswerRules = { success: { status: 200, has: "data", is: "array" }, rules };

async function probeKey(credential: Credential, context: ProbeContext): Promise<Finding> {
  const found = await ask(models, credential, context, listModels);
  const settled = isNotFound(found) ? await secondOpinion(credential, context) : found;
  if (settled.outcome !== "valid") return settled;
  return {
    ...settled,
    capabilities: [
      { id: "models_read", state: "granted" },
      { id: "usage_read", state: "denied", reason: "admin_key_needed" },
      { id: "cost_read", state: "denied", reason: "admin_key_needed" },
    ],
  };
}

async function probeAdmin(credential: Credential, context: ProbeContext): Promise<Finding> {
  const answer = await send(credential, context, (client) => client.organization.retrieve());
  const found = readAnswer(organization, answer, readingOf(credential, context));
  if (isNotFound(found)) return await secondOpinion(credential, context);
  if (found.outcome !== "valid") return found;
  const isOrganization = !("silence" in answer) && valuesAt(answer.body, "type").includes("organization");
  if (found.reason === null && !isOrganization) return unexpected(found);
  const starting_at = startOfYesterday(context.now);
  const costs = await ask(report, credential, context, (client) =>
    client.get("/v1/organizations/cost_report", { query: { starting_at, limit: 1 } }),
  );
  const usage = await ask(report, credential, context, (client) =>
    client.get("/v1/organizations/usage_report/messages", { query: { starting_at, bucket_width: "1d", limit: 1 } }),
  );
  return { ...found, capabilities: [capabilityFrom("cost_read", costs), capabilityFrom("usage_read", usage)] };
}

/**
 * A 404 on a collection has been seen for disabled keys, while the documentation knows it for resources only: the key is
 * condemned when the models, which exist for everybody, are not found either.
 */
async function secondOpinion(credential: Credential, context: ProbeContext): Promise<Finding> {
  const again = await ask(models, credential, context, listModels);
  if (isNotFound(again)) return { ...again, outcome: "rejected", reason: null };
  if (again.outcome === "valid") return unexpected(again);
  return again;
}

function isNotFound(found: Finding): boolean {
  return found.reason === NOT_FOUND;
}

function unexpected(found: Finding): Finding {
  return finding("unreachable", { reason: "unexpected_response", http_status: found.http_status });
}

function capabilityFrom(id: string, found: Finding): Capability {
  if (found.outcome === "valid") return { id, state: "granted" };
  if (found.outcome === "forbidden") return { id, state: "denied", reason: found.reason ?? "forbidden" };
  return { id, state: "unknown", reason: found.reason ?? found.outcome };
}

/** Midnight UTC of the day before, RFC 3339: costs come in whole days. */
function startOfYesterday(nowMs: number): string {
  const day = 86_400_000;
  return new Date(Math.floor(nowMs / day) * day - day).toISOString();
}

function listModels(client: Anthropic): PromiseLike<unknown> {
  return client.models.list({ limit: 1 });
}

function readingOf(credential: Credential, context: ProbeContext): AnswerContext {
  return { credential, now: context.now };
}

type Call = (client: Anthropic) => PromiseLike<unknown>;

async function ask(probe: AnswerRules, credential: Credential, context: ProbeContext, call: Call): Promise<Finding> {
  return readAnswer(probe, await send(credential, context, call), readingOf(credential, context));
}

/** One request of a client that belongs to this credential alone and reads nothing from environment or disk. */
async function send(credential: Credential, { ask: out, entry }: ProbeContext, call: Call): Promise<Reply | Silence> {
  const key = credential["api_key"]?.reveal() ?? "";
  const transport = sdkTransport(out, {
    accept: "application/json",
    authorization: `Bearer ${key}`,
    "anthropic-version": VERSION,
  });
  const client = new Anthropic({
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
  });
  return await answerOf(transport, () => call(client));
}
