import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { openKeyRing } from "../../shared/adapters/local/key-ring.ts";
import { openLocalFederation } from "../../shared/adapters/local/local-federation.ts";
import { openSqliteStore } from "../../shared/adapters/local/sqlite-store.ts";
import { Fault } from "../../shared/contract/fault.ts";
import type { Head } from "../../shared/contract/rows.ts";
import { HeadMemory } from "../../shared/operations/head-memory.ts";
import { setup } from "../../shared/operations/setup.ts";
import type { Requester, Subject, Works } from "../../shared/operations/works.ts";
import type { AuditRecord } from "../../shared/ports/audit.ts";
import type { Clock } from "../../shared/ports/clock.ts";
import type { CredentialStore, Pair } from "../../shared/ports/credential-store.ts";
import type { LogFields, Severity } from "../../shared/ports/log.ts";
import type { Ask, Question } from "../../shared/providers/ask.ts";
import { Slots } from "../../shared/providers/slots.ts";
import { loadRegistry } from "../../shared/registry/load.ts";
import { Memory } from "../../shared/vault/memory.ts";

const schemasFolder = join(import.meta.dirname, "../../configs/setup/bootstrap/schemas");
/** Memory where the machine has a folder in it: these tests write tens of thousands of times. */
const scratch = existsSync("/dev/shm") ? "/dev/shm" : tmpdir();

export const START = "2026-08-22T12:00:00.000Z";
export const SECOND = 1_000;
export const MINUTE = 60 * SECOND;
export const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;

/** A clock that moves only when it is told to, or slept on; its monotonic side never shows one value twice. */
export interface TestClock extends Clock {
  advance(ms: number): void;
  slept: number[];
}

export function testClock(): TestClock {
  let elapsed = 0;
  let tick = 0;
  const slept: number[] = [];
  return {
    slept,
    now: () => Date.parse(START) + elapsed,
    monotonic: () => {
      tick += 1e-6;
      return elapsed + tick;
    },
    sleep: async (ms) => {
      slept.push(ms);
      elapsed += ms;
    },
    advance(ms) {
      elapsed += ms;
    },
  };
}

/** What the store does with one call: fails before the statement, fails after it took effect, or lets others in around it. */
export type Step = "fails" | "takes effect, then fails" | { before?: () => unknown; after?: () => unknown } | null;

export interface WatchedStore {
  store: CredentialStore;
  /** Names of the calls, in their order. */
  calls: string[];
  /** What the next calls of a method meet. */
  next(method: keyof CredentialStore, ...steps: Step[]): void;
  /** What every call of a method meets from now on. */
  always(method: keyof CredentialStore, step: Step): void;
}

export function watch(real: CredentialStore): WatchedStore {
  const queues = new Map<string, Step[]>();
  const standing = new Map<string, Step>();
  const calls: string[] = [];
  const store = new Proxy(real, {
    get(target, name) {
      const method: unknown = Reflect.get(target, name);
      if (typeof method !== "function" || typeof name !== "string" || name === "close") return method;
      return async (...given: unknown[]) => {
        calls.push(name);
        const queued = queues.get(name)?.shift();
        const step = queued === undefined ? (standing.get(name) ?? null) : queued;
        if (step === "fails") throw new Fault("store_unavailable");
        if (step !== null && typeof step === "object") await step.before?.();
        const result: unknown = await method(...given);
        if (step === "takes effect, then fails") throw new Fault("store_unavailable");
        if (step !== null && typeof step === "object") await step.after?.();
        return result;
      };
    },
  });
  return {
    store,
    calls,
    next: (method, ...steps) => void queues.set(method, [...(queues.get(method) ?? []), ...steps]),
    always: (method, step) => void standing.set(method, step),
  };
}

/*
 * Providers that exist only here: what a key's provider answers is decided by the test. 200 valid, 401 rejected,
 * 410 expired, 403 forbidden, 429 rate limited, 460 a mistake of ours, anything else nothing usable.
 */
const entry = (code: string, more: string) => `
  - code: ${code}
    display_name: ${code[0]}${code.slice(1).toLowerCase()}
    category: genai
    credential_type: api_key
    fields:
      - { name: api_key, pattern: "^${code.toLowerCase()}-[A-Za-z0-9-]{3,60}$" }
      - { name: region, secret: false, optional: true, pattern: "^[a-z0-9-]{2,20}$" }
    endpoints: { api: "https://${code.toLowerCase()}.example" }
    probe:
      get: { endpoint: api, path: /v1/me, headers: { authorization: "Bearer {api_key}" } }
      success: { status: 200, has: ok, expires: expires_at }
      rules:
        - { status: 410, then: expired }
        - { status: 403, then: forbidden }
        - { status: 460, then: service_misconfigured }
    metadata: [{ name: label, label: Label, pattern: "^[a-z ]{1,40}$", example: costs }]
    pipelines: [{ id: genai.payg_usage }]
    retry: { max: 0 }
    confirm_after_ms: 2000
${more}`;
export const registry = loadRegistry([
  {
    name: "test.yml",
    text: `providers:${entry("FAKE", "    concurrency: 200")}${entry("SLOW", "    concurrency: 2")}${entry("DEAR", "    cost: billable")}`,
  },
]);

export function entryOf(code: string) {
  const found = registry.byCode(code);
  if (found === null) throw new Error(`${code} is not in the test registry`);
  return found;
}

export interface ProviderAnswer {
  status: number;
  body?: Record<string, unknown>;
  headers?: Record<string, string>;
}

