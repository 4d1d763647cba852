import { describe, expect, test } from "vitest";
import { Secret } from "../../shared/contract/secret.ts";
import { askThrough } from "../../shared/providers/ask.ts";
import { costCapabilities } from "../../shared/providers/aws/costs.ts";
import { entryOf } from "../registry/the-registry.ts";
import { exportOf, simulated } from "../simulators/clouds/aws-answers.ts";
import { federation, NOW, nobody } from "./desk.ts";

const keys = { access_key_id: new Secret("ASIA0000000000000000"), secret_access_key: new Secret("0".repeat(40)) };
const ARN = "arn:aws:bcm-data-exports:us-east-1:111122223333:export/costs-1";
const HEALTHY = { StatusCode: "HEALTHY" };

/** What is told of the export where Data Exports answers so, and what was simulated for it. */
async function told(list: unknown, changed: (whole: string) => string = (whole) => whole) {
  const simulatedOn: string[] = [];
  const ask = askThrough(async (_, init) => {
    const target = new Headers(init.headers).get("x-amz-target") ?? "";
    if (target.endsWith("ListExports")) return Response.json(list);
    if (target.endsWith("GetExport"))
      return new Response(changed(JSON.stringify(exportOf("export", "COST_AND_USAGE_REPORT").body)));
    const form = new URLSearchParams(String(init.body));
    simulatedOn.push(form.get("ResourceArns.member.1") ?? "*");
    return new Response(String(simulated(form.get("ActionNames.member.1") ?? "", "allowed").body));
  }, 1_000);
  const context = { ...nobody, entry: entryOf("AWS_KEYS"), ask, now: NOW, sleep: async () => {}, federation };
  const capabilities = await costCapabilities(keys, "arn:aws:iam::111122223333:user/x", context);
  const of = (id: string) => capabilities.find((one) => one.id === id);
  return { present: of("data_export_present"), readable: of("cost_export_read"), simulatedOn: simulatedOn.sort() };
}

const listed = (...exports: unknown[]) => ({ Exports: exports });
const costs = { ExportArn: ARN, ExportName: "costs", ExportStatus: HEALTHY };

describe("an export of AWS", () => {
  test("is read where it writes: bucket, prefix, its own name", async () => {
    const { readable, simulatedOn } = await told(listed(costs));
    expect(readable).toEqual({ id: "cost_export_read", state: "granted" });
    expect(simulatedOn).toEqual(["*", "arn:aws:s3:::example-cost-exports/cloudact/costs/data"]);
  });

  test.each([
    ["none", '"S3Prefix":""', "arn:aws:s3:::example-cost-exports/costs/data"],
    ["slashes around it", '"S3Prefix":"/a/b/"', "arn:aws:s3:::example-cost-exports/a/b/costs/data"],
  ])("with a prefix that has %s", async (_, prefix, resource) => {
    const { simulatedOn } = await told(listed(costs), (whole) => whole.replace('"S3Prefix":"cloudact"', prefix));
    expect(simulatedOn).toEqual(["*", resource]);
  });

  test.each([
    ["a bucket with capitals", '"example-cost-exports"', '"Example"'],
    ["a bucket that is an ARN", '"example-cost-exports"', '"x/*:arn"'],
    ["a bucket that is everything", '"example-cost-exports"', '"*"'],
    ["no bucket", '"S3Bucket"', '"Other"'],
    ["a prefix with a placeholder", '"cloudact"', '"$' + '{aws:username}"'],
    ["a prefix of 600 characters", '"cloudact"', `"${"x".repeat(600)}"`],
  ])("is unknown with %s", async (_, from, to) => {
    const { readable, simulatedOn } = await told(listed(costs), (whole) => whole.replace(from, to));
    expect(readable).toMatchObject({ state: "unknown", reason: "unexpected_response" });
    expect(simulatedOn).toEqual(["*"]);
  });

  test.each([
    ["a foreign ARN", { ...costs, ExportArn: "arn:aws:s3:::bucket" }],
    ["no ARN", { ...costs, ExportArn: null }],
    ["a name with other characters", { ...costs, ExportName: "a b" }],
    ["nothing in it", {}],
    ["no object", "costs"],
  ])("is not one with %s", async (_, one) => {
    expect((await told(listed(one))).present).toMatchObject({ state: "unknown" });
    expect((await told(listed(one, costs))).present).toMatchObject({ state: "granted" });
  });

  test.each([
    ["no status", undefined, "unknown"],
    ["a new status", { StatusCode: "RESTING" }, "unknown"],
    ["a healthy status", HEALTHY, "granted"],
    ["an unhealthy status", { StatusCode: "UNHEALTHY" }, "denied"],
  ])("with %s is there: %s %s", async (_, ExportStatus, state) => {
    expect((await told(listed({ ...costs, ExportStatus }))).present?.state).toBe(state);
  });

  test("that is healthy goes before one that is not", async () => {
    const sick = { ...costs, ExportName: "sick", ExportStatus: { StatusCode: "UNHEALTHY" } };
    expect((await told(listed(sick, costs))).present?.state).toBe("granted");
  });

  test.each([
    ["SELECT * FROM COST_AND_USAGE_REPORT", "granted"],
    ["select a, b from focus_1_2_aws where a = 1", "granted"],
    ["SELECT * FROM COST_OPTIMIZATION_RECOMMENDATIONS", "denied"],
    ["SELECT from_cost_and_usage_report FROM CARBON_EMISSIONS", "denied"],
    ["SELECT wherefrom FOCUS_1_0 FROM CARBON_EMISSIONS", "denied"],
    ["", "denied"],
  ])("filled by `%s`: costs are %s", async (query, state) => {
    const { readable } = await told(listed(costs), (whole) =>
      whole.replace(/"QueryStatement":"[^"]*"/, `"QueryStatement":${JSON.stringify(query)}`),
    );
    expect(readable?.state).toBe(state);
  });

  test.each([
    ["null", null],
    ["a list", []],
    ["another shape", { exports: [] }],
    ["a word", { Exports: "none" }],
  ])("is neither there nor missing where the list is %s", async (_, list) => {
    expect((await told(list)).present).toMatchObject({ state: "unknown" });
  });
});
