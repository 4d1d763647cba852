import { describe, expect, test } from "vitest";
import type { Verdict } from "../../shared/contract/verdict.ts";
import { credentialOf } from "../providers/desk.ts";
import { entryOf } from "../registry/the-registry.ts";
import { billableIn } from "./billable.ts";
import { type Expectation, faultsIn } from "./case.ts";
import { conductFaults, latenessFaults } from "./run.ts";
import type { Request } from "./stage.ts";
import { textsFor } from "./text-for.ts";
import { tracesIn } from "./traces.ts";

/** A verdict in which nothing is said but what is given. */
function verdict(change: Partial<Verdict>): Verdict {
  return {
    outcome: "valid",
    code: null,
    message: "",
    reason: null,
    remedy: null,
    details: { connection: "ok", permissions: "ok" },
    http_status: null,
    provider_code: null,
    provider_request_id: null,
    retry_after_s: null,
    capabilities: [],
    warnings: [],
    field: null,
    expires_at: null,
    ...change,
  };
}

const refused = { outcome: "rejected", remedy: "Create a new key." } as const;
const denied = { id: "cost_read", state: "denied", reason: "no", remedy: "Ask." } as const;

describe("a verdict is found wanting", () => {
  const rows: Array<[string, Partial<Verdict>, Expectation, RegExp]> = [
    ["for another outcome", refused, { outcomes: ["valid"] }, /^is read as rejected and not as valid$/],
    ["for another reason", refused, { outcomes: ["rejected"], reason: "leaked" }, /the reason should be leaked/],
    ["for a reason where none belongs", { reason: "billing" }, { outcomes: ["valid"], reason: null }, /should be none/],
    ["without a remedy", { outcome: "rejected" }, { outcomes: ["rejected"] }, /rejected without a remedy/],
    ["without the key's end", {}, { outcomes: ["valid"], expires_at: "2031-01-01T00:00:00.000Z" }, /says nothing/],
    [
      "for a capability",
      { capabilities: [denied] },
      { outcomes: ["valid"], capabilities: { cost_read: "granted" } },
      /leaves cost_read denied/,
    ],
    [
      "for a capability it does not mention",
      {},
      { outcomes: ["valid"], capabilities: { cost_read: "unknown" } },
      /leaves cost_read unsaid/,
    ],
    [
      "for a denial that nobody spoke",
      { capabilities: [denied] },
      { outcomes: ["valid"], undenied: ["cost_read"] },
      /denies cost_read, though nobody answered/,
    ],
    [
      "for a denial without a remedy",
      { capabilities: [{ id: "cost_read", state: "denied" }] },
      { outcomes: ["valid"] },
      /denies cost_read \(no reason\) without a remedy/,
    ],
  ];
  test.each(rows)("%s", (_, change, expected, said) => {
    expect(faultsIn(verdict(change), expected).join("\n")).toMatch(said);
  });

  test("and not where it is as it should be", () => {
    expect(faultsIn(verdict(refused), { outcomes: ["rejected"], reason: null })).toEqual([]);
    expect(
      faultsIn(verdict({ capabilities: [denied] }), { outcomes: ["valid"], capabilities: { cost_read: "denied" } }),
    ).toEqual([]);
  });
});

describe("a trace of a secret", () => {
  const entry = entryOf("GCP_SA");
  const pem = "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkq\nhkiG9w0BAQEFAASC\n-----END PRIVATE KEY-----\n";
  const credential = credentialOf({ private_key: pem, client_email: "cloudact@acme-billing.iam.gserviceaccount.com" });
  const rows: Array<[string, string, string[]]> = [
    ["is eight of its characters in a row", "…vQIBADAN…", ["private_key"]],
    ["is found across its line breaks", "ANBgkqhkiG", ["private_key"]],
    ["is not seven", "QIBADAN", []],
    ["is not what surrounds a key", "-----BEGIN PRIVATE KEY-----", []],
    ["is not a field that is no secret", "cloudact@acme-billing.iam.gserviceaccount.com", []],
  ];
  test.each(rows)("%s", (_, text, fields) => {
    expect(tracesIn(text, entry, credential)).toEqual(fields);
    expect(conductFaults(entry, credential, verdict({ provider_code: text }), [], [])).toHaveLength(fields.length);
  });
});

const asked = (method: string, path: string, more: Partial<Request> = {}): Request => ({
  method,
  path,
  headers: {},
  body: "",
  ...more,
});

test("a redirect that was followed is told", () => {
  const faults = conductFaults(entryOf("GROQ"), credentialOf({}), verdict({}), [], [asked("GET", "/v1/models")]);
  expect(faults).toEqual(["a redirect was followed: GET"]);
});

describe("of the questions that a probe asks,", () => {
  const exports = "AWSBillingAndCostManagementDataExports";
  const rows: Array<[string, Request, boolean]> = [
    ["a list of models is free", asked("GET", "/v1/models?limit=1"), false],
    ["a list of asynchronous completions is free", asked("GET", "/async/chat/completions"), false],
    ["a check of a key is free", asked("POST", "/v1/check-api-key", { body: "{}" }), false],
    ["a message costs", asked("POST", "/v1/messages"), true],
    ["a completion costs", asked("POST", "/openai/v1/chat/completions?x=1"), true],
    ["an embedding costs", asked("POST", "/v1/embeddings"), true],
    ["generated content costs", asked("POST", "/v1beta/models/x:generateContent"), true],
    [
      "Cost Explorer costs",
      asked("POST", "/", { headers: { "x-amz-target": "AWSInsightsIndexService.GetCostAndUsage" } }),
      true,
    ],
    ["a list of exports is free", asked("POST", "/", { headers: { "x-amz-target": `${exports}.ListExports` } }), false],
    [
      "another question to the exports is none that is known",
      asked("POST", "/", { headers: { "x-amz-target": `${exports}.CreateExport` } }),
      true,
    ],
    ["an identity is free", asked("POST", "/", { body: "Action=GetCallerIdentity&Version=2011-06-15" }), false],
    [
      "a simulation is free",
      asked("POST", "/", { body: "Action=SimulatePrincipalPolicy&ActionNames.member.1=ce%3AGetCostAndUsage" }),
      false,
    ],
    ["another action of AWS is none that is known", asked("POST", "/", { body: "Action=CreateAccessKey" }), true],
    [
      "a query that is only planned is free",
      asked("POST", "/bigquery/v2/projects/p/queries", { body: '{"dryRun":true}' }),
      false,
    ],
    ["a query that runs costs", asked("POST", "/bigquery/v2/projects/p/queries", { body: '{"dryRun":false}' }), true],
    ["nothing is deleted", asked("DELETE", "/v1/keys/1"), true],
  ];
  test.each(rows)("%s", (_, question, costs) => {
    expect(billableIn([question])).toHaveLength(costs ? 1 : 0);
  });
});

test("an attempt that outlasts its deadline is told, with some patience for a busy machine", () => {
  expect(latenessFaults(900, 350)).toEqual([]);
  expect(latenessFaults(9_000, 350)).toEqual(["took 9000 ms with a deadline of 350 ms"]);
});

test.each(["^sk-[A-Za-z0-9]{20,40}$", "credits|spending limit", "^account [^ ]+ is suspended", "\\bexpired\\b"])(
  "texts are found for %s",
  (pattern) => {
    const texts = textsFor(pattern);
    expect(texts.length).toBeGreaterThan(0);
    expect(texts.filter((text) => !new RegExp(pattern, "i").test(text))).toEqual([]);
  },
);
