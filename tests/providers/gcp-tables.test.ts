import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { tablePath } from "../../shared/providers/gcp/tables.ts";
import { transportAnswers } from "../simulators/answers/transport.ts";
import { googleAnswers } from "../simulators/clouds/google-answers.ts";
import { exportTables } from "../simulators/clouds/google-bigquery.ts";
import { capabilityOf, isReady, openStage, path, type Stage, standard, stateOf } from "./gcp-stage.ts";

let stage: Stage;
beforeAll(async () => {
  stage = await openStage();
});
beforeEach(() => stage.simulators.reset());
afterAll(() => stage.simulators.close());

const BILLING = "cloud.gcp.cost.billing";
const REQUIRED = ["datasets_read", "tables_read", "jobs_create"];

describe("the standard export is", () => {
  test.each<[string, string, object, string, string, boolean | "unknown"]>([
    ["fine", exportTables.standard, { state: "ok", kind: "standard", lag_hours: 4 }, "granted", "granted", true],
    ["stale", "gcp_billing_export_v1_stale", { state: "stale", lag_hours: 99 }, "granted", "denied stale", false],
    [
      "empty",
      "gcp_billing_export_v1_vacant",
      { state: "no_data_yet", last_export_at: null, lag_hours: null },
      "granted",
      "denied no_data_yet",
      false,
    ],
    ["filled from a stream", "gcp_billing_export_v1_waiting", { state: "ok" }, "granted", "granted", true],
    [
      "not there yet",
      "gcp_billing_export_v1_absent",
      { state: "missing", kind: "unknown", location: "US" },
      "denied pending_export",
      "denied pending_export",
      false,
    ],
    [
      "not to be read",
      "gcp_billing_export_v1_sealed",
      { state: "denied", kind: "standard" },
      "denied data_denied",
      "unknown data_denied",
      false,
    ],
    [
      "a detailed one",
      exportTables.detailed,
      { state: "wrong_kind", kind: "detailed" },
      "denied wrong_kind",
      "denied wrong_kind",
      false,
    ],
    [
      "a list of prices",
      exportTables.pricing,
      { state: "wrong_kind", kind: "pricing" },
      "denied wrong_kind",
      "denied wrong_kind",
      false,
    ],
    [
      "a list of commitments",
      exportTables.cud,
      { state: "wrong_kind", kind: "cud" },
      "denied wrong_kind",
      "denied wrong_kind",
      false,
    ],
    [
      "no export",
      "notes_odd",
      { state: "wrong_kind", kind: "unknown" },
      "denied wrong_kind",
      "denied wrong_kind",
      false,
    ],
    [
      "without columns",
      "gcp_billing_export_v1_bare",
      { state: "unknown", kind: "unknown" },
      "unknown unexpected_response",
      "unknown unexpected_response",
      "unknown",
    ],
    ["open, though its rights are not told", "gcp_billing_export_v1_mute", { state: "ok" }, "granted", "granted", true],
    [
      "closed, though its rights are not told",
      "gcp_billing_export_v1_mute_sealed",
      { state: "ok" },
      "denied data_denied",
      "granted",
      false,
    ],
    [
      "a view, of unknown age",
      "gcp_billing_export_v1_mirror",
      { state: "ok", last_export_at: null },
      "granted",
      "unknown age_unknown",
      "unknown",
    ],
    [
      "junk",
      "gcp_billing_export_v1_junk",
      { state: "unknown" },
      "unknown unexpected_response",
      "unknown unexpected_response",
      "unknown",
    ],
  ])("%s", async (_, table, report, read, fresh, ready) => {
    const verdict = await stage.validate({ metadata: standard(table) });
    expect(verdict.outcome).toBe("valid");
    expect(verdict.details.tables).toEqual([
      expect.objectContaining({ setting: "billing_export_table", table: path(table), ...report }),
    ]);
    expect(stateOf(verdict, "billing_export_read")).toBe(read);
    expect(stateOf(verdict, "billing_export_fresh")).toBe(fresh);
    expect(isReady(verdict, BILLING)).toBe(ready);
    const denied = verdict.capabilities.filter(({ state }) => state === "denied");
    for (const { remedy } of denied) expect(remedy).toMatch(/\S{20}|\s/);
  });

  test("asked about in its dataset's own place", async () => {
    const verdict = await stage.validate({ metadata: standard(exportTables.standard, "billing_eu") });
    expect(stateOf(verdict, "billing_export_read")).toBe("granted");
    expect(verdict.details.tables?.[0]).toMatchObject({ location: "EU" });
  });

  test("in a dataset that does not exist: pending, and not the key's fault", async () => {
    const verdict = await stage.validate({ metadata: standard(exportTables.standard, "absent") });
    expect(verdict).toMatchObject({ outcome: "valid", details: { tables: [{ state: "missing" }] } });
    expect(stateOf(verdict, "billing_export_read")).toBe("denied pending_export");
    expect(capabilityOf(verdict, "billing_export_read")?.remedy).toMatch(/within hours/);
    expect(stateOf(verdict, "jobs_create")).toBe("granted");
  });

  test("at the edge of two days: 47 hours old is fresh, 48 is stale", async () => {
    const hour = 3_600_000;
    const fresh = await stage.validate({ aheadMs: 42.5 * hour });
    expect(fresh.details.tables?.[0]).toMatchObject({ state: "ok", lag_hours: 47 });
    const stale = await stage.validate({ aheadMs: 43.5 * hour });
    expect(stale.details.tables?.[0]).toMatchObject({ state: "stale", lag_hours: 48 });
  });

  test("changed by a clock a little ahead of ours: just now; far ahead: unknown", async () => {
    const hour = 3_600_000;
    const near = await stage.validate({ aheadMs: -5.5 * hour });
    expect(near.details.tables?.[0]).toMatchObject({ lag_hours: 0, state: "ok" });
    const far = await stage.validate({ aheadMs: -50 * hour });
    expect(far.details.tables?.[0]).toMatchObject({ lag_hours: null, last_export_at: null });
  });
});

