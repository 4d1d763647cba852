import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import autocannon from "autocannon";
import { assemble, openIssuer, type Parts, readPlan } from "../functions/parts.ts";
import { unconditional } from "../shared/contract/precondition.ts";
import { decrypt } from "../shared/operations/decrypt.ts";
import { get, list } from "../shared/operations/read.ts";
import { remove } from "../shared/operations/remove.ts";
import { setup } from "../shared/operations/setup.ts";
import { sweep } from "../shared/operations/sweep.ts";
import { update } from "../shared/operations/update.ts";
import { validate } from "../shared/operations/validate.ts";
import type { CredentialStore } from "../shared/ports/credential-store.ts";
import { hashOrgKey, mintOrgKey } from "../shared/vault/org-key.ts";
import { exampleKeys, startSimulators } from "../tests/simulators/start.ts";
import { end, type First, median, startTarget } from "./bench/processes.ts";

/*
 * Ratios, all in one run on one machine: how fast each function answers its first request against the framework's empty
 * hello, what a warm one carries against it, how many statements an operation sends, and what one validation of each
 * provider asks. `--quick` runs fewer.
 */

const { values: options } = parseArgs({
  options: { quick: { type: "boolean", default: false }, json: { type: "boolean", default: false } },
});
const ROUNDS = options.quick ? 5 : 15;
const SECONDS = options.quick ? 2 : 6;
const root = join(import.meta.dirname, "..");
const home = mkdtempSync(join(tmpdir(), "cloudact-integrations-bench-"));
const simulators = await startSimulators();
const env = { INTEGRATIONS_HOME: home, INTEGRATIONS_RATE_LIMIT: "0", ...simulators.env };
const openai = exampleKeys("OPENAI");
const json = { "content-type": "application/json" };

function table(title: string, rows: Array<Record<string, string | number>>): void {
  if (options.json) console.log(JSON.stringify({ title, rows }));
  else {
    console.log(`\n${title}`);
    console.table(rows);
  }
}

async function main(): Promise<void> {
  execFileSync(process.execPath, ["scripts/build.ts"], { cwd: root, stdio: "ignore" });
  const parts = await assemble(readPlan(null, { ...env }));
  const identities = await prepare(parts);
  table(
    "Cold start: process start to the first answer with everything open, median, ratio to the framework's hello",
    await coldStarts(identities),
  );
  table("Warm: requests a second and p99 at 50 connections, ratio to the framework's hello", await warm(identities));
  table("Statements an operation sends (besides the key or grant look-up)", await statements(parts));
  parts.store.close();
  const measures = ["tests/kit/measure.ts", ...(options.json ? ["--json"] : [])];
  execFileSync(process.execPath, measures, { cwd: root, stdio: "inherit" });
}

interface Identities {
  key: string;
  token: string;
  scheduler: string;
}

async function prepare(parts: Parts): Promise<Identities> {
  const { key, keyId } = mintOrgKey("local");
  const [pepper] = await parts.secrets.peppers();
  const created_at = new Date().toISOString();
  await parts.orgKeys.addKey({
    key_id: keyId,
    org_slug: "acme",
    environment: "local",
    scope: "manage",
    name: null,
    key_hmac: hashOrgKey(pepper.bytes, key.reveal()),
    pepper_version: pepper.version,
    legacy: false,
    created_at,
    created_by: "bench",
    expires_at: null,
    revoked_at: null,
    revoked_by: null,
  });
  await parts.grants.addGrant({
    grant_id: "bench",
    subject: "bench",
    org_slugs: ["acme"],
    providers: ["*"],
    created_at,
    created_by: "bench",
    expires_at: new Date(Date.now() + 3_600_000).toISOString(),
    revoked_at: null,
    revoked_by: null,
  });
  const entry = parts.registry.byCode("OPENAI");
  if (!entry) throw new Error("OPENAI is not in the registry");
  await setup(parts, {
    org: "acme",
    entry,
    requestId: "bench",
    actor: "bench",
    body: { credential: String(openai.admin), skip_validation: false },
    idempotency: null,
    precondition: unconditional,
  });
  const issuer = await openIssuer(parts);
  if (!issuer) throw new Error("the benchmark runs on the local backend");
  return { key: key.reveal(), token: await issuer.issue("bench"), scheduler: await issuer.issue("scheduler") };
}

async function coldStarts({ key, token, scheduler }: Identities): Promise<Array<Record<string, string | number>>> {
  const keyed = { "x-api-key": key };
  const empty = JSON.stringify({});
  const first: Record<string, First> = {
    list: { method: "GET", path: "/acme", headers: keyed },
    get: { method: "GET", path: "/acme/openai", headers: keyed },
    delete: { method: "DELETE", path: "/acme/gemini", headers: keyed },
    decrypt: {
      method: "POST",
      path: "/acme/openai/decrypt",
      headers: { ...json, authorization: `Bearer ${token}` },
      body: JSON.stringify({ pipeline: "genai.payg_usage", run_id: "bench" }),
    },
    setup: { method: "POST", path: "/acme/openai/setup", headers: { ...json, ...keyed }, body: empty },
    update: { method: "PUT", path: "/acme/openai", headers: { ...json, ...keyed }, body: empty },
    validate: { method: "POST", path: "/acme/gemini/validate", headers: { ...json, ...keyed }, body: empty },
    revalidate: {
      method: "POST",
      path: "/revalidate",
      headers: { ...json, authorization: `Bearer ${scheduler}` },
      body: empty,
    },
  };
  const times = new Map<string, number[]>([
    ["hello", []],
    ...Object.keys(first).map((name): [string, number[]] => [name, []]),
  ]);
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const [name, list] of times) {
      const asked = first[name] ?? { method: "GET", path: "/", headers: {} };
      const { child, ms } = await startTarget(
        name,
        name === "hello" ? "scripts/bench/hello" : `dist/${name}`,
        env,
        asked,
      );
      list.push(ms);
      await end(child);
    }
  }
  const hello = median(times.get("hello") ?? []);
  return [...times].map(([name, list]) => ({
    function: name,
    "median ms": Math.round(median(list)),
    "min ms": Math.round(Math.min(...list)),
    "max ms": Math.round(Math.max(...list)),
    ratio: Number((median(list) / hello).toFixed(2)),
  }));
}

