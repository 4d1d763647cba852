import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { Parts } from "../../functions/parts.ts";
import { allCodes, refusalsOf } from "../../scripts/openapi/refusals.ts";
import { Fault, type FaultCode, faults } from "../../shared/contract/fault.ts";
import { type Route, type RouteName, routes } from "../../shared/contract/routes.ts";
import { type InProcess, serveInProcess, withMethods } from "../http/in-process.ts";
import { expectProblem } from "../http/problem.ts";
import { type Reply, type Service, startService } from "../service/harness.ts";
import { clouds } from "../simulators/clouds/all.ts";
import { exampleKeys } from "../simulators/start.ts";

/*
 * The document says which codes each route can end with. Here every one of them is made to occur, on that route, by
 * whatever causes it; and what causes a code that a route does not have ends otherwise.
 */

const groq = exampleKeys("GROQ");
const RUN = { pipeline: "genai.payg_usage", run_id: "run-1" };
const role = (org: string, name = "CostReader") => `arn:aws:iam::111122223333:role/for/${org}/CloudAct-${name}`;
let service: Service;
let limited: Service;
let faulty: InProcess;
let broken: (() => Promise<Partial<Parts>>) | null = null;
const secrets = { key: "", readKey: "", limitedKey: "", token: "", sweeper: "" };
let names = 0;

beforeAll(async () => {
  service = await startService();
  limited = await startService({ simulators: service.simulators, env: { INTEGRATIONS_RATE_LIMIT: "1" } });
  faulty = await serveInProcess(async () => ({ ...service.parts, log: () => {}, ...(await broken?.()) }));
  secrets.key = await service.orgKey("acme");
  secrets.readKey = await service.orgKey("acme", "read");
  secrets.token = await service.token("pipeline");
  secrets.sweeper = await service.token("scheduler");
  secrets.limitedKey = await limited.orgKey("acme");
  await service.grant("pipeline", ["acme"]);
  await limited.grant("pipeline", ["acme"]);
  const set = async (org: string, provider: string, credential: unknown) => {
    const key = org === "acme" ? secrets.key : await service.orgKey(org);
    expect(await service.send("POST", `/${org}/${provider}/setup`, { key, body: { credential } })).toMatchObject({
      status: 201,
    });
  };
  await set("acme", "openai", exampleKeys("OPENAI").admin);
  await set("acme", "groq", groq.good);
  await set("acme", "gemini", exampleKeys("GEMINI").good);
  await set("acme", "anthropic", exampleKeys("ANTHROPIC").good);
  await set("acme", "aws_keys", clouds.AWS_KEYS?.credential());
  await set("acme", "aws_iam", role("acme"));
  await set("holder", "aws_iam", role("holder"));
  await service.send("PUT", "/acme/anthropic", { key: secrets.key, body: { enabled: false } });
});
afterAll(async () => {
  await faulty.close();
  await limited.close();
  await service.close();
});
beforeEach(() => service.simulators.reset());

/** What differs from a request that would pass. */
interface Change {
  org?: string;
  provider?: string;
  method?: string;
  query?: string;
  body?: unknown;
  raw?: string;
  headers?: Record<string, string>;
  as?: { key?: string; token?: string };
}

async function send(route: Route, change: Change = {}, to: Pick<Service, "send"> = service): Promise<Reply> {
  const { org = "acme", query, method = route.method, headers = {}, raw } = change;
  const { provider = lent(route, "openai") } = change;
  const path = route.path.replace("{org}", org).replace("{provider}", provider);
  const body = route.body === "none" || raw !== undefined ? undefined : (change.body ?? bodyOf(route));
  return await to.send(method, `${path}${query ? `?${query}` : ""}`, {
    ...(change.as ?? callerOf(route)),
    headers,
    ...(raw === undefined ? (body === undefined ? {} : { body }) : { raw }),
  });
}

/** A provider that a route may do with as it likes: what is deleted is missed by no other. */
function lent({ name }: Route, provider: string): string {
  return name === "delete" ? "xai" : provider;
}

