import { readFileSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage } from "node:http";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { exampleKeys, refusedEndpoint, type Simulators, startSimulators } from "../simulators/start.ts";
import { cli, printed, startService, temporaryFolder } from "./run.ts";

const folder = temporaryFolder();
const home = join(folder.path, "home");
const keys = exampleKeys("OPENAI");
const anthropic = exampleKeys("ANTHROPIC");
let simulators: Simulators;
let service: Awaited<ReturnType<typeof startService>>;
let env: Record<string, string>;
const run = (...args: string[]) => cli(args, env);
const feed = (secret: string, ...args: string[]) => cli(args, env, `${secret}\n`);

beforeAll(async () => {
  simulators = await startSimulators();
  env = { ...simulators.env, INTEGRATIONS_HOME: home };
  service = await startService(env);
  env["INTEGRATIONS_URL"] = service.url;
  const [key, token] = await Promise.all([
    run("org-key", "create", "acme", "--scope", "manage"),
    run("token", "--subject", "p1"),
    run("grant", "create", "--subject", "p1", "--org", "acme", "--provider", "openai"),
  ]);
  env["INTEGRATIONS_API_KEY"] = key.stdout.trim();
  env["INTEGRATIONS_TOKEN"] = token.stdout.trim();
});
afterAll(async () => {
  await service?.stop();
  await simulators?.close();
  folder.remove();
});

test("a credential's whole life, beside the running service", async () => {
  expect(await run("status", "acme")).toMatchObject({
    code: 0,
    stdout: expect.stringContaining("nothing is configured"),
  });
  expect(await feed(keys.good, "setup", "acme", "openai", "--dry-run")).toMatchObject({ code: 0 });
  expect(await run("get", "acme", "openai")).toMatchObject({ code: 3, stdout: "" });

  const settings = ["--name", "Main", "--metadata", "team=fin", "--metadata", 'tags=["a","b"]', "--expires", "20d"];
  const made = await feed(keys.good, "setup", "acme", "OPENAI", ...settings, "--create-only", "--json");
  expect(made.code).toBe(0);
  expect(JSON.parse(made.stdout)).toMatchObject({ success: true, provider: "OPENAI", validation_status: "VALID" });

  const [got, table, soon, history, instructions, again] = await Promise.all([
    run("get", "acme", "openai", "--json"),
    run("status", "acme", "--configured", "--category", "genai"),
    run("status", "acme", "--expiring-within", "30d", "--json"),
    run("history", "acme", "openai", "--limit", "5"),
    run("instructions", "acme", "openai"),
    feed(keys.good, "setup", "acme", "openai", "--create-only"),
  ]);
  expect(JSON.parse(got.stdout)).toMatchObject({
    credential_name: "Main",
    metadata: { team: "fin", tags: ["a", "b"] },
  });
  expect(table.stdout).toMatch(/^OPENAI +VALID +active +\d\/\d/m);
  expect(table.stdout).not.toContain("\u001b");
  expect(Object.keys(JSON.parse(soon.stdout).integrations)).toEqual(["OPENAI"]);
  expect(history.stdout).toMatch(/setup +VALID/);
  expect(instructions.stdout).toContain("api_key");
  expect(again).toMatchObject({ code: 3, stderr: expect.stringContaining("Integration already exists for OpenAI") });

  const changed = ["--disable", "--metadata", "team=", "--expires", "none", "--if-match", "v1"];
  expect(await run("update", "acme", "openai", ...changed)).toMatchObject({ code: 0 });
  expect(JSON.parse((await run("get", "acme", "openai", "--json")).stdout)).toMatchObject({
    enabled: false,
    expires_at: null,
    metadata: { tags: ["a", "b"] },
  });
  expect(await run("update", "acme", "openai", "--enable", "--if-match", "v1")).toMatchObject({ code: 3 });
  expect(await run("update", "acme", "openai", "--enable", "--if-match", '"v2"')).toMatchObject({ code: 0 });

  const file = join(folder.path, "key.txt");
  writeFileSync(file, keys.another);
  expect(await run("rotate", "acme", "openai", "--file", file)).toMatchObject({ code: 0 });
  expect(await run("validate", "acme", "openai")).toMatchObject({ code: 0 });

  const asked = ["decrypt", "acme", "openai", "--pipeline", "genai.payg_usage", "--run-id", "run-1"];
  const opened = await run(...asked);
  expect(JSON.parse(opened.stdout).credential).toEqual({ api_key: keys.another });
  expect(opened.stderr).toBe("");
  expect(JSON.parse((await run(...asked, "--as", "none")).stdout).credential).toBeNull();

  simulators.revoke(keys.another);
  expect(await run("validate", "acme", "openai")).toMatchObject({ code: 1 });
  expect(await run(...asked)).toMatchObject({ code: 3, stdout: "" });
  const withCredential = ["update", "acme", "openai", "--credential", "--name", "New"];
  expect(await feed(keys.good, ...withCredential)).toMatchObject({ code: 0 });

  const refusals = await Promise.all([
    run("delete", "acme", "openai"),
    run("delete", "acme", "openai", "--at", "never", "--yes"),
  ]);
  expect(refusals.map(({ code }) => code)).toEqual([2, 2]);
  expect(await run("delete", "acme", "openai", "--at", "3d", "--yes")).toMatchObject({ code: 0 });
  expect(await run("update", "acme", "openai", "--deactivate-at", "none")).toMatchObject({ code: 0 });
  expect(await run("delete", "acme", "openai", "--yes", "--json")).toMatchObject({ code: 0 });
  expect(await run("delete", "acme", "openai", "--yes")).toMatchObject({ code: 3 });
});