describe("a required permission that is missing makes the account forbidden, and says what to run:", () => {
  test.each([
    [
      "jobs",
      { word: "nojobs" },
      "jobs_create",
      /gcloud projects add-iam-policy-binding acme-billing --member=serviceAccount:cloudact-nojobs@acme-billing\.iam\.gserviceaccount\.com --role=roles\/bigquery\.jobUser/,
    ],
    [
      "jobs, where the project's permissions cannot be asked",
      { word: "nojobs", off: "resourcemanager" },
      "jobs_create",
      /bigquery\.jobs\.create/,
    ],
    ["jobs, without any table", { word: "norights", metadata: {} }, "jobs_create", /bigquery\.jobs\.create/],
    [
      "dataset",
      { metadata: standard(exportTables.standard, "billing_closed") },
      "datasets_read",
      /bigquery\.datasets\.get.*GRANT `roles\/bigquery\.dataViewer` ON SCHEMA `acme-billing\.billing_closed` TO "serviceAccount:cloudact@/,
    ],
    ["table", { metadata: standard("gcp_billing_export_v1_closed") }, "tables_read", /bigquery\.tables\.get/],
  ])("%s", async (_, { off, ...scene }: { off?: string; word?: string; metadata?: object }, id, remedy) => {
    if (off) stage.simulators.force("GCP_SA", off, "projects_off");
    const verdict = await stage.validate(scene as object);
    expect(verdict).toMatchObject({ outcome: "forbidden", code: "permission_missing", reason: expect.any(String) });
    expect(verdict.remedy).toMatch(remedy);
    expect(capabilityOf(verdict, id)).toMatchObject({ state: "denied", remedy: expect.stringMatching(remedy) });
  });
});

