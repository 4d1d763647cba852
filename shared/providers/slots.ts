/** Places at each provider: how many checks of one instance may be in flight there, whatever started them. */
export class Slots {
  readonly #lanes = new Map<string, { running: number; waiting: Array<() => void> }>();

  /** Does the work once a place is free; places are given in the order of asking. */
  async within<Result>(provider: string, limit: number, work: () => Promise<Result>): Promise<Result> {
    const lane = this.#lanes.get(provider) ?? { running: 0, waiting: [] };
    this.#lanes.set(provider, lane);
    if (lane.running >= limit) await new Promise<void>((resolve) => lane.waiting.push(resolve));
    else lane.running += 1;
    try {
      return await work();
    } finally {
      const next = lane.waiting.shift();
      if (next) next();
      else lane.running -= 1;
    }
  }
}
