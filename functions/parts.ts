import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { FunctionName } from "../shared/contract/routes.ts";
import type { Desk } from "../shared/http/endpoint.ts";
import { Limiter } from "../shared/http/limits.ts";
import { HeadMemory } from "../shared/operations/head-memory.ts";
import type { Asked, Migration } from "../shared/operations/migrate-source.ts";
import type { Works } from "../shared/operations/works.ts";
import type { TokenIssuer } from "../shared/ports/tokens.ts";
import { ambientVariables } from "../shared/providers/ambient.ts";
import { askThrough } from "../shared/providers/ask.ts";
import { protocolNames } from "../shared/providers/protocol-names.ts";
import { Slots } from "../shared/providers/slots.ts";
import { loadRegistry, openRegistry, type Registry, RegistryError, type Source } from "../shared/registry/load.ts";
import { Memory } from "../shared/vault/memory.ts";
import { type Environment, EnvironmentError, readEnvironment } from "./environment.ts";
import { type OPERATOR, reachOf } from "./rights.ts";

/** The longest that any one request to a provider may take; an entry's own `timeout_ms` lies below. */
const ASK_TIMEOUT_MS = 15_000;

/** Everything a function works with, composed. */
export interface Parts extends Works, Desk {
  environment: Environment;
}

/** What was read and checked before anything is opened. */
export interface Plan {
  environment: Environment;
  registry: Registry;
  /** What this process is called in the audit: its function, or `integrations`. */
  name: string;
}

const configs = fileURLToPath(new URL("../configs", import.meta.url));
const REGISTRY = join(configs, "system/providers.yml");
/** Only in artifacts: every entry of the registry, checked, defaults filled in. */
const COMPILED_REGISTRY = join(configs, "system/registry.json");

/**
 * Reads the environment and the registry for a function's process (`null` for the gateway and the command line, which
 * reach everything), and removes every variable that a provider's SDK would read by itself, so
 * that no operator's key can stand in for a customer's.
 *
 * @throws EnvironmentError, RegistryError
 */
export function readPlan(
  name: FunctionName | typeof OPERATOR | null = null,
  given: NodeJS.ProcessEnv = process.env,
): Plan {
  const { environment, problems, extraProviders, endpoints } = readEnvironment(given, reachOf(name));
  for (const name of Object.keys(given)) if (ambientVariables.some((pattern) => pattern.test(name))) delete given[name];
  const extra: Source[] = [];
  try {
    if (extraProviders !== null) extra.push({ name: extraProviders, text: readFileSync(extraProviders, "utf8") });
  } catch {
    problems.push("INTEGRATIONS_EXTRA_PROVIDERS: the file cannot be read");
  }
  let registry: Registry | null = null;
  try {
    registry = readRegistry(extra, endpoints);
  } catch (error) {
    if (!(error instanceof RegistryError) || problems.length === 0) throw error;
    problems.push(error.message);
  }
  if (environment === null || registry === null || problems.length > 0) throw new EnvironmentError(problems);
  return { name: name ?? "integrations", environment, registry };
}

/** The registry as the build has compiled it, where it has and nothing is to be added; else from its YAML. */
function readRegistry(extra: readonly Source[], endpoints: ReadonlyMap<string, string>): Registry {
  if (extra.length === 0 && existsSync(COMPILED_REGISTRY))
    return openRegistry(JSON.parse(readFileSync(COMPILED_REGISTRY, "utf8")), endpoints);
  const shipped = { name: REGISTRY, text: readFileSync(REGISTRY, "utf8") };
  return loadRegistry([shipped, ...extra], endpoints, protocolNames);
}

/** What stands behind the ports: the half of the parts that a backend brings. */
export type Backing = Pick<
  Parts,
  | "clock"
  | "log"
  | "store"
  | "orgKeys"
  | "grants"
  | "keys"
  | "secrets"
  | "tokens"
  | "federation"
  | "audit"
  | "keyEnvironment"
  | "legacy"
>;

/** Opens everything behind the ports. One store, one key ring and one set of memories a process. */
export async function assemble({ name, environment, registry }: Plan): Promise<Parts> {
  const backing =
    environment.cloud === null
      ? await import("./backends/local.ts").then(({ openLocal }) => openLocal(environment, configs))
      : await import("./backends/cloud.ts").then(({ openCloud }) => openCloud(environment, name));
  const { clock } = backing;
  return {
    ...backing,
    environment,
    registry,
    ask: askThrough((url, init) => fetch(url, init), ASK_TIMEOUT_MS),
    slots: new Slots(),
    egressAddress: environment.cloud?.egressAddress ?? null,
    memory: new Memory(clock),
    heads: new HeadMemory(clock),
    inFlight: new Set(),
    limiter: new Limiter(clock, environment.rateLimit),
    schedulerSubject: environment.onPlatform ? null : "scheduler",
    corsOrigins: environment.corsOrigins,
    behindProxy: environment.onPlatform,
  };
}

/** The local issuer of identity tokens; `null` on Google Cloud, which issues its own. */
export async function openIssuer({ environment, clock }: Parts): Promise<TokenIssuer | null> {
  if (environment.cloud !== null) return null;
  const { openLocalIssuer } = await import("./backends/local.ts");
  return await openLocalIssuer(environment, clock);
}

/** The older tables that an operator takes over; `null` on one machine, which never had any. */
export async function openMigration({ environment }: Parts, asked: Asked): Promise<Migration | null> {
  if (environment.cloud === null) return null;
  const { openCloudMigration } = await import("./backends/cloud.ts");
  return await openCloudMigration(environment, asked);
}

let plan: Plan | null = null;
let assembled: Promise<Parts> | null = null;

/** The plan of this process, read once: the gateway reads its own before its functions ask for theirs. What is wrong with it is printed, all at once, and ends the process with 1. */
export function planOrExit(name: FunctionName | null): Plan {
  try {
    plan ??= readPlan(name);
    return plan;
  } catch (error) {
    if (!(error instanceof EnvironmentError) && !(error instanceof RegistryError)) throw error;
    process.stderr.write(`${error.message}\n`);
    process.exit(1);
  }
}

/** For a function's module: environment and registry are checked now, the rest is opened at the first request. */
export function start(name: FunctionName | null): () => Promise<Parts> {
  const checked = planOrExit(name);
  return () => {
    assembled ??= assemble(checked).catch((error: unknown) => {
      assembled = null;
      throw error;
    });
    return assembled;
  };
}
