import { type FaultCode, faults } from "../contract/fault.ts";
import type { Credential, StandIn } from "../contract/secret.ts";
import type { Capability, Finding, Outcome, Verdict } from "../contract/verdict.ts";
import type { Clock } from "../ports/clock.ts";
import type { Federation } from "../ports/federation.ts";
import { fieldWarnings } from "../registry/check.ts";
import type { Entry } from "../registry/entry.ts";
import { finding } from "../registry/read-answer.ts";
import { render, type Values, valuesFor } from "../registry/render.ts";
import type { Ask } from "./ask.ts";
import { providerOf } from "./index.ts";
import type { Owner, ProbeContext, Provider } from "./provider.ts";
import type { Slots } from "./slots.ts";

/** What an attempt needs from outside. */
export interface AttemptParts {
  ask: Ask;
  clock: Clock;
  /** Who this service is towards AWS. */
  federation: Federation;
  /** The one address that all questions come from, where there is one: what an allowlist at the provider must admit. */
  egressAddress?: string | null;
  /** Places at the providers; without them nothing is held back. */
  slots?: Slots;
}

/** A credential on its way to its provider. */
interface Case {
  entry: Entry;
  credential: Credential;
  owner: Owner;
}

/**
 * Asks a provider whether a credential works: one check within `entry.deadline_ms`, asked again `entry.retry.max` times
 * only where nobody answered. Never throws, and holds nothing of the provider's text or the credential.
 */
export async function attempt(
  entry: Entry,
  credential: Credential,
  owner: Owner,
  parts: AttemptParts,
): Promise<Verdict> {
  const one = { entry, credential, owner };
  const found = await held(one, parts, finding("unreachable", { reason: "busy" }), (provider, context) =>
    provider.probe(credential, context),
  );
  return verdictOf(one, found, valuesFor(entry, owner.org, parts.federation), parts.egressAddress ?? null);
}

/**
 * Has a provider make a short-lived stand-in for a credential, within the same bounds as `attempt`.
 *
 * @returns `null` where the provider has none; a verdict where it refused
 */
export async function mint(
  entry: Entry,
  credential: Credential,
  owner: Owner,
  pipeline: string,
  parts: AttemptParts,
): Promise<StandIn | Verdict | null> {
  const provider = await providerOf(entry);
  if (provider.mint === undefined) return null;
  const one = { entry, credential, owner };
  const found = await held<StandIn | Finding>(
    one,
    parts,
    finding("unreachable", { reason: "busy" }),
    (asked, context) =>
      asked.mint ? asked.mint(credential, { ...context, pipeline }) : Promise.resolve(finding("service_misconfigured")),
  );
  if ("fields" in found) return found;
  return verdictOf(one, found, valuesFor(entry, owner.org, parts.federation), parts.egressAddress ?? null);
}

type Question<Result> = (provider: Provider, context: ProbeContext) => Promise<Result | Finding>;

/** Asks while holding a place at the provider; `busy` where so many checks are in flight there that this one never began. */
async function held<Result>(
  one: Case,
  parts: AttemptParts,
  busy: Finding,
  question: Question<Result>,
): Promise<Result | Finding> {
  const { entry } = one;
  const endsAt = parts.clock.monotonic() + entry.deadline_ms;
  const ask = () => untilAnswered(one, parts, endsAt, question);
  if (!parts.slots) return await ask();
  const done = await parts.slots.within(entry.code, entry.concurrency, entry.deadline_ms, ask);
  return done ? done.result : busy;
}

async function untilAnswered<Result>(
  one: Case,
  parts: AttemptParts,
  endsAt: number,
  question: Question<Result>,
): Promise<Result | Finding> {
  const { clock } = parts;
  const { retry } = one.entry;
  let found = await askOnce(one, parts, Math.max(1, endsAt - clock.monotonic()), question);
  for (let retries = 0; retries < retry.max && isWorthAsking(found); retries++) {
    if (clock.monotonic() + retry.backoff_ms >= endsAt) break;
    await clock.sleep(retry.backoff_ms);
    const leftMs = endsAt - clock.monotonic();
    if (leftMs <= 0) break;
    found = await askOnce(one, parts, leftMs, question);
  }
  return found;
}

