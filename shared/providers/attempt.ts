import { type FaultCode, faults } from "../contract/fault.ts";
import type { Credential } from "../contract/secret.ts";
import type { Capability, Finding, Outcome, Verdict } from "../contract/verdict.ts";
import type { Clock } from "../ports/clock.ts";
import { fieldWarnings } from "../registry/check.ts";
import type { Entry } from "../registry/entry.ts";
import { finding } from "../registry/read-answer.ts";
import type { Ask } from "./ask.ts";
import { providerOf } from "./index.ts";
import type { Slots } from "./slots.ts";

/** What an attempt needs from outside. */
export interface AttemptParts {
  ask: Ask;
  clock: Clock;
  /** Places at the providers; without them nothing is held back. */
  slots?: Slots;
}

/**
 * Asks a provider whether a credential works: one check within `entry.deadline_ms`, asked again `entry.retry.max` times
 * only where nobody answered. Never throws, and holds nothing of the provider's text or the credential.
 */
export async function attempt(entry: Entry, credential: Credential, parts: AttemptParts): Promise<Verdict> {
  const endsAt = parts.clock.monotonic() + entry.deadline_ms;
  if (!parts.slots) return await check(entry, credential, parts, endsAt);
  const done = await parts.slots.within(entry.code, entry.concurrency, entry.deadline_ms, () =>
    check(entry, credential, parts, endsAt),
  );
  // So many checks are in flight there that this one never began.
  return done ? done.result : verdictOf(entry, credential, finding("unreachable", { reason: "busy" }));
}

async function check(entry: Entry, credential: Credential, parts: AttemptParts, endsAt: number): Promise<Verdict> {
  const { clock } = parts;
  let found = await probeOnce(entry, credential, parts, Math.max(1, endsAt - clock.monotonic()));
  for (let retries = 0; retries < entry.retry.max && isWorthAsking(found); retries++) {
    if (clock.monotonic() + entry.retry.backoff_ms >= endsAt) break;
    await clock.sleep(entry.retry.backoff_ms);
    const leftMs = endsAt - clock.monotonic();
    if (leftMs <= 0) break;
    found = await probeOnce(entry, credential, parts, leftMs);
  }
  return verdictOf(entry, credential, found);
}

/** Only silence and an outage may pass by themselves; a definite answer or a limit is not asked again. */
function isWorthAsking(found: Finding): boolean {
  return found.outcome === "unreachable" && AGAIN.has(found.reason ?? "");
}
const AGAIN: ReadonlySet<string> = new Set(["timeout", "connection", "unavailable"]);

/** One probe that ends by itself after `withinMs`, whatever the provider's code does. */
async function probeOnce(
  entry: Entry,
  credential: Credential,
  { ask, clock }: AttemptParts,
  withinMs: number,
): Promise<Finding> {
  const deadline = new AbortController();
  const timer = setTimeout(() => deadline.abort(), withinMs);
  try {
    const provider = await providerOf(entry);
    const context = { entry, ask: askWithin(ask, entry.timeout_ms, deadline.signal), now: clock.now() };
    const late = new Promise<Finding>((resolve) => {
      deadline.signal.addEventListener("abort", () => resolve(finding("unreachable", { reason: "timeout" })), {
        once: true,
      });
    });
    return await Promise.race([provider.probe(credential, context), late]);
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

/** What is stored and shown of a finding: texts from our own tables, and every capability that the entry declares. */
function verdictOf(entry: Entry, credential: Credential, found: Finding): Verdict {
  const capabilities = entry.capabilities.map((declared) => capabilityOf(declared, found));
  const allLacking = capabilities.filter(
    ({ id, state }) => state === "denied" && entry.capabilities.some((one) => one.id === id && one.required),
  );
  const [lacking] = allLacking;
  const outcome = found.outcome === "valid" && lacking !== undefined ? "forbidden" : found.outcome;
  const warnings = outcome === "valid" ? [...new Set([...found.warnings, ...fieldWarnings(entry, credential)])] : [];
  const reason = found.reason ?? (outcome === found.outcome ? warnings[0] : lacking?.reason) ?? null;
  const code = CODES[outcome];
  return {
    outcome,
    code,
    message: code === null ? "Integration validated successfully" : textOf(code, entry),
    reason,
    remedy: outcome === found.outcome ? remedyOf(entry, outcome, reason) : remedyFor(entry, allLacking),
    details: { connection: CONNECTION[outcome], permissions: permissionsOf(outcome, capabilities), ...found.details },
    http_status: found.http_status,
    provider_code: found.provider_code,
    provider_request_id: found.provider_request_id,
    retry_after_s: found.retry_after_s ?? (outcome === "rate_limited" ? entry.rate_limit.retry_after_seconds : null),
    capabilities,
    warnings,
    field: found.field,
    expires_at: found.expires_at,
  };
}

function textOf(code: FaultCode, entry: Entry): string {
  return faults[code].text.replaceAll("{provider}", entry.display_name);
}

/** What the probe decided, else what holds for every valid key of the provider, else unknown. */
function capabilityOf(declared: Entry["capabilities"][number], found: Finding): Capability {
  const decided = found.capabilities.find(({ id }) => id === declared.id);
  const state = decided?.state ?? (found.outcome === "valid" ? declared.state : "unknown");
  const reason = decided?.reason ?? (decided === undefined && state !== "unknown" ? declared.reason : undefined);
  const remedy = state === "denied" ? (decided?.remedy ?? declared.remedy) : undefined;
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
    const named = reason !== undefined && Object.hasOwn(entry.reasons, reason) ? entry.reasons[reason] : undefined;
    const label = entry.capabilities.find((one) => one.id === id)?.label ?? id;
    return remedy ?? named ?? `Grant the key this permission at ${entry.display_name}, then validate again: ${label}.`;
  });
  return [...new Set(remedies)].join(" ");
}

/** What to do next: the entry's text for the reason, else for the outcome, else ours. */
function remedyOf(entry: Entry, outcome: Outcome, reason: string | null): string | null {
  const named = reason !== null && Object.hasOwn(entry.reasons, reason) ? entry.reasons[reason] : undefined;
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
