import { spawn } from "node:child_process";
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parseOrgKey } from "../../shared/vault/org-key.ts";
import { cli, environment, ran, root, temporaryFolder } from "./run.ts";

const KEY = /^cact_local_[0-9A-Za-z]{12}_[0-9A-Za-z]{49}\n$/;
const folder = temporaryFolder();
const home = join(folder.path, "home");
const here = { INTEGRATIONS_HOME: home };
const run = (...args: string[]) => cli(args, here);
const audit = (): Array<Record<string, unknown>> =>
  readFileSync(join(home, "audit.jsonl"), "utf8")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));

beforeAll(async () => {
  await run("org-key", "list", "acme");
});
afterAll(folder.remove);

describe("organisation keys", () => {
  test("npm run --silent cli -- org-key create prints the key and nothing else", async () => {
    const args = ["run", "--silent", "cli", "--", "org-key", "create", "acme", "--scope", "manage"];
    const made = await ran(spawn("npm", args, { cwd: root, env: environment(here) }));
    expect(made).toMatchObject({ code: 0, stdout: expect.stringMatching(KEY) });
    expect(parseOrgKey(made.stdout.trim())).not.toBeNull();
    expect(made.stderr).not.toContain(made.stdout.trim());
  });

  test("are made, listed without themselves, revoked, each act audited", async () => {
    const made = await run(
      "org-key",
      "create",
      "beta",
      "--scope",
      "read",
      "--name",
      "CI",
      "--expires",
      "90d",
      "--json",
    );
    const { key, key_id: keyId, ...rest } = JSON.parse(made.stdout);
    expect(`${key}\n`).toMatch(KEY);
    expect(rest).toMatchObject({ org_slug: "beta", scope: "read", name: "CI", state: "live" });
    const listed = await run("org-key", "list", "beta", "--json");
    expect(JSON.parse(listed.stdout).items).toMatchObject([{ key_id: keyId, state: "live" }]);
    expect(listed.stdout).not.toMatch(/hmac|cact_/);
    const table = await run("org-key", "list", "beta");
    expect(table.stdout).toMatch(new RegExp(`^key id.*\\n${keyId}  read   live`));
    expect(await run("org-key", "revoke", keyId)).toMatchObject({ code: 0 });
    expect(await run("org-key", "revoke", keyId)).toMatchObject({ code: 0 });
    expect(JSON.parse((await run("org-key", "list", "beta", "--json")).stdout).items[0].state).toBe("revoked");
    const acts = audit().filter(({ target_id: id }) => id === keyId);
    expect(acts).toMatchObject([
      { operation: "org_key.create", actor_type: "operator", org_slug: "beta", outcome: "ok" },
      { operation: "org_key.revoke", actor_type: "operator", org_slug: "beta", outcome: "ok" },
      { operation: "org_key.revoke", actor_type: "operator", org_slug: "beta", outcome: "ok" },
    ]);
    expect(readFileSync(join(home, "audit.jsonl"), "utf8")).not.toContain(key);
  });

  test("one that is not there is refused, and that is audited too", async () => {
    expect(await run("org-key", "revoke", "000000000000")).toMatchObject({ code: 3, stdout: "" });
    expect(audit().at(-1)).toMatchObject({ outcome: "error", reason_code: "org_key_unknown" });
  });

  test("none is shown where the act cannot be audited", async () => {
    const broken = join(folder.path, "no-audit");
    mkdirSync(join(broken, "audit.jsonl"), { recursive: true, mode: 0o700 });
    const made = await cli(["org-key", "create", "acme", "--scope", "manage"], { INTEGRATIONS_HOME: broken });
    expect(made).toMatchObject({ code: 4, stdout: "" });
  });
});

describe("grants", () => {
  test("are made with their id alone on stdout, listed, revoked, audited for each organisation", async () => {
    const made = await run(
      ...["grant", "create", "--subject", "p1", "--org", "acme,beta", "--org", "gamma"],
      ...["--provider", "OpenAI", "--provider", "anthropic"],
    );
    expect(made).toMatchObject({ code: 0, stdout: expect.stringMatching(/^[0-9a-f-]{36}\n$/) });
    const grantId = made.stdout.trim();
    const [listed, others] = await Promise.all([
      run("grant", "list", "--org", "gamma", "--json"),
      run("grant", "list", "--org", "delta", "--json"),
    ]);
    expect(JSON.parse(others.stdout).items).toEqual([]);
    const [grant] = JSON.parse(listed.stdout).items;
    expect(grant).toMatchObject({
      subject: "p1",
      org_slugs: ["acme", "beta", "gamma"],
      providers: ["OPENAI", "ANTHROPIC"],
    });
    expect((Date.parse(grant.expires_at) - Date.parse(grant.created_at)) / 86_400_000).toBeCloseTo(90);
    expect(await run("grant", "revoke", grantId)).toMatchObject({ code: 0 });
    expect((await run("grant", "list")).stdout).toContain("revoked");
    const acts = audit().filter(({ target_id: id }) => id === grantId);
    expect(acts.map(({ operation, org_slug: org }) => `${operation} ${org}`)).toEqual([
      "grant.create acme",
      "grant.create beta",
      "grant.create gamma",
      "grant.revoke acme",
      "grant.revoke beta",
      "grant.revoke gamma",
    ]);
  });
});

test("a token goes to stdout alone, for its subject, and is audited", async () => {
  const made = await run("token", "--subject", "p1");
  expect(made.stdout).toMatch(/^[\w-]+\.[\w-]+\.[\w-]+\n$/);
  const claims = JSON.parse(Buffer.from(made.stdout.split(".")[1] ?? "", "base64url").toString());
  expect(claims).toMatchObject({ sub: "p1", aud: "cloudact-integrations-decrypt" });
  expect(audit().findLast(({ operation }) => operation === "token.issue")).toMatchObject({ target_id: "p1" });
});

