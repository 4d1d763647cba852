import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { minute, T0 } from "../ports/stored-rows.ts";
import { startViews, type ViewBench } from "./bench.ts";
import { auditTable, columnsOf } from "./files.ts";
import type { Given } from "./insert.ts";
import { decrypted, printedLines, sunk } from "./sink.ts";

let views: ViewBench;
beforeAll(async () => {
  views = await startViews();
});
afterAll(() => views.close());

const show = (rows: Given[]) => views.show({ audit: rows });

test("a decrypt shows who had what, when, for which run, and whether it came from memory", async () => {
  await show(printedLines([decrypted]).map(sunk));
  expect(await views.select("SELECT * FROM organizations.integration_decrypts")).toEqual([
    {
      happened_at: T0,
      subject: "113774321234567890123",
      org_slug: "acme",
      provider: "OPENAI",
      credential_id: decrypted.credential_id,
      fingerprint: "0123abcd",
      key_version: "3",
      pipeline: "genai.payg_usage",
      run_id: "run-7",
      outcome: "ok",
      reason_code: null,
      cache: "miss",
      request_id: decrypted.request_id,
    },
  ]);
});

test("a decrypt that was denied or failed shows too, and why; other operations do not", async () => {
  const { credential_id, fingerprint, key_version, cache, ...bare } = decrypted;
  const lines = printedLines([
    { ...bare, decision: "deny", outcome: "denied", status: 403, reason_code: "forbidden" },
    { ...bare, outcome: "error", status: 503, reason_code: "key_unavailable" },
    { ...bare, operation: "failures", status: 202 },
    { ...bare, operation: "setup", actor_type: "api_key" },
  ]);
  await show(lines.map(sunk));
  expect(
    await views.select(
      "SELECT outcome, reason_code, fingerprint FROM organizations.integration_decrypts ORDER BY happened_at",
    ),
  ).toEqual([
    { outcome: "denied", reason_code: "forbidden", fingerprint: null },
    { outcome: "error", reason_code: "key_unavailable", fingerprint: null },
  ]);
  expect(await views.select("SELECT operation FROM organizations.integration_audit ORDER BY happened_at")).toHaveLength(
    4,
  );
});

describe("integration_audit", () => {
  test("shows every column of the record, numbers as whole numbers", async () => {
    await show(printedLines([{ ...decrypted, target_id: "t", reason_code: "r" }]).map(sunk));
    const [row] = await views.select("SELECT * FROM organizations.integration_audit");
    expect(row).toEqual({
      ...decrypted,
      target_id: "t",
      reason_code: "r",
      happened_at: T0,
      service: "integrations-decrypt",
      event_id: expect.stringMatching(/^[0-9a-f-]{36}$/),
      seq: 1,
    });
    const kept = columnsOf("audit_log").map(({ name }) => (name === "time" ? "happened_at" : name));
    expect(Object.keys(row ?? {}).sort()).toEqual(kept.sort());
  });

  test("shows once what the sink has written twice", async () => {
    const rows = printedLines([decrypted, decrypted]).map(sunk);
    await show([...rows, ...rows.map((row) => ({ ...row, receiveTimestamp: minute(600) }))]);
    expect(await views.select("SELECT seq FROM organizations.integration_audit ORDER BY seq")).toEqual([
      { seq: 1 },
      { seq: 2 },
    ]);
    expect(await views.select("SELECT run_id FROM organizations.integration_decrypts")).toHaveLength(2);
  });

  test("leaves out what else was printed there", async () => {
    await show([{ timestamp: T0, receiveTimestamp: T0, jsonPayload: { message: "something else" } }]);
    expect(await views.select("SELECT * FROM organizations.integration_audit")).toEqual([]);
  });
});

test("the table is the one that Terraform makes for the sink", () => {
  const terraform = readFileSync(join(import.meta.dirname, "../../terraform/modules/audit/main.tf"), "utf8");
  expect(terraform).toContain(`table_id            = "${auditTable}"`);
  expect(terraform).toMatch(
    /name = "jsonPayload"[\s\S]*name = "audit", type = "RECORD", mode = "NULLABLE", fields = jsondecode\(file\(var\.schema\)\)/,
  );
});
