import { execFile } from "node:child_process";
import { createPublicKey, verify } from "node:crypto";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { gcp } from "../../shared/providers/gcp.ts";
import { entryOf } from "../registry/the-registry.ts";
import { transportAnswers } from "../simulators/answers/transport.ts";
import { google } from "../simulators/clouds/google.ts";
import { googleAnswers } from "../simulators/clouds/google-answers.ts";
import { refusedEndpoint } from "../simulators/start.ts";
import { holdsKey, openStage, type Stage, standard, stateOf } from "./gcp-stage.ts";

let stage: Stage;
const pem = google.credential()["private_key"] ?? "";
const HURRIED = { timeout_ms: 150, retry: { max: 0, backoff_ms: 0 } };

beforeAll(async () => {
  stage = await openStage();
});
beforeEach(() => {
  stage.simulators.reset();
  stage.slept.length = 0;
});
afterAll(() => stage.simulators.close());

describe("the token endpoint's answer decides about the key:", () => {
  const documented = googleAnswers.filter(({ endpoint, name }) => endpoint === "token" && name !== "granted");
  test.each([...documented, ...transportAnswers].map((fixture) => [fixture.name, fixture] as const))(
    "%s",
    async (name, { reads, transport }) => {
      stage.simulators.force("GCP_SA", "token", name);
      const isEndless = transport === "hang" || transport === "drip";
      const verdict = await stage.validate(isEndless ? { entry: HURRIED } : {});
      const { outcome, reason } = verdict;
      const isExplained = name === "bad_signature";
      if (!isExplained) expect({ outcome, ...(reads?.reason === undefined ? {} : { reason }) }).toEqual(reads);
      expect(verdict.remedy).toEqual(expect.any(String));
      expect(stage.requests("bigquery")).toEqual([]);
      expect(stage.simulators.sinkRequests).toEqual([]);
      expect(holdsKey(JSON.stringify(verdict), pem)).toBe(false);
    },
  );

  test.each<[string, object]>([
    ["dead", { outcome: "rejected", reason: "key_deleted", field: "private_key", provider_code: "invalid_grant" }],
    ["lapsed", { outcome: "expired", reason: null, code: "credential_rejected" }],
    ["off", { outcome: "rejected", reason: null, field: "private_key" }],
    ["mixed", { outcome: "rejected", reason: "key_mixed", field: "private_key" }],
    ["unlisted", { outcome: "rejected", reason: null, field: null }],
    ["gone", { outcome: "rejected", reason: "account_not_found" }],
    ["disabled", { outcome: "rejected", reason: "account_disabled" }],
    ["skew", { outcome: "service_misconfigured", reason: "clock_skew", code: "provider_unreachable" }],
    ["limited", { outcome: "rate_limited", retry_after_s: 17 }],
    ["outage", { outcome: "unreachable", reason: "unavailable" }],
    ["barred", { outcome: "forbidden", reason: "unauthorized_client" }],
  ])("an account that is %s", async (word, expected) => {
    const verdict = await stage.validate({ word });
    expect(verdict).toMatchObject(expected);
    expect(verdict.remedy?.length).toBeGreaterThan(20);
    expect(stage.asked().sort()).toEqual([
      "token POST /",
      `x509 GET /robot/v1/metadata/x509/cloudact-${word}%40acme-billing.iam.gserviceaccount.com`,
    ]);
  });

  test("an expired key says when it ended", async () => {
    const { expires_at } = await stage.validate({ word: "lapsed" });
    const ageMs = Date.now() - Date.parse(expires_at ?? "");
    expect(ageMs).toBeGreaterThan(23 * 3_600_000);
    expect(ageMs).toBeLessThan(25 * 3_600_000);
  });

  test.each(["html", "other_shape", "hang", "redirect", "x509_missing", "bad_gateway", "truncated", "null_body"])(
    "a bad signature stays one where the public list is silent: %s",
    async (name) => {
      stage.simulators.force("GCP_SA", "x509", name);
      const verdict = await stage.validate({ word: "dead", ...(name === "hang" ? { entry: HURRIED } : {}) });
      expect(verdict).toMatchObject({ outcome: "rejected", reason: null });
    },
  );
  test("a list that holds no certificate tells nothing", async () => {
    stage.simulators.force("GCP_SA", "x509", "no_certificates");
    expect(await stage.validate({ word: "dead" })).toMatchObject({ outcome: "rejected", reason: null });
  });

  test("a token endpoint where nobody listens", async () => {
    const endpoints = { ...stage.entry().endpoints, token: refusedEndpoint };
    expect(await stage.validate({ entry: { endpoints } })).toMatchObject({
      outcome: "unreachable",
      reason: "connection",
    });
  });

  test("an assertion is good for an hour, by Google's clock", async () => {
    await stage.validate();
    const [{ body = "", headers = {} } = {}] = stage.requests("token");
    const asked = { endpoint: "token", method: "POST", path: "/", query: new URLSearchParams(), headers, body };
    expect(google.answer({ ...asked, nowMs: Date.now() }).name).toBe("granted");
    expect(google.answer({ ...asked, nowMs: Date.now() + 7_200_000 }).name).toBe("clock_skew");
    expect(google.answer({ ...asked, nowMs: Date.now() - 7_200_000 }).name).toBe("clock_skew");
  });
});

