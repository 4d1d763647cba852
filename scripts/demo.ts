import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs, styleText } from "node:util";
import { clouds, exampleKeys, startSimulators } from "../tests/simulators/start.ts";

/*
 * Walks through the life of a credential on this machine: the real service in its own process, over HTTP, with
 * simulated providers that answer as the real ones do. `--once` ends after the walk.
 */

const { values: options } = parseArgs({ options: { once: { type: "boolean", default: false } } });
const ORG = "acme";
const PIPELINE = "pipeline@acme";
const root = join(import.meta.dirname, "..");
const home = mkdtempSync(join(tmpdir(), "cloudact-integrations-demo-"));
const simulators = await startSimulators();
const environment = { ...process.env, ...simulators.env, INTEGRATIONS_HOME: home };
const openai = exampleKeys("OPENAI");
let service: ChildProcess | null = null;
let failed = false;

async function main(): Promise<void> {
  const base = await startService();
  title(
    "Two local identities",
    "an organisation's key (manages, never decrypts) and a pipeline's token (decrypts, never manages)",
  );
  const key = cli("org-key", "create", ORG, "--scope", "manage");
  cli("grant", "create", "--subject", PIPELINE, "--org", ORG, "--provider", "*");
  const token = cli("token", "--subject", PIPELINE);
  const manage = { "x-api-key": key };
  const pipeline = { authorization: `Bearer ${token}` };
  const say = (method: string, path: string, headers: Record<string, string>, body?: unknown, show?: string[]) =>
    call(base, method, path, headers, body, show);

  title(
    "A wrong key is refused before anything is stored",
    "the provider is asked first; nothing is encrypted for a key that does not work",
  );
  await say("POST", `/${ORG}/openai/setup`, manage, { credential: openai.revoked }, [
    "status",
    "code",
    "detail",
    "remedy",
  ]);

  title("A project key works, and cannot read costs", "the verdict says so, and which key to create instead");
  await say("POST", `/${ORG}/openai/setup?dry_run=true`, manage, { credential: openai.good }, [
    "success",
    "validation_status",
    "capabilities",
    "pipelines",
  ]);

  title(
    "An admin key is proven, encrypted and stored",
    "connection test, then AES-256-GCM bound to organisation, provider and credential id",
  );
  const first = await say(
    "POST",
    `/${ORG}/openai/setup`,
    manage,
    { credential: openai.admin, credential_name: "OpenAI costs" },
    ["success", "credential_id", "validation_status", "message", "pipelines"],
  );

  title(
    "A cloud account without any key",
    "an AWS role must open for this organisation and stay shut for any other; pipelines get a session of an hour",
  );
  const refused = ["status", "code", "detail", "errors"];
  await say("POST", `/${ORG}/aws/setup`, manage, { credential: clouds.AWS_IAM?.credential("wide") }, refused);
  const role = { credential: clouds.AWS_IAM?.credential() };
  await say("POST", `/${ORG}/aws/setup`, manage, role, ["provider", "validation_status", "pipelines"]);
  await say(
    "POST",
    `/${ORG}/aws/decrypt`,
    pipeline,
    { pipeline: "cloud.aws.cost.billing", run_id: "run-0", as: "token" },
    ["credential", "token"],
  );

  title("A subscription without an API", "its record is kept, with the day by which it must be cancelled");
  const record = { unit_price: "15.00", currency: "EUR", billing_cycle: "annual", renewal_date: "2027-03-01" };
  const figma = { metadata: { ...record, seats: 12, notice_period_days: 30 } };
  await say("POST", `/${ORG}/figma/setup`, manage, figma, ["provider", "validation_status", "pipelines"]);
  await say("POST", `/${ORG}/figma/validate`, manage, undefined, ["validation_status", "details"]);

  title("The list shows every provider", "no answer to an organisation ever carries a credential, not even masked");
  await say("GET", `/${ORG}?configured=true`, manage, undefined, [
    "integrations",
    "all_configured_valid",
    "providers_configured",
  ]);

  title("It is validated again on demand", "an outage never condemns a key: the status stays what it was");
  simulators.always("OPENAI", "outage");
  await say("POST", `/${ORG}/openai/validate`, manage, undefined, [
    "success",
    "validation_status",
    "outcome",
    "message",
    "remedy",
  ]);
  simulators.always("OPENAI", null);
  await say("POST", `/${ORG}/openai/validate`, manage, undefined, [
    "success",
    "validation_status",
    "outcome",
    "message",
  ]);

  title(
    "A pipeline is handed the credential",
    "with a grant, a run id and its readiness; the audit record is written first",
  );
  await say("POST", `/${ORG}/openai/decrypt`, pipeline, { pipeline: "genai.payg_usage", run_id: "run-1" }, [
    "credential",
    "fingerprint",
    "validation_status",
    "pipelines",
    "cache",
  ]);
  await say("POST", `/${ORG}/openai/decrypt`, manage, { pipeline: "genai.payg_usage", run_id: "run-1" }, [
    "status",
    "code",
    "detail",
  ]);

  title("Rotation proves the new key before it replaces the old", "there is no moment with none and none with two");
  await say("POST", `/${ORG}/openai/rotate`, manage, { new_credentials: exampleKeys("OPENAI").expiring }, [
    "success",
    "credential_id",
    "validation_status",
    "message",
  ]);

  title(
    "The provider revokes the key; a pipeline reports it; the sweep finds out",
    "refused twice, then it flips, and decrypt refuses it with a remedy",
  );
  const current = await say("GET", `/${ORG}/openai`, manage, undefined, [
    "status",
    "fingerprint",
    "expires_at",
    "last_validated_at",
  ]);
  simulators.revoke(String(openai.expiring));
  await say(
    "POST",
    `/${ORG}/openai/failures`,
    pipeline,
    { credential_id: current["credential_id"], pipeline: "genai.payg_usage", run_id: "run-2", http_status: 401 },
    ["success", "message"],
  );
  const scheduler = { authorization: `Bearer ${cli("token", "--subject", "scheduler")}` };
  await say("POST", "/revalidate", scheduler, {}, ["checked", "valid", "invalid", "inconclusive", "next_due_at"]);
  await say("POST", `/${ORG}/openai/decrypt`, pipeline, { pipeline: "genai.payg_usage", run_id: "run-3" }, [
    "status",
    "code",
    "detail",
    "remedy",
  ]);

  title(
    "It is deleted; its history stays",
    `${String(first["credential_id"]).slice(0, 8)}… and its successor are listed, their ciphertext goes at the next sweep`,
  );
  await say("DELETE", `/${ORG}/openai`, manage, undefined, ["success", "message"]);
  await say("GET", `/${ORG}/openai/history`, manage, undefined, ["items"]);

  if (failed) throw new Error("a step did not answer as it should");
  if (options.once) return;
  print(`
${styleText("bold", "The service stays up. In a browser:")}

  ${new URL("/console", base).href}
  Organisation  ${ORG}
  Key           ${key}
  To connect    OpenAI, with ${openai.admin}

${styleText("bold", "Or in another terminal:")}

  export INTEGRATIONS_URL=${base}
  export INTEGRATIONS_API_KEY=${key}

  curl -s -X POST $INTEGRATIONS_URL/${ORG}/openai/setup \\
    -H "X-API-Key: $INTEGRATIONS_API_KEY" -H "Content-Type: application/json" \\
    -d '{"credential": "${openai.admin}"}'
  curl -s "$INTEGRATIONS_URL/${ORG}?configured=true" -H "X-API-Key: $INTEGRATIONS_API_KEY"
  npm run --silent cli -- status ${ORG}

  A key with one of these words in it meets that fate at the simulated provider: revoked, expired, limited, outage,
  noscope, region, hang, html. For example: ${openai.revoked}

${styleText("dim", "Ctrl-C ends the demo and removes its data.")}`);
  await new Promise<void>((resolve) => {
    for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => resolve());
    service?.once("exit", () => resolve());
  });
}

