import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import type { StandIn } from "../../shared/contract/secret.ts";
import type { Verdict } from "../../shared/contract/verdict.ts";
import { entryOf } from "../registry/the-registry.ts";
import { keyIdOf, secretOf } from "../simulators/clouds/aws-keys.ts";
import {
  type AwsDesk,
  actionOf,
  awsCodes,
  formOf,
  openAwsDesk,
  PIPELINE,
  simulatedAws,
  TOKEN_CANARY,
} from "./aws-desk.ts";

let desk: AwsDesk;
beforeAll(async () => {
  desk = await openAwsDesk();
});
afterEach(() => desk.simulators.reset());
afterAll(() => desk.close());

function sessionOf(result: StandIn | Verdict): StandIn {
  if (!("fields" in result)) throw new Error(`refused: ${result.outcome} ${result.reason}`);
  return result;
}

describe.each(awsCodes)("a short-lived session of %s", (code) => {
  test("is keys of AWS that end within the hour, and work", async () => {
    const from = Date.now();
    const { type, fields, expires_at } = sessionOf((await desk.token(code)).result);
    expect(type).toBe("aws_session");
    expect(Object.keys(fields)).toEqual(["access_key_id", "secret_access_key", "session_token"]);
    expect(fields["access_key_id"]?.reveal()).toMatch(/^ASIA/);
    expect(expires_at).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    const leftMs = Date.parse(expires_at) - from;
    expect(leftMs).toBeGreaterThan(3_500_000);
    expect(leftMs).toBeLessThan(3_700_000);
  });

  test("may do what the registry lists for the pipeline and nothing else", async () => {
    const { requests } = await desk.token(code);
    expect(requests).toHaveLength(1);
    const form = formOf(requests[0] ?? fail());
    const actions = entryOf(code).pipelines.find(({ id }) => id === PIPELINE)?.session_actions;
    expect(JSON.parse(form["Policy"] ?? "")).toEqual({
      Version: "2012-10-17",
      Statement: [{ Effect: "Allow", Action: actions, Resource: "*" }],
    });
    expect(actions).toEqual([
      "ce:Get*",
      "cur:DescribeReportDefinitions",
      "bcm-data-exports:ListExports",
      "bcm-data-exports:GetExport",
      "s3:GetObject",
      "s3:ListBucket",
    ]);
    expect((form["Policy"] ?? "").length).toBeLessThan(2_048);
    expect(form["DurationSeconds"]).toBe("3600");
    expect(form["RoleSessionName"] ?? form["Name"]).toBe("cloudact-cloud.aws.cost.billing");
  });

  test("holds nothing of what it was made from", async () => {
    const { fields } = sessionOf((await desk.token(code)).result);
    const shown = JSON.stringify(Object.values(fields).map((secret) => secret.reveal()));
    for (const secret of [secretOf(keyIdOf("good")), TOKEN_CANARY]) expect(shown).not.toContain(secret);
    expect(JSON.stringify(fields)).not.toContain(fields["session_token"]?.reveal().slice(0, 8));
  });

  test("is not made where the registry lists nothing for the pipeline", async () => {
    const pipelines = entryOf(code).pipelines.map((one) => ({ ...one, session_actions: [] }));
    const { result, requests } = await desk.token(code, { entry: { pipelines } });
    expect(result).toMatchObject({ outcome: "service_misconfigured" });
    expect(requests).toEqual([]);
  });

  test.each(["html", "empty", "other_shape", "redirect", "huge", "reset", "html_503", "echo", "truncated"])(
    "is not made of %s",
    async (name) => {
      desk.simulators.force(code, "sts", name);
      const { result } = await desk.token(code);
      expect(result).toMatchObject({ outcome: "unreachable" });
      expect(desk.simulators.sinkRequests).toEqual([]);
    },
  );
});

describe("a role", () => {
  test.each<[string, object]>([
    ["gone", { outcome: "forbidden", reason: "trust_not_matching", code: "permission_missing" }],
    ["oidc", { outcome: "forbidden", reason: "trust_setup" }],
    ["slow", { outcome: "rate_limited" }],
    ["outage", { outcome: "unreachable" }],
    ["stale", { outcome: "service_misconfigured", reason: "token" }],
    ["policy", { outcome: "service_misconfigured", reason: "request" }],
  ])("that is %s makes none", async (credential, expected) => {
    expect((await desk.token("AWS_IAM", { credential })).result).toMatchObject(expected);
  });

  test("that gives no hour gives a quarter", async () => {
    const { result, requests } = await desk.token("AWS_IAM", { credential: "short" });
    expect(requests.map((one) => formOf(one)["DurationSeconds"])).toEqual(["3600", "900"]);
    expect(Date.parse(sessionOf(result).expires_at)).toBeLessThan(Date.now() + 1_000_000);
  });

  test("makes one although the first token was too old", async () => {
    const role_arn = "arn:aws:iam::111122223333:role/for/acme/CloudAct-fresh";
    const { result, requests } = await desk.token("AWS_IAM", { credential: { role_arn } });
    expect(sessionOf(result).type).toBe("aws_session");
    expect(requests).toHaveLength(2);
  });
});

describe("an access key", () => {
  test("that may not make sessions says which line is missing", async () => {
    const { result } = await desk.token("AWS_KEYS", { credential: "nofed" });
    expect(result).toMatchObject({
      outcome: "forbidden",
      reason: "token_unsupported",
      code: "token_unsupported",
      remedy: expect.stringContaining('{"Effect": "Allow", "Action": "sts:GetFederationToken", "Resource": "*"}'),
    });
  });

  test.each<[string, object]>([
    ["gone", { outcome: "rejected", reason: "unknown_key" }],
    ["wrong", { outcome: "rejected", reason: "wrong_secret" }],
    ["late", { outcome: "service_misconfigured", reason: "clock" }],
    ["slow", { outcome: "rate_limited" }],
    ["outage", { outcome: "unreachable" }],
    ["optin", { outcome: "forbidden", reason: "account_not_active", code: "permission_missing" }],
  ])("that is %s makes none", async (credential, expected) => {
    expect((await desk.token("AWS_KEYS", { credential })).result).toMatchObject(expected);
  });

  test("of which somebody has just used a wrong secret is asked again later", async () => {
    const id = keyIdOf("slip");
    await desk.check("AWS_KEYS", {
      credential: { access_key_id: id, secret_access_key: secretOf("slip") },
      isNew: false,
    });
    const right = { access_key_id: id, secret_access_key: secretOf(id) };
    const { result, requests } = await desk.token("AWS_KEYS", { credential: right });
    expect(sessionOf(result).type).toBe("aws_session");
    expect(requests.map(actionOf)).toEqual(["GetFederationToken", "GetFederationToken"]);
  });

  test("whose refusal reads the same in a check and in a session, but for the permission to make one", async () => {
    for (const { name, reads, endpoint } of simulatedAws.AWS_KEYS.answers) {
      if (endpoint !== "sts" || reads === null) continue;
      desk.simulators.force("AWS_KEYS", "sts", name);
      const { result } = await desk.token("AWS_KEYS");
      const reason = name === "denied" ? "token_unsupported" : reads.reason;
      expect(result, name).toMatchObject({ outcome: reads.outcome, ...(reason ? { reason } : {}) });
    }
  });
});

function fail(): never {
  throw new Error("nothing was asked");
}
