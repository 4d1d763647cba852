import type { Reply, Silence } from "../contract/answer.ts";
import type { Credential } from "../contract/secret.ts";
import type { Finding, Outcome } from "../contract/verdict.ts";
import { valuesAt } from "./body-path.ts";
import type { Condition, ProbeRules, Rule } from "./entry.ts";
import { pattern, SEARCHED } from "./linear.ts";
import { retryAfterS } from "./retry-after.ts";

/** What the reader needs besides the reply: the credential only to make sure that no part of it is kept. */
export interface AnswerContext {
  credential: Credential;
  /** Milliseconds since the epoch, for `Retry-After` as a date. */
  now: number;
}

/** The part of a probe that says how its answer reads. */
export type AnswerRules = Pick<ProbeRules, "success" | "rules">;

/** A finding of this outcome in which everything not given is absent. */
export function finding(outcome: Outcome, known: Partial<Finding> = {}): Finding {
  return {
    outcome,
    reason: null,
    http_status: null,
    provider_code: null,
    provider_request_id: null,
    retry_after_s: null,
    capabilities: [],
    details: {},
    expires_at: null,
    warnings: [],
    field: null,
    discovered: {},
    ...known,
  };
}

/** An answer of the right status in which what it must hold is not as the provider writes it: it tells nothing. */
export function unexpected({ http_status }: Finding): Finding {
  return finding("unreachable", { reason: "unexpected_response", http_status });
}

/**
 * Reads one answer: the rules in their order, then success by status and shape, then the common ladder. An answer that
 * is not a JSON object or array says nothing about a credential, whatever its status: a proxy wrote it.
 */
export function readAnswer(probe: AnswerRules, answer: Reply | Silence, context: AnswerContext): Finding {
  if ("silence" in answer || !isJson(answer.body)) return readByLadder(answer, context);
  const rule = probe.rules.find((one) => applies(one, answer));
  if (rule !== undefined) {
    const reason = rule.reason ?? null;
    return {
      ...facts(answer, context),
      outcome: rule.then,
      reason,
      warnings: rule.then === "valid" && reason !== null ? [reason] : [],
    };
  }
  if (answer.status === probe.success.status && hasShape(probe.success, answer.body)) {
    return { ...facts(answer, context), outcome: "valid", expires_at: expiryIn(probe.success, answer.body) };
  }
  return readByLadder(answer, context);
}

/**
 * The one ladder for what no rule names. It never makes a credential valid, condemns it only for a 401 whose error
 * speaks of the credential, and calls everything it does not know unreachable, so that an outage or a gateway changes
 * nothing.
 */
export function readByLadder(answer: Reply | Silence, context: AnswerContext): Finding {
  if ("silence" in answer) {
    const known = answer.silence === "timeout" || answer.silence === "connection";
    return finding("unreachable", { reason: known ? answer.silence : "unexpected_response" });
  }
  const found = facts(answer, context);
  const { status } = answer;
  if (status === 429) return { ...found, outcome: "rate_limited" };
  if (status === 408 || status === 425 || status >= 500) return { ...found, reason: "unavailable" };
  if (status === 401 && blamesCredential(answer.body)) return { ...found, outcome: "rejected" };
  return { ...found, reason: "unexpected_response" };
}

/** Where an error says in words what is wrong. */
const TEXTS = [
  "error.message",
  "error.code",
  "error.type",
  "error",
  "errors[].message",
  "errors[].code",
  "message",
  "detail",
];
/** Says of the credential itself that it is no good: nothing else in the text can mean another cause. */
const PLAIN =
  /\b(?:invalid|incorrect|wrong|revoked|expired|unknown|disabled) (?:\w+ )?(?:keys?|tokens?|credentials?)\b|\b(?:keys?|tokens?|credentials?) (?:(?:provided|is|was|has|been) ){0,3}(?:invalid|incorrect|wrong|revoked|expired|unknown|disabled|not valid|not found)\b/i;
const CREDENTIAL = /\bkeys?\b|api[ _-]?key|token|credential|unauthori[sz]ed|authenticat|\binvalid\b|revoked/i;
/** A `message` that only repeats the status, as any gateway's does; an entry whose provider answers so says it by a rule. */
const STATUS_ALONE = /^\W*(?:401\W*)?unauthori[sz]ed\W*$/i;
/** What stands in between, and what only a live key is told. */
const ANOTHER_CAUSE =
  /proxy|gateway|time.?out|timed out|outage|maintenance|unavailable|temporar|upstream|overload|later|network|firewall|vpn|server.error|internal.error|quota|billing|payment|\bcredits?\b|balance|insufficient|scope|permission|ip address|allow.?list|rate.?limit/i;

