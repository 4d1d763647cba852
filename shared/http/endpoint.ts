import type { ServerResponse } from "node:http";
import { Fault } from "../contract/fault.ts";
import { DEPRECATED_SINCE } from "../contract/older-shapes.ts";
import { methodsAt, type Route, type RouteName } from "../contract/routes.ts";
import type { Audit, AuditRecord } from "../ports/audit.ts";
import type { Log, LogFields } from "../ports/log.ts";
import { type Answer, problem } from "./answer.ts";
import {
  type Actor,
  authoriseOrgKey,
  authorisePipeline,
  authoriseScheduler,
  type Gate,
  type Recognised,
} from "./authorise.ts";
import { parseRequest, pathOf, type RawRequest, type Request, requestId } from "./request.ts";

/** Anything else that a reason should ever hold is not ours, and is not logged. */
const WORD = /^[a-z][a-z0-9]{0,20}(?:_[a-z0-9]{1,20}){0,5}$/;

/** What every endpoint stands on. */
export interface Desk extends Gate {
  audit: Audit;
  log: Log;
  corsOrigins: readonly string[];
  /** Whether Google's front end is before us, so that the last X-Forwarded-For entry is the caller. */
  behindProxy: boolean;
}

/** What the audit record of this request says besides who, where and how it ended. */
export type AuditNotes = Partial<
  Pick<
    AuditRecord,
    "provider" | "credential_id" | "fingerprint" | "key_version" | "cache" | "pipeline" | "run_id" | "reason_code"
  >
>;

/** An authorised request. */
export interface Call {
  request: Request;
  actor: Actor;
  audited: AuditNotes;
}

export type Handler<Parts> = (call: Call, parts: Parts) => Promise<Answer>;
export type Handlers<Parts> = Partial<Record<RouteName, Handler<Parts>>>;

/**
 * Turns handlers into what the functions framework calls: it always answers, and with a problem document where it
 * cannot do better; checks in the contract's order; writes the audit record before the answer leaves.
 */
export function endpoint<Parts extends Desk>(
  known: readonly Route[],
  handlers: Handlers<Parts>,
  getParts: () => Promise<Parts>,
  options: { bare: boolean },
) {
  return async (raw: RawRequest, response: ServerResponse): Promise<void> => {
    const id = requestId(raw);
    let answer: Answer;
    let parts: Parts | null = null;
    try {
      const page = health(raw);
      if (page) {
        answer = page;
      } else {
        parts = await getParts();
        answer =
          raw.method === "OPTIONS"
            ? preflight(raw, known, parts, options.bare)
            : await serve(raw, id, known, handlers, parts, options.bare);
      }
    } catch (error) {
      const fault = asFault(error, parts, id);
      answer = problem(fault, id);
      parts?.log(answer.status >= 500 ? "ERROR" : "INFO", "request", {
        request_id: id,
        code: fault.code,
        status: answer.status,
      });
    }
    const cors = parts ? corsHeaders(raw, parts) : {};
    send(raw, response, id, { ...answer, headers: { ...answer.headers, ...cors } });
  };
}

async function serve<Parts extends Desk>(
  raw: RawRequest,
  id: string,
  known: readonly Route[],
  handlers: Handlers<Parts>,
  parts: Parts,
  bare: boolean,
): Promise<Answer> {
  const startedAt = parts.clock.monotonic();
  const request = parseRequest(raw, known, { bare, behindProxy: parts.behindProxy, id });
  const audited: AuditNotes = {};
  let actor: Actor = { type: "anonymous", id: null };
  let answer: Answer;
  let fault: Fault | null = null;
  try {
    await authorise(raw, request, parts, (recognised) => {
      actor = recognised;
    });
    if (request.route.budget === "none") request.query();
    const handler = handlers[request.route.name];
    if (!handler) throw new Fault("route_unknown");
    answer = await handler({ request, actor, audited }, parts);
  } catch (error) {
    fault = asFault(error, parts, id, { org: recordableOrg(request, actor, null), provider: audited.provider });
    answer = problem(fault, id);
  }
  if (isLegacy(actor)) answer = { ...answer, headers: { deprecation: DEPRECATED_SINCE, ...answer.headers } };
  const org = recordableOrg(request, actor, fault);
  if (request.route.caller !== "anyone") parts.audit.write(auditRecord(request, org, actor, answer, fault, audited));
  parts.log(answer.status >= 500 ? "ERROR" : "INFO", "request", {
    request_id: id,
    ...(request.trace ? { trace: request.trace } : {}),
    operation: request.route.name,
    ...(org ? { org_slug: org } : {}),
    ...(audited.provider ? { provider: audited.provider } : {}),
    ...(fault ? why(fault) : {}),
    status: answer.status,
    latency_ms: Math.round(parts.clock.monotonic() - startedAt),
  });
  return answer;
}

async function authorise(raw: RawRequest, request: Request, gate: Gate, recognised: Recognised): Promise<void> {
  switch (request.route.caller) {
    case "anyone":
      return;
    case "read":
    case "manage":
      return await authoriseOrgKey(request, gate, raw.headersDistinct["x-api-key"] ?? [], recognised);
    case "pipeline":
      return await authorisePipeline(request, gate, recognised);
    case "scheduler":
      return await authoriseScheduler(request, gate, recognised);
  }
}

