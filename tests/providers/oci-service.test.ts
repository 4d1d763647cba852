import { createPrivateKey, generateKeyPairSync, randomBytes } from "node:crypto";
import { describe, expect, test } from "vitest";
import * as answers from "../../shared/contract/answers.ts";
import { expectProblem } from "../http/problem.ts";
import { type Service, startService } from "../service/harness.ts";
import { eachTestItsOrganisation } from "../service/organisations.ts";
import { simulatedKey, tenancyOcid, userOcid } from "../simulators/clouds/oci-answers.ts";
import { clouds } from "../simulators/start.ts";

let service: Service;
let key: string;
let token: string;
let org: string;
eachTestItsOrganisation("oci", 150, (made) => {
  ({ service, org, key, token } = made);
});

const good = (word?: string): Record<string, string> => clouds.OCI?.credential(word) ?? {};
const setup = (credential: unknown, rest: object = {}) =>
  service.send("POST", `/${org}/oci/setup`, { key, body: { credential, ...rest } });
const decrypt = (body: object = {}) =>
  service.send("POST", `/${org}/oci/decrypt`, {
    token,
    body: { pipeline: "cloud.oci.cost.billing", run_id: "run-1", ...body },
  });

describe("OCI in the running service", () => {
  test("is set up, shows its ids, its home region and readiness, and hands the fields to the pipeline", async () => {
    const reply = await setup(good(), { metadata: { team: "finops" } });
    expect(reply.status).toBe(201);
    expect(answers.configuredAnswer.parse(reply.body)).toMatchObject({ provider: "OCI", validation_status: "VALID" });
    const info = await service.send("GET", `/${org}/oci`, { key });
    const { private_key: _, ...bound } = good();
    expect(answers.integrationInfo.parse(info.body)).toMatchObject({
      credential_type: "api_signing_key",
      metadata: { ...bound, team: "finops", home_region: "eu-frankfurt-1" },
      pipelines: [{ id: "cloud.oci.cost.billing", ready: true, missing: [] }],
      validation: { details: { account: tenancyOcid, key_created_at: "2026-08-01T09:30:00.123Z" } },
    });
    expect(info.text).not.toContain("PRIVATE KEY");
    expect((await decrypt()).body).toMatchObject({ credential: good(), validation_status: "VALID" });
  });
  test("has no stand-in for a pipeline", async () => {
    await setup(good());
    expectProblem(await decrypt({ as: "token" }), 422, "token_unsupported");
  });
  test.each([
    ["tenancy_ocid", tenancyOcid.replace("aaaa", "bbbb")],
    ["user_ocid", userOcid("another")],
    ["fingerprint", "00:11:22:33:44:55:66:77:88:99:aa:bb:cc:dd:ee:ff"],
    ["region", "us-ashburn-1"],
  ])("keeps %s bound: it changes only together with the key", async (name, value) => {
    await setup(good());
    const asked = service.simulators.requests.length;
    const reply = await service.send("PUT", `/${org}/oci`, { key, body: { metadata: { [name]: value } } });
    expectProblem(reply, 400, "request_malformed");
    expect(reply.body.errors).toEqual([{ field: `/metadata/${name}`, message: expect.stringContaining("credential") }]);
    expect(service.simulators.requests).toHaveLength(asked);
    expect((await decrypt()).body.credential).toEqual(good());
  });
  test.each<[string, (pem: string) => string]>([
    ["with the label that the console appends", (pem) => `${pem}OCI_API_KEY\n`],
    ["with line breaks as two characters", (pem) => pem.replaceAll("\n", "\\n")],
    ["without line breaks", (pem) => pem.replaceAll("\n", " ")],
    ["in the older form", (pem) => createPrivateKey(pem).export({ type: "pkcs1", format: "pem" }).toString()],
  ])("takes the key %s", async (_, change) => {
    expect((await setup({ ...good(), private_key: change(simulatedKey.privateKey) })).status).toBe(201);
  });
  test("is not ready where a policy is missing, and says which statements grant it", async () => {
    const { body } = await setup(good("nocosts"));
    expect(body).toMatchObject({ validation_status: "VALID", pipelines: [{ ready: false, missing: ["usage_read"] }] });
    expect(body.capabilities[0].remedy).toContain(`Allow group cloudact-${org} to read usage-report in tenancy`);
  });
  test("says before setup what to create, for this organisation", async () => {
    const { body } = await service.send("GET", `/${org}/oci/instructions`, { key });
    const text = JSON.stringify(answers.instructionsAnswer.parse(body));
    expect(text).toContain(`Allow group cloudact-${org} to read usage-report in tenancy`);
    expect(text).not.toMatch(/\{(?:org_slug|policy)\}/);
  });
});

