import OpenAI from "openai";
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

/**
 * OpenAI. A project, service-account or legacy key is asked for its models; an admin key, which alone can read costs, is
 * asked for one day of costs and of usage. Nothing here is billed.
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
  const answer = await send(credential, context, (client) => client.models.list());
  const found = readListed("list", answer, { credential, now: context.now });
  if (found.reason === "wrong_organization") return await withoutOrganization(credential, context, found);
  if (found.outcome !== "valid") return found;
  const data = "silence" in answer ? [] : valuesAt(answer.body, "data");
  const count = found.reason === null && Array.isArray(data[0]) ? data[0].length : null;
  return {
    ...found,
    capabilities: [
      found.reason === "missing_scope" ? denied("models_read", "missing_scope") : granted("models_read"),
      denied("usage_read", "admin_key_needed"),
      denied("cost_read", "admin_key_needed"),
    ],
    ...asLive(found),
    details: count === null ? {} : { models: count },
  };
}

/** The header may be wrong where the key is right: asked once more without it, to tell the customer which. */
async function withoutOrganization(credential: Credential, context: ProbeContext, found: Finding): Promise<Finding> {
  const { organization_id: organization, project_id: project, ...alone } = credential;
  if (organization === undefined && project === undefined) return found;
  const answer = await send(alone, context, (client) => client.models.list());
  const again = readListed("list", answer, { credential, now: context.now });
  if (again.outcome !== "valid") return again;
  return { ...found, field: organization === undefined ? "project_id" : "organization_id" };
}

async function probeAdmin(credential: Credential, context: ProbeContext): Promise<Finding> {
  const reading: AnswerContext = { credential, now: context.now };
  const window = { start_time: startOfYesterday(context.now), limit: 1 };
  const costs = readListed(
    "page",
    await send(credential, context, (client) => client.admin.organization.usage.costs(window)),
    reading,
  );
  if (costs.outcome !== "valid") return costs;
  const usage = readListed(
    "page",
    await send(credential, context, (client) => client.admin.organization.usage.completions(window)),
    reading,
  );
  const keys = await send(credential, context, (client) => client.admin.organization.adminAPIKeys.list({ limit: 100 }));
  return {
    ...costs,
    ...asLive(costs),
    capabilities: [capabilityFrom("cost_read", costs), capabilityFrom("usage_read", usage)],
    expires_at: ownExpiry(credential["api_key"]?.reveal() ?? "", keys),
  };
}

/**
 * When this admin key expires, from the organization's list of admin keys, where it is found by what its redaction
 * leaves visible. `null` where the key may not list keys, where none or several fit, or where it never expires.
 */
function ownExpiry(key: string, answer: Reply | Silence): string | null {
  if ("silence" in answer || answer.status !== 200) return null;
  const own = valuesAt(answer.body, "data[]").filter((listed) =>
    valuesAt(listed, "redacted_value").some((redacted) => typeof redacted === "string" && isRedactionOf(redacted, key)),
  );
  const [expiresAt] = own.length === 1 ? valuesAt(own[0], "expires_at") : [];
  const isTime = typeof expiresAt === "number" && Number.isInteger(expiresAt) && expiresAt > 0 && expiresAt < 1e11;
  return isTime ? new Date(expiresAt * 1000).toISOString() : null;
}

/** Whether the redacted text shows this key's beginning and end, `sk-admin-abc***xyz` or `sk-admin...xyz`. */
function isRedactionOf(redacted: string, key: string): boolean {
  const parts = /^([A-Za-z0-9_-]{4,})[*.…•]+([A-Za-z0-9_-]{3,})$/.exec(redacted);
  return parts !== null && key.startsWith(parts[1] ?? "") && key.endsWith(parts[2] ?? "");
}

/** What a second question tells of its capability; the first has already proven the key. */
function capabilityFrom(id: string, found: Finding): Capability {
  if (found.outcome === "valid") return found.reason === "missing_scope" ? denied(id, "missing_scope") : granted(id);
  if (found.outcome === "forbidden") return denied(id, found.reason ?? "forbidden");
  return { id, state: "unknown", reason: found.reason ?? found.outcome };
}

/** A missing scope is told by its capability, and is no reason or warning of the key as a whole. */
function asLive(found: Finding): Partial<Finding> {
  return found.reason === "missing_scope" ? { reason: null, warnings: [] } : {};
}

function granted(id: string): Capability {
  return { id, state: "granted" };
}

function denied(id: string, reason: string): Capability {
  return { id, state: "denied", reason };
}

/** Success needs OpenAI's own mark on the body besides the array. */
function readListed(object: "list" | "page", answer: Reply | Silence, context: AnswerContext): Finding {
  const found = readAnswer(listed, answer, context);
  const isBare = found.outcome === "valid" && found.reason === null;
  if (isBare && !("silence" in answer) && !valuesAt(answer.body, "object").includes(object)) {
    return finding("unreachable", { reason: "unexpected_response", http_status: found.http_status });
  }
  return found;
}

/** UTC midnight of the day before, in Unix seconds: costs come in whole days. */
function startOfYesterday(nowMs: number): number {
  const day = 86_400;
  return Math.floor(nowMs / 1000 / day) * day - day;
}

/** One request of a client that belongs to this credential alone and reads nothing from the environment. */
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
  const client = new OpenAI({
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
  });
  return await answerOf(transport, () => call(client));
}
