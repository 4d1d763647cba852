import { describe, expect, test } from "vitest";
import { readEnvironment } from "../../functions/environment.ts";
import { allRights, reachOf } from "../../functions/rights.ts";
import type { FunctionName } from "../../shared/contract/routes.ts";
import { deployedFunctions, operatorLines } from "./deployment.ts";
import { append, DECRYPT, ENCRYPT, expected, PUBLIC, read } from "./expected.ts";
import { type Block, moduleNames, readModule } from "./module.ts";

const WHERE = ["BIGQUERY_DATASET", "BIGQUERY_LEDGER_DATASET", "BIGQUERY_LOCATION", "GOOGLE_CLOUD_PROJECT"];
const ALWAYS = [...WHERE, "INTEGRATIONS_BACKEND", "NODE_COMPILE_CACHE", "NODE_ENV"];
const ORG_KEYS = ["INTEGRATIONS_KEY_ENV", "PEPPER_SECRET"];

/** Function → the names that it is told, and no others. */
const told: Record<FunctionName, string[]> = {
  setup: [...ALWAYS, ...ORG_KEYS, "KMS_KEY", "AWS_FEDERATION_SUBJECT"],
  update: [...ALWAYS, ...ORG_KEYS, "KMS_KEY", "AWS_FEDERATION_SUBJECT"],
  validate: [...ALWAYS, ...ORG_KEYS, "KMS_KEY", "AWS_FEDERATION_SUBJECT"],
  list: [...ALWAYS, ...ORG_KEYS],
  get: [...ALWAYS, ...ORG_KEYS, "AWS_FEDERATION_SUBJECT"],
  delete: [...ALWAYS, ...ORG_KEYS],
  decrypt: [...ALWAYS, "KMS_KEY", "AWS_FEDERATION_SUBJECT", "OIDC_AUDIENCE"],
  revalidate: [...ALWAYS, "KMS_KEY", "AWS_FEDERATION_SUBJECT"],
};

const functions = Object.keys(allRights()).filter(isFunction);
const asked = {
  cors_origins: ["https://app.example.com"],
  domain: "integrations.example.com",
  environment: "prod",
  legacy_keys_until: "2027-03-31",
  pipelines: ["costs@cloudact-testing-1.iam.gserviceaccount.com"],
  sizes: { decrypt: { min_instances: 2 } },
  static_egress: true,
};
const plain = await deployedFunctions();
const full = await deployedFunctions(asked);

function isFunction(name: string): name is FunctionName {
  return name in expected;
}

/** Every resource of every module and of the root, by its address. */
const resources: Array<[string, Block]> = [];
for (const folder of ["", ...moduleNames().map((name) => `modules/${name}`)]) {
  const found = Object.entries((await readModule(folder)).resources);
  resources.push(...found.map(([address, body]): [string, Block] => [`${folder} ${address}`, body]));
}

describe("what each function may do", () => {
  test("every function of configs/functions.yml is deployed, and no other", () => {
    expect(Object.keys(plain).sort()).toEqual(Object.keys(expected).sort());
    expect(functions.length).toBe(8);
  });

  test.each(functions)("%s has exactly its rights", (name) => {
    expect(plain[name]?.rights).toEqual([...expected[name]].sort());
  });

  test.each(functions)(
    "%s has the same rights with everything asked for, and looks older keys up where it verifies keys",
    (name) => {
      const older = [read("organizations.org_api_keys"), append("org_keys")];
      expect(full[name]?.rights).toEqual([...expected[name], ...(PUBLIC.includes(name) ? older : [])].sort());
    },
  );

  test("setup and update seal and cannot open; decrypt, revalidate and validate open and cannot seal", () => {
    const having = (right: string) => functions.filter((name) => plain[name]?.rights.includes(right)).sort();
    expect(having(ENCRYPT)).toEqual(["setup", "update"]);
    expect(having(DECRYPT)).toEqual(["decrypt", "revalidate", "validate"]);
  });

  test("everyone may invoke the six public functions alone", () => {
    for (const deployed of [plain, full])
      expect(
        functions.filter((name) => Object.values(deployed[name]?.invokers ?? {}).includes("allUsers")).sort(),
      ).toEqual(PUBLIC);
    expect(full["decrypt"]?.invokers).toEqual({
      "costs@cloudact-testing-1.iam.gserviceaccount.com":
        "serviceAccount:costs@cloudact-testing-1.iam.gserviceaccount.com",
    });
    expect(plain["decrypt"]?.invokers).toEqual({});
    expect(full["revalidate"]?.invokers).toEqual({ scheduler: "serviceAccount:int-scheduler" });
  });

  test("everyone is named in one place, and all authenticated users nowhere", async () => {
    const texts: string[] = [];
    for (const folder of ["", ...moduleNames().map((name) => `modules/${name}`)])
      texts.push(
        ...Object.entries((await readModule(folder)).texts).map(([file, text]) => `${folder}/${file} ${text}`),
      );
    expect(texts.filter((text) => /= *"allUsers"/.test(text)).map((text) => text.split(" ")[0])).toEqual([
      "modules/access/main.tf",
    ]);
    expect(texts.filter((text) => text.includes("allAuthenticatedUsers"))).toEqual([]);
  });

  test("decrypt and revalidate are never reached from outside unasked; behind a domain nothing is but through it", () => {
    for (const name of functions) {
      const inside = PUBLIC.includes(name) ? null : "ALLOW_INTERNAL_ONLY";
      expect([name, plain[name]?.ingress]).toEqual([name, inside ?? "ALLOW_ALL"]);
      expect([name, full[name]?.ingress]).toEqual([name, inside ?? "ALLOW_INTERNAL_AND_GCLB"]);
    }
  });

  test("decrypt keeps an instance, unless the environment says otherwise", () => {
    expect(functions.filter((name) => plain[name]?.size.min_instances !== 0)).toEqual(["decrypt"]);
    expect(plain["decrypt"]?.size.min_instances).toBe(1);
    expect(full["decrypt"]?.size.min_instances).toBe(2);
  });

  test("those that call providers leave through the fixed address where one is asked for, and the others never", () => {
    const leaving = (deployed: typeof plain) =>
      functions.filter((name) => deployed[name]?.network.network !== "").sort();
    expect(leaving(plain)).toEqual([]);
    expect(leaving(full)).toEqual(["decrypt", "revalidate", "setup", "update", "validate"]);
  });

  test("each function is cut off when configs/functions.yml says", () => {
    const rights = allRights();
    for (const name of functions) expect([name, plain[name]?.timeout_s]).toEqual([name, rights[name].timeout_s]);
  });
});

