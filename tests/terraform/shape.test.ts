import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { allRights } from "../../functions/rights.ts";
import { targets } from "../../scripts/build/targets.ts";
import { readmes } from "../../scripts/terraform-readme.ts";
import { evaluate } from "./evaluate.ts";
import { type Block, type Module, moduleNames, nested, readModule, terraform } from "./module.ts";

const folders = ["", ...moduleNames().map((name) => `modules/${name}`)];
const modules = new Map<string, Module>();
for (const folder of folders) modules.set(folder, await readModule(folder));

/** An expression as the parser gives it. */
function expression(text: string): string {
  return `\${${text}}`;
}

function resource(folder: string, address: string): Block {
  const found = modules.get(folder)?.resources[address];
  if (found === undefined) throw new Error(`${folder} has no ${address}`);
  return found;
}

describe("what must not be lost", () => {
  test.each([
    ["the key ring", "modules/keyring", "google_kms_key_ring.ring"],
    ["the key", "modules/keyring", "google_kms_crypto_key.key"],
    ["the pepper", "modules/secret", "google_secret_manager_secret.secret"],
    ["the identity towards AWS", "modules/federation", "google_service_account.identity"],
    ["the private dataset", "modules/dataset", "google_bigquery_dataset.integrations"],
    ["the shared dataset", "modules/dataset", "google_bigquery_dataset.organizations"],
    ["each table", "modules/dataset", "google_bigquery_table.table"],
    ["the audit dataset", "modules/audit", "google_bigquery_dataset.audit"],
    ["the audit table", "modules/audit", "google_bigquery_table.stdout"],
    ["the locked bucket", "modules/audit", "google_logging_project_bucket_config.locked"],
    ["the address in customers' allowlists", "modules/egress", "google_compute_address.egress"],
  ])("%s cannot be destroyed", (_, folder, address) => {
    expect(nested(resource(folder, address), "lifecycle")["prevent_destroy"]).toBe(true);
  });

  test("tables refuse to be deleted by BigQuery's own provider as well, and no dataset goes with its rows", () => {
    expect(resource("modules/dataset", "google_bigquery_table.table")["deletion_protection"]).toBe(true);
    expect(resource("modules/audit", "google_bigquery_table.stdout")["deletion_protection"]).toBe(true);
    for (const [folder, module] of modules)
      for (const [address, body] of Object.entries(module.resources))
        if (address.startsWith("google_bigquery_dataset."))
          expect([folder, address, body["delete_contents_on_destroy"]]).toEqual([folder, address, false]);
  });

  test("nothing forces its contents away but the bucket of sources, which are built anew", () => {
    const forced = [...modules].flatMap(([folder, { resources }]) =>
      Object.entries(resources)
        .filter(([, body]) => body["force_destroy"] === true)
        .map(([address]) => `${folder} ${address}`),
    );
    expect(forced).toEqual(["modules/build google_storage_bucket.sources"]);
  });
});

describe("what is set", () => {
  test("a function runs on Node 24 under its own account, and its build makes the code cache", () => {
    const body = resource("modules/function", "google_cloudfunctions2_function.function");
    const build = nested(body, "build_config");
    expect(build).toMatchObject({ runtime: "nodejs24", entry_point: expression("var.name") });
    expect(build["environment_variables"]).toEqual({ GOOGLE_NODE_RUN_SCRIPTS: "gcp-build" });
    const service = nested(body, "service_config");
    expect(service["service_account_email"]).toBe(expression("google_service_account.account.email"));
    for (const name of ["available_cpu", "available_memory", "max_instance_count", "max_instance_request_concurrency"])
      expect([name, typeof service[name]]).toEqual([name, "string"]);
    expect(service["secret_environment_variables"]).toBeUndefined();
  });

  test("an instance has 1 CPU, 512Mi and 40 requests at once, and there are at most 10", () => {
    const type = String(modules.get("modules/function")?.variables["size"]?.["type"]).replace(/\s+/g, " ");
    for (const part of [
      "concurrency = optional(number, 40)",
      'cpu = optional(string, "1")',
      "max_instances = optional(number, 10)",
      'memory = optional(string, "512Mi")',
      "min_instances = optional(number, 0)",
    ])
      expect(type).toContain(part);
  });

  test("deleted rows of the private dataset stay readable for 48 hours, the least there is", () => {
    expect(resource("modules/dataset", "google_bigquery_dataset.integrations")["max_time_travel_hours"]).toBe("48");
  });

  test("a version's role appends without reading", () => {
    const permissions = (role: string) =>
      resource("modules/dataset", `google_project_iam_custom_role.${role}`)["permissions"];
    expect(permissions("append")).toEqual(["bigquery.tables.get", "bigquery.tables.updateData"]);
    expect(permissions("change")).toEqual([
      "bigquery.tables.get",
      "bigquery.tables.getData",
      "bigquery.tables.updateData",
    ]);
  });

  test("history of attempts is kept for 400 days, and no other table of ours forgets", () => {
    expect(modules.get("modules/dataset")?.locals["partitions"]).toEqual({
      validations: { field: "checked_at", days: 400 },
    });
  });

  test("the key rotates every 90 days", async () => {
    const { folder, locals, variables } = modules.get("modules/keyring") ?? (await readModule("modules/keyring"));
    const names = { var: { rotation_days: variables["rotation_days"]?.["default"] } };
    const period = resource("modules/keyring", "google_kms_crypto_key.key")["rotation_period"];
    expect(await evaluate(period, { folder, locals, names })).toBe("7776000s");
  });

  test("every function has an artifact that the build makes", () => {
    const built: readonly string[] = targets;
    expect(Object.keys(allRights()).filter((name) => !built.includes(name))).toEqual([]);
  });
});

