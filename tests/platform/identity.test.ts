import { spawn } from "node:child_process";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { BigQuery } from "@google-cloud/bigquery";
import { KeyManagementServiceClient } from "@google-cloud/kms";
import { SecretManagerServiceClient } from "@google-cloud/secret-manager";
import { decodeJwt } from "jose";
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import { openAwsIdentity } from "../../shared/adapters/cloud/aws-identity.ts";
import { googleIdentity } from "../../shared/adapters/cloud/google-identity.ts";
import { openGoogleTokens } from "../../shared/adapters/cloud/google-tokens.ts";
import { systemClock } from "../../shared/adapters/system-clock.ts";
import { subjectOf } from "./certificates.ts";
import { awsAccount, bench, emailOf, functionNames } from "./rights.ts";
import { type Platform, startPlatform } from "./start.ts";

/** Google's own clients, as a process with this environment would make them. */
async function clientsOf(env: Record<string, string>) {
  const { BIGQUERY_API_ENDPOINT, KMS_API_ENDPOINT, SECRET_MANAGER_API_ENDPOINT, IAM_CREDENTIALS_API_ENDPOINT } = env;
  const project = env["GOOGLE_CLOUD_PROJECT"] ?? "";
  const auth = googleIdentity({ project, fromMetadata: true });
  const at = (endpoint: string | undefined) => {
    const { hostname, port } = new URL(endpoint ?? "");
    return { auth, fallback: true, apiEndpoint: hostname, port: Number(port), protocol: "http" };
  };
  return {
    kms: new KeyManagementServiceClient(at(KMS_API_ENDPOINT)),
    secrets: new SecretManagerServiceClient(at(SECRET_MANAGER_API_ENDPOINT)),
    bigquery: new BigQuery({
      projectId: project,
      apiEndpoint: BIGQUERY_API_ENDPOINT ?? "",
      authClient: await auth.getClient(),
    }),
    aws: openAwsIdentity({
      auth,
      project,
      serviceAccountId: env["AWS_FEDERATION_SUBJECT"] ?? "",
      apiEndpoint: IAM_CREDENTIALS_API_ENDPOINT ?? "",
      clock: systemClock(),
    }),
  };
}

describe("the platform", () => {
  let platform: Platform;
  let sealed: Buffer;
  beforeAll(async () => {
    platform = await startPlatform({ seed: 7 });
    const { kms } = await as("operator");
    const [{ ciphertext }] = await kms.encrypt({ name: bench.key, plaintext: Buffer.from("secret") });
    sealed = Buffer.from(ciphertext ?? "");
  });
  afterAll(() => platform.close());
  afterEach(async () => {
    vi.unstubAllEnvs();
    await platform.reset();
  });

  async function as(name: string) {
    const env = platform.env(name);
    for (const [variable, value] of Object.entries(env)) vi.stubEnv(variable, value);
    return await clientsOf(env);
  }

  test.each([
    ["setup", "encrypt pepper heads aws"],
    ["validate", "decrypt pepper heads versions aws"],
    ["list", "pepper heads"],
    ["get", "pepper heads"],
    ["update", "encrypt pepper heads aws"],
    ["delete", "pepper heads"],
    ["decrypt", "decrypt heads versions aws"],
    ["revalidate", "decrypt heads versions aws"],
    ["operator", "encrypt decrypt pepper heads versions aws"],
  ])("lets Google's own clients of %s do exactly: %s", async (name, allowed) => {
    const { kms, secrets, bigquery, aws } = await as(name);
    const read = (table: string) =>
      bigquery.query({ query: `SELECT COUNT(*) AS n FROM \`${bench.project}.integrations.${table}\``, location: "US" });
    const attempts: Record<string, Promise<unknown>> = {
      encrypt: kms.encrypt({ name: bench.key, plaintext: Buffer.from("secret") }),
      decrypt: kms.decrypt({ name: bench.key, ciphertext: sealed }),
      pepper: secrets.accessSecretVersion({ name: `${bench.pepper}/versions/latest` }),
      heads: read("heads"),
      versions: read("versions"),
      aws: aws.identityToken(`cloudact-integrations:${bench.project}:acme`),
    };
    const done = await Promise.allSettled(Object.values(attempts));
    const could = Object.keys(attempts).filter((_, index) => done[index]?.status === "fulfilled");
    expect(could.join(" ")).toBe(allowed);
    const refused = platform.refusals().map(({ identity, service, action }) => `${identity} ${service} ${action}`);
    expect(refused).toHaveLength(6 - could.length);
    for (const line of refused) expect(line.startsWith(`${emailOf(`int-${name}`)} `)).toBe(true);
    expect(platform.metadata(name).requests).toHaveLength(1);
  });

  test("every function has an environment, and nobody else has", () => {
    const known = [...functionNames(), "operator"];
    const hosts = known.map((name) => platform.env(name)["GCE_METADATA_HOST"]);
    expect(new Set(hosts).size).toBe(known.length);
    expect(() => platform.env("integrations-aws")).toThrow(/nobody is called integrations-aws/);
  });

  test("its identity tokens are the ones that decrypt takes, and its AWS subject the one that tokens carry", async () => {
    const env = platform.env("decrypt");
    const tokens = openGoogleTokens({
      audience: env["OIDC_AUDIENCE"] ?? "",
      jwksUrl: env["OIDC_JWKS_URL"] ?? "",
      clock: systemClock(),
    });
    expect(await tokens.verify(await platform.issue("117263548901234567890"))).toHaveProperty("caller");
    const { aws } = await as("decrypt");
    const token = decodeJwt(await aws.identityToken("cloudact-integrations:x:acme"));
    expect([token.sub, env["AWS_FEDERATION_SUBJECT"]]).toEqual([subjectOf(awsAccount), subjectOf(awsAccount)]);
    expect(platform.refusals()).toEqual([]);
  });

  test("after a reset nothing is left of faults, requests and refusals; what is sealed can still be opened", async () => {
    const { kms, secrets } = await as("list");
    platform.kms.faults.always("unavailable");
    platform.certificates.faults.always("down");
    platform.iamCredentials.latency(50);
    await secrets.accessSecretVersion({ name: `${bench.pepper}/versions/latest` });
    await kms.decrypt({ name: bench.key, ciphertext: sealed }, { retry: null, timeout: 1_000 }).catch(() => {});
    await platform.reset();
    expect([platform.kms.calls(), platform.secretManager.calls(), platform.refusals()]).toEqual([[], [], []]);
    expect(platform.metadata("list").requests).toEqual([]);
    const operator = await as("operator");
    const [{ plaintext }] = await operator.kms.decrypt({ name: bench.key, ciphertext: sealed });
    expect(Buffer.from(plaintext ?? "").toString()).toBe("secret");
    expect((await fetch(platform.certificates.url)).status).toBe(200);
  });
});

