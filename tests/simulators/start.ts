import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { fixture } from "./answers/all.ts";
import { type CloudCode, cloudCodes, cloudFixture, clouds } from "./clouds/all.ts";
import { decide, freshMemory, goodAnswer, keyOf, type Memory } from "./decide.ts";
import { type Fixture, render } from "./fixture.ts";
import { type ProviderCode, profiles, providerCodes } from "./profiles.ts";
import { transmit } from "./transmit.ts";

export { answers, fixture } from "./answers/all.ts";
export { transportAnswers } from "./answers/transport.ts";
export { type CloudCode, cloudCodes, cloudFixture, clouds } from "./clouds/all.ts";
export type { Fixture } from "./fixture.ts";
export { render } from "./fixture.ts";
export { type ExampleKeys, exampleKey, exampleKeys, markerIn } from "./keys.ts";
export {
  type AnswerMarker,
  answerMarkers,
  type Marker,
  markers,
  type ProviderCode,
  profiles,
  providerCodes,
  transportMarkers,
} from "./profiles.ts";

/** What a simulated provider was asked. Kept in memory only. */
export interface RecordedRequest {
  provider: ProviderCode | CloudCode;
  /** Of a provider with several endpoints, which was asked. */
  endpoint?: string;
  method: string;
  /** Path and query as the provider's own host would see them: `/v1/models?limit=1`. */
  path: string;
  headers: Record<string, string>;
  body: string;
  /** Milliseconds since the epoch. */
  at: number;
}

export interface Simulators {
  /** `http://127.0.0.1:P` */
  url: string;
  /** `OPENAI_API` → the base that the registry's paths are appended to. */
  endpoints: Record<string, string>;
  /** `INTEGRATIONS_ENDPOINT_OPENAI_API` → the same, for a child process or `process.env`. */
  env: Record<string, string>;
  requests: RecordedRequest[];
  /** What followed a 307: always empty for a client that behaves. */
  sinkRequests: RecordedRequest[];
  /** The next answers of a provider, whatever is asked and with whatever key. @throws Error for an unknown name. */
  next(provider: ProviderCode, fixtureName: string, times?: number): void;
  /** Every answer of a provider from now on; `null` ends it. */
  always(provider: ProviderCode, fixtureName: string | null): void;
  /** The same for one endpoint of a cloud: its next answers, all of them without `times`, its own again with `null`. */
  force(cloud: CloudCode, endpoint: string, fixtureName: string | null, times?: number): void;
  /** From now on the key is answered as a deleted one. */
  revoke(key: string): void;
  /** Milliseconds to wait before every answer of a provider. */
  latency(provider: ProviderCode | CloudCode, ms: number): void;
  /** Forgets requests, revoked keys, forced answers and latencies. */
  reset(): void;
  close(): Promise<void>;
}

/** Starts every simulated provider on one loopback port, each under its own path prefix. */
export async function startSimulators(options: { host?: "127.0.0.1"; port?: number } = {}): Promise<Simulators> {
  const host = options.host ?? "127.0.0.1";
  const state = {
    memory: freshMemory(),
    latencies: new Map<ProviderCode | CloudCode, number>(),
    forced: new Map<string, { fixture: Fixture; left: number }>(),
    requests: [] as RecordedRequest[],
    sinkRequests: [] as RecordedRequest[],
    origin: "",
    count: 0,
  };
  const server = createServer((request, response) => {
    serve(state, request, response).catch(() => response.destroy());
  });
  await listen(server, host, options.port ?? 0);
  const url = `http://${host}:${portOf(server)}`;
  state.origin = url;
  const endpoints = Object.fromEntries([
    ...providerCodes.map((code): [string, string] => [
      `${code}_API`,
      `${url}/${profiles[code].prefix}${profiles[code].base}`,
    ]),
    ...cloudCodes.flatMap((code) =>
      Object.keys(clouds[code]?.endpoints ?? {}).map((name): [string, string] => [
        `${code}_${name.toUpperCase()}`,
        `${url}/${clouds[code]?.prefix}/${name}`,
      ]),
    ),
  ]);
  const { memory } = state;
  return {
    url,
    endpoints,
    env: Object.fromEntries(Object.entries(endpoints).map(([name, base]) => [`INTEGRATIONS_ENDPOINT_${name}`, base])),
    requests: state.requests,
    sinkRequests: state.sinkRequests,
    next(provider, name, times = 1) {
      const queue = memory.forced.get(provider) ?? [];
      memory.forced.set(provider, [...queue, ...Array<Fixture>(times).fill(fixture(provider, name))]);
    },
    always(provider, name) {
      if (name === null) memory.always.delete(provider);
      else memory.always.set(provider, fixture(provider, name));
    },
    force(cloud, endpoint, name, times = Number.POSITIVE_INFINITY) {
      if (name === null) state.forced.delete(`${cloud} ${endpoint}`);
      else state.forced.set(`${cloud} ${endpoint}`, { fixture: cloudFixture(cloud, name), left: times });
    },
    revoke(key) {
      memory.revoked.add(key);
    },
    latency(provider, ms) {
      state.latencies.set(provider, ms);
    },
    reset() {
      for (const kept of [memory.revoked, memory.flaked, memory.forced, memory.always, state.latencies, state.forced])
        kept.clear();
      state.requests.length = 0;
      state.sinkRequests.length = 0;
    },
    close: () => closeWholly(server),
  };
}

