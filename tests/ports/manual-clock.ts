import type { Clock } from "../../shared/ports/clock.ts";

/** A clock that stands until a test moves it. */
export interface ManualClock extends Clock {
  advance(ms: number): void;
}

export function manualClock(startsAt: string = "2026-08-22T12:00:00.000Z"): ManualClock {
  let elapsed = 0;
  const start = Date.parse(startsAt);
  return {
    now: () => start + elapsed,
    monotonic: () => elapsed,
    sleep: async (ms) => {
      elapsed += ms;
    },
    advance(ms) {
      elapsed += ms;
    },
  };
}
