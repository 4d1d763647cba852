import { existsSync } from "node:fs";
import type { Metadata } from "../../shared/contract/rows.ts";
import type { Credential } from "../../shared/contract/secret.ts";
import type { Capability, Outcome, Verdict } from "../../shared/contract/verdict.ts";
import type { Owner } from "../../shared/providers/provider.ts";
import type { Entry } from "../../shared/registry/entry.ts";
import { credentialOf, nobody } from "../providers/desk.ts";
import { type RecordedRequest, refusedEndpoint, startSimulators } from "../simulators/start.ts";
import { force, simulated } from "./aim.ts";
import { type Expectation, faultsIn, inconclusive } from "./case.ts";
import type { Check } from "./kit.ts";
import { conductFaults, HURRIED, lateFaults, type Runner, verdictOf } from "./run.ts";

/** What every provider must be shown to tell apart. */
export const outcomesAsked = [
  "success",
  "rejected",
  "expired",
  "forbidden",
  "rate_limited",
  "outage",
  "clock_skew",
] as const;
export type OutcomeAsked = (typeof outcomesAsked)[number];

/** One way to bring an outcome about at the simulator, and what must be said of it. */
export interface Scripted {
  /** Answers of the simulator by name, each for all questions to that endpoint. */
  force?: Readonly<Record<string, string>>;
  /** A credential other than the fixture's usual one. */
  credential?: Readonly<Record<string, string>>;
  metadata?: Metadata;
  expect: { outcome: Outcome; reason?: string; capabilities?: Readonly<Record<string, Capability["state"]>> };
}

/** Why there is no such answer, for who reads the fixture. */
export interface Absent {
  absent: string;
}

/** The answers of a provider with a protocol of its own: what the registry tells of one that YAML alone describes. */
export interface OwnProtocol {
  code: string;
  /** An obviously fake credential that the simulator takes. */
  credential: Readonly<Record<string, string>>;
  metadata?: Metadata;
  /**
   * Endpoints without which nothing is proven. What is asked at the others may fail: the credential is as good as it was,
   * and nothing is denied.
   */
  proves: readonly string[];
  /** Endpoints that this credential has nothing to do with: nothing may be asked there. */
  unasked?: readonly string[];
  outcomes: Readonly<Record<OutcomeAsked, readonly Scripted[] | Absent>>;
}

const folder = new URL("./fixtures/", import.meta.url);

/** The answers of a provider, `null` where nobody wrote them down. */
export async function fixtureOf(code: string): Promise<OwnProtocol | null> {
  const file = new URL(`${code.toLowerCase().replaceAll("_", "-")}.ts`, folder);
  if (!existsSync(file)) return null;
  const { fixture }: { fixture: OwnProtocol } = await import(file.href);
  return fixture;
}

/** What happens on the way to an endpoint; names are the simulators'. Those that hang are asked with short clocks. */
const TRANSPORTS = [
  "html",
  "html_json_type",
  "html_503",
  "bad_gateway",
  "truncated",
  "empty",
  "null_body",
  "other_shape",
  "huge",
  "reset",
  "redirect",
  "teapot",
  "proxy_407",
  "empty_401",
  "gateway_401",
  "outage_401",
  "proxy_scope_403",
  "gateway_402",
  "echo",
] as const;
const HANGING = ["hang", "drip"] as const;

/** Every check of a provider with a protocol of its own. Each has simulators of its own, so that all may run at once. */
export function ownCases(entry: Entry, fixture: OwnProtocol, { within }: Runner): Check[] {
  const check = (name: string, run: () => Promise<string[]>): Check => ({ name, run: () => within(run) });
  const endpoints = Object.keys(entry.endpoints).filter((name) => !fixture.unasked?.includes(name));
  let found: Promise<Verdict> | null = null;
  const usual = (): Promise<Verdict> => {
    found ??= attempted(entry, fixture, {}).then(({ verdict }) => verdict);
    return found;
  };
  const proving = endpoints.filter((name) => fixture.proves.includes(name));
  const scripted = outcomesAsked.flatMap((asked) => {
    const scripts = fixture.outcomes[asked];
    if ("absent" in scripts) return [];
    return scripts.map((script, index) =>
      check(`${asked}${scripts.length > 1 ? ` ${index + 1}` : ""}`, () => runScript(entry, fixture, script)),
    );
  });
  return [
    check("the fixture says enough", async () => fixtureFaults(entry, fixture)),
    ...scripted,
    ...endpoints.flatMap((endpoint) =>
      [...TRANSPORTS, ...HANGING].map((name) =>
        check(`${name} at ${endpoint}`, () => runTransport(entry, fixture, usual, endpoint, name)),
      ),
    ),
    ...endpoints.map((endpoint) =>
      check(`a refused connection at ${endpoint}`, () => runTransport(entry, fixture, usual, endpoint, "refused")),
    ),
    ...proving.map((endpoint) =>
      check(`silence at ${endpoint} ends at the deadline`, () => runDeadline(entry, fixture, endpoint)),
    ),
  ];
}

