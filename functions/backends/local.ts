import { existsSync } from "node:fs";
import { join } from "node:path";
import { jsonLog } from "../../shared/adapters/json-log.ts";
import { openAuditFile } from "../../shared/adapters/local/audit-file.ts";
import { openHome } from "../../shared/adapters/local/home.ts";
import { openKeyRing } from "../../shared/adapters/local/key-ring.ts";
import { openLocalFederation } from "../../shared/adapters/local/local-federation.ts";
import { openLocalSecrets } from "../../shared/adapters/local/local-secrets.ts";
import { openTokenIssuer, openTokenVerifier } from "../../shared/adapters/local/local-tokens.ts";
import { openSqliteStore } from "../../shared/adapters/local/sqlite-store.ts";
import { type HomeFiles, requireWhole } from "../../shared/adapters/local/whole-home.ts";
import { systemClock } from "../../shared/adapters/system-clock.ts";
import { Fault } from "../../shared/contract/fault.ts";
import type { Clock } from "../../shared/ports/clock.ts";
import type { TokenIssuer } from "../../shared/ports/tokens.ts";
import type { Environment } from "../environment.ts";
import type { Backing } from "../parts.ts";

/** The files of a home that belong together. */
export function homeFiles(home: string): HomeFiles {
  return {
    store: join(home, "integrations.sqlite"),
    keyRing: join(home, "keyring.json"),
    peppers: join(home, "pepper.json"),
  };
}

/**
 * Everything behind the ports on one machine: one SQLite file, a key ring, a pepper and an audit file in one folder.
 *
 * @throws Error where the folder or a file is not usable, or a file that belongs to the others is gone
 */
export async function openLocal(environment: Environment, configs: string): Promise<Backing> {
  const home = openHome(environment.home);
  const files = homeFiles(home);
  const clock = systemClock(environment.clockOffsetS);
  const log = jsonLog(process.stderr, clock);
  // What is there is read before anything is made.
  const ring = existsSync(files.keyRing) ? openKeyRing(files.keyRing, clock) : null;
  const peppers = existsSync(files.peppers) ? openLocalSecrets(files.peppers) : null;
  whole(files.store, () => requireWhole(files));
  const store = whole(files.store, () =>
    openSqliteStore({
      file: files.store,
      schemasFolder: join(configs, "setup/bootstrap/schemas"),
      clock,
      onCorrupt: ({ org_slug, provider }) => log("CRITICAL", "integrity", { org_slug, provider, reason: "row" }),
    }),
  );
  return {
    clock,
    log,
    store,
    orgKeys: store,
    grants: store,
    keys: ring ?? openKeyRing(files.keyRing, clock),
    secrets: peppers ?? openLocalSecrets(files.peppers),
    tokens: openTokenVerifier(home, { audience: environment.audience, clock }),
    federation: openLocalFederation(home, clock),
    audit: openAuditFile(join(home, "audit.jsonl"), { clock, service: "integrations" }),
    keyEnvironment: "local",
    legacy: null,
  };
}

/** @throws Error where the file is no database, or a damaged one: what SQLite calls NOTADB and CORRUPT */
function whole<Store>(file: string, open: () => Store): Store {
  try {
    return open();
  } catch (error) {
    const cause = error instanceof Fault ? error.cause : error;
    const code = cause instanceof Error && "errcode" in cause ? Number(cause.errcode) & 0xff : null;
    if (code !== 26 && code !== 11) throw error;
    throw new Error(`${file} is no store, or a damaged one: restore its folder as a whole from a backup`);
  }
}

/** The audit file of a person who works on Google Cloud from this machine. */
export function openOperatorFile(home: string, clock: Clock): Backing["audit"] {
  return openAuditFile(join(openHome(home), "audit.jsonl"), { clock, service: "operator" });
}

/** The local issuer of identity tokens, in the same home, for the audience that the verifier asks for. */
export async function openLocalIssuer(environment: Environment, clock: Clock): Promise<TokenIssuer> {
  return openTokenIssuer(openHome(environment.home), { audience: environment.audience, clock });
}
