import { Refusal, type RefusalCode } from "./refusal.ts";

/** What a service answers although nothing is wrong with the request. */
const statuses = {
  unavailable: "UNAVAILABLE",
  internal: "INTERNAL",
  resource_exhausted: "RESOURCE_EXHAUSTED",
  deadline_exceeded: "DEADLINE_EXCEEDED",
  aborted: "ABORTED",
  unauthenticated: "UNAUTHENTICATED",
  not_found: "NOT_FOUND",
} as const satisfies Record<string, RefusalCode>;

/**
 * What happens on the way: the connection is reset before anything is answered or half-way through, nothing is ever
 * answered, JSON that ends early (over gRPC a message that does), a front's HTML page with status 502, with 400, or with
 * 200, a redirect to elsewhere (over gRPC these four are UNAVAILABLE).
 */
const transports = [
  "reset_before",
  "reset_mid_reply",
  "hang",
  "truncated_json",
  "html_502",
  "html_400",
  "html_200",
  "redirect",
] as const;
export type TransportFault = (typeof transports)[number];

/** A fault by name, or an answer that comes so many milliseconds late. `Own` are what only this service gets wrong. */
export type Fault<Own extends string> = keyof typeof statuses | TransportFault | Own | { slow: number };

export interface FaultPlan<Own extends string> {
  /** The next requests meet it, after those that were set before. */
  next(fault: Fault<Own>, times?: number): void;
  /** Every request from now on; `null` ends it. What `next` has set comes first. */
  always(fault: Fault<Own> | null): void;
  /** Of the requests from now on that meet nothing else, so many (0 to 1) meet one of these. One seed gives one run. */
  chaos(plan: { seed: number; rate: number; kinds: ReadonlyArray<Fault<Own>> } | null): void;
  clear(): void;
  /** How many requests have met a fault. */
  readonly met: number;
}

/** A plan and its reading end. */
export interface Faults<Own extends string> {
  plan: FaultPlan<Own>;
  /** The fault of the request that has just come. */
  take(): Fault<Own> | null;
}

export function planFaults<Own extends string>(): Faults<Own> {
  const queue: Array<Fault<Own>> = [];
  let lasting: Fault<Own> | null = null;
  let wild: { draw: () => number; rate: number; kinds: ReadonlyArray<Fault<Own>> } | null = null;
  let met = 0;

  function drawn(): Fault<Own> | null {
    if (wild === null) return null;
    const [hit, which] = [wild.draw(), wild.draw()];
    return hit < wild.rate ? (wild.kinds[Math.floor(which * wild.kinds.length)] ?? null) : null;
  }

  return {
    plan: {
      next(fault, times = 1) {
        for (let left = times; left > 0; left -= 1) queue.push(fault);
      },
      always(fault) {
        lasting = fault;
      },
      chaos(plan) {
        wild = plan === null ? null : { draw: seeded(plan.seed), rate: plan.rate, kinds: plan.kinds };
      },
      clear() {
        queue.length = 0;
        lasting = null;
        wild = null;
        met = 0;
      },
      get met() {
        return met;
      },
    },
    take() {
      const fault = queue.shift() ?? lasting ?? drawn();
      if (fault !== null) met += 1;
      return fault;
    },
  };
}

/** The refusal that a fault stands for, where it stands for one. */
export function refusalOf(fault: Fault<string> | null): Refusal | null {
  if (typeof fault !== "string" || !(fault in statuses)) return null;
  const code = Object.entries(statuses).find(([name]) => name === fault)?.[1];
  return code === undefined ? null : new Refusal(code, "The bench was told to answer so.");
}

export function isTransportFault(fault: Fault<string> | null): fault is TransportFault {
  return transports.some((one) => one === fault);
}

/** Numbers from 0 to 1, the same for the same seed (mulberry32). */
export function seeded(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