export interface Bench {
  works: Works;
  clock: TestClock;
  /** The store without anything around it. */
  real: CredentialStore;
  watched: WatchedStore;
  database: DatabaseSync;
  logs: Array<{ severity: Severity; event: string; fields: LogFields }>;
  audits: AuditRecord[];
  /** Keys that a provider was asked about, in their order. */
  asked: string[];
  /** What a provider says about a key from now on, one answer after the other; the last stays. */
  answers(key: string, ...answers: Array<number | ProviderAnswer>): void;
  /** What a provider says about keys that have no answer of their own. */
  usually: { answer: (key: string) => number | ProviderAnswer | Promise<number | ProviderAnswer> };
  events(name: string): LogFields[];
  subject(org: string, code?: string): Subject & Requester;
  /** Sets a credential up as a customer does. */
  setUp(org: string, key: string, more?: Record<string, unknown>, code?: string): Promise<Head>;
  head(org: string, code?: string): Promise<Head>;
  /** All the events of the heads of a pair that stand at its highest `seq`. */
  topEvents(pair: Pair): string[];
  /** From the head backwards along `prev_event_id`. */
  chain(pair: Pair): ChainLink[];
  close(): void;
}

export interface ChainLink {
  event_id: string;
  seq: number;
  op: string;
  credential_id: string;
  credential_name: string;
}

export function openBench(): Bench {
  const home = mkdtempSync(join(scratch, "integrations-bench-"));
  const file = join(home, "integrations.sqlite");
  const clock = testClock();
  const real = openSqliteStore({ file, schemasFolder });
  const database = new DatabaseSync(file, { timeout: 5_000 });
  const watched = watch(real);
  const logs: Bench["logs"] = [];
  const asked: string[] = [];
  const scripts = new Map<string, Array<number | ProviderAnswer>>();
  const usually: Bench["usually"] = { answer: () => 200 };
  const ask = Object.assign(
    async ({ headers }: Question) => {
      const key = headers["authorization"]?.slice("Bearer ".length) ?? "";
      asked.push(key);
      const script = scripts.get(key);
      const said =
        script === undefined ? await usually.answer(key) : ((script.length > 1 ? script.shift() : script[0]) ?? 200);
      const given = typeof said === "number" ? { status: said } : said;
      return {
        status: given.status,
        headers: new Headers(given.headers),
        body: given.body ?? (given.status === 200 ? { ok: true } : { error: { message: "invalid api key" } }),
      };
    },
    { fetch: () => Promise.reject(new Error("no SDK here")) },
  ) satisfies Ask;
  const audits: AuditRecord[] = [];
  const works: Works = {
    clock,
    log: (severity, event, fields = {}) => void logs.push({ severity, event, fields }),
    store: watched.store,
    keys: openKeyRing(join(home, "keyring.json"), clock),
    secrets: { peppers: async () => [{ version: "1", bytes: Buffer.alloc(32, 7) }] },
    registry,
    ask,
    slots: new Slots(),
    federation: openLocalFederation(home, clock),
    audit: { write: (record) => void audits.push(record) },
    memory: new Memory(clock),
    heads: new HeadMemory(clock),
    inFlight: new Set(),
  };
  const subject = (org: string, code = "FAKE") => ({
    org,
    entry: entryOf(code),
    requestId: "00000000-0000-4000-8000-000000000001",
    actor: "kid000000001",
  });
  const head = async (org: string, code = "FAKE") => {
    const found = await real.readHead({ org_slug: org, provider: code });
    if (found === null) throw new Error("no head");
    return found;
  };
  const statements = {
    top: database.prepare(
      "SELECT event_id FROM heads WHERE org_slug = @org AND provider = @provider AND seq > 0 AND seq = (SELECT MAX(seq) FROM heads WHERE org_slug = @org AND provider = @provider)",
    ),
    versions: database.prepare(
      "SELECT event_id, prev_event_id, seq, op, credential_id, credential_name FROM versions WHERE org_slug = @org AND provider = @provider",
    ),
  };
  const named = ({ org_slug, provider }: Pair) => ({ org: org_slug, provider });
  const topEvents = (pair: Pair) => statements.top.all(named(pair)).map((row) => String(row["event_id"]));
  return {
    works,
    clock,
    real,
    watched,
    database,
    logs,
    audits,
    asked,
    usually,
    answers: (key, ...answers) => void scripts.set(key, answers),
    events: (name) => logs.filter(({ event }) => event === name).map(({ fields }) => fields),
    subject,
    head,
    topEvents,
    async setUp(org, key, more = {}, code = "FAKE") {
      await setup(works, {
        ...subject(org, code),
        body: { credential: key, skip_validation: false, ...more },
        idempotency: null,
        precondition: { ifMatch: null, createOnly: false },
      });
      clock.advance(1);
      return await head(org, code);
    },
    chain(pair) {
      const rows = new Map(statements.versions.all(named(pair)).map((row) => [String(row["event_id"]), row]));
      const links: ChainLink[] = [];
      let at: string | null = topEvents(pair)[0] ?? null;
      while (at !== null) {
        const row = rows.get(at);
        if (row === undefined) throw new Error("the chain is broken");
        links.push({
          event_id: at,
          seq: Number(row["seq"]),
          op: String(row["op"]),
          credential_id: String(row["credential_id"]),
          credential_name: String(row["credential_name"]),
        });
        at = row["prev_event_id"] === null ? null : String(row["prev_event_id"]);
      }
      return links;
    },
    close() {
      real.close();
      database.close();
      rmSync(home, { recursive: true, force: true });
    },
  };
}

/** The code of the fault that the work ends with, `none` where it ends well. */
export async function faultOf(work: Promise<unknown>): Promise<string> {
  try {
    await work;
    return "none";
  } catch (error) {
    if (error instanceof Fault) return error.code;
    throw error;
  }
}

/** Numbers from 0 to 1 that are the same for the same seed (mulberry32). */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