test("history goes page by page, as far as asked", async () => {
  const key = (await run("org-key", "create", "paged", "--scope", "manage")).stdout.trim();
  const of = (...args: string[]) => cli(args, { ...env, INTEGRATIONS_API_KEY: key });
  await cli(["setup", "paged", "openai"], { ...env, INTEGRATIONS_API_KEY: key }, keys.good);
  for (const name of ["a", "b", "c"]) await of("update", "paged", "openai", "--name", name);
  const page = async (...args: string[]) =>
    JSON.parse((await of("history", "paged", "openai", "--json", ...args)).stdout);
  const [all, two, since, none] = await Promise.all([
    page(),
    page("--limit", "2"),
    page("--since", "1d"),
    page("--since", "2026-01-01T00:00:00Z", "--limit", "1"),
  ]);
  expect(all).toMatchObject({ next_cursor: null });
  expect(all.items.length).toBeGreaterThanOrEqual(4);
  expect(two).toEqual({ items: all.items.slice(0, 2), next_cursor: expect.any(String) });
  expect((await page("--cursor", two.next_cursor)).items).toEqual(all.items.slice(2));
  expect(since.items).toEqual(all.items);
  expect(none.items).toEqual(all.items.slice(0, 1));
});

test("a sweep checks what is due while the service runs", async () => {
  const pending = await feed(anthropic.good, "setup", "acme", "anthropic", "--skip-validation", "--json");
  expect(JSON.parse(pending.stdout)).toMatchObject({ validation_status: "PENDING" });
  const [swept] = [await run("sweep", "--org", "acme", "--limit", "10", "--json")];
  expect(JSON.parse(swept.stdout)).toMatchObject({ checked: 1, valid: 1, providers: { ANTHROPIC: { checked: 1 } } });
  expect(JSON.parse((await run("get", "acme", "anthropic", "--json")).stdout).status).toBe("VALID");
  const lines = readFileSync(join(home, "audit.jsonl"), "utf8").trim().split("\n");
  expect(lines.map((line) => JSON.parse(line))).toContainEqual(
    expect.objectContaining({ actor_type: "operator", operation: "revalidate", org_slug: "acme", outcome: "ok" }),
  );
});

