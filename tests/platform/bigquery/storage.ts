import type { Catalog } from "./catalog.ts";
import { severalSources } from "./dialect.ts";
import type { Engine, EngineAnswer } from "./engine.ts";
import { project } from "./place.ts";
import { Refusal, type Result, resultOf } from "./replies.ts";
import { Snapshots } from "./snapshots.ts";
import { isMutating, type Plan, planOf } from "./statement.ts";

/** A request as the emulator takes it: the SQL and its parameters. */
export type Body = Record<string, unknown>;

/**
 * Runs statements on the emulator, one after the other, and knows what each did to its table: DuckDB has one writer, so
 * whatever BigQuery does side by side is modelled on top (hold.ts). Every method belongs inside `alone`, but `alone`.
 */
export class Storage {
  readonly snapshots: Snapshots;
  readonly #engine: Engine;
  readonly #catalog: Catalog;
  /** Per table: how often rows that stood there were changed or removed. Appended rows conflict with nothing. */
  readonly #changes = new Map<string, number>();
  /** Per table: its rows before the last write to it, and which write that was. */
  readonly #before = new Map<string, { copy: string; write: number }>();
  #writes = 0;
  #remembers = false;

  constructor(engine: Engine, catalog: Catalog) {
    this.#engine = engine;
    this.#catalog = catalog;
    this.snapshots = new Snapshots(engine);
  }

  alone<Answer>(work: () => Promise<Answer>): Promise<Answer> {
    return this.#engine.alone(work);
  }

  /** The tables whose rows a statement looks at or writes: those it names, and those behind the views it names. */
  tablesOf(plan: Plan): string[] {
    const named = plan.target === null ? plan.reads : [plan.target, ...plan.reads];
    return [...new Set(named.flatMap((name) => this.#behind(name)))];
  }

  #behind(name: string): string[] {
    const table = this.#catalog.get(name);
    if (table === undefined) return [];
    return table.view === null ? [name] : planOf(table.view).reads.flatMap((one) => this.#behind(one));
  }

  changesOf(table: string): number {
    return this.#changes.get(table) ?? 0;
  }

  /** Runs a statement on what is there now. */
  async run(plan: Plan, body: Body): Promise<Result> {
    await this.keepBefore(plan);
    const { target } = plan;
    if (plan.kind !== "MERGE" || target === null) return this.send(plan, body);
    return this.snapshots.atomically(async () => {
      const copy = await this.snapshots.copy(target);
      const merged = await this.compared(target, copy, await this.send(plan, body));
      await this.snapshots.drop(copy);
      if (merged.touched) this.changed(target);
      return merged.result;
    });
  }

  /** Sends it to the emulator as it is and counts what an UPDATE or DELETE changed; a MERGE is looked at by `compared`. */
  async send(plan: Plan, body: Body): Promise<Result> {
    await this.#refuseSeveralSources(plan, body);
    const result = resultOf(plan.kind, await this.#ask(body));
    const { target } = plan;
    if (target !== null && isMutating(plan.kind) && plan.kind !== "MERGE" && result.affected !== 0)
      this.changed(target);
    return result;
  }

  /** What a statement would give, by its types alone. */
  async explain(plan: Plan, body: Body): Promise<Result> {
    return { ...resultOf(plan.kind, await this.#ask({ ...body, dryRun: true })), affected: null, rows: [] };
  }

  #ask(body: Body): Promise<EngineAnswer> {
    return this.#engine.ask("POST", `/bigquery/v2/projects/${project}/queries`, body);
  }

  /** DuckDB takes any one of several source rows for a row that is to be updated; BigQuery takes none. */
  async #refuseSeveralSources(plan: Plan, body: Body): Promise<void> {
    const query = severalSources(plan);
    if (query === null) return;
    const answer = await this.#ask({ ...body, query });
    if (answer.status !== 200 || resultOf("SELECT", answer).rows.length === 0) return;
    throw new Refusal(400, "invalidQuery", "UPDATE/MERGE must match at most one source row for each target row");
  }

  changed(table: string): void {
    this.#changes.set(table, this.changesOf(table) + 1);
  }

  /** What a MERGE did to its table since `copy`: how many rows of each sort, and whether it touched any that stood there. */
  async compared(target: string, copy: string, result: Result): Promise<{ result: Result; touched: boolean }> {
    const missing = await this.snapshots.missing(target, copy); // updated or deleted
    const added = await this.snapshots.added(target, copy); // inserted or updated
    const grown = (await this.snapshots.size(added)) - missing;
    await this.snapshots.drop(added);
    const inserted = (result.affected ?? 0) - missing;
    const deleted = inserted - grown;
    const dmlStats = {
      insertedRowCount: String(inserted),
      updatedRowCount: String(missing - deleted),
      deletedRowCount: String(deleted),
    };
    return { result: { ...result, dmlStats }, touched: missing > 0 };
  }

  /** From now on each write leaves the state before it behind, for `runStale`; copying costs, so only where wanted. */
  remember(): void {
    this.#remembers = true;
  }

  async forget(): Promise<void> {
    this.#remembers = false;
    await this.snapshots.drop(...[...this.#before.values()].map((one) => one.copy));
    this.#before.clear();
  }

  /** Before a write: keeps its table as it is, where stale reads are wanted. */
  async keepBefore(plan: Plan): Promise<void> {
    if (!this.#remembers || plan.target === null || plan.kind === "DDL") return;
    const earlier = this.#before.get(plan.target);
    if (earlier !== undefined) await this.snapshots.drop(earlier.copy);
    this.#writes += 1;
    this.#before.set(plan.target, { copy: await this.snapshots.copy(plan.target), write: this.#writes });
  }

  /** Whether there is a remembered write to one of the tables that a SELECT reads. */
  canBeStale(plan: Plan): boolean {
    return this.#lastWrite(plan) !== null;
  }

  /**
   * Runs a SELECT on the state before the last remembered write to any of its tables: one that was there. The other
   * tables were last written earlier, so they are as they were then.
   */
  async runStale(plan: Plan, body: Body): Promise<Result> {
    const last = this.#lastWrite(plan);
    if (last === null) return this.send(plan, body);
    return this.snapshots.atomically(async () => {
      const now = await this.snapshots.copy(last.table);
      await this.snapshots.fill(last.table, last.copy);
      const result = await this.send(plan, body);
      await this.snapshots.fill(last.table, now);
      await this.snapshots.drop(now);
      return result;
    });
  }

  #lastWrite(plan: Plan): { table: string; copy: string } | null {
    const [last] = this.tablesOf(plan)
      .flatMap((table) => {
        const before = this.#before.get(table);
        return before === undefined ? [] : [{ table, ...before }];
      })
      .sort((a, b) => b.write - a.write);
    return last ?? null;
  }
}