describe("two platforms", () => {
  const pepperOf = async (options: { seed?: number; enforce?: boolean }) => {
    const platform = await startPlatform(options);
    for (const [name, value] of Object.entries(platform.env("list"))) vi.stubEnv(name, value);
    const { secrets, kms } = await clientsOf(platform.env("list"));
    const [{ payload }] = await secrets.accessSecretVersion({ name: `${bench.pepper}/versions/latest` });
    const sealing = await kms
      .encrypt({ name: bench.key, plaintext: Buffer.from("x") }, { retry: null, timeout: 2_000 })
      .then(
        () => "may",
        () => "may not",
      );
    await platform.close();
    vi.unstubAllEnvs();
    return [Buffer.from(payload?.data ?? "").toString("hex"), sealing];
  };

  test("of one seed have the same pepper of 32 bytes, others do not; held to their rights unless told otherwise", async () => {
    const [first, second, random] = [
      await pepperOf({ seed: 3 }),
      await pepperOf({ seed: 3, enforce: false }),
      await pepperOf({}),
    ];
    expect(first[0]).toMatch(/^[0-9a-f]{64}$/);
    expect(second[0]).toBe(first[0]);
    expect(random[0]).not.toBe(first[0]);
    expect([first[1], second[1], random[1]]).toEqual(["may not", "may", "may not"]);
  });
});

describe("the platform as a program", () => {
  const run = (...given: string[]) => {
    const child = spawn(process.execPath, [join(import.meta.dirname, "main.ts"), ...given], { stdio: "pipe" });
    const exited = new Promise<number | null>((resolve) => child.once("exit", resolve));
    return { child, exited, stderr: text(child.stderr) };
  };

  test("prints the environment of one identity and ends when it is told to", async () => {
    const { child, exited, stderr } = run("--identity", "decrypt");
    let printed = "";
    for await (const chunk of child.stdout) {
      printed += chunk;
      if (printed.includes("no_proxy=")) break;
    }
    const env = Object.fromEntries(
      [...printed.matchAll(/^export (\w+)=(\S+)$/gm)].map(([, name, value]) => [name, value]),
    );
    expect(env).toMatchObject({
      INTEGRATIONS_BACKEND: "gcp",
      KMS_KEY: bench.key,
      METADATA_SERVER_DETECTION: "assume-present",
    });
    const email = await fetch(
      `http://${env["GCE_METADATA_HOST"]}/computeMetadata/v1/instance/service-accounts/default/email`,
      {
        headers: { "metadata-flavor": "Google" },
      },
    );
    expect(await email.text()).toBe(emailOf("int-decrypt"));
    child.kill("SIGTERM");
    expect(await exited).toBe(0);
    expect(await stderr).toMatch(/^eyJ[\w-]+\.[\w-]+\.[\w-]+$/m);
  });

  test("names who there is where it is asked for another", async () => {
    const { exited, stderr } = run("--identity", "nobody");
    expect(await exited).toBe(2);
    expect(await stderr).toMatch(/^--identity: nobody is called nobody here; there are setup, .*operator$/m);
  });
});