describe("exit codes", () => {
  test.concurrent.each([
    ["a dry run of a dead key", keys.revoked, ["setup", "beta", "openai", "--dry-run"], "beta", 1],
    ["a dead key", keys.revoked, ["setup", "beta", "openai"], "beta", 3],
    ["no key at all", "nonsense", ["setup", "beta", "openai"], "beta", 3],
    ["an outage of the provider", keys.outage, ["setup", "beta", "openai"], "beta", 4],
    ["an unknown provider", keys.good, ["setup", "beta", "nothing"], "beta", 3],
    ["another organisation", "", ["status", "acme"], "beta", 3],
    ["an unknown setting", keys.good, ["setup", "beta", "openai", "--metadata", "nope=1"], "beta", 3],
    ["no secret", "", ["setup", "beta", "openai"], "beta", 2],
    ["a file that is not there", "", ["setup", "beta", "openai", "--file", "/none"], "beta", 2],
    ["no grant", "", ["decrypt", "beta", "openai", "--pipeline", "genai.payg_usage", "--run-id", "r"], "beta", 3],
  ])("%s", async (_, secret, args, org, code) => {
    const key = await keyOf(org);
    const done = await cli(args, { ...env, INTEGRATIONS_API_KEY: key }, secret);
    expect(done.code, done.stderr).toBe(code);
    if (code > 1) expect(done.stdout).toBe("");
    if (code > 2) expect(done.stderr).toMatch(/^\d{3} .+\n/);
    if (code > 2) expect(done.stderr).toMatch(/request id: [0-9a-f-]{36}/);
  });

  test.each([
    ["a provider that is none, the nearest named", ["get", "acme", "opeani"], "acme", "Did you mean openai?"],
    ["the same before anyone is asked for its secret", ["setup", "acme", "opeani"], "acme", "Did you mean openai?"],
    ["one that is not configured", ["get", "acme", "xai"], "acme", "Set it up: cloudact-integrations setup acme xai"],
    ["another organisation's key", ["status", "acme"], "beta", "cloudact-integrations org-key create acme"],
    [
      "no grant",
      ["decrypt", "beta", "groq", "--pipeline", "genai.payg_usage", "--run-id", "r"],
      "beta",
      "grant create --subject <name> --org beta",
    ],
  ])("of a refusal the remedy is one of this tool: %s", async (_, args, org, told) => {
    const done = await cli(args, { ...env, INTEGRATIONS_API_KEY: await keyOf(org) });
    expect(done).toMatchObject({ code: 3, stdout: "", stderr: expect.stringContaining(told) });
  });

  test("with --json a refusal is the server's own document", async () => {
    const done = await cli(
      ["setup", "beta", "openai", "--json"],
      { ...env, INTEGRATIONS_API_KEY: await keyOf("beta") },
      keys.revoked,
    );
    expect(done).toMatchObject({ code: 3, stderr: "" });
    expect(JSON.parse(done.stdout)).toMatchObject({ status: 422, code: "credential_rejected", success: false });
  });

  const made = new Map<string, Promise<string>>();
  function keyOf(org: string): Promise<string> {
    const key = made.get(org) ?? run("org-key", "create", org, "--scope", "manage").then(({ stdout }) => stdout.trim());
    made.set(org, key);
    return key;
  }
});

