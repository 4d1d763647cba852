/** Places at each provider: how many checks of one instance may be in flight there, whatever started them. */
export class Slots {
  readonly #lanes = new Map<string, { running: number; waiting: Array<() => void> }>();

  /**
   * Does the work once a place is free; places are given in the order of asking.
   *
   * @param waitMs how long to wait for a place
   * @returns `null` where none was free in time, and the work has not begun
   */
  async within<Result>(
    provider: string,
    limit: number,
    waitMs: number,
    work: () => Promise<Result>,
  ): Promise<{ result: Result } | null> {
    const lane = this.#lanes.get(provider) ?? { running: 0, waiting: [] };
    this.#lanes.set(provider, lane);
    if (lane.running < limit) lane.running += 1;
    else if (!(await place(lane.waiting, waitMs))) return null;
    try {
      return { result: await work() };
    } finally {
      const next = lane.waiting.shift();
      if (next) next();
      else lane.running -= 1;
    }
  }
}

/** Whether a place was handed over in time; who gives up leaves the queue. */
async function place(waiting: Array<() => void>, waitMs: number): Promise<boolean> {
  const turn = Promise.withResolvers<boolean>();
  const take = () => turn.resolve(true);
  waiting.push(take);
  if (!Number.isFinite(waitMs)) return await turn.promise;
  const timer = setTimeout(() => {
    const position = waiting.indexOf(take);
    if (position === -1) return;
    waiting.splice(position, 1);
    turn.resolve(false);
  }, waitMs);
  try {
    return await turn.promise;
  } finally {
    clearTimeout(timer);
  }
}
