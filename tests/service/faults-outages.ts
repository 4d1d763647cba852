import { expect } from "vitest";
import { expectProblem } from "../http/problem.ts";
import { type Befall, type Bench, expectCell, sqlOf } from "./faults-cells.ts";
import { type Cell, decrypt, type Operation, operationNamed, operations } from "./faults-operations.ts";
import { type Service, startService } from "./harness.ts";

/** A part of the matrix in which callers have to wait for a deadline, on a bench that it has for itself. */
export interface Outage {
  title: string;
  play(bench: Bench): Promise<unknown>;
}

/**
 * A change that BigQuery never settles is given up after 10 s, at which time the last try of its 12 s may have begun; one
 * of the sweep's statements has 20 s, Cloud KMS and Secret Manager have 8. What a loaded machine adds is added.
 */
const WITHIN_MS = 35_000;

/** The operation's cell that nobody else has. */
async function cellOf(bench: Bench, operation: Operation): Promise<Cell> {
  const [cell] = await bench.cells(operation, 1);
  if (cell === undefined) throw new Error("no cell");
  return cell;
}

/**
 * All of these operations at once under one fault, each in its own cell. It ends when the last has its answer, and only
 * then is anything repeated.
 */
async function together(
  bench: Bench,
  acting: readonly Operation[],
  fault: Pick<Befall, "begin" | "end" | "withinMs"> & { ends: (operation: Operation) => Befall["ends"] },
): Promise<void> {
  const cells = await Promise.all(acting.map((operation) => cellOf(bench, operation)));
  for (const [index, operation] of acting.entries()) {
    const cell = cells[index];
    if (cell) await operation.arrange?.(cell);
  }
  await fault.begin();
  let waiting = acting.length;
  const over = Promise.withResolvers<void>();
  const end = async () => {
    waiting -= 1;
    if (waiting === 0) {
      await fault.end();
      over.resolve();
    }
    await over.promise;
  };
  const results = await Promise.allSettled(
    acting.map(async (operation, index) => {
      const cell = cells[index];
      if (cell === undefined) return;
      const { arrange: _, ...arranged } = operation;
      const befall = { begin: () => {}, end, ends: fault.ends(operation), withinMs: fault.withinMs };
      await expectCell(bench, arranged, cell, befall).catch((error: unknown) => {
        throw new Error(`${operation.name}: ${error instanceof Error ? error.message : ""}`, { cause: error });
      });
    }),
  );
  expect(results.flatMap((one) => (one.status === "rejected" ? [String(one.reason)] : []))).toEqual([]);
}

/** One statement of each kind that there is, struck once in an operation that sends it. */
function eachStatement(): Array<{ operation: Operation; statement: string }> {
  const found = new Map<string, Operation>();
  for (const operation of operations)
    for (const statement of operation.statements) if (!found.has(statement)) found.set(statement, operation);
  return [...found].map(([statement, operation]) => ({ operation, statement }));
}

/** Strikes one statement after the other, and lets all of them wait together for what does not come. */
function strikeEach(fault: "timeout_after_commit" | "pending_forever"): Outage["play"] {
  return async (bench) => {
    const { faults } = bench.platform.bigquery;
    const struck = eachStatement();
    const cells = await Promise.all(struck.map(({ operation }) => cellOf(bench, operation)));
    const allStruck = Promise.withResolvers<void>();
    const running: Array<Promise<unknown>> = [];
    for (const [index, { operation, statement }] of struck.entries()) {
      const cell = cells[index];
      if (cell === undefined) continue;
      await operation.arrange?.(cell);
      const { arrange: _, ...arranged } = operation;
      faults.next(sqlOf(statement), fault);
      running.push(
        expectCell(bench, arranged, cell, {
          begin: () => {},
          end: () => allStruck.promise,
          ends: "either",
          withinMs: WITHIN_MS,
        }).catch((error: unknown) => {
          throw new Error(`${statement} of ${operation.name}: ${error instanceof Error ? error.message : ""}`);
        }),
      );
      for (let tries = 0; faults.waiting() > 0; tries += 1) {
        if (tries > 1_000) throw new Error(`${operation.name} does not send ${statement}`);
        await new Promise((resolve) => setTimeout(resolve, 2));
      }
    }
    expect(faults.struck().filter(({ kind }) => kind === fault)).toHaveLength(struck.length);
    allStruck.resolve();
    const results = await Promise.allSettled(running);
    expect(results.flatMap((one) => (one.status === "rejected" ? [String(one.reason)] : []))).toEqual([]);
  };
}

