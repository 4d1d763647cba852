import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** A request as a simulator sees it. */
export interface Asked {
  method: string;
  path: string;
  query: URLSearchParams;
  headers: Record<string, string>;
  body: string;
}

export interface Answer {
  status: number;
  headers?: Record<string, string>;
  body: string;
}

/**
 * What can go wrong on the way, whatever was asked: `down` resets the connection, `hang` never answers, `drip` sends a
 * byte a second, `cut` resets half-way, `garbage` is a captive portal's page, `empty` is `{}`, `huge` is the good answer
 * and 1 MB more, `redirect` leads to the good answer elsewhere, a number is that status with Google's error body.
 */
export type TransportFault = (typeof transportFaults)[number];
export const transportFaults = [
  "down",
  "hang",
  "drip",
  "cut",
  "garbage",
  "empty",
  "huge",
  "redirect",
  400,
  401,
  403,
  404,
  408,
  429,
  500,
  502,
  503,
  504,
] as const;

/** Sets what the next requests meet. `Own` are a simulator's own wrong answers. */
export interface Faults<Own extends string> {
  /** The next requests meet it, after those that were set before. */
  next(fault: TransportFault | Own, times?: number): void;
  /** Every request from now on; `null` ends it. What `next` has set comes first. */
  always(fault: TransportFault | Own | null): void;
  clear(): void;
}

export interface HttpSimulator<Own extends string = never> {
  /** `http://127.0.0.1:P` */
  url: string;
  /** `127.0.0.1:P` */
  host: string;
  requests: Asked[];
  /** What followed a redirect: always empty for a client that behaves. */
  followed: Asked[];
  faults: Faults<Own>;
  /** Milliseconds before every answer. */
  latency(ms: number): void;
  /** Forgets requests, faults and latency. */
  reset(): void;
  close(): Promise<void>;
}

/** Serves answers on a loopback port. `answer` is told the simulator's own fault where one is set. */
export async function startHttp<Own extends string = never>(
  answer: (asked: Asked, fault: Own | null) => Answer | Promise<Answer>,
  options: { own?: readonly Own[]; port?: number } = {},
): Promise<HttpSimulator<Own>> {
  const state = {
    queue: [] as Array<TransportFault | Own>,
    always: null as TransportFault | Own | null,
    latencyMs: 0,
    requests: [] as Asked[],
    followed: [] as Asked[],
  };
  const isOwn = (fault: TransportFault | Own): fault is Own => (options.own ?? []).some((own) => own === fault);

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    response.on("error", () => {}); // a client that hangs up is what some faults are for
    const isFollowed = (request.url ?? "").startsWith("/followed/");
    const asked = await read(request, isFollowed);
    (isFollowed ? state.followed : state.requests).push(asked);
    const fault = isFollowed ? null : (state.queue.shift() ?? state.always);
    if (state.latencyMs > 0) await new Promise((done) => setTimeout(done, state.latencyMs).unref());
    const good = await answer(asked, fault !== null && isOwn(fault) ? fault : null);
    send(request, response, good, fault === null || isOwn(fault) ? null : fault);
  }

  const server = createServer((request, response) => {
    serve(request, response).catch(() => response.destroy());
  });
  await new Promise<void>((done, fail) => {
    server.once("error", fail);
    server.listen(options.port ?? 0, "127.0.0.1", () => done());
  });
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  const clear = () => {
    state.queue.length = 0;
    state.always = null;
  };
  return {
    url: `http://${host}`,
    host,
    requests: state.requests,
    followed: state.followed,
    faults: {
      next(fault, times = 1) {
        for (let left = times; left > 0; left -= 1) state.queue.push(fault);
      },
      always(fault) {
        state.always = fault;
      },
      clear,
    },
    latency(ms) {
      state.latencyMs = ms;
    },
    reset() {
      clear();
      state.latencyMs = 0;
      state.requests.length = 0;
      state.followed.length = 0;
    },
    close: () =>
      new Promise((done) => {
        server.close(() => done());
        server.closeAllConnections();
      }),
  };
}

/** An error as Google's APIs answer it. */
export function googleError(code: number, status: string, message: string, details: object[] = []): Answer {
  const error = { code, message, status, ...(details.length > 0 ? { details } : {}) };
  return json(code, { error });
}

export function json(status: number, body: unknown, headers: Record<string, string> = {}): Answer {
  return {
    status,
    headers: { "content-type": "application/json; charset=UTF-8", ...headers },
    body: `${JSON.stringify(body, null, 2)}\n`,
  };
}

/** Google's canonical status names by HTTP status. */
const canonical: Readonly<Record<number, string>> = {
  400: "INVALID_ARGUMENT",
  401: "UNAUTHENTICATED",
  403: "PERMISSION_DENIED",
  404: "NOT_FOUND",
  408: "DEADLINE_EXCEEDED",
  429: "RESOURCE_EXHAUSTED",
  500: "INTERNAL",
  502: "UNAVAILABLE",
  503: "UNAVAILABLE",
  504: "DEADLINE_EXCEEDED",
};

/** Sends the good answer, or what the fault makes of it. */
function send(request: IncomingMessage, response: ServerResponse, good: Answer, fault: TransportFault | null): void {
  const { status, headers, body } = instead(good, fault, request.url ?? "/");
  const length = { "content-length": String(Buffer.byteLength(body)) };
  switch (fault) {
    case "down":
      request.socket.resetAndDestroy();
      break;
    case "hang":
      break; // until the client gives up, or close()
    case "drip": {
      response.writeHead(status, headers);
      response.write(" ");
      const timer = setInterval(() => response.write(" "), 1_000);
      response.on("close", () => clearInterval(timer));
      break;
    }
    case "cut":
      response.writeHead(status, { ...headers, ...length });
      response.write(body.slice(0, Math.ceil(body.length / 2)), () => response.socket?.resetAndDestroy());
      break;
    default:
      response.writeHead(status, { ...headers, ...length });
      response.end(body);
  }
}

function instead(good: Answer, fault: TransportFault | null, url: string): Answer {
  if (typeof fault === "number")
    return googleError(fault, canonical[fault] ?? "UNKNOWN", "A fault that the bench was told to show.");
  switch (fault) {
    case "garbage": {
      const headers = { ...good.headers, "content-type": "text/html" };
      return { status: 200, headers, body: "<!doctype html><title>Sign in to the network</title>" };
    }
    case "empty":
      return { ...good, status: 200, body: "{}" };
    case "huge":
      return { ...good, body: `${good.body}${" ".repeat(1_048_576)}` };
    case "redirect":
      return { status: 302, headers: { location: `/followed${url}` }, body: "" };
    default:
      return good;
  }
}

async function read(request: IncomingMessage, isFollowed: boolean): Promise<Asked> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(Buffer.from(chunk));
  const path = (request.url ?? "/").slice(isFollowed ? "/followed".length : 0);
  const url = new URL(path, "http://bench");
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(request.headers))
    headers[name] = Array.isArray(value) ? value.join(", ") : (value ?? "");
  return {
    method: request.method ?? "GET",
    path: url.pathname,
    query: url.searchParams,
    headers,
    body: Buffer.concat(chunks).toString("utf8"),
  };
}
