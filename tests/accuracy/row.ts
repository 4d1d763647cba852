import type { Capability, Outcome, Status } from "../../shared/contract/verdict.ts";

/** What stood between the question and an answer about the credential; `null` where the provider gave a definite one. */
export type Obstacle =
  | "outage"
  | "rate_limit"
  | "region"
  | "our_side"
  | "clock"
  | "portal"
  | "redirect"
  | "junk"
  | "unclear";

/** A stored status, and what the answer makes of it. */
export type Change = Readonly<Record<"VALID" | "PENDING", Status>>;

/** What the answer must say of capabilities and pipelines, where it says something. */
export interface More {
  /** Where the answers alone do not name it. */
  name?: string;
  reason?: string;
  capabilities?: Readonly<Record<string, Capability["state"]>>;
  /** Whether the first of the provider's pipelines can run. */
  ready?: boolean | "unknown";
  /** Whether the answer tells when the credential ends. */
  expires?: boolean;
  /** A word of what the customer is told to do. */
  remedy?: string;
  /** Page, package or recorded observation, where the simulator's answer does not name one. */
  source?: string;
  /** The answer is only plausible: counted. */
  undocumented?: true;
  /** Another credential than the usual one, by its fields. */
  credential?: Readonly<Record<string, string>>;
  metadata?: Readonly<Record<string, unknown>>;
}

/** One answer of a provider and everything that it must lead to. */
export interface Row extends More {
  provider: string;
  name: string;
  /** The simulator's answers by endpoint; of a provider with one, to every question. */
  given: Readonly<Record<string, string>>;
  outcome: Outcome;
  obstacle: Obstacle | null;
  becomes: Change;
}

/** A row that does not know its provider yet. */
export type Draft = Omit<Row, "provider">;
/** The answer at `api`, or the answers at several endpoints. */
type Given = string | Readonly<Record<string, string>>;

const to = (status: Status): Change => ({ VALID: status, PENDING: status });
/** No definite answer changes nothing. */
const KEPT: Change = { VALID: "VALID", PENDING: "PENDING" };

function draft(given: Given, outcome: Outcome, obstacle: Obstacle | null, becomes: Change, more: More): Draft {
  const answers = typeof given === "string" ? { api: given } : given;
  const name = Object.entries(answers)
    .map(([endpoint, answer]) => (endpoint === "api" ? answer : `${answer} at ${endpoint}`))
    .join(", ");
  return { name, given: answers, outcome, obstacle, becomes, ...more };
}

export const live = (given: Given, more: More = {}): Draft => draft(given, "valid", null, to("VALID"), more);
export const dead = (given: Given, remedy: string, more: More = {}): Draft =>
  draft(given, "rejected", null, to("INVALID"), { remedy, ...more });
export const ended = (given: Given, remedy: string, more: More = {}): Draft =>
  draft(given, "expired", null, to("EXPIRED"), { remedy, ...more });
export const barred = (given: Given, reason: string, remedy: string, more: More = {}): Draft =>
  draft(given, "forbidden", null, to("INVALID"), { reason, remedy, ...more });

const kept =
  (outcome: Outcome, obstacle: Obstacle, reason: string | undefined, remedy: string) =>
  (given: Given, more: More = {}): Draft =>
    draft(given, outcome, obstacle, KEPT, { remedy, ...(reason === undefined ? {} : { reason }), ...more });

export const outage = kept("unreachable", "outage", "unavailable", "nothing is known against");
export const limit = kept("rate_limited", "rate_limit", undefined, "try again later");
export const region = kept("unreachable", "region", "region_blocked", "nothing is wrong with the key");
export const ours = kept("service_misconfigured", "our_side", undefined, "fault of this service");
export const clock = kept("service_misconfigured", "clock", "clock_skew", "");
export const portal = kept("unreachable", "portal", "unexpected_response", "nothing is known against");
export const redirect = kept("unreachable", "redirect", "unexpected_response", "nothing is known against");
export const junk = kept("unreachable", "junk", "unexpected_response", "nothing is known against");
/** Whether half an answer counts as a body or as a connection that broke depends on when it breaks. */
export const broken = kept("unreachable", "junk", undefined, "nothing is known against");
export const silence = kept("unreachable", "outage", "timeout", "nothing is known against");
/** An answer that may be about the credential, or not: it counts as none. */
export const unclear = kept("unreachable", "unclear", "unexpected_response", "nothing is known against");

/** What can happen on the way to every provider, at the endpoint that proves its credentials. */
export function onTheWay(endpoint = "api"): Draft[] {
  const at = (answer: string) => ({ [endpoint]: answer });
  return [
    portal(at("html"), { source: "RFC 8952 section 2: captive portals answer in the place of others" }),
    redirect(at("redirect"), { source: "RFC 9110 section 15.4.8; RFC 8910: portals redirect" }),
    outage(at("html_503"), { source: "RFC 9110 section 15.6.4; nginx 1.27 error page" }),
    outage(at("bad_gateway"), { source: "RFC 9110 section 15.6.3; nginx 1.27 error page" }),
    silence(at("hang"), { source: "RFC 9112 section 9.5: failures and timeouts" }),
    broken(at("reset"), { source: "RFC 9112 section 8: incomplete messages" }),
    junk(at("truncated"), { source: "RFC 9112 section 8: incomplete messages" }),
    junk(at("other_shape"), { source: "datatracker.ietf.org/doc/html/draft-inadarei-api-health-check" }),
    unclear(at("gateway_401"), {
      source: "docs.aws.amazon.com/apigateway/latest/developerguide/supported-gateway-response-types.html",
    }),
    unclear(at("proxy_407"), {
      reason: "connection", // fetch takes it for a network error
      source: "RFC 9110 section 15.5.8: a proxy wants credentials of its own",
    }),
  ];
}

export function rowsOf(provider: string, drafts: readonly Draft[]): Row[] {
  return drafts.map((one) => ({ provider, ...one }));
}
