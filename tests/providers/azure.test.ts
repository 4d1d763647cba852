import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { Secret } from "../../shared/contract/secret.ts";
import type { Verdict } from "../../shared/contract/verdict.ts";
import { askThrough } from "../../shared/providers/ask.ts";
import { attempt, mint } from "../../shared/providers/attempt.ts";
import { readiness } from "../../shared/registry/readiness.ts";
import { entryOf } from "../registry/the-registry.ts";
import { azureAnswers, costLimits, ids } from "../simulators/clouds/azure-answers.ts";
import { clouds, type Simulators, startSimulators, transportAnswers } from "../simulators/start.ts";
import { credentialOf, fakeClock, federation, NOW, nobody } from "./desk.ts";
import { json, probeBy } from "./desk-by-question.ts";
import { meeting } from "./meeting.ts";

/** A secret that looks like an id. */
const PIECE = "5c0ffee5-0a1b-4c2d-8e3f-001122334455";

let simulators: Simulators;
beforeAll(async () => {
  simulators = await startSimulators();
});
afterAll(() => simulators.close());
beforeEach(() => simulators.reset());

const azure = entryOf("AZURE");
const credentialFor = (word?: string): Record<string, string> => clouds.AZURE?.credential(word) ?? {};
/** The entry as it is overridden for a simulator. */
function simulated(change: Partial<typeof azure> = {}): typeof azure {
  const endpoints = Object.fromEntries(
    Object.keys(azure.endpoints).map((name) => [name, simulators.endpoints[`AZURE_${name.toUpperCase()}`] ?? ""]),
  );
  return { ...azure, endpoints, ...change };
}
const parts = () => ({ ask: askThrough(fetch, 10_000), clock: fakeClock(), federation });
const validate = (fields: Record<string, string>, change: Partial<typeof azure> = {}): Promise<Verdict> =>
  attempt(simulated(change), credentialOf(fields), nobody, parts());
const short = { timeout_ms: 150, deadline_ms: 1_000, retry: { max: 0, backoff_ms: 0 } };
const asked = () => simulators.requests.map(({ endpoint, path }) => `${endpoint} ${path.split("?")[0]}`);
const costOf = (verdict: Verdict) => verdict.capabilities.find(({ id }) => id === "cost_read");

/** One validation in which the paths that end so are answered by other fixtures, or with these bodies. */
async function validateWith(answers: Map<string, string>, bodies: Record<string, unknown> = {}, word?: string) {
  const ask = askThrough(async (url, init) => {
    const last = new URL(url).pathname.split("/").at(-1) ?? "";
    if (Object.hasOwn(bodies, last)) return Response.json(bodies[last]);
    const name = answers.get(last);
    if (name !== undefined) simulators.force("AZURE", "arm", name, 1);
    // Only the path in question meets the forced answer.
    else if (last === "subscriptions") await new Promise((resolve) => setTimeout(resolve, 60));
    return await fetch(url, init);
  }, 5_000);
  return await attempt(simulated(), credentialOf(credentialFor(word)), nobody, { ...parts(), ask });
}

const signInPath = `login /${ids.tenant}/oauth2/v2.0/token`;
const list = "arm /subscriptions";
const one = `arm /subscriptions/${ids.subscription}`;
const roles = `${one}/providers/Microsoft.Authorization/permissions`;
const dimensions = `${one}/providers/Microsoft.CostManagement/dimensions`;

test("a good credential is VALID and ready for costs in three calls, two of them at the same time", async () => {
  const together = meeting(2);
  const ask = askThrough(async (url, init) => {
    if (init.method === "GET") await together();
    return await fetch(url, init);
  }, 10_000);
  const verdict = await attempt(simulated(), credentialOf(credentialFor()), nobody, { ...parts(), ask });
  expect(asked().slice(0, 1)).toEqual([signInPath]);
  expect(asked().slice(1).sort()).toEqual([list, roles]);
  expect(verdict).toMatchObject({
    outcome: "valid",
    warnings: [],
    expires_at: null,
    details: { connection: "ok", permissions: "ok", account: ids.subscription },
  });
  expect(verdict.capabilities).toEqual([
    { id: "subscription_read", state: "granted" },
    { id: "cost_read", state: "granted" },
  ]);
  expect(readiness(azure, verdict.capabilities)).toEqual([
    { id: "cloud.azure.cost.billing", ready: true, missing: [] },
  ]);
});

