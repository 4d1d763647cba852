import { Fault } from "./fault.ts";
import { isOrgSlug, PREFIX, PROVIDER_SLUG } from "./names.ts";

export type FunctionName = "setup" | "validate" | "list" | "get" | "update" | "delete" | "decrypt" | "revalidate";
export type RouteName =
  | "setup"
  | "import"
  | "validate"
  | "list"
  | "providers"
  | "openapi"
  | "get"
  | "history"
  | "instructions"
  | "update"
  | "rotate"
  | "delete"
  | "decrypt"
  | "failures"
  | "revalidate";
export type Method = "GET" | "POST" | "PUT" | "DELETE";

/** Who may call: anyone, an organisation's key of that scope, a pipeline with a grant, or the Scheduler. */
export type CallerKind = "anyone" | "read" | "manage" | "pipeline" | "scheduler";
/** Which budget of requests a minute it draws on. */
export type Budget = "check" | "write" | "read" | "decrypt" | "none";

export interface Route {
  name: RouteName;
  fn: FunctionName;
  method: Method;
  /** Under the prefix; `{org}` and `{provider}` are the only parameters. */
  path: string;
  caller: CallerKind;
  budget: Budget;
  /** Query parameters it knows. */
  query: readonly string[];
  /** Whether a JSON body is read, and whether it may be left out. */
  body: "none" | "optional" | "required";
  summary: string;
  /** What a caller has to know besides, for the contract's document. */
  description: string;
}

/** Every route of the service. Where two match a path, the one with more literal segments is meant. */
export const routes: readonly Route[] = [
  {
    name: "setup",
    fn: "setup",
    method: "POST",
    path: "/{org}/{provider}/setup",
    caller: "manage",
    budget: "check",
    query: ["dry_run"],
    body: "required",
    summary: "Prove a credential, encrypt it and store it",
    description:
      "Checks the format, asks the provider, and only then encrypts and stores; what is there is replaced. Name, settings and expiry that are not sent are kept. Older bodies are still taken, with a Deprecation header: `{credentials: {api_key | service_account_json}, config}`, and the provider's fields at top level.",
  },
  {
    name: "import",
    fn: "setup",
    method: "POST",
    path: "/{org}/import",
    caller: "manage",
    budget: "check",
    query: ["dry_run"],
    body: "required",
    summary: "Set up many providers at once",
    description:
      "1 to 100 items. All are checked first, then all that passed are stored together; each ends as completed, failed or not_attempted, and a failed one has changed nothing. Checking ends after 60 s.",
  },
  {
    name: "validate",
    fn: "validate",
    method: "POST",
    path: "/{org}/{provider}/validate",
    caller: "manage",
    budget: "check",
    query: [],
    body: "optional",
    summary: "Ask the provider again whether the stored credential works",
    description:
      "Only a definite answer changes the stored status: during an outage or a limit it stays, and the verdict says why.",
  },
  {
    name: "providers",
    fn: "list",
    method: "GET",
    path: "/providers",
    caller: "anyone",
    budget: "none",
    query: [],
    body: "none",
    summary: "The registry's public face, from which a form can be drawn",
    description: "Needs no key. Also under `/api/v1/providers`.",
  },
  {
    name: "openapi",
    fn: "list",
    method: "GET",
    path: "/openapi.json",
    caller: "anyone",
    budget: "none",
    query: [],
    body: "none",
    summary: "This contract as OpenAPI 3.1",
    description: "Needs no key.",
  },
  {
    name: "list",
    fn: "list",
    method: "GET",
    path: "/{org}",
    caller: "read",
    budget: "read",
    query: ["category", "configured", "expiring_within"],
    body: "none",
    summary: "All integrations of an organisation",
    description:
      "Every provider of the registry by its code, configured or not, and the custom subscriptions that there are.",
  },
  {
    name: "get",
    fn: "get",
    method: "GET",
    path: "/{org}/{provider}",
    caller: "read",
    budget: "read",
    query: [],
    body: "none",
    summary: "One integration, never its secret",
    description: "Status, readiness for pipelines, dates and settings; the ETag names the version.",
  },
  {
    name: "get",
    fn: "get",
    method: "GET",
    path: "/{org}/{provider}/status",
    caller: "read",
    budget: "read",
    query: [],
    body: "none",
    summary: "The same, under its older path",
    description: "As the path without `/status`.",
  },
  {
    name: "history",
    fn: "get",
    method: "GET",
    path: "/{org}/{provider}/history",
    caller: "read",
    budget: "read",
    query: ["limit", "cursor"],
    body: "none",
    summary: "Versions and status changes, newest first",
    description: "In pages; `next_cursor` of one is the `cursor` of the next.",
  },
  {
    name: "instructions",
    fn: "get",
    method: "GET",
    path: "/{org}/{provider}/instructions",
    caller: "read",
    budget: "read",
    query: [],
    body: "none",
    summary: "What to create at the provider",
    description: "Steps, fields, and policies and command lines rendered for this organisation, ready to paste.",
  },
  {
    name: "update",
    fn: "update",
    method: "PUT",
    path: "/{org}/{provider}",
    caller: "manage",
    budget: "write",
    query: [],
    body: "required",
    summary: "Change what is stored, the credential included",
    description:
      "Changes what is named and nothing else, at least one thing. A new credential is proven before it replaces the old one, which stays active until then.",
  },
  {
    name: "rotate",
    fn: "update",
    method: "POST",
    path: "/{org}/{provider}/rotate",
    caller: "manage",
    budget: "write",
    query: [],
    body: "required",
    summary: "Replace the credential",
    description: "The same as PUT with a `credential` alone.",
  },
  {
    name: "delete",
    fn: "delete",
    method: "DELETE",
    path: "/{org}/{provider}",
    caller: "manage",
    budget: "write",
    query: ["deactivation_scheduled_at"],
    body: "none",
    summary: "Delete the integration, now or at a time",
    description:
      "At once it is unusable for every pipeline. With `deactivation_scheduled_at` it is refused from then on, and deleted by the next sweep.",
  },
  {
    name: "decrypt",
    fn: "decrypt",
    method: "POST",
    path: "/{org}/{provider}/decrypt",
    caller: "pipeline",
    budget: "decrypt",
    query: [],
    body: "required",
    summary: "Hand the credential to a pipeline",
    description:
      "The caller needs a grant for the organisation and provider. The audit record is written before anything leaves.",
  },
  {
    name: "failures",
    fn: "decrypt",
    method: "POST",
    path: "/{org}/{provider}/failures",
    caller: "pipeline",
    budget: "decrypt",
    query: [],
    body: "required",
    summary: "Report that the provider refused the credential",
    description:
      "Makes the credential due at once. A report about a credential that is not current any more is taken and ignored.",
  },
  {
    name: "revalidate",
    fn: "revalidate",
    method: "POST",
    path: "/revalidate",
    caller: "scheduler",
    budget: "none",
    query: [],
    body: "optional",
    summary: "Check what is due, announce expiries, purge",
    description: "Stalest first. Stops before `max_seconds`; `remaining` says what is left.",
  },
];

