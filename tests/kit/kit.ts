import type { Credential } from "../../shared/contract/secret.ts";
import { providerOf } from "../../shared/providers/index.ts";
import type { Entry } from "../../shared/registry/entry.ts";
import type { Registry } from "../../shared/registry/load.ts";
import { credentialFor } from "./credential-for.ts";
import { httpCases } from "./http-cases.ts";
import { faultsOnPaper } from "./on-paper.ts";
import { fixtureOf, ownCases } from "./own-protocol.ts";
import { openRunner, type Runner } from "./run.ts";

/** One thing that the kit asks of an entry: `run` says what is wrong, a sentence each. */
export interface Check {
  name: string;
  run(): Promise<string[]>;
}

/** Everything that an entry of the registry must pass, over real sockets. Nothing runs before it is asked to. */
export async function checksOf(registry: Registry, entry: Entry, runner: Runner): Promise<Check[]> {
  const onPaper: Check = { name: "what can be seen without asking", run: async () => faultsOnPaper(entry) };
  const { probe } = entry;
  if (probe === undefined) return [onPaper, { name: "nobody is asked", run: () => silenceFaults(entry) }];
  if ("protocol" in probe) {
    const fixture = await fixtureOf(entry.code);
    if (fixture === null) return [onPaper, missing(entry.code)];
    return [onPaper, ...ownCases(entry, fixture, runner)];
  }
  const credential = credentialOrFault(registry, entry);
  if (typeof credential === "string") return [onPaper, { name: "a made-up credential", run: async () => [credential] }];
  const cases = httpCases(entry, probe, credential);
  return [
    onPaper,
    ...cases.map((one) => ({ name: one.name, run: () => runner.http(entry, credential, one) })),
    { name: "silence ends at the deadline, retries and all", run: () => runner.deadline(entry, credential) },
  ];
}

/** A credential of the entry, or why none can be made up. */
function credentialOrFault(registry: Registry, entry: Entry): Credential | string {
  try {
    return credentialFor(registry, entry);
  } catch (error) {
    return `cannot be made up: ${error instanceof Error ? error.message : String(error)}`;
  }
}

/** Everything that is wrong with an entry, each sentence behind the name of its check; `isWanted` leaves checks out. */
export async function faultsOf(
  registry: Registry,
  entry: Entry,
  isWanted: (check: Check) => boolean = () => true,
): Promise<string[]> {
  const runner = await openRunner();
  try {
    const checks = (await checksOf(registry, entry, runner)).filter(isWanted);
    const faults = await Promise.all(
      checks.map(async ({ name, run }) => (await run()).map((one) => `${name}: ${one}`)),
    );
    return faults.flat();
  } finally {
    await runner.close();
  }
}

/** An entry that takes no credential has nobody to ask and nothing to ask with. */
async function silenceFaults(entry: Entry): Promise<string[]> {
  const asked = await providerOf(entry).then(
    () => ["has a provider that can be asked"],
    () => [],
  );
  const named = Object.keys(entry.endpoints).map((name) => `names the endpoint ${name}, though nobody is asked`);
  return [...asked, ...named];
}

function missing(code: string): Check {
  const file = `tests/kit/fixtures/${code.toLowerCase().replaceAll("_", "-")}.ts`;
  return {
    name: "answers of its own",
    run: async () => [`${code} has a protocol of its own and no answers in ${file}`],
  };
}
