import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { parse } from "yaml";
import type { Head } from "../../../shared/contract/rows.ts";
import { change } from "../../ports/stored-rows.ts";
import { type BigQueryBench, project, type Store, startBench } from "./bigquery-bench.ts";
import { callsOf, pair } from "./bigquery-calls.ts";

const table: { functions: Record<string, { tables: Record<string, string> }> } = parse(
  readFileSync(join(import.meta.dirname, "../../../configs/functions.yml"), "utf8"),
);
const actions: Record<string, readonly string[]> = {
  read: ["read"],
  append: ["append"],
  change: ["read", "append", "change"],
};

/** What each function sends in the course of its work. */
const key = ["find_key"];
const step = ["read_opening", "append_versions", "advance_head"];
const checks = ["append_validations", "record_checks", "read_taken"];
const work: Record<string, string[]> = {
  setup: [...key, "read_openings", ...step, "place_heads", "advance_heads", "read_head", "read_heads", "read_holders"],
  validate: [...key, "read_openings", "read_sealed", "read_head", ...checks],
  list: [...key, "read_heads"],
  get: [...key, "read_openings", "read_head", "read_history"],
  update: [...key, "read_openings", ...step, "read_holders"],
  delete: [...key, "read_openings", ...step],
  decrypt: ["grants_of", "read_openings", "read_sealed", "mark_reported"],
  revalidate: ["read_due_deactivations", ...step, "read_due", ...checks, "purge_deleted", "purge_superseded"],
};
const seesCiphertext = ["read_sealed", "read_due", "read_sealed_elsewhere", "count_by_key_version"];
const blind = ["setup", "list", "get", "update", "delete"];

let bench: BigQueryBench;
let head: Head;
const stores = new Map<string, Store>();
beforeAll(async () => {
  bench = await startBench({
    allows(identity, { resource, action }) {
      if (identity?.startsWith("operator@")) return true;
      const name = /^int-([a-z]+)@/.exec(identity ?? "")?.[1];
      const granted = name === undefined ? undefined : table.functions[name];
      if (granted === undefined) return false;
      if (resource === project) return action === "jobs.create";
      const [dataset = "", of = ""] = resource.split(".");
      if ((of === "integration_versions") !== (dataset === "organizations")) return false;
      return actions[granted.tables[of] ?? ""]?.includes(action) ?? false;
    },
  });
  for (const name of Object.keys(table.functions)) {
    const auth = await bench.identity(`int-${name}@${project}.iam.gserviceaccount.com`);
    stores.set(name, bench.open({ auth }));
  }
});
beforeEach(async () => {
  await bench.sim.reset();
  head = await change(bench.open(), pair);
});
afterAll(async () => bench.close());

function calls(name: string): Map<string, () => Promise<unknown>> {
  const store = stores.get(name);
  if (store === undefined) throw new Error(`there is no function ${name}`);
  return new Map(callsOf(store, head));
}

describe("by what configs/functions.yml says that it may", () => {
  test("every function is looked at", () => {
    expect(Object.keys(work)).toEqual(Object.keys(table.functions));
  });

  test.each(Object.entries(work))("%s can send all that its work needs", async (name, statements) => {
    const mine = calls(name);
    for (const statement of statements) await mine.get(statement)?.();
    expect(statements.filter((statement) => !mine.has(statement))).toEqual([]);
  });

  test.each(blind)(
    "%s is refused whatever holds ciphertext, at once, in a word and without the reason's text",
    async (name) => {
      for (const statement of seesCiphertext) {
        const before = bench.sim.statements().length;
        await expect(calls(name).get(statement)?.(), statement).rejects.toMatchObject({
          code: "store_unavailable",
          details: { reason: "denied", cause: { message: "BigQuery: denied" } },
        });
        expect(bench.sim.statements().length - before, "sent once").toBe(1);
      }
    },
  );

  test("what can read no history sends none, and who may only append cannot read what was appended", async () => {
    await expect(calls("list").get("read_history")?.()).rejects.toMatchObject({ details: { reason: "denied" } });
    await expect(calls("setup").get("read_history")?.()).rejects.toMatchObject({ details: { reason: "denied" } });
  });

  test("a caller whose token nobody knows is refused, and told so as a store that is not there", async () => {
    const auth = await bench.identity(`int-unknown@${project}.iam.gserviceaccount.com`);
    const store = bench.open({ auth });
    await expect(store.readHead(pair)).rejects.toMatchObject({ code: "store_unavailable" });
  });
});
