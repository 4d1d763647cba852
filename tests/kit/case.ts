import type { Capability, Outcome, Verdict } from "../../shared/contract/verdict.ts";
import type { Transport } from "../simulators/fixture.ts";

/** One answer as the kit sends it: `text` goes out as it stands. */
export interface Answer {
  status: number;
  headers: Record<string, string>;
  text: string;
  transport: Transport;
}

/** What a verdict must say. */
export interface Expectation {
  /** Any of these. */
  outcomes: readonly Outcome[];
  /** `null` for none; left out where any will do. */
  reason?: string | null;
  /** RFC 3339. */
  expires_at?: string;
  /** States that the verdict must report. */
  capabilities?: Readonly<Record<string, Capability["state"]>>;
  /** Capabilities that must not be denied: what was not answered denies nothing. */
  undenied?: readonly string[];
}

/** One answer of a provider and how it must be read. */
export interface KitCase {
  name: string;
  /** `refused` is an address where nothing listens. */
  answer: Answer | "refused";
  expected: Expectation;
  /** Asked with short clocks, since nobody answers. */
  hurried?: boolean;
}

/** An answer of a provider in JSON. */
export function json(status: number, body: unknown, headers: Record<string, string> = {}): Answer {
  return {
    status,
    headers: { "content-type": "application/json", ...headers },
    text: JSON.stringify(body),
    transport: "plain",
  };
}

/** An answer that a person was meant to read. */
export function html(status: number, title: string): Answer {
  return {
    status,
    headers: { "content-type": "text/html; charset=utf-8" },
    text: `<!DOCTYPE html><html><head><title>${title}</title></head><body><h1>${title}</h1></body></html>`,
    transport: "plain",
  };
}

/** Whoever gave no usable answer about a credential. */
export const inconclusive: readonly Outcome[] = ["unreachable", "rate_limited", "service_misconfigured"];

/** What is wrong with a verdict, a sentence each; nothing where it is as expected. */
export function faultsIn(verdict: Verdict, expected: Expectation): string[] {
  const said = `${verdict.outcome}${verdict.reason === null ? "" : ` (${verdict.reason})`}`;
  const faults: string[] = [];
  if (!expected.outcomes.includes(verdict.outcome))
    faults.push(`is read as ${said} and not as ${expected.outcomes.join(" or ")}`);
  else if (expected.reason !== undefined && verdict.reason !== expected.reason)
    faults.push(`is read as ${said}, but the reason should be ${expected.reason ?? "none"}`);
  if (verdict.outcome !== "valid" && !verdict.remedy) faults.push(`is read as ${said} without a remedy`);
  if (expected.expires_at !== undefined && verdict.expires_at !== expected.expires_at)
    faults.push(`says ${expected.expires_at} is the end, the verdict says ${verdict.expires_at ?? "nothing"}`);
  for (const [id, state] of Object.entries(expected.capabilities ?? {})) {
    const found = verdict.capabilities.find((one) => one.id === id)?.state;
    if (found !== state) faults.push(`leaves ${id} ${found ?? "unsaid"} and not ${state}`);
  }
  for (const id of expected.undenied ?? []) {
    if (verdict.capabilities.some((one) => one.id === id && one.state === "denied"))
      faults.push(`denies ${id}, though nobody answered about it`);
  }
  for (const { id, state, remedy, reason } of verdict.capabilities) {
    if (state === "denied" && !remedy) faults.push(`denies ${id} (${reason ?? "no reason"}) without a remedy`);
  }
  return faults;
}