describe("Google is told", () => {
  test("an assertion of two fields, signed by the key, for the audience that Google demands", async () => {
    await stage.validate();
    const [{ body = "", headers = {}, method = "" } = {}] = stage.requests("token");
    expect(method).toBe("POST");
    const form = new URLSearchParams(body);
    expect([...form.keys()]).toEqual(["grant_type", "assertion"]);
    const [head = "", claims = "", signature = ""] = (form.get("assertion") ?? "").split(".");
    const read = (part: string): unknown => JSON.parse(Buffer.from(part, "base64url").toString());
    expect(read(head)).toEqual({ alg: "RS256" });
    expect(read(claims)).toEqual({
      iss: "cloudact@acme-billing.iam.gserviceaccount.com",
      scope:
        "https://www.googleapis.com/auth/bigquery.readonly https://www.googleapis.com/auth/cloud-platform.read-only",
      aud: "https://oauth2.googleapis.com/token",
      iat: expect.any(Number),
      exp: expect.any(Number),
    });
    const isSigned = verify(
      "sha256",
      Buffer.from(`${head}.${claims}`),
      createPublicKey(pem),
      Buffer.from(signature, "base64url"),
    );
    expect(isSigned).toBe(true);
    expect(holdsKey(JSON.stringify(stage.simulators.requests), pem)).toBe(false);
    expect(headers).toMatchObject({ "user-agent": expect.stringMatching(/^CloudAct\//) });
    expect(Object.keys(headers).filter((name) => name.startsWith("x-goog"))).toEqual([]);
  });

  test("nothing more than seven requests for one table, none of which runs a job", async () => {
    await stage.validate();
    expect(stage.asked().length).toBeLessThanOrEqual(7);
    const queries = stage.requests("bigquery").filter(({ path }) => path.includes("/queries"));
    expect(queries.map(({ body }) => JSON.parse(body))).toEqual([
      {
        query: expect.stringMatching(/^SELECT 1 FROM `acme-billing\.billing_export\.\w+` WHERE FALSE$/),
        dryRun: true,
        useLegacySql: false,
        location: "US",
      },
    ]);
    expect(stage.asked().filter((one) => /\/jobs\b/.test(one))).toEqual([]);
  });

  test("overridden bases that already end as Google's addresses do are not doubled", async () => {
    const { url } = stage.simulators;
    const endpoints = {
      ...stage.entry().endpoints,
      token: `${url}/google/token/token`,
      bigquery: `${url}/google/bigquery/bigquery/v2`,
    };
    expect(await stage.validate({ entry: { endpoints } })).toMatchObject({ outcome: "valid" });
    expect(stage.asked()).toContain("token POST /token");
    expect(stage.requests("bigquery").every(({ path }) => path.startsWith("/bigquery/v2/projects/"))).toBe(true);
  });
});

describe("an account that works", () => {
  test("is told by its project and the age of its key", async () => {
    const verdict = await stage.validate();
    expect(verdict).toMatchObject({
      outcome: "valid",
      code: null,
      warnings: [],
      expires_at: null,
      details: { account: "acme-billing", connection: "ok" },
    });
    const ageDays = (Date.now() - Date.parse(verdict.details.key_created_at ?? "")) / 86_400_000;
    expect(Math.round(ageDays)).toBe(200);
  });

  test("has the expiry of its certificate, and none where that is never", async () => {
    const { expires_at } = await stage.validate({ word: "ending" });
    expect(Math.round((Date.parse(expires_at ?? "") - Date.now()) / 86_400_000)).toBe(20);
    expect((await stage.validate({ word: "forever" })).expires_at).toBeNull();
  });

  test("keeps working where its certificate has expired, or where the list does not hold it", async () => {
    expect(await stage.validate({ word: "ending", aheadMs: 30 * 86_400_000 })).toMatchObject({
      outcome: "valid",
      expires_at: null,
    });
    stage.simulators.force("GCP_SA", "x509", "x509_missing");
    const verdict = await stage.validate();
    expect(verdict).toMatchObject({ outcome: "valid", expires_at: null });
    expect(verdict.details.key_created_at).toBeUndefined();
  });

  test.each([
    ["a customer's own", "cloudact@acme-billing.iam.gserviceaccount.com", []],
    ["one of a legacy project", "cloudact@acme.example.com.iam.gserviceaccount.com", []],
    ["App Engine's", "acme-billing@appspot.gserviceaccount.com", []],
    ["Compute Engine's", "123456789012-compute@developer.gserviceaccount.com", []],
    ["a person's", "someone@example.com", ["unusual_account"]],
    ["a lookalike", "cloudact@acme.iam.gserviceaccount.com.example.org", ["unusual_account"]],
  ])("has a usual address or a warning: %s", async (_, client_email, warnings) => {
    const verdict = await stage.validate({ fields: { client_email } });
    expect(verdict).toMatchObject({ outcome: "valid", warnings });
  });
});

describe("a key that was just made", () => {
  test("is asked for once more before it is refused", async () => {
    stage.simulators.force("GCP_SA", "token", "bad_signature", 1);
    expect(await stage.validate({ isNew: true })).toMatchObject({ outcome: "valid" });
    expect(stage.slept).toEqual([3_000]);
    expect(stage.requests("token")).toHaveLength(2);
  });
  test("is refused the second time", async () => {
    expect(await stage.validate({ word: "dead", isNew: true })).toMatchObject({ reason: "key_deleted" });
    expect(stage.asked()).toHaveLength(3);
  });
  test.each(["mixed", "lapsed", "gone"])("is not waited for where waiting cannot help: %s", async (word) => {
    await stage.validate({ word, isNew: true });
    expect(stage.slept).toEqual([]);
    expect(stage.requests("token")).toHaveLength(1);
  });
  test("a stored key is not waited for: it is confirmed elsewhere", async () => {
    await stage.validate({ word: "dead" });
    expect(stage.requests("token")).toHaveLength(1);
  });
});

describe("an operator's environment changes nothing that is asked, and has nothing printed:", () => {
  const hostile = {
    BIGQUERY_EMULATOR_HOST: "http://127.0.0.1:1",
    GOOGLE_APPLICATION_CREDENTIALS: "/dev/null",
    GOOGLE_CLOUD_PROJECT: "operator-project",
    GCLOUD_PROJECT: "operator-project",
    GOOGLE_CLOUD_QUOTA_PROJECT: "operator-project",
    GOOGLE_CLOUD_UNIVERSE_DOMAIN: "evil.example",
    GOOGLE_SDK_NODE_LOGGING: "all",
    DEBUG_AUTH: "1",
    NODE_DEBUG: "auth,bigquery,gaxios,gcp-metadata",
  };
  // The SDKs read some of it once, when they are loaded: it takes a process of its own.
  const script = `
    const stage = await (await import("./tests/providers/gcp-stage.ts")).openStage();
    const { outcome } = await stage.validate();
    const asked = stage.asked().length;
    const isTouched = JSON.stringify(stage.simulators.requests).includes("operator");
    await stage.simulators.close();
    process.stdout.write(JSON.stringify({ outcome, asked, isTouched }));
  `;
  test.each([
    ["as it may be", hostile],
    ["with a proxy", { ...hostile, HTTPS_PROXY: "http://127.0.0.1:1", HTTP_PROXY: "http://127.0.0.1:1" }],
    ["with a proxy that is none", { ...hostile, HTTPS_PROXY: "not a proxy" }],
  ])("%s", async (_, variables) => {
    const cwd = join(import.meta.dirname, "../..");
    const env = { PATH: process.env["PATH"] ?? "", ...variables };
    const child = promisify(execFile)(process.execPath, ["--input-type=module", "-e", script], { cwd, env });
    const { stdout, stderr } = await child;
    expect(JSON.parse(stdout)).toEqual({ outcome: "valid", asked: 7, isTouched: false });
    expect(stderr).toBe("");
  });
});

test("a probe never throws, whatever it is given", async () => {
  const context = {
    org: "acme",
    metadata: standard(),
    isNew: true,
    entry: entryOf("GCP_SA"),
    ask: Object.assign(async () => ({ silence: "connection" as const }), { fetch }),
    now: Date.now(),
    sleep: async () => {},
    federation: { project: "local", subject: "0", isPlaceholder: true, identityToken: async () => "" },
  };
  expect(await gcp.probe({}, context)).toMatchObject({ outcome: "unreachable", reason: "connection" });
});

test("every denied capability and every refusal has a text of its own", async () => {
  const { reasons } = entryOf("GCP_SA");
  const verdicts = await Promise.all(
    ["nojobs", "norights", "dead", "mixed", "gone", "disabled", "barred"].map((word) => stage.validate({ word })),
  );
  for (const { reason, capabilities } of verdicts) {
    if (reason !== null) expect(reasons).toHaveProperty(reason);
    for (const capability of capabilities.filter(({ state }) => state === "denied")) {
      expect(reasons).toHaveProperty(capability.reason ?? "");
      expect(capability.remedy).not.toMatch(/\{[a-z_]+\}/);
    }
  }
  expect(stateOf(verdicts[0] ?? (await stage.validate()), "jobs_create")).toBe("denied jobs_create_denied");
});