describe("what answers", () => {
  test.each([
    ["a read key may look and not change", "read", 3],
    ["a key nobody knows", "unknown", 3],
    ["no key", "none", 2],
    ["a key with a space in it", "spaced", 2],
  ])("%s", async (_, kind, code) => {
    const values: Record<string, string> = { unknown: "cact_local_x", none: "", spaced: "two words-xyz" };
    const key =
      kind === "read" ? (await run("org-key", "create", "acme", "--scope", "read")).stdout.trim() : values[kind];
    const done = await cli(["validate", "acme", "openai"], { ...env, INTEGRATIONS_API_KEY: key ?? "" });
    expect(done.code).toBe(code);
    expect(done.stderr).not.toContain("words-xyz");
  });

  test("nothing: it says how to start the service", async () => {
    const url = refusedEndpoint;
    const done = await cli(["status", "acme"], { ...env, INTEGRATIONS_URL: url });
    expect(done).toMatchObject({ code: 4, stdout: "" });
    expect(done.stderr).toContain(
      `The service does not answer at ${url}: start it with npm start, or set INTEGRATIONS_URL`,
    );
    const json = await cli(["status", "acme", "--json"], { ...env, INTEGRATIONS_URL: url });
    expect(JSON.parse(json.stdout)).toMatchObject({ code: "service_unreachable", reason: "ECONNREFUSED" });
  });

  test.each(["http://service.example/api", "ftp://127.0.0.1", "http://user:pass@127.0.0.1", "nonsense"])(
    "an address that would give the key away is refused: %s",
    async (url) => {
      const done = await cli(["status", "acme"], { ...env, INTEGRATIONS_URL: url });
      expect(done).toMatchObject({ code: 2, stdout: "" });
      expect(done.stderr).not.toContain("pass");
    },
  );

  test.each([
    ["a page", 200, { "content-type": "text/html" }, "<html>", 4, "is not this service"],
    ["a redirect", 302, { location: "/elsewhere" }, "", 4, "is not this service"],
    [
      "a limit",
      429,
      { "content-type": "application/problem+json" },
      JSON.stringify({
        title: "Too many",
        detail: "Slow\u001b[2J down",
        remedy: "Wait",
        retry_after_s: 7,
        code: "too_many_requests",
        request_id: "r-1",
        errors: [{ field: "/a", message: "is\u009b wrong" }],
      }),
      3,
      "429 Too many: Slow[2J down\n  /a is wrong\nremedy: Wait\nretry after: 7 s\nrequest id: r-1\n",
    ],
    ["an outage", 503, { "retry-after": "9" }, "down", 4, "retry after: 9 s"],
  ])(
    "%s is told for what it is, and nothing of it reaches the terminal's controls",
    async (_, status, headers, body, code, told) => {
      const seen: IncomingMessage[] = [];
      const server = createServer((request, response) => {
        seen.push(request);
        response.writeHead(status, headers).end(body);
      });
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
      const address = server.address();
      const port = typeof address === "object" && address ? address.port : 0;
      const done = await cli(["status", "acme"], { ...env, INTEGRATIONS_URL: `http://127.0.0.1:${port}` });
      server.close();
      expect({ code: done.code, stdout: done.stdout }).toEqual({ code, stdout: "" });
      expect(done.stderr).toContain(told);
      expect(done.stderr).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/);
      expect(seen).toHaveLength(1);
    },
  );

  test("escapes in an answer are stripped from tables and escaped in JSON", async () => {
    const body = JSON.stringify({
      integrations: { "X\u001b[31m": { status: "VA\u009bLID", lifecycle: "\u202eactive" } },
    });
    const server = createServer((_, response) => response.writeHead(200).end(body.replace("\\u001b", "\\u001b")));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const address = server.address();
    const url = `http://127.0.0.1:${typeof address === "object" && address ? address.port : 0}`;
    const [table, json] = await Promise.all([
      cli(["status", "acme"], { ...env, INTEGRATIONS_URL: url }),
      cli(["status", "acme", "--json"], { ...env, INTEGRATIONS_URL: url }),
    ]);
    server.close();
    for (const { stdout } of [table, json])
      expect(stdout).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]/);
    expect(table.stdout).toMatch(/^X\[31m +VALID +active/m);
    expect(JSON.parse(json.stdout)).toEqual(JSON.parse(body));
  });
});

test("no secret was ever printed but where it was asked for", () => {
  const everything = printed.join("\n");
  for (const secret of [keys.good, keys.revoked, keys.outage, anthropic.good, env["INTEGRATIONS_TOKEN"] ?? "?"])
    expect(everything.split(secret).length - 1).toBe(secret === env["INTEGRATIONS_TOKEN"] ? 1 : 0);
  expect(everything.split(keys.another).length - 1).toBe(1);
  expect(everything.split(env["INTEGRATIONS_API_KEY"] ?? "?").length - 1).toBe(1);
});
