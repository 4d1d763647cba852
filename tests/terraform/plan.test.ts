import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { expected, PUBLIC } from "./expected.ts";

/*
 * A plan that Terraform has made, looked at before it is applied: TERRAFORM_PLAN_JSON names what `terraform show -json`
 * printed. Where none is given there is nothing to look at.
 */

const file = process.env["TERRAFORM_PLAN_JSON"] ?? "";

interface Planned {
  resources?: Array<{ address: string; type: string; values: Record<string, unknown> }> | undefined;
  child_modules?: Planned[] | undefined;
}
const planned: z.ZodType<Planned> = z.lazy(() =>
  z.object({
    resources: z
      .array(z.object({ address: z.string(), type: z.string(), values: z.record(z.string(), z.unknown()) }))
      .optional(),
    child_modules: z.array(planned).optional(),
  }),
);
const plan = z.object({
  planned_values: z.object({ root_module: planned }),
  resource_changes: z.array(z.object({ address: z.string(), change: z.object({ actions: z.array(z.string()) }) })),
});

function all(module: Planned): NonNullable<Planned["resources"]> {
  return [...(module.resources ?? []), ...(module.child_modules ?? []).flatMap(all)];
}

/** What must never go: with it goes what customers have stored or rely on. */
const KEPT =
  /google_(?:kms_key_ring|kms_crypto_key|bigquery_dataset|secret_manager_secret|compute_address)\.|google_bigquery_table\.(?:table|stdout)|module\.federation\.google_service_account\./;

describe.skipIf(file === "")("the plan", () => {
  const read = file === "" ? null : plan.parse(JSON.parse(readFileSync(file, "utf8")));
  const resources = read === null ? [] : all(read.planned_values.root_module);
  const grants = resources.filter(({ type }) => /_iam_(?:member|binding|policy)$/.test(type));

  test.each(Object.entries(expected))("%s is granted exactly its rights", (name, rights) => {
    // Whoever grants it: an account of a function has no other rights from anywhere in the plan.
    const own = grants.filter(
      ({ address, values }) =>
        String(values["member"]).startsWith(`serviceAccount:int-${name}@`) ||
        (address.startsWith(`module.function["${name}"].`) && !address.includes(".invoker[")),
    );
    const older = / on organizations\.org_api_keys$|^roles\/integrationsAppend on integrations\.org_keys$/;
    expect(
      own
        .map(right)
        .filter((one) => !older.test(one))
        .sort(),
    ).toEqual([...rights].sort());
    expect(new Set(own.map(({ values }) => values["member"])).size).toBe(1);
  });

  test("everyone may invoke the public functions and do nothing else", () => {
    const everyone = grants.filter(({ values }) => /^all(?:Authenticated)?Users$/.test(String(values["member"])));
    expect(everyone.map(({ type, values }) => `${type} ${String(values["name"])}`).sort()).toEqual(
      PUBLIC.map((name) => `google_cloud_run_v2_service_iam_member integrations-${name}`),
    );
  });

  test("nothing that must stay is deleted or made anew", () => {
    const gone = (read?.resource_changes ?? []).filter(({ change }) => change.actions.includes("delete"));
    expect(gone.map(({ address }) => address).filter((address) => KEPT.test(address))).toEqual([]);
  });
});

/** A grant as `<role> on <resource>`, in the words of the table. */
function right({ type, values }: { type: string; values: Record<string, unknown> }): string {
  const last = (name: string) => String(values[name]).replace(/^.*\//, "");
  const on: Record<string, () => string> = {
    google_bigquery_table_iam_member: () => `${String(values["dataset_id"])}.${String(values["table_id"])}`,
    google_kms_crypto_key_iam_member: () => `key ${last("crypto_key_id")}`,
    google_project_iam_member: () => "project",
    google_secret_manager_secret_iam_member: () => `secret ${last("secret_id")}`,
    google_service_account_iam_member: () => last("service_account_id").replace(/@.*$/, ""),
  };
  const target = on[type]?.() ?? `${type}, which no function should have`;
  return `${String(values["role"]).replace(/^projects\/[^/]+\//, "")} on ${target}`;
}