describe("what BigQuery answers behind a good token never condemns the key:", () => {
  const unknowns: Record<string, string> = {
    bigquery_off: "api_disabled",
    bigquery_limited: "rate_limited",
    bigquery_quota: "rate_limited",
    bigquery_429: "rate_limited",
    bigquery_401: "token_refused",
    bigquery_503: "unavailable",
    bigquery_perimeter: "vpc_service_controls",
    bigquery_no_billing: "billing_disabled",
    bigquery_invalid_query: "invalid_query",
    bigquery_other_403: "unexpected_response",
    bigquery_other_404: "unexpected_response",
    html: "unexpected_response",
    other_shape: "unexpected_response",
    truncated: "unexpected_response",
    huge: "unexpected_response",
    redirect: "unexpected_response",
    html_503: "unavailable",
    gateway_401: "token_refused",
    proxy_scope_403: "unexpected_response",
  };
  test.each(Object.entries(unknowns))("%s is unknown: %s", async (name, reason) => {
    stage.simulators.force("GCP_SA", "bigquery", name);
    stage.simulators.force("GCP_SA", "resourcemanager", "projects_off");
    const verdict = await stage.validate();
    expect(verdict).toMatchObject({ outcome: "valid", details: { tables: [{ state: "unknown", kind: "unknown" }] } });
    for (const id of [...REQUIRED, "billing_export_read", "billing_export_fresh"])
      expect(stateOf(verdict, id)).toBe(`unknown ${reason}`);
    expect(isReady(verdict, BILLING)).toBe("unknown");
    expect(stage.simulators.sinkRequests).toEqual([]);
  });

  test.each(googleAnswers.filter(({ endpoint }) => endpoint === "bigquery").map(({ name }) => name))(
    "%s leaves outcome and pipelines no better than they are",
    async (name) => {
      stage.simulators.force("GCP_SA", "bigquery", name);
      const verdict = await stage.validate();
      const isDenied = /denied$/.test(name);
      expect(verdict.outcome).toBe(
        name === "bigquery_scopes"
          ? "service_misconfigured"
          : isDenied || name === "bigquery_elsewhere"
            ? "forbidden"
            : "valid",
      );
      expect(isReady(verdict, BILLING)).not.toBe(true);
    },
  );

  test("a query that may not be run shows nothing of a table whose rights are not told", async () => {
    const verdict = await stage.validate({ word: "nojobs", metadata: standard("gcp_billing_export_v1_mute") });
    expect(stateOf(verdict, "billing_export_read")).toBe("unknown not_shown");
  });

  test("a query on the first table shows nothing of another", async () => {
    const pricing = { pricing_export_table: path("cloud_pricing_export_mute") };
    const verdict = await stage.validate({ metadata: { ...standard(), ...pricing } });
    expect(stateOf(verdict, "billing_export_read")).toBe("granted");
    expect(stateOf(verdict, "pricing_export_read")).toBe("unknown not_shown");
  });

  test("scopes that do not suffice are our fault", async () => {
    expect(await stage.validate({ word: "narrow" })).toMatchObject({
      outcome: "service_misconfigured",
      reason: "scope",
      code: "provider_unreachable",
    });
  });

  test("silence ends in time, and the key is good all the same", async () => {
    stage.simulators.force("GCP_SA", "bigquery", "hang");
    const began = performance.now();
    const verdict = await stage.validate({ entry: { timeout_ms: 300 } });
    expect(performance.now() - began).toBeLessThan(4_000);
    expect(verdict.outcome).toBe("valid");
    expect(stateOf(verdict, "billing_export_read")).toBe("unknown timeout");
  });

  test("silence has clocks of its own, shorter than a request's", { timeout: 20_000 }, async () => {
    stage.simulators.force("GCP_SA", "bigquery", "hang");
    stage.simulators.force("GCP_SA", "x509", "hang");
    const verdict = await stage.validate({ entry: { timeout_ms: 15_000, deadline_ms: 15_000 } });
    expect(verdict.outcome).toBe("valid");
  });

  test("three silences in a row behind a slow token stay below the deadline", () => {
    const { timeout_ms, deadline_ms } = stage.entry();
    expect(timeout_ms + 3 * 3_000).toBeLessThan(deadline_ms);
    expect(deadline_ms).toBeLessThanOrEqual(15_000);
  });
});

