import OpenAI from "openai";
import type { Reply, Silence } from "../contract/answer.ts";
import type { Credential } from "../contract/secret.ts";
import type { Capability, Finding } from "../contract/verdict.ts";
import { valuesAt } from "../registry/body-path.ts";
import {
  type AnswerContext,
  type AnswerRules,
  readAnswer,
  unexpected,
  unexpected401,
  when,
} from "../registry/read-answer.ts";
import { listedExpiry } from "./listed-key.ts";
import type { ProbeContext, Provider } from "./provider.ts";
import { answerOf, quietLogger, sdkTransport } from "./sdk-transport.ts";

/**
 * OpenAI. A project, service-account or legacy key is asked for its models; an admin key, which alone can read costs, for
 * one day of costs, one day of usage and the list of admin keys, which holds its expiry, all at the same time: the costs
 * alone say whether it is live. Nothing here is billed.
 * Source: https://developers.openai.com/docs/guides/error-codes, read 2026-11-20.
 */
export const openai: Provider = {
  async probe(credential, context) {
    const isAdmin = credential["api_key"]?.reveal().startsWith("sk-admin-") ?? false;
    return isAdmin ? await probeAdmin(credential, context) : await probeProject(credential, context);
  },
};

const isRequestError = { at: "error.type", equals: "invalid_request_error" };
/** Scopes are dotted words: `api.usage.read`. */
const MISSING_SCOPE = /^(?:you have insufficient permissions for this operation|missing scopes?: [a-z_]+\.[a-z_.]+)/;

/**
 * In OpenAI's order of precedence: a missing scope proves that the key is live, whatever the status says; the code is
 * more telling than the type; `error` may be a plain string on a 403. A text counts only where it stands as documented,
 * and a 401 that is none of these was not written by OpenAI.
 */
const rules: AnswerRules["rules"] = [
  { ...when([401, 403], "error.message", MISSING_SCOPE, "valid", "missing_scope"), and: isRequestError },
  when(403, "error", MISSING_SCOPE, "valid", "missing_scope"),
  when([401, 403], "error.code", "mismatched_organization", "forbidden", "wrong_organization"),
  when([401, 403], "error.code", "mismatched_project", "forbidden", "wrong_organization"),
  when([401, 403], "error.code", "ip_not_authorized", "forbidden", "ip_allowlist"),
  {
    ...when([401, 403], "error.message", /^your ip is not authorized/, "forbidden", "ip_allowlist"),
    and: isRequestError,
  },
  when([401, 403], "error.code", "organization_membership_required", "forbidden", "organization_membership"),
  {
    ...when(
      [401, 403],
      "error.message",
      /^you must be a member of an organization/,
      "forbidden",
      "organization_membership",
    ),
    and: isRequestError,
  },
  when(403, "error.code", "unsupported_country_region_territory", "unreachable", "region_blocked"),
  when(401, "error.message", /incorrect regional hostname/, "unreachable", "regional_host"),
  when(401, "error.code", /^(?:invalid_api_key|account_deactivated)$/, "rejected"),
  {
    ...when(401, "error.type", /^(?:invalid_request_error|authentication_error)$/, "rejected"),
    and: {
      at: "error.message",
      matches: "^(?:incorrect api key provided|invalid authentication|you didn.t provide an api key)",
    },
  },
  unexpected401,
  when(429, "error.code", "insufficient_quota", "valid", "billing"),
  when(429, "error.code", "credit_balance_exhausted", "valid", "billing"),
  when(429, "error.code", "organization_spend_limit_exceeded", "valid", "billing"),
  when(429, "error.code", "project_spend_limit_exceeded", "valid", "billing"),
  when(429, "error.code", "organization_usage_limit_exceeded", "valid", "billing"),
  when(429, "error.code", "billing_hard_limit_reached", "valid", "billing"),
];

/** A list of models, a page of costs or of usage: all bring their elements in `data`. */
const listed: AnswerRules = { success: { status: 200, has: "data", is: "array" }, rules };

async function probeProject(credential: Credential, context: ProbeContext): Promise<Finding> {
  const answer = await send(credential, context, listModels);
  const found = readListed("list", answer, { credential, now: context.now });
  if (found.reason === "wrong_organization") return await withoutOrganization(credential, context, found, asModels);
  if (found.outcome !== "valid") return found;
  const data = "silence" in answer ? [] : valuesAt(answer.body, "data");
  const count = found.reason === null && Array.isArray(data[0]) ? data[0].length : null;
  return {
    ...found,
    capabilities: [
      capabilityFrom("models_read", found),
      denied("usage_read", "admin_key_needed"),
      denied("cost_read", "admin_key_needed"),
    ],
    ...asLive(found),
    details: count === null ? {} : { models: count },
  };
}

