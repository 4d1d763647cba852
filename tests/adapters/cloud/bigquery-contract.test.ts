import { afterAll, beforeAll } from "vitest";
import { describeCredentialStore } from "../../ports/credential-store.contract.ts";
import { describeGrants } from "../../ports/grants.contract.ts";
import { describeOrgKeys } from "../../ports/org-keys.contract.ts";
import { type BigQueryBench, type Store, startBench } from "./bigquery-bench.ts";

let bench: BigQueryBench;
let stores: readonly [Store, Store];
beforeAll(async () => {
  bench = await startBench();
  stores = [bench.open(), bench.open()];
});
afterAll(async () => bench.close());

describeCredentialStore("BigQuery", async () => ({
  clients: stores,
  async headRows(pair) {
    const rows = await bench.sim.admin(
      `SELECT seq, event_id FROM \`integrations.heads\` WHERE org_slug = '${pair.org_slug}' AND provider = '${pair.provider}'`,
    );
    return rows.map((row) => ({ seq: Number(row["seq"]), event_id: String(row["event_id"]) }));
  },
  async sealedEvents(pair) {
    const rows = await bench.sim.admin(
      `SELECT event_id FROM \`integrations.versions\` WHERE encrypted_credential IS NOT NULL AND org_slug = '${pair.org_slug}' AND provider = '${pair.provider}'`,
    );
    return rows.map((row) => String(row["event_id"]));
  },
  dispose: () => bench.sim.reset(),
}));

describeOrgKeys("BigQuery", async () => ({ keys: stores[0], dispose: () => bench.sim.reset() }));
describeGrants("BigQuery", async () => ({ grants: stores[0], dispose: () => bench.sim.reset() }));
