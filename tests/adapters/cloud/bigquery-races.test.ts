import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { seeded } from "../../operations/bench.ts";
import type { Hold } from "../../platform/bigquery/faults.ts";
import { headColumns, T0 } from "../../ports/stored-rows.ts";
import { type BigQueryBench, hastyClock, project, type Store, startBench } from "./bigquery-bench.ts";

/*
 * Writers on one pair, each write of theirs stopped between its snapshot and its commit, and let go in an order that the
 * seed decides: what BigQuery's snapshot isolation allows, and no emulator with one writer shows by itself.
 */

const TWO = 150;
const THREE = 50;

interface Writer {
  email: string;
  store: Store;
}

let bench: BigQueryBench;
const writers: Writer[] = [];
beforeAll(async () => {
  bench = await startBench();
  for (const name of ["setup", "update", "delete"]) {
    const email = `int-${name}@${project}.iam.gserviceaccount.com`;
    writers.push({ email, store: bench.open({ auth: await bench.identity(email), clock: hastyClock() }) });
  }
});
beforeEach(async () => {
  await bench.sim.reset();
  await writers[0]?.store.placeHeads([{ org_slug: "model", provider: "OPENAI" }], T0);
});
afterAll(async () => bench.close());

/** What a writer was told. */
interface Told {
  seq: number;
  event: string;
  /** Whether it took effect; else someone was first. */
  won: boolean;
}

/**
 * Places a head where it has seen none, and compares and sets on what it has seen; where it lost it reads and tries once
 * more, if it is one that does.
 */
async function write(
  { store }: Writer,
  org: string,
  name: string,
  seen: number | null,
  again: boolean,
): Promise<Told[]> {
  const pair = { org_slug: org, provider: "OPENAI" };
  if (seen === null) await store.placeHeads([pair], T0);
  const told: Told[] = [];
  const advance = async (expected_seq: number) => {
    const event_id = `${name}-${told.length}`;
    const won = (await store.advanceHead({ ...pair, expected_seq, event_id, set: headColumns() })) > 0;
    told.push({ seq: expected_seq + 1, event: event_id, won });
    return won;
  };
  if (!(await advance(seen ?? 0)) && again) await advance((await store.readHead(pair))?.seq ?? 0);
  return told;
}

/** A writer on its way: the statement that it is stopped at, if it has come there. */
interface Runner {
  writer: Writer;
  hold: Hold;
  at: "running" | "held" | "ended";
}

/** Lets so many writers at one pair, and each of their writes go in an order from the seed. */
async function interleave(random: () => number, org: string, count: number, seen: number | null): Promise<Told[]> {
  const told: Told[] = [];
  const stop = ({ email }: Writer) => bench.sim.faults.hold({ identity: email, kind: ["INSERT", "UPDATE"] });
  const runners = writers.slice(0, count).map((writer, index): Runner => {
    const runner: Runner = { writer, hold: stop(writer), at: "running" };
    // One may have read before the other's placeholder was there, or after it.
    const saw = seen === null && random() < 0.3 ? 0 : seen;
    void write(writer, org, `w${index}`, saw, random() < 0.3).then((one) => {
      runner.at = "ended";
      told.push(...one);
    });
    return runner;
  });
  for (;;) {
    await quiet(runners);
    const held = runners.filter(({ at }) => at === "held");
    const chosen = held[Math.floor(random() * held.length)];
    if (chosen === undefined) break;
    const { hold } = chosen;
    chosen.hold = stop(chosen.writer);
    chosen.at = "running";
    hold.release();
    await hold.done;
  }
  bench.sim.faults.clear();
  expect(runners.map(({ at }) => at)).toEqual(runners.map(() => "ended"));
  return told;
}

/**
 * Until every writer is held or has ended. Two mutating statements run at once on a table and a third waits for its
 * turn: where two are held, the others may be waiting, and get a moment only.
 */
async function quiet(runners: readonly Runner[]): Promise<void> {
  for (const runner of runners) {
    const { hold } = runner;
    hold.arrived.then(
      () => {
        if (runner.hold === hold && runner.at === "running") runner.at = "held";
      },
      () => {},
    );
  }
  for (let moments = 0; ; moments += 1) {
    if (runners.every(({ at }) => at !== "running")) return;
    if (runners.filter(({ at }) => at === "held").length >= 2 && moments > 10) return;
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}

/** An integration that has been placed, or set up too: from behind, since it is nobody's race. @returns its seq */
async function prepare(org: string, placed: number): Promise<number> {
  const seq = placed === 1 ? 0 : 1;
  await bench.sim.admin(
    `INSERT INTO \`integrations.heads\` SELECT * REPLACE ('${org}' AS org_slug, ${seq} AS seq, 'first' AS event_id)
FROM \`integrations.heads\` WHERE org_slug = 'model'`,
  );
  return seq;
}

/** What must hold of one pair, whoever came first. */
async function expectWhole(org: string, told: readonly Told[]): Promise<void> {
  const rows = await bench.sim.admin(
    `SELECT seq, event_id FROM \`integrations.heads\` WHERE org_slug = '${org}' AND seq > 0`,
  );
  const states = new Set(rows.map((row) => `${row["seq"]} ${row["event_id"]}`));
  const won = told.filter((one) => one.won).sort((left, right) => right.seq - left.seq);
  expect(
    won.map(({ seq }) => seq),
    "each was acknowledged on the one before, and no seq twice",
  ).toEqual(won.map((_, index) => won.length - index));
  expect([...states], "one state: the last that was acknowledged").toEqual(
    won.slice(0, 1).map(({ seq, event }) => `${seq} ${event}`),
  );
}

describe.each([
  [TWO, 2],
  [THREE, 3],
])("%i schedules of %i writers", (schedules, count) => {
  test("never give two states of one seq, nor lose what was acknowledged", async () => {
    let lost = 0;
    for (let seed = 1; seed <= schedules; seed += 1) {
      const random = seeded(seed);
      const org = `org${seed}`;
      const told: Told[] = [];
      try {
        const seen = seed % 3 === 0 ? null : await prepare(org, seed % 3);
        if (seen === 1) told.push({ seq: 1, event: "first", won: true });
        told.push(...(await interleave(random, org, count, seen)));
        await expectWhole(org, told);
      } catch (error) {
        throw new Error(`seed ${seed}`, { cause: error });
      }
      lost += told.filter(({ won }) => !won).length;
      if (seed % 20 === 0) await bench.sim.admin("DELETE FROM `integrations.heads` WHERE org_slug <> 'model'");
    }
    expect(lost, "races were lost").toBeGreaterThan(schedules / 10);
  }, 120_000);
});