/** Only silence and an outage may pass by themselves; a definite answer or a limit is not asked again. */
function isWorthAsking(found: unknown): boolean {
  if (typeof found !== "object" || found === null || !("outcome" in found) || !("reason" in found)) return false;
  return found.outcome === "unreachable" && typeof found.reason === "string" && AGAIN.has(found.reason);
}
const AGAIN: ReadonlySet<string> = new Set(["timeout", "connection", "unavailable"]);

/** One question that ends by itself after `withinMs`, whatever the provider's code does. */
async function askOnce<Result>(
  { entry, owner }: Case,
  { ask, clock, federation }: AttemptParts,
  withinMs: number,
  question: Question<Result>,
): Promise<Result | Finding> {
  const deadline = new AbortController();
  const timer = setTimeout(() => deadline.abort(), withinMs);
  const late = new Promise<Finding>((resolve) => {
    const timeout = finding("unreachable", { reason: "timeout" });
    deadline.signal.addEventListener("abort", () => resolve(timeout), { once: true });
  });
  try {
    const provider = await providerOf(entry);
    const context: ProbeContext = {
      ...owner,
      entry,
      ask: askWithin(ask, entry.timeout_ms, deadline.signal),
      now: clock.now(),
      sleep: async (ms) => {
        await Promise.race([clock.sleep(ms), late]);
      },
      federation,
    };
    return await Promise.race([question(provider, context), late]);
  } catch {
    // A bug of ours must not condemn a key, and its text may hold one.
    return finding("unreachable", { reason: "internal" });
  } finally {
    clearTimeout(timer);
    deadline.abort();
  }
}

/** The same `ask` with a shorter wall clock for each request, and an end for all of them. */
function askWithin(ask: Ask, timeoutMs: number, end: AbortSignal): Ask {
  const within = (signal: AbortSignal | null | undefined): AbortSignal =>
    AbortSignal.any([end, AbortSignal.timeout(timeoutMs), ...(signal ? [signal] : [])]);
  const bounded = (question: Parameters<Ask>[0]): ReturnType<Ask> =>
    ask({ ...question, signal: within(question.signal) });
  const boundedFetch: Ask["fetch"] = (input, init) => ask.fetch(input, { ...init, signal: within(init?.signal) });
  return Object.assign(bounded, { fetch: boundedFetch });
}

const CODES: Readonly<Record<Outcome, FaultCode | null>> = {
  valid: null,
  rejected: "credential_rejected",
  expired: "credential_rejected",
  forbidden: "permission_missing",
  rate_limited: "provider_rate_limited",
  unreachable: "provider_unreachable",
  service_misconfigured: "provider_unreachable",
};

/** Outcomes that have a fault code of their own for one reason. */
const CODES_BY_REASON: Readonly<Record<string, FaultCode>> = {
  trust_policy_too_wide: "trust_policy_too_wide",
  token_unsupported: "token_unsupported",
};

/** What is stored and shown of a finding: texts from our own tables, and every capability that the entry declares. */
function verdictOf(
  { entry, credential }: Pick<Case, "entry" | "credential">,
  found: Finding,
  values: Values,
  egressAddress: string | null,
): Verdict {
  const capabilities = entry.capabilities.map((declared) => capabilityOf(entry, declared, found));
  const allLacking = capabilities.filter(
    ({ id, state }) => state === "denied" && entry.capabilities.some((one) => one.id === id && one.required),
  );
  const [lacking] = allLacking;
  const outcome = found.outcome === "valid" && lacking !== undefined ? "forbidden" : found.outcome;
  const warnings = outcome === "valid" ? [...new Set([...found.warnings, ...fieldWarnings(entry, credential)])] : [];
  const reason = found.reason ?? (outcome === found.outcome ? warnings[0] : lacking?.reason) ?? null;
  const code = (outcome === "forbidden" && CODES_BY_REASON[reason ?? ""]) || CODES[outcome];
  const told = outcome === found.outcome ? remedyOf(entry, outcome, reason) : remedyFor(entry, allLacking);
  const remedy =
    told !== null && reason === "ip_allowlist" && egressAddress !== null
      ? `${told} CloudAct's outgoing address is ${egressAddress}.`
      : told;
  return {
    outcome,
    code,
    message: code === null ? "Integration validated successfully" : textOf(code, entry),
    reason,
    remedy: remedy === null ? null : render(remedy, values),
    details: { connection: CONNECTION[outcome], permissions: permissionsOf(outcome, capabilities), ...found.details },
    http_status: found.http_status,
    provider_code: found.provider_code,
    provider_request_id: found.provider_request_id,
    retry_after_s: found.retry_after_s ?? (outcome === "rate_limited" ? entry.rate_limit.retry_after_seconds : null),
    capabilities: capabilities.map((one) => (one.remedy ? { ...one, remedy: render(one.remedy, values) } : one)),
    warnings,
    field: found.field,
    expires_at: found.expires_at,
    ...(Object.keys(found.discovered).length > 0 ? { discovered: found.discovered } : {}),
  };
}

