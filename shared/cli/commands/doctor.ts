import { onBackend } from "../backend.ts";
import type { Command, Context } from "../command.ts";
import type { Check } from "../doctor/check.ts";
import { registryFiles } from "../registry-files.ts";
import { type Cell, table } from "../show.ts";
import { exits, Stop } from "../stop.ts";
import type { Tone } from "../terminal.ts";

export const runDoctor: Command = {
  name: "doctor",
  group: "operations",
  summary: "Whether everything works here: environment, store, key, clock, registry, service",
  arguments: [],
  options: {},
  example: "cloudact-integrations doctor",
  notes: [
    "Seals and opens a probe with the key, reads every table, asks the service for its health. Changes nothing.",
    "Exit code 1 where something fails; what may be wrong is a warning.",
  ],
  async run(context) {
    const { terminal, json } = context;
    const checks = await examine(context);
    const failed = checks.filter(({ state }) => state === "fail").length;
    if (json) terminal.print(JSON.stringify({ ok: failed === 0, checks }));
    else terminal.print(table(terminal, ["state", "looked at", "found"], checks.flatMap(cellsOf)));
    return failed > 0 ? exits.negative : exits.ok;
  },
};

async function examine(context: Context): Promise<Check[]> {
  const { environment: given } = context;
  const [machine, { readEnvironment }, { OPERATOR, reachOf }, { serviceChecks }, { fail, skip }] = await Promise.all([
    import("../doctor/machine.ts"),
    import("../../../functions/environment.ts"),
    import("../../../functions/rights.ts"),
    import("../doctor/service.ts"),
    import("../doctor/check.ts"),
  ]);
  const { environment, problems } = readEnvironment(given, reachOf(OPERATOR));
  const checks = [machine.node(process.versions.node), ...machine.environmentChecks(environment, problems)];
  let providers: number | null = null;
  try {
    const files = await registryFiles(given);
    const registry = await machine.registryCheck(files);
    checks.push(registry);
    if (registry.state === "ok") providers = files.load().entries.length;
  } catch (error) {
    if (!(error instanceof Stop)) throw error;
    checks.push(fail("registry", error.problem.message, "INTEGRATIONS_EXTRA_PROVIDERS names a file that can be read"));
  }
  if (environment !== null) {
    const home = await machine.homeCheck(environment);
    checks.push(home.check);
    // Opening a home that is not there, or not whole, would make what is missing.
    if (providers === null || !home.opens) checks.push(skip("backend", "not opened"));
    else checks.push(...(await opened(context)));
  }
  const elsewhere = environment?.cloud
    ? (environment.cloud.endpoints?.bigquery ?? "https://bigquery.googleapis.com")
    : null;
  return [...checks, ...(await serviceChecks(given, providers, elsewhere))];
}

async function opened(context: Context): Promise<Check[]> {
  const { backendChecks } = await import("../doctor/backend-checks.ts");
  try {
    return await onBackend(context, ({ parts }) => backendChecks(parts, context.environment));
  } catch (error) {
    if (!(error instanceof Stop)) throw error;
    const { message, remedy } = error.problem;
    return [{ name: "backend", state: "fail", message, ...(remedy ? { remedy } : {}) }];
  }
}

function cellsOf({ name, state, message, remedy }: Check): Cell[][] {
  const tones: Readonly<Record<Check["state"], Tone>> = { ok: "good", warn: "warn", fail: "bad", skip: "faint" };
  const told: Cell[] = [{ text: state, tone: tones[state] }, { text: name, tone: "strong" }, message];
  return remedy ? [told, ["", { text: "what to do", tone: "faint" }, remedy]] : [told];
}