test("Entra is sent the form that it documents, and Resource Manager the token and nothing of the secret", async () => {
  const fields = { ...credentialFor(), client_secret: `dem0Q~-good-+&=%~${"0".repeat(23)}` };
  await validate(fields);
  const [first, ...rest] = simulators.requests;
  expect(first).toMatchObject({ method: "POST", path: `/${ids.tenant}/oauth2/v2.0/token` });
  expect(first?.headers).toMatchObject({ "content-type": "application/x-www-form-urlencoded" });
  expect(Object.fromEntries(new URLSearchParams(first?.body))).toEqual({
    grant_type: "client_credentials",
    client_id: ids.client,
    client_secret: fields.client_secret,
    scope: "https://management.azure.com/.default",
  });
  for (const request of rest) {
    expect(request.headers["authorization"]).toMatch(/^Bearer eyJ/);
    expect(JSON.stringify(request)).not.toContain("dem0Q~");
  }
});

describe("an answer of", () => {
  const rows = [
    ...azureAnswers.filter(({ reads }) => reads !== null),
    ...transportAnswers.flatMap((one) => [
      { ...one, endpoint: "login" },
      { ...one, endpoint: "arm" },
    ]),
  ];
  test.each(rows.map((row) => [row.endpoint, row.name, row] as const))(
    "%s: %s is read as it is documented",
    async (endpoint, name, { reads, transport }) => {
      simulators.force("AZURE", String(endpoint), name);
      const isEndless = transport === "hang" || transport === "drip";
      const verdict = await validate(credentialFor(), isEndless ? short : {});
      expect({ outcome: verdict.outcome, ...(reads?.reason ? { reason: verdict.reason } : {}) }).toEqual(reads);
      expect(verdict.remedy).toMatch(/^\S.{15,}/);
      expect(verdict.remedy).not.toMatch(/may not do what is needed|\{[a-z_]+\}/);
      const text = JSON.stringify(verdict);
      for (const piece of ["dem0Q~", "eyJ", "AADSTS7000215:", "Ensure the secret"]) expect(text).not.toContain(piece);
      expect(simulators.sinkRequests).toEqual([]);
      if (endpoint === "arm" && verdict.outcome === "forbidden")
        expect(verdict.capabilities[0]).toMatchObject({ state: "denied", reason: verdict.reason });
      if (endpoint === "login" && verdict.reason !== "unavailable")
        expect(new Set(asked())).toEqual(new Set([signInPath]));
    },
  );
  test.each<[string, string | null]>([
    ["secret_wrong", "client_secret"],
    ["secret_expired", "client_secret"],
    ["application_unknown", "client_id"],
    ["tenant_unknown", "tenant_id"],
    ["wrong_cloud", "cloud"],
    ["conditional_access", null],
    ["client_unknown_code", null],
  ])("login: %s names the field %s", async (name, field) => {
    simulators.force("AZURE", "login", name);
    expect((await validate(credentialFor())).field).toBe(field);
  });
  test("Entra keeps its number and its trace for the support desk", async () => {
    const verdict = await validate(credentialFor("expired"));
    expect(verdict).toMatchObject({
      provider_code: "AADSTS7000222",
      provider_request_id: expect.stringMatching(/^req_sim_\d+$/),
      http_status: 401,
    });
  });
  test("429 keeps the wait that was asked for", async () => {
    expect(await validate(credentialFor("limited"))).toMatchObject({ outcome: "rate_limited", retry_after_s: 17 });
    expect(simulators.requests).toHaveLength(1);
  });
  test.each([
    ["its own is kept", "0000AAAA-11BB-cccc-dd22-eeeeee333333", "0000aaaa-11bb-cccc-dd22-eeeeee333333"],
    ["one that is a piece of the secret is not", PIECE, null],
    ["one that is a text is not", "x".repeat(36), null],
  ])("of Entra's trace where no header has one, %s", async (_, trace_id, kept) => {
    const fields = { ...credentialFor(), client_secret: `abc8Q~${PIECE}` };
    const found = await probeBy("AZURE", fields, () =>
      json(401, { error: "invalid_client", error_description: "AADSTS7000215: x", error_codes: [7000215], trace_id }),
    );
    expect(found).toMatchObject({ outcome: "rejected", reason: "secret_wrong", provider_request_id: kept });
  });

  test("Resource Manager that repeats the token leaves no trace of it", async () => {
    let token = "";
    const ask = askThrough(async (url, init) => {
      const authorization = new Headers(init.headers).get("authorization");
      if (authorization === null) return await fetch(url, init);
      token = authorization.slice("Bearer ".length);
      const piece = token.slice(0, 60);
      return Response.json({ error: { code: piece } }, { status: 418, headers: { "x-ms-request-id": piece } });
    }, 1_000);
    const verdict = await attempt(simulated(), credentialOf(credentialFor()), nobody, { ...parts(), ask });
    expect(token).toMatch(/^eyJ/);
    expect(verdict).toMatchObject({ outcome: "unreachable", provider_code: null, provider_request_id: null });
  });
  test.each([200, 404, 418, 500])("Entra with its marks and %i condemns nobody", async (status) => {
    const wrong = azureAnswers.find(({ name }) => name === "secret_wrong");
    const body = JSON.stringify(wrong?.body);
    const ask = askThrough(async () => new Response(body, { status }), 1_000);
    const verdict = await attempt(azure, credentialOf(credentialFor()), nobody, { ...parts(), ask });
    expect(verdict.outcome).toBe("unreachable");
  });
});

