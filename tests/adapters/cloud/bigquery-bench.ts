import { GoogleAuth } from "google-auth-library";
import type { BigQuerySettings } from "../../../shared/adapters/cloud/bigquery-database.ts";
import { openBigQueryStore } from "../../../shared/adapters/cloud/bigquery-store.ts";
import type { Places } from "../../../shared/adapters/cloud/bigquery-tables.ts";
import type { OnCorrupt } from "../../../shared/adapters/stored/changes.ts";
import { systemClock } from "../../../shared/adapters/system-clock.ts";
import type { Clock } from "../../../shared/ports/clock.ts";
import type { CredentialStore } from "../../../shared/ports/credential-store.ts";
import type { GrantStore, OrgKeyStore } from "../../../shared/ports/key-registry.ts";
import { type BigQuerySim, startBigQuery } from "../../platform/bigquery/start.ts";
import { startMetadata } from "../../platform/metadata.ts";

export type Store = CredentialStore & OrgKeyStore & GrantStore;
export const project = "cloudact-testing-1";
export const operator = `operator@${project}.iam.gserviceaccount.com`;

/** The simulator of a test file, and stores that reach it as an instance in Google Cloud does. */
export interface BigQueryBench {
  sim: BigQuerySim;
  /** A store of its own client. It is closed with the bench. */
  open(settings?: Partial<BigQuerySettings> & { places?: Places; onCorrupt?: OnCorrupt }): Store;
  /** Credentials of a service account, from a metadata server. */
  identity(email: string): Promise<GoogleAuth>;
  close(): Promise<void>;
}

export async function startBench(settings: Parameters<typeof startBigQuery>[0] = {}): Promise<BigQueryBench> {
  const sim = await startBigQuery(settings);
  const closing: Array<() => unknown> = [];
  const identity = async (email: string) => {
    const metadata = await startMetadata(email, { project });
    closing.push(() => metadata.close());
    Object.assign(process.env, metadata.env);
    const auth = new GoogleAuth({ projectId: project, scopes: ["https://www.googleapis.com/auth/cloud-platform"] });
    // The token is fetched while the environment names this server.
    await auth.getRequestHeaders();
    return auth;
  };
  const auth = await identity(operator);
  return {
    sim,
    identity,
    open({ places, ...changed } = {}) {
      const store = openBigQueryStore({
        auth,
        location: sim.location,
        apiEndpoint: sim.endpoint,
        clock: systemClock(),
        onCorrupt: () => {},
        ...(places ?? { project: sim.project, ledgerDataset: "integrations", viewsDataset: "organizations" }),
        ...changed,
      });
      closing.push(() => store.close());
      return store;
    },
    async close() {
      for (const close of closing.reverse()) await close();
      await sim.close();
    },
  };
}

/** Real time, save that nobody sleeps: a wait is over at once and counts as having been waited. */
export function hastyClock(): Clock {
  let skippedMs = 0;
  return {
    now: () => Date.now() + skippedMs,
    monotonic: () => performance.now() + skippedMs,
    async sleep(ms) {
      skippedMs += ms;
    },
  };
}
