import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { benchToken } from "../platform/bearer.ts";
import { bench, operator } from "../platform/rights.ts";
import { type Platform, startPlatform } from "../platform/start.ts";
import { fakeKey } from "../registry/the-registry.ts";
import { cli, printed, temporaryFolder } from "./run.ts";

const OLD_KEY = `projects/${bench.project}/locations/us-central1/keyRings/older/cryptoKeys/credentials`;
const OLDER = `${bench.project}.${bench.views}.org_integration_credentials_old`;
const KEYS = `${bench.project}.${bench.views}.org_api_keys`;
const folder = temporaryFolder();
afterAll(folder.remove);

describe("the command line", () => {
  const wrong: Array<[string, string[], RegExp]> = [
    ["nothing to take over", [], /There is nothing to take over/],
    ["a table without its key", ["--from", OLDER], /--from and --old-key go together/],
    ["a key without its table", ["--old-key", OLD_KEY], /--from and --old-key go together/],
    ["a table without a project", ["--from", "a.b", "--old-key", OLD_KEY], /--from must be a table of BigQuery/],
    ["a table with a backtick", ["--from", `${OLDER}\``, "--old-key", OLD_KEY], /--from must be a table/],
    ["a key version", ["--from", OLDER, "--old-key", `${OLD_KEY}/cryptoKeyVersions/1`], /without a version/],
    [
      "our own view",
      ["--from", `${bench.project}.${bench.views}.org_integration_credentials`, "--old-key", OLD_KEY],
      /must be the renamed table/,
    ],
    ["an organisation beside keys alone", ["--org-keys", KEYS, "--org", "acme"], /--org is for credentials/],
    ["an organisation in upper case", ["--from", OLDER, "--old-key", OLD_KEY, "--org", "Acme"], /in lower case/],
    ["keys without an end", ["--org-keys", KEYS], /--until is missing/],
    ["keys that have ended", ["--org-keys", KEYS, "--until", "2020-01-01"], /lies in the past/],
  ];
  test.each(wrong)("%s is wrong usage, and nothing is opened", async (_, args, expected) => {
    const ran = await cli(["migrate", ...args], { INTEGRATIONS_HOME: folder.path });
    expect(ran).toMatchObject({ code: 2, stdout: "", stderr: expect.stringMatching(expected) });
  });

  test("one machine has nothing to take over from, and says what to do instead", async () => {
    const ran = await cli(["migrate", "--from", OLDER, "--old-key", OLD_KEY], { INTEGRATIONS_HOME: folder.path });
    expect(ran).toMatchObject({ code: 4, stdout: "", stderr: expect.stringContaining("INTEGRATIONS_BACKEND=gcp") });
    const json = await cli(["migrate", "--from", OLDER, "--old-key", OLD_KEY, "--json"], {
      INTEGRATIONS_HOME: folder.path,
    });
    expect(JSON.parse(json.stdout)).toMatchObject({ success: false, code: "backend_local" });
  });
});