function callerOf({ caller }: Route, key = secrets.key): { key?: string; token?: string } {
  if (caller === "anyone") return {};
  if (caller === "pipeline") return { token: secrets.token };
  return caller === "scheduler" ? { token: secrets.sweeper } : { key };
}

function bodyOf({ name, body }: Route, credential: unknown = groq.good): unknown {
  const bodies: Partial<Record<RouteName, unknown>> = {
    setup: { credential },
    import: { items: [{ provider: "groq", credential }] },
    update: { credential },
    rotate: { new_credentials: credential },
    decrypt: RUN,
    failures: { ...RUN, credential_id: "0b6f1a52-7d3e-4c1b-9a43-3f7f1c2f9d10" },
  };
  return body === "none" ? undefined : (bodies[name] ?? {});
}

const raise = (code: FaultCode) => async (): Promise<never> => {
  throw new Fault(code);
};
/** Every method of a port fails so. */
function failing<Port extends object>(port: Port, code: FaultCode): Port {
  return new Proxy(port, { get: (_, name) => (name === "then" ? undefined : raise(code)) });
}

async function within(route: Route, parts: () => Promise<Partial<Parts>>, change: Change = {}): Promise<Reply> {
  broken = parts;
  try {
    return await send(route, change, faulty);
  } finally {
    broken = null;
  }
}

/** What a caller's recognition stands on, failing. */
function gateFails(route: Route, code: FaultCode): Partial<Parts> {
  const { orgKeys, grants, store } = service.parts;
  if (route.caller === "pipeline") return { grants: withMethods(grants, { grantsOf: raise(code) }) };
  if (route.caller === "scheduler") return { store: failing(store, code) };
  return { orgKeys: withMethods(orgKeys, { findKey: raise(code) }) };
}

async function untilLimited(route: Route): Promise<Reply> {
  const as = route.caller === "pipeline" ? { token: await limited.token("pipeline") } : { key: secrets.limitedKey };
  for (let sent = 0; sent < 1_300; sent += 1) {
    const reply = await send(route, { as, query: "nonsense=1" }, limited);
    if (reply.status === 429) return reply;
  }
  throw new Error("never limited");
}

/** The second of two requests with one Idempotency-Key. */
async function twice(route: Route, first: Change, second: Change, together: boolean): Promise<Reply> {
  names += 1;
  const headers = { "idempotency-key": `twice-${names}` };
  const before = service.simulators.requests.length;
  const one = send(route, { provider: "groq", headers, ...first });
  if (together) await expect.poll(() => service.simulators.requests.length, { interval: 5 }).toBeGreaterThan(before);
  else await one;
  const answer = await send(route, { provider: "groq", headers, ...second });
  await one;
  return answer;
}

/** A stand-in is asked for, and AWS answers so. */
const minting = async (route: Route, fixture: string) => {
  service.simulators.force("AWS_IAM", "sts", fixture);
  const body = { pipeline: "cloud.aws.cost.billing", run_id: "run-1", as: "token" };
  return await send(route, { provider: "aws_iam", body });
};
const proving =
  (credential: unknown, provider = "groq") =>
  (route: Route) =>
    send(route, { provider: lent(route, provider), body: bodyOf(route, credential) });

