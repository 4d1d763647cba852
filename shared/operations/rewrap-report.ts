import type { KeyVersionCount } from "../ports/credential-store.ts";
import type { Unmoved } from "./rewrap.ts";

type Counts = Pick<KeyVersionCount, "current" | "other">;

/** One key version before and after a run. */
export interface VersionReport {
  /** The number as text; `null` for ciphertext whose row does not say. */
  key_version: string | null;
  before: Counts;
  after: Counts;
  /**
   * `primary` seals what is new; `in_use` still opens current credentials; `superseded` holds only what the sweep purges,
   * 24 h after it was superseded; `empty` holds nothing.
   */
  state: "primary" | "in_use" | "superseded" | "empty";
}

/** What a run has done, and what is left. */
export interface RewrapReport {
  dry_run: boolean;
  /** The newest version: the one that seals now or, for some hours after a rotation, will seal everywhere. */
  key_version: string;
  moved: number;
  /** In a dry run: how many could be opened and would be moved. */
  would_move: number;
  /** Replaced, moved or deleted by somebody else meanwhile: nothing was left to do. */
  overtaken: number;
  unmoved: Unmoved[];
  versions: VersionReport[];
  /**
   * Versions older than all that have sealed in this run, under which no ciphertext is left at all. Where one row does not
   * say its version: none.
   */
  may_be_destroyed: string[];
}

const none: Counts = { current: 0, other: 0 };

/** @param run the primary version, the lowest that has sealed in the run, the counts, and the ciphertexts by key version before and after */
export function reportOf(run: {
  dryRun: boolean;
  primary: string;
  sealing: string;
  moved: number;
  overtaken: number;
  unmoved: Unmoved[];
  before: KeyVersionCount[];
  after: KeyVersionCount[];
}): RewrapReport {
  const { primary, before, after, moved, dryRun } = run;
  const seen = [...before, ...after, { key_version: primary }].map(({ key_version }) => key_version);
  const names = [...new Set([...seen, ...olderThan(primary)])].sort(byNumber);
  const versions = names.map((name): VersionReport => {
    const counts = countsOf(after, name);
    return { key_version: name, before: countsOf(before, name), after: counts, state: stateOf(name, primary, counts) };
  });
  const unknown = versions.some(({ key_version, state }) => key_version === null && state !== "empty");
  return {
    dry_run: dryRun,
    key_version: primary,
    moved: dryRun ? 0 : moved,
    would_move: dryRun ? moved : 0,
    overtaken: run.overtaken,
    unmoved: run.unmoved.sort((left, right) =>
      `${left.org_slug} ${left.provider}` < `${right.org_slug} ${right.provider}` ? -1 : 1,
    ),
    versions,
    may_be_destroyed: unknown
      ? []
      : versions.flatMap(({ key_version, state }) =>
          key_version !== null && state === "empty" && [primary, run.sealing].every((one) => isBelow(key_version, one))
            ? [key_version]
            : [],
        ),
  };
}

/** Of what is no number nothing is below. */
function isBelow(one: string, other: string): boolean {
  return Number(one) < Number(other);
}

function countsOf(counts: KeyVersionCount[], name: string | null): Counts {
  const found = counts.find(({ key_version }) => key_version === name);
  return found ? { current: found.current, other: found.other } : none;
}

function stateOf(name: string | null, primary: string, { current, other }: Counts): VersionReport["state"] {
  if (name === primary) return "primary";
  return current > 0 ? "in_use" : other > 0 ? "superseded" : "empty";
}

/** Versions are numbered from 1 without a gap, so those that hold nothing are known without asking for them. */
function olderThan(primary: string): string[] {
  return /^[1-9]\d{0,3}$/.test(primary) ? Array.from({ length: Number(primary) - 1 }, (_, at) => String(at + 1)) : [];
}

function byNumber(left: string | null, right: string | null): number {
  if (left === null || right === null) return left === right ? 0 : left === null ? 1 : -1;
  return Number(left) - Number(right);
}
