import { generateKeyPairSync } from "node:crypto";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { Fault } from "../../shared/contract/fault.ts";
import { checkCredential } from "../../shared/registry/check.ts";
import { entryOf, registry } from "../registry/the-registry.ts";
import { type Reply, type Service, startService } from "../service/harness.ts";
import { google } from "../simulators/clouds/google.ts";
import { exportTables } from "../simulators/clouds/google-bigquery.ts";

const entry = entryOf("GCP_SA");
const good = google.credential();
const RUN = { pipeline: "cloud.gcp.cost.billing", run_id: "run-1" };

function pemOf(type: "pkcs8" | "pkcs1", bits: number): string {
  const { privateKey } = generateKeyPairSync("rsa", { modulusLength: bits });
  return privateKey.export({ type, format: "pem" }).toString();
}

const ec = generateKeyPairSync("ec", { namedCurve: "P-256" });
const encrypted = generateKeyPairSync("rsa", { modulusLength: 2_048 })
  .privateKey.export({ type: "pkcs8", format: "pem", cipher: "aes-256-cbc", passphrase: "demo" })
  .toString();
const METADATA_HOST = "http://169.254.169.254/computeMetadata/v1/instance/service-accounts/default/token";

/** Every hostile or mistaken file, and the field that is named. */
const hostile: ReadonlyArray<[string, unknown, string]> = [
  [
    "an external account that reads a URL",
    {
      type: "external_account",
      audience: "//iam.googleapis.com/x",
      subject_token_type: "urn:ietf:params:oauth:token-type:jwt",
      token_url: "{trap}/token",
      credential_source: { url: "{trap}/source" },
    },
    "/credential/type",
  ],
  [
    "an external account that reads a file",
    { type: "external_account", token_url: "{trap}/token", credential_source: { file: "/etc/hostname" } },
    "/credential/type",
  ],
  [
    "an external account that runs a program",
    { ...good, type: "external_account", credential_source: { executable: { command: "id" } } },
    "/credential/type",
  ],
  [
    "an external account of a user",
    { type: "external_account_authorized_user", token_url: "{trap}/token", refresh_token: "demo" },
    "/credential/type",
  ],
  [
    "a person's own credentials",
    { type: "authorized_user", client_id: "demo", client_secret: "demo", refresh_token: "demo" },
    "/credential/type",
  ],
  [
    "an impersonated account",
    { type: "impersonated_service_account", service_account_impersonation_url: "{trap}/x", source_credentials: good },
    "/credential/type",
  ],
  [
    "an account of a private cloud",
    { ...good, type: "gdch_service_account", token_uri: "{trap}/token" },
    "/credential/type",
  ],
  ["an unknown type", { ...good, type: "service_account2" }, "/credential/type"],
  ["a type that is a list", { ...good, type: ["service_account"] }, "/credential/type"],
  ["no type", { ...good, type: undefined }, "/credential/type"],
  ["a token endpoint of somebody else", { ...good, token_uri: "{trap}/token" }, "/credential/token_uri"],
  [
    "a token endpoint that looks alike",
    { ...good, token_uri: "https://oauth2.googleapis.com.evil.example/token" },
    "/credential/token_uri",
  ],
  [
    "a token endpoint behind an @",
    { ...good, token_uri: "https://oauth2.googleapis.com@evil.example/token" },
    "/credential/token_uri",
  ],
  ["the metadata server", { ...good, token_uri: METADATA_HOST }, "/credential/token_uri"],
  ["another universe", { ...good, universe_domain: "evil.example" }, "/credential/universe_domain"],
  [
    "a universe that looks alike",
    { ...good, universe_domain: "googleapis.com.evil.example" },
    "/credential/universe_domain",
  ],
  ["another sign-in page", { ...good, auth_uri: "{trap}/auth" }, "/credential/auth_uri"],
  [
    "another certificate list",
    { ...good, auth_provider_x509_cert_url: "{trap}/certs" },
    "/credential/auth_provider_x509_cert_url",
  ],
  ["another list of its own", { ...good, client_x509_cert_url: "{trap}/x509" }, "/credential/client_x509_cert_url"],
  ["a quota project", { ...good, quota_project_id: "evil-project" }, "/credential"],
  ["a subject", { ...good, subject: "admin@example.com" }, "/credential"],
  ["a project that is a path", { ...good, project_id: "../../evil" }, "/credential/project_id"],
  ["a project in capitals", { ...good, project_id: "ACME" }, "/credential/project_id"],
  ["a project with a query", { ...good, project_id: "acme-billing?x=1" }, "/credential/project_id"],
  [
    "an address with a path",
    { ...good, client_email: "a/../../b@acme.iam.gserviceaccount.com" },
    "/credential/client_email",
  ],
  [
    "an address with a shell in it",
    { ...good, client_email: "a;id@acme.iam.gserviceaccount.com" },
    "/credential/client_email",
  ],
  ["a key id that is a path", { ...good, private_key_id: "../../../x" }, "/credential/private_key_id"],
  [
    "an EC key",
    { ...good, private_key: ec.privateKey.export({ type: "pkcs8", format: "pem" }) },
    "/credential/private_key",
  ],
  [
    "an older EC key",
    { ...good, private_key: ec.privateKey.export({ type: "sec1", format: "pem" }) },
    "/credential/private_key",
  ],
  ["a key of 1024 bits", { ...good, private_key: pemOf("pkcs8", 1_024) }, "/credential/private_key"],
  ["an encrypted key", { ...good, private_key: encrypted }, "/credential/private_key"],
  ["a key cut off", { ...good, private_key: good["private_key"]?.slice(0, 900) }, "/credential/private_key"],
  [
    "a key with its middle cut out",
    { ...good, private_key: good["private_key"]?.replace(/(.{400}).{400}/s, "$1") },
    "/credential/private_key",
  ],
  [
    "a public key",
    { ...good, private_key: ec.publicKey.export({ type: "spki", format: "pem" }) },
    "/credential/private_key",
  ],
  ["no key", { ...good, private_key: undefined }, "/credential/private_key"],
  ["a number for a key", { ...good, private_key: 7 }, "/credential/private_key"],
  ["an empty object", {}, "/credential/type"],
  ["a list", JSON.stringify([good]), "/credential"],
  ["a text that is no JSON", "not json", "/credential"],
  ["JSON that is cut off", JSON.stringify(good).slice(0, -20), "/credential"],
  ["a key given twice", JSON.stringify(good).replace("{", '{"type":"external_account",'), "/credential"],
  ["a prototype", JSON.stringify(good).replace("{", '{"__proto__":{"type":"external_account"},'), "/credential"],
  [
    "base64 of hostile JSON",
    Buffer.from(JSON.stringify({ ...good, token_uri: METADATA_HOST })).toString("base64"),
    "/credential/token_uri",
  ],
  ["20 kB of JSON", JSON.stringify({ ...good, client_id: "1".repeat(20_000) }), "/credential"],
  ["an API key", "AIzaSyA-0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a", "/credential"],
];

