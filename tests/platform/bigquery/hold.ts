import type { Result } from "./replies.ts";
import type { Plan } from "./statement.ts";
import type { Body, Storage } from "./storage.ts";

/** A statement between its snapshot and its commit. Both belong inside `alone`. */
export interface Held {
  /** What it comes to depends on what has happened since (see `begin`). */
  commit: () => Promise<Result>;
  /** Afterwards, committed or not: forgets what it saw. */
  drop: () => Promise<void>;
}

/**
 * Begins a statement and stops it before its commit, other statements passing by. BigQuery's snapshot isolation, as
 * its documentation describes it, is modelled for a store that has a single writer:
 *
 * - SELECT reads now and answers later.
 * - INSERT evaluates its rows now and writes them later; it conflicts with nothing.
 * - UPDATE, DELETE: where another statement has changed rows of the table since, it runs anew on what is there then.
 *   Otherwise it sees its snapshot: in one step that nobody else sees, rows inserted since are set aside, it runs, and
 *   they are put back; other tables it reads are for that moment as they were.
 * - MERGE likewise, but where it turns out to insert only, it conflicts with nothing: the rows it inserts by its
 *   snapshot are added to whatever is there. Two concurrent first MERGEs both insert.
 *
 * Source: https://cloud.google.com/bigquery/docs/data-manipulation-language#dml_statement_conflicts
 */
export async function begin(storage: Storage, plan: Plan, body: Body): Promise<Held> {
  const { target } = plan;
  if (plan.kind === "SELECT") {
    const result = await settled(storage.alone(() => storage.run(plan, body)));
    return { commit: async () => result(), drop: async () => undefined };
  }
  if (target === null || plan.kind === "DDL") {
    return { commit: () => storage.run(plan, body), drop: async () => undefined };
  }
  return plan.kind === "INSERT" ? heldInsert(storage, plan, target, body) : heldMutation(storage, plan, target, body);
}

async function heldInsert(storage: Storage, plan: Plan, target: string, body: Body): Promise<Held> {
  const { snapshots } = storage;
  const rows: string[] = [];
  const result = await settled(
    storage.alone(() =>
      snapshots.atomically(async () => {
        const before = await snapshots.copy(target);
        const inserted = await storage.send(plan, body);
        rows.push(await snapshots.added(target, before));
        await snapshots.fill(target, before);
        await snapshots.drop(before);
        return inserted;
      }),
    ),
  );
  return {
    commit: async () => {
      const answer = result();
      await storage.keepBefore(plan);
      for (const copy of rows) await snapshots.add(target, copy);
      return answer;
    },
    drop: () => snapshots.drop(...rows),
  };
}

async function heldMutation(storage: Storage, plan: Plan, target: string, body: Body): Promise<Held> {
  const { snapshots } = storage;
  const copies = new Map<string, string>();
  const changesThen = await storage.alone(async () => {
    for (const table of storage.tablesOf(plan)) copies.set(table, await snapshots.copy(table));
    return storage.changesOf(target);
  });
  return {
    commit: async () => {
      await storage.keepBefore(plan);
      const hasConflict = storage.changesOf(target) !== changesThen;
      if (plan.kind === "MERGE") return heldMerge(storage, plan, target, body, copies, hasConflict);
      if (hasConflict) return storage.send(plan, body);
      return snapshots.atomically(async () => {
        const newer = await snapshots.added(target, copies.get(target) ?? target);
        const result = await onSnapshot(storage, copies, target, () => storage.send(plan, body));
        await snapshots.add(target, newer);
        await snapshots.drop(newer);
        return result;
      });
    },
    drop: () => snapshots.drop(...copies.values()),
  };
}

async function heldMerge(
  storage: Storage,
  plan: Plan,
  target: string,
  body: Body,
  copies: ReadonlyMap<string, string>,
  hasConflict: boolean,
): Promise<Result> {
  const { snapshots } = storage;
  const then = copies.get(target) ?? target;
  const merged = await snapshots.atomically(async () => {
    const now = await snapshots.copy(target);
    const newer = await snapshots.added(target, then);
    const { result, touched } = await onSnapshot(storage, copies, target, async () =>
      storage.compared(target, then, await storage.send(plan, body)),
    );
    if (!touched) {
      const inserted = await snapshots.added(target, then);
      await snapshots.fill(target, now);
      await snapshots.add(target, inserted);
      await snapshots.drop(inserted);
    } else if (hasConflict) {
      await snapshots.fill(target, now);
    } else {
      await snapshots.add(target, newer);
      storage.changed(target);
    }
    await snapshots.drop(now, newer);
    return touched && hasConflict ? null : result;
  });
  return merged ?? storage.run(plan, body);
}

/** Runs `work` while the tables hold what they held then; afterwards all but `target` hold again what they hold now. */
async function onSnapshot<Answer>(
  { snapshots }: Storage,
  copies: ReadonlyMap<string, string>,
  target: string,
  work: () => Promise<Answer>,
): Promise<Answer> {
  const now = new Map<string, string>();
  for (const [table, copy] of copies) {
    if (table !== target) now.set(table, await snapshots.copy(table));
    await snapshots.fill(table, copy);
  }
  const answer = await work();
  for (const [table, copy] of now) await snapshots.fill(table, copy);
  await snapshots.drop(...now.values());
  return answer;
}

/** The value or the error, whenever it is asked for. */
async function settled<Value>(promise: Promise<Value>): Promise<() => Value> {
  try {
    const value = await promise;
    return () => value;
  } catch (error) {
    return () => {
      throw error;
    };
  }
}