describe("the project's permissions", () => {
  test.each([
    "projects_off",
    "projects_perimeter",
    ...transportAnswers.map(({ name }) => name).filter((name) => !/hang|drip/.test(name)),
  ])("%s: what only they tell is unknown, and never denied", async (name) => {
    stage.simulators.force("GCP_SA", "resourcemanager", name);
    const verdict = await stage.validate();
    expect(verdict.outcome).toBe("valid");
    for (const id of ["compute_read", "storage_read", "iam_read"])
      expect(capabilityOf(verdict, id)?.state).toBe("unknown");
    expect(stateOf(verdict, "jobs_create")).toBe("granted");
    expect(isReady(verdict, BILLING)).toBe(true);
  });
  test("an API that is off comes with the command that enables it", async () => {
    stage.simulators.force("GCP_SA", "resourcemanager", "projects_off");
    const verdict = await stage.validate();
    expect(stateOf(verdict, "compute_read")).toBe("unknown api_disabled");
    expect(stage.entry().reasons["api_disabled"]).toMatch(/gcloud services enable bigquery\.googleapis\.com/);
  });
  test("that were not asked for tell nothing", async () => {
    stage.simulators.force("GCP_SA", "resourcemanager", "projects_strange");
    expect(stateOf(await stage.validate(), "compute_read")).toBe("unknown not_shown");
  });
  test("are none where the whole answer is empty", async () => {
    stage.simulators.force("GCP_SA", "resourcemanager", "projects_none");
    const verdict = await stage.validate();
    expect(stateOf(verdict, "compute_read")).toBe("denied compute_read_denied");
    expect(stateOf(verdict, "jobs_create")).toBe("granted");
  });
  test("that lack jobs are no denial where BigQuery itself did not say so", async () => {
    stage.simulators.force("GCP_SA", "resourcemanager", "projects_none");
    const sealed = await stage.validate({ metadata: standard("gcp_billing_export_v1_sealed") });
    expect(sealed.outcome).toBe("valid");
    expect(stateOf(sealed, "jobs_create")).toBe("unknown not_shown");
    stage.simulators.force("GCP_SA", "bigquery", "bigquery_503");
    const down = await stage.validate();
    expect(down.outcome).toBe("valid");
    expect(stateOf(down, "jobs_create")).toBe("unknown unavailable");
  });
  test("grant what is granted on the project", async () => {
    const verdict = await stage.validate({ word: "broad", metadata: {} });
    for (const id of ["datasets_read", "tables_read", "jobs_create", "compute_read", "storage_read", "iam_read"])
      expect(stateOf(verdict, id)).toBe("granted");
    expect(isReady(verdict, "cloud.gcp.api.compute_instances")).toBe(true);
  });
  test("decide for inventories, which nobody else needs", async () => {
    const verdict = await stage.validate();
    expect(stateOf(verdict, "compute_read")).toBe("denied compute_read_denied");
    expect(isReady(verdict, "cloud.gcp.api.compute_instances")).toBe(false);
    expect(isReady(verdict, "cloud.gcp.api.billing_accounts")).toBe("unknown");
    expect(isReady(verdict, "genai.payg.gemini")).toBe(true);
  });
  test("grant what the dataset's dead silence leaves open", async () => {
    stage.simulators.force("GCP_SA", "bigquery", "bigquery_503");
    const verdict = await stage.validate();
    expect(stateOf(verdict, "jobs_create")).toBe("granted");
    expect(stateOf(verdict, "datasets_read")).toBe("unknown unavailable");
  });
});

