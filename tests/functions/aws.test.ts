import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import * as answers from "../../shared/contract/answers.ts";
import { awsAudience } from "../../shared/contract/names.ts";
import { expectProblem } from "../http/problem.ts";
import { type Service, startService } from "../service/harness.ts";
import { clouds } from "../simulators/start.ts";

const RUN = { pipeline: "cloud.aws.cost.billing", run_id: "run-1" };
const keys = clouds.AWS_KEYS?.credential() ?? {};
let service: Service;
let org = "";
let key = "";
let count = 0;

beforeAll(async () => {
  service = await startService();
});
afterAll(() => service.close());
beforeEach(async () => {
  count += 1;
  org = `aws-${count}`;
  key = await service.orgKey(org);
  service.simulators.reset();
});

const send = (method: string, path: string, body?: unknown) =>
  service.send(method, `/${org}${path}`, { key, ...(body === undefined ? {} : { body }) });
/** A role whose trust policy asks for this organisation's audience: the simulator finds whose it is in its path. */
const ownRole = () => ({ role_arn: `arn:aws:iam::111122223333:role/for/${org}/CloudAct-CostReader` });
const asked = () => service.simulators.requests.length;

describe("setup chooses by the credential's shape", () => {
  const bodies: Array<[string, string, () => unknown, string]> = [
    ["/aws", "a role's ARN as text", () => ({ credential: ownRole().role_arn }), "AWS_IAM"],
    ["/aws", "a role's ARN in an object", () => ({ credential: ownRole() }), "AWS_IAM"],
    ["/aws", "an access key", () => ({ credential: keys }), "AWS_KEYS"],
    ["/aws_iam", "a role's ARN", () => ({ credential: ownRole() }), "AWS_IAM"],
    ["/aws_iam", "an access key", () => ({ credential: keys }), "AWS_KEYS"],
    ["/aws_keys", "an access key", () => ({ credential: keys }), "AWS_KEYS"],
    ["/aws", "the older body", () => ({ credentials: keys }), "AWS_KEYS"],
  ];
  test.each(bodies)("%s takes %s", async (path, _, body, code) => {
    const reply = await send("POST", `${path}/setup`, body());
    expect(reply.body).toMatchObject({ success: true, provider: code, validation_status: "VALID" });
    expect((await send("GET", "/aws")).body.provider).toBe(code);
  });

  test.each(["/aws", "/aws_iam"])("%s names both shapes where it is neither, and asks nobody", async (path) => {
    const reply = await send("POST", `${path}/setup`, { credential: { secret: "nonsense-value" } });
    expectProblem(reply, 422, "credential_format");
    expect(reply.body.errors[0].message).toContain("role_arn");
    expect(reply.body.errors[0].message).toContain("access_key_id and secret_access_key");
    expect(reply.text).not.toContain("nonsense-value");
    expect(asked()).toBe(0);
  });

  test.each(["/aws", "/aws_iam"])("%s answers a body without a credential as every provider does", async (path) => {
    for (const body of [{}, { foo: 1 }, { credential: null }])
      expectProblem(await send("POST", `${path}/setup`, body), 400, "request_malformed");
  });
  test("a text that is neither is told what it is", async () => {
    const texts = [
      ["arn:aws-cn:iam::111122223333:role/x", "other_partition"],
      ["AKIA00000000DEMO0000", "key_instead_of_role"],
    ];
    for (const [credential, reason] of texts) {
      const reply = await send("POST", "/aws/setup", { credential });
      expectProblem(reply, 422, "credential_format");
      expect(reply.body.reason).toBe(reason);
    }
  });

  test("an import sends each item where its shape belongs", async () => {
    const items = [
      { provider: "aws", credential: keys },
      { provider: "aws_iam", credential: ownRole() },
    ];
    const reply = await send("POST", "/import", { items });
    expect(
      reply.body.results.map(({ provider, status }: { provider: string; status: string }) => [provider, status]),
    ).toEqual([
      ["AWS_KEYS", "completed"],
      ["AWS_IAM", "completed"],
    ]);
  });
});

