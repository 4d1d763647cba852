import { createHash } from "node:crypto";
import type { Chaos, Fault, FaultKind, Faults, Hold, HoldPoint, Match } from "./faults.ts";
import { isMutating, type Plan } from "./statement.ts";

/** A fault with its numbers filled in. */
export interface Strike {
  kind: FaultKind;
  ms: number;
  polls: number;
}

/** A statement that is stopped where `at` says: the pipeline calls `stop` there and `left` when its reply goes out. */
export interface Stop {
  at: HoldPoint;
  stop(): Promise<void>;
  left(): void;
}

const FOR_SELECT: readonly FaultKind[] = ["stale_read", "missing_rows"];
const FOR_MUTATING: readonly FaultKind[] = ["serialization", "too_many_dml", "streaming_buffer"];

/** What has been arranged, and what befalls each statement. */
export class FaultBench implements Faults {
  readonly #seed: number;
  /** Called when stale reads may be wanted, since the states before writes have to be kept from then on. */
  readonly #remember: () => void;
  #scripted: { match: Match; strike: Strike; left: number }[] = [];
  #chaos: (Chaos & { drawn: Map<string, number> })[] = [];
  #holds: { match: Match; hold: HeldStatement }[] = [];
  #stopped = new Set<HeldStatement>();
  #struck: { kind: FaultKind; sql: string }[] = [];

  constructor(seed: number, remember: () => void) {
    this.#seed = seed;
    this.#remember = remember;
  }

  next(match: Match | RegExp, fault: Fault, times = 1): void {
    const strike = strikeOf(fault);
    if (strike.kind === "stale_read") this.#remember();
    this.#scripted.push({ match: matchOf(match), strike, left: times });
  }

  chaos(settings: Chaos): void {
    if (settings.kinds.includes("stale_read")) this.#remember();
    this.#chaos.push({ ...settings, drawn: new Map() });
  }

  hold(match: Match | RegExp, at: HoldPoint = "snapshot"): Hold {
    const hold = new HeldStatement(at);
    this.#holds.push({ match: matchOf(match), hold });
    return hold;
  }

  struck(): readonly { kind: FaultKind; sql: string }[] {
    return [...this.#struck];
  }

  waiting(): number {
    return this.#scripted.reduce((sum, one) => sum + one.left, 0);
  }

  clear(): void {
    this.#scripted = [];
    this.#chaos = [];
    for (const { hold } of this.#holds) hold.abandon();
    this.#holds = [];
    for (const hold of this.#stopped) hold.release();
    this.#stopped.clear();
  }

  reset(): void {
    this.clear();
    this.#struck = [];
  }

  /** What befalls this statement; `canBeStale` tells whether there is an older state to show. */
  strike(plan: Plan, identity: string | null, canBeStale: boolean): Strike | null {
    const fits = (kind: FaultKind): boolean => kind !== "stale_read" || canBeStale;
    const scripted = this.#scripted.find((one) => fits(one.strike.kind) && matches(one.match, plan, identity));
    const strike = scripted?.strike ?? this.#atRandom(plan, identity, fits);
    if (strike === null) return null;
    if (scripted !== undefined) {
      scripted.left -= 1;
      if (scripted.left === 0) this.#scripted = this.#scripted.filter((one) => one !== scripted);
    }
    this.#struck.push({ kind: strike.kind, sql: plan.sql });
    return strike;
  }

  /** Where this statement stops, if it does. */
  stop(plan: Plan, identity: string | null): Stop | null {
    const found = this.#holds.find((one) => matches(one.match, plan, identity));
    if (found === undefined) return null;
    this.#holds = this.#holds.filter((one) => one !== found);
    this.#stopped.add(found.hold);
    return found.hold;
  }

  /**
   * Drawn from the seed, the text of the statement and how often it has come: neither the values in it nor what else
   * runs beside it changes the draw, so one seed reproduces one run.
   */
  #atRandom(plan: Plan, identity: string | null, fits: (kind: FaultKind) => boolean): Strike | null {
    for (const chaos of this.#chaos) {
      if (!matches(matchOf(chaos.match ?? {}), plan, identity)) continue;
      const key = `${identity}\n${plan.sql}`;
      const nth = chaos.drawn.get(key) ?? 0;
      chaos.drawn.set(key, nth + 1);
      const draw = random(`${chaos.seed ?? this.#seed}\n${nth}\n${key}`);
      const kinds = chaos.kinds.filter((kind) => fits(kind) && isFor(kind, plan));
      const kind = kinds[Math.floor(draw() * kinds.length)];
      if (kind !== undefined && draw() < chaos.rate) return strikeOf(kind);
    }
    return null;
  }
}

class HeldStatement implements Hold, Stop {
  readonly at: HoldPoint;
  readonly #arrival = Promise.withResolvers<void>();
  readonly #released = Promise.withResolvers<void>();
  readonly #left = Promise.withResolvers<void>();
  readonly arrived: Promise<void> = this.#arrival.promise;
  readonly done: Promise<void> = this.#left.promise;

  constructor(at: HoldPoint) {
    this.at = at;
    this.arrived.catch(() => undefined); // who does not wait for it need not know
  }

  release(): void {
    this.#released.resolve();
  }

  abandon(): void {
    this.#arrival.reject(new Error("no statement had arrived when the holds were cleared"));
  }

  async stop(): Promise<void> {
    this.#arrival.resolve();
    await this.#released.promise;
  }

  left(): void {
    this.#arrival.resolve(); // one that failed before the point where it would have stopped
    this.#left.resolve();
  }
}

function matchOf(match: Match | RegExp): Match {
  return match instanceof RegExp ? { sql: match } : match;
}

function matches(match: Match, plan: Plan, identity: string | null): boolean {
  if (match.sql !== undefined && plan.sql.search(match.sql) < 0) return false;
  if (match.kind !== undefined && ![match.kind].flat().includes(plan.kind)) return false;
  if (match.table !== undefined && plan.target !== match.table && !plan.reads.includes(match.table)) return false;
  return match.identity === undefined || match.identity === identity;
}

function isFor(kind: FaultKind, plan: Plan): boolean {
  if (FOR_SELECT.includes(kind)) return plan.kind === "SELECT";
  return !FOR_MUTATING.includes(kind) || isMutating(plan.kind);
}

function strikeOf(fault: Fault): Strike {
  if (typeof fault === "string") return { kind: fault, ms: 200, polls: 1 };
  return fault.kind === "slow"
    ? { kind: "slow", ms: fault.ms, polls: 0 }
    : { kind: "pending", ms: 0, polls: fault.polls };
}

/** Numbers from 0 to 1 that depend on the text alone (mulberry32 over its SHA-256). */
function random(text: string): () => number {
  let state = createHash("sha256").update(text, "utf8").digest().readInt32LE(0);
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