test("the architecture names every function, with no colour in a pipe", async () => {
  const { code, stdout } = await run("architecture");
  expect(code).toBe(0);
  for (const name of ["setup", "validate", "list", "get", "update", "delete", "decrypt", "revalidate"])
    expect(stdout).toMatch(new RegExp(`^  ${name} `, "m"));
  expect(stdout).not.toContain("\u001b");
  const lines = stdout.split("\n").filter((line) => /^ {2}[┌│└].*[┐│┘]$/.test(line));
  expect(new Set(lines.map((line) => line.length)).size).toBe(1);
  const { functions } = JSON.parse((await run("architecture", "--json")).stdout);
  expect(functions).toHaveLength(8);
});

describe("the registry", () => {
  const wrong = join(folder.path, "wrong.yml");
  writeFileSync(wrong, "providers:\n  - code: NEW\n    display_name: New\n    categroy: genai\n");

  test("is shown where it is fine", async () => {
    const fine = await run("providers", "check");
    expect(fine).toMatchObject({ code: 0, stdout: expect.stringContaining("OPENAI") });
    expect(JSON.parse((await run("providers", "check", "--json")).stdout).problems).toEqual([]);
  });

  test.each([
    ["given", ["providers", "check", wrong], {}],
    ["in INTEGRATIONS_EXTRA_PROVIDERS", ["providers", "check"], { INTEGRATIONS_EXTRA_PROVIDERS: wrong }],
  ])("a wrong file, %s, is told by line and exits 1", async (_, args, env) => {
    const found = await cli(args, env);
    expect(found.code).toBe(1);
    expect(found.stdout).toMatch(/wrong\.yml:4 providers\[0\]\.categroy/);
  });

  test("a missing file is unavailable", async () => {
    expect(await run("providers", "check", join(folder.path, "none.yml"))).toMatchObject({ code: 4, stdout: "" });
  });
});

describe("usage", () => {
  test("is told without a value, a stack trace, or anything on stdout", async () => {
    const runs = await Promise.all([
      run("statsu", "acme"),
      run("setup", "acme", "openai", "sk-proj-demo-good-000000000000000000000000000000"),
      run("grant", "create", "--subject", "a", "--org", "acme", "--provider", "opnai"),
      run("grant", "create", "--subject", "a", "--org", "acme", "--provider", "*,openai"),
      run("org-key", "create", "acme", "--scope", "read", "--expires", "2020-01-01"),
    ]);
    const told = [
      'Did you mean "status"',
      "never taken from the command line",
      "Did you mean OPENAI",
      "stands alone",
      "in the past",
    ];
    for (const [index, { code, stdout, stderr }] of runs.entries()) {
      expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
      expect(stderr).toContain(told[index]);
      expect(stderr).not.toMatch(/demo-good|^\s+at /m);
    }
  });

  test("help and version are for all and for each", async () => {
    const [all, one, group, behind, version] = await Promise.all([
      run("--help"),
      run("setup", "--help"),
      run("help", "org-key"),
      run("help", "grant", "create"),
      run("--version"),
    ]);
    expect(all.stdout).toContain("Exit codes");
    expect(one.stdout).toContain("Example: cloudact-integrations setup acme openai --file key.txt");
    expect(group.stdout.match(/^Usage:/gm)).toHaveLength(4);
    expect(behind.stdout).toContain("--subject <sub>");
    expect(version.stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
    for (const { code } of [all, one, group, behind, version]) expect(code).toBe(0);
    expect(await run()).toMatchObject({ code: 2, stdout: "" });
  });
});

describe("where it cannot be", () => {
  test("a wrong environment is told whole, and exits 4", async () => {
    const { code, stdout, stderr } = await cli(["org-key", "list", "acme"], {
      ...here,
      PORT: "x",
      INTEGRATIONS_RATE_LIMIT: "y",
    });
    expect({ code, stdout }).toEqual({ code: 4, stdout: "" });
    expect(stderr).toContain("PORT:");
    expect(stderr).toContain("INTEGRATIONS_RATE_LIMIT:");
    const json = await cli(["org-key", "list", "acme", "--json"], { ...here, PORT: "x" });
    expect(JSON.parse(json.stdout)).toMatchObject({ success: false, code: "environment_unusable" });
  });

  test("a home that others can write to is told with what to do, and exits 4", async () => {
    const open = join(folder.path, "open");
    mkdirSync(open);
    chmodSync(open, 0o777);
    const { code, stderr } = await cli(["org-key", "list", "acme"], { INTEGRATIONS_HOME: open });
    expect(code).toBe(4);
    expect(stderr).toContain("chmod 700");
  });

  test("a home that is a file exits 4 without a stack trace", async () => {
    const file = join(folder.path, "file");
    writeFileSync(file, "");
    const { code, stderr } = await cli(["org-key", "list", "acme"], { INTEGRATIONS_HOME: file });
    expect(code).toBe(4);
    expect(stderr).toContain("is not a folder");
    expect(stderr).not.toMatch(/^\s+at /m);
  });

  test("a reader that leaves early is no failure", async () => {
    const child = spawn(process.execPath, ["shared/cli/main.ts", "architecture"], {
      cwd: root,
      env: environment(here),
    });
    child.stdout.destroy();
    expect(await ran(child)).toMatchObject({ code: 0, stderr: "" });
  });
});