describe("every other route goes by what is configured", () => {
  test("nothing: not configured, naming the one to be preferred", async () => {
    for (const path of ["/aws", "/aws_iam"]) {
      const reply = await send("GET", path);
      expectProblem(reply, 404, "not_configured");
      expect(reply.body.provider).toBe("AWS_IAM");
    }
  });

  test("one: both names mean it, and the answer names its code", async () => {
    await send("POST", "/aws/setup", { credential: keys });
    for (const path of ["/aws", "/aws_iam", "/aws_keys"]) {
      expect((await send("GET", path)).body).toMatchObject({ provider: "AWS_KEYS" });
      expect((await send("POST", `${path}/validate`)).body).toMatchObject({ provider: "AWS_KEYS", success: true });
      expect((await send("GET", `${path}/history`)).body.items.length).toBeGreaterThan(0);
      expect((await send("PUT", path, { credential_name: "Costs" })).body.provider).toBe("AWS_KEYS");
    }
    expect((await send("DELETE", "/aws_iam")).status).toBe(200);
    expectProblem(await send("GET", "/aws_keys"), 404, "not_configured");
  });

  test("both: the common name is a conflict that names them, the others are not", async () => {
    await send("POST", "/aws/setup", { credential: keys });
    await send("POST", "/aws/setup", { credential: ownRole() });
    for (const [method, path] of [
      ["GET", "/aws"],
      ["POST", "/aws/validate"],
      ["DELETE", "/aws"],
    ] as const) {
      const reply = await send(method, path);
      expectProblem(reply, 409, "conflict");
      expect(reply.body.detail).toContain("AWS_IAM and AWS_KEYS");
      expect(reply.body.remedy).toContain(`/${org}/aws_iam or /${org}/aws_keys`);
    }
    expect((await send("GET", "/aws_iam")).body.provider).toBe("AWS_IAM");
    expect((await send("GET", "/aws_keys")).body.provider).toBe("AWS_KEYS");
  });
});

describe("instructions are rendered for this organisation, before anything is configured", () => {
  test.each(["/aws", "/aws_iam"])(
    "%s: the trust policy with its audience, marked as a placeholder where it is one",
    async (path) => {
      const { body } = await send("GET", `${path}/instructions`);
      answers.instructionsAnswer.parse(body);
      const policy = JSON.parse(body.snippets.find(({ id }: { id: string }) => id === "trust_policy").text);
      expect(policy.Statement[0].Condition.StringEquals).toMatchObject({
        "accounts.google.com:oaud": awsAudience(service.parts.federation, org),
        "accounts.google.com:sub": service.parts.federation.subject,
      });
      expect(body.notes.join(" ").includes("placeholder")).toBe(service.backend.name === "local");
      expect(JSON.stringify(body)).not.toMatch(/\{(?:org_slug|aws_audience|aws_subject|trust_policy)\}/);
    },
  );
});

describe("a role", () => {
  test("that another organisation has registered is refused before anybody is asked", async () => {
    await send("POST", "/aws_iam/setup", { credential: ownRole() });
    const other = await service.orgKey("aws-other");
    service.simulators.reset();
    const claim = (body: object = {}) =>
      service.send("POST", "/aws-other/aws_iam/setup", { key: other, body: { credential: ownRole(), ...body } });
    const taken = () => claim();
    const reply = await taken();
    expectProblem(reply, 409, "conflict");
    expect(reply.body).toMatchObject({ reason: "taken", errors: [{ field: "/credential/role_arn" }] });
    expect(reply.body.remedy).toContain("/aws-other/aws_iam/instructions");
    expect(asked()).toBe(0);
    expectProblem(await claim({ skip_validation: true }), 409, "conflict");
    expect((await send("POST", "/aws_iam/setup", { credential: ownRole() })).status, "its own again").toBe(200);
    await send("DELETE", "/aws_iam");
    expect((await taken()).body.reason).not.toBe("taken");
  });

  test("that another organisation only claims, without having proven it, is not taken", async () => {
    const other = await service.orgKey("aws-squatter");
    const body = { credential: ownRole(), skip_validation: true };
    expect((await service.send("POST", "/aws-squatter/aws_iam/setup", { key: other, body })).status).toBe(201);
    await service.send("POST", "/aws-squatter/aws_iam/validate", { key: other });
    expect((await send("POST", "/aws_iam/setup", { credential: ownRole() })).status).toBe(201);
  });

  test("that takes any audience is refused with the trust policy to install, and nothing is stored", async () => {
    const reply = await send("POST", "/aws/setup", { credential: clouds.AWS_IAM?.credential("wide") });
    expectProblem(reply, 422, "trust_policy_too_wide");
    expect(reply.body.remedy).toContain(`"${awsAudience(service.parts.federation, org)}"`);
    expectProblem(await send("GET", "/aws"), 404, "not_configured");
  });
});

