import type { Clock } from "../../ports/clock.ts";

const FAILURES = 5;
const REST_MS = 5_000;

/**
 * Keeps calls away from a key that does not answer. After five calls in a row that ran out of patience the next ones
 * fail at once for five seconds; then one is let through to look, and its outcome decides for all.
 */
export class Breaker {
  readonly #clock: Clock;
  #silent = 0;
  #restsUntil = 0;
  #looking = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Whether a call may go now. One that may must `report` how it ended. */
  admits(): boolean {
    if (this.#silent < FAILURES) return true;
    if (this.#looking || this.#clock.monotonic() < this.#restsUntil) return false;
    this.#looking = true;
    return true;
  }

  /** `silent`: no answer within all patience. A refusal is an answer. */
  report(outcome: "answered" | "silent"): void {
    this.#looking = false;
    this.#silent = outcome === "answered" ? 0 : this.#silent + 1;
    if (outcome === "silent") this.#restsUntil = this.#clock.monotonic() + REST_MS;
  }
}
