import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { type Client, createClient } from "../../shared/client/client.ts";
import { type Service, startService } from "../service/harness.ts";
import { type Deed, type Relay, startRelay } from "./relay.ts";

const REQUEST_ID = "1b4e28ba-2fa1-41d2-883f-0016d3cca427";
const PAIR = { orgSlug: "acme", provider: "groq" };
const RUN = { ...PAIR, pipeline: "genai.payg_usage", runId: "run-1" };
let service: Service;
let relay: Relay;
let client: Client;

beforeAll(async () => {
  service = await startService();
  relay = await startRelay(service.base);
  client = createClient({ baseUrl: relay.base, apiKey: await service.orgKey("acme"), identityToken: "a.b.c" });
});
afterAll(async () => {
  await relay.close();
  await service.close();
});
beforeEach(() => {
  relay.next();
  relay.seen.length = 0;
});

const calls: Array<[string, () => Promise<unknown>]> = [
  ["setupIntegration", () => client.setupIntegration({ ...PAIR, credential: "x" })],
  ["setupIntegration, dry", () => client.setupIntegration({ ...PAIR, credential: "x", dryRun: true })],
  ["validateIntegration", () => client.validateIntegration("acme", "groq")],
  ["getIntegrations", () => client.getIntegrations("acme")],
  ["getIntegrationStatus", () => client.getIntegrationStatus("acme", "groq")],
  ["updateIntegration", () => client.updateIntegration({ ...PAIR, enabled: false })],
  ["rotateIntegration", () => client.rotateIntegration({ ...PAIR, credential: "x" })],
  ["deleteIntegration", () => client.deleteIntegration("acme", "groq")],
  ["importIntegrations", () => client.importIntegrations({ orgSlug: "acme", items: [{ provider: "groq" }] })],
  ["getProviders", () => client.getProviders()],
  ["getInstructions", () => client.getInstructions("acme", "groq")],
  ["getHistory", () => client.getHistory("acme", "groq")],
  ["decryptCredential", () => client.decryptCredential(RUN).catch((error: unknown) => error)],
  ["reportFailure", () => client.reportFailure({ ...RUN, credentialId: "x" })],
];

describe("JSON with status 200 that is not the service's is no success, and condemns no credential:", () => {
  for (const body of ["{}", '{"status":"ok"}', '{"results":null,"items":null,"providers":null}'])
    test.each(calls)(`%s, ${body}`, async (_, call) => {
      relay.next({ status: 200, headers: { "content-type": "application/json" }, body });
      expect(await call()).toMatchObject({ code: "not_this_service", status: 200, retryable: false });
      expect(relay.seen).toHaveLength(1);
    });
});

const problem = { code: "forbidden", status: 403, success: false, error: "why", request_id: REQUEST_ID };
const answering = (status: number, body: object): Deed => ({ status, body: JSON.stringify(body) });

describe("a refusal that is not the service's is told as such:", () => {
  test.each<[string, object]>([
    ["a gateway's own code", { code: "AccessDenied", request_id: "abc" }],
    ["one without success", { ...problem, success: undefined }],
    ["one of another status", { ...problem, status: 404 }],
    ["one that says nothing", { ...problem, error: undefined }],
    ["one whose code is a number", { ...problem, code: 7 }],
    ["one without a request", { ...problem, request_id: undefined }],
  ])("%s", async (_, body) => {
    relay.next(answering(403, body));
    expect(await client.getIntegrations("acme")).toMatchObject({
      success: false,
      code: "not_this_service",
      status: 403,
      error: expect.any(String),
    });
  });

  test("and the service's own is the service's", async () => {
    relay.next(answering(403, problem));
    expect(await client.getIntegrations("acme")).toMatchObject({ code: "forbidden", requestId: REQUEST_ID });
  });
});

test.each([
  [-5, 0],
  [1.2, 2],
  ["abc", undefined],
  [null, undefined],
])("a wait of %j is told as %j", async (retry_after_s, told) => {
  relay.next(answering(403, { ...problem, retry_after_s }));
  const result = await client.getIntegrations("acme");
  expect(result).toMatchObject({ code: "forbidden" });
  expect(result.success ? null : result.retryAfterS).toBe(told);
});
