import type { Clock } from "../../ports/clock.ts";

/** How long a statement may take, milliseconds. */
export interface Patience {
  /** With all its repetitions. */
  totalMs: number;
  /** Until BigQuery says that it still runs; from then on it is asked for the result. */
  replyMs: number;
}

/** A reply that is later than announced by more than this will not come: its connection is given up. */
export const LATE_MS = 1_000;

const SHORTEST_WAIT_MS = 50;
const LONGEST_WAIT_MS = 2_000;

/** What is left of a statement's patience. */
export interface Time {
  leftMs(): number;
  /** How long BigQuery shall wait before it answers that the statement still runs. */
  nextMs(): number;
  /** Waits before another try, at random within bounds that grow. @returns false where there is no time left for one */
  pause(tries: number): Promise<boolean>;
}

export function timeFor({ totalMs, replyMs }: Patience, clock: Pick<Clock, "monotonic" | "sleep">): Time {
  const endsAt = clock.monotonic() + totalMs;
  const leftMs = () => endsAt - clock.monotonic();
  return {
    leftMs,
    nextMs: () => Math.max(1, Math.floor(Math.min(replyMs, leftMs() - LATE_MS))),
    async pause(tries) {
      const ceilingMs = Math.min(LONGEST_WAIT_MS, SHORTEST_WAIT_MS * 2 ** (tries + 1));
      const waitMs = SHORTEST_WAIT_MS + Math.random() * (ceilingMs - SHORTEST_WAIT_MS);
      if (leftMs() < waitMs + LATE_MS) return false;
      await clock.sleep(waitMs);
      return true;
    },
  };
}
