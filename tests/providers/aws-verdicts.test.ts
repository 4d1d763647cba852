import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { readiness } from "../../shared/registry/readiness.ts";
import { entryOf } from "../registry/the-registry.ts";
import { keyIdOf, secretOf } from "../simulators/clouds/aws-keys.ts";
import { transportAnswers } from "../simulators/start.ts";
import {
  type AwsCode,
  type AwsDesk,
  actionOf,
  awsCodes,
  identityFor,
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

const INCONCLUSIVE = ["unreachable", "rate_limited", "service_misconfigured"];
/** Clocks for answers that never come. */
const HURRIED = { timeout_ms: 150, deadline_ms: 2_000 };
const secrets = [secretOf(keyIdOf("good")), TOKEN_CANARY];

describe.each(awsCodes)("an answer of AWS to %s is read as it is documented:", (code) => {
  const rows = simulatedAws[code].answers.map((fixture) => [fixture.name, fixture] as const);
  test.each(rows)("%s", async (name, fixture) => {
    desk.simulators.force(code, fixture.endpoint ?? "", name);
    const { verdict } = await desk.check(code);
    if (fixture.reads !== null) {
      const { outcome, reason } = verdict;
      expect({ outcome, ...(fixture.reads.reason === undefined ? {} : { reason }) }).toEqual(fixture.reads);
    }
    if (verdict.outcome !== "valid") expect(verdict.capabilities.map(({ state }) => state)).not.toContain("denied");
    if (verdict.code === "permission_missing") expect(verdict.remedy).not.toMatch(/may not do what is needed/);
    for (const secret of secrets) expect(JSON.stringify(verdict)).not.toContain(secret.slice(-8));
  });

  test.each(transportAnswers.map(({ name }) => name))("%s instead of STS says nothing of it", async (name) => {
    desk.simulators.force(code, "sts", name);
    const { verdict } = await desk.check(code, { entry: HURRIED });
    expect(INCONCLUSIVE).toContain(verdict.outcome);
    expect(desk.simulators.sinkRequests).toEqual([]);
    for (const secret of secrets) expect(JSON.stringify(verdict)).not.toContain(secret.slice(-8));
  });

  test.each(
    (["iam", "exports"] as const).flatMap((endpoint) => transportAnswers.map(({ name }) => [name, endpoint] as const)),
  )("%s at %s leaves it valid and denies nothing", async (name, endpoint) => {
    desk.simulators.force(code, endpoint, name);
    const { verdict } = await desk.check(code, { entry: HURRIED });
    expect(verdict.outcome).toBe("valid");
    expect(verdict.capabilities.map(({ state }) => state)).not.toContain("denied");
    expect(verdict.capabilities.map(({ state }) => state)).toContain("unknown");
    expect(desk.simulators.sinkRequests).toEqual([]);
  });
});

const ALL = ["cost_explorer_read", "data_exports_read", "data_export_present", "cost_export_read"];
const capabilityRows: Array<[word: string, states: string[], ready: unknown]> = [
  ["good", ["granted", "granted", "granted", "granted"], true],
  ["nosim", ["unknown simulation_denied", "granted", "granted", "unknown simulation_denied"], "unknown"],
  ["noce", ["denied cost_explorer_denied", "granted", "granted", "granted"], true],
  [
    "noexp",
    ["granted", "denied data_exports_denied", "unknown data_exports_denied", "unknown data_exports_denied"],
    true,
  ],
  ["empty", ["granted", "granted", "denied no_data_export", "denied no_data_export"], true],
  ["sick", ["granted", "granted", "denied export_unhealthy", "denied export_unhealthy"], true],
  ["carbon", ["granted", "granted", "granted", "denied export_not_costs"], true],
  ["nobuck", ["granted", "granted", "granted", "denied export_bucket_denied"], true],
];

describe.each(awsCodes)("%s reports what can be read, and with it whether costs can:", (code) => {
  test.each(capabilityRows)("%s", async (word, states, ready) => {
    const { verdict } = await desk.check(code, { credential: word });
    expect(verdict.outcome).toBe("valid");
    expect(verdict.details).toMatchObject({ account: "111122223333" });
    const told = verdict.capabilities.map(({ id, state, reason }) => [id, `${state} ${reason ?? ""}`.trim()]);
    expect(told).toEqual(ALL.map((id, index) => [id, states[index]]));
    for (const { state, remedy } of verdict.capabilities)
      if (state === "denied") expect(remedy).toMatch(/\w+:?[A-Z]\w+|Data Exports|export/);
    expect(readiness(entryOf(code), verdict.capabilities)).toMatchObject([{ id: PIPELINE, ready }]);
  });

  test.each([
    ["simulated_denied", "exports_none", false],
    ["simulated_explicit", "exports_unhealthy", false],
    ["simulated_denied", "exports_denied", "unknown"],
    ["simulation_denied", "exports_none", "unknown"],
    ["simulated_by_organization", "exports_none", "unknown"],
    ["simulated_with_condition", "exports_none", "unknown"],
    ["simulated_other_action", "exports_none", "unknown"],
    ["simulated_nonsense", "exports_none", "unknown"],
    ["iam_throttling", "exports_throttled", "unknown"],
    ["simulated_allowed", "exports_failed", true],
  ] as const)("where IAM says %s and Data Exports %s, the pipeline is ready: %s", async (iam, exports, ready) => {
    desk.simulators.force(code, "iam", iam);
    desk.simulators.force(code, "exports", exports);
    const { verdict } = await desk.check(code);
    expect(verdict.outcome).toBe("valid");
    expect(readiness(entryOf(code), verdict.capabilities)[0]?.ready).toBe(ready);
  });

  test.each([
    ["exports_paged", { export_name: "cloudact-costs" }, "unknown too_many"],
    ["exports_listed", { export_name: "another" }, "denied export_not_found"],
    ["exports_several", { export_name: "cloudact-costs" }, "granted"],
    ["exports_several", {}, "granted"],
  ] as const)("%s with the setting %o: the export is %s", async (name, metadata, told) => {
    desk.simulators.force(code, "exports", name, 1);
    const { verdict } = await desk.check(code, { metadata });
    const present = verdict.capabilities.find(({ id }) => id === "data_export_present");
    expect(`${present?.state} ${present?.reason ?? ""}`.trim()).toBe(told);
  });

  test.each(["exports_denied", "exports_denied_by_header"])("%s is a refusal, however it is written", async (name) => {
    desk.simulators.force(code, "exports", name);
    const { verdict } = await desk.check(code);
    expect(verdict.capabilities[1]).toMatchObject({ state: "denied", reason: "data_exports_denied" });
  });

  test("an export without costs among several denies nothing, one that was named does", async () => {
    const told = async (metadata: Record<string, string>) => {
      desk.simulators.force(code, "exports", "exports_several", 1);
      const { verdict } = await desk.check(code, { metadata });
      return verdict.capabilities.find(({ id }) => id === "cost_export_read");
    };
    expect(await told({})).toMatchObject({ state: "unknown", reason: "export_unnamed" });
    expect(await told({ export_name: "carbon" })).toMatchObject({ state: "denied", reason: "export_not_costs" });
    expect(await told({ export_name: "cloudact-costs" })).toMatchObject({ state: "granted" });
  });
});

describe("AWS_IAM is proven twice", () => {
  const rows: Array<[word: string, outcome: string, reason: string | null, code: string]> = [
    ["wide", "forbidden", "trust_policy_too_wide", "trust_policy_too_wide"],
    ["prefix", "forbidden", "trust_policy_too_wide", "trust_policy_too_wide"],
    ["gone", "forbidden", "trust_not_matching", "permission_missing"],
    ["narrow", "forbidden", "trust_not_matching", "permission_missing"],
    ["oidc", "forbidden", "trust_setup", "permission_missing"],
    ["half", "rate_limited", null, "provider_rate_limited"],
    ["stale", "service_misconfigured", "token", "provider_unreachable"],
    ["idp", "unreachable", "unavailable", "provider_unreachable"],
    ["policy", "service_misconfigured", "request", "provider_unreachable"],
    ["slow", "rate_limited", null, "provider_rate_limited"],
    ["outage", "unreachable", "unavailable", "provider_unreachable"],
  ];
  test.each(rows.flatMap((row) => [true, false].map((isNew) => [...row, isNew] as const)))(
    "a role that is %s is %s (%s)",
    async (credential, outcome, reason, faultCode, isNew) => {
      const { verdict } = await desk.check("AWS_IAM", { credential, isNew });
      expect(verdict).toMatchObject({ outcome, reason, code: faultCode });
    },
  );

  test("with this organisation's audience, and with one that nobody can have been given", async () => {
    const federation = identityFor();
    const { requests } = await desk.check("AWS_IAM", { federation });
    await desk.check("AWS_IAM", { federation });
    const [own, other, ownAgain, another] = federation.asked;
    expect([own, ownAgain]).toEqual(Array(2).fill("cloudact-integrations:local:acme"));
    const shape = /^cloudact-integrations:local:acme-[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
    expect(other).toMatch(shape);
    expect(another).toMatch(shape);
    expect(another).not.toBe(other);
    expect(requests.filter((one) => actionOf(one) === "AssumeRoleWithWebIdentity")).toHaveLength(2);
  });

  test("so the role of one organisation is of no use to another", async () => {
    const role_arn = "arn:aws:iam::111122223333:role/for/acme/CloudActCostReader";
    expect((await desk.check("AWS_IAM", { credential: { role_arn } })).verdict.outcome).toBe("valid");
    const { verdict } = await desk.check("AWS_IAM", { credential: { role_arn }, org: "evil" });
    expect(verdict).toMatchObject({ outcome: "forbidden", reason: "trust_not_matching" });
  });

  test("and what to install is said with this organisation's own audience and our own identity", async () => {
    for (const credential of ["wide", "gone", "oidc"]) {
      const { verdict } = await desk.check("AWS_IAM", { credential, org: "acme" });
      const policy = /\{[\s\S]*\}/.exec(verdict.remedy ?? "")?.[0] ?? "{}";
      expect(JSON.parse(policy)).toMatchObject({
        Statement: [
          {
            Principal: { Federated: "accounts.google.com" },
            Condition: {
              StringEquals: {
                "accounts.google.com:aud": "108000002380243782158",
                "accounts.google.com:sub": "108000002380243782158",
                "accounts.google.com:oaud": "cloudact-integrations:local:acme",
              },
            },
          },
        ],
      });
      expect(verdict.field).toBe("role_arn");
    }
  });

  test("a token that AWS calls expired is replaced once, and only once", async () => {
    const federation = identityFor();
    const { verdict } = await desk.check("AWS_IAM", { credential: "fresh", federation });
    expect(verdict.outcome).toBe("valid");
    expect(federation.asked).toHaveLength(4);
    const stale = identityFor();
    await desk.check("AWS_IAM", { credential: "stale", federation: stale });
    expect(stale.asked).toHaveLength(4);
  });

  test("and nothing is asked of AWS where no token can be had", async () => {
    const federation = { ...identityFor(), identityToken: () => Promise.reject(new Error(TOKEN_CANARY)) };
    const { verdict, requests } = await desk.check("AWS_IAM", { federation });
    expect(verdict).toMatchObject({ outcome: "service_misconfigured", reason: "token" });
    expect(requests).toEqual([]);
    expect(JSON.stringify(verdict)).not.toContain(TOKEN_CANARY);
  });

  test("and no answer makes a role rejected or expired", async () => {
    for (const { name } of [...simulatedAws.AWS_IAM.answers, ...simulatedAws.AWS_KEYS.answers, ...transportAnswers]) {
      const known = [...simulatedAws.AWS_IAM.answers, ...transportAnswers].some((one) => one.name === name);
      if (!known) continue;
      desk.simulators.force("AWS_IAM", "sts", name);
      const { verdict } = await desk.check("AWS_IAM", { entry: HURRIED });
      expect(["rejected", "expired"], name).not.toContain(verdict.outcome);
      expect(verdict.outcome, name).not.toBe("valid");
    }
  });
});

describe("AWS_KEYS", () => {
  test.each<[string, object]>([
    ["gone", { outcome: "rejected", reason: "unknown_key", remedy: expect.stringMatching(/GovCloud/) }],
    ["wrong", { outcome: "rejected", reason: "wrong_secret" }],
    ["late", { outcome: "service_misconfigured", reason: "clock" }],
    ["early", { outcome: "service_misconfigured", reason: "clock" }],
    ["denied", { outcome: "forbidden", reason: "identity_denied" }],
    ["optin", { outcome: "forbidden", reason: "account_not_active" }],
    ["slow", { outcome: "rate_limited", retry_after_s: 30 }],
    ["outage", { outcome: "unreachable", reason: "unavailable" }],
    [
      "root",
      { outcome: "valid", reason: "root_user", warnings: ["root_user"], remedy: expect.stringMatching(/Delete it/) },
    ],
  ])("whose word is %s", async (credential, expected) => {
    expect((await desk.check("AWS_KEYS", { credential })).verdict).toMatchObject(expected);
  });

  test("of a root user are never simulated, and nothing is called denied for it", async () => {
    const { verdict, requests } = await desk.check("AWS_KEYS", { credential: "root" });
    expect(requests.map(actionOf)).not.toContain("SimulatePrincipalPolicy");
    expect(verdict.capabilities[0]).toMatchObject({ state: "unknown", reason: "root_user" });
  });

  describe("after a wrong secret are not looked at for five seconds, so that", () => {
    const id = keyIdOf("typo");
    const typo = { access_key_id: id, secret_access_key: secretOf("a slip") };
    const right = { access_key_id: id, secret_access_key: secretOf(id) };

    test("the corrected one is asked again later while it is set up", async () => {
      const first = await desk.check("AWS_KEYS", { credential: typo, isNew: false });
      expect(first.verdict).toMatchObject({ outcome: "rejected", reason: "wrong_secret" });
      expect(first.slept).toEqual([]);
      const { verdict, slept, requests } = await desk.check("AWS_KEYS", { credential: right });
      expect(verdict.outcome).toBe("valid");
      expect(slept).toEqual([5_500]);
      expect(requests.filter((one) => actionOf(one) === "GetCallerIdentity")).toHaveLength(2);
    });
    test("a wrong one is asked twice, and no more", async () => {
      const { verdict, requests } = await desk.check("AWS_KEYS", { credential: typo });
      expect(verdict.outcome).toBe("rejected");
      expect(requests).toHaveLength(2);
    });
    test("a stored one is left to the second look that every refusal gets", async () => {
      await desk.check("AWS_KEYS", { credential: typo, isNew: false });
      const { verdict, slept } = await desk.check("AWS_KEYS", { credential: right, isNew: false });
      expect(verdict.outcome).toBe("rejected");
      expect(slept).toEqual([]);
      expect(entryOf("AWS_KEYS").confirm_after_ms).toBeGreaterThan(5_000);
      expect(entryOf("AWS_IAM").confirm_after_ms).toBeGreaterThan(5_000);
    });
    test("neither a dead key nor a clock that is off is waited for", async () => {
      for (const credential of ["gone", "late", "early"]) {
        const { slept, requests } = await desk.check("AWS_KEYS", { credential });
        expect([slept, requests.length]).toEqual([[], 1]);
      }
    });
  });

  test("that do not tell their account offline are held against the stated one while they are set up", async () => {
    const metadata = { account_id: "999999999999" };
    const { verdict } = await desk.check("AWS_KEYS", { metadata });
    expect(verdict).toMatchObject({ outcome: "forbidden", reason: "account_mismatch", field: "access_key_id" });
    const stored = await desk.check("AWS_KEYS", { metadata, isNew: false });
    expect(stored.verdict).toMatchObject({ outcome: "valid", warnings: ["account_mismatch"] });
  });
  test("of our own account are refused whenever AWS tells so", async () => {
    for (const isNew of [true, false]) {
      const { verdict } = await desk.check("AWS_KEYS", { isNew, entry: { own_accounts: ["111122223333"] } });
      expect(verdict).toMatchObject({ outcome: "forbidden", reason: "own_account", field: "access_key_id" });
    }
  });
});

test.each<[AwsCode, string[]]>([
  [
    "AWS_IAM",
    [
      "AssumeRoleWithWebIdentity",
      "AssumeRoleWithWebIdentity",
      "GetCallerIdentity",
      "GetExport",
      "ListExports",
      "SimulatePrincipalPolicy",
      "SimulatePrincipalPolicy",
    ],
  ],
  ["AWS_KEYS", ["GetCallerIdentity", "GetExport", "ListExports", "SimulatePrincipalPolicy", "SimulatePrincipalPolicy"]],
])("%s asks each question once", async (code, actions) => {
  const { requests } = await desk.check(code);
  expect(requests.map(actionOf).sort()).toEqual(actions);
});

test("silence at IAM and Data Exports costs five seconds and not the verdict", { timeout: 20_000 }, async () => {
  desk.simulators.force("AWS_IAM", "iam", "hang");
  desk.simulators.force("AWS_IAM", "exports", "hang");
  const { verdict } = await desk.check("AWS_IAM", { entry: { timeout_ms: 14_000, deadline_ms: 12_000 } });
  expect(verdict.outcome).toBe("valid");
  expect(verdict.capabilities.map(({ reason }) => reason)).toEqual(Array(4).fill("timeout"));
});
