/** Time, injectable so that tests can move it. */
export interface Clock {
  /** Milliseconds since the epoch, for what is stored and shown. */
  now(): number;
  /** Milliseconds that never run backwards, for durations and lifetimes in memory. */
  monotonic(): number;
  sleep(ms: number): Promise<void>;
}

/** RFC 3339 UTC with milliseconds and Z. */
export function timestamp(ms: number): string {
  return new Date(ms).toISOString();
}