async function startService(): Promise<string> {
  const child = spawn(process.execPath, ["functions/start.ts"], {
    cwd: root,
    env: { ...environment, PORT: process.env["PORT"] ?? "8000" },
    stdio: ["ignore", "pipe", "pipe"],
  });
  service = child;
  let complaint = "";
  child.stderr.on("data", (chunk: Buffer) => {
    complaint = chunk.toString();
  });
  const ready = await new Promise<string>((resolve, reject) => {
    child.stdout.on("data", (chunk: Buffer) => resolve(chunk.toString()));
    child.once("exit", () => reject(new Error(complaint.trim() || "the service did not start")));
  });
  print(ready.trim());
  return ready.trim().split(" ").at(-1) ?? "";
}

/** Runs a command of the CLI on the demo's backend; its standard output is the key, the id or the token alone. */
function cli(...args: string[]): string {
  const done = spawnSync(process.execPath, ["shared/cli/main.ts", ...args], {
    cwd: root,
    env: environment,
    encoding: "utf8",
  });
  if (done.status !== 0) throw new Error(`${args[0]} failed: ${done.stderr}`);
  const value = done.stdout.trim();
  print(
    `${styleText("cyan", "$")} cloudact-integrations ${args.join(" ")}\n  ${styleText("dim", value.length > 100 ? `${value.slice(0, 60)}…` : value)}`,
  );
  return value;
}

