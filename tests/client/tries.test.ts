import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { type Client, type ClientOptions, createClient } from "../../shared/client/client.ts";
import { faults } from "../../shared/contract/fault.ts";
import { type Service, startService } from "../service/harness.ts";
import { exampleKeys, refusedEndpoint } from "../simulators/start.ts";
import { type Deed, type Relay, startRelay } from "./relay.ts";

const groq = exampleKeys("GROQ");
const REQUEST_ID = "1b4e28ba-2fa1-41d2-883f-0016d3cca427";
let service: Service;
let relay: Relay;
let client: Client;
let key: string;
let org: string;
let count = 0;

beforeAll(async () => {
  service = await startService();
  relay = await startRelay(service.base);
});
afterAll(async () => {
  await relay.close();
  await service.close();
});
beforeEach(async () => {
  service.simulators.reset();
  relay.next();
  relay.seen.length = 0;
  count += 1;
  org = `org-${count}`;
  key = await service.orgKey(org);
  client = clientWith();
});

const clientWith = (more: ClientOptions = {}) => createClient({ baseUrl: relay.base, apiKey: key, ...more });
const setup = () => client.setupIntegration({ orgSlug: org, provider: "groq", credential: groq.good });
const versions = async () => (await service.send("GET", `/${org}/groq/history`, { key })).body.items?.length ?? 0;
const problem = (code: keyof typeof faults, more: object = {}): Deed => {
  const { status } = faults[code];
  return {
    status,
    body: JSON.stringify({ status, code, success: false, error: "why", request_id: REQUEST_ID, ...more }),
  };
};
const html = (status: number, headers: Record<string, string> = {}): Deed => ({ status, headers, body: "<html>" });