async function probeAdmin(credential: Credential, context: ProbeContext): Promise<Finding> {
  const reading: AnswerContext = { credential, now: context.now };
  const window = { start_time: startOfYesterday(context.now), limit: 1 };
  const costsAsked = send(credential, context, (client) => client.admin.organization.usage.costs(window));
  const usageAsked = send(credential, context, (client) => client.admin.organization.usage.completions(window));
  // Nothing that goes wrong in here says anything of the key, whenever it does.
  const expiryAsked = ownExpiry(credential, context).catch(() => null);
  const costs = readListed("page", await costsAsked, reading);
  if (costs.reason === "wrong_organization") return await withoutOrganization(credential, context, costs, asCosts);
  if (costs.outcome !== "valid") return costs;
  const usage = readListed("page", await usageAsked, reading);
  const warnings = [costs, usage].flatMap((found) => (found.reason === "billing" ? ["billing"] : []));
  return {
    ...costs,
    ...asLive(costs),
    warnings: [...new Set(warnings)],
    capabilities: [capabilityFrom("cost_read", costs), capabilityFrom("usage_read", usage)],
    expires_at: await expiryAsked,
  };
}

/** A question that tells whether a key is live, and what a good answer to it is called. */
interface Proof {
  object: "list" | "page";
  call(client: OpenAI, nowMs: number): PromiseLike<unknown>;
}
const asModels: Proof = { object: "list", call: (client) => listModels(client) };
const asCosts: Proof = {
  object: "page",
  call: (client, nowMs) => client.admin.organization.usage.costs({ start_time: startOfYesterday(nowMs), limit: 1 }),
};

/** The header may be wrong where the key is right: asked once more without it, to tell the customer which. */
async function withoutOrganization(
  credential: Credential,
  context: ProbeContext,
  found: Finding,
  { object, call }: Proof,
): Promise<Finding> {
  const { organization_id: organization, project_id: project, ...alone } = credential;
  if (organization === undefined && project === undefined) return found;
  const answer = await send(alone, context, (client) => call(client, context.now));
  const again = readListed(object, answer, { credential, now: context.now });
  if (again.outcome !== "valid") return again;
  return { ...found, field: organization === undefined ? "project_id" : "organization_id" };
}

/**
 * When this admin key expires, from the organization's list of admin keys. OpenAI shows as little as `sk-admin...def`,
 * and lists every admin key, so one that fits alone is this one.
 * Source: https://developers.openai.com/api/docs/api-reference/admin-api-keys, read 2026-11-20.
 */
async function ownExpiry(credential: Credential, context: ProbeContext): Promise<string | null> {
  const page = (after: string | null) =>
    send(credential, context, (client) =>
      client.admin.organization.adminAPIKeys.list({ limit: 100, ...(after === null ? {} : { after }) }),
    );
  const list = { page, redactedAt: "redacted_value", leastShown: 4, isPossible: () => true };
  return await listedExpiry(credential["api_key"]?.reveal() ?? "", list, context.now);
}

/** What an answer tells of its capability where the key is live. Who is asked to pay is told nothing of permissions. */
function capabilityFrom(id: string, found: Finding): Capability {
  if (found.reason === "missing_scope") return denied(id, "missing_scope");
  if (found.outcome === "forbidden") return denied(id, found.reason ?? "forbidden");
  if (found.outcome === "valid" && found.reason === null) return { id, state: "granted" };
  return { id, state: "unknown", reason: found.reason ?? found.outcome };
}

/** A missing scope is told by its capability, and is no reason or warning of the key as a whole. */
function asLive(found: Finding): Partial<Finding> {
  return found.reason === "missing_scope" ? { reason: null, warnings: [] } : {};
}

function denied(id: string, reason: string): Capability {
  return { id, state: "denied", reason };
}

/** Success needs OpenAI's own mark on the body besides the array. */
function readListed(object: "list" | "page", answer: Reply | Silence, context: AnswerContext): Finding {
  const found = readAnswer(listed, answer, context);
  const isBare = found.outcome === "valid" && found.reason === null;
  if (isBare && !("silence" in answer) && !valuesAt(answer.body, "object").includes(object)) {
    return unexpected(found);
  }
  return found;
}

/** UTC midnight of the day before, in Unix seconds: costs come in whole days. */
function startOfYesterday(nowMs: number): number {
  const day = 86_400;
  return Math.floor(nowMs / 1000 / day) * day - day;
}

function listModels(client: OpenAI): PromiseLike<unknown> {
  return client.models.list();
}

/** One request of a client that belongs to this credential alone and reads nothing from the environment. Never rejects. */
async function send(
  credential: Credential,
  { ask, entry }: ProbeContext,
  call: (client: OpenAI) => PromiseLike<unknown>,
): Promise<Reply | Silence> {
  const key = credential["api_key"]?.reveal() ?? "";
  const organization = credential["organization_id"]?.reveal() ?? null;
  const project = credential["project_id"]?.reveal() ?? null;
  const isAdmin = key.startsWith("sk-admin-");
  const transport = sdkTransport(ask, {
    accept: "application/json",
    authorization: `Bearer ${key}`,
    ...(organization === null ? {} : { "openai-organization": organization }),
    ...(project === null ? {} : { "openai-project": project }),
  });
  const options = {
    apiKey: isAdmin ? null : key,
    adminAPIKey: isAdmin ? key : null,
    organization,
    project,
    webhookSecret: null,
    baseURL: entry.endpoints["api"] ?? null,
    maxRetries: 0,
    timeout: entry.timeout_ms,
    logLevel: "off",
    logger: quietLogger,
    fetch: transport.fetch,
    fetchOptions: { redirect: "manual" },
    defaultHeaders: {},
    defaultQuery: {},
  } as const;
  return await answerOf(transport, () => call(new OpenAI(options)));
}
