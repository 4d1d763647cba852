import { afterAll, beforeAll, expect, test } from "vitest";
import { type BigQueryBench, type Store, startBench } from "../adapters/cloud/bigquery-bench.ts";
import { hour } from "../ports/stored-rows.ts";
import { views } from "./files.ts";
import { everyStatement, tellStory } from "./store-story.ts";

/* The store of the cloud backend itself, through the official client, and the views over what it has written. */

const acme = { org_slug: "acme", provider: "OPENAI" };
const sent = new Set<string>();
let bench: BigQueryBench;
let store: Store;
beforeAll(async () => {
  bench = await startBench();
  store = bench.open({ onStatement: (name) => sent.add(name) });
  await tellStory(store);
});
afterAll(() => bench.close());

const shown = (view: string, more = "") => bench.sim.admin(`SELECT * FROM \`organizations.${view}\` ${more}`);

test("the story makes the store send every statement that it has", () => {
  expect([...sent].sort()).toEqual(Object.keys(everyStatement()).sort());
});

test("every view but those of the audit log is installed and answers", async () => {
  for (const view of views.filter((one) => !/audit|decrypts/.test(one)))
    expect([view, (await shown(view)).length > 0]).toEqual([view, true]);
});

test("the credentials in use are the heads", async () => {
  const rows = await shown("org_integration_credentials", "ORDER BY org_slug, provider, created_at DESC");
  for (const org of ["acme", "globex-2"])
    for (const head of (await store.readHeads(org)).heads) {
      const [row] = rows.filter((one) => one["org_slug"] === org && one["provider"] === head.provider);
      expect(row).toMatchObject({
        credential_id: head.credential_id,
        credential_name: head.credential_name,
        validation_status: head.validation_status,
        last_checked_at: head.last_checked_at,
        error_code: head.error_code,
        updated_at: head.updated_at,
      });
      const sealed = await store.readSealed(head);
      expect(row?.["encrypted_credential"]).toEqual(sealed?.encrypted_credential);
    }
});

test("the history is the store's", async () => {
  const { items } = await store.readHistory(acme, { limit: 1000, before: null });
  const lines = await shown(
    "integration_history",
    "WHERE org_slug = 'acme' AND provider = 'OPENAI' ORDER BY happened_at, seq",
  );
  expect(lines.map(({ type, happened_at }) => [type, happened_at])).toEqual(
    items.toReversed().map(({ type, at }) => [type, at]),
  );
});

test("the ciphertexts by key version are the store's", async () => {
  const rows = await shown("integration_key_versions", "ORDER BY key_version");
  const held = rows.filter((row) => Number(row["current_secrets"]) + Number(row["other_secrets"]) > 0);
  expect(held.map((row) => [row["key_version"], row["current_secrets"], row["other_secrets"]])).toEqual(
    (await store.countByKeyVersion()).map(({ key_version, current, other }) => [key_version, current, other]),
  );
});

test("an integration that was deleted has been so since", async () => {
  const stretches = await shown("integration_status_at", "WHERE org_slug = 'globex-2' ORDER BY valid_from");
  expect(stretches.at(-1)).toMatchObject({ status: "NOT_CONFIGURED", valid_from: hour(3) });
});
