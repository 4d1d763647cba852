import type { Clock } from "../ports/clock.ts";

const MAX_AGE_MS = 300_000;
const MAX_ENTRIES = 500;
const MAX_BYTES = 4 * 1024 * 1024;

interface Entry {
  plaintext: Buffer;
  openedAt: number;
}

/**
 * Opened credentials, for five minutes at most, as buffers that are overwritten when they leave. The name is the
 * exact version (organisation, provider, credential id, event id, key version). Concurrent misses open once; a failed
 * opening is not remembered. Age is checked at each look-up by a clock that never runs backwards, since a paused
 * instance runs no timers.
 */
export class Memory {
  readonly #clock: Clock;
  readonly #entries = new Map<string, Entry>();
  readonly #opening = new Map<string, Promise<{ error: unknown } | null>>();
  readonly #stale = new Set<string>();
  #bytes = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * Hands the plaintext to `use` while it is alive; `use` must not keep it and must not wait.
   * The caller has been authorised before this is called.
   */
  async with<Result>(
    name: string,
    openIt: () => Promise<Buffer>,
    use: (plaintext: Buffer) => Result,
  ): Promise<{ result: Result; hit: boolean }> {
    for (;;) {
      const known = this.#live(name);
      if (known) return { result: use(known), hit: true };
      const running = this.#opening.get(name);
      if (!running) break;
      const failed = await running;
      if (failed) throw failed.error;
    }
    const settled = Promise.withResolvers<{ error: unknown } | null>();
    this.#opening.set(name, settled.promise);
    let failure: { error: unknown } | null = null;
    try {
      const plaintext = await openIt();
      try {
        return { result: use(plaintext), hit: false };
      } finally {
        this.#keep(name, plaintext);
      }
    } catch (error) {
      failure = { error };
      throw error;
    } finally {
      this.#opening.delete(name);
      this.#stale.delete(name);
      settled.resolve(failure);
    }
  }

  /** Forgets every version whose name starts so, those being opened right now included. */
  forget(prefix: string): void {
    for (const name of this.#opening.keys()) if (name.startsWith(prefix)) this.#stale.add(name);
    for (const name of [...this.#entries.keys()]) if (name.startsWith(prefix)) this.#drop(name);
  }

  /** How many versions are held. */
  get size(): number {
    return this.#entries.size;
  }

  #live(name: string): Buffer | null {
    const entry = this.#entries.get(name);
    if (!entry) return null;
    if (this.#clock.monotonic() - entry.openedAt < MAX_AGE_MS) return entry.plaintext;
    this.#drop(name);
    return null;
  }

  #keep(name: string, plaintext: Buffer): void {
    if (this.#stale.has(name) || plaintext.length > MAX_BYTES) {
      plaintext.fill(0);
      return;
    }
    this.#drop(name);
    this.#sweep();
    this.#entries.set(name, { plaintext, openedAt: this.#clock.monotonic() });
    this.#bytes += plaintext.length;
    for (const oldest of this.#entries.keys()) {
      if (this.#entries.size <= MAX_ENTRIES && this.#bytes <= MAX_BYTES) break;
      this.#drop(oldest);
    }
  }

  /** Drops what is too old; insertion order is age order. */
  #sweep(): void {
    for (const [name, entry] of this.#entries) {
      if (this.#clock.monotonic() - entry.openedAt < MAX_AGE_MS) break;
      this.#drop(name);
    }
  }

  #drop(name: string): void {
    const entry = this.#entries.get(name);
    if (!entry) return;
    entry.plaintext.fill(0);
    this.#bytes -= entry.plaintext.length;
    this.#entries.delete(name);
  }
}
