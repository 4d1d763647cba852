import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Befall, type Bench, expectCell, sqlOf, startBench, taken } from "./faults-cells.ts";
import { keyFaults } from "./faults-columns.ts";
import { expectNothingLeaked } from "./faults-leaks.ts";
import { type Cell, freshSecret, type Operation, operationNamed, operations } from "./faults-operations.ts";
import { callerOutages, keyOutages, lostReplies, type Outage, storeOutages } from "./faults-outages.ts";
import type { Reply } from "./harness.ts";

const QUICK_MS = 8_000;
let bench: Bench;
/** Those who mostly wait begin with the file, each list on a bench of its own, and are looked at when the others are done. */
const outages = [[...lostReplies, ...callerOutages], storeOutages, keyOutages].map((list) => ({
  list,
  bench: startBench(),
}));
const played = new Map<Outage, Promise<PromiseSettledResult<unknown>>>();
beforeAll(async () => {
  for (const { list, bench: own } of outages) {
    let before: Promise<unknown> = own;
    for (const outage of list) {
      const run = before.then(async () => await outage.play(await own));
      const result = Promise.allSettled([run]).then(([settled]) => settled);
      played.set(outage, result);
      before = result;
    }
  }
  bench = await startBench();
});
afterAll(async () => {
  for (const one of [...outages.map(({ bench: own }) => own), bench]) await (await one).service.close();
});

describe("without a fault", () => {
  test.each(operations.map((operation) => [operation.name, operation] as const))(
    "%s sends the statements that the faults befall, and no others",
    async (_, operation) => {
      const [cell] = await bench.cells(operation, 1);
      if (cell === undefined) throw new Error("no cell");
      await operation.arrange?.(cell);
      const before = bench.platform.bigquery.statements().length;
      const reply = await operation.send(cell);
      expect(reply.status, reply.text).toBe(operation.success);
      operation.check?.(reply, cell);
      const sent = bench.platform.bigquery.statements().slice(before);
      const names = sent.map(({ labels }) => String(labels["statement"]));
      // Who calls is remembered for seconds, which is another matter.
      const isOwn = (name: string) => operation.statements.includes(name) || !["find_key", "grants_of"].includes(name);
      expect(names.filter(isOwn)).toEqual(operation.statements);
    },
  );
});

describe.each(operations.filter(({ key }) => key !== "none").map((operation) => [operation.name, operation] as const))(
  "%s, where Cloud KMS",
  (_, operation) => {
    const cases = keyFaults.filter(([, , use]) => use === "any" || use === operation.key);
    let cells: Cell[];
    beforeAll(async () => {
      cells = await bench.cells(operation, cases.length);
    });

    test.each(cases)("%s once", async (_name, fault) => {
      const { faults } = bench.platform.kms;
      await expectCell(bench, operation, taken(cells), {
        begin: () => faults.next(fault),
        end: () => {
          const { met } = faults;
          faults.clear();
          expect(met, "the fault has struck").toBe(1);
        },
        ends: "well",
        withinMs: QUICK_MS,
      });
    });
  },
);

/** These read first what was there before the last change, which another request has made a moment ago. */
const stale: ReadonlyArray<readonly [string, Befall["ends"]]> = [
  ["list", "well"],
  ["get", "well"],
  ["history", "well"],
  ["decrypt", "well"],
  ["validate", "well"],
  ["a setup that replaces", "well"],
  ["rotate", "overtaken"],
  ["a rename", "overtaken"],
  ["a scheduled delete", "well"],
  ["delete", "well"],
];

describe("a stale read", () => {
  /** Makes a change, and has the operation's first statement see what was there before it. */
  async function outdate(cell: Cell, operation: Operation, change: () => Promise<Reply>): Promise<Reply> {
    const { faults } = bench.platform.bigquery;
    const held = faults.hold(sqlOf("advance_head"), "arrival");
    const changing = change();
    await held.arrived;
    faults.next(sqlOf(operation.statements[0] ?? ""), "stale_read");
    held.release();
    cell.versions += 1;
    return await changing;
  }
  const struck = () => {
    expect(bench.platform.bigquery.faults.waiting(), "the fault has struck").toBe(0);
  };

  test.each(stale)("under %s ends %s", async (name, ends) => {
    const operation = operationNamed(name);
    const cell = taken(await bench.cells(operation, 1));
    const renamed = await outdate(cell, operation, () =>
      bench.service.send("PUT", cell.path, { key: cell.key, body: { credential_name: "Just renamed" } }),
    );
    expect(renamed.status).toBe(200);
    await expectCell(bench, operation, cell, { begin: () => {}, end: struck, ends, withinMs: QUICK_MS });
  });

  test("under a setup that sees nothing where something was just set up replaces that, and says so", async () => {
    const [first, second] = [operationNamed("the first setup"), operationNamed("a setup that replaces")];
    const cell = taken(await bench.cells(first, 1));
    const made = await outdate(cell, second, () => first.send(cell));
    expect(made.status).toBe(201);
    const next = { ...cell, secret: freshSecret(cell.provider), idempotencyKey: randomUUID() };
    await expectCell(bench, second, next, { begin: () => {}, end: struck, ends: "well", withinMs: QUICK_MS });
  });
});

describe("an outage", () => {
  test.each([...outages.flatMap(({ list }) => list)].map((outage) => [outage.title, outage] as const))(
    "%s",
    async (_, outage) => {
      const result = await played.get(outage);
      if (result?.status !== "fulfilled") throw result?.reason;
    },
    240_000,
  );
});

test("no secret of any cell has been printed, answered by anything but decrypt, or stored in the clear", async () => {
  for (const own of [...outages.map((outage) => outage.bench), bench]) await expectNothingLeaked(await own);
});
