import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { decrypt } from "../../../shared/operations/decrypt.ts";
import { get, history, list } from "../../../shared/operations/read.ts";
import { setup } from "../../../shared/operations/setup.ts";
import { sweep } from "../../../shared/operations/sweep.ts";
import { validate } from "../../../shared/operations/validate.ts";
import type { Works } from "../../../shared/operations/works.ts";
import { openBench } from "../../operations/bench.ts";
import type { Fault, Match } from "../../platform/bigquery/faults.ts";
import { type BigQueryBench, hastyClock, startBench } from "./bigquery-bench.ts";
import { type Ended, type Kind, kindNames, write } from "./bigquery-writers.ts";

const pair = { org_slug: "acme", provider: "FAKE" };
const local = openBench();
let bench: BigQueryBench;
let works: Works;
const sent: string[] = [];
beforeAll(async () => {
  bench = await startBench();
  const clock = hastyClock();
  const store = bench.open({ clock, onStatement: (name) => sent.push(name) });
  works = { ...local.works, clock, store };
});
afterEach(async () => {
  await bench.sim.reset();
  sent.length = 0;
});
afterAll(async () => {
  local.close();
  await bench.close();
});

/** From behind: distinct states at the pair's highest seq, and its versions by event. */
async function stored() {
  const heads = await bench.sim.admin(
    "SELECT DISTINCT event_id, seq FROM `integrations.heads` WHERE org_slug = 'acme' AND seq > 0 QUALIFY RANK() OVER (ORDER BY seq DESC) = 1",
  );
  const versions = await bench.sim.admin(
    "SELECT DISTINCT event_id, prev_event_id, seq FROM `integrations.versions` WHERE org_slug = 'acme'",
  );
  const byEvent = new Map(versions.map((row) => [row["event_id"], row]));
  const chain: unknown[] = [];
  for (let at = heads[0]?.["event_id"] ?? null; at !== null; at = byEvent.get(at)?.["prev_event_id"] ?? null)
    chain.push(byEvent.get(at)?.["seq"]);
  return { states: heads.length, chain, events: byEvent.size };
}

const statement: Record<string, Match> = {
  placeHeads: { kind: "INSERT", table: "integrations.heads" },
  appendVersions: { kind: "INSERT", table: "integrations.versions" },
  advanceHead: { kind: "UPDATE", table: "integrations.heads" },
};
const cells = (kinds: readonly Kind[], statements: readonly string[], faults: readonly Fault[]) =>
  kinds.flatMap((kind) =>
    statements
      .filter((name) => name !== "placeHeads" || kind === "setup")
      .flatMap((name) => faults.map((fault) => [kind, name, fault] as const)),
  );
const all = Object.keys(statement);
const inserts = ["placeHeads", "appendVersions"];

/** The change stands on top, once, and everything below it as it was. */
async function expectOnce(ended: Ended): Promise<void> {
  const chain = ended.kind === "setup" ? [1] : [2, 1];
  expect(await stored()).toMatchObject({ states: 1, chain });
  expect(ended).toMatchObject({ code: "none", done: { etag: `"v${chain.length}"` } });
  expect((await works.store.readHead(pair))?.credential_id).toBe(ended.done?.body["credential_id"]);
}

