import { styleText } from "node:util";
import { providerOf } from "../../shared/providers/index.ts";
import type { Entry } from "../../shared/registry/entry.ts";
import { credentialOf, nobody } from "../providers/desk.ts";
import { adminKeys, fakeKeys, registry } from "../registry/the-registry.ts";
import { type CloudCode, cloudCodes, type ProviderCode, providerCodes, startSimulators } from "../simulators/start.ts";
import { simulated } from "./aim.ts";
import { checksOf } from "./kit.ts";
import { fixtureOf } from "./own-protocol.ts";
import { openRunner, verdictOf } from "./run.ts";

/*
 * What one validation of each provider costs, against the simulators on this machine: questions, milliseconds, and how
 * many questions wait for one another (with 100 ms added to each answer). And how long the kit takes. Prints tables;
 * `--json` prints a line each.
 */

const ROUNDS = 7;
const LATENCY_MS = 100;
const simulators = await startSimulators();

interface Way {
  name: string;
  entry: Entry;
  code: ProviderCode | CloudCode;
  fields: Readonly<Record<string, string>>;
  metadata: Readonly<Record<string, unknown>>;
}

/** One validation of each provider as it mostly is, and with an admin key where there is such a thing. */
async function ways(): Promise<Way[]> {
  const all = registry.entries.map(async (entry): Promise<Way[]> => {
    const code = [...providerCodes, ...cloudCodes].find((one) => one === entry.code);
    if (code === undefined || entry.probe === undefined) return [];
    const fixture = await fixtureOf(entry.code);
    const fields = fixture?.credential ?? { api_key: fakeKeys[entry.code] ?? "" };
    const usual = { name: entry.code, entry, code, fields, metadata: fixture?.metadata ?? {} };
    const admin = new Map(Object.entries(adminKeys)).get(entry.code);
    return admin === undefined
      ? [usual]
      : [usual, { ...usual, name: `${entry.code}, admin key`, fields: { api_key: admin } }];
  });
  return (await Promise.all(all)).flat();
}

async function once({ entry, fields, metadata }: Way): Promise<{ ms: number; requests: number; outcome: string }> {
  simulators.requests.length = 0;
  const began = performance.now();
  const owner = { ...nobody, metadata: { ...metadata } };
  const { outcome } = await verdictOf(simulated(entry, simulators), credentialOf(fields), owner);
  return { ms: performance.now() - began, requests: simulators.requests.length, outcome };
}

async function measured(way: Way): Promise<Record<string, string | number>> {
  const began = performance.now();
  await providerOf(way.entry);
  const loaded = performance.now() - began;
  const first = await once(way);
  const times = [];
  for (let round = 0; round < ROUNDS; round++) times.push((await once(way)).ms);
  simulators.latency(way.code, LATENCY_MS);
  const slow = await once(way);
  simulators.reset();
  return {
    provider: way.name,
    outcome: first.outcome,
    requests: first.requests,
    "in a row": Math.floor(slow.ms / LATENCY_MS),
    "median ms": Number((times.sort((one, other) => one - other)[Math.floor(ROUNDS / 2)] ?? 0).toFixed(1)),
    "first ms": Math.round(first.ms),
    "load ms": Math.round(loaded),
  };
}

async function kit(): Promise<Record<string, string | number>> {
  const runner = await openRunner();
  const began = performance.now();
  const checks = (await Promise.all(registry.entries.map((entry) => checksOf(registry, entry, runner)))).flat();
  const faults = (await Promise.all(checks.map(({ run }) => run()))).flat();
  const seconds = Number(((performance.now() - began) / 1_000).toFixed(1));
  await runner.close();
  return { entries: registry.entries.length, checks: checks.length, faults: faults.length, seconds };
}

function print(title: string, rows: Array<Record<string, string | number>>): void {
  if (process.argv.includes("--json")) console.log(JSON.stringify({ title, rows }));
  else {
    console.log(`\n${styleText("bold", title)}`);
    console.table(rows);
  }
}

const rows = [];
for (const way of await ways()) rows.push(await measured(way));
await simulators.close();
print("One validation of each provider, against its simulator", rows);
print("The contract kit", [await kit()]);
