import { execFile } from "node:child_process";
import { inspect, promisify } from "node:util";
import { decodeJwt } from "jose";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { root } from "../../scripts/build/targets.ts";
import { type ClientOptions, createClient, IntegrationError } from "../../shared/client/client.ts";
import { subjectOf } from "../platform/certificates.ts";
import { type Metadata, startMetadata } from "../platform/metadata.ts";
import { type Service, startService } from "../service/harness.ts";
import { exampleKeys } from "../simulators/start.ts";
import { type Relay, startRelay } from "./relay.ts";

const EMAIL = "cost-pipeline@cloudact-testing-1.iam.gserviceaccount.com";
const admin = exampleKeys("OPENAI").admin ?? "";
let service: Service;
let relay: Relay;
let metadata: Metadata;
let key: string;
/** How far the metadata server's tokens were issued in the past, seconds: they last an hour. */
let age = 0;
const before = { ...process.env };

beforeAll(async () => {
  service = await startService();
  relay = await startRelay(service.base);
  const { signer } = service.backend;
  // The issuer's key is made with its first token.
  await service.token("anyone");
  metadata = await startMetadata(EMAIL, {
    issuer: {
      now: () => Math.floor(Date.now() / 1_000) - age,
      sign: (claims) => signer.sign({ ...claims, iss: signer.issuer }),
    },
  });
  key = await service.orgKey("acme");
  await service.grant(subjectOf(EMAIL), ["acme"]);
  await service.send("POST", "/acme/openai/setup", { key, body: { credential: admin } });
});
afterAll(async () => {
  await metadata.close();
  await relay.close();
  await service.close();
});
beforeEach(() => {
  Object.assign(process.env, metadata.env);
  age = 0;
  metadata.faults.clear();
  metadata.requests.length = 0;
  relay.seen.length = 0;
});
afterEach(() => {
  process.env = { ...before };
});

const WANTED = { orgSlug: "acme", provider: "openai", pipeline: "genai.payg_usage", runId: "run-1" };
const pipeline = (more: ClientOptions = {}) => createClient({ baseUrl: relay.base, ...more });
const audiencesAsked = () => metadata.requests.map(({ query }) => query.get("audience"));
const audienceOf = (header: string | undefined) => decodeJwt(header?.replace("Bearer ", "") ?? "").aud;

describe("on Google Cloud", () => {
  test("a pipeline has its credential in one call, with a token for each door", async () => {
    const { credential, validation_status, pipelines } = await pipeline().decryptCredential(WANTED);
    expect(credential).toEqual({ api_key: admin });
    expect(validation_status).toBe("VALID");
    expect(pipelines).toContainEqual({ id: "genai.payg_usage", ready: true, missing: [] });
    const [{ headers } = { headers: {} as Record<string, string> }] = relay.seen;
    const origin = new URL(relay.base).origin;
    expect(audienceOf(headers["x-serverless-authorization"])).toBe(origin);
    expect(audienceOf(headers["authorization"])).toBe("cloudact-integrations-decrypt");
    expect(audiencesAsked()).toEqual([origin, "cloudact-integrations-decrypt"]);
    expect(metadata.requests.every(({ query }) => query.get("format") === "full")).toBe(true);
  });

  test("the audiences can be others", async () => {
    await expect(
      pipeline({ audience: "x", platformAudience: "https://y.example.com" }).decryptCredential(WANTED),
    ).rejects.toMatchObject({ code: "caller_invalid" });
    expect(audiencesAsked()).toEqual(["https://y.example.com", "x"]);
  });

  test.each(["", "/api/v1/integrations", "/tenants/acme/vault"])(
    "Cloud Run is named by its root, whatever the path (%j)",
    async (path) => {
      const asked: string[] = [];
      const identityToken = (audience: string) => {
        asked.push(audience);
        return "";
      };
      const failed = pipeline({ baseUrl: `https://decrypt-ab12.a.run.app${path}`, identityToken });
      await expect(failed.decryptCredential(WANTED)).rejects.toMatchObject({ code: "caller_invalid" });
      expect(asked[0]).toBe("https://decrypt-ab12.a.run.app");
    },
  );

  test("the Python example asks for the same two tokens", async () => {
    const sent = ["examples/pipeline.py", "acme", "openai", "genai.payg_usage", "run-1"];
    const env = { ...process.env, INTEGRATIONS_URL: relay.base };
    const { stdout } = await promisify(execFile)("python3", sent, { cwd: root, env });
    expect(stdout).toContain("OPENAI VALID");
    expect(audiencesAsked()).toEqual([new URL(relay.base).origin, "cloudact-integrations-decrypt"]);
  });

  test("tokens are kept, and calls at once share their fetching", async () => {
    const client = pipeline();
    await Promise.all(Array.from({ length: 5 }, () => client.decryptCredential(WANTED)));
    await client.decryptCredential({ ...WANTED, runId: "run-2" });
    expect(relay.seen).toHaveLength(6);
    expect(metadata.requests).toHaveLength(2);
  });

  test.each([
    ["kept while it lasts ten minutes more", 3_000, 2],
    ["fetched again where it ends within five", 3_400, 4],
  ])("a token is %s", async (_, seconds, requests) => {
    age = seconds;
    const client = pipeline();
    await client.decryptCredential(WANTED);
    await client.decryptCredential(WANTED);
    expect(metadata.requests).toHaveLength(requests);
  });

  test("a metadata server that stumbles is asked again, and what failed is not kept", async () => {
    metadata.faults.next(503, 1);
    const client = pipeline();
    expect(await client.decryptCredential(WANTED)).toMatchObject({ provider: "OPENAI" });
    const other = pipeline();
    metadata.faults.next(404, 4);
    await expect(other.decryptCredential(WANTED)).rejects.toThrow(IntegrationError);
    expect(await other.decryptCredential(WANTED)).toMatchObject({ provider: "OPENAI" });
  });

  test.each(["no_flavour", "empty", "garbage", "down", 404] as const)(
    "a metadata server that answers %s is none: nothing is sent, and what to do is told",
    async (fault) => {
      metadata.faults.always(fault);
      const failed = pipeline().decryptCredential(WANTED);
      await expect(failed).rejects.toThrow(IntegrationError);
      await expect(failed).rejects.toMatchObject({
        code: "caller_invalid",
        retryable: false,
        message: expect.stringContaining("INTEGRATIONS_TOKEN"),
      });
      expect(relay.seen).toHaveLength(0);
    },
  );
});