export const lostReplies: Outage[] = [
  { title: "a statement that runs and is never answered", play: strikeEach("timeout_after_commit") },
  { title: "a statement that runs and is said to be pending for ever", play: strikeEach("pending_forever") },
];

const advancing = operations.filter(({ statements }) => statements.some((name) => /^advance_head/.test(name)));
const ofHeads = /^UPDATE `[\w.-]+\.heads`/;

export const storeOutages: Outage[] = [
  {
    title: "BigQuery unavailable for everyone and everything",
    play: (bench) =>
      together(bench, operations, {
        begin: () => bench.platform.bigquery.faults.chaos({ rate: 1, kinds: ["unavailable"] }),
        end: () => bench.platform.bigquery.faults.clear(),
        ends: () => "refused",
        withinMs: WITHIN_MS,
      }),
  },
  {
    title: "every change of a head carried out, and every answer to it cut",
    play: (bench) =>
      together(bench, advancing, {
        begin: () => bench.platform.bigquery.faults.chaos({ rate: 1, kinds: ["reset_after"], match: ofHeads }),
        end: () => bench.platform.bigquery.faults.clear(),
        // Whoever finds its own change effective acknowledges it; an import leaves that to its repetition.
        ends: ({ name }) => (name === "import" ? "either" : "well"),
        withinMs: WITHIN_MS,
      }),
  },
  {
    title: "every change of a head unavailable, all else in order",
    play: (bench) =>
      together(bench, advancing, {
        begin: () => bench.platform.bigquery.faults.chaos({ rate: 1, kinds: ["unavailable"], match: ofHeads }),
        end: () => bench.platform.bigquery.faults.clear(),
        ends: ({ shrugsOff }) => (shrugsOff ? "well" : "refused"),
        withinMs: WITHIN_MS,
      }),
  },
];

const sealing = operations.filter(({ key }) => key === "encrypt");
const opening = operations.filter(({ key }) => key === "decrypt");
/** After five calls that got no answer the key is left in peace for so long. */
const REST_MS = 5_500;

type KmsFault = Parameters<Bench["platform"]["kms"]["faults"]["always"]>[0];

/** @param restMs how long to wait before anything is repeated */
function withoutKey(fault: KmsFault, acting: readonly Operation[], restMs = 0): Outage["play"] {
  return async (bench) => {
    const scout = await cellOf(bench, operationNamed("decrypt"));
    await together(bench, acting, {
      begin: () => bench.platform.kms.faults.always(fault),
      end: async () => {
        bench.platform.kms.faults.clear();
        await new Promise((resolve) => setTimeout(resolve, restMs));
        // Of those who come then one is let through, and the others once that has gone well.
        expect((await decrypt(scout)).status).toBe(200);
      },
      ends: () => "refused without the key",
      withinMs: WITHIN_MS,
    });
  };
}

