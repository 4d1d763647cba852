/** At most so many at once; the others wait for a turn, in the order in which they came. */
export class Turns {
  #free: number;
  readonly #waiting: Array<() => void> = [];

  constructor(atOnce: number) {
    this.#free = atOnce;
  }

  /** @returns whether a turn came within `waitMs`; who has one must `end` it */
  async take(waitMs: number): Promise<boolean> {
    if (this.#free > 0) {
      this.#free -= 1;
      return true;
    }
    const turn = Promise.withResolvers<boolean>();
    const come = () => turn.resolve(true);
    this.#waiting.push(come);
    const timer = setTimeout(() => {
      this.#waiting.splice(this.#waiting.indexOf(come), 1);
      turn.resolve(false);
    }, waitMs);
    return await turn.promise.finally(() => clearTimeout(timer));
  }

  /** Hands the turn on. */
  end(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#free += 1;
    else next();
  }
}
