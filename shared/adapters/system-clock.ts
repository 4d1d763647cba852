import { setTimeout } from "node:timers/promises";
import type { Clock } from "../ports/clock.ts";

/** The machine's clock. `offsetSeconds` shifts what is stored and shown; durations stay as they are. */
export function systemClock(offsetSeconds: number = 0): Clock {
  return {
    now: () => Date.now() + offsetSeconds * 1000,
    monotonic: () => performance.now(),
    sleep: (ms) => setTimeout(ms),
  };
}
