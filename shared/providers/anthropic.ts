import type { Credential } from "../contract/secret.ts";
import { type Capability, type Finding, isDefinite } from "../contract/verdict.ts";
import { valuesAt } from "../registry/body-path.ts";
import { unexpected } from "../registry/read-answer.ts";
import { isNotFound, read, send } from "./anthropic-answers.ts";
import { listedExpiry } from "./listed-key.ts";
import type { ProbeContext, Provider } from "./provider.ts";

/** The beta that the analytics reports belong to; the SDK sends the same. */
const ANALYTICS = "analytics-usage-cost-2026-08-24";

/**
 * Anthropic. Every kind of key is asked at the same time for something that proves it, for a day of costs and for a day
 * of usage. Nothing here is billed.
 * Source: https://platform.claude.com/docs/en/manage-claude/admin-api-keys, read 2026-11-20.
 */
export const anthropic: Provider = {
  async probe(credential, context) {
    const key = credential["api_key"]?.reveal() ?? "";
    if (key.startsWith("sk-ant-admin")) return await probeAdmin(credential, context);
    if (key.startsWith("sk-ant-api01-")) return await probeEnterprise(credential, context);
    return await probeKey(credential, context);
  },
};

/**
 * A key of the Console, proven by its models. One of a workspace reads no costs; one of a person or a service account
 * without a workspace may, as far as its owner does. With which status the others are turned away is unverified, so any
 * refusal counts, since the models have shown that the key is live.
 * Source: https://platform.claude.com/docs/en/manage-claude/usage-cost-api, read 2026-11-20.
 */
async function probeKey(credential: Credential, context: ProbeContext): Promise<Finding> {
  const asked = askModels(credential, context);
  const reports = askReports(credential, context);
  const found = await asked;
  const settled = isNotFound(found) ? await secondOpinion(credential, context) : found;
  if (settled.outcome !== "valid") return settled;
  const [costs, usage] = await reports;
  const reason = "admin_key_needed";
  return withWarnings(
    settled,
    [costs, usage],
    [
      capabilityFrom("models_read", settled, context),
      capabilityFrom("usage_read", usage, context, reason),
      capabilityFrom("cost_read", costs, context, reason),
    ],
  );
}

/** An admin key, proven by its organisation alone; it may find its own expiry among the organisation's keys. */
async function probeAdmin(credential: Credential, context: ProbeContext): Promise<Finding> {
  const asked = send(credential, context, (client) => client.organization.retrieve());
  const reports = askReports(credential, context);
  // Nothing that goes wrong in here says anything of the key, whenever it does.
  const expiry = ownExpiry(credential, context).catch(() => null);
  const found = read("organization", await asked, credential, context);
  if (isNotFound(found)) return unlessTurnedAway(await secondOpinion(credential, context));
  if (found.outcome !== "valid") return found;
  const [costs, usage] = await reports;
  const capabilities = [capabilityFrom("cost_read", costs, context), capabilityFrom("usage_read", usage, context)];
  return { ...withWarnings(found, [costs, usage], capabilities), expires_at: await expiry };
}

/**
 * A scoped key of a Claude Enterprise organisation. Which of these it may ask depends on its scopes, and how it is turned
 * away from models is unverified: any success or missing permission shows that it is live, and it is dead only where both
 * the reports and the models refuse the key itself.
 */
async function probeEnterprise(credential: Credential, context: ProbeContext): Promise<Finding> {
  const starting_at = startOfYesterday(context.now);
  const analytics = (which: "cost" | "usage") =>
    send(
      credential,
      context,
      (client) => client.beta.organization.analytics[which].list({ starting_at, limit: 1 }),
      ANALYTICS,
    );
  const [costAnswer, usageAnswer, models] = await Promise.all([
    analytics("cost"),
    analytics("usage"),
    askModels(credential, context),
  ]);
  const costs = read("report", costAnswer, credential, context);
  const usage = read("report", usageAnswer, credential, context);
  const reason = "analytics_scope_missing";
  const found = settledBy(costs, usage, models);
  return withWarnings(
    found.reason === "missing_scope" ? { ...found, reason } : found,
    [costs, usage, models],
    isDefinite(found.outcome) && found.outcome !== "rejected"
      ? [
          capabilityFrom("models_read", models, context, "not_for_models"),
          capabilityFrom("usage_read", usage, context, reason),
          capabilityFrom("cost_read", costs, context, reason),
        ]
      : [],
  );
}