let service: Service;
let key: string;
let org = "";
let count = 0;
beforeAll(async () => {
  service = await startService();
}, 60_000);
afterAll(() => service.close());
beforeEach(async () => {
  service.simulators.reset();
  count += 1;
  org = `org-${count}`;
  key = await service.orgKey(org);
});

function setup(body: unknown): Promise<Reply> {
  return service.send("POST", `/${org}/gcp/setup`, { key, body });
}
const get = (): Promise<Reply> => service.send("GET", `/${org}/gcp`, { key });

/** The file with its addresses led to a server that would see who comes. */
function armed(file: unknown): unknown {
  return JSON.parse(JSON.stringify(file).replaceAll("{trap}", `${service.simulators.url}/google/iam`));
}

describe("refused before anybody is asked, naming the field and what to do:", () => {
  test.each(hostile)("%s", async (_, file, field) => {
    const reply = await setup({ credential: armed(file) });
    expect(reply.status).toBe(422);
    expect(reply.body).toMatchObject({ code: "credential_format", provider: "GCP_SA", remedy: expect.any(String) });
    expect(reply.body.errors.map((error: { field: string }) => error.field)).toContain(field);
    expect(service.simulators.requests).toEqual([]);
    expect((await get()).status).toBe(404);
    expect(reply.text).not.toMatch(/evil|169\.254|MII[A-Za-z0-9+/]{8}/);
  });

  test.each([
    ["external_account", "not_a_key_file"],
    ["external_account_authorized_user", "not_a_key_file"],
    ["impersonated_service_account", "not_a_key_file"],
    ["gdch_service_account", "not_a_key_file"],
    ["authorized_user", "authorized_user"],
  ])("%s is told apart, and told what to make instead", async (type, reason) => {
    const { body } = await setup({ credential: { ...good, type } });
    expect(body).toMatchObject({ reason, remedy: expect.stringContaining("gcloud iam service-accounts keys create") });
  });

  test("a key for RSA-PSS", () => {
    const { privateKey } = generateKeyPairSync("rsa-pss", { modulusLength: 2_048 });
    const pem = privateKey.export({ type: "pkcs8", format: "pem" }).toString();
    expect(() => checkCredential(registry, entry, { ...good, private_key: pem })).toThrow(Fault);
  });

  test.each([
    ["a host", { token_endpoint: "https://evil.example" }],
    ["an endpoint", { bigquery: "https://evil.example" }],
    ["a project of its own", { project_id: "evil-project" }],
    ["a universe", { universe_domain: "evil.example" }],
    ["a table that is a URL", { billing_export_table: "https://evil.example/a.b.c" }],
    ["a table with a back quote", { billing_export_table: "acme-billing.a.b`;SELECT" }],
    ["a table that is a path", { billing_export_table: "acme-billing.../../x.b" }],
    ["a table of two parts", { billing_export_table: "billing.table" }],
    ["a dataset that is a path", { billing_dataset: "../projects" }],
    ["a project that is a host", { billing_project_id: "evil.example/x" }],
    ["a region that is a host", { region: "eu.evil.example" }],
    ["eleven accounts", { additional_billing_accounts: Array(11).fill(account("01ABCD-234567-89ABCD")) }],
    ["an account of another form", { additional_billing_accounts: [account("evil")] }],
    ["an account without a table", { additional_billing_accounts: [{ billing_account_id: "01ABCD-234567-89ABCD" }] }],
    ["an account with a host", { additional_billing_accounts: [{ ...account("01ABCD-234567-89ABCD"), host: "x" }] }],
  ])("settings with %s", async (_, metadata) => {
    const reply = await setup({ credential: good, metadata });
    expect(reply.status).toBe(400);
    expect(reply.body.code).toBe("request_malformed");
    expect(service.simulators.requests).toEqual([]);
    expect(reply.text).not.toContain("evil");
  });
});

