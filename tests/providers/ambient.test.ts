import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import { ambientVariables } from "../../shared/providers/ambient.ts";
import { adminKeys, fakeKey } from "../registry/the-registry.ts";
import { headersOf, probe, reply } from "./desk.ts";

const CANARY = "OPERATOR";
const home = mkdtempSync(join(tmpdir(), "ambient-"));

/** What an operator's machine may hold, each with the same canary in it. */
const ambient: Record<string, string> = {
  OPENAI_API_KEY: `sk-${CANARY}-key`,
  OPENAI_ADMIN_KEY: `sk-admin-${CANARY}-key`,
  OPENAI_ORG_ID: `org-${CANARY}`,
  OPENAI_PROJECT_ID: `proj-${CANARY}`,
  OPENAI_BASE_URL: `http://127.0.0.1:1/${CANARY}`,
  OPENAI_CUSTOM_HEADERS: `X-Operator: ${CANARY}\nAuthorization: Bearer ${CANARY}\nOpenAI-Organization: ${CANARY}\nUser-Agent: ${CANARY}`,
  OPENAI_WEBHOOK_SECRET: `whsec_${CANARY}`,
  OPENAI_LOG: "debug",
  ANTHROPIC_API_KEY: `sk-ant-api03-${CANARY}`,
  ANTHROPIC_AUTH_TOKEN: `sk-ant-oat01-${CANARY}`,
  ANTHROPIC_BASE_URL: `http://127.0.0.1:1/${CANARY}`,
  ANTHROPIC_CUSTOM_HEADERS: `X-Operator: ${CANARY}\nauthorization: Bearer ${CANARY}\nx-api-key: ${CANARY}\nanthropic-version: ${CANARY}`,
  ANTHROPIC_PROFILE: "operator",
  ANTHROPIC_CONFIG_DIR: home,
  ANTHROPIC_IDENTITY_TOKEN: CANARY,
  ANTHROPIC_FEDERATION_RULE_ID: CANARY,
  ANTHROPIC_ORGANIZATION_ID: CANARY,
  ANTHROPIC_WORKSPACE_ID: CANARY,
  ANTHROPIC_WEBHOOK_SIGNING_KEY: CANARY,
  ANTHROPIC_OPEN_TELEMETRY: "true",
  ANTHROPIC_OPEN_TELEMETRY_PROPAGATION: "true",
  ANTHROPIC_LOG: "debug",
};
const before = { ...process.env };
const printed = (["log", "info", "warn", "error", "debug", "trace"] as const).map((name) =>
  vi.spyOn(console, name).mockImplementation(() => {}),
);

beforeAll(() => {
  mkdirSync(join(home, "configs"));
  writeFileSync(
    join(home, "configs", "operator.json"),
    JSON.stringify({ base_url: `http://127.0.0.1:1/${CANARY}`, authentication: { type: "user_oauth" } }),
  );
  writeFileSync(join(home, "active_config"), "operator");
  Object.assign(process.env, ambient);
});
afterEach(() => {
  for (const spy of printed) spy.mockClear();
});
afterAll(() => {
  for (const name of Object.keys(ambient)) delete process.env[name];
  Object.assign(process.env, before);
});

const page = { object: "page", type: "organization", id: "o", data: [] };
const cases: Array<[string, string, unknown, Record<string, string>]> = [
  ["OPENAI", fakeKey("OPENAI"), { object: "list", data: [] }, {}],
  ["OPENAI", adminKeys.OPENAI, page, {}],
  ["ANTHROPIC", fakeKey("ANTHROPIC"), { data: [] }, { "anthropic-version": "2026-10-21" }],
  ["ANTHROPIC", adminKeys.ANTHROPIC, page, { "anthropic-version": "2026-10-21" }],
];

describe("whatever the operator's environment holds,", () => {
  test.each(cases)("%s is sent nothing of it, and nothing is printed", async (code, key, body, more) => {
    for (const answer of [
      reply(200, body),
      reply(401, { error: { message: key } }),
      reply(429, {}),
      reply(200, "<html>"),
    ]) {
      const { sent } = await probe(code, key, answer);
      expect(sent.length).toBeGreaterThan(0);
      for (const request of sent) {
        expect(headersOf(request)).toEqual({
          accept: "application/json",
          authorization: `Bearer ${key}`,
          "user-agent": expect.stringMatching(/^CloudAct\//),
          ...more,
        });
        expect(request.url).toMatch(/^https:\/\/api\.(?:openai|anthropic)\.com\/v1\//);
        expect(JSON.stringify([request.url, headersOf(request)])).not.toContain(CANARY);
      }
    }
    for (const spy of printed) expect(spy).not.toHaveBeenCalled();
  });
  test("every variable set here is among those that are deleted at start", () => {
    for (const name of Object.keys(ambient))
      expect(
        ambientVariables.some((pattern) => pattern.test(name)),
        name,
      ).toBe(true);
  });
});

test("what the cloud SDKs would read goes at start as well, and what is ours or the platform's stays", () => {
  const isRemoved = (name: string) => ambientVariables.some((pattern) => pattern.test(name));
  const theirs = [
    "AWS_ACCESS_KEY_ID",
    "AWS_PROFILE",
    "AWS_ENDPOINT_URL_STS",
    "_X_AMZN_TRACE_ID",
    "AZURE_AUTHORITY_HOST",
    "OCI_REGION_METADATA",
    "BIGQUERY_EMULATOR_HOST",
    "GOOGLE_EXTERNAL_ACCOUNT_ALLOW_EXECUTABLES",
    "GOOGLE_SDK_NODE_LOGGING",
    "GOOGLE_CLOUD_UNIVERSE_DOMAIN",
  ];
  expect(theirs.filter((name) => !isRemoved(name))).toEqual([]);
  const kept = ["AWS_FEDERATION_SUBJECT", "GOOGLE_CLOUD_PROJECT", "GOOGLE_APPLICATION_CREDENTIALS", "BIGQUERY_DATASET"];
  expect([...kept, "BIGQUERY_LOCATION", "BIGQUERY_API_ENDPOINT", "KMS_KEY"].filter(isRemoved)).toEqual([]);
});