describe("the subscription", () => {
  test.each<[string, object]>([
    ["norole", { outcome: "forbidden", reason: "no_subscription", field: null }],
    ["elsewhere", { outcome: "forbidden", reason: "wrong_subscription", field: "subscription_id" }],
    ["suspended", { outcome: "valid", warnings: ["subscription_disabled"] }],
    ["pastdue", { outcome: "valid", warnings: ["subscription_past_due"] }],
    ["armdown", { outcome: "unreachable", reason: "unavailable" }],
  ])("%s", async (word, expected) => {
    const verdict = await validate(credentialFor(word));
    expect(verdict).toMatchObject(expected);
    if (verdict.outcome !== "forbidden") return;
    expect(verdict.capabilities[0]).toMatchObject({ id: "subscription_read", state: "denied" });
    expect(verdict.remedy).toMatch(/az role assignment create .*Cost Management Reader/);
  });
  test("on a second page is asked for by itself, at our own address and not at the page's", async () => {
    const verdict = await validate(credentialFor("many"));
    expect(verdict.outcome).toBe("valid");
    expect(asked()).toContain(one);
    expect(simulators.requests).toHaveLength(4);
  });
  test("among too many to be read at once is asked for by itself", async () => {
    simulators.force("AZURE", "arm", "huge", 2);
    const verdict = await validate(credentialFor());
    expect(verdict.outcome).toBe("valid");
    expect(asked()).toContain(one);
  });
  test("among too many, and not to be seen, is a wrong one", async () => {
    simulators.force("AZURE", "arm", "huge", 2);
    const verdict = await validate(credentialFor("elsewhere"));
    expect(verdict).toMatchObject({ outcome: "forbidden", reason: "wrong_subscription", field: "subscription_id" });
  });
  test("asked for by itself must be the one in question", async () => {
    for (const body of [{ subscriptionId: ids.other, state: "Enabled" }, { subscriptionId: 7 }, { value: [] }, []]) {
      const verdict = await validateWith(new Map(), { [ids.subscription]: body }, "many");
      expect(verdict).toMatchObject({ outcome: "unreachable", reason: "unexpected_response" });
    }
  });
  test("is found whatever the case of its id", async () => {
    const fields = { ...credentialFor(), subscription_id: ids.subscription.toUpperCase() };
    expect(await validate(fields)).toMatchObject({ outcome: "valid", details: { account: ids.subscription } });
  });
  test("of another cloud is asked for there alone, with a token for there", async () => {
    for (const cloud of ["usgovernment", "china"]) {
      simulators.reset();
      const verdict = await validate({ ...credentialFor(), cloud });
      expect(verdict.outcome, cloud).toBe("valid");
      expect(new Set(simulators.requests.map(({ endpoint }) => endpoint))).toEqual(
        new Set([`login_${cloud}`, `arm_${cloud}`]),
      );
    }
  });
  test.each(["", "..", "evil.com/#", "common", `${ids.tenant}/../x`, `${ids.tenant}?x`])(
    "%j is asked for nowhere, nor is such a tenant, even where it has been stored",
    async (id) => {
      for (const name of ["subscription_id", "tenant_id"]) {
        const verdict = await validate({ ...credentialFor(), [name]: id });
        expect(verdict).toMatchObject({ outcome: "service_misconfigured", reason: "internal" });
      }
      expect(simulators.requests).toEqual([]);
    },
  );
  test("of a cloud that there is not is asked for nowhere", async () => {
    for (const cloud of ["", "public.evil.example", "__proto__", "constructor"]) {
      const verdict = await validate({ ...credentialFor(), cloud });
      expect(verdict.outcome, cloud).toBe("service_misconfigured");
    }
    expect(simulators.requests).toEqual([]);
  });
});

