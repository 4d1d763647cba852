import { Fault } from "../shared/contract/fault.ts";
import { requireGrant } from "../shared/http/authorise.ts";
import { type Call, spend } from "../shared/http/endpoint.ts";
import { readIdempotencyKey } from "../shared/http/preconditions.ts";
import type { Idempotency } from "../shared/operations/change.ts";
import type { Requester, Subject } from "../shared/operations/works.ts";
import { keyedHash } from "../shared/vault/keyed-hash.ts";
import type { Parts } from "./parts.ts";

/**
 * The organisation and provider of an authorised call, in the contract's order: provider, a pipeline's grant for it,
 * then the budget.
 *
 * @throws Fault `provider_unknown`, `forbidden`, `too_many_requests`
 */
export async function subjectOf(call: Call, parts: Parts): Promise<Subject & Requester> {
  const { org, providerSegment, id } = call.request;
  if (org === null || providerSegment === null) throw new Fault("route_unknown");
  const entry = parts.registry.byPath(providerSegment);
  if (!entry) throw new Fault("provider_unknown");
  call.audited.provider = entry.code;
  if (call.request.route.caller === "pipeline") await requireGrant(parts, call.actor.id ?? "", org, entry.code);
  spend(call, parts);
  return { org, entry, requestId: id, actor: call.actor.id ?? "anonymous" };
}

/** The Idempotency-Key and body as HMACs, scoped to organisation, route and what else is named. @throws Fault `request_malformed` */
export async function idempotencyOf(call: Call, parts: Parts, ...scope: string[]): Promise<Idempotency | null> {
  const key = readIdempotencyKey(call.request);
  if (key === null) return null;
  return {
    keyHash: await keyedHash(parts.secrets, call.request.org ?? "", call.request.route.name, ...scope, key),
    bodyHash: await keyedHash(parts.secrets, call.request.bodyBytes),
  };
}
