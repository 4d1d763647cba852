import type { Clock } from "../ports/clock.ts";

const WINDOW_MS = 60_000;
const MAX_COUNTERS = 50_000;

/** Requests per minute and instance, by what they draw on. */
export const budgets = { check: 60, write: 120, read: 600, decrypt: 600, failed_key: 20 } as const;
export type BudgetName = keyof typeof budgets;

/** Counts requests in fixed minutes. `multiplier` 0 switches all limits off. */
export class Limiter {
  readonly #clock: Clock;
  readonly #multiplier: number;
  readonly #counters = new Map<string, number>();
  #window = 0;

  constructor(clock: Clock, multiplier: number) {
    this.#clock = clock;
    this.#multiplier = multiplier;
  }

  /** Takes one from the budget. @returns `null`, or the seconds to wait where nothing is left. */
  take(budget: BudgetName, id: string): number | null {
    const waitS = this.peek(budget, id);
    if (waitS === null && this.#multiplier > 0) {
      const key = `${budget} ${id}`;
      if (this.#counters.size >= MAX_COUNTERS) this.#counters.clear();
      this.#counters.set(key, (this.#counters.get(key) ?? 0) + 1);
    }
    return waitS;
  }

  /** As `take`, without taking. */
  peek(budget: BudgetName, id: string): number | null {
    if (this.#multiplier <= 0) return null;
    const now = this.#clock.monotonic();
    const window = Math.floor(now / WINDOW_MS);
    if (window !== this.#window) {
      this.#window = window;
      this.#counters.clear();
    }
    const limit = Math.max(1, Math.floor(budgets[budget] * this.#multiplier));
    if ((this.#counters.get(`${budget} ${id}`) ?? 0) < limit) return null;
    return Math.max(1, Math.ceil(((window + 1) * WINDOW_MS - now) / 1000));
  }
}
