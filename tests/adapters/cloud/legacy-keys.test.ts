import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { assemble, type Parts, readPlan } from "../../../functions/parts.ts";
import { DEPRECATED_SINCE } from "../../../shared/contract/older-shapes.ts";
import { type InProcess, serveInProcess } from "../../http/in-process.ts";
import { expectProblem } from "../../http/problem.ts";
import { bench } from "../../platform/rights.ts";
import { type Platform, startPlatform } from "../../platform/start.ts";

const KEYS = `${bench.project}.${bench.views}.org_api_keys`;
const KEY = "acme_api_0123456789abcdef";
let platform: Platform;
let parts: Parts;
let service: InProcess;

/** The function list under its own service account, with the rights that Terraform gives it beside the date, or without. */
async function start(legacyKeys: boolean): Promise<void> {
  platform = await startPlatform({ legacyKeys });
  await platform.bigquery.admin(`CREATE TABLE \`${KEYS}\` (api_key STRING, org_slug STRING)`);
  await platform.bigquery.admin(`INSERT INTO \`${KEYS}\` VALUES ('${KEY}', 'acme')`);
  const until = new Date(Date.now() + 86_400_000).toISOString();
  const env: Record<string, string> = { ...platform.env("list"), LEGACY_KEYS_UNTIL: until };
  // Google's clients look for their identity here.
  for (const name of ["GCE_METADATA_HOST", "METADATA_SERVER_DETECTION"]) process.env[name] = env[name] ?? "";
  const opened = await assemble(readPlan("list", env));
  parts = { ...opened, log: () => {}, audit: { write: () => {} } };
  service = await serveInProcess(async () => parts);
}
afterEach(async () => {
  await service?.close();
  parts?.store.close();
  await platform?.close();
});
const list = (key: string) => service.send("GET", "/acme", { key });
const rows = () => platform.bigquery.admin("SELECT * FROM `integrations.org_keys`");

describe("a function that takes keys of the older table", () => {
  beforeEach(() => start(true));

  test("looks one up by parameter, hashes it into ours, and may do nothing more for it than Terraform grants", async () => {
    for (let use = 0; use < 2; use += 1) {
      const reply = await list(KEY);
      expect([reply.status, reply.headers.get("deprecation")]).toEqual([200, DEPRECATED_SINCE]);
    }
    expect(await rows()).toMatchObject([
      { org_slug: "acme", legacy: true, scope: "manage", expires_at: parts.legacy?.until, created_by: "legacy" },
    ]);
    expect(platform.refusals()).toEqual([]);
    const sent = platform.bigquery.statements();
    expect(sent.filter(({ sql }) => sql.includes("org_api_keys"))).toHaveLength(1);
    for (const { sql } of sent) expect(sql).not.toContain(KEY);
  });

  test("refuses an unknown one, and asks for it once", async () => {
    for (let use = 0; use < 3; use += 1) expectProblem(await list(`${KEY}0`), 401, "org_key_invalid");
    expect(platform.bigquery.statements().filter(({ sql }) => sql.includes("org_api_keys"))).toHaveLength(1);
    expect(await rows()).toEqual([]);
  });

  test("of an older table that does not answer says so, and lets nobody in", async () => {
    platform.bigquery.faults.next({ sql: /org_api_keys/ }, "quota_403");
    expectProblem(await list(KEY), 503, "store_unavailable");
    expect((await list(KEY)).status).toBe(200);
  });

  test("lets one in that it cannot write down just now, and writes it the next time", async () => {
    platform.bigquery.faults.next({ kind: "INSERT", table: "integrations.org_keys" }, "quota_403");
    expect((await list(KEY)).status).toBe(200);
    expect(await rows()).toEqual([]);
    const other = await serveInProcess(async () => ({ ...parts }));
    expect((await other.send("GET", "/acme", { key: KEY })).status).toBe(200);
    await other.close();
    expect(await rows()).toHaveLength(1);
  });
});

describe("a function without the rights that go with the date", () => {
  beforeEach(() => start(false));

  test("lets nobody in on the word of a table that it may not read", async () => {
    expectProblem(await list(KEY), 503, "store_unavailable");
    expect(platform.refusals()).toMatchObject([{ resource: `${bench.views}.org_api_keys`, action: "read" }]);
  });
});
