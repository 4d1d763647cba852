import { BigQuery, type Query, type QueryOptions } from "@google-cloud/bigquery";
import { OAuth2Client } from "google-auth-library";
import { afterAll, afterEach, beforeAll } from "vitest";
import { benchToken } from "../bearer.ts";
import { isRecord, recordOf } from "./json.ts";
import { type BigQuerySettings, type BigQuerySim, startBigQuery } from "./start.ts";

export const HEADS = "`cloudact-testing-1.integrations.heads`";
export const VERSIONS = "`cloudact-testing-1.integrations.versions`";
export const KEYS = "`cloudact-testing-1.integrations.org_keys`";
export const VIEW = "`cloudact-testing-1.organizations.integration_versions`";

/** Everything that a head needs; the tests look at seq and event_id. */
export const INSERT = `INSERT INTO ${HEADS} (org_slug, provider, seq, event_id, op, credential_id, credential_type, credential_name,
  metadata, enabled, validation_status, consecutive_failures, created_at, updated_at, created_by)
  SELECT @org, 'OPENAI', @seq, @event, 'setup', 'c', 'api_key', 'n', PARSE_JSON('{}'), TRUE, 'PENDING', 0,
  CURRENT_TIMESTAMP(), CURRENT_TIMESTAMP(), 'k'`;
export const CAS = `UPDATE ${HEADS} h SET seq = @seq + 1, event_id = @event WHERE h.org_slug = @org AND h.seq = @seq
  AND (SELECT MAX(x.seq) FROM ${HEADS} x WHERE x.org_slug = @org) = @seq`;
export const READ = `SELECT org_slug, seq, event_id FROM ${HEADS} WHERE org_slug = @org ORDER BY seq, event_id`;

export const insert = (org: string, seq: number, event: string): Query => ({
  query: INSERT,
  params: { org, seq, event },
});
export const cas = (org: string, seq: number, event: string): Query => ({ query: CAS, params: { org, seq, event } });
export const read = (org: string): Query => ({ query: READ, params: { org } });

/** For what takes milliseconds, on a machine that has other things to do. */
export const PATIENT = { timeout: 10_000, interval: 10 };

/** What came of a statement as the client tells it: rows and reply, or code, reason and message. */
export interface Seen {
  rows?: unknown[];
  affected?: number;
  reply?: Record<string, unknown>;
  code?: unknown;
  reason?: unknown;
  message?: string;
}

/** The official client as that service account; it retries quickly or, without `retries`, not at all. */
export function clientOf(sim: BigQuerySim, email: string | null, retries = false): BigQuery {
  const authClient = new OAuth2Client();
  const token = email === null ? "ya29.unknown" : benchToken(email);
  authClient.setCredentials({ access_token: token, expiry_date: Date.now() + 3_600_000 });
  const retryOptions = { autoRetry: retries, maxRetryDelay: 0.01 };
  return new BigQuery({ projectId: sim.project, apiEndpoint: sim.endpoint, authClient, retryOptions });
}

/** What a client's error says. */
export function failure(error: unknown): Seen {
  if (!(error instanceof Error)) throw error;
  const errors = "errors" in error && Array.isArray(error.errors) ? error.errors : [];
  const [first] = errors;
  const code = "code" in error ? error.code : undefined;
  return { code, reason: isRecord(first) ? first["reason"] : undefined, message: error.message };
}

/** One simulator and one client for the tests of a file; the tables are emptied and the faults forgotten after each. */
export interface Bench {
  readonly sim: BigQuerySim;
  readonly client: BigQuery;
  ask(query: Query, options?: QueryOptions, by?: BigQuery): Promise<Seen>;
  headsOf(org: string): Promise<unknown[]>;
  /** A further simulator, closed with the first. */
  another(settings: BigQuerySettings): Promise<BigQuerySim>;
}

export function useBigQuery(): Bench {
  const sims: BigQuerySim[] = [];
  const clients: BigQuery[] = [];
  const another = async (settings: BigQuerySettings): Promise<BigQuerySim> => {
    const made = await startBigQuery(settings);
    sims.push(made);
    return made;
  };
  beforeAll(async () => {
    clients.push(clientOf(await another({}), "int-setup@cloudact-testing-1.iam.gserviceaccount.com"));
  });
  afterEach(() => sims[0]?.reset());
  afterAll(async () => {
    for (const one of sims) await one.close();
  });
  const bench: Bench = {
    get sim() {
      return present(sims[0]);
    },
    get client() {
      return present(clients[0]);
    },
    another,
    async ask(query, options, by = bench.client) {
      try {
        const answer: readonly unknown[] = await by.query({ location: "US", ...query }, options ?? {});
        const reply = recordOf(answer[2]);
        return { rows: [answer[0]].flat(), affected: Number(reply["numDmlAffectedRows"] ?? 0), reply };
      } catch (error) {
        return failure(error);
      }
    },
    headsOf: async (org) => (await bench.ask(read(org))).rows ?? [],
  };
  return bench;
}

function present<Value>(value: Value | undefined): Value {
  if (value === undefined) throw new Error("the simulator of this file has not started");
  return value;
}