test("a clock that is off by ten minutes condemns no key: set up as PENDING, validated, still PENDING", async () => {
  const late = await startService({ env: { INTEGRATIONS_CLOCK_OFFSET_S: "600" }, simulators: service.simulators });
  try {
    const lateKey = await late.orgKey("late");
    const send = (path: string, body: object = {}) => late.send("POST", `/late/oci/${path}`, { key: lateKey, body });
    const refused = await send("setup", { credential: good() });
    expectProblem(refused, 502, "provider_unreachable");
    expect(refused.body).toMatchObject({ reason: "clock_skew", remedy: expect.stringContaining("clock") });
    expect((await send("setup", { credential: good(), skip_validation: true })).status).toBe(201);
    const reply = await send("validate");
    expect(reply.body).toMatchObject({
      success: false,
      validation_status: "PENDING",
      outcome: "service_misconfigured",
    });
  } finally {
    await late.close();
  }
});

/** A key of this many bits whose numbers are made up: as large as it says, and good for nothing. */
function paperKey(bits: number): string {
  const number = (size: number) => {
    const bytes = randomBytes(size / 8);
    bytes[0] = 0xc1;
    bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) | 1;
    return bytes.toString("base64url");
  };
  const half = bits / 2;
  const jwk = {
    kty: "RSA",
    e: "AQAB",
    n: number(bits),
    d: number(bits),
    p: number(half),
    q: number(half),
    dp: number(half),
    dq: number(half),
    qi: number(half),
  };
  return createPrivateKey({ key: jwk, format: "jwk" }).export({ type: "pkcs8", format: "pem" }).toString();
}