describe("an answer that was lost", () => {
  test("of a setup: the next try has the same key and body, and the first one's result", async () => {
    relay.next("lose");
    expect(await setup()).toMatchObject({ success: true, etag: '"v1"' });
    const [first, second] = relay.seen;
    expect(relay.seen).toHaveLength(2);
    expect(first?.headers["idempotency-key"]).toMatch(/^[0-9a-f-]{36}$/);
    expect(second?.headers["idempotency-key"]).toBe(first?.headers["idempotency-key"]);
    expect(second?.headers["x-request-id"]).toBe(first?.headers["x-request-id"]);
    expect(second?.body).toBe(first?.body);
    expect(await versions()).toBe(1);
  });

  test("of a createOnly: what the first try has made is not taken for another's", async () => {
    relay.next("lose");
    const only = { orgSlug: org, provider: "groq", credential: groq.good, createOnly: true };
    expect(await client.setupIntegration(only)).toMatchObject({ success: true, etag: '"v1"' });
  });

  test("of a change with ifMatch: its own first try is not taken for another's", async () => {
    await setup();
    relay.next("lose");
    const change = { orgSlug: org, provider: "groq", metadata: { team: "finops" }, ifMatch: '"v1"' };
    expect(await client.updateIntegration(change)).toMatchObject({ success: true, etag: '"v2"' });
    relay.next("lose");
    const rotation = { orgSlug: org, provider: "groq", credential: groq.another, ifMatch: '"v2"' };
    expect(await client.rotateIntegration(rotation)).toMatchObject({ success: true, etag: '"v3"' });
    expect(await versions()).toBe(3);
  });

  test("of an import: every item is completed once", async () => {
    relay.next("lose");
    const items = [{ provider: "groq", credential: groq.good }];
    expect(await client.importIntegrations({ orgSlug: org, items })).toMatchObject({ success: true });
    expect(await versions()).toBe(1);
  });

  test("of a delete with ifMatch: gone is gone", async () => {
    const stored = await setup();
    expect(stored).toMatchObject({ etag: '"v1"' });
    relay.next("lose");
    expect(await client.deleteIntegration(org, "groq", { ifMatch: '"v1"' })).toEqual({
      success: true,
      message: "Integration deleted successfully",
    });
    expect(await client.deleteIntegration(org, "groq", { ifMatch: '"v1"' })).toMatchObject({ code: "not_configured" });
    expect(relay.seen).toHaveLength(4);
  });

  test("of a delete with ifMatch: what another has set up since is left alone", async () => {
    await setup();
    relay.next("lose");
    const meanwhile = clientWith({
      fetch: async (url, init) => {
        if (relay.seen.length === 2)
          await service.send("POST", `/${org}/groq/setup`, { key, body: { credential: groq.another } });
        return await fetch(url, init);
      },
    });
    expect(await meanwhile.deleteIntegration(org, "groq", { ifMatch: '"v1"' })).toMatchObject({
      success: false,
      code: "precondition_failed",
    });
    expect(await client.getIntegrationStatus(org, "groq")).toMatchObject({ success: true, etag: '"v3"' });
  });

  test.each<[string, Deed]>([
    ["the service's limit", problem("too_many_requests", { retry_after_s: 0 })],
    ["the platform's 429", html(429)],
  ])("of a delete: after %s, which did nothing, absent is no deletion", async (_, deed) => {
    relay.next(deed);
    const result = await client.deleteIntegration(org, "groq", { ifMatch: '"v1"' });
    expect(result).toMatchObject({ success: false, code: "not_configured" });
    expect(relay.seen).toHaveLength(2);
  });

  test("of a delete: after a try that found nobody listening, absent is no deletion", async () => {
    let tries = 0;
    const late = clientWith({
      fetch: (url, init) => {
        tries += 1;
        return fetch(tries === 1 ? refusedEndpoint : url, init);
      },
    });
    const result = await late.deleteIntegration(org, "groq", { ifMatch: '"v1"' });
    expect(result).toMatchObject({ success: false, code: "not_configured" });
    expect(tries).toBe(2);
  });

  const at = new Date(Date.now() + 86_400_000).toISOString();
  test.each([
    ["without ifMatch: it could delete what another has set up since", {}],
    ["of any version: it could delete what another has set up since", { ifMatch: "*" }],
    ["of several versions: it could delete what another has set up since", { ifMatch: '"v1", "v3"' }],
    ["that is scheduled: its own version would not match", { deactivationScheduledAt: at, ifMatch: '"v1"' }],
    ["that is scheduled without ifMatch: it would be two versions", { deactivationScheduledAt: at }],
  ])("is the end of a delete %s", async (_, options) => {
    await setup();
    relay.seen.length = 0;
    relay.next("lose");
    const result = await client.deleteIntegration(org, "groq", options);
    expect(result).toMatchObject({ code: "no_answer", retryable: true });
    expect(relay.seen).toHaveLength(1);
    expect(await versions()).toBe(2);
  });

  test("two calls have two keys", async () => {
    await setup();
    await setup();
    const keys = relay.seen.map(({ headers }) => headers["idempotency-key"]);
    expect(new Set(keys).size).toBe(2);
    expect(await versions()).toBe(2);
  });

  test("a first try that is still running is waited for, and its result is the call's", async () => {
    service.simulators.latency("GROQ", 1_500);
    client = clientWith({ timeoutMs: 600, totalTimeoutMs: 20_000, retries: 1 });
    expect(await setup()).toMatchObject({ success: true, etag: '"v1"' });
    expect(relay.seen.length).toBeGreaterThan(2);
    expect(await versions()).toBe(1);
  });

  test.each([{}, { retry_after_s: 0 }])("while it runs (%j), each wait is longer than the last", async (more) => {
    relay.next(...Array<Deed>(40).fill(problem("in_flight", more)));
    const bounded = clientWith({ totalTimeoutMs: 3_000 });
    expect(await bounded.getIntegrations(org)).toMatchObject({ code: "in_flight", retryable: true });
    expect(relay.seen.length).toBeGreaterThan(2);
    expect(relay.seen.length).toBeLessThanOrEqual(5);
  });
});

