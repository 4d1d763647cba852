import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { exportTables } from "../simulators/clouds/google-bigquery.ts";
import { capabilityOf, isReady, openStage, path, type Stage, stateOf } from "./gcp-stage.ts";

let stage: Stage;
beforeAll(async () => {
  stage = await openStage();
});
beforeEach(() => stage.simulators.reset());
afterAll(() => stage.simulators.close());

const found = {
  billing_export_table: path(exportTables.standard),
  detailed_export_table: path(exportTables.detailed),
  pricing_export_table: path(exportTables.pricing),
  committed_use_discount_table: path(exportTables.cud),
};

describe("a dataset that the settings name", () => {
  test.each(["billing_dataset", "billing_dataset_id"])("by %s fills every setting that is open", async (name) => {
    const verdict = await stage.validate({ metadata: { [name]: "billing_export" } });
    expect(verdict).toMatchObject({ outcome: "valid", discovered: found });
    expect(isReady(verdict, "cloud.gcp.cost.billing")).toBe(true);
    for (const id of ["detailed_export_read", "pricing_export_read", "cud_export_read"])
      expect(stateOf(verdict, id)).toBe("granted");
    const reports = verdict.details.tables?.map(({ setting, kind, state }) => `${setting} ${kind} ${state}`);
    // Of two standard exports the one with newer rows is taken; what is no export by its schema is not spoken of.
    expect(reports).toEqual([
      "billing_export_table standard ok",
      "detailed_export_table detailed ok",
      "pricing_export_table pricing ok",
      "committed_use_discount_table cud ok",
      "discovered standard stale",
    ]);
    expect(stage.asked().length).toBeLessThanOrEqual(22);
  });

  test("keeps what the customer has set", async () => {
    const own = path("gcp_billing_export_v1_vacant", "billing_other");
    const verdict = await stage.validate({
      metadata: { billing_dataset: "billing_export", billing_export_table: own },
    });
    const { billing_export_table: _, ...others } = found;
    expect(verdict.discovered).toEqual(others);
    expect(verdict.details.tables?.[0]).toMatchObject({ table: own, state: "no_data_yet" });
  });

  test("is not searched where every table is named", async () => {
    const verdict = await stage.validate({ metadata: { billing_dataset: "billing_export", ...found } });
    expect(verdict.discovered).toBeUndefined();
    expect(stage.asked().filter((one) => one.endsWith("/tables"))).toEqual([]);
  });

  test("may lie in another project", async () => {
    const verdict = await stage.validate({
      metadata: { billing_dataset: "billing_export", billing_project_id: "acme-costs" },
    });
    expect(verdict.discovered).toMatchObject({
      billing_export_table: `acme-costs.billing_export.${exportTables.standard}`,
    });
    // Jobs run in the account's own project all the same.
    const queries = stage.asked().filter((one) => one.endsWith("/queries"));
    expect(queries).toEqual(["bigquery POST /bigquery/v2/projects/acme-billing/queries"]);
  });

  test.each([
    ["that is empty: the export is on its way", "billing_vacant", "denied pending_export", "granted"],
    ["that does not exist: the export is on its way", "absent", "denied pending_export", "unknown pending_export"],
    ["of another kind: the export is on its way", "analytics", "denied pending_export", "granted"],
    [
      "that answers junk: nothing is known",
      "billing_junk",
      "unknown unexpected_response",
      "unknown unexpected_response",
    ],
  ])("%s", async (_, dataset, read, datasets) => {
    if (dataset.includes("junk")) stage.simulators.force("GCP_SA", "bigquery", "other_shape");
    const verdict = await stage.validate({ metadata: { billing_dataset: dataset } });
    expect(verdict.outcome).toBe("valid");
    expect(stateOf(verdict, "billing_export_read")).toBe(read);
    expect(stateOf(verdict, "datasets_read")).toBe(datasets);
    expect(verdict.discovered).toBeUndefined();
  });

  test("that is closed makes the account forbidden, and says what to run", async () => {
    const verdict = await stage.validate({ metadata: { billing_dataset: "billing_closed" } });
    expect(verdict).toMatchObject({ outcome: "forbidden", reason: "datasets_get_denied" });
    expect(stateOf(verdict, "billing_export_read")).toBe("denied tables_list_denied");
    expect(capabilityOf(verdict, "datasets_read")?.remedy).toContain("`acme-billing.billing_closed`");
  });

  test("that lists tables which are closed makes the account forbidden", async () => {
    const verdict = await stage.validate({ metadata: { billing_dataset: "billing_shut" } });
    expect(verdict).toMatchObject({ outcome: "forbidden", reason: "tables_get_denied" });
    expect(stateOf(verdict, "billing_export_read")).toBe("denied tables_get_denied");
    expect(verdict.details.tables).toMatchObject([{ setting: "discovered", state: "denied" }]);
  });

  test("gives the table that stands for the account's rights, whatever else is named", async () => {
    const metadata = {
      billing_dataset: "billing_export",
      pricing_export_table: path(exportTables.pricing, "billing_x"),
    };
    await stage.validate({ metadata });
    const [query] = stage.requests("bigquery").filter(({ path: asked }) => asked.includes("/queries"));
    expect(query?.body).toContain(exportTables.standard);
  });

  test("whose name is longer than a setting takes is reported and not filled in", async () => {
    const dataset = `billing_${"x".repeat(200)}`;
    const verdict = await stage.validate({ metadata: { billing_dataset: dataset } });
    expect(verdict.discovered).toBeUndefined();
    expect(verdict.details.tables?.[0]).toMatchObject({ table: path(exportTables.standard, dataset), state: "ok" });
  });

  test("is looked at as far as names promise exports", async () => {
    await stage.validate({ metadata: { billing_dataset: "billing_export" } });
    expect(stage.asked().filter((one) => one.includes("/tables/notes"))).toEqual([]);
  });

  test.each(["bigquery_503", "html", "bigquery_429", "bigquery_401"])("is not condemned by %s", async (name) => {
    stage.simulators.force("GCP_SA", "bigquery", name);
    const verdict = await stage.validate({ metadata: { billing_dataset: "billing_export" } });
    expect(verdict.outcome).toBe("valid");
    expect(capabilityOf(verdict, "billing_export_read")?.state).toBe("unknown");
  });

  test.each(["../../x", "a/b", "a?b=c", "a%2Fb"])("of a name that is none is not asked for: %s", async (name) => {
    await stage.validate({ metadata: { billing_dataset: name } });
    expect(stage.asked().filter((one) => /\/datasets\/(?:a|x|\.)(?![a-z])/.test(one))).toEqual([]);
  });
});