function fixtureFaults(entry: Entry, fixture: OwnProtocol): string[] {
  return [
    ...(fixture.code === entry.code ? [] : [`is the fixture of ${fixture.code}`]),
    ...(fixture.proves.length > 0 ? [] : ["names no endpoint that proves anything"]),
    ...fixture.proves.filter((name) => !(name in entry.endpoints)).map((name) => `${name} is no endpoint`),
    ...outcomesAsked.flatMap((asked) => {
      const scripts = fixture.outcomes[asked];
      if ("absent" in scripts) return scripts.absent.length > 20 ? [] : [`does not say why there is no ${asked}`];
      return scripts.length > 0 ? [] : [`has no answer for ${asked}`];
    }),
    ...("absent" in fixture.outcomes.success ? ["has no success"] : []),
  ];
}

/** What was answered, and all that was asked for it. */
interface Attempted {
  verdict: Verdict;
  faults: string[];
}

async function runScript(entry: Entry, fixture: OwnProtocol, script: Scripted): Promise<string[]> {
  const { outcome, reason, capabilities } = script.expect;
  const expected: Expectation = {
    outcomes: [outcome],
    ...(reason === undefined ? {} : { reason }),
    ...(capabilities === undefined ? {} : { capabilities }),
  };
  const { verdict, faults } = await attempted(entry, fixture, script);
  return [...faultsIn(verdict, expected), ...faults];
}

/** An endpoint that answers nothing usable leaves everything open that it would have told, and nothing denied. */
async function runTransport(
  entry: Entry,
  fixture: OwnProtocol,
  usual: () => Promise<Verdict>,
  endpoint: string,
  name: string,
): Promise<string[]> {
  const denied = (await usual()).capabilities.filter(({ state }) => state === "denied").map(({ id }) => id);
  const undenied = entry.capabilities.map(({ id }) => id).filter((id) => !denied.includes(id));
  const isHurried = name === "hang" || name === "drip";
  const { verdict, faults } = await attempted(
    isHurried ? { ...entry, ...HURRIED } : entry,
    fixture,
    name === "refused" ? { refused: endpoint } : { force: { [endpoint]: name } },
  );
  const outcomes = fixture.proves.includes(endpoint) ? inconclusive : (["valid"] as const);
  return [...faultsIn(verdict, { outcomes, undenied }), ...faults];
}

async function runDeadline(entry: Entry, fixture: OwnProtocol, endpoint: string): Promise<string[]> {
  const simulators = await startSimulators();
  try {
    force(simulators, fixture.code, { [endpoint]: "hang" });
    const owner = ownerOf(fixture, {});
    const hanging = { ...simulated(entry, simulators), timeout_ms: 15_000, deadline_ms: 500 };
    return await lateFaults(hanging, credentialOf(fixture.credential), owner);
  } finally {
    await simulators.close();
  }
}

/** One attempt at simulators of its own. */
async function attempted(
  entry: Entry,
  fixture: OwnProtocol,
  script: Omit<Scripted, "expect"> & { refused?: string },
): Promise<Attempted> {
  const simulators = await startSimulators();
  try {
    force(simulators, fixture.code, script.force ?? {});
    const credential: Credential = credentialOf(script.credential ?? fixture.credential);
    const moved = simulated(entry, simulators);
    const refused = script.refused === undefined ? {} : { [script.refused]: refusedEndpoint };
    const asking = { ...moved, endpoints: { ...moved.endpoints, ...refused }, retry: { max: 0, backoff_ms: 0 } };
    const verdict = await verdictOf(asking, credential, ownerOf(fixture, script));
    const strays = script.credential !== undefined ? [] : strayFaults(fixture, simulators.requests);
    return {
      verdict,
      faults: [...conductFaults(entry, credential, verdict, simulators.requests, simulators.sinkRequests), ...strays],
    };
  } finally {
    await simulators.close();
  }
}

function strayFaults({ unasked = [] }: OwnProtocol, asked: readonly RecordedRequest[]): string[] {
  const strays = asked.flatMap(({ endpoint }) =>
    endpoint !== undefined && unasked.includes(endpoint) ? [endpoint] : [],
  );
  return strays.map((endpoint) => `asks ${endpoint}, which is none of this credential's`);
}

function ownerOf(fixture: OwnProtocol, script: Pick<Scripted, "metadata">): Owner {
  return { ...nobody, metadata: script.metadata ?? fixture.metadata ?? {} };
}
