import { afterEach, beforeEach, expect, test } from "vitest";
import { Fault } from "../../shared/contract/fault.ts";
import { decrypt } from "../../shared/operations/decrypt.ts";
import { setup } from "../../shared/operations/setup.ts";
import type { Works } from "../../shared/operations/works.ts";
import type { Ask, Question } from "../../shared/providers/ask.ts";
import { entryOf, registry } from "../registry/the-registry.ts";
import { clouds } from "../simulators/start.ts";
import { type Bench, openBench, SECOND } from "./bench.ts";

const azure = { org: "acme", entry: entryOf("AZURE") };
const credential = { ...clouds.AZURE?.credential() };
const second = { ...credential, client_secret: String(credential["client_secret"]).replace(/.{4}$/, "last") };
let bench: Bench;
let works: Works;
/** Secrets that a token was asked with, in their order, and what happens before each answer. */
let asked: string[];
let before: (secret: string) => Promise<number> | number;

beforeEach(() => {
  bench = openBench();
  asked = [];
  before = () => 200;
  works = { ...bench.works, registry, ask: Object.assign(answer, { fetch: bench.works.ask.fetch }) satisfies Ask };
});
afterEach(() => bench.close());

/** Entra and the resource manager, as far as these tests ask them. */
async function answer({ url, body = "" }: Question) {
  const reply = (status: number, answered: unknown) => ({ status, headers: new Headers(), body: answered });
  if (url.includes("/permissions")) return reply(200, { value: [{ actions: ["*/read"], notActions: [] }] });
  if (!url.includes("/oauth2/")) {
    const subscription = { subscriptionId: credential["subscription_id"], state: "Enabled", displayName: "x" };
    return reply(200, { value: [{ ...subscription, tenantId: credential["tenant_id"] }] });
  }
  const secret = new URLSearchParams(body).get("client_secret") ?? "";
  asked.push(secret);
  if ((await before(secret)) === 200)
    return reply(200, {
      token_type: "Bearer",
      expires_in: 3599,
      access_token: `a-token-for-the-secret-${secret.slice(-4)}`,
    });
  const description = "AADSTS7000215: Invalid client secret provided.";
  return reply(401, { error: "invalid_client", error_codes: [7000215], error_description: description, trace_id: "t" });
}

async function store(fields: Record<string, string>): Promise<void> {
  const body = { credential: fields, skip_validation: true };
  const free = { idempotency: null, precondition: { ifMatch: null, createOnly: false } };
  await setup(works, { ...bench.subject("acme"), ...azure, body, ...free });
}
const token = () =>
  decrypt(works, azure, { pipeline: "cloud.azure.cost.billing", run_id: "run-1", as: "token" }).then(
    ({ body }) => body,
  );

test("a token that took longer to make than a head may be remembered is made once, and handed out", async () => {
  await store(credential);
  before = () => {
    bench.clock.advance(11 * SECOND);
    return 200;
  };
  expect(await token()).toMatchObject({
    credential: null,
    token: {
      type: "access_token",
      access_token: `a-token-for-the-secret-${String(credential["client_secret"]).slice(-4)}`,
    },
  });
  expect(asked).toEqual([credential["client_secret"]]);
});

test("what was replaced while its token was made is neither handed out nor blamed", async () => {
  for (const status of [200, 401]) {
    await store(credential);
    asked.length = 0;
    before = async (secret) => {
      if (secret === second["client_secret"]) return 200;
      await store(second);
      return status;
    };
    expect(await token()).toMatchObject({ token: { access_token: "a-token-for-the-secret-last" } });
    expect(asked).toEqual([credential["client_secret"], second["client_secret"]]);
  }
});

test("a refusal of the current credential names it and what to do", async () => {
  await store(credential);
  before = () => 401;
  const fault: unknown = await token().catch((error: unknown) => error);
  expect(fault).toMatchObject({ code: "credential_not_usable" });
  expect(fault).toHaveProperty("details.reason", "rejected");
  expect(fault instanceof Fault ? fault.details : {}).toMatchObject({
    reason: "rejected",
    provider: "AZURE",
    remedy: expect.stringMatching(/secret/i),
  });
});