function account(billing_account_id: string) {
  return { billing_account_id, billing_export_table: `acme-billing.billing_export.${exportTables.standard}` };
}

describe("taken, as", () => {
  const text = JSON.stringify(good, null, 2);
  test.each<[string, unknown]>([
    ["an object", good],
    ["the file's text", text],
    ["its text, pasted with quotes and blanks", `  '${text}'\n`],
    ["base64", Buffer.from(text).toString("base64")],
    ["base64 with line breaks", Buffer.from(text).toString("base64").replace(/.{76}/g, "$&\n")],
    ["base64 for URLs", Buffer.from(text).toString("base64url")],
    [
      "only the required fields",
      {
        type: good["type"],
        project_id: good["project_id"],
        private_key: good["private_key"],
        client_email: good["client_email"],
      },
    ],
    [
      "an object whose key has \\n as two characters",
      { ...good, private_key: good["private_key"]?.replaceAll("\n", "\\n") },
    ],
    ["an older file", { ...good, token_uri: "https://accounts.google.com/o/oauth2/token", universe_domain: undefined }],
    ["another older file", { ...good, token_uri: "https://www.googleapis.com/oauth2/v3/token" }],
  ])("%s, and what is handed out is Google's present form", async (_, credential) => {
    const reply = await setup({ credential, metadata: google.metadata });
    expect(reply.status).toBe(201);
    expect(reply.body.validation_status).toBe("VALID");
    const { body: info } = await get();
    expect(Object.keys(info.metadata).sort()).toEqual(
      ["billing_export_table", "client_email", "client_id", "private_key_id", "project_id"].filter(
        (name) => name in info.metadata,
      ),
    );
    expect(info.metadata).toMatchObject({ project_id: "acme-billing", client_email: good["client_email"] });
    await service.grant(`pipeline-${org}`, [org]);
    const token = await service.token(`pipeline-${org}`);
    const { body } = await service.send("POST", `/${org}/gcp/decrypt`, { token, body: RUN });
    expect(body.credential).toMatchObject({
      type: "service_account",
      private_key: good["private_key"],
      auth_uri: "https://accounts.google.com/o/oauth2/auth",
      token_uri: "https://oauth2.googleapis.com/token",
      auth_provider_x509_cert_url: "https://www.googleapis.com/oauth2/v1/certs",
      client_x509_cert_url:
        "https://www.googleapis.com/robot/v1/metadata/x509/cloudact%40acme-billing.iam.gserviceaccount.com",
      universe_domain: "googleapis.com",
    });
    const { stdout, stderr } = service.output();
    expect(`${stdout}${stderr}${reply.text}`).not.toContain(good["private_key"]?.slice(60, 100));
  });

  test.each<[string, object]>([
    [
      "with a service account at top level",
      { project_id: "acme-costs", service_account_key: good, billing_dataset: "billing_export" },
    ],
    [
      "with the file's text at top level",
      { project_id: "acme-costs", service_account_key: text, billing_dataset: "billing_export" },
    ],
    [
      "with credentials and config",
      {
        credentials: { service_account_json: good },
        config: { project_id: "acme-costs", billing_dataset_id: "billing_export" },
      },
    ],
  ])("the older body %s: its dataset is searched and the tables are filled in", async (_, body) => {
    const reply = await setup(body);
    expect(reply.status).toBe(201);
    expect(reply.headers.get("deprecation")).not.toBeNull();
    const { body: info } = await get();
    expect(info.metadata).toMatchObject({
      project_id: "acme-billing",
      billing_project_id: "acme-costs",
      billing_export_table: `acme-costs.billing_export.${exportTables.standard}`,
      detailed_export_table: `acme-costs.billing_export.${exportTables.detailed}`,
      pricing_export_table: `acme-costs.billing_export.${exportTables.pricing}`,
      committed_use_discount_table: `acme-costs.billing_export.${exportTables.cud}`,
    });
    expect(info.pipelines.find(({ id }: { id: string }) => id === RUN.pipeline)).toMatchObject({ ready: true });
  });
});

describe("a pipeline is handed", () => {
  test("a token instead of the key, where it asks for one", async () => {
    await setup({ credential: good, metadata: google.metadata });
    await service.grant(`pipeline-${org}`, [org]);
    const token = await service.token(`pipeline-${org}`);
    const reply = await service.send("POST", `/${org}/gcp/decrypt`, { token, body: { ...RUN, as: "token" } });
    expect(reply.status).toBe(200);
    expect(reply.body.credential).toBeNull();
    expect(reply.body.token).toMatchObject({ type: "access_token", access_token: expect.stringMatching(/^ya29\./) });
    expect(reply.text).not.toContain("PRIVATE KEY");
  });
});
