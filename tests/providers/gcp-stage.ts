import type { Metadata } from "../../shared/contract/rows.ts";
import type { StandIn } from "../../shared/contract/secret.ts";
import type { Capability, Verdict } from "../../shared/contract/verdict.ts";
import { askThrough } from "../../shared/providers/ask.ts";
import { attempt, mint } from "../../shared/providers/attempt.ts";
import type { Entry } from "../../shared/registry/entry.ts";
import { readiness } from "../../shared/registry/readiness.ts";
import { entryOf } from "../registry/the-registry.ts";
import { google } from "../simulators/clouds/google.ts";
import { exportTables } from "../simulators/clouds/google-bigquery.ts";
import { type RecordedRequest, type Simulators, startSimulators } from "../simulators/start.ts";
import { credentialOf, federation } from "./desk.ts";

/** What a check is made with; everything left out is as it is for an account that works. */
export interface Scene {
  /** Whom a stand-in is minted for. */
  pipeline?: string;
  /** A word in the account's address. */
  word?: string;
  /** Fields other than the simulator's. */
  fields?: Record<string, string>;
  metadata?: Metadata;
  isNew?: boolean;
  entry?: Partial<Entry>;
  /** Milliseconds that our clock is ahead, for what is read and not for what is signed. */
  aheadMs?: number;
}

/** The path of a table in the simulated dataset. */
export function path(table: string, dataset = "billing_export"): string {
  return `acme-billing.${dataset}.${table}`;
}

/** The setting that names the standard export. */
export function standard(table: string = exportTables.standard, dataset = "billing_export"): Metadata {
  return { billing_export_table: path(table, dataset) };
}

/** Simulated Google, and whole attempts at it over real sockets. */
export interface Stage {
  simulators: Simulators;
  entry(changes?: Partial<Entry>): Entry;
  validate(scene?: Scene): Promise<Verdict>;
  mint(scene?: Scene): Promise<StandIn | Verdict | null>;
  /** What was asked since the last reset, `bigquery GET /bigquery/v2/…`, without queries. */
  asked(): string[];
  requests(endpoint: string): RecordedRequest[];
  /** Milliseconds that checks have waited. */
  slept: number[];
}

export async function openStage(): Promise<Stage> {
  const simulators = await startSimulators();
  const slept: number[] = [];
  const entry = (changes: Partial<Entry> = {}): Entry => {
    const known = entryOf("GCP_SA");
    const endpoints = Object.keys(known.endpoints).map((name): [string, string] => [
      name,
      simulators.endpoints[`GCP_SA_${name.toUpperCase()}`] ?? "",
    ]);
    return { ...known, endpoints: Object.fromEntries(endpoints), retry: { max: 0, backoff_ms: 0 }, ...changes };
  };
  const clock = (aheadMs = 0) => ({
    now: () => Date.now() + aheadMs,
    monotonic: () => performance.now(),
    sleep: async (ms: number) => {
      slept.push(ms);
    },
  });
  const partsOf = ({ aheadMs }: Scene) => ({ ask: askThrough(fetch, 20_000), clock: clock(aheadMs), federation });
  const ownerOf = ({ metadata = standard(), isNew = false }: Scene) => ({ org: "acme", metadata, isNew });
  const fieldsOf = ({ word, fields = {} }: Scene) => credentialOf({ ...google.credential(word), ...fields });
  return {
    simulators,
    entry,
    slept,
    validate: (scene = {}) => attempt(entry(scene.entry), fieldsOf(scene), ownerOf(scene), partsOf(scene)),
    mint: (scene = {}) =>
      mint(
        entry(scene.entry),
        fieldsOf(scene),
        ownerOf(scene),
        scene.pipeline ?? "cloud.gcp.cost.billing",
        partsOf(scene),
      ),
    asked: () =>
      simulators.requests.map(({ endpoint, method, path: asked }) => `${endpoint} ${method} ${asked.split("?")[0]}`),
    requests: (endpoint) => simulators.requests.filter((request) => request.endpoint === endpoint),
  };
}

/** `granted`, or `denied data_denied`. */
export function stateOf(verdict: Verdict, id: string): string {
  const found = verdict.capabilities.find((capability) => capability.id === id);
  return [found?.state, found?.reason].filter(Boolean).join(" ");
}

export function capabilityOf(verdict: Verdict, id: string): Capability | undefined {
  return verdict.capabilities.find((capability) => capability.id === id);
}

/** Whether a pipeline is ready. */
export function isReady(verdict: Verdict, id: string): boolean | "unknown" | undefined {
  return readiness(entryOf("GCP_SA"), verdict.capabilities).find((pipeline) => pipeline.id === id)?.ready;
}

/** Names of the fields of which a text holds 12 characters in a row; the private key is the only secret one. */
export function holdsKey(text: string, pem: string): boolean {
  const bare = pem.replaceAll(/-----[A-Z ]+-----|\s/g, "");
  return Array.from({ length: bare.length - 11 }, (_, from) => bare.slice(from, from + 12)).some((piece) =>
    text.includes(piece),
  );
}