describe("a pipeline", () => {
  const pull = (path: string, token: string, body: object = {}) =>
    service.send("POST", `/${org}${path}/decrypt`, { token, body: { ...RUN, ...body } });

  test("is handed a session instead of the key, and of the role there is nothing secret", async () => {
    await service.grant(`p-${count}`, [org], ["AWS_IAM", "AWS_KEYS"]);
    const token = await service.token(`p-${count}`);
    await send("POST", "/aws/setup", { credential: keys });
    for (const credential of [null, ownRole()]) {
      if (credential) {
        await send("DELETE", "/aws");
        await send("POST", "/aws/setup", { credential });
      }
      const { status, body, text } = await pull("/aws", token, { as: "token" });
      expect(status).toBe(200);
      answers.decryptAnswer.parse(body);
      expect(body.credential).toBeNull();
      expect(body.token).toMatchObject({ type: "aws_session", access_key_id: expect.stringMatching(/^ASIA/) });
      expect(Date.parse(body.token.expires_at)).toBeGreaterThan(Date.now() + 600_000);
      expect(text).not.toContain(keys["secret_access_key"]);
    }
  });

  test("is given no session of a role that was never proven to be shut for others", async () => {
    await service.grant(`wide-${count}`, [org], ["AWS_IAM"]);
    const token = await service.token(`wide-${count}`);
    await send("POST", "/aws/setup", { credential: clouds.AWS_IAM?.credential("wide"), skip_validation: true });
    const before = asked();
    const reply = await pull("/aws_iam", token, { as: "token" });
    expectProblem(reply, 409, "credential_not_usable");
    expect(reply.body).toMatchObject({ reason: "not_proven", remedy: expect.stringContaining("/validate") });
    expect(asked()).toBe(before);
    expect((await pull("/aws_iam", token)).status).toBe(200);
  });

  test("whose key may not make sessions is told the line to add", async () => {
    await service.grant(`p-${count}`, [org], ["AWS_KEYS"]);
    const token = await service.token(`p-${count}`);
    await send("POST", "/aws/setup", { credential: clouds.AWS_KEYS?.credential("nofed") });
    const reply = await pull("/aws_keys", token, { as: "token" });
    expectProblem(reply, 422, "token_unsupported");
    expect(reply.body.remedy).toContain("sts:GetFederationToken");
    expect((await pull("/aws_keys", token)).body.credential).toEqual(clouds.AWS_KEYS?.credential("nofed"));
  });

  test("learns which is configured only by a grant for it", async () => {
    await send("POST", "/aws/setup", { credential: keys });
    await service.grant(`none-${count}`, [org], ["OPENAI"]);
    await service.grant(`role-${count}`, [org], ["AWS_IAM"]);
    expectProblem(await pull("/aws", await service.token(`none-${count}`)), 403, "forbidden");
    const pulled = async () => {
      const { status, text } = await pull("/aws", await service.token(`role-${count}`));
      return { status, text: text.replace(/"request_id":"[^"]+"/, "") };
    };
    const withKeys = await pulled();
    expect(withKeys.status).toBe(404);
    await send("DELETE", "/aws_keys");
    expect(await pulled(), "the same as where there are no keys").toEqual(withKeys);
  });
});