/**
 * Draws on the route's budget, per organisation for keys, per subject and organisation for pipelines; then looks at the query.
 *
 * @throws Fault `too_many_requests`, `request_malformed`
 */
export function spend(call: Call, desk: Desk): void {
  const { budget } = call.request.route;
  const id = call.actor.type === "api_key" ? `${call.request.org}` : `${call.actor.id} ${call.request.org}`;
  const wait = budget === "none" ? null : desk.limiter.take(budget, id);
  if (wait !== null) throw new Fault("too_many_requests", { retryAfterS: wait });
  call.request.query();
}

function auditRecord(
  request: Request,
  org: string | null,
  actor: Actor,
  answer: Answer,
  fault: Fault | null,
  notes: AuditNotes,
): AuditRecord {
  const denied = isDenial(fault);
  return {
    request_id: request.id,
    actor_type: actor.type,
    actor_id: actor.id,
    org_slug: org,
    operation: request.route.name,
    decision: denied ? "deny" : "allow",
    outcome: denied ? "denied" : fault ? "error" : "ok",
    status: answer.status,
    ...notes,
    ...(fault ? { reason_code: fault.code } : {}),
    ...(fault?.details.credentialId ? { credential_id: fault.details.credentialId } : {}),
    provider: notes.provider ?? null,
  };
}

/** The path's organisation, unless who sent it was refused and it may be anything: a secret in the wrong place as well. */
function recordableOrg({ org }: Request, actor: Actor, fault: Fault | null): string | null {
  if (actor.type === "anonymous" || org === null) return null;
  return isDenial(fault) && /[a-z0-9]{20}/.test(org) ? null : org;
}

/** Whether the caller still uses a key of the older kind, which every answer then says. */
function isLegacy(actor: Actor): boolean {
  return actor.type === "api_key" && actor.legacy;
}

function isDenial(fault: Fault | null): boolean {
  return fault !== null && (fault.status === 401 || fault.status === 403);
}

/** What the log says of a failure: its code, and the word of ours that narrows it down, for an operator to act on. */
function why({ code, details: { reason } }: Fault): Pick<LogFields, "code" | "reason"> {
  return { code, ...(reason !== undefined && WORD.test(reason) ? { reason } : {}) };
}

/** What is not a known failure is a bug: it is logged by name, and nothing of it is shown. */
function asFault(
  error: unknown,
  desk: Desk | null,
  id: string,
  about: { org: string | null; provider: string | null | undefined } | null = null,
): Fault {
  if (error instanceof Fault) {
    if (error.code === "integrity")
      desk?.log("CRITICAL", "integrity", {
        request_id: id,
        ...why(error),
        ...(about?.org ? { org_slug: about.org } : {}),
        ...(about?.provider ? { provider: about.provider } : {}),
      });
    return error;
  }
  desk?.log("ERROR", "internal", { request_id: id, error_name: error instanceof Error ? error.name : typeof error });
  return new Fault("internal");
}

function health(raw: RawRequest): Answer | null {
  if (pathOf(raw) !== "/health") return null;
  if (raw.method !== "GET" && raw.method !== "HEAD") throw new Fault("method_not_allowed", { allow: ["GET", "HEAD"] });
  return { status: 200, body: { status: "ok" } };
}

/** What a browser asks before it sends; answered for a known path and a known origin only. */
function preflight(raw: RawRequest, known: readonly Route[], desk: Desk, bare: boolean): Answer {
  const methods = methodsAt(known, pathOf(raw), bare);
  const origin = raw.headers.origin;
  if (origin === undefined || !desk.corsOrigins.includes(origin))
    throw new Fault("method_not_allowed", { allow: methods });
  return {
    status: 204,
    body: undefined,
    headers: {
      "access-control-allow-methods": methods.join(", "),
      "access-control-allow-headers":
        "content-type, x-api-key, idempotency-key, if-match, if-none-match, x-request-id, authorization",
      "access-control-max-age": "600",
    },
  };
}

function corsHeaders(raw: RawRequest, desk: Desk): Record<string, string> {
  const origin = raw.headers.origin;
  if (origin === undefined || desk.corsOrigins.length === 0) return {};
  if (!desk.corsOrigins.includes(origin)) return { vary: "Origin" };
  return {
    "access-control-allow-origin": origin,
    "access-control-expose-headers": "etag, retry-after, x-request-id, deprecation",
    vary: "Origin",
  };
}

function send(raw: RawRequest, response: ServerResponse, id: string, answer: Answer): void {
  const text =
    answer.body === undefined ? "" : typeof answer.body === "string" ? answer.body : JSON.stringify(answer.body);
  const headers: Record<string, string | number> = {
    "content-type": "application/json",
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
    "x-request-id": id,
    ...answer.headers,
  };
  if (answer.status !== 204) headers["content-length"] = Buffer.byteLength(text);
  else delete headers["content-type"];
  if (raw.bodyFault) headers["connection"] = "close";
  response.writeHead(answer.status, headers);
  response.end(raw.method === "HEAD" ? undefined : text);
}