async function warm({ key, token }: Identities): Promise<Array<Record<string, string | number>>> {
  const keyed = { "x-api-key": key };
  const body = JSON.stringify({ pipeline: "genai.payg_usage", run_id: "bench" });
  const hello = await startTarget("hello", "scripts/bench/hello", env, { method: "GET", path: "/", headers: {} });
  const gateway = await startTarget("gateway", "dist/gateway", env, { method: "GET", path: "/health", headers: {} });
  const base = `${gateway.url}/api/v1/integrations`;
  const loads: Record<string, autocannon.Options> = {
    hello: { url: hello.url },
    "decrypt, cached": {
      url: `${base}/acme/openai/decrypt`,
      method: "POST",
      headers: { ...json, authorization: `Bearer ${token}` },
      body,
    },
    list: { url: `${base}/acme`, headers: keyed },
    get: { url: `${base}/acme/openai`, headers: keyed },
    "setup, provider on loopback": {
      url: `${base}/acme/openai/setup`,
      method: "POST",
      headers: { ...json, ...keyed },
      body: JSON.stringify({ credential: openai.good }),
    },
  };
  const results = new Map<string, { rps: number[]; p99: number[] }>();
  for (let round = 0; round < 3; round += 1) {
    for (const [name, load] of Object.entries(loads)) {
      const run = await autocannon({ connections: name.startsWith("setup") ? 8 : 50, duration: SECONDS, ...load });
      const refused = run.non2xx - (run.statusCodeStats?.["409"]?.count ?? 0);
      if (refused > 0 || run.errors > 0) throw new Error(`${name}: ${refused} refused, ${run.errors} errors`);
      const known = results.get(name) ?? { rps: [], p99: [] };
      known.rps.push(run.requests.average);
      known.p99.push(run.latency.p99);
      results.set(name, known);
    }
  }
  await end(hello.child);
  await end(gateway.child);
  const base0 = results.get("hello");
  return [...results].map(([name, { rps, p99 }]) => ({
    load: name,
    "requests/s": Math.round(median(rps)),
    "p99 ms": median(p99),
    ratio: Number((median(rps) / median(base0?.rps ?? [1])).toFixed(2)),
    "p99 ratio": Number((median(p99) / median(base0?.p99 ?? [1])).toFixed(2)),
  }));
}

async function statements(parts: Parts): Promise<Array<Record<string, string | number>>> {
  let sent: string[] = [];
  const store = new Proxy(parts.store, {
    get: (target, name: keyof CredentialStore & string) => {
      const method: unknown = target[name];
      if (typeof method !== "function") return method;
      return (...args: unknown[]) => {
        sent.push(name);
        return method.apply(target, args);
      };
    },
  });
  const works = { ...parts, store };
  const entry = works.registry.byCode("ANTHROPIC");
  if (!entry) throw new Error("ANTHROPIC is not in the registry");
  const anthropic = exampleKeys("ANTHROPIC");
  const subject = { org: "budget", entry, requestId: "bench", actor: "bench" };
  const change = { ...subject, idempotency: null, precondition: unconditional };
  const body = (credential: string) => ({ credential, skip_validation: false });
  const steps: Array<[string, number | string, () => Promise<unknown>]> = [
    ["setup, first credential", 4, () => setup(works, { ...change, body: body(anthropic.good) })],
    ["setup, replacement", 3, () => setup(works, { ...change, body: body(anthropic.another) })],
    ["update (rename)", 3, () => update(works, { ...change, body: { credential_name: "Renamed" }, message: "" })],
    ["rotate", 3, () => update(works, { ...change, body: { credential: anthropic.good }, message: "" })],
    ["get", 1, () => get(works, subject)],
    ["list", 1, () => list(works, "budget", { category: null, configured: null, expiringWithinDays: null })],
    [
      "decrypt, miss",
      1,
      () => decrypt(works, subject, { pipeline: "genai.payg_usage", run_id: "bench", as: "secret" }),
    ],
    ["decrypt, hit", 0, () => decrypt(works, subject, { pipeline: "genai.payg_usage", run_id: "bench", as: "secret" })],
    ["validate", 3, () => validate(works, subject)],
    ["sweep, 1 due", "1 + 2 + 2 + 1", () => sweep(works, subject, { limit: 10_000, max_seconds: 60, org: "budget" })],
    ["delete", 3, () => remove(works, { ...subject, at: null, precondition: unconditional })],
  ];
  const rows = [];
  for (const [operation, budget, run] of steps) {
    if (operation.startsWith("sweep"))
      await works.store.markReported((await get(works, subject)).head.credential_id, new Date().toISOString());
    sent = [];
    await run();
    rows.push({ operation, statements: sent.length, budget, which: [...new Set(sent)].join(", ") });
  }
  return rows;
}

try {
  await main();
} finally {
  await simulators.close();
  rmSync(home, { recursive: true, force: true });
}
process.exit();