/** A base URL on loopback where nothing listens, nor is likely to: a port that was free a moment ago may be taken. */
export const refusedEndpoint = "http://127.0.0.1:4";

interface State {
  memory: Memory;
  latencies: Map<ProviderCode | CloudCode, number>;
  forced: Map<string, { fixture: Fixture; left: number }>;
  requests: RecordedRequest[];
  sinkRequests: RecordedRequest[];
  origin: string;
  count: number;
}

async function serve(state: State, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const url = request.url ?? "/";
  const isSink = url.startsWith("/sink/");
  const whole = isSink ? url.slice("/sink".length) : url;
  const cloud = cloudCodes.find((code) => whole.startsWith(`/${clouds[code]?.prefix}/`));
  if (cloud !== undefined) return await serveCloud(state, cloud, { whole, isSink }, request, response);
  const provider = providerCodes.find((code) => whole.startsWith(`/${profiles[code].prefix}/`));
  if (provider === undefined) {
    response.writeHead(404, { "content-type": "application/json" });
    response.end(
      JSON.stringify({
        error: "no simulated provider here",
        providers: providerCodes.map((code) => `/${profiles[code].prefix}`),
      }),
    );
    return;
  }
  const profile = profiles[provider];
  const path = whole.slice(profile.prefix.length + 1);
  const headers = flat(request);
  const method = request.method ?? "GET";
  const recorded: RecordedRequest = { provider, method, path, headers, body: await read(request), at: Date.now() };
  (isSink ? state.sinkRequests : state.requests).push(recorded);

  const key = keyOf(profile, headers) ?? new URLSearchParams(path.split("?")[1] ?? "").get("key");
  const bare = path.split("?")[0] ?? path;
  const chosen = isSink
    ? goodAnswer(provider, method, bare)
    : decide(provider, { method, path: bare, headers, key }, state.memory);
  await wait(state.latencies.get(provider) ?? 0);
  state.count += 1;
  const requestId = `req_sim_${state.count}`;
  const dressed: Fixture = { ...chosen, headers: { ...profile.headers, ...chosen.headers } };
  transmit(
    response,
    chosen,
    render(dressed, { key: key ?? "", requestId, origin: state.origin, path: whole, nowMs: Date.now() }),
  );
}

async function serveCloud(
  state: State,
  code: CloudCode,
  { whole, isSink }: { whole: string; isSink: boolean },
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const cloud = clouds[code];
  const [, , endpoint = ""] = whole.split(/[/?]/);
  const path = whole.slice(`/${cloud?.prefix}/${endpoint}`.length) || "/";
  const headers = flat(request);
  const method = request.method ?? "GET";
  const body = await read(request);
  (isSink ? state.sinkRequests : state.requests).push({
    provider: code,
    endpoint,
    method,
    path,
    headers,
    body,
    at: Date.now(),
  });
  const [bare = "", query = ""] = path.split("?", 2);
  const asked = { endpoint, method, path: bare, query: new URLSearchParams(query), headers, body, nowMs: Date.now() };
  const chosen = (isSink ? null : forcedFor(state, code, endpoint)) ?? cloud?.answer(asked);
  if (chosen === undefined) return void response.destroy();
  await wait(state.latencies.get(code) ?? 0);
  state.count += 1;
  const dressed: Fixture = { ...chosen, headers: { ...cloud?.headers?.(endpoint), ...chosen.headers } };
  const requestId = `req_sim_${state.count}`;
  transmit(
    response,
    chosen,
    render(dressed, { key: secretIn(body, headers), requestId, origin: state.origin, path: whole, nowMs: Date.now() }),
  );
}

function forcedFor(state: State, code: CloudCode, endpoint: string): Fixture | null {
  const forced = state.forced.get(`${code} ${endpoint}`);
  if (forced === undefined || forced.left < 1) return null;
  forced.left -= 1;
  return forced.fixture;
}

/** What an answer that echoes may repeat: a form's secret, assertion or token, else whatever stood in `Authorization`. */
function secretIn(body: string, headers: Record<string, string>): string {
  const form = new URLSearchParams(body);
  const named = ["client_secret", "assertion", "WebIdentityToken"].map((name) => form.get(name));
  return named.find((value) => value !== null) ?? headers["authorization"] ?? "";
}

function flat(request: IncomingMessage): Record<string, string> {
  const all: Record<string, string> = {};
  for (const [name, value] of Object.entries(request.headers))
    all[name] = Array.isArray(value) ? value.join(", ") : (value ?? "");
  return all;
}

async function read(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks).toString("utf8");
}

function wait(ms: number): Promise<void> {
  return ms === 0 ? Promise.resolve() : new Promise((done) => setTimeout(done, ms).unref());
}

function listen(server: Server, host: string, port: number): Promise<void> {
  return new Promise((done, fail) => {
    server.once("error", fail);
    server.listen(port, host, () => {
      server.off("error", fail);
      done();
    });
  });
}

function portOf(server: Server): number {
  return (server.address() as AddressInfo).port;
}

function closeWholly(server: Server): Promise<void> {
  return new Promise((done) => {
    server.close(() => done());
    server.closeAllConnections();
  });
}
