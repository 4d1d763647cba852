import { afterAll, beforeAll, expect, test } from "vitest";
import * as answers from "../../shared/contract/answers.ts";
import { exampleKeys } from "../simulators/start.ts";
import { type Service, startService } from "./harness.ts";

const openai = exampleKeys("OPENAI");
const RUN = { pipeline: "genai.payg_usage", run_id: "run-1" };
let service: Service;
let key: string;
let token: string;

beforeAll(async () => {
  service = await startService();
  key = await service.orgKey("acme");
  await service.grant("pipeline", ["acme"]);
  token = await service.token("pipeline");
});
afterAll(() => service.close());

test("a credential lives from setup to deletion, each answer as its schema says", async () => {
  const created = await service.send("POST", "/acme/openai/setup", {
    key,
    body: { credential: openai.admin, credential_name: "Costs" },
  });
  expect(created).toMatchObject({
    status: 201,
    body: {
      success: true,
      provider: "OPENAI",
      validation_status: "VALID",
      message: "Integration configured successfully",
    },
  });
  answers.configuredAnswer.parse(created.body);
  expect(created.headers.get("etag")).toBe('"v1"');

  const listed = await service.send("GET", "/acme", { key });
  answers.listAnswer.parse(listed.body);
  expect(listed.body.providers_configured).toEqual(["OPENAI"]);
  expect(listed.body).toMatchObject({ all_valid: false, all_configured_valid: true });
  expect(listed.body.integrations.ANTHROPIC.status).toBe("NOT_CONFIGURED");

  const one = await service.send("GET", "/acme/openai", { key });
  answers.integrationInfo.parse(one.body);
  expect(one.body).toMatchObject({ credential_name: "Costs", lifecycle: "active", key_version: "1" });
  expect((await service.send("GET", "/acme/openai/status", { key })).body).toEqual(one.body);

  const validated = await service.send("POST", "/acme/openai/validate", { key });
  answers.verdictAnswer.parse(validated.body);
  expect(validated.body).toMatchObject({
    success: true,
    outcome: "valid",
    message: "Integration validated successfully",
  });

  const miss = await service.send("POST", "/acme/openai/decrypt", { token, body: RUN });
  answers.decryptAnswer.parse(miss.body);
  expect(miss.body).toMatchObject({ credential: { api_key: openai.admin }, cache: "miss", cache_max_age_s: 300 });
  expect((await service.send("POST", "/acme/openai/decrypt", { token, body: RUN })).body.cache).toBe("hit");

  const rotated = await service.send("POST", "/acme/openai/rotate", { key, body: { new_credentials: openai.good } });
  expect(rotated).toMatchObject({ status: 200, body: { message: "Credential rotated successfully" } });
  expect(rotated.body.credential_id).not.toBe(created.body.credential_id);
  await service.freshDecrypt();
  expect((await service.send("POST", "/acme/openai/decrypt", { token, body: RUN })).body).toMatchObject({
    credential: { api_key: openai.good },
    cache: "miss",
  });

  const updated = await service.send("PUT", "/acme/openai", {
    key,
    body: { credential_name: "Renamed", metadata: { team: "finops" } },
  });
  expect(updated.body.message).toBe("Integration updated successfully");
  expect((await service.send("GET", "/acme/openai", { key })).body).toMatchObject({
    credential_name: "Renamed",
    metadata: { team: "finops" },
  });

  const history = await service.send("GET", "/acme/openai/history", { key });
  answers.historyAnswer.parse(history.body);
  expect(history.body.items.map((item: { type: string }) => item.type)).toEqual(["update", "rotate", "setup"]);

  const deleted = await service.send("DELETE", "/acme/openai", { key });
  expect(deleted.body).toEqual({ success: true, message: "Integration deleted successfully" });
  expect(await service.send("GET", "/acme/openai", { key })).toMatchObject({
    status: 404,
    body: { code: "not_configured", error: "OpenAI is not configured" },
  });
  expect((await service.send("DELETE", "/acme/openai", { key })).status).toBe(404);
  await service.freshDecrypt();
  expect((await service.send("POST", "/acme/openai/decrypt", { token, body: RUN })).status).toBe(404);
  expect((await service.send("POST", "/acme/openai/setup", { key, body: { credential: openai.good } })).status).toBe(
    201,
  );
});