describe("without any billing setting", () => {
  test("the project's export tables are offered and not filled in", async () => {
    const verdict = await stage.validate({ metadata: {} });
    expect(verdict.outcome).toBe("valid");
    expect(verdict.discovered).toBeUndefined();
    expect(verdict.details.tables?.map(({ setting, table }) => `${setting} ${table}`)).toEqual(
      [...Object.values(found), path("gcp_billing_export_v1_stale")].map((table) => `discovered ${table}`),
    );
    expect(stateOf(verdict, "billing_export_read")).toBe("denied no_billing_table");
    expect(isReady(verdict, "cloud.gcp.cost.billing")).toBe(false);
    expect(stateOf(verdict, "jobs_create")).toBe("granted");
    expect(stage.asked().length).toBeLessThanOrEqual(17);
    expect(stage.asked().filter((one) => one.endsWith("/tables"))).toHaveLength(4);
    expect(stage.asked().filter((one) => one.includes("testIam"))).toHaveLength(1);
  });

  test("required permissions that only a dataset could show are unknown, never denied", async () => {
    const verdict = await stage.validate({ metadata: {} });
    expect(stateOf(verdict, "datasets_read")).toBe("unknown no_billing_table");
    expect(stateOf(verdict, "tables_read")).toBe("unknown no_billing_table");
  });

  test("a project that lists nothing is no fault", async () => {
    stage.simulators.force("GCP_SA", "bigquery", "bigquery_503");
    const verdict = await stage.validate({ metadata: {} });
    expect(verdict.outcome).toBe("valid");
    expect(verdict.details.tables).toBeUndefined();
    expect(stateOf(verdict, "jobs_create")).toBe("granted");
  });
});
