/** Some weeks: a timer that is longer than 32 bits ends at once. */
const LONGEST_TIMER_MS = 2_000_000_000;

/**
 * Waits for work, but no longer than it may take, whether or not the work heeds the signal that it is given.
 *
 * @returns `undefined` where the time was over first
 * @throws the signal's reason, at once, where it aborts, and what the work throws
 */
export async function within<Value>(
  ms: number,
  signal: AbortSignal | undefined,
  work: (ended: AbortSignal) => Promise<Value>,
): Promise<Value | undefined> {
  signal?.throwIfAborted();
  const ended = new AbortController();
  let timer: ReturnType<typeof setTimeout> | undefined;
  let giveUp = () => {};
  const over = new Promise<undefined>((resolve, reject) => {
    timer = setTimeout(resolve, Math.min(ms, LONGEST_TIMER_MS), undefined);
    giveUp = () => reject(signal?.reason);
  });
  signal?.addEventListener("abort", giveUp);
  try {
    return await Promise.race([over, work(ended.signal)]);
  } finally {
    ended.abort();
    clearTimeout(timer);
    signal?.removeEventListener("abort", giveUp);
  }
}