describe("the other exports", () => {
  const all = {
    ...standard(),
    detailed_export_table: path(exportTables.detailed),
    pricing_export_table: path(exportTables.pricing),
    committed_use_discount_table: path(exportTables.cud),
  };
  test("each has a report and a capability", async () => {
    const verdict = await stage.validate({ metadata: all });
    expect(verdict.details.tables?.map(({ setting, kind, state }) => [setting, kind, state])).toEqual([
      ["billing_export_table", "standard", "ok"],
      ["detailed_export_table", "detailed", "ok"],
      ["pricing_export_table", "pricing", "ok"],
      ["committed_use_discount_table", "cud", "ok"],
    ]);
    for (const id of ["billing_export_read", "detailed_export_read", "pricing_export_read", "cud_export_read"])
      expect(stateOf(verdict, id)).toBe("granted");
    // Token, certificates, project, one dataset, two for each table, one plan.
    expect(stage.asked().length).toBeLessThanOrEqual(5 + 2 * 4);
  });

  test("a wrong one is denied by itself, and names its own table", async () => {
    const verdict = await stage.validate({
      metadata: {
        ...all,
        pricing_export_table: path("cloud_pricing_sealed"),
        detailed_export_table: path(exportTables.standard),
      },
    });
    expect(verdict.outcome).toBe("valid");
    expect(stateOf(verdict, "pricing_export_read")).toBe("denied data_denied");
    expect(stateOf(verdict, "detailed_export_read")).toBe("denied wrong_kind");
    expect(stateOf(verdict, "billing_export_read")).toBe("granted");
    expect(isReady(verdict, BILLING)).toBe(true);
  });

  test("without the standard one no cost pipeline is ready", async () => {
    const verdict = await stage.validate({ metadata: { pricing_export_table: path(exportTables.pricing) } });
    expect(stateOf(verdict, "billing_export_read")).toBe("denied no_billing_table");
    expect(stateOf(verdict, "pricing_export_read")).toBe("granted");
    expect(isReady(verdict, BILLING)).toBe(false);
  });

  const account = (index: number, table: string = exportTables.standard) => ({
    billing_account_id: `01ABCD-234567-0000${String(index).padStart(2, "0")}`,
    billing_export_table: path(table, `billing_${index}`),
  });
  test("of ten further accounts are all looked at", async () => {
    const accounts = Array.from({ length: 10 }, (_, index) => account(index));
    const verdict = await stage.validate({ metadata: { ...standard(), additional_billing_accounts: accounts } });
    expect(verdict.details.tables).toHaveLength(11);
    expect(verdict.details.tables?.[10]).toMatchObject({
      setting: "additional_billing_accounts[9].billing_export_table",
      state: "ok",
    });
    expect(stateOf(verdict, "additional_exports_read")).toBe("granted");
    expect(stage.asked().length).toBeLessThanOrEqual(4 + 3 * 11);
  });
  test("of further accounts count together, and not for the main one", async () => {
    const accounts = [account(0), account(1, "gcp_billing_export_v1_absent")];
    const verdict = await stage.validate({ metadata: { ...standard(), additional_billing_accounts: accounts } });
    expect(stateOf(verdict, "additional_exports_read")).toBe("denied pending_export");
    expect(stateOf(verdict, "billing_export_read")).toBe("granted");
  });
  test("of a further account that is denied is what the remedy names, not the main one", async () => {
    const accounts = [account(0), account(1, "gcp_billing_export_v1_sealed"), account(2)];
    const verdict = await stage.validate({ metadata: { ...standard(), additional_billing_accounts: accounts } });
    expect(stateOf(verdict, "additional_exports_read")).toBe("denied data_denied");
    const remedy = capabilityOf(verdict, "additional_exports_read")?.remedy;
    expect(remedy).toContain("ON SCHEMA `acme-billing.billing_1`");
    expect(remedy).not.toContain("billing_export`");
  });
});

describe("a path is", () => {
  test.each([
    ["acme-billing.billing.t1", { project: "acme-billing", dataset: "billing", table: "t1" }],
    ["example.com:acme-billing.billing.t1", { project: "example.com:acme-billing", dataset: "billing", table: "t1" }],
    ["acme-billing.billing", null],
    ["acme-billing.a.b.c", null],
    ["acme-billing.billing.t`; DROP", null],
    ["ACME.billing.t1", null],
    ["a.b.c", null],
    ["acme-billing.bil/ling.t1", null],
    ["acme-billing..t1", null],
    ["", null],
  ])("%s", (text, expected) => {
    expect(tablePath(text)).toEqual(expected);
  });
  test("never asked where it is none, and says so", async () => {
    const verdict = await stage.validate({ metadata: { billing_export_table: "acme-billing.a.b.c" } });
    expect(stateOf(verdict, "billing_export_read")).toBe("denied table_path");
    expect(verdict.details.tables).toBeUndefined();
    expect(stage.requests("bigquery").every(({ path: asked }) => asked.includes("/queries"))).toBe(true);
  });
});