/** How each code is caused on a route. */
const causes: Record<FaultCode, (route: Route) => Promise<Reply>> = {
  request_malformed: (route) => send(route, { query: "nonsense=1" }),
  org_key_invalid: (route) => send(route, { as: {} }),
  caller_invalid: (route) => send(route, { as: {} }),
  forbidden: (route) =>
    route.caller === "scheduler" ? send(route, { as: { token: secrets.token } }) : send(route, { org: "globex" }),
  scope_insufficient: (route) => send(route, { as: { key: secrets.readKey } }),
  route_unknown: (route) => send(route, { org: "ACME" }),
  provider_unknown: (route) => send(route, { provider: "nosuch" }),
  not_configured: (route) => send(route, { provider: "deepseek" }),
  method_not_allowed: (route) => send(route, { method: "PATCH" }),
  credential_not_usable: (route) => send(route, { provider: lent(route, "anthropic") }),
  conflict: (route) =>
    route.name === "setup"
      ? send(route, { provider: "aws", body: { credential: role("holder") } })
      : send(route, {
          provider: "aws",
          ...(route.caller === "pipeline"
            ? { body: { ...(bodyOf(route) as object), pipeline: "cloud.aws.cost.billing" } }
            : {}),
        }),
  in_flight: (route) => {
    service.simulators.latency("GROQ", 300);
    return twice(route, {}, {}, true);
  },
  already_exists: (route) => send(route, { headers: { "if-none-match": "*" } }),
  precondition_failed: async (route) => {
    if (route.name === "delete")
      await service.send("POST", "/acme/xai/setup", {
        key: secrets.key,
        body: { credential: exampleKeys("XAI").good },
      });
    return await send(route, { headers: { "if-match": '"v99"' } });
  },
  payload_too_large: (route) => send(route, { raw: `{"x":"${"x".repeat(131_072)}"}` }),
  media_type: (route) => send(route, { raw: "x=1", headers: { "content-type": "text/plain" } }),
  credential_format: proving("not-a-key"),
  credential_rejected: proving(groq.revoked),
  permission_missing: (route) =>
    route.name === "decrypt"
      ? minting(route, "assume_denied")
      : proving(exampleKeys("GEMINI").forbidden, "gemini")(route),
  trust_policy_too_wide: proving(role("acme", "wide"), "aws_iam"),
  token_unsupported: (route) => send(route, { body: { ...RUN, as: "token" } }),
  idempotency_reuse: (route) => twice(route, {}, { body: bodyOf(route, groq.another) }, false),
  too_many_requests: untilLimited,
  internal: (route) =>
    within(route, async () => {
      throw new Error("nobody foresaw it");
    }),
  integrity: (route) => within(route, async () => gateFails(route, "integrity")),
  provider_unreachable: (route) =>
    route.name === "decrypt" ? minting(route, "unavailable") : proving(groq.outage)(route),
  provider_rate_limited: (route) =>
    route.name === "decrypt" ? minting(route, "throttling") : proving(groq.limited)(route),
  encryption_failed: (route) =>
    within(route, async () => ({ keys: { encrypt: raise("encryption_failed"), decrypt: raise("key_unavailable") } }), {
      provider: "groq",
    }),
  key_unavailable: (route) =>
    within(route, async () =>
      route.caller === "pipeline" || route.caller === "scheduler"
        ? { tokens: { ...service.parts.tokens, verify: raise("key_unavailable") } }
        : { secrets: { peppers: raise("key_unavailable") } },
    ),
  store_unavailable: (route) => within(route, async () => gateFails(route, "store_unavailable")),
  audit_unavailable: (route) =>
    within(route, async () => ({
      audit: {
        write: () => {
          throw new Fault("audit_unavailable");
        },
      },
    })),
};

describe.each(routes.map((route) => ({ route, title: `${route.method} ${route.path}` })))(
  "$title ends with",
  ({ route }) => {
    const documented = refusalsOf(route);

    test.each(documented)("%s, as documented", async (code) => {
      expectProblem(await causes[code](route), faults[code].status, code);
    });
  },
);

describe("what is not documented does not occur:", () => {
  const harmless = allCodes().filter((code) => !["too_many_requests", "in_flight", "idempotency_reuse"].includes(code));
  test.each(routes.map((route) => ({ route, title: `${route.method} ${route.path}` })))("$title", async ({ route }) => {
    const documented: readonly string[] = refusalsOf(route);
    // Whoever sends a body where none is taken is outside of the document.
    const bodily = ["payload_too_large", "media_type"];
    for (const code of harmless.filter((one) => !documented.includes(one) && !bodily.includes(one))) {
      service.simulators.reset();
      const { status, body } = await causes[code](route);
      if (status >= 400) expect([code, documented]).toEqual([code, expect.arrayContaining([body.code])]);
    }
  });
});