/** A path that a function answers: the route, and what stands where its parameters are. */
export interface Target {
  route: Route;
  org: string | null;
  /** The provider as it stands in the path. */
  providerSegment: string | null;
}

/**
 * Finds the route of a path as it came over the wire, undecoded. With `bare`, the prefix may be left out.
 *
 * @throws Fault `route_unknown`, `provider_unknown` (upper case), `method_not_allowed`
 */
export function findRoute(known: readonly Route[], method: string, path: string, bare: boolean): Target {
  const { candidates, parameters } = candidatesAt(known, path, bare);
  const wanted = method === "HEAD" ? "GET" : method;
  const route = candidates.find((candidate) => candidate.method === wanted);
  if (!route) throw new Fault("method_not_allowed", { allow: methodsOf(candidates) });
  return { route, ...parameters };
}

/** The methods that a path takes, HEAD with GET. @throws Fault `route_unknown`, `provider_unknown` */
export function methodsAt(known: readonly Route[], path: string, bare: boolean): string[] {
  return methodsOf(candidatesAt(known, path, bare).candidates);
}

function candidatesAt(known: readonly Route[], path: string, bare: boolean) {
  const rest = underPrefix(path) ?? (bare ? path : null);
  if (rest === null || !/^(?:\/[A-Za-z0-9_.-]+)+$/.test(rest)) throw new Fault("route_unknown");
  const segments = rest.slice(1).split("/");
  if (segments.some((segment) => segment === "." || segment === "..")) throw new Fault("route_unknown");
  const matching = known.filter((route) => matches(route, segments));
  const mostLiteral = Math.max(...matching.map((route) => template(route).literals));
  const candidates = matching.filter((route) => template(route).literals === mostLiteral);
  const first = candidates[0];
  if (!first) throw new Fault("route_unknown");
  return { candidates, parameters: parametersOf(first, segments) };
}

/** What follows the prefix; the registry's public face has a second, shorter path. `null` where there is no prefix. */
function underPrefix(path: string): string | null {
  if (path === "/api/v1/providers") return "/providers";
  return path.startsWith(`${PREFIX}/`) ? path.slice(PREFIX.length) : null;
}

function methodsOf(candidates: readonly Route[]): string[] {
  return candidates.flatMap((route) => (route.method === "GET" ? ["GET", "HEAD"] : [route.method]));
}

/** The path's parts, and how many of them are literal; made once a route. */
const templates = new WeakMap<Route, { parts: string[]; literals: number }>();

function template(route: Route): { parts: string[]; literals: number } {
  let known = templates.get(route);
  if (!known) {
    const parts = route.path.slice(1).split("/");
    known = { parts, literals: parts.filter((part) => !part.startsWith("{")).length };
    templates.set(route, known);
  }
  return known;
}

function matches(route: Route, segments: string[]): boolean {
  const { parts } = template(route);
  return (
    parts.length === segments.length && parts.every((part, index) => part.startsWith("{") || part === segments[index])
  );
}

function parametersOf(route: Route, segments: string[]): { org: string | null; providerSegment: string | null } {
  let org: string | null = null;
  let providerSegment: string | null = null;
  template(route).parts.forEach((part, index) => {
    if (part === "{org}") org = segments[index] ?? null;
    if (part === "{provider}") providerSegment = segments[index] ?? null;
  });
  if (org !== null && !isOrgSlug(org)) {
    throw new Fault("route_unknown", {
      detail: "Route not found: an organisation is 1-63 characters of a-z, 0-9, _ and -, lower case",
    });
  }
  if (providerSegment !== null && !PROVIDER_SLUG.test(providerSegment)) {
    const lower = String(providerSegment).toLowerCase();
    throw new Fault(
      "provider_unknown",
      PROVIDER_SLUG.test(lower) && lower !== providerSegment
        ? { remedy: `Write the provider in lower case: ${lower}` }
        : {},
    );
  }
  return { org, providerSegment };
}