function textOf(code: FaultCode, entry: Entry): string {
  return faults[code].text.replaceAll("{provider}", entry.display_name);
}

/** What the probe decided, else what holds for every valid key of the provider, else unknown. */
function capabilityOf(entry: Entry, declared: Entry["capabilities"][number], found: Finding): Capability {
  const decided = found.capabilities.find(({ id }) => id === declared.id);
  const state = decided?.state ?? (found.outcome === "valid" ? declared.state : "unknown");
  const reason = decided?.reason ?? (decided === undefined && state !== "unknown" ? declared.reason : undefined);
  const told = decided?.remedy ?? reasonText(entry, reason) ?? (state === "denied" ? declared.remedy : undefined);
  const remedy = state === "granted" ? undefined : told;
  return { id: declared.id, state, ...(reason ? { reason } : {}), ...(remedy ? { remedy } : {}) };
}

/** Whether the provider could be talked to, in a word. */
const CONNECTION: Readonly<Record<Outcome, "ok" | "failed" | "unknown">> = {
  valid: "ok",
  rejected: "ok",
  expired: "ok",
  forbidden: "ok",
  rate_limited: "ok",
  unreachable: "failed",
  service_misconfigured: "unknown",
};

/** What the credential may do, in a word. */
function permissionsOf(
  outcome: Outcome,
  capabilities: readonly Capability[],
): "ok" | "limited" | "missing" | "unknown" {
  if (outcome === "forbidden") return "missing";
  if (outcome !== "valid") return "unknown";
  return capabilities.some(({ state }) => state === "denied") ? "limited" : "ok";
}

/** What to do about required capabilities that are denied: each by its own text, else by its reason's, else by its name. */
function remedyFor(entry: Entry, lacking: readonly Capability[]): string {
  const remedies = lacking.map(({ id, reason, remedy }) => {
    const named = reasonText(entry, reason);
    const label = entry.capabilities.find((one) => one.id === id)?.label ?? id;
    return remedy ?? named ?? `Grant the key this permission at ${entry.display_name}, then validate again: ${label}.`;
  });
  return [...new Set(remedies)].join(" ");
}

function reasonText(entry: Entry, reason: string | null | undefined): string | undefined {
  return reason && Object.hasOwn(entry.reasons, reason) ? entry.reasons[reason] : undefined;
}

/** What to do next: the entry's text for the reason, else for the outcome, else ours. */
function remedyOf(entry: Entry, outcome: Outcome, reason: string | null): string | null {
  const named = reasonText(entry, reason);
  return named ?? entry.remedies[outcome] ?? REMEDIES[outcome]?.replaceAll("{provider}", entry.display_name) ?? null;
}

const REMEDIES: Readonly<Record<Outcome, string | null>> = {
  valid: null,
  rejected:
    "Create a new key at {provider}, paste it whole and save it. Was the old one deleted, disabled or cut off while copying?",
  expired: "The key has expired at {provider}. Create a new one and save it here.",
  forbidden:
    "The key works, but may not do what is needed. Grant it the missing permission at {provider}, then validate again.",
  rate_limited: "{provider} limits how often it can be asked. Nothing is wrong with the key; try again later.",
  unreachable:
    "{provider} gave no usable answer. Nothing is known against the key; try again in a few minutes and look at {provider}'s status page.",
  service_misconfigured:
    "This is a fault of this service, not of the key. Try again later; if it stays, tell the operator.",
};