describe("what is installed in BigQuery", () => {
  const configs = join(terraform, "../configs/setup/bootstrap");
  const views = readdirSync(join(configs, "views")).filter((file) => file.endsWith(".sql"));

  test("every schema and every view is found by its file", async () => {
    const root = await readModule("");
    const scope = { folder: terraform, locals: root.locals, names: { path: { root: "." } } };
    const tables = z.array(z.string()).parse(await evaluate(scope.locals["tables"], scope));
    expect(tables).toEqual(["decrypt_grants", "heads", "org_keys", "validations", "versions"]);
    expect(await evaluate(scope.locals["views"], scope)).toEqual(views.map((file) => file.replace(".sql", "")).sort());
    expect(root.modules["dataset"]).toMatchObject({
      tables: expression("local.tables"),
      views: expression("local.views"),
    });
  });

  test.each(views)("%s names only what a template may, and no other view, which might not be there yet", (file) => {
    const text = readFileSync(join(configs, "views", file), "utf8");
    const names = [...text.matchAll(/\$\{([^}]*)\}/g)].map(([, name]) => name);
    expect(names.filter((name) => !["project", "integrations", "audit"].includes(String(name)))).toEqual([]);
    expect(/%\{/.test(text)).toBe(false);
  });

  test("columns of audit records stand in the sink's table, under jsonPayload.audit", async () => {
    const { folder, locals } = await readModule("modules/audit");
    const scope = {
      folder,
      locals,
      names: { var: { schema: "../../../configs/setup/bootstrap/schemas/audit_log.json" } },
    };
    const column = z.object({
      name: z.string(),
      type: z.string(),
      mode: z.string(),
      fields: z.array(z.unknown()).optional(),
    });
    const columns = z.array(column).parse(await evaluate(scope.locals["entry"], scope));
    const payload = z.array(column).parse(columns.find(({ name }) => name === "jsonPayload")?.fields);
    const audit = JSON.parse(readFileSync(join(configs, "schemas/audit_log.json"), "utf8"));
    expect(payload.find(({ name }) => name === "audit")?.fields).toEqual(audit);
    expect(columns.find(({ name }) => name === "timestamp")?.type).toBe("TIMESTAMP");
  });
});

describe("how it is written", () => {
  const variables = [...modules].flatMap(([folder, { variables: given }]) =>
    Object.entries(given).map(([name, body]): [string, Block] => [`${folder} ${name}`, body]),
  );

  test("every variable is described, typed and never null", () => {
    const lacking = variables.filter(
      ([, body]) => typeof body["description"] !== "string" || body["type"] === undefined || body["nullable"] !== false,
    );
    expect(lacking.map(([name]) => name)).toEqual([]);
  });

  test("variables and outputs stand in alphabetical order, outputs described", () => {
    for (const [folder, { texts, outputs }] of modules) {
      for (const kind of ["variable", "output"]) {
        const names = [...(texts[`${kind}s.tf`] ?? "").matchAll(new RegExp(`^${kind} "([a-z_]+)"`, "gm"))].map(
          ([, name]) => name,
        );
        expect([folder, names]).toEqual([folder, [...names].sort()]);
      }
      for (const [name, body] of Object.entries(outputs))
        expect([name, typeof body["description"]]).toEqual([name, "string"]);
    }
  });

  test("the root makes no resource but the project's services", () => {
    expect(Object.keys(modules.get("")?.resources ?? {})).toEqual(["google_project_service.api"]);
  });

  test("every folder has what a module has, and is used by the root", async () => {
    const root = await readModule("");
    const sources = Object.values(root.modules).map((body) => body["source"]);
    for (const name of moduleNames()) {
      const files = [
        "README.md",
        "main.tf",
        "outputs.tf",
        "variables.tf",
        "versions.tf",
        "examples/basic/main.tf",
        `tests/${name}.tftest.hcl`,
      ];
      for (const file of files)
        expect(readFileSync(join(terraform, "modules", name, file), "utf8").length).toBeGreaterThan(0);
      expect(sources).toContain(`./modules/${name}`);
    }
  });

  test("every README says what the HCL says; `node scripts/terraform-readme.ts` writes it anew", async () => {
    for (const [file, text] of await readmes())
      expect([file, readFileSync(join(terraform, file), "utf8")]).toEqual([file, text]);
  });
});
