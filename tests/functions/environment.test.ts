import { describe, expect, test } from "vitest";
import { readEnvironment } from "../../functions/environment.ts";
import { readPlan } from "../../functions/parts.ts";
import { reachOf } from "../../functions/rights.ts";

const whole = reachOf(null);

/** A deployed process that reaches everything. */
const cloud = {
  INTEGRATIONS_BACKEND: "gcp",
  GOOGLE_CLOUD_PROJECT: "cloudact-testing-1",
  BIGQUERY_DATASET: "organizations",
  BIGQUERY_LEDGER_DATASET: "integrations",
  BIGQUERY_LOCATION: "US",
  KMS_KEY: "projects/cloudact-testing-1/locations/us-central1/keyRings/integrations/cryptoKeys/credentials",
  PEPPER_SECRET: "projects/cloudact-testing-1/secrets/integrations-pepper",
  AWS_FEDERATION_SUBJECT: "000000000000000000000",
  INTEGRATIONS_KEY_ENV: "test",
};
const endpoints = {
  KMS_API_ENDPOINT: "http://127.0.0.1:1",
  BIGQUERY_API_ENDPOINT: "http://127.0.0.1:2",
  SECRET_MANAGER_API_ENDPOINT: "http://127.0.0.1:3",
  IAM_CREDENTIALS_API_ENDPOINT: "http://127.0.0.1:4",
  OIDC_JWKS_URL: "http://127.0.0.1:5/certs",
};
const switches = [
  "INTEGRATIONS_EXTRA_PROVIDERS",
  "INTEGRATIONS_CLOCK_OFFSET_S",
  "INTEGRATIONS_RATE_LIMIT",
  "INTEGRATIONS_ENDPOINT_OPENAI_API",
];

/** What is wrong, by name. */
function problemsOf(given: Record<string, string>, reach = whole): string[] {
  const { environment, problems } = readEnvironment(given, reach);
  expect(environment === null).toBe(problems.length > 0);
  return problems;
}

describe("the local environment", () => {
  test("without anything is on port 8000, with generous budgets and no cloud", () => {
    expect(readEnvironment({}, whole).environment).toEqual({
      home: ".integrations",
      port: 8_000,
      rateLimit: 20,
      clockOffsetS: 0,
      corsOrigins: [],
      console: true,
      audience: "cloudact-integrations-decrypt",
      onPlatform: false,
      verifiesTokens: true,
      cloud: null,
    });
  });

  test("takes an empty value as none", () => {
    expect(readEnvironment({ PORT: "", K_SERVICE: "", CORS_ORIGINS: "" }, whole).environment).toMatchObject({
      port: 8_000,
      corsOrigins: [],
    });
  });

  test.each([
    ["PORT", "65536"],
    ["PORT", "-1"],
    ["PORT", "80a"],
    ["PORT", "8000.5"],
    ["INTEGRATIONS_BACKEND", "aws"],
    ["INTEGRATIONS_RATE_LIMIT", "many"],
    ["INTEGRATIONS_CONSOLE", "perhaps"],
    ["INTEGRATIONS_CLOCK_OFFSET_S", "1e9"],
    ["CORS_ORIGINS", "*"],
    ["CORS_ORIGINS", "https://app.example/"],
    ["CORS_ORIGINS", "https://app.example,nonsense"],
    ["CORS_ORIGINS", "null"],
    ["OIDC_AUDIENCE", "x".repeat(201)],
  ])("%s=%s is refused by name", (name, value) => {
    const problems = problemsOf({ [name]: value });
    expect(problems).toEqual([expect.stringContaining(`${name}: `)]);
    expect(problems.join()).not.toContain(value.length > 3 && value !== "null" ? value : "\u0000");
  });

  test.each(["KMS_KEY", "BIGQUERY_LEDGER_DATASET", "PEPPER_SECRET"] as const)(
    "%s without a word about the backend is not quietly ignored",
    (name) => {
      expect(problemsOf({ [name]: cloud[name] })).toEqual([
        `${name}: belongs to the gcp backend; set INTEGRATIONS_BACKEND to gcp, or to local to ignore it`,
      ]);
      expect(problemsOf({ [name]: cloud[name], INTEGRATIONS_BACKEND: "local" })).toEqual([]);
    },
  );
});