export const keyOutages: Outage[] = [
  { title: "Cloud KMS unavailable", play: withoutKey("unavailable", [...sealing, ...opening], REST_MS) },
  { title: "Cloud KMS out of quota", play: withoutKey("resource_exhausted", [...sealing, ...opening], REST_MS) },
  { title: "Cloud KMS silent", play: withoutKey("hang", [...sealing, ...opening], REST_MS) },
  {
    title: "bits that flip on every way from Cloud KMS, in what it has sealed",
    play: withoutKey("bit_flipped", sealing),
  },
  {
    title: "bits that flip on every way from Cloud KMS, in what it has opened",
    play: withoutKey("bit_flipped", opening),
  },
  { title: "plaintext that Cloud KMS never says to have verified", play: withoutKey("plaintext_unverified", sealing) },
  {
    title: "the version of the key disabled",
    play: (bench) =>
      together(bench, [...sealing, ...opening], {
        begin: () => bench.platform.kms.key.disable(1),
        end: () => bench.platform.kms.key.enable(1),
        ends: () => "refused until mended",
        withinMs: WITHIN_MS,
      }),
  },
  {
    title: "Cloud KMS unavailable to who has opened the credential before: it is released from memory",
    play: async (bench) => {
      const operation = operationNamed("decrypt");
      const cell = await cellOf(bench, operation);
      expect((await decrypt(cell)).body.cache).toBe("miss");
      bench.platform.kms.faults.always("unavailable");
      const reply = await decrypt(cell);
      bench.platform.kms.faults.clear();
      expect(reply.body).toMatchObject({ cache: "hit", credential: { api_key: cell.before?.secret } });
    },
  },
];

/** A further process on the same backend, which has asked nobody for anything yet. */
async function cold(bench: Bench, act: (service: Service) => Promise<void>): Promise<void> {
  const service = await startService({ home: bench.service.home, simulators: bench.service.simulators });
  try {
    await act(service);
    bench.answers.push(service.output().stdout, service.output().stderr);
  } finally {
    await service.close();
  }
}

async function expectWithin(ms: number, code: string, send: () => Promise<Awaited<ReturnType<Service["send"]>>>) {
  const startedAt = performance.now();
  const reply = await send();
  expectProblem(reply, 503, code);
  expect(Number(reply.headers.get("retry-after"))).toBeGreaterThanOrEqual(1);
  expect(performance.now() - startedAt).toBeLessThan(ms);
}

export const callerOutages: Outage[] = [
  {
    title: "Secret Manager down at a cold start: no key is taken or refused, until it is back, and then for good",
    play: async (bench) => {
      const [list, rotate] = [operationNamed("list"), operationNamed("rotate")];
      const [cell, changed] = [await cellOf(bench, list), await cellOf(bench, rotate)];
      const { faults } = bench.platform.secretManager;
      await cold(bench, async (service) => {
        expect((await service.send("GET", `${service.origin}/health`)).status).toBe(200);
        for (const fault of ["unavailable", "reset_before", "bit_flipped", "no_payload", "hang"] as const) {
          faults.always(fault);
          await expectWithin(WITHIN_MS, "key_unavailable", () => list.send({ ...cell, service }));
        }
        faults.always("unavailable");
        await expectCell(
          bench,
          rotate,
          { ...changed, service },
          {
            begin: () => {},
            end: () => faults.clear(),
            ends: "refused without the key",
            withinMs: WITHIN_MS,
          },
        );
        // Each function's process has to have asked for itself.
        expect((await list.send({ ...cell, service })).status).toBe(200);
        faults.always("unavailable");
        for (const operation of [list, rotate])
          await expectCell(
            bench,
            operation,
            { ...(await cellOf(bench, operation)), service },
            {
              begin: () => {},
              end: () => {},
              ends: "well",
              withinMs: WITHIN_MS,
            },
          );
        faults.clear();
      });
    },
  },
  {
    title: "Google's certificates down at a cold start: nothing is released, until they are back, and then for good",
    play: async (bench) => {
      const { faults } = bench.platform.certificates;
      const operation = operationNamed("decrypt");
      const cell = await cellOf(bench, operation);
      await cold(bench, async (service) => {
        for (const fault of ["down", 503, "garbage", "no_keys", "cut", "hang"] as const) {
          faults.always(fault);
          await expectWithin(WITHIN_MS, "key_unavailable", () => decrypt({ ...cell, service }));
        }
        faults.clear();
        await expectCell(
          bench,
          operation,
          { ...cell, service },
          {
            begin: () => {},
            end: () => faults.always("down"),
            ends: "well",
            withinMs: WITHIN_MS,
          },
        );
        faults.clear();
      });
    },
  },
];