describe("what is tried again, and what is not", () => {
  const again: Array<[string, Deed]> = [
    ["a connection that closes", "close"],
    ["half an answer", "half"],
    ["the service's limit", problem("too_many_requests", { retry_after_s: 0 })],
    ["a store that does not answer", problem("store_unavailable")],
    ["a key that cannot be used now", problem("key_unavailable")],
    ["the platform's 429", html(429)],
    ["the platform's 503", html(503, { "retry-after": "0" })],
    ["a proxy's 502", html(502)],
  ];
  test.each(again)("%s is, and the call succeeds", async (_, deed) => {
    relay.next(deed);
    expect(await client.getIntegrations(org)).toMatchObject({ success: true });
    relay.next(deed);
    expect(await setup()).toMatchObject({ success: true });
    expect(relay.seen).toHaveLength(4);
  });

  const once: Array<[string, Deed, object]> = [
    ["a refusal", problem("forbidden"), { code: "forbidden", status: 403, requestId: REQUEST_ID }],
    ["a conflict", problem("conflict"), { code: "conflict", retryable: true }],
    ["a provider's outage", problem("provider_unreachable"), { code: "provider_unreachable", retryable: true }],
    ["a bug", problem("internal"), { code: "internal", retryable: false }],
    [
      "a limit that lasts longer than anyone waits",
      problem("provider_rate_limited", { retry_after_s: 60 }),
      { code: "provider_rate_limited", retryAfterS: 60 },
    ],
    [
      "Cloud Run's door",
      html(403),
      { code: "not_this_service", status: 403, remedy: expect.stringContaining("invoker") },
    ],
    ["a redirect", html(302, { location: "http://127.0.0.1:4/" }), { code: "not_this_service", status: 302 }],
    ["a page that says 200", html(200), { code: "not_this_service", status: 200 }],
    ["JSON that is no object", { status: 200, body: "[]" }, { code: "not_this_service" }],
    ["an answer without end", "endless", { code: "not_this_service" }],
  ];
  test.each(once)("%s is not, and is told", async (_, deed, told) => {
    relay.next(deed);
    expect(await client.getIntegrations(org)).toMatchObject({ success: false, ...told });
    expect(relay.seen).toHaveLength(1);
  });

  test("after the last try the last failure is told", async () => {
    relay.next("close", "close", problem("store_unavailable"));
    expect(await client.getIntegrations(org)).toMatchObject({ code: "store_unavailable", retryable: true });
    expect(relay.seen).toHaveLength(3);
    relay.next("close");
    expect(await clientWith({ retries: 0 }).getIntegrations(org)).toMatchObject({ code: "no_answer", status: 0 });
    expect(relay.seen).toHaveLength(4);
  });

  test("Retry-After is waited for", async () => {
    relay.next(problem("store_unavailable", { retry_after_s: 1 }));
    expect(await client.getIntegrations(org)).toMatchObject({ success: true });
    const [first, second] = relay.seen;
    expect((second?.at ?? 0) - (first?.at ?? 0)).toBeGreaterThanOrEqual(990);
  });

  test("where nobody listens, that is told, with the request's id and without the key", async () => {
    const result = await clientWith({ baseUrl: refusedEndpoint, retries: 1 }).getIntegrations(org);
    expect(result).toEqual({
      success: false,
      error: "The service cannot be reached",
      code: "no_answer",
      status: 0,
      retryable: true,
      reason: "not_connected",
      remedy: expect.any(String),
      requestId: expect.stringMatching(/^[0-9a-f-]{36}$/),
    });
  });

  test("each code is retryable where the service's table says so", async () => {
    const hasty = clientWith({ retries: 0 });
    for (const code of Object.keys(faults) as Array<keyof typeof faults>) {
      relay.next(problem(code, code === "in_flight" ? { retry_after_s: 60 } : {}));
      expect(await hasty.getIntegrations(org)).toMatchObject({ code, retryable: faults[code].retryable });
    }
  });
});

