import { duckName } from "./catalog.ts";
import type { Engine } from "./engine.ts";

/** Copies of tables in DuckDB. Every call belongs inside `engine.alone`. */
export class Snapshots {
  readonly #engine: Engine;
  #made = 0;

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  /** The rows of a table as they are; answers the name of the copy. */
  async copy(table: string): Promise<string> {
    return this.#keep(`SELECT * FROM ${duckName(table)}`);
  }

  /** The rows of `table` that are not in `copy`, each as often as it is there more. */
  async added(table: string, copy: string): Promise<string> {
    return this.#keep(`SELECT * FROM ${duckName(table)} EXCEPT ALL SELECT * FROM ${copy}`);
  }

  /** How many rows of `copy` are gone from `table` or changed. */
  async missing(table: string, copy: string): Promise<number> {
    return this.#count(`SELECT * FROM ${copy} EXCEPT ALL SELECT * FROM ${duckName(table)}`);
  }

  async size(copy: string): Promise<number> {
    return this.#count(`SELECT * FROM ${copy}`);
  }

  /** The table holds the rows of the copy, and no others. */
  async fill(table: string, copy: string): Promise<void> {
    await this.#engine.db.exec(`DELETE FROM ${duckName(table)}`);
    await this.add(table, copy);
  }

  async add(table: string, copy: string): Promise<void> {
    await this.#engine.db.exec(`INSERT INTO ${duckName(table)} SELECT * FROM ${copy}`);
  }

  async drop(...copies: readonly string[]): Promise<void> {
    for (const copy of copies) await this.#engine.db.exec(`DROP TABLE IF EXISTS ${copy}`);
  }

  /** All of `work` or, when it throws, nothing of it; the emulator shares the connection, so its statements take part. */
  async atomically<Result>(work: () => Promise<Result>): Promise<Result> {
    await this.#engine.db.exec("BEGIN TRANSACTION");
    try {
      const result = await work();
      await this.#engine.db.exec("COMMIT");
      return result;
    } catch (error) {
      await this.#engine.db.exec("ROLLBACK");
      throw error;
    }
  }

  async #keep(select: string): Promise<string> {
    this.#made += 1;
    const name = `temp."kept_${this.#made}"`;
    await this.#engine.db.exec(`CREATE TEMP TABLE ${name} AS ${select}`);
    return name;
  }

  async #count(select: string): Promise<number> {
    const [row] = await this.#engine.db.query(`SELECT COUNT(*)::INTEGER AS n FROM (${select})`);
    return Number(row?.["n"] ?? 0);
  }
}
