import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { type Answer, json } from "../http-simulator.ts";
import { type Fault, isTransportFault, type TransportFault } from "./faults.ts";

/** A request as a service sees it. It is handed on and not kept: bodies hold plaintext. */
export interface HttpRequest {
  method: string;
  /** The path, decoded as Google's front does. */
  path: string;
  authorization: string | undefined;
  body: Buffer;
}

/** A loopback server that serves answers and sends them as the fault says. */
export interface HttpService {
  /** `http://127.0.0.1:P` */
  url: string;
  /** How many requests have followed a redirect: none of a client that behaves. */
  followed(): number;
  close(): Promise<void>;
}

const ELSEWHERE = "/elsewhere";

/** Serves `answer` on a loopback port; the fault that it returns is done to the answer on its way. */
export async function serveHttp(
  answer: (request: HttpRequest) => { answer: Answer; fault: Fault<string> | null },
): Promise<HttpService> {
  let followed = 0;
  const server = createServer((request, response) => {
    response.on("error", () => {});
    serve(request, response).catch(() => response.destroy());
  });

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(Buffer.from(chunk));
    if (request.url === ELSEWHERE) {
      followed += 1;
      send(request, response, json(200, {}), null);
      return;
    }
    const { answer: good, fault } = answer({
      method: request.method ?? "GET",
      path: decodeURIComponent(new URL(request.url ?? "/", "http://bench").pathname),
      authorization: request.headers.authorization,
      body: Buffer.concat(chunks),
    });
    if (typeof fault === "object" && fault !== null) await new Promise((done) => setTimeout(done, fault.slow).unref());
    send(request, response, good, isTransportFault(fault) ? fault : null);
  }

  await new Promise<void>((done, fail) => {
    server.once("error", fail);
    server.listen(0, "127.0.0.1", () => done());
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    followed: () => followed,
    close: () =>
      new Promise((done) => {
        server.close(() => done());
        server.closeAllConnections();
      }),
  };
}

function send(request: IncomingMessage, response: ServerResponse, good: Answer, fault: TransportFault | null): void {
  const body = Buffer.from(good.body);
  const length = (bytes: Buffer) => ({ "content-length": String(bytes.length) });
  switch (fault) {
    case null:
      response.writeHead(good.status, { ...good.headers, ...length(body) }).end(body);
      break;
    case "reset_before":
      request.socket.resetAndDestroy();
      break;
    case "reset_mid_reply":
      response.writeHead(good.status, { ...good.headers, ...length(body) });
      response.write(body.subarray(0, Math.ceil(body.length / 2)), () => response.socket?.resetAndDestroy());
      break;
    case "hang":
      break; // until the client gives up, or close()
    case "truncated_json": {
      const cut = body.subarray(0, Math.ceil(body.length / 2));
      response.writeHead(good.status, { ...good.headers, ...length(cut) }).end(cut);
      break;
    }
    case "redirect":
      response.writeHead(307, { location: ELSEWHERE, "content-length": "0" }).end();
      break;
    case "html_502":
    case "html_400":
    case "html_200": {
      const page = Buffer.from("<!DOCTYPE html><html lang=en><title>Error</title><p>That's all we know.\n");
      const headers = { "content-type": "text/html; charset=UTF-8", ...length(page) };
      response.writeHead(Number(fault.slice(-3)), headers).end(page);
      break;
    }
  }
}

/** The JSON object in a body; `null` where there is none. */
export function readObject(body: Buffer): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(body.toString("utf8"));
    return typeof value === "object" && value !== null && !Array.isArray(value) ? { ...value } : null;
  } catch {
    return null;
  }
}

/** Protobuf's JSON leaves out what has its default value. */
export function protoJson(message: Readonly<Record<string, unknown>>): Answer {
  const said = Object.entries(message).filter(
    ([, value]) => value !== undefined && value !== null && value !== false && value !== "",
  );
  return json(200, Object.fromEntries(said));
}
