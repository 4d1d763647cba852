import { once } from "node:events";
import { createServer, type IncomingMessage, request } from "node:http";
import type { AddressInfo, Socket } from "node:net";

/** One request as it went over the wire. */
export interface Passed {
  method: string;
  url: string;
  body: Record<string, unknown>;
}

/** What stands between a store and the simulator: it hands everything on, and can be told not to. */
export interface Relay {
  endpoint: string;
  passed: Passed[];
  /** Requests are taken and never answered, from now on. */
  silent: boolean;
  /** Connections that are open now. */
  connections(): number;
  /** What a reply becomes on its way back: other JSON, or a page of something in between. */
  reply: (body: Record<string, unknown>, url: string) => unknown;
  close(): Promise<void>;
}

/** An answer that is not BigQuery's. */
export class Page {
  readonly status: number;
  constructor(status: number) {
    this.status = status;
  }
}

export async function startRelay(endpoint: string): Promise<Relay> {
  const sockets = new Set<Socket>();
  const server = createServer(async (incoming, outgoing) => {
    const text = await textOf(incoming);
    const { method = "GET", url = "/" } = incoming;
    relay.passed.push({ method, url, body: text === "" ? {} : JSON.parse(text) });
    if (relay.silent) return;
    try {
      const onward = request(new URL(url, endpoint), { method, headers: incoming.headers });
      onward.on("error", () => incoming.socket.destroy());
      onward.end(text);
      const [answer]: IncomingMessage[] = await once(onward, "response");
      if (answer === undefined) return;
      const body: unknown = relay.reply(JSON.parse(await textOf(answer)), url);
      if (body instanceof Page)
        outgoing.writeHead(body.status, { "content-type": "text/html" }).end("<html>No.</html>");
      else
        outgoing.writeHead(answer.statusCode ?? 500, { "content-type": "application/json" }).end(JSON.stringify(body));
    } catch {
      // What the simulator breaks off is broken off here too.
      incoming.socket.destroy();
    }
  });
  server.on("connection", (socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address() as AddressInfo;
  const relay: Relay = {
    endpoint: `http://127.0.0.1:${address.port}`,
    passed: [],
    silent: false,
    connections: () => sockets.size,
    reply: (body) => body,
    async close() {
      server.close();
      server.closeAllConnections();
    },
  };
  return relay;
}

async function textOf(message: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of message) chunks.push(chunk);
  return Buffer.concat(chunks).toString("utf8");
}