describe("costs", () => {
  test.each<[string, object, string[]]>([
    ["good", { state: "granted" }, [roles]],
    ["nocosts", { state: "denied", reason: "cost_role_missing" }, [roles]],
    ["unreadable", { state: "granted" }, [roles, dimensions]],
    ["denied401", { state: "denied", reason: "cost_role_missing" }, [roles, dimensions]],
    ["denied403", { state: "denied", reason: "cost_role_missing" }, [roles, dimensions]],
    ["hidden", { state: "denied", reason: "costs_hidden" }, [roles, dimensions]],
    ["costlimited", { state: "unknown", reason: "rate_limited" }, [roles, dimensions]],
  ])("%s: the credential stays valid", async (word, expected, calls) => {
    const verdict = await validate(credentialFor(word));
    expect(verdict.outcome).toBe("valid");
    expect(costOf(verdict)).toMatchObject(expected);
    expect(asked().filter((path) => path !== signInPath && path !== list)).toEqual(calls);
    const [pipeline] = readiness(azure, verdict.capabilities);
    const state = costOf(verdict)?.state;
    expect(pipeline?.ready).toBe(state === "granted" ? true : state === "denied" ? false : "unknown");
  });
  test("that a role lacks are granted by a line to paste; those that the contract hides are not", async () => {
    const role = costOf(await validate(credentialFor("nocosts")))?.remedy;
    expect(role).toMatch(
      /az role assignment create .*--role "Cost Management Reader".*10 minutes|Cost Management Reader/,
    );
    const contract = costOf(await validate(credentialFor("hidden")))?.remedy;
    expect(contract).toMatch(/billing administrator/);
    expect(contract).not.toMatch(/az role assignment/);
  });
  test("are limited by Cost Management with five headers, and not asked for again", async () => {
    expect(Object.keys(costLimits)).toHaveLength(5);
    await validate(credentialFor("costlimited"));
    expect(asked().filter((path) => path === dimensions)).toHaveLength(1);
  });
  test.each([
    "html",
    "outage_401",
    "gateway_401",
    "unmarked_401",
    "empty_401",
    "null_body",
    "reset",
    "arm_down",
    "token_refused",
  ])("are unknown where the roles are answered with %s", async (name) => {
    const answers = new Map<string, string>([["permissions", name]]);
    const verdict = await validateWith(answers);
    expect(verdict.outcome).toBe("valid");
    expect(costOf(verdict)?.state).toBe("unknown");
    if (/401|refused/.test(name)) expect(costOf(verdict)?.reason).toBe("unexpected_response");
  });
  test.each([
    "html",
    "gateway_401",
    "unmarked_401",
    "empty_401",
    "null_body",
    "reset",
    "arm_down",
    "token_refused",
    "junk_object",
  ])("are unknown where the dimensions are answered with %s", async (name) => {
    const verdict = await validateWith(
      new Map([
        ["permissions", "permissions_unreadable"],
        ["dimensions", name === "junk_object" ? "subscription" : name],
      ]),
    );
    expect(verdict.outcome).toBe("valid");
    expect(costOf(verdict)?.state).toBe("unknown");
    if (/401|refused/.test(name)) expect(costOf(verdict)?.reason).toBe("unexpected_response");
  });
  test("are asked for where the list of roles is cut", async () => {
    const body = { value: [], nextLink: "https://evil.example/next" };
    const verdict = await validateWith(new Map(), { permissions: body });
    expect(costOf(verdict)).toMatchObject({ state: "granted" });
    expect(asked()).toContain(dimensions);
  });
});

describe("a token for the pipeline", () => {
  const minted = (word?: string) =>
    mint(simulated(), credentialOf(credentialFor(word)), nobody, "cloud.azure.cost.billing", parts());
  test("is Resource Manager's, holds for an hour and works there", async () => {
    const standIn = await minted();
    expect(standIn).toMatchObject({ type: "access_token", expires_at: new Date(NOW + 3_599_000).toISOString() });
    const token = standIn && "fields" in standIn ? standIn.fields["access_token"] : undefined;
    expect(token).toBeInstanceOf(Secret);
    expect(JSON.stringify(standIn)).not.toContain("eyJ");
    const response = await fetch(`${simulators.endpoints["AZURE_ARM"]}/subscriptions?api-version=2022-12-01`, {
      headers: { authorization: `Bearer ${token?.reveal()}` },
    });
    expect(response.status).toBe(200);
  });
  test("is refused as the credential would be", async () => {
    expect(await minted("expired")).toMatchObject({ outcome: "expired", code: "credential_rejected" });
    expect(await minted("busy")).toMatchObject({ outcome: "unreachable", reason: "unavailable" });
  });
});
