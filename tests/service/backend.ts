import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { importJWK, type JWK, SignJWT } from "jose";
import { LOCAL_ISSUER, openTokenIssuer } from "../../shared/adapters/local/local-tokens.ts";
import { systemClock } from "../../shared/adapters/system-clock.ts";
import type { Platform } from "../platform/start.ts";

/** Signs whatever it is told, with the key that the service trusts. */
export interface Signer {
  issuer: string;
  sign(claims: Readonly<Record<string, unknown>>): Promise<string>;
  publicJwk(): Promise<JWK & { kid: string }>;
}

/** What a service under test stands on: the files of one machine, or the simulators of Google Cloud. */
export interface TestBackend {
  name: "local" | "gcp";
  /** The simulators, with their faults; `null` on one machine. */
  platform: Platform | null;
  /** The folder that the services of one test share; only a name where there are no files. */
  home: string;
  /** The environment of one function's process, with that function's own identity; of the gateway's without a name. */
  env(target?: string): Record<string, string>;
  /** Audit records as they were written, oldest first, given what a service has printed on stdout. */
  audit(stdout: string): Array<Record<string, unknown>>;
  /** As the issuer makes it at this time, milliseconds since the epoch. */
  token(subject: string, nowMs: number, audience?: string): Promise<string>;
  signer: Signer;
  /** Rewrites columns of an organisation's heads behind the service's back: text, JSON as text, times. */
  spoil(row: { org_slug: string; provider?: string }, columns: Readonly<Record<string, string>>): Promise<void>;
  /** The rows of a pair, from behind: times and JSON as text. */
  rows(table: "heads" | "versions", pair: { org_slug: string; provider: string }): Promise<StoredRow[]>;
  /** Everything that lies there when nobody works, by name: files, or tables and the statements that were sent. */
  atRest(): Promise<Map<string, Buffer>>;
  close(): Promise<void>;
}
export type StoredRow = Record<string, unknown>;

/** The backend that this run of the tests is for. */
export const backendName: "local" | "gcp" = process.env["TEST_BACKEND"] === "gcp" ? "gcp" : "local";

const open = new Map<string, { backend: TestBackend; users: number }>();

/** Opens a fresh backend, or the one that a service of the same home stands on. */
export async function openBackend(home: string | undefined): Promise<TestBackend> {
  const known = home === undefined ? undefined : open.get(home);
  if (known) known.users += 1;
  const backend: TestBackend = known ? known.backend : await openFresh(home);
  if (!known) open.set(backend.home, { backend, users: 1 });
  return {
    ...backend,
    close: async () => {
      const entry = open.get(backend.home);
      if (entry) entry.users -= 1;
      if (entry && entry.users > 0) return;
      open.delete(backend.home);
      await backend.close();
    },
  };
}

async function openFresh(home: string | undefined): Promise<TestBackend> {
  if (backendName === "local") return onOneMachine(home);
  const { onGoogleCloud } = await import("./backend-gcp.ts");
  return await onGoogleCloud();
}

function onOneMachine(given: string | undefined): TestBackend {
  const home = given ?? mkdtempSync(join(tmpdir(), "integrations-test-"));
  const read = (file: string) => readFileSync(join(home, file), "utf8");
  const clock = systemClock(0);
  const publicJwk = async () => JSON.parse(read("jwks.json")).keys[0];
  return {
    name: "local",
    platform: null,
    home,
    env: () => ({ INTEGRATIONS_HOME: home }),
    audit: () =>
      read("audit.jsonl")
        .split("\n")
        .filter(Boolean)
        .map((line) => JSON.parse(line)),
    token: (subject, nowMs, audience) =>
      openTokenIssuer(home, {
        clock: { ...clock, now: () => nowMs },
        ...(audience === undefined ? {} : { audience }),
      }).issue(subject),
    signer: {
      issuer: LOCAL_ISSUER,
      publicJwk,
      sign: async (claims) =>
        await new SignJWT({ ...claims })
          .setProtectedHeader({ alg: "RS256", kid: (await publicJwk()).kid, typ: "JWT" })
          .sign(await importJWK(JSON.parse(read("token-key.json")), "RS256")),
    },
    spoil: async ({ org_slug, provider }, columns) => {
      const database = new DatabaseSync(join(home, "integrations.sqlite"), { timeout: 5_000 });
      const set = Object.keys(columns).map((name) => `${name} = ?`);
      database
        .prepare(`UPDATE heads SET ${set.join(", ")} WHERE org_slug = ? AND provider = COALESCE(?, provider)`)
        .run(...Object.values(columns), org_slug, provider ?? null);
      database.close();
    },
    rows: async (table, { org_slug, provider }) => {
      const database = new DatabaseSync(join(home, "integrations.sqlite"), { readOnly: true, timeout: 5_000 });
      try {
        return database.prepare(`SELECT * FROM ${table} WHERE org_slug = ? AND provider = ?`).all(org_slug, provider);
      } finally {
        database.close();
      }
    },
    atRest: async () => new Map(readdirSync(home).map((file) => [file, readFileSync(join(home, file))] as const)),
    close: async () => {
      if (given === undefined) rmSync(home, { recursive: true, force: true });
    },
  };
}