/** Whether an error speaks of the credential, and of nothing that a live one could meet as well. */
function blamesCredential(body: unknown): boolean {
  if (!isJson(body)) return false;
  const texts = TEXTS.flatMap((path) =>
    valuesAt(body, path).flatMap((text) =>
      typeof text === "string" ? [{ path, text: text.slice(0, SEARCHED).replaceAll(/[_-]/g, " ") }] : [],
    ),
  );
  if (texts.some(({ text }) => PLAIN.test(text))) return true;
  if (texts.some(({ text }) => ANOTHER_CAUSE.test(text))) return false;
  return texts.some(({ path, text }) => CREDENTIAL.test(text) && !(path === "message" && STATUS_ALONE.test(text)));
}

/** A rule as the registry writes it: `marker` is the exact value at the path, or a pattern over the text there. */
export function when(
  status: number | number[],
  at: string,
  marker: string | RegExp,
  outcome: Outcome,
  reason?: string,
): Rule {
  const test = typeof marker === "string" ? { equals: marker } : { matches: marker.source };
  // biome-ignore lint/suspicious/noThenProperty: the registry's grammar says `then`
  return { status, at, ...test, then: outcome, ...(reason === undefined ? {} : { reason }) };
}

/** Last of the rules of a provider that names every 401 by which it condemns a key. */
// biome-ignore lint/suspicious/noThenProperty: the registry's grammar says `then`
export const unexpected401: Rule = { status: 401, then: "unreachable", reason: "unexpected_response" };

/** The key's expiry as the answer states it, or `null`. */
function expiryIn(success: AnswerRules["success"], body: unknown): string | null {
  if (success.expires === undefined) return null;
  for (const text of valuesAt(body, success.expires)) {
    const time =
      typeof text === "string" && /^\d{4}-\d\d-\d\dT[\d:.]{5,24}(?:Z|[+-]\d\d:\d\d)$/.test(text)
        ? Date.parse(text)
        : Number.NaN;
    const expiry = Number.isNaN(time) ? "" : new Date(time).toISOString();
    // A "never" such as 9999-12-31 west of Greenwich has no year of four digits any more: that is no expiry.
    if (/^\d{4}-/.test(expiry)) return expiry;
  }
  return null;
}

/** Whether every condition of a rule or its `and` holds for the reply. */
function applies(rule: Rule, reply: Reply): boolean {
  const statuses = Array.isArray(rule.status) ? rule.status : [rule.status];
  if (!statuses.includes(reply.status)) return false;
  if (rule.at !== undefined && !holds({ at: rule.at, equals: rule.equals, matches: rule.matches }, reply.body))
    return false;
  return rule.and === undefined || holds(rule.and, reply.body);
}

/** Whether any value at the condition's path fits it. */
export function holds(condition: Condition, body: unknown): boolean {
  const { at, equals, matches } = condition;
  return valuesAt(body, at).some((value) => {
    if (equals !== undefined && value !== equals) return false;
    if (matches === undefined) return true;
    return typeof value === "string" && pattern(matches, "i").test(value.slice(0, SEARCHED));
  });
}

function hasShape(success: AnswerRules["success"], body: unknown): boolean {
  return valuesAt(body, success.has).some((value) => {
    if (success.is === undefined) return true;
    return success.is === "array" ? Array.isArray(value) : typeof value === success.is && !Array.isArray(value);
  });
}

function isJson(body: unknown): boolean {
  return typeof body === "object" && body !== null;
}

/** Where providers put their error code, most telling first. */
const CODES = [
  "error.details[].reason",
  "error.details.error_code",
  "error.code",
  "error.status",
  "error.type",
  "code",
  "type",
  "error",
];
const REQUEST_IDS = ["x-request-id", "request-id", "x-amzn-requestid", "opc-request-id", "x-ms-request-id"];

/** What may be kept of a reply: its status, two identifiers in a plain alphabet, the wait it asks for. */
function facts(reply: Reply, context: AnswerContext): Finding {
  const codes = reply.status >= 400 ? CODES.flatMap((path) => valuesAt(reply.body, path)) : [];
  const ids = [...REQUEST_IDS.map((name) => reply.headers.get(name)), ...valuesAt(reply.body, "request_id")];
  return finding("unreachable", {
    http_status: reply.status,
    provider_code: firstSafe(codes, context.credential),
    provider_request_id: firstSafe(ids, context.credential),
    retry_after_s: retryAfterS(reply.headers, reply.body, context.now),
  });
}

function firstSafe(candidates: unknown[], credential: Credential): string | null {
  for (const text of candidates) {
    if (typeof text === "string" && /^[A-Za-z0-9_.:-]{1,64}$/.test(text) && !echoes(text, credential)) return text;
  }
  return null;
}

/** Shortest run of characters that counts as a piece of a credential. */
const PIECE = 6;

/**
 * Whether the text shares a run of `piece` characters with any value of the credential, or holds a shorter value whole.
 * Takes the product of both lengths: only for texts that have passed a pattern.
 */
export function echoes(text: string, credential: Credential, piece: number = PIECE): boolean {
  return Object.values(credential).some((secret) => {
    const value = secret.reveal();
    if (value.length < piece) return value.length > 0 && text.includes(value);
    for (let from = 0; from + piece <= text.length; from++) {
      if (value.includes(text.slice(from, from + piece))) return true;
    }
    return false;
  });
}