describe("the environment on Google Cloud", () => {
  test("is read as it was given", () => {
    const { environment } = readEnvironment({ ...cloud, K_SERVICE: "x", LEGACY_KEYS_UNTIL: "2027-03-31" }, whole);
    expect(environment).toMatchObject({
      rateLimit: 1,
      onPlatform: true,
      cloud: {
        project: cloud.GOOGLE_CLOUD_PROJECT,
        viewsDataset: "organizations",
        ledgerDataset: "integrations",
        location: "US",
        kmsKey: cloud.KMS_KEY,
        pepperSecret: cloud.PEPPER_SECRET,
        awsSubject: cloud.AWS_FEDERATION_SUBJECT,
        keyEnvironment: "test",
        legacyKeysUntil: "2027-03-31T23:59:59.000Z",
        endpoints: null,
      },
    });
  });

  test("names everything that is missing at once", () => {
    const names = Object.keys(cloud).filter((name) => name !== "INTEGRATIONS_BACKEND");
    expect(problemsOf({ INTEGRATIONS_BACKEND: "gcp" }).map((line) => line.split(":")[0])).toEqual(names);
    for (const line of problemsOf({ INTEGRATIONS_BACKEND: "gcp" })) expect(line).toMatch(/: is missing; it must be /);
  });

  test.each([
    ["list", ["KMS_KEY", "AWS_FEDERATION_SUBJECT"]],
    ["get", ["KMS_KEY"]],
    ["delete", ["KMS_KEY", "AWS_FEDERATION_SUBJECT"]],
    ["decrypt", ["PEPPER_SECRET", "INTEGRATIONS_KEY_ENV"]],
    ["revalidate", ["PEPPER_SECRET", "INTEGRATIONS_KEY_ENV"]],
    ["setup", []],
    ["update", []],
    ["validate", []],
  ] as const)("%s starts without what it may not reach: %j", (name, without) => {
    const { environment } = readEnvironment(
      Object.fromEntries(Object.entries(cloud).filter(([one]) => !without.some((other) => other === one))),
      reachOf(name),
    );
    expect(environment).not.toBeNull();
    if (without.some((one) => one === "KMS_KEY"))
      expect(readEnvironment(cloud, reachOf(name)).environment?.cloud?.kmsKey).toBeNull();
  });

  test("get knows the identity that customers' trust policies name, and may not act as it", () => {
    const { environment } = readEnvironment(cloud, reachOf("get"));
    expect(environment?.cloud).toMatchObject({ awsSubject: cloud.AWS_FEDERATION_SUBJECT, mintsAws: false });
    expect(problemsOf({ ...cloud, AWS_FEDERATION_SUBJECT: "" }, reachOf("get"))).toHaveLength(1);
  });

  test("what is wrong on Cloud Run is said at once, the missing backend too", () => {
    const names = problemsOf({ K_SERVICE: "x", KMS_KEY: "CANARY" }).map((line) => line.split(":")[0]);
    expect(names).toEqual(expect.arrayContaining(["INTEGRATIONS_BACKEND", "KMS_KEY", "PEPPER_SECRET"]));
  });

  test.each([
    ["GOOGLE_CLOUD_PROJECT", "CANARY"],
    ["GOOGLE_CLOUD_PROJECT", "x"],
    ["BIGQUERY_DATASET", "a-CANARY"],
    ["BIGQUERY_DATASET", "integrations"],
    ["BIGQUERY_LEDGER_DATASET", "proj.CANARY"],
    ["BIGQUERY_LOCATION", "CANARY US"],
    ["KMS_KEY", "credentials-CANARY"],
    ["KMS_KEY", `${cloud.KMS_KEY}/cryptoKeyVersions/1`],
    ["PEPPER_SECRET", "integrations-CANARY"],
    ["PEPPER_SECRET", `${cloud.PEPPER_SECRET}/versions/latest`],
    ["AWS_FEDERATION_SUBJECT", "CANARY@x.iam.gserviceaccount.com"],
    ["INTEGRATIONS_KEY_ENV", "local"],
    ["LEGACY_KEYS_UNTIL", "CANARY"],
    ["LEGACY_KEYS_UNTIL", "2027-13-01"],
    ["LEGACY_KEYS_UNTIL", "2027-02-30"],
    ["EGRESS_ADDRESS", "CANARY"],
  ])("%s=%s is refused by name, without the value", (name, value) => {
    const problems = problemsOf({ ...cloud, [name]: value });
    expect(problems).toHaveLength(1);
    expect(problems[0]).toContain("must be");
    expect(problems.join()).not.toContain("CANARY");
  });

  test.each([...switches, ...Object.keys(endpoints), "GCE_METADATA_HOST", "GCE_METADATA_IP"])(
    "%s is refused beside K_SERVICE, with either backend",
    (name) => {
      for (const backend of ["gcp", "local"])
        expect(problemsOf({ ...cloud, K_SERVICE: "x", INTEGRATIONS_BACKEND: backend, [name]: "1" })).toContain(
          `${name}: is for local running and tests only; remove it`,
        );
    },
  );

  test("BigQuery's own emulator switch is refused together with all else, and ignored where there is no BigQuery", () => {
    const BIGQUERY_EMULATOR_HOST = "http://127.0.0.1:9";
    const refused = "BIGQUERY_EMULATOR_HOST: would send statements elsewhere; remove it";
    expect(problemsOf({ ...cloud, BIGQUERY_EMULATOR_HOST })).toEqual([refused]);
    expect(problemsOf({ ...cloud, ...endpoints, BIGQUERY_EMULATOR_HOST })).toEqual([refused]);
    const several = { K_SERVICE: "x", KMS_KEY: "wrong", KMS_API_ENDPOINT: "x", BIGQUERY_EMULATOR_HOST };
    expect(problemsOf({ ...cloud, ...several }).map((line) => line.split(":")[0])).toEqual([
      "BIGQUERY_EMULATOR_HOST",
      "KMS_API_ENDPOINT",
      "KMS_KEY",
    ]);
    expect(problemsOf({ BIGQUERY_EMULATOR_HOST })).toEqual([]);
  });

  test("a process is told so before the variable is dropped", () => {
    const given = { ...cloud, BIGQUERY_EMULATOR_HOST: "http://127.0.0.1:9", KMS_KEY: "" };
    expect(() => readPlan(null, given)).toThrow(/BIGQUERY_EMULATOR_HOST: .*\n.*KMS_KEY: is missing/);
    expect(given).not.toHaveProperty("BIGQUERY_EMULATOR_HOST");
  });

  test.each(switches)("%s is taken only where every Google service is a test's", (name) => {
    const value = { [name]: name.includes("ENDPOINT") ? "http://127.0.0.1:9" : "3" };
    expect(problemsOf({ ...cloud, ...value })).toEqual([`${name}: is for local running and tests only; remove it`]);
    expect(problemsOf({ ...cloud, ...endpoints, ...value })).toEqual([]);
  });

  test("half of the test endpoints is none: no customer's key meets an emulator", () => {
    const { KMS_API_ENDPOINT, ...rest } = endpoints;
    expect(problemsOf({ ...cloud, ...rest })).toEqual([
      "KMS_API_ENDPOINT: is missing beside BIGQUERY_API_ENDPOINT; a test gives all 5 endpoints or none",
    ]);
  });

  test.each(Object.keys(endpoints))("%s must lie on loopback", (name) => {
    for (const url of ["https://CANARY.example", "http://127.0.0.1.CANARY:1", "http://127.0.0.1:1@CANARY:1"]) {
      const problems = problemsOf({ ...cloud, ...endpoints, [name]: url });
      expect(problems).toEqual([`${name}: must be a URL on loopback like http://127.0.0.1:9050`]);
    }
  });
});