/** What the answers of the two surfaces say together. */
function settledBy(costs: Finding, usage: Finding, models: Finding): Finding {
  const all = [costs, usage, models];
  const live =
    all.find(({ outcome, reason }) => outcome === "valid" && reason === null) ??
    all.find(({ outcome }) => outcome === "valid") ??
    all.find(({ outcome, reason }) => outcome === "forbidden" && reason !== "missing_scope") ??
    all.find(({ outcome }) => outcome === "forbidden");
  if (live) return live;
  const dead = all.find(({ outcome, reason }) => outcome === "rejected" && reason !== null);
  if (dead) return dead;
  const refusedByReports = [costs, usage].find(({ outcome }) => outcome === "rejected");
  if (refusedByReports && models.outcome === "rejected") return refusedByReports;
  const open = all.find(({ outcome }) => !isDefinite(outcome)) ?? costs;
  return isNotFound(open) ? unexpected(open) : open;
}

/** A day of costs and a day of usage, as an organisation of the Console has them. */
function askReports(credential: Credential, context: ProbeContext): Promise<[Finding, Finding]> {
  const starting_at = startOfYesterday(context.now);
  const ask = async (path: string, query: Record<string, unknown>): Promise<Finding> => {
    const answer = await send(credential, context, (client) => client.get(path, { query }));
    return read("report", answer, credential, context);
  };
  return Promise.all([
    ask("/v1/organizations/cost_report", { starting_at, limit: 1 }),
    ask("/v1/organizations/usage_report/messages", { starting_at, bucket_width: "1d", limit: 1 }),
  ]);
}

async function askModels(credential: Credential, context: ProbeContext): Promise<Finding> {
  const answer = await send(credential, context, (client) => client.models.list({ limit: 1 }));
  return read("models", answer, credential, context);
}

/**
 * A 404 on a collection has been seen for disabled keys, while the documentation knows it for resources only: the key is
 * condemned when the models, which exist for everybody, are not found either.
 */
async function secondOpinion(credential: Credential, context: ProbeContext): Promise<Finding> {
  const again = await askModels(credential, context);
  if (isNotFound(again)) return { ...again, outcome: "rejected", reason: null };
  if (again.outcome === "valid") return unexpected(again);
  return again;
}

/** Models are not for admin keys, so being turned away there says nothing of one. */
function unlessTurnedAway(found: Finding): Finding {
  return found.http_status === 401 || found.reason === "missing_scope" ? unexpected(found) : found;
}

/**
 * When this admin key expires, where the organisation's list of API keys holds admin keys too, which is unverified. So
 * an element counts only where it shows more of the key than its kind, and where it is active, as this key is.
 * Source: https://platform.claude.com/docs/en/api/admin/api_keys/list, read 2026-11-20.
 */
async function ownExpiry(credential: Credential, context: ProbeContext): Promise<string | null> {
  const key = credential["api_key"]?.reveal() ?? "";
  const page = (after: string | null) =>
    send(credential, context, (client) =>
      client.organization.apiKeys.list({
        status: "active",
        limit: 100,
        ...(after === null ? {} : { after_id: after }),
      }),
    );
  return await listedExpiry(
    key,
    {
      page,
      redactedAt: "partial_key_hint",
      leastShown: key.indexOf("-", "sk-ant-".length) + 4,
      isPossible: (element) => valuesAt(element, "status").includes("active"),
    },
    context.now,
  );
}

/**
 * What an answer tells of its capability where the key is live; `refusal` names what a refusal without a reason of its
 * own means. Who is asked to pay is told nothing of permissions.
 */
function capabilityFrom(id: string, found: Finding, { entry }: ProbeContext, refusal = "missing_scope"): Capability {
  if (found.outcome === "valid" && found.reason === null) return { id, state: "granted" };
  if (found.outcome !== "forbidden" && found.outcome !== "rejected")
    return { id, state: "unknown", reason: found.reason ?? found.outcome };
  const reason = found.reason === null || found.reason === "missing_scope" ? refusal : found.reason;
  const remedy = entry.reasons[reason];
  return { id, state: "denied", reason, ...(remedy ? { remedy } : {}) };
}

/** The finding with these capabilities, and with the warning that any of the answers gave. */
function withWarnings(found: Finding, others: readonly Finding[], capabilities: Capability[]): Finding {
  const warnings = [found, ...others].flatMap((one) => (one.outcome === "valid" ? one.warnings : []));
  return { ...found, warnings: [...new Set(warnings)], capabilities };
}

/** Midnight UTC of the day before, RFC 3339: costs come in whole days. */
function startOfYesterday(nowMs: number): string {
  const day = 86_400_000;
  return new Date(Math.floor(nowMs / day) * day - day).toISOString();
}
