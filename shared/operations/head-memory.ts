import type { Clock } from "../ports/clock.ts";
import type { Pair, SealedHead } from "../ports/credential-store.ts";

const REUSE_MS = 10_000;
const DROPS_KEPT_MS = 120_000;
const MAX_ENTRIES = 2_000;
const MAX_BYTES = 8 * 1024 * 1024;

/** A head as it was seen, and when the question for it was sent. */
export interface Seen {
  sealed: SealedHead | null;
  askedAt: number;
}

/**
 * Heads that decrypt may reuse for 10 s, counted from when the question for them was sent. Whoever changes a head in
 * this process drops it here before acknowledging, so an answer still on its way from before the change is not used.
 */
export class HeadMemory {
  readonly #clock: Clock;
  readonly #seen = new Map<string, Seen>();
  readonly #droppedAt = new Map<string, number>();
  #bytes = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** The remembered head, or the one that `load` reads now. */
  async read(pair: Pair, load: () => Promise<SealedHead | null>): Promise<{ seen: Seen; remembered: boolean }> {
    const name = nameOf(pair);
    const known = this.#seen.get(name);
    if (known && this.isCurrent(pair, known)) return { seen: known, remembered: true };
    const askedAt = this.#clock.monotonic();
    const seen = { sealed: await load(), askedAt };
    if (this.isCurrent(pair, seen)) this.#keep(name, seen);
    return { seen, remembered: false };
  }

  /** Whether what was seen may still be answered with. */
  isCurrent(pair: Pair, seen: Seen): boolean {
    const droppedAt = this.#droppedAt.get(nameOf(pair)) ?? Number.NEGATIVE_INFINITY;
    return seen.askedAt > droppedAt && this.#clock.monotonic() - seen.askedAt < REUSE_MS;
  }

  /** Whether this process has changed the pair since then; asked for times of less than two minutes ago. */
  changedSince(pair: Pair, at: number): boolean {
    return (this.#droppedAt.get(nameOf(pair)) ?? Number.NEGATIVE_INFINITY) >= at;
  }

  /** Forgets the pair, and what was asked for before now. */
  drop(pair: Pair): void {
    const now = this.#clock.monotonic();
    for (const [name, at] of this.#droppedAt) {
      if (now - at < DROPS_KEPT_MS) break;
      this.#droppedAt.delete(name);
    }
    this.#droppedAt.delete(nameOf(pair));
    this.#droppedAt.set(nameOf(pair), now);
    this.#remove(nameOf(pair));
  }

  #keep(name: string, seen: Seen): void {
    this.#remove(name);
    this.#seen.set(name, seen);
    this.#bytes += sizeOf(seen);
    for (const oldest of this.#seen.keys()) {
      if (this.#seen.size <= MAX_ENTRIES && this.#bytes <= MAX_BYTES) break;
      this.#remove(oldest);
    }
  }

  #remove(name: string): void {
    const seen = this.#seen.get(name);
    if (!seen) return;
    this.#bytes -= sizeOf(seen);
    this.#seen.delete(name);
  }
}

function nameOf(pair: Pair): string {
  return `${pair.org_slug}\u0000${pair.provider}`;
}

function sizeOf(seen: Seen): number {
  return 1_024 + (seen.sealed?.encrypted_credential?.length ?? 0);
}
