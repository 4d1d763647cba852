import { beforeEach, describe, expect, test } from "vitest";
import * as answers from "../../shared/contract/answers.ts";
import { expectProblem } from "../http/problem.ts";
import type { Service } from "../service/harness.ts";
import { eachTestItsOrganisation } from "../service/organisations.ts";
import { exampleKeys } from "../simulators/start.ts";

const openai = exampleKeys("OPENAI");
const RUN = { pipeline: "genai.payg_usage", run_id: "run-1" };
const DAY_MS = 86_400_000;
let service: Service;
let token: string;
let key: string;
let org: string;
eachTestItsOrganisation("org", 40, (made) => {
  ({ service, org, key, token } = made);
});
beforeEach(async () => {
  await service.send("POST", `/${org}/openai/setup`, {
    key,
    body: {
      credential: { api_key: openai.admin, organization_id: "org-12345" },
      metadata: { team: "finops", notes: "old" },
    },
  });
});

const put = (body: unknown, headers: Record<string, string> = {}) =>
  service.send("PUT", `/${org}/openai`, { key, body, headers });
const info = async () => (await service.send("GET", `/${org}/openai`, { key })).body;
const decrypt = () => service.send("POST", `/${org}/openai/decrypt`, { token, body: RUN });
const inDays = (days: number) => new Date(Date.now() + days * DAY_MS).toISOString();

test("settings change without touching the secret, and without asking the provider", async () => {
  const [before, secret] = [await info(), (await decrypt()).body.credential];
  const asked = service.simulators.requests.length;
  const reply = await put({ credential_name: "Renamed", metadata: { team: "data", notes: null, owner: "ann" } });
  expect(reply.status).toBe(200);
  expect(answers.configuredAnswer.parse(reply.body)).toMatchObject({
    message: "Integration updated successfully",
    credential_id: before.credential_id,
    validation_status: "VALID",
  });
  expect(reply.headers.get("etag")).toBe('"v2"');
  const after = await info();
  expect(after).toMatchObject({
    credential_name: "Renamed",
    metadata: { team: "data", owner: "ann", organization_id: "org-12345" },
  });
  expect(after.metadata).not.toHaveProperty("notes");
  for (const name of ["credential_id", "fingerprint", "key_version", "created_at", "last_validated_at", "status"])
    expect(after[name]).toEqual(before[name]);
  expect((await decrypt()).body.credential).toEqual(secret);
  expect(service.simulators.requests).toHaveLength(asked);
});

test("config is an older name of metadata", async () => {
  expect((await put({ config: { team: "data" } })).status).toBe(200);
  expect((await info()).metadata).toEqual({ team: "data", notes: "old", organization_id: "org-12345" });
});

test("what decides where a secret is sent changes only together with the credential", async () => {
  for (const name of ["organization_id", "project_id", "api_key"]) {
    const reply = await put({ metadata: { [name]: "org-99999" } });
    expectProblem(reply, 400, "request_malformed");
    expect(reply.body.errors).toEqual([
      { field: `/metadata/${name}`, message: "is part of the credential: send it inside `credential`" },
    ]);
    expectProblem(await put({ metadata: { [name]: null } }), 400, "request_malformed");
  }
  expect((await put({ credential: { api_key: openai.admin, organization_id: "org-99999" } })).status).toBe(200);
  expect((await info()).metadata).toEqual({ team: "finops", notes: "old", organization_id: "org-99999" });
  expect((await put({ credential: openai.admin })).status).toBe(200);
  expect((await info()).metadata).toEqual({ team: "finops", notes: "old" });
});

test("a new credential is proven before it replaces the old one", async () => {
  const before = await info();
  expectProblem(await put({ credential: openai.revoked }), 422, "credential_rejected");
  expectProblem(await put({ credential: openai.outage, credential_name: "Never" }), 502, "provider_unreachable");
  expect(await info()).toEqual(before);
  expect((await decrypt()).body.credential.api_key).toBe(openai.admin);
  const reply = await put({ credential: openai.good, credential_name: "New" });
  expect(reply).toMatchObject({
    status: 200,
    body: { message: "Integration updated successfully", validation_status: "VALID" },
  });
  expect(reply.body.credential_id).not.toBe(before.credential_id);
  expect(await info()).toMatchObject({ credential_name: "New", created_at: before.created_at });
  await service.freshDecrypt();
  expect((await decrypt()).body).toMatchObject({ credential: { api_key: openai.good }, cache: "miss" });
});

