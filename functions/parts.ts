import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Desk } from "../shared/http/endpoint.ts";
import { Limiter } from "../shared/http/limits.ts";
import { HeadMemory } from "../shared/operations/head-memory.ts";
import type { Works } from "../shared/operations/works.ts";
import type { TokenIssuer } from "../shared/ports/tokens.ts";
import { ambientVariables } from "../shared/providers/ambient.ts";
import { askThrough } from "../shared/providers/ask.ts";
import { protocolNames } from "../shared/providers/protocol-names.ts";
import { Slots } from "../shared/providers/slots.ts";
import { loadRegistry, openRegistry, type Registry, RegistryError, type Source } from "../shared/registry/load.ts";
import { Memory } from "../shared/vault/memory.ts";
import { type Environment, EnvironmentError, readEnvironment } from "./environment.ts";

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
}

const configs = fileURLToPath(new URL("../configs", import.meta.url));
const REGISTRY = join(configs, "system/providers.yml");
/** Only in artifacts: every entry of the registry, checked, defaults filled in. */
const COMPILED_REGISTRY = join(configs, "system/registry.json");

/**
 * Reads the environment and the registry, and removes every variable that a provider's SDK would read by itself, so
 * that no operator's key can stand in for a customer's.
 *
 * @throws EnvironmentError, RegistryError
 */
export function readPlan(given: NodeJS.ProcessEnv = process.env): Plan {
  for (const name of Object.keys(given)) if (ambientVariables.some((pattern) => pattern.test(name))) delete given[name];
  const { environment, problems, extraProviders, endpoints } = readEnvironment(given);
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
  return { environment, registry };
}

/** The registry as the build has compiled it, where it has and nothing is to be added; else from its YAML. */
function readRegistry(extra: readonly Source[], endpoints: ReadonlyMap<string, string>): Registry {
  if (extra.length === 0 && existsSync(COMPILED_REGISTRY))
    return openRegistry(JSON.parse(readFileSync(COMPILED_REGISTRY, "utf8")), endpoints);
  const shipped = { name: REGISTRY, text: readFileSync(REGISTRY, "utf8") };
  return loadRegistry([shipped, ...extra], endpoints, protocolNames);
}

/** Opens everything behind the ports. One store, one key ring and one set of memories a process. */
export async function assemble({ environment, registry }: Plan): Promise<Parts> {
  const [
    { openHome },
    { openSqliteStore },
    { openKeyRing },
    { openLocalSecrets },
    { openTokenVerifier },
    { openLocalFederation },
    { openAuditFile },
    { jsonLog },
    { systemClock },
  ] = await Promise.all([
    import("../shared/adapters/local/home.ts"),
    import("../shared/adapters/local/sqlite-store.ts"),
    import("../shared/adapters/local/key-ring.ts"),
    import("../shared/adapters/local/local-secrets.ts"),
    import("../shared/adapters/local/local-tokens.ts"),
    import("../shared/adapters/local/local-federation.ts"),
    import("../shared/adapters/local/audit-file.ts"),
    import("../shared/adapters/local/json-log.ts"),
    import("../shared/adapters/local/system-clock.ts"),
  ]);
  const home = openHome(environment.home);
  const clock = systemClock(environment.clockOffsetS);
  const log = jsonLog(process.stderr, clock);
  const store = openSqliteStore({
    file: join(home, "integrations.sqlite"),
    schemasFolder: join(configs, "setup/bootstrap/schemas"),
    clock,
    onCorrupt: ({ org_slug, provider }) => log("CRITICAL", "integrity", { org_slug, provider, reason: "row" }),
  });
  return {
    environment,
    registry,
    clock,
    log,
    store,
    orgKeys: store,
    grants: store,
    keys: openKeyRing(join(home, "keyring.json"), clock),
    secrets: openLocalSecrets(join(home, "pepper.json")),
    tokens: openTokenVerifier(home, { audience: environment.audience, clock }),
    federation: openLocalFederation(home, clock),
    audit: openAuditFile(join(home, "audit.jsonl"), { clock, service: "integrations" }),
    ask: askThrough((url, init) => fetch(url, init), ASK_TIMEOUT_MS),
    slots: new Slots(),
    memory: new Memory(clock),
    heads: new HeadMemory(clock),
    inFlight: new Set(),
    limiter: new Limiter(clock, environment.rateLimit),
    keyEnvironment: "local",
    schedulerSubject: "scheduler",
    corsOrigins: environment.corsOrigins,
    behindProxy: environment.onPlatform,
  };
}

/** The local issuer of identity tokens, in the same home, for the audience that the verifier asks for. */
export async function openIssuer({ environment, clock }: Parts): Promise<TokenIssuer> {
  const [{ openHome }, { openTokenIssuer }] = await Promise.all([
    import("../shared/adapters/local/home.ts"),
    import("../shared/adapters/local/local-tokens.ts"),
  ]);
  return openTokenIssuer(openHome(environment.home), { audience: environment.audience, clock });
}

let plan: Plan | null = null;
let assembled: Promise<Parts> | null = null;

/** The plan of this process, read once. What is wrong with it is printed, all at once, and ends the process with 1. */
export function planOrExit(): Plan {
  try {
    plan ??= readPlan();
    return plan;
  } catch (error) {
    if (!(error instanceof EnvironmentError) && !(error instanceof RegistryError)) throw error;
    process.stderr.write(`${error.message}\n`);
    process.exit(1);
  }
}

/** For a function's module: environment and registry are checked now, the rest is opened at the first request. */
export function start(): () => Promise<Parts> {
  const checked = planOrExit();
  return () => {
    assembled ??= assemble(checked).catch((error: unknown) => {
      assembled = null;
      throw error;
    });
    return assembled;
  };
}
