import { join } from "node:path";
import { jsonLog } from "../../shared/adapters/json-log.ts";
import { openAuditFile } from "../../shared/adapters/local/audit-file.ts";
import { openHome } from "../../shared/adapters/local/home.ts";
import { openKeyRing } from "../../shared/adapters/local/key-ring.ts";
import { openLocalFederation } from "../../shared/adapters/local/local-federation.ts";
import { openLocalSecrets } from "../../shared/adapters/local/local-secrets.ts";
import { openTokenIssuer, openTokenVerifier } from "../../shared/adapters/local/local-tokens.ts";
import { openSqliteStore } from "../../shared/adapters/local/sqlite-store.ts";
import { systemClock } from "../../shared/adapters/system-clock.ts";
import type { Clock } from "../../shared/ports/clock.ts";
import type { TokenIssuer } from "../../shared/ports/tokens.ts";
import type { Environment } from "../environment.ts";
import type { Backing } from "../parts.ts";

/** Everything behind the ports on one machine: one SQLite file, a key ring, a pepper and an audit file in one folder. */
export async function openLocal(environment: Environment, configs: string): Promise<Backing> {
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
    keyEnvironment: "local",
    legacy: null,
  };
}

/** The audit file of a person who works on Google Cloud from this machine. */
export function openOperatorFile(home: string, clock: Clock): Backing["audit"] {
  return openAuditFile(join(openHome(home), "audit.jsonl"), { clock, service: "operator" });
}

/** The local issuer of identity tokens, in the same home, for the audience that the verifier asks for. */
export async function openLocalIssuer(environment: Environment, clock: Clock): Promise<TokenIssuer> {
  return openTokenIssuer(openHome(environment.home), { audience: environment.audience, clock });
}