async function call(
  base: string,
  method: string,
  path: string,
  headers: Record<string, string>,
  body: unknown,
  show: string[] | undefined,
): Promise<Record<string, unknown>> {
  const sent = body === undefined ? "" : ` ${JSON.stringify(body)}`;
  print(`${styleText("cyan", method)} ${path}${styleText("dim", sent.length > 130 ? `${sent.slice(0, 127)}…` : sent)}`);
  const response = await fetch(`${base}${path}`, {
    method,
    headers: { ...headers, ...(body === undefined ? {} : { "content-type": "application/json" }) },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const answer = (await response.json()) as Record<string, unknown>;
  const expectedRefusal = show?.[0] === "status" && show[1] === "code";
  if (response.status >= 500 || response.ok === expectedRefusal) failed = true;
  const shown = show
    ? Object.fromEntries(show.filter((name) => name in answer).map((name) => [name, answer[name]]))
    : answer;
  const colour = response.ok ? "green" : response.status < 500 ? "yellow" : "red";
  print(`  ${styleText(colour, String(response.status))} ${readable(shown, "      ")}\n`);
  return answer;
}

function title(text: string, why: string): void {
  print(`\n${styleText("bold", text)}\n${styleText("dim", why)}\n`);
}

/** JSON in which what fits on a line stands on one. */
function readable(value: unknown, margin: string): string {
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const deeper = `${margin}  `;
  const items = Array.isArray(value)
    ? value.map((item) => readable(item, deeper))
    : Object.entries(value).map(([key, item]) => `${JSON.stringify(key)}: ${readable(item, deeper)}`);
  const [open, close] = Array.isArray(value) ? "[]" : "{}";
  const flat = `${open}${items.join(", ")}${close}`;
  if (flat.length + margin.length <= 120 && !flat.includes("\n")) return flat;
  return `${open}\n${items.map((item) => deeper + item).join(",\n")}\n${margin}${close}`;
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

try {
  await main();
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : "the demo failed"}\n`);
  process.exitCode = 1;
} finally {
  const child: ChildProcess | null = service as ChildProcess | null;
  child?.kill("SIGTERM");
  await simulators.close();
  rmSync(home, { recursive: true, force: true });
}
