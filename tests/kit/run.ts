import type { Credential } from "../../shared/contract/secret.ts";
import type { Verdict } from "../../shared/contract/verdict.ts";
import type { Federation } from "../../shared/ports/federation.ts";
import { askThrough } from "../../shared/providers/ask.ts";
import { attempt } from "../../shared/providers/attempt.ts";
import { providerOf } from "../../shared/providers/index.ts";
import type { Owner } from "../../shared/providers/provider.ts";
import type { Entry } from "../../shared/registry/entry.ts";
import { nobody } from "../providers/desk.ts";
import { refusedEndpoint } from "../simulators/start.ts";
import { billableIn } from "./billable.ts";
import { faultsIn, json, type KitCase } from "./case.ts";
import { plainSuccess } from "./http-cases.ts";
import { openStage, type Request, type Stage } from "./stage.ts";
import { tracesIn } from "./traces.ts";

/** Clocks of a case in which nobody answers, milliseconds. Long enough that loopback is never late. */
export const HURRIED = { timeout_ms: 1_500, deadline_ms: 6_000, retry: { max: 0, backoff_ms: 0 } };
/** And those that must end a silence with all its retries. */
const DEADLINE = { timeout_ms: 100, deadline_ms: 350, retry: { max: 3, backoff_ms: 50 } };
/** No attempt may last longer beyond its deadline: an order of magnitude, for busy machines. */
const MARGIN_MS = 4_000;
/** Checks that run at the same time. */
const AT_ONCE = 32;

/** What the checks of a kit share: one server and a bound on how many run at once. */
export interface Runner {
  stage: Stage;
  /** Does the work when there is room for it. */
  within<Result>(work: () => Promise<Result>): Promise<Result>;
  http(entry: Entry, credential: Credential, one: KitCase): Promise<string[]>;
  deadline(entry: Entry, credential: Credential): Promise<string[]>;
  close(): Promise<void>;
}

export async function openRunner(): Promise<Runner> {
  const stage = await openStage();
  const within = limiter(AT_ONCE);
  return {
    stage,
    within,
    http: (entry, credential, one) => within(() => runCase(stage, entry, credential, one)),
    deadline: (entry, credential) => within(() => runDeadline(stage, entry, credential)),
    close: stage.close,
  };
}

async function runCase(
  stage: Stage,
  entry: Entry,
  credential: Credential,
  { answer, expected, hurried }: KitCase,
): Promise<string[]> {
  const tempting = json(200, successOf(entry));
  const scene = answer === "refused" ? null : stage.play(answer, tempting);
  const moved = movedTo(entry, scene?.base ?? refusedEndpoint);
  const verdict = await verdictOf(
    { ...moved, retry: { max: 0, backoff_ms: 0 }, ...(hurried ? HURRIED : {}) },
    credential,
  );
  const asked = scene?.asked ?? [];
  return [
    ...faultsIn(verdict, expected),
    ...conductFaults(entry, credential, verdict, asked, scene?.followed ?? []),
    ...(answer !== "refused" && asked.length !== 1 ? [`is asked ${asked.length} times`] : []),
  ];
}

/** What must hold of every attempt, whatever was answered. */
export function conductFaults(
  entry: Entry,
  credential: Credential,
  verdict: Verdict,
  asked: readonly Request[],
  followed: readonly Request[],
): string[] {
  return [
    ...tracesIn(JSON.stringify(verdict), entry, credential).map((field) => `the verdict holds a piece of ${field}`),
    ...followed.map(({ method }) => `a redirect was followed: ${method}`),
    ...billableIn(asked),
  ];
}

/** Silence that no timeout ends sooner must end at the deadline, however often it is asked again. */
async function runDeadline(stage: Stage, entry: Entry, credential: Credential): Promise<string[]> {
  const silence = { ...json(200, {}), transport: "hang" as const };
  const moved = movedTo(entry, stage.play(silence, silence).base);
  const patient = { ...moved, ...DEADLINE, timeout_ms: 15_000 };
  const impatient = { ...moved, ...DEADLINE };
  const faults = await Promise.all([patient, impatient].map((one) => lateFaults(one, credential)));
  return faults.flat();
}

/** Whether an attempt at whoever hangs ends in time and says so. */
export async function lateFaults(entry: Entry, credential: Credential, owner: Owner = nobody): Promise<string[]> {
  await providerOf(entry); // its SDK is loaded once per process, and not on this clock
  const began = performance.now();
  const verdict = await verdictOf(entry, credential, owner);
  const tookMs = Math.round(performance.now() - began);
  return [
    ...latenessFaults(tookMs, entry.deadline_ms),
    ...faultsIn(verdict, { outcomes: ["unreachable"], reason: "timeout" }),
  ];
}

/** Whether an attempt lasted beyond its deadline. */
export function latenessFaults(tookMs: number, deadlineMs: number): string[] {
  return tookMs > deadlineMs + MARGIN_MS ? [`took ${tookMs} ms with a deadline of ${deadlineMs} ms`] : [];
}

/** One attempt with real sockets and the real clock. */
export async function verdictOf(entry: Entry, credential: Credential, owner: Owner = nobody): Promise<Verdict> {
  return await attempt(entry, credential, owner, { federation, ask: askThrough(fetch, 20_000), clock: realClock });
}

/** An identity towards AWS whose tokens say what AWS looks at, and are signed by nobody. */
export const federation: Federation = {
  project: "local",
  subject: "000000000000000000000",
  isPlaceholder: true,
  identityToken: async (aud) => {
    const claims = { iss: "https://accounts.google.com", aud, sub: federation.subject, azp: federation.subject };
    return `eyJhbGciOiJSUzI1NiJ9.${Buffer.from(JSON.stringify(claims)).toString("base64url")}.c2ln`;
  },
};

export const realClock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  sleep: (ms: number) => new Promise<void>((done) => setTimeout(done, ms)),
};

/** The entry with every endpoint at one base, below which each keeps the path it had. */
function movedTo(entry: Entry, base: string): Entry {
  const endpoints = Object.entries(entry.endpoints).map(([name, url]): [string, string] => [
    name,
    base + new URL(url).pathname.replace(/\/$/, ""),
  ]);
  return { ...entry, endpoints: Object.fromEntries(endpoints) };
}

function successOf(entry: Entry): unknown {
  return entry.probe !== undefined && !("protocol" in entry.probe) ? plainSuccess(entry.probe) : {};
}

function limiter(most: number): <Result>(work: () => Promise<Result>) => Promise<Result> {
  let running = 0;
  const waiting: Array<() => void> = [];
  return async (work) => {
    if (running >= most) await new Promise<void>((go) => waiting.push(go));
    else running += 1;
    try {
      return await work();
    } finally {
      const next = waiting.shift();
      if (next) next();
      else running -= 1;
    }
  };
}