describe("on Google Cloud", () => {
  let platform: Platform;
  let env: Record<string, string>;
  const run = (...args: string[]) => cli(args, env);
  const home = () => join(folder.path, "gcp");
  const audits = (): Array<Record<string, unknown>> =>
    readFileSync(join(home(), "audit.jsonl"), "utf8")
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));

  /** Sealed as the older service did: with its key in Cloud KMS, without associated data. */
  async function sealed(text: string, key = OLD_KEY): Promise<string> {
    const reply = await fetch(`${platform.kms.endpoint}/v1/${key}:encrypt`, {
      method: "POST",
      headers: { authorization: `Bearer ${benchToken(operator)}`, "content-type": "application/json" },
      body: JSON.stringify({ plaintext: Buffer.from(text).toString("base64") }),
    });
    const body: { ciphertext?: unknown } = (await reply.json()) as never;
    return String(body.ciphertext);
  }

  const row = async (
    id: number,
    org: string,
    provider: string,
    secret: string,
    more: { key?: string; active?: string; at?: string; ends?: string } = {},
  ) =>
    platform.bigquery.admin(
      `INSERT INTO \`${OLDER}\` (credential_id, org_slug, provider, encrypted_credential, credential_name, validation_status,
        last_validated_at, is_active, metadata, created_at, expires_at) VALUES ('0000000${id}-0000-4000-8000-000000000000', '${org}', '${provider}',
        FROM_BASE64('${await sealed(secret, more.key)}'), 'Production', 'VALID', TIMESTAMP('2026-07-01T00:00:00Z'), ${more.active ?? "TRUE"},
        PARSE_JSON('{"environment":"production","colour":"red"}'), TIMESTAMP('${more.at ?? "2026-01-22T03:33:08Z"}'), '${more.ends ?? "2099-01-01 00:00:00 UTC"}')`,
    );

  beforeAll(async () => {
    platform = await startPlatform();
    env = { ...platform.env("operator"), INTEGRATIONS_HOME: home() };
    for (const name of ["older", "other"]) platform.kms.keyNamed(OLD_KEY.replace("older", name));
    const { bigquery } = platform;
    await bigquery.admin(
      `CREATE TABLE \`${OLDER}\` (credential_id STRING, org_slug STRING, provider STRING, encrypted_credential BYTES, credential_name STRING,
        validation_status STRING, last_validated_at TIMESTAMP, is_active BOOL, metadata JSON, created_at TIMESTAMP, expires_at STRING)`,
    );
    await bigquery.admin(`CREATE TABLE \`${KEYS}\` (api_key STRING, org_slug STRING)`);
    await row(1, "acme", "OPENAI", fakeKey("OPENAI"));
    await row(2, "acme", "OPENAI", fakeKey("DEEPSEEK"), { at: "2025-01-01T00:00:00Z" });
    await row(3, "beta", "ANTHROPIC", fakeKey("ANTHROPIC"), { ends: "next summer" });
    await row(4, "beta", "NOPE", "x");
    await row(5, "gamma", "GROQ", fakeKey("GROQ"), { key: OLD_KEY.replace("older", "other") });
    await row(6, "gamma", "GEMINI", "not a key at all");
    await row(7, "gamma", "XAI", fakeKey("XAI"), { active: "FALSE" });
    for (const org of ["acme", "beta"])
      await bigquery.admin(`INSERT INTO \`${KEYS}\` VALUES ('${org}_api_0123456789ab', '${org}')`);
    await bigquery.admin(`INSERT INTO \`${KEYS}\` VALUES ('odd key', 'acme')`);
  });
  afterAll(() => platform?.close());

  const credentials = ["migrate", "--from", OLDER, "--old-key", OLD_KEY];
  const count = async (table: string) =>
    (await platform.bigquery.admin(`SELECT 1 AS n FROM \`integrations.${table}\``)).length;

  test("a dry run opens and checks everything and stores nothing", async () => {
    const ran = await run(...credentials, "--org-keys", KEYS, "--until", "90d", "--dry-run", "--json");
    expect(ran.code).toBe(1);
    expect(JSON.parse(ran.stdout)).toMatchObject({
      dry_run: true,
      total: 7,
      taken_over: 2,
      skipped: 2,
      failed: 3,
      keys: {
        items: [{ outcome: "would_import" }, { outcome: "would_import" }, { outcome: "failed", code: "key_shape" }],
      },
    });
    for (const table of ["heads", "versions", "org_keys"]) expect(await count(table)).toBe(0);
  });

  test("takes over what can be, tells the rest in a line each, and ends with 1", async () => {
    const before = audits().length;
    const ran = await run(...credentials);
    expect(ran.code).toBe(1);
    expect(ran.stdout).toContain("Credentials: 2 taken over, 2 skipped, 3 failed");
    expect(ran.stdout).toMatch(/acme +OPENAI +00000001-\S+ +taken over +settings left behind: colour/);
    expect(ran.stdout).toMatch(/acme +OPENAI +00000002-\S+ +skipped +a newer active row of this provider decides/);
    expect(ran.stdout).toMatch(/ANTHROPIC +\S+ +taken over +.*colour; times that cannot be read: expires_at/);
    expect(ran.stdout).toMatch(/beta +NOPE +00000004-\S+ +failed +Its provider is not in the registry/);
    expect(ran.stdout).toMatch(/gamma +GROQ +00000005-\S+ +failed +The older key does not open it/);
    expect(ran.stdout).toMatch(/gamma +GEMINI +00000006-\S+ +failed +Invalid API key format for Google Gemini/);
    expect(ran.stderr).toContain("the next sweep asks their providers");
    const heads = await platform.bigquery.admin("SELECT * FROM `integrations.heads` ORDER BY org_slug");
    expect(heads).toMatchObject([
      { org_slug: "acme", provider: "OPENAI", seq: 1, validation_status: "VALID", credential_name: "Production" },
      { org_slug: "beta", provider: "ANTHROPIC", seq: 1, metadata: { environment: "production" } },
    ]);
    expect(
      audits()
        .slice(before)
        .map(({ operation, outcome }) => `${operation} ${outcome}`)
        .sort(),
    ).toEqual(["migrate error", "migrate error", "migrate ok", "migrate ok", "migrate.run ok"]);
  });

  test("run again it takes nothing twice, and an organisation alone may be named", async () => {
    const again = JSON.parse((await run(...credentials, "--json")).stdout);
    expect(again).toMatchObject({ taken_over: 0, skipped: 4, failed: 3 });
    const one = await run(...credentials, "--org", "acme", "--json");
    expect([one.code, JSON.parse(one.stdout)]).toMatchObject([0, { total: 2, taken_over: 0, skipped: 2, failed: 0 }]);
    expect(await count("heads")).toBe(2);
  });

  test("hashes the older keys into ours, each once, and never shows one", async () => {
    const ran = await run("migrate", "--org-keys", KEYS, "--until", "90d");
    expect(ran.stdout).toContain("API keys: 2 taken over until");
    expect(ran.stdout).toMatch(/ at the latest, 0 skipped, 1 failed$/m);
    expect(ran.code).toBe(1);
    expect((await run("migrate", "--org-keys", KEYS, "--until", "90d")).stdout).toContain(
      "API keys: 0 taken over until",
    );
    const rows = await platform.bigquery.admin("SELECT * FROM `integrations.org_keys` ORDER BY org_slug");
    expect(rows).toMatchObject([
      { org_slug: "acme", legacy: true, scope: "manage", environment: "test" },
      { org_slug: "beta", legacy: true },
    ]);
  });

  test("a key version that is disabled ends with 4, and a table that is none with what it needs", async () => {
    await row(8, "delta", "OPENAI", fakeKey("OPENAI"));
    platform.kms.keyNamed(OLD_KEY).rotate();
    platform.kms.keyNamed(OLD_KEY).disable(1);
    const ran = await run(...credentials, "--org", "delta", "--json");
    expect([ran.code, JSON.parse(ran.stdout)]).toMatchObject([4, { failed: 1, rows: [{ code: "key_unavailable" }] }]);
    const wrong = await run("migrate", "--from", KEYS, "--old-key", OLD_KEY, "--json");
    expect([wrong.code, JSON.parse(wrong.stdout).remedy]).toEqual([2, expect.stringContaining("at least the columns")]);
    const missing = await run("migrate", "--from", `${OLDER}er`, "--old-key", OLD_KEY, "--json");
    expect([missing.code, JSON.parse(missing.stdout)]).toMatchObject([
      4,
      { code: "store_unavailable", reason: "missing" },
    ]);
  });

  test("what was done is told where a run ends by a fault, the keys too, and it ends as the fault does", async () => {
    const args = ["migrate", "--org-keys", KEYS, "--until", "90d", "--old-key", OLD_KEY, "--from"];
    const text = await run(...args, `${OLDER}er`);
    expect(text.code).toBe(4);
    expect(text.stdout).toMatch(/^API keys: 0 taken over until .*, 2 skipped, 1 failed\nIt ended before the end/m);
    expect(text.stderr).toContain("reason: missing");
    const json = await run(...args, `${OLDER}er`, "--json");
    expect([json.code, JSON.parse(json.stdout)]).toMatchObject([
      4,
      { success: false, code: "store_unavailable", keys: { items: [{}, {}, { outcome: "failed" }] } },
    ]);
    const wrong = await run(...args, KEYS, "--json");
    expect([wrong.code, JSON.parse(wrong.stdout)]).toMatchObject([2, { keys: { items: [{}, {}, {}] } }]);
    await row(9, "epsilon", "OPENAI", fakeKey("OPENAI"));
    await row(0, "epsilon", "NOPE", "x");
    const { key } = platform.kms;
    key.disable(1);
    const ended = await run(...credentials, "--org", "epsilon");
    expect(ended.code).toBe(4);
    expect(ended.stdout).toContain("It ended before the end of the table. Until then:");
    expect(ended.stdout).toMatch(/epsilon +NOPE +00000000-\S+ +failed +Its provider is not in the registry/);
    expect(ended.stdout).toMatch(/Credentials: 0 taken over, 0 skipped, 2 failed/);
    key.enable(1);
  });

  test("nothing that was ever printed or sent holds a secret", () => {
    const said = [...printed, ...platform.bigquery.statements().map(({ sql }) => sql)].join("\n");
    for (const secret of ["OPENAI", "DEEPSEEK", "ANTHROPIC", "GROQ", "XAI"].map(fakeKey))
      expect(said).not.toContain(secret);
    expect(said).not.toMatch(/_api_0123456789ab|not a key at all|odd key|next summer/);
  });
});