describe("what each function is told", () => {
  test.each(functions)("%s is told exactly what it needs", (name) => {
    expect(Object.keys(plain[name]?.environment ?? {}).sort()).toEqual([...told[name]].sort());
  });

  test.each(functions)("%s starts with what it is told", (name) => {
    for (const deployed of [plain, full]) {
      const environment = { ...deployed[name]?.environment, K_SERVICE: `integrations-${name}`, PORT: "8080" };
      expect(readEnvironment(environment, reachOf(name)).problems).toEqual([]);
    }
  });

  test("origins, older keys and the address that providers see are told where they are asked for", () => {
    for (const name of functions) {
      const asks = ["setup", "update", "validate", "decrypt", "revalidate"].includes(name);
      const more = [
        ...(PUBLIC.includes(name) ? ["CORS_ORIGINS", "LEGACY_KEYS_UNTIL"] : []),
        ...(asks ? ["EGRESS_ADDRESS"] : []),
      ];
      expect(Object.keys(full[name]?.environment ?? {}).sort()).toEqual([...told[name], ...more].sort());
    }
    expect(full["list"]?.environment).toMatchObject({
      CORS_ORIGINS: "https://app.example.com",
      INTEGRATIONS_KEY_ENV: "live",
      LEGACY_KEYS_UNTIL: "2027-03-31",
    });
    expect(plain["list"]?.environment["INTEGRATIONS_KEY_ENV"]).toBe("test");
    expect(full["setup"]?.environment["EGRESS_ADDRESS"]).toBe("203.0.113.7");
  });

  test("an operator's command line starts with the lines that are printed for it", async () => {
    for (const set of [{}, asked]) {
      const lines = (await operatorLines(set)).map((line) => /^export ([A-Z_]+)='([^']+)'$/.exec(line));
      expect(lines).not.toContain(null);
      const environment = Object.fromEntries(lines.map((found) => [String(found?.[1]), String(found?.[2])]));
      expect(readEnvironment(environment, reachOf(null)).problems).toEqual([]);
      expect(environment["INTEGRATIONS_BACKEND"]).toBe("gcp");
    }
  });

  test("every function runs on the gcp backend and shows no stacks", () => {
    for (const name of functions)
      expect(plain[name]?.environment).toMatchObject({ INTEGRATIONS_BACKEND: "gcp", NODE_ENV: "production" });
  });
});

describe("how rights are given", () => {
  test("members are added; no list of them is ever replaced", () => {
    const granting = resources.filter(([address]) => /_iam_(?:member|binding|policy)\b/.test(address));
    expect(granting.length).toBeGreaterThan(10);
    expect(granting.map(([address]) => address).filter((address) => !address.includes("_iam_member."))).toEqual([]);
  });

  test("on the project only queries, logs and the builder's sources are granted", () => {
    const granted = resources
      .filter(([address]) => address.includes(" google_project_iam_member."))
      .map(([address, { role }]) => `${address} ${String(role)}`);
    expect(granted.sort()).toEqual([
      "modules/build google_project_iam_member.logs roles/logging.logWriter",
      "modules/build google_project_iam_member.sources roles/storage.objectViewer",
      "modules/dataset google_project_iam_member.jobs roles/bigquery.jobUser",
      "modules/function google_project_iam_member.jobs roles/bigquery.jobUser",
    ]);
  });

  test("nobody is given a dataset but the sink that writes to its own", () => {
    const given = resources.filter(
      ([address, body]) => /google_bigquery_dataset_(?:iam|access)/.test(address) && !("view" in body),
    );
    expect(given.map(([address]) => address)).toEqual(["modules/audit google_bigquery_dataset_access.writer"]);
  });

  test("no secret has a value in the state", () => {
    const kept = resources.filter(
      ([address, body]) =>
        address.includes("google_secret_manager_secret_version") || JSON.stringify(body).includes("secret_data"),
    );
    expect(kept.map(([address]) => address)).toEqual([]);
    expect(resources.some(([address]) => address.includes("google_service_account_key"))).toBe(false);
  });
});
