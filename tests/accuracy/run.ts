import type { Head } from "../../shared/contract/rows.ts";
import type { Credential } from "../../shared/contract/secret.ts";
import { isDefinite, type Status, type Verdict } from "../../shared/contract/verdict.ts";
import { judge } from "../../shared/operations/judge.ts";
import type { Works } from "../../shared/operations/works.ts";
import { askThrough } from "../../shared/providers/ask.ts";
import type { Entry } from "../../shared/registry/entry.ts";
import { readiness } from "../../shared/registry/readiness.ts";
import { force, simulated } from "../kit/aim.ts";
import { faultsIn } from "../kit/case.ts";
import { fixtureOf } from "../kit/own-protocol.ts";
import { conductFaults, federation, HURRIED, realClock } from "../kit/run.ts";
import { credentialOf } from "../providers/desk.ts";
import { entryOf, fakeKey } from "../registry/the-registry.ts";
import { startSimulators } from "../simulators/start.ts";
import type { Row } from "./row.ts";

/** What came of checking one stored credential. */
interface Judged {
  verdict: Verdict;
  status: Status;
  /** Whether it was put to the provider a second time before it counted. */
  isConfirmed: boolean;
  faults: string[];
}

/** Everything in which the service differs from what a row says, over real sockets; nothing where it agrees. */
export async function faultsOf(row: Row, works: Works): Promise<string[]> {
  const [valid, pending] = await Promise.all([judged(row, works, "VALID"), judged(row, works, "PENDING")]);
  const isRefused = isDefinite(row.outcome) && row.outcome !== "valid";
  return [
    ...[valid, pending].flatMap(({ verdict }) => verdictFaults(row, verdict)),
    ...(
      [
        ["VALID", valid],
        ["PENDING", pending],
      ] as const
    ).flatMap(([stored, { status }]) =>
      status === row.becomes[stored] ? [] : [`${stored} becomes ${status} and not ${row.becomes[stored]}`],
    ),
    ...(valid.isConfirmed === isRefused ? [] : ["a VALID one is asked once more where, and only where, it is refused"]),
    ...(pending.isConfirmed ? ["a PENDING one is asked once more"] : []),
    ...[...valid.faults, ...pending.faults, ...(isRefused ? await flipFaults(row, works) : [])],
  ];
}

function verdictFaults(row: Row, verdict: Verdict): string[] {
  const entry = entryOf(row.provider);
  const isSaid = row.reason !== undefined || row.outcome === "valid";
  const [first] = readiness(entry, verdict.capabilities);
  const remedy = verdict.remedy ?? "";
  return [
    ...faultsIn(verdict, {
      outcomes: [row.outcome],
      ...(isSaid ? { reason: row.reason ?? null } : {}),
      ...(row.capabilities === undefined ? {} : { capabilities: row.capabilities }),
    }),
    ...(row.ready === undefined || first?.ready === row.ready ? [] : [`${first?.id} is ready: ${first?.ready}`]),
    ...(row.expires === undefined || row.expires === (verdict.expires_at !== null)
      ? []
      : [`ends ${verdict.expires_at}`]),
    ...(row.remedy === undefined || remedy.toLowerCase().includes(row.remedy.toLowerCase())
      ? []
      : [`the remedy does not say "${row.remedy}": ${remedy}`]),
  ];
}

/** One refusal among good answers flips nothing. Tried where a check is one question, so that it is known which is which. */
async function flipFaults(row: Row, works: Works): Promise<string[]> {
  const { probe } = entryOf(row.provider);
  if (probe === undefined || "protocol" in probe || row.credential !== undefined) return [];
  const { status } = await judged(row, works, "VALID", 1);
  return status === "VALID" ? [] : [`a single refusal makes a VALID one ${status}`];
}

/** One check of a stored credential; `times` says how many answers are the row's before the usual ones. Nobody waits. */
async function judged(row: Row, works: Works, stored: Status, times?: number): Promise<Judged> {
  const slept: number[] = [];
  const clock = { ...realClock, sleep: async (ms: number) => void slept.push(ms) };
  const simulators = await startSimulators();
  try {
    force(simulators, row.provider, row.given, times);
    const entry = simulated(entryOf(row.provider), simulators);
    const isSilent = Object.values(row.given).some((name) => name === "hang" || name === "drip");
    const asking = { ...entry, retry: { max: 0, backoff_ms: 0 }, ...(isSilent ? HURRIED : {}) };
    const usual = await fixtureOf(row.provider);
    const credential: Credential = credentialOf(
      row.credential ?? usual?.credential ?? { api_key: fakeKey(row.provider) },
    );
    const head = headOf(entry, stored, row.metadata ?? usual?.metadata ?? {});
    const parts = { ask: askThrough(fetch, 20_000), clock, federation };
    const { verdict, status } = await judge({ ...works, clock }, asking, head, credential, parts);
    const faults = conductFaults(entry, credential, verdict, simulators.requests, simulators.sinkRequests);
    return { verdict, status, isConfirmed: slept.includes(entry.confirm_after_ms), faults };
  } finally {
    await simulators.close();
  }
}

function headOf(entry: Entry, status: Status, metadata: Readonly<Record<string, unknown>>): Head {
  const then = "2026-08-01T00:00:00.000Z";
  return {
    org_slug: "acme",
    provider: entry.code,
    seq: 1,
    event_id: "event",
    secret_event_id: "event",
    op: "setup",
    credential_id: "00000000-0000-4000-8000-000000000001",
    credential_type: entry.credential_type,
    credential_name: "A key",
    key_version: "1",
    fingerprint: "00000000",
    metadata: { ...metadata },
    enabled: true,
    expires_at_declared: null,
    expires_at: null,
    deactivation_scheduled_at: null,
    validation_status: status,
    last_validated_at: status === "VALID" ? then : null,
    last_checked_at: null,
    error_code: null,
    verdict: null,
    consecutive_failures: 0,
    next_due_at: then,
    reported_at: null,
    notified_days: null,
    created_at: then,
    updated_at: then,
    created_by: "kid000000001",
  };
}
