import { createServer, type IncomingMessage, request, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { buffer } from "node:stream/consumers";

/**
 * What the relay does with a request: hands it on; hands it on and loses the answer; closes at once; says nothing at all;
 * sends half an answer, or one without end; or answers itself.
 */
export type Deed =
  | "pass"
  | "lose"
  | "close"
  | "silence"
  | "half"
  | "endless"
  | { status: number; headers?: Record<string, string>; body?: string };

export interface Relayed {
  method: string;
  path: string;
  headers: Record<string, string | undefined>;
  body: string;
  at: number;
}

export interface Relay {
  /** In place of the service's base. */
  base: string;
  seen: Relayed[];
  /** What becomes of the next requests; then all pass. */
  next(...deeds: Deed[]): void;
  close(): Promise<void>;
}

/** A real server between client and service, that misbehaves as it is told. */
export async function startRelay(serviceBase: string): Promise<Relay> {
  const target = new URL(serviceBase);
  const seen: Relayed[] = [];
  let deeds: Deed[] = [];

  async function serve(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const deed = deeds.shift() ?? "pass";
    const body = await buffer(incoming);
    const { method = "", url = "", headers } = incoming;
    seen.push({ method, path: url, headers: flat(headers), body: body.toString(), at: performance.now() });
    if (deed === "close") return void incoming.socket.destroy();
    if (deed === "silence") return;
    if (deed === "half") {
      response.writeHead(200, { "content-type": "application/json", "content-length": "100" });
      response.write('{"half":', () => incoming.socket.destroy());
      return;
    }
    if (deed === "endless") {
      response.writeHead(200, { "content-type": "application/json" });
      const block = " ".repeat(65_536);
      const more = (): void => {
        while (!response.destroyed && response.write(block));
      };
      response.on("drain", more);
      return more();
    }
    if (typeof deed === "object") return void response.writeHead(deed.status, deed.headers).end(deed.body);
    const onward = request({ host: target.hostname, port: target.port, method, path: url, headers }, (answer) => {
      if (deed === "lose") {
        answer.resume();
        answer.on("end", () => incoming.socket.destroy());
        return;
      }
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
    });
    onward.on("error", () => response.destroy());
    onward.end(body);
  }

  const server = createServer((incoming, response) => {
    serve(incoming, response).catch(() => response.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    base: `http://127.0.0.1:${(server.address() as AddressInfo).port}${target.pathname}`,
    seen,
    next: (...more) => {
      deeds = more;
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function flat(headers: IncomingMessage["headers"]): Record<string, string | undefined> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name, Array.isArray(value) ? value.join(", ") : value]),
  );
}
