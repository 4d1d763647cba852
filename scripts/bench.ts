import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { assemble, openIssuer, readPlan } from "../functions/parts.ts";
import { startSimulators } from "../tests/simulators/start.ts";
import { admit } from "./bench/admit.ts";
import { coldStarts } from "./bench/cold-start.ts";
import { openGoogle } from "./bench/google.ts";
import { statements } from "./bench/statements.ts";
import { sweepOf } from "./bench/sweep.ts";
import { warm } from "./bench/warm.ts";

/*
 * Ratios, all in one run on one machine: how fast each artifact answers its first request on the simulators of Google
 * Cloud against the framework's empty hello, what a warm gateway on the local backend carries against it, what an
 * operation sends to BigQuery and Cloud KMS, one sweep of 10,000 credentials, and what one validation of each provider
 * asks. `--quick` runs fewer, and sweeps 500.
 */

const { values: options } = parseArgs({
  options: { quick: { type: "boolean", default: false }, json: { type: "boolean", default: false } },
});
const root = join(import.meta.dirname, "..");
const simulators = await startSimulators();

function table(title: string, rows: Array<Record<string, string | number>>): void {
  if (options.json) console.log(JSON.stringify({ title, rows }));
  else {
    console.log(`\n${title}`);
    console.table(rows);
  }
}

async function onGoogleCloud(): Promise<void> {
  const google = await openGoogle(simulators);
  try {
    table(
      "Cold start on Google Cloud's simulators: process start to the first answer that went all the way",
      await coldStarts(google, simulators, options.quick ? 5 : 15),
    );
    table("What an operation sends (besides the key or grant look-up)", await statements(google));
    table(
      "One sweep, with providers that answer after 50 ms",
      await sweepOf(options.quick ? 500 : 10_000, google, simulators),
    );
  } finally {
    await google.close();
  }
}

async function onOneMachine(): Promise<void> {
  const home = mkdtempSync(join(tmpdir(), "cloudact-integrations-bench-"));
  const env = { INTEGRATIONS_HOME: home, INTEGRATIONS_RATE_LIMIT: "0", ...simulators.env };
  const parts = await assemble(readPlan(null, { ...env }));
  try {
    const key = await admit(parts, "bench");
    const issuer = await openIssuer(parts);
    if (!issuer) throw new Error("this half of the benchmark runs on the local backend");
    const token = await issuer.issue("bench");
    table(
      "Warm, local backend: requests a second and p99 at 50 connections, ratio to the framework's hello",
      await warm({ key, token }, env, options.quick ? 2 : 6),
    );
  } finally {
    parts.store.close();
    rmSync(home, { recursive: true, force: true });
  }
}

try {
  await onOneMachine();
  await onGoogleCloud();
  const measures = ["tests/kit/measure.ts", ...(options.json ? ["--json"] : [])];
  execFileSync(process.execPath, measures, { cwd: root, stdio: "inherit" });
} finally {
  await simulators.close();
}
process.exit();
