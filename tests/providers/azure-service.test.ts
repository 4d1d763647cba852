import { describe, expect, test } from "vitest";
import * as answers from "../../shared/contract/answers.ts";
import { expectProblem } from "../http/problem.ts";
import type { Service } from "../service/harness.ts";
import { eachTestItsOrganisation } from "../service/organisations.ts";
import { ids } from "../simulators/clouds/azure-answers.ts";
import { clouds } from "../simulators/start.ts";

let service: Service;
let key: string;
let token: string;
let org: string;
eachTestItsOrganisation("az", 120, (made) => {
  ({ service, org, key, token } = made);
});

const good = (word?: string): Record<string, string> => clouds.AZURE?.credential(word) ?? {};
const setup = (credential: unknown, rest: object = {}) =>
  service.send("POST", `/${org}/azure/setup`, { key, body: { credential, ...rest } });
const decrypt = (body: object = {}) =>
  service.send("POST", `/${org}/azure/decrypt`, {
    token,
    body: { pipeline: "cloud.azure.cost.billing", run_id: "run-1", ...body },
  });

describe("AZURE in the running service", () => {
  test("is set up, shows its ids and readiness, and hands the fields to the pipeline", async () => {
    const credential: Record<string, string> = { ...good(), cloud: "public" };
    const reply = await setup(credential, { metadata: { team: "finops" } });
    expect(reply.status).toBe(201);
    expect(answers.configuredAnswer.parse(reply.body)).toMatchObject({ provider: "AZURE", validation_status: "VALID" });
    const info = await service.send("GET", `/${org}/azure`, { key });
    const { client_secret: _, ...bound } = credential;
    expect(answers.integrationInfo.parse(info.body)).toMatchObject({
      credential_type: "service_principal",
      metadata: { ...bound, team: "finops" },
      pipelines: [{ id: "cloud.azure.cost.billing", ready: true, missing: [] }],
      validation: { details: { account: ids.subscription } },
    });
    expect(info.text).not.toContain("dem0Q~");
    expect((await decrypt()).body).toMatchObject({ credential, validation_status: "VALID" });
  });
  test("gives a pipeline a token instead of the secret", async () => {
    await setup(good());
    const { body, text } = await decrypt({ as: "token" });
    expect(body).toMatchObject({ credential: null, token: { type: "access_token" } });
    expect(body.token.access_token).toMatch(/^eyJ/);
    expect(Date.parse(body.token.expires_at)).toBeGreaterThan(Date.now() + 3_000_000);
    expect(text).not.toContain("dem0Q~");
  });
  test.each(["tenant_id", "client_id", "subscription_id", "cloud"])(
    "keeps %s bound: it changes only together with the secret",
    async (name) => {
      await setup({ ...good(), cloud: "public" });
      const value = name === "cloud" ? "china" : "00000000-eeee-4000-8000-000000000009";
      const asked = service.simulators.requests.length;
      const reply = await service.send("PUT", `/${org}/azure`, { key, body: { metadata: { [name]: value } } });
      expectProblem(reply, 400, "request_malformed");
      expect(reply.body.errors).toEqual([
        { field: `/metadata/${name}`, message: expect.stringContaining("credential") },
      ]);
      expect(service.simulators.requests).toHaveLength(asked);
      expect((await decrypt()).body.credential).toEqual({ ...good(), cloud: "public" });
    },
  );
  test("names the field and the remedy of a refusal, and stores nothing", async () => {
    const reply = await setup(good("expired"));
    expectProblem(reply, 422, "credential_rejected");
    expect(reply.body).toMatchObject({
      reason: "secret_expired",
      remedy: expect.stringContaining("Certificates & secrets"),
    });
    expect((await service.send("GET", `/${org}/azure`, { key })).status).toBe(404);
  });
  test("is not ready where a role is missing, and says which line grants it", async () => {
    const { body } = await setup(good("nocosts"));
    expect(body).toMatchObject({ validation_status: "VALID", pipelines: [{ ready: false, missing: ["cost_read"] }] });
    expect(body.capabilities[1].remedy).toMatch(/az role assignment create/);
  });
  test("says before setup what to create, for this organisation", async () => {
    const { body } = await service.send("GET", `/${org}/azure/instructions`, { key });
    const text = JSON.stringify(answers.instructionsAnswer.parse(body));
    expect(text).toContain(`cloudact-${org}`);
    expect(text).toContain("Cost Management Reader");
    expect(text).not.toMatch(/\{(?:org_slug|grant_cost_reader)\}/);
  });
});

