/** Runs tasks in lanes, each with its own concurrency, so that a slow lane holds only itself. */
export class Lanes {
  readonly #lanes = new Map<string, { running: number; limit: number; waiting: Array<() => Promise<void>> }>();
  #open = 0;
  #idle: PromiseWithResolvers<void> | null = null;
  #ended: PromiseWithResolvers<void> | null = null;

  /** Queues a task in a lane. The task must not reject. */
  add(lane: string, limit: number, task: () => Promise<void>): void {
    const known = this.#lanes.get(lane) ?? { running: 0, limit, waiting: [] };
    this.#lanes.set(lane, known);
    known.waiting.push(task);
    this.#open += 1;
    this.#next(known);
  }

  /** How many tasks wait for their turn. */
  get waiting(): number {
    let count = 0;
    for (const lane of this.#lanes.values()) count += lane.waiting.length;
    return count;
  }

  /** Whether nothing runs or waits. */
  get isIdle(): boolean {
    return this.#open === 0;
  }

  /** Whether some lane that has had work could take more at once. */
  get hasDry(): boolean {
    return [...this.#lanes.values()].some((lane) => lane.waiting.length === 0 && lane.running < lane.limit);
  }

  /** Resolves when the next task ends. */
  next(): Promise<void> {
    this.#ended ??= Promise.withResolvers();
    return this.#ended.promise;
  }

  /** Resolves when nothing runs or waits. */
  async idle(): Promise<void> {
    if (this.#open === 0) return;
    this.#idle ??= Promise.withResolvers();
    await this.#idle.promise;
  }

  #next(lane: { running: number; limit: number; waiting: Array<() => Promise<void>> }): void {
    while (lane.running < lane.limit) {
      const task = lane.waiting.shift();
      if (!task) return;
      lane.running += 1;
      void task().finally(() => {
        lane.running -= 1;
        this.#open -= 1;
        if (this.#open === 0) {
          this.#idle?.resolve();
          this.#idle = null;
        }
        this.#next(lane);
        this.#ended?.resolve();
        this.#ended = null;
      });
    }
  }
}
