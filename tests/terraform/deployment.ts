import { z } from "zod";
import { evaluate, type Scope } from "./evaluate.ts";
import { type Block, type Module, readModule, terraform } from "./module.ts";

/*
 * What Terraform would make of each function, worked out from the HCL: configs/functions.yml through module.access, the
 * root's call of module.function, and the grants inside of it.
 */

export const PROJECT = "cloudact-testing-1";

const grants = z.object({
  identities: z.record(z.string(), z.string()),
  key: z.string(),
  key_roles: z.array(z.string()),
  secrets: z.record(z.string(), z.string()),
  tables: z.record(z.string(), z.object({ dataset: z.string(), table: z.string(), role: z.string() })),
});
const deployed = z.object({
  environment: z.record(z.string(), z.string()),
  grants,
  ingress: z.string(),
  invokers: z.record(z.string(), z.string()),
  network: z.object({ network: z.string(), subnetwork: z.string() }),
  size: z.object({ min_instances: z.number() }).loose(),
  timeout_s: z.number(),
});

/** One function as it would be deployed; `rights` are `<role> on <resource>`, sorted. */
export interface Deployed extends z.infer<typeof deployed> {
  rights: string[];
}

/** The root's variables: their defaults, and what is set besides. */
export async function rootVariables(set: Record<string, unknown>): Promise<Record<string, unknown>> {
  return { ...(await defaults(await readModule(""))), project: PROJECT, environment: "stage", ...set };
}

async function defaults(module: Module): Promise<Record<string, unknown>> {
  const given = Object.entries(module.variables).filter(([, body]) => "default" in body);
  return Object.fromEntries(given.map(([name, body]) => [name, body["default"]]));
}

/** Every function of configs/functions.yml as it would be deployed with these variables. */
export async function deployedFunctions(set: Record<string, unknown> = {}): Promise<Record<string, Deployed>> {
  const root = await readModule("");
  const scope = await rootScope(root, await rootVariables(set));
  const body = root.modules["function"] ?? {};
  const functions = z.record(z.string(), z.unknown()).parse(await evaluate(body["for_each"], scope));
  const made: Record<string, Deployed> = {};
  for (const [name, use] of Object.entries(functions)) {
    const names = { ...scope.names, each: { key: name, value: use } };
    const wanted = Object.fromEntries(Object.keys(deployed.shape).map((key) => [key, body[key]]));
    const one = deployed.parse(await evaluate(wanted, { ...scope, names }));
    made[name] = { ...one, rights: await rightsOf(name, one) };
  }
  return made;
}

/** The lines that an operator's shell takes. */
export async function operatorLines(set: Record<string, unknown> = {}): Promise<string[]> {
  const root = await readModule("");
  const scope = await rootScope(root, await rootVariables(set));
  return String(await evaluate(root.outputs["operator_environment"]?.["value"], scope)).split("\n");
}

/** The root's names, with what its modules give out. What only Google knows is a word. */
async function rootScope(root: Module, variables: Record<string, unknown>): Promise<Scope> {
  const key = `projects/${PROJECT}/locations/us-central1/keyRings/integrations/cryptoKeys/credentials`;
  const names: Record<string, unknown> = {
    path: { root: "." },
    var: variables,
    module: {
      build: { account: "builder", bucket: "sources", repository: "images" },
      dataset: { dataset: "integrations", organizations: "organizations", roles: await tableRoles() },
      egress: [{ address: "203.0.113.7", network: { network: "integrations", subnetwork: "integrations-functions" } }],
      federation: { name: "integrations-aws", subject: "117000000000000000001" },
      keyring: { key },
      pepper: { name: `projects/${PROJECT}/secrets/integrations-pepper` },
      scheduler: { email: "int-scheduler" },
    },
  };
  const scope = { folder: terraform, locals: root.locals, names };
  const access = await moduleOutputs("access", root.modules["access"] ?? {}, scope);
  return {
    ...scope,
    names: { ...names, module: { ...z.record(z.string(), z.unknown()).parse(names["module"]), access } },
  };
}

/** What a pure module gives out when it is called like this. */
async function moduleOutputs(name: string, call: Block, outer: Scope): Promise<Record<string, unknown>> {
  const module = await readModule(`modules/${name}`);
  const { source: _, ...given } = call;
  const variables = {
    ...(await defaults(module)),
    ...z.record(z.string(), z.unknown()).parse(await evaluate(given, outer)),
  };
  const scope: Scope = { folder: module.folder, locals: module.locals, names: { var: variables } };
  const outputs = Object.entries(module.outputs).map(async ([output, body]) => [
    output,
    await evaluate(body["value"], scope),
  ]);
  return Object.fromEntries(await Promise.all(outputs));
}

/** Action → role on a table; the roles of our own by their ids. */
async function tableRoles(): Promise<unknown> {
  const dataset = await readModule("modules/dataset");
  const custom = Object.fromEntries(
    ["append", "change"].map((role) => [role, dataset.resources[`google_project_iam_custom_role.${role}`]]),
  );
  const names = { google_project_iam_custom_role: custom, var: { project: PROJECT } };
  return await evaluate(dataset.locals["table_roles"], { folder: dataset.folder, locals: dataset.locals, names });
}

/** Which attribute of a grant names what it is on. */
const targets: Record<string, (grant: Record<string, unknown>) => string> = {
  google_bigquery_table_iam_member: ({ dataset_id, table_id }) => `${dataset_id}.${table_id}`,
  google_kms_crypto_key_iam_member: ({ crypto_key_id }) => String(crypto_key_id).replace(/^.*\//, "key "),
  google_project_iam_member: () => "project",
  google_secret_manager_secret_iam_member: ({ secret_id }) => String(secret_id).replace(/^.*\//, "secret "),
  google_service_account_iam_member: ({ service_account_id }) => String(service_account_id),
};

/** Every grant that module.function makes to the function's account. */
async function rightsOf(name: string, one: z.infer<typeof deployed>): Promise<string[]> {
  const module = await readModule("modules/function");
  const names = {
    google_service_account: { account: { member: `serviceAccount:int-${name}` } },
    var: { grants: one.grants, project: PROJECT },
  };
  const scope: Scope = { folder: module.folder, locals: {}, names };
  const rights: string[] = [];
  for (const [address, body] of Object.entries(module.resources)) {
    const [type = ""] = address.split(".");
    const target = targets[type];
    if (!type.includes("_iam_") || type === "google_cloud_run_v2_service_iam_member") continue;
    if (target === undefined) throw new Error(`${address} grants what this test does not know`);
    for (const each of await instancesOf(body, scope)) {
      const { count: _count, for_each: _each, ...attributes } = body;
      const grant = z
        .record(z.string(), z.unknown())
        .parse(await evaluate(attributes, { ...scope, names: { ...names, each } }));
      if (grant["member"] !== `serviceAccount:int-${name}`) throw new Error(`${address} grants to somebody else`);
      rights.push(`${String(grant["role"]).replace(`projects/${PROJECT}/`, "")} on ${target(grant)}`);
    }
  }
  return rights.sort();
}

async function instancesOf(body: Block, scope: Scope): Promise<Array<{ key: unknown; value: unknown }>> {
  if (body["count"] !== undefined)
    return Number(await evaluate(body["count"], scope)) > 0 ? [{ key: 0, value: 0 }] : [];
  const each = await evaluate(body["for_each"], scope);
  if (Array.isArray(each)) return each.map((key) => ({ key, value: key }));
  return Object.entries(z.record(z.string(), z.unknown()).parse(each)).map(([key, value]) => ({ key, value }));
}
