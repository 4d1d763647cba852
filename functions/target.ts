import { Fault } from "../shared/contract/fault.ts";
import { requireGrant } from "../shared/http/authorise.ts";
import { type Call, spend } from "../shared/http/endpoint.ts";
import { readIdempotencyKey } from "../shared/http/preconditions.ts";
import type { Idempotency } from "../shared/operations/change.ts";
import { configuredOf } from "../shared/operations/family.ts";
import type { Requester, Subject } from "../shared/operations/works.ts";
import type { Entry } from "../shared/registry/entry.ts";
import { chooseByShape } from "../shared/registry/family.ts";
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
  const family = parts.registry.familyOf(providerSegment);
  const named = parts.registry.byPath(providerSegment) ?? family[0];
  if (!named) throw new Fault("provider_unknown");
  call.audited.provider = named.code;
  const open = family.length > 0 ? family : [named];
  const allowed = call.request.route.caller === "pipeline" ? await granted(call, parts, org, open) : open;
  spend(call, parts);
  const choice = { org, family: allowed, segment: providerSegment };
  const entry = family.length > 0 ? await memberOf(call, parts, choice) : named;
  call.audited.provider = entry.code;
  return { org, entry, requestId: id, actor: call.actor.id ?? "anonymous" };
}

/** The entry that is meant where the path leaves it open: by the credential's shape, or by what is configured. */
async function memberOf(
  call: Call,
  parts: Parts,
  { org, family, segment }: { org: string; family: readonly Entry[]; segment: string },
): Promise<Entry> {
  const [first] = family;
  const { name, caller } = call.request.route;
  if (first !== undefined && name === "instructions") return first;
  if (name === "setup") return chooseByShape(family, call.request.body);
  return await configuredOf(parts, org, family, segment, caller === "pipeline");
}

/** Those that the caller has a grant for: of the others it learns nothing. @throws Fault `forbidden` where there is none */
async function granted(call: Call, parts: Parts, org: string, entries: readonly Entry[]): Promise<Entry[]> {
  const allowed: Entry[] = [];
  let refusal: unknown = null;
  for (const entry of entries) {
    try {
      await requireGrant(parts, call.actor.id ?? "", org, entry.code);
      allowed.push(entry);
    } catch (error) {
      if (!(error instanceof Fault) || error.code !== "forbidden") throw error;
      refusal = error;
    }
  }
  if (allowed.length === 0) throw refusal;
  return allowed;
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