describe("refused before anybody is asked:", () => {
  const rsa = (modulusLength: number) => generateKeyPairSync("rsa", { modulusLength }).privateKey;
  const pem = (one: ReturnType<typeof rsa>, options: object = {}) =>
    one.export({ type: "pkcs8", format: "pem", ...options }).toString();
  const own = simulatedKey.privateKey;
  const pems: Array<[string, () => string, RegExp]> = [
    ["an elliptic key", () => pem(generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey), /RSA/],
    ["an Ed25519 key", () => pem(generateKeyPairSync("ed25519").privateKey), /RSA/],
    ["1024 bits", () => pem(rsa(1_024)), /2048 to 4096/],
    ["8192 bits", () => paperKey(8_192), /2048 to 4096/],
    ["16384 bits", () => paperKey(16_384), /private key alone/],
    ["a passphrase", () => pem(rsa(2_048), { cipher: "aes-256-cbc", passphrase: "demo" }), /passphrase/],
    [
      "an older passphrase",
      () => rsa(2_048).export({ type: "pkcs1", format: "pem", cipher: "aes-128-cbc", passphrase: "demo" }).toString(),
      /passphrase/,
    ],
    ["no end", () => own.slice(0, own.length / 2), /whole file/],
    ["a hole", () => own.split("\n").toSpliced(5, 3).join("\n"), /whole file/],
    ["no beginning", () => own.replace(/-----BEGIN.*\n/, ""), /whole file/],
    ["two keys", () => own + own, /whole file/],
    ["the public half", () => simulatedKey.publicKey.export({ type: "spki", format: "pem" }).toString(), /whole file/],
    ["a path", () => "~/.oci/oci_api_key.pem", /whole file/],
    ["a megabyte of nothing", () => "-----BEGIN PRIVATE KEY-----\n".padEnd(100_000, "A"), /private key alone/],
  ];
  test.each(pems)("a private key with %s", async (_, make, remedy) => {
    const reply = await setup({ ...good(), private_key: make() });
    expectProblem(reply, 422, "credential_format");
    expect(reply.body.errors).toEqual([{ field: "/credential/private_key", message: expect.any(String) }]);
    expect(reply.body.remedy).toMatch(remedy);
    expect(service.simulators.requests).toEqual([]);
  });
  test("another key's file, by the fingerprint alone", async () => {
    const reply = await setup({ ...good(), private_key: pem(rsa(2_048)) });
    expectProblem(reply, 422, "credential_format");
    expect(reply.body).toMatchObject({
      reason: "fingerprint_mismatch",
      errors: [{ field: "/credential/fingerprint" }],
      remedy: expect.stringContaining("openssl"),
    });
    expect(service.simulators.requests).toEqual([]);
  });
  const regions = [
    "evil.com",
    "evil.com/#",
    "us-ashburn-1.evil.com",
    "us-ashburn-1/../..",
    "us-ashburn-1@evil.com",
    "us-ashburn-1:443",
    "us-nowhere-1",
    "evil-evil-1",
    "US-ASHBURN-1",
    "IAD",
    "iad",
    "us-ashburn-1\u0000",
    "us-ashburn-１",
    "us-аshburn-1", // Cyrillic
    "..",
    "169.254.169.254",
    "http://169.254.169.254",
    "",
    7,
    null,
  ].map((value): [string, unknown, string] => ["region", value, "region"]);
  const ocids = [
    "evil.com/#",
    "..",
    "ocid1.user.oc1..aaaa/../../../evil",
    `ocid1.user.oc1..${"a".repeat(30)}?x=1`,
    `ocid1.user.oc1..${"a".repeat(30)}#`,
    `ocid1.user.oc1..${"A".repeat(30)}`,
    `ocid1.user.oc1..${"a".repeat(30)}/apiKeys`,
    `ocid1.user.oc1..${"a".repeat(30)}\r\nx-evil: 1`,
    `ocid1.user.oc1..${"а".repeat(30)}`, // Cyrillic
    `ocid1.group.oc1..${"a".repeat(30)}`,
    `ocid1.user.oc1..${"a".repeat(300)}`,
    tenancyOcid,
    "",
  ].map((value): [string, unknown, string] => ["user_ocid", value, "user_ocid"]);
  const others: Array<[string, unknown, string]> = [
    ["tenancy_ocid", userOcid(), "tenancy_ocid"],
    ["tenancy_ocid", `ocid1.tenancy.oc99..${"a".repeat(30)}`, "tenancy_ocid"],
    ["tenancy_ocid", `ocid1.tenancy.evil..${"a".repeat(30)}`, "tenancy_ocid"],
    ["user_ocid", userOcid().replace(".oc1.", ".oc2."), "user_ocid"],
    ["region", "us-langley-1", "region"],
    ["fingerprint", "00:11:22:33:44:55:66:77:88:99:aa:bb:cc:dd:ee:ff", "fingerprint"],
    ["fingerprint", simulatedKey.fingerprint.toUpperCase().replace(/^../, "AF"), "fingerprint"],
    ["fingerprint", "SHA256:0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0", "fingerprint"],
    ["fingerprint", ":".repeat(47), "fingerprint"],
    ["fingerprint", `${simulatedKey.fingerprint}",algorithm="none`, "fingerprint"],
  ];
  test.each([...regions, ...ocids, ...others])("%s %j", async (name, value, field) => {
    const reply = await setup({ ...good(), [name]: value });
    expectProblem(reply, 422, "credential_format");
    expect(reply.body.errors).toEqual([{ field: `/credential/${field}`, message: expect.any(String) }]);
    expect(reply.body.remedy).toMatch(/^\S.{15,}/);
    if (typeof value === "string" && value.length > 12) expect(reply.text).not.toContain(value);
    expect(service.simulators.requests).toEqual([]);
  });
  test("a fingerprint of the right length and no fingerprint is told from another key's", async () => {
    const reply = await setup({ ...good(), fingerprint: ":".repeat(47) });
    expect(reply.body).toMatchObject({ reason: "fingerprint_form", remedy: expect.stringContaining("16 pairs") });
  });
  test("skipping validation skips none of this", async () => {
    const skip = { skip_validation: true };
    expectProblem(await setup({ ...good(), region: "us-langley-1" }, skip), 422, "credential_format");
    expectProblem(await setup({ ...good(), private_key: pem(rsa(2_048)) }, skip), 422, "credential_format");
  });
  test.each(["key_file", "pass_phrase", "security_token_file", "delegation_token_file", "endpoint"])(
    "a credential that brings %s",
    async (name) => {
      const reply = await setup({ ...good(), [name]: "/etc/passwd" });
      expectProblem(reply, 422, "credential_format");
      expect(reply.text).not.toContain("/etc/passwd");
      expect(service.simulators.requests).toEqual([]);
    },
  );
  test.each<[string, unknown]>([
    ["endpoint", "https://evil.com"],
    ["identity", "https://evil.com"],
    ["region", "us-ashburn-1"],
    ["user_ocid", userOcid()],
    ["home_region", "evil.com"],
    ["home_region", "evil.com/#"],
    ["home_region", "US-ASHBURN-1"],
  ])("metadata that sets %s to %j", async (name, value) => {
    const reply = await setup(good(), { metadata: { [name]: value } });
    expectProblem(reply, 400, "request_malformed");
    expect(reply.text).not.toContain("evil.com");
    expect(service.simulators.requests).toEqual([]);
  });
  test("a home region that is told and not Oracle's decides nothing", async () => {
    const reply = await setup(good(), { metadata: { home_region: "ev-il-1" } });
    expect(reply.status).toBe(201);
    expect(service.simulators.requests.map(({ endpoint }) => endpoint).sort()).toEqual([
      "identity",
      "identity",
      "usage",
    ]);
  });
});
