import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { BigQuery } from "@google-cloud/bigquery";
import { KeyManagementServiceClient } from "@google-cloud/kms";
import { SecretManagerServiceClient } from "@google-cloud/secret-manager";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { googleIdentity } from "../../../shared/adapters/cloud/google-identity.ts";
import { benchToken } from "../../platform/bearer.ts";
import { googleError, type HttpSimulator, startHttp } from "../../platform/http-simulator.ts";
import { type Metadata, startMetadata } from "../../platform/metadata.ts";

const project = "cloudact-testing-1";
const email = `int-decrypt@${project}.iam.gserviceaccount.com`;

let metadata: Metadata;
let folder: string;
beforeAll(async () => {
  metadata = await startMetadata(email);
  folder = mkdtempSync(join(tmpdir(), "credentials-"));
  writeFileSync(join(folder, "key.json"), JSON.stringify({ type: "service_account", client_email: "canary@x" }));
});
afterAll(async () => {
  await metadata.close();
  rmSync(folder, { recursive: true });
});
beforeEach(() => {
  // As on Cloud Run: the library then takes the metadata server for granted, and gives it no deadline.
  vi.stubEnv("K_SERVICE", "integrations-decrypt");
  for (const [name, value] of Object.entries(metadata.env)) vi.stubEnv(name, value);
});
afterEach(() => {
  vi.unstubAllEnvs();
  metadata.reset();
});

const identity = () => googleIdentity({ project, fromMetadata: true });
const bearerOf = async (auth = identity()) => (await auth.getRequestHeaders()).get("authorization");

describe("the identity of an instance", () => {
  test("is its service account, for the scope cloud-platform, without looking for the server first", async () => {
    expect(await bearerOf()).toBe(`Bearer ${benchToken(email)}`);
    expect(metadata.requests.map(({ path }) => path)).toEqual([
      "/computeMetadata/v1/instance/service-accounts/default/token",
    ]);
    expect(metadata.requests[0]?.query.get("scopes")).toBe("https://www.googleapis.com/auth/cloud-platform");
    expect(metadata.requests[0]?.headers["metadata-flavor"]).toBe("Google");
  });

  test("is asked for once by all who need it at the same time, and afterwards kept", async () => {
    const auth = identity();
    const bearers = await Promise.all(Array.from({ length: 30 }, () => bearerOf(auth)));
    expect(new Set(bearers)).toEqual(new Set([`Bearer ${benchToken(email)}`]));
    await bearerOf(auth);
    expect(metadata.requests).toHaveLength(1);
  });

  test("is never one from a file, wherever that is named", async () => {
    vi.stubEnv("GOOGLE_APPLICATION_CREDENTIALS", join(folder, "key.json"));
    vi.stubEnv("CLOUDSDK_CONFIG", folder);
    writeFileSync(join(folder, "application_default_credentials.json"), '{"type":"authorized_user"}');
    expect(await bearerOf()).toBe(`Bearer ${benchToken(email)}`);
  });

  test("knows its project without asking, and starts no gcloud to find it", async () => {
    vi.stubEnv("GOOGLE_CLOUD_PROJECT", "");
    vi.stubEnv("PATH", folder);
    const auth = identity();
    expect(await auth.getProjectId()).toBe(project);
    expect(await auth.getUniverseDomain()).toBe("googleapis.com");
    expect(metadata.requests).toEqual([]);
  });

  test("is tried again when the server stumbles", async () => {
    metadata.faults.next(503);
    expect(await bearerOf()).toBe(`Bearer ${benchToken(email)}`);
    expect(metadata.requests).toHaveLength(2);
  });

  test.each(["no_token", "no_flavour", "garbage", "empty"] as const)(
    "is nobody's where the server answers with %s, and nothing is sent as it",
    async (fault) => {
      metadata.faults.always(fault);
      const auth = identity();
      await expect(bearerOf(auth)).rejects.toThrow();
      metadata.faults.clear();
      expect(await bearerOf(auth)).toBe(`Bearer ${benchToken(email)}`);
    },
  );

  test.each(["hang", "drip", "down", 500] as const)(
    "cannot be had within seconds where the server answers with %s",
    async (fault) => {
      metadata.faults.always(fault);
      const auth = identity();
      const startedAt = performance.now();
      await expect(bearerOf(auth)).rejects.toThrow();
      expect(performance.now() - startedAt).toBeLessThan(15_000);
      metadata.faults.clear();
      expect(await bearerOf(auth)).toBe(`Bearer ${benchToken(email)}`);
    },
  );

  test("of an operator's machine is found as Google's tools find it", async () => {
    vi.stubEnv("K_SERVICE", "");
    vi.stubEnv("CLOUDSDK_CONFIG", join(folder, "none"));
    vi.stubEnv("GOOGLE_APPLICATION_CREDENTIALS", "");
    expect(await bearerOf(googleIdentity({ project, fromMetadata: false }))).toBe(`Bearer ${benchToken(email)}`);
  });
});

describe("one identity for every client of Google's", () => {
  let api: HttpSimulator;
  beforeAll(async () => {
    api = await startHttp(() => googleError(404, "NOT_FOUND", "Nothing is here."));
  });
  afterAll(() => api.close());

  test("BigQuery takes its client as authClient, the others itself as auth, and one token serves them all", async () => {
    const auth = identity();
    const rest = { fallback: true, apiEndpoint: "127.0.0.1", port: Number(api.host.split(":")[1]), protocol: "http" };
    const kms = new KeyManagementServiceClient({ ...rest, auth });
    const secrets = new SecretManagerServiceClient({ ...rest, auth });
    const bigquery = new BigQuery({
      projectId: project,
      apiEndpoint: api.url,
      authClient: await auth.getClient(),
      autoRetry: false,
    });
    const asked = await Promise.allSettled([
      kms.getCryptoKey({ name: `projects/${project}/locations/us/keyRings/r/cryptoKeys/k` }),
      secrets.accessSecretVersion({ name: `projects/${project}/secrets/s/versions/1` }),
      bigquery.query({ query: "SELECT 1", location: "US" }),
    ]);
    expect(asked.map(({ status }) => status)).toEqual(["rejected", "rejected", "rejected"]);
    expect(api.requests.map(({ path }) => path.split("/")[1]).sort()).toEqual(["bigquery", "v1", "v1"]);
    expect(new Set(api.requests.map(({ headers }) => headers["authorization"]))).toEqual(
      new Set([`Bearer ${benchToken(email)}`]),
    );
    expect(metadata.requests).toHaveLength(1);
  });
});
