/** Differences that are known, and whose fault they are. tests/platform/README.md tells them too. */
export interface Explained {
  /** The statement or view; null for any. */
  name: string | null;
  /** What the second judge says, or in what it differs. */
  says: RegExp;
  reason: string;
}

export const explained: readonly Explained[] = [
  {
    name: null,
    says: /^changed rows: told \/ not told$/,
    reason: "its replies to DML have no numDmlAffectedRows; the table afterwards is the same",
  },
  {
    name: "runbook: more than one active",
    says: /^it was not run, or there was not one row to compare$/,
    reason: "more than one active credential for a provider cannot exist",
  },
];

export function reasonFor(name: string, said: string): string | null {
  return explained.find((one) => (one.name === null || one.name === name) && one.says.test(said))?.reason ?? null;
}