describe("a change through the operations", () => {
  const passing: Fault[] = ["reset_after", "truncated", "unavailable", "job_error", { kind: "pending", polls: 3 }];
  test.each([
    ...cells(["setup"], all, passing),
    ...cells(["rotate"], ["advanceHead"], passing),
    ...cells(["rename", "delete"], ["appendVersions", "advanceHead"], ["reset_after"]),
  ])("%s whose %s meets %j is acknowledged and is there exactly once", async (kind, name, fault) => {
    if (kind !== "setup") await write(works, "acme", "setup");
    bench.sim.faults.next(statement[name] ?? {}, fault, 3);
    await expectOnce(await write(works, "acme", kind));
  });

  // What outlasts the store's patience: the decision is settled by reading, what comes before it is given up.
  test.each(cells(kindNames, ["advanceHead"], ["reset_after", "garbage", "pending_forever"]))(
    "%s whose %s takes effect, and %j for as long as anybody asks, is acknowledged and is there exactly once",
    async (kind, name, fault) => {
      if (kind !== "setup") await write(works, "acme", "setup");
      bench.sim.faults.next(statement[name] ?? {}, fault, 1_000);
      await expectOnce(await write(works, "acme", kind));
    },
  );
  test.each([
    ...cells(["setup"], inserts, ["reset_after", "garbage", "pending_forever", "unavailable"]),
    ...cells(["rotate"], all, ["unavailable"]),
    ...cells(["setup", "rotate"], ["advanceHead"], ["serialization", "too_many_dml"]),
  ])(
    "%s whose %s meets %j for as long as anybody asks is 503, is not there, and ends well when it is asked again",
    async (kind, name, fault) => {
      if (kind !== "setup") await write(works, "acme", "setup");
      bench.sim.faults.next(statement[name] ?? {}, fault, 1_000);
      expect((await write(works, "acme", kind)).code).toBe("store_unavailable");
      const before = await stored();
      expect(before.chain).toEqual(kind === "setup" ? [] : [1]);
      expect(before.states).toBe(kind === "setup" ? 0 : 1);
      bench.sim.faults.clear();
      await expectOnce(await write(works, "acme", kind));
    },
  );

  test("a stale read makes a change lose the race that it did not see, and setup wins the next", async () => {
    await write(works, "acme", "setup");
    await write(works, "acme", "rename");
    bench.sim.faults.next({ kind: "SELECT", table: "integrations.heads" }, "stale_read");
    expect((await write(works, "acme", "setup")).code).toBe("none");
    expect(await stored()).toMatchObject({ states: 1, chain: [3, 2, 1] });
    bench.sim.faults.next({ kind: "SELECT", table: "integrations.heads" }, "stale_read");
    expect((await write(works, "acme", "rotate")).code).toBe("conflict");
    expect(await stored()).toMatchObject({ states: 1, chain: [3, 2, 1] });
  });

  test("one in five statements meeting something is seen by no caller, and every change is there once", async () => {
    bench.sim.faults.chaos({
      seed: 4,
      rate: 0.2,
      kinds: [
        "unavailable",
        "reset_before",
        "reset_after",
        "truncated",
        "garbage",
        "serialization",
        "rate_limit_403",
        "job_error",
        "pending",
      ],
    });
    const chain: number[] = [];
    for (let round = 0; round < 24; round += 1) {
      const kind: Kind = round === 0 ? "setup" : (kindNames[round % 3] ?? "setup");
      expect((await write(works, "acme", kind)).code, `round ${round}`).toBe("none");
      chain.unshift(round + 1);
    }
    bench.sim.faults.clear();
    expect(bench.sim.faults.struck().length).toBeGreaterThan(10);
    expect(await stored()).toMatchObject({ states: 1, chain });
  });
});

describe("statements per operation", () => {
  const took = async (work: () => Promise<unknown>) => {
    sent.length = 0;
    const before = bench.sim.statements().length;
    await work();
    expect(bench.sim.statements().length - before, "none is sent that is not told").toBe(sent.length);
    return [...sent];
  };
  const change3 = ["read_opening", "append_versions", "advance_head"];

  test("a change: one read and two writes, three for a first credential", async () => {
    expect(await took(() => write(works, "acme", "setup"))).toEqual([
      "read_opening",
      "place_heads",
      "append_versions",
      "advance_head",
    ]);
    for (const kind of ["rotate", "rename", "delete"] as const)
      expect(await took(() => write(works, "acme", kind))).toEqual(change3);
  });

  test("get, list, history, decrypt: one; a check: one read and two writes", async () => {
    const own = { ...works, clock: local.clock };
    const subject = local.subject("acme");
    await setup(own, {
      ...subject,
      body: { credential: "fake-good", skip_validation: false },
      idempotency: null,
      precondition: { ifMatch: null, createOnly: false },
    });
    const decrypted = () => decrypt(own, subject, { pipeline: "genai.payg_usage", run_id: "r", as: "secret" });
    expect(await took(() => list(own, "acme", { category: null, configured: null, expiringWithinDays: null }))).toEqual(
      ["read_heads"],
    );
    expect(await took(() => get(own, subject))).toEqual(["read_head"]);
    expect(await took(() => history(own, subject, { limit: 10, before: null }))).toEqual(["read_history"]);
    expect(await took(decrypted)).toEqual(["read_sealed"]);
    expect(await took(decrypted), "within ten seconds").toEqual([]);
    local.clock.advance(60_000);
    expect(await took(() => validate(own, subject))).toEqual(["read_sealed", "append_validations", "record_checks"]);
  });

  test("a sweep: one reading and two writes for all that is due, one for notices, two to purge", async () => {
    const own = { ...works, clock: local.clock };
    for (const org of ["acme", "beta", "gamma"]) {
      const subject = local.subject(org);
      await setup(own, {
        ...subject,
        body: { credential: "fake-good", skip_validation: false },
        idempotency: null,
        precondition: { ifMatch: null, createOnly: false },
      });
    }
    local.clock.advance(30 * 3_600_000);
    const run = () => sweep(own, { requestId: "r", actor: "scheduler" }, { limit: 10_000, max_seconds: 60 });
    const statements = await took(async () =>
      expect(await run()).toMatchObject({ checked: 3, valid: 3, remaining: 0 }),
    );
    expect(statements.filter((name) => name !== "read_taken")).toEqual([
      "read_due_deactivations",
      "read_due",
      "append_validations",
      "record_checks",
      "purge_deleted",
      "purge_superseded",
    ]);
    expect(statements.length).toBeLessThanOrEqual(7);
  });
});
