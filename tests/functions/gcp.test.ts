import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import * as answers from "../../shared/contract/answers.ts";
import { expectProblem } from "../http/problem.ts";
import { type Service, startService } from "../service/harness.ts";
import { clouds } from "../simulators/start.ts";

const PIPELINE = "cloud.gcp.cost.billing";
const TABLE = "acme-billing.billing_export.gcp_billing_export_v1_01ABCD_234567_89ABCD";
const credential = clouds.GCP_SA?.credential() ?? {};
let service: Service;
let org = "";
let key = "";
let token = "";
let count = 0;

beforeAll(async () => {
  service = await startService();
});
afterAll(() => service.close());
beforeEach(async () => {
  count += 1;
  org = `gcp-${count}`;
  key = await service.orgKey(org);
  await service.grant(`pipeline-${count}`, [org]);
  token = await service.token(`pipeline-${count}`);
});

const send = (method: string, path: string, body?: unknown) =>
  service.send(method, `/${org}/gcp${path}`, { key, ...(body === undefined ? {} : { body }) });
const setup = (metadata: object = {}) => send("POST", "/setup", { credential, metadata });
const put = (metadata: object) => send("PUT", "", { metadata });
const pull = (body: object = {}) =>
  service.send("POST", `/${org}/gcp/decrypt`, { token, body: { pipeline: PIPELINE, run_id: "run-1", ...body } });
const readyIn = ({ body }: { body: { pipelines: Array<{ id: string; ready: unknown }> } }) =>
  body.pipelines.find(({ id }) => id === PIPELINE)?.ready;

describe("a service account is taken as Google's console gives it:", () => {
  const text = JSON.stringify(credential, null, 2);
  const forms: Array<[string, unknown]> = [
    ["an object", credential],
    ["its text", text],
    ["base64 of it", Buffer.from(text).toString("base64")],
    ["with literal \\n in the key", { ...credential, private_key: credential["private_key"]?.replaceAll("\n", "\\n") }],
  ];
  test.each(forms)("%s", async (_, given) => {
    expect((await send("POST", "/setup", { credential: given })).status).toBe(201);
    expect((await pull()).body.credential).toEqual(credential);
    const { body } = await send("GET", "");
    expect(Object.keys(body.metadata).sort()).toEqual(["client_email", "client_id", "private_key_id", "project_id"]);
  });
  test("the older body with a billing dataset in a project", async () => {
    const older = { project_id: "acme-billing", service_account_key: text, billing_dataset: "billing_export" };
    const reply = await send("POST", "/setup", older);
    expect(reply).toMatchObject({ status: 201, body: { validation_status: "VALID" } });
    expect(reply.headers.get("deprecation")).not.toBeNull();
    expect((await send("GET", "")).body.metadata).toMatchObject({ billing_export_table: TABLE });
  });
});

describe("readiness is claimed only for the settings that were checked", () => {
  test("a setting that changes makes it unknown until the next check, in every answer", async () => {
    await setup({ billing_export_table: TABLE });
    expect(readyIn(await pull({ as: "none" }))).toBe(true);
    const changed = await put({ billing_export_table: null });
    await service.freshDecrypt();
    for (const reply of [changed, await send("GET", ""), await pull({ as: "none" })])
      expect(readyIn(reply)).toBe("unknown");
    const { body } = await send("GET", "");
    answers.integrationInfo.parse(body);
    expect(body.validation.details.tables).toBeUndefined();
    expect(body.capabilities[0]).toMatchObject({
      reason: "settings_changed",
      remedy: expect.stringContaining("/validate"),
    });
    const { body: list } = await service.send("GET", `/${org}?configured=true`, { key });
    expect(readyIn({ body: list.integrations.GCP_SA })).toBe("unknown");
    await send("POST", "/validate");
    expect(readyIn(await send("GET", ""))).toBe(false);
  });
  test("putting back what was checked, or a name, changes nothing", async () => {
    await setup({ billing_export_table: TABLE });
    await put({ billing_export_table: TABLE, team: "finops" });
    expect(readyIn(await send("GET", ""))).toBe(true);
  });
  test("a check without an answer leaves it unknown", async () => {
    await setup({ billing_export_table: TABLE });
    await put({ billing_export_table: `${TABLE}_2` });
    service.simulators.force("GCP_SA", "token", "token_outage");
    const reply = await send("POST", "/validate");
    service.simulators.force("GCP_SA", "token", null);
    expect(reply.body).toMatchObject({ outcome: "unreachable", validation_status: "VALID" });
    expect(readyIn(await send("GET", ""))).toBe("unknown");
  });
});

describe("what is discovered fills what the customer left open", () => {
  test("at setup and at every later check, for pipelines too, and never over what the customer wrote", async () => {
    await setup();
    expect((await send("GET", "")).body.metadata).not.toHaveProperty("billing_export_table");
    await put({ billing_dataset: "billing_export" });
    await send("POST", "/validate");
    for (const { body } of [await send("GET", ""), await pull({ as: "none" })])
      expect(body.metadata).toMatchObject({ billing_dataset: "billing_export", billing_export_table: TABLE });
    await put({ billing_export_table: `${TABLE}_own` });
    expect((await send("GET", "")).body.metadata.billing_export_table).toBe(`${TABLE}_own`);
  });
  test("and goes with what it was found in", async () => {
    await setup({ billing_dataset: "billing_export" });
    await put({ billing_dataset: "vacant_dataset" });
    expect((await send("GET", "")).body.metadata).not.toHaveProperty("billing_export_table");
    await send("POST", "/validate");
    expect((await send("GET", "")).body.metadata).not.toHaveProperty("billing_export_table");
  });
});

test("an account that may not read its dataset is refused with the permission, and heals when the setting is corrected", async () => {
  const closed = "acme-billing.closed_dataset.gcp_billing_export_v1_01ABCD_234567_89ABCD";
  const refused = await setup({ billing_export_table: closed });
  expectProblem(refused, 422, "permission_missing");
  expect(refused.body.remedy).toContain("closed_dataset");
  await setup({ billing_export_table: TABLE });
  await put({ billing_export_table: closed });
  expect((await send("POST", "/validate")).body.validation_status).toBe("INVALID");
  await put({ billing_export_table: TABLE });
  const scheduler = await service.token("scheduler");
  await service.send("POST", "/revalidate", { token: scheduler, body: { org } });
  expect((await send("GET", "")).body.status).toBe("VALID");
});

test("a token stands in for the key, which does not leave", async () => {
  await setup();
  const { body, text } = await pull({ as: "token" });
  answers.decryptAnswer.parse(body);
  expect(body).toMatchObject({ credential: null, token: { type: "access_token" } });
  expect(text).not.toContain("PRIVATE KEY");
});