describe("time", () => {
  test("a try that takes too long is given up, and tried again", async () => {
    relay.next("silence");
    expect(await clientWith({ timeoutMs: 300 }).getIntegrations(org)).toMatchObject({ success: true });
    expect(relay.seen).toHaveLength(2);
  });

  test("the whole call has an end too, whatever tries are left", async () => {
    relay.next(...Array<Deed>(20).fill("silence"));
    const bounded = clientWith({ timeoutMs: 300, totalTimeoutMs: 500, retries: 15 });
    expect(await bounded.getIntegrations(org)).toMatchObject({ code: "timeout", status: 0, retryable: true });
    expect(relay.seen.length).toBeLessThanOrEqual(2);
  });

  test("a fetch that does not heed its signal is given up too", async () => {
    const deaf = clientWith({ timeoutMs: 200, retries: 1, fetch: () => new Promise(() => {}) });
    expect(await deaf.getIntegrations(org)).toMatchObject({ code: "timeout", status: 0, retryable: true });
  });

  test.each(["apiKey", "identityToken"])("%s that never comes is given up, and nothing is sent", async (name) => {
    const waiting = clientWith({ totalTimeoutMs: 200, [name]: () => new Promise(() => {}) });
    const wanted = { orgSlug: org, provider: "groq", pipeline: "genai.payg_usage", runId: "run-1", credentialId: "x" };
    const call = name === "apiKey" ? waiting.getIntegrations(org) : waiting.reportFailure(wanted);
    expect(await call).toMatchObject({ code: "timeout", status: 0, error: expect.stringContaining(name) });
    expect(relay.seen).toHaveLength(0);
  });

  test("no end is one too: Infinity does not end at once", async () => {
    const patient = clientWith({ timeoutMs: Number.POSITIVE_INFINITY, totalTimeoutMs: Number.POSITIVE_INFINITY });
    expect(await patient.getIntegrations(org)).toMatchObject({ success: true });
  });

  test("a wait that would outlast the call is not begun", async () => {
    relay.next(problem("store_unavailable", { retry_after_s: 5 }));
    expect(await clientWith({ totalTimeoutMs: 2_000 }).getIntegrations(org)).toMatchObject({ retryAfterS: 5 });
    expect(relay.seen).toHaveLength(1);
  });
});

describe("abort ends a call at once, with the signal's reason,", () => {
  const reason = new Error("the user has left");
  const ended = async (when: () => Promise<unknown>, deed: Deed, change: ClientOptions = {}) => {
    const control = new AbortController();
    relay.next(deed);
    const call = clientWith(change).getIntegrations(org, { signal: control.signal });
    const thrown = expect(call).rejects.toBe(reason);
    await when();
    control.abort(reason);
    await thrown;
  };
  const arrived = () => expect.poll(() => relay.seen.length, { interval: 2 }).toBe(1);

  test("while it waits for an answer", async () => {
    await ended(arrived, "silence");
  });

  test("between tries", { timeout: 5_000 }, async () => {
    let body: ReadableStream | null = null;
    const keeping = async (url: string, init: RequestInit) => {
      const response = await fetch(url, init);
      body = response.body;
      return response;
    };
    const consumed = async () => {
      await expect.poll(() => body?.locked, { interval: 2 }).toBe(true);
      // Read to its end, a turn or two later, the answer is a wait of 19 s.
      await new Promise((resolve) => setTimeout(resolve, 100));
    };
    await ended(consumed, problem("store_unavailable", { retry_after_s: 19 }), { fetch: keeping });
    expect(relay.seen).toHaveLength(1);
  });

  test("while the caller's own key is fetched", async () => {
    await ended(async () => {}, "pass", { apiKey: () => new Promise(() => {}) });
    expect(relay.seen).toHaveLength(0);
  });

  test("before it began", async () => {
    const call = client.getIntegrations(org, { signal: AbortSignal.abort(reason) });
    await expect(call).rejects.toBe(reason);
    expect(relay.seen).toHaveLength(0);
  });

  test("before it began or while the key is asked for; a key that fails later disturbs nobody", async () => {
    const control = new AbortController();
    const unhandled: unknown[] = [];
    const note = (error: unknown) => unhandled.push(error);
    process.on("unhandledRejection", note);
    const failing = clientWith({
      apiKey: async () => {
        control.abort(reason);
        await new Promise((resolve) => setTimeout(resolve, 20));
        throw new Error("no session");
      },
    });
    await expect(failing.getIntegrations(org, { signal: control.signal })).rejects.toBe(reason);
    await expect(failing.getIntegrations(org, { signal: control.signal })).rejects.toBe(reason);
    await new Promise((resolve) => setTimeout(resolve, 100));
    process.off("unhandledRejection", note);
    expect(unhandled).toEqual([]);
  });

  test("and leaves no listener behind", async () => {
    const control = new AbortController();
    let listeners = 0;
    const { addEventListener, removeEventListener } = control.signal;
    Object.assign(control.signal, {
      addEventListener: (...sent: Parameters<typeof addEventListener>) => {
        listeners += 1;
        addEventListener.apply(control.signal, sent);
      },
      removeEventListener: (...sent: Parameters<typeof removeEventListener>) => {
        listeners -= 1;
        removeEventListener.apply(control.signal, sent);
      },
    });
    relay.next("close", problem("store_unavailable"));
    await client.getIntegrations(org, { signal: control.signal });
    expect(listeners).toBe(0);
  });
});