test("rotate is PUT with a credential, and says so", async () => {
  const reply = await service.send("POST", `/${org}/openai/rotate`, {
    key,
    body: { new_credentials: { api_key: openai.good } },
  });
  expect(reply).toMatchObject({ status: 200, body: { message: "Credential rotated successfully" } });
  expect(reply.headers.get("etag")).toBe('"v2"');
  expect((await decrypt()).body.credential).toEqual({ api_key: openai.good });
  expectProblem(
    await service.send("POST", `/${org}/openai/rotate`, { key, body: { new_credentials: openai.revoked } }),
    422,
    "credential_rejected",
  );
  expectProblem(
    await service.send("POST", `/${org}/groq/rotate`, { key, body: { new_credentials: exampleKeys("GROQ").good } }),
    404,
    "not_configured",
  );
});

test("disabling stops decrypt, at once where it remembers nothing, and stays configured; enabling lets it go on", async () => {
  await decrypt();
  expect((await put({ enabled: false })).status).toBe(200);
  await service.freshDecrypt();
  const refused = await decrypt();
  expectProblem(refused, 409, "credential_not_usable");
  expect(refused.body.reason).toBe("disabled");
  expect(await info()).toMatchObject({ enabled: false, lifecycle: "disabled", status: "VALID" });
  const list = (await service.send("GET", `/${org}`, { key })).body;
  expect(list).toMatchObject({
    providers_configured: ["OPENAI"],
    integrations: { OPENAI: { enabled: false, lifecycle: "disabled" } },
  });
  expect((await put({ enabled: true })).status).toBe(200);
  await service.freshDecrypt();
  expect((await decrypt()).status).toBe(200);
  const { items } = (await service.send("GET", `/${org}/openai/history`, { key })).body;
  expect(items.map(({ type }: { type: string }) => type)).toEqual(["enable", "disable", "setup"]);
});

test("a declared expiry is set and removed, a scheduled deletion is set and cancelled", async () => {
  const [expires_at, deactivation_scheduled_at] = [inDays(20), inDays(10)];
  await put({ expires_at, deactivation_scheduled_at });
  expect(await info()).toMatchObject({ expires_at, deactivation_scheduled_at });
  await put({ credential_name: "Same" });
  expect(await info()).toMatchObject({ expires_at, deactivation_scheduled_at });
  await put({ expires_at: null, deactivation_scheduled_at: null });
  expect(await info()).toMatchObject({ expires_at: null, deactivation_scheduled_at: null });
});

test("nothing that is not configured can be changed", async () => {
  for (const path of ["groq", "xai"])
    expectProblem(
      await service.send("PUT", `/${org}/${path}`, { key, body: { enabled: true } }),
      404,
      "not_configured",
    );
  await service.send("DELETE", `/${org}/openai`, { key });
  expectProblem(await put({ enabled: true }), 404, "not_configured");
  expectProblem(await put({ credential: openai.good }), 404, "not_configured");
});

describe("If-Match", () => {
  test("lets a change through only on the version it names", async () => {
    const stale = await put({ credential_name: "A" }, { "if-match": '"v2"' });
    expectProblem(stale, 412, "precondition_failed");
    expect((await put({ credential_name: "A" }, { "if-match": '"v1"' })).headers.get("etag")).toBe('"v2"');
    expectProblem(await put({ credential_name: "B" }, { "if-match": '"v1"' }), 412, "precondition_failed");
    expect((await put({ credential_name: "B" }, { "if-match": "*" })).headers.get("etag")).toBe('"v3"');
    expectProblem(
      await service.send("POST", `/${org}/openai/rotate`, {
        key,
        body: { new_credentials: openai.good },
        headers: { "if-match": '"v1"' },
      }),
      412,
      "precondition_failed",
    );
    expectProblem(
      await service.send("PUT", `/${org}/groq`, { key, body: { enabled: true }, headers: { "if-match": "*" } }),
      412,
      "precondition_failed",
    );
  });

  test("of many changes that name one version, one wins", async () => {
    const replies = await Promise.all(
      Array.from({ length: 8 }, (_, index) => put({ credential_name: `N${index}` }, { "if-match": '"v1"' })),
    );
    expect(replies.map(({ status }) => status).sort()).toEqual([200, ...Array.from({ length: 7 }, () => 412)]);
  });

  test("is not changed by a check", async () => {
    await service.send("POST", `/${org}/openai/validate`, { key });
    expect((await put({ credential_name: "A" }, { "if-match": '"v1"' })).status).toBe(200);
  });
});

test("two changes at once without If-Match do not undo one another", async () => {
  const replies = await Promise.all([
    put({ metadata: { team: "a" } }),
    put({ metadata: { owner: "b" } }),
    put({ metadata: { notes: "c" } }),
  ]);
  const { metadata } = await info();
  const said = [
    ["team", "a"],
    ["owner", "b"],
    ["notes", "c"],
  ] as const;
  replies.forEach((reply, index) => {
    const [name, value] = said[index] ?? ["", ""];
    if (reply.status === 200) expect(metadata[name]).toBe(value);
    else expectProblem(reply, 409, "conflict");
  });
  expect(replies.some(({ status }) => status === 200)).toBe(true);
});