describe("refused before anybody is asked:", () => {
  const hostile = [
    "evil.com/#",
    "../../evil.com",
    "..",
    "common",
    "organizations",
    "contoso.onmicrosoft.com",
    "00000000-aaaa-4000-8000-000000000001/../x",
    "00000000-aaaa-4000-8000-00000000000g",
    "00000000-aaaa-4000-8000-0000000000011",
    "00000000-aaaa-4000-8000-00000000001",
    "{00000000-aaaa-4000-8000-000000000001}",
    "00000000-aaaa-4000-8000-000000000001\n@evil.com",
    "00000000-аааа-4000-8000-000000000001", // Cyrillic
    "０0000000-aaaa-4000-8000-000000000001", // full-width
    "https://login.evil.com/00000000-aaaa-4000-8000-000000000001",
    "/subscriptions/00000000-cccc-4000-8000-000000000003",
    "%2e%2e%2f",
    "",
    7,
    null,
    { toString: "x" },
  ];
  test.each(
    ["tenant_id", "client_id", "subscription_id"].flatMap((name) => hostile.map((value) => [name, value] as const)),
  )("%s %j", async (name, value) => {
    const reply = await setup({ ...good(), [name]: value });
    expectProblem(reply, 422, "credential_format");
    expect(reply.body.errors).toEqual([{ field: `/credential/${name}`, message: expect.any(String) }]);
    expect(reply.body.remedy).toMatch(/^\S.{15,}/);
    const isUnlikeAnId = typeof value === "string" && /^[!-~]+$/.test(value) && /[^0-9a-f-]/.test(value);
    if (isUnlikeAnId) expect(reply.body.remedy).toMatch(`${name} must be`);
    if (typeof value === "string" && value.length > 2) expect(reply.text).not.toContain(value);
    expect(service.simulators.requests).toEqual([]);
  });
  test.each<[string, Record<string, unknown>, string, RegExp]>([
    [
      "a Secret ID instead of the Value",
      { client_secret: "0a0a0a0a-1b1b-4c4c-8d8d-9e9e9e9e9e9e" },
      "client_secret",
      /Value/,
    ],
    ["a masked secret", { client_secret: "abc8Q~••••••••••••••••" }, "client_secret", /whole/],
    ["a short secret", { client_secret: "short" }, "client_secret", /whole/],
    ["a secret with a space", { client_secret: `${good()["client_secret"]} x` }, "client_secret", /whole/],
    ["another provider's key", { client_secret: `sk-ant-api03-${"c3".repeat(46)}xAA` }, "client_secret", /Anthropic/],
    ["a cloud of nobody's", { cloud: "germany" }, "cloud", /./],
    ["a cloud that is a host", { cloud: "login.evil.com" }, "cloud", /./],
    ["a cloud in upper case", { cloud: "PUBLIC" }, "cloud", /./],
    ["one id twice", { client_id: ids.tenant }, "client_id", /Application \(client\) ID/],
    ["one id twice in another case", { subscription_id: ids.client.toUpperCase() }, "subscription_id", /Subscriptions/],
  ])("%s", async (_, change, field, remedy) => {
    const reply = await setup({ ...good(), ...change });
    expectProblem(reply, 422, "credential_format");
    expect(reply.body.errors).toEqual([{ field: `/credential/${field}`, message: expect.any(String) }]);
    expect(reply.body.remedy).toMatch(remedy);
    expect(service.simulators.requests).toEqual([]);
  });
  test("skipping validation skips none of this", async () => {
    const reply = await setup({ ...good(), tenant_id: "evil.com" }, { skip_validation: true });
    expectProblem(reply, 422, "credential_format");
    expectProblem(
      await setup({ ...good(), client_id: ids.tenant }, { skip_validation: true }),
      422,
      "credential_format",
    );
  });
  test.each(["authority_host", "endpoint", "login", "arm", "certificate", "__proto__"])(
    "a credential that brings %s",
    async (name) => {
      const body = JSON.stringify({ credential: good() }).replace(
        '"credential":{',
        `"credential":{"${name}":"https://evil.com",`,
      );
      const reply = await service.send("POST", `/${org}/azure/setup`, { key, raw: body });
      expect([400, 422]).toContain(reply.status);
      expect(service.simulators.requests).toEqual([]);
    },
  );
  test.each<[string, unknown]>([
    ["endpoint", "https://evil.com"],
    ["login", "https://evil.com"],
    ["arm", "https://evil.com"],
    ["authority_host", "https://evil.com"],
    ["cloud", "china"],
    ["tenant_id", "00000000-eeee-4000-8000-000000000009"],
    ["subscription_id", "00000000-eeee-4000-8000-000000000009"],
    ["__proto__", "https://evil.com"],
  ])("metadata that sets %s to %j", async (name, value) => {
    const reply = await setup(good(), { metadata: { [name]: value } });
    expectProblem(reply, 400, "request_malformed");
    expect(reply.text).not.toContain("evil.com");
    expect(service.simulators.requests).toEqual([]);
  });
});