describe("elsewhere", () => {
  const token = () => service.token(subjectOf(EMAIL));

  test("INTEGRATIONS_TOKEN is the token, and the metadata server is not asked", async () => {
    process.env["INTEGRATIONS_TOKEN"] = await token();
    expect(await pipeline().decryptCredential(WANTED)).toMatchObject({ credential: { api_key: admin } });
    expect(relay.seen[0]?.headers).not.toHaveProperty("x-serverless-authorization");
    expect(metadata.requests).toHaveLength(0);
  });

  test("identityToken as text, or as a function of the audience", async () => {
    expect(await pipeline({ identityToken: await token() }).decryptCredential(WANTED)).toMatchObject({
      provider: "OPENAI",
    });
    const asked: string[] = [];
    const identityToken = async (audience: string) => {
      asked.push(audience);
      return await token();
    };
    await pipeline({ identityToken, platformAudience: "p" }).decryptCredential(WANTED);
    expect(asked).toEqual(["p", "cloudact-integrations-decrypt"]);
    expect(metadata.requests).toHaveLength(0);
  });

  test.each(["", "two words", "a\nb"])(
    "a token that is none (%j) is not sent, and not repeated",
    async (identityToken) => {
      const failed = pipeline({ identityToken }).decryptCredential(WANTED);
      await expect(failed).rejects.toMatchObject({ code: "caller_invalid" });
      if (identityToken !== "")
        await expect(failed).rejects.not.toMatchObject({ message: expect.stringContaining("words") });
      expect(relay.seen).toHaveLength(0);
    },
  );
});

describe("what a pipeline is told", () => {
  test("why there is no credential: an error with code, remedy and whether to try again", async () => {
    await service.send("PUT", "/acme/openai", { key, body: { enabled: false } });
    const failed = await pipeline()
      .decryptCredential(WANTED)
      .catch((error: unknown) => error);
    await service.send("PUT", "/acme/openai", { key, body: { enabled: true } });
    expect(failed).toBeInstanceOf(IntegrationError);
    expect(failed).toMatchObject({
      name: "IntegrationError",
      code: "credential_not_usable",
      status: 409,
      reason: "disabled",
      retryable: false,
      remedy: expect.stringContaining("enabled"),
      message: expect.stringContaining("The credential of OpenAI cannot be used"),
      requestId: expect.any(String),
    });
  });

  test.each([
    ["another organisation", { orgSlug: "globex" }, "forbidden"],
    ["an unknown pipeline", { pipeline: "genai.nonsense" }, "request_malformed"],
    ["no stand-in", { as: "token" as const }, "token_unsupported"],
    ["nothing configured", { provider: "groq" }, "not_configured"],
  ])("%s", async (_, change, code) => {
    await expect(pipeline().decryptCredential({ ...WANTED, ...change })).rejects.toMatchObject({ code });
  });

  test("a preflight has everything but the secret", async () => {
    expect(await pipeline().decryptCredential({ ...WANTED, as: "none" })).toMatchObject({
      credential: null,
      validation_status: "VALID",
    });
  });

  test("printing the credential shows a note, and JSON the credential", async () => {
    const decrypted = await pipeline().decryptCredential(WANTED);
    expect(inspect(decrypted, { depth: 5, showHidden: true })).not.toContain(admin);
    expect(inspect(decrypted)).toContain("[credential of OPENAI ");
    expect(JSON.parse(JSON.stringify(decrypted.credential))).toEqual({ api_key: admin });
  });

  test("a reported failure is taken, and its own failing is no exception", async () => {
    const { credential_id: credentialId } = await pipeline().decryptCredential(WANTED);
    const report = { ...WANTED, credentialId, httpStatus: 401 };
    expect(await pipeline().reportFailure(report)).toMatchObject({ success: true });
    expect(await pipeline().reportFailure({ ...report, orgSlug: "globex" })).toMatchObject({ code: "forbidden" });
    metadata.faults.always("down");
    expect(await pipeline().reportFailure(report)).toMatchObject({ success: false, code: "caller_invalid" });
  });
});
