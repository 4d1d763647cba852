import "../../functions/quiet.ts";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { http } from "@google-cloud/functions-framework";
import { getTestServer } from "@google-cloud/functions-framework/testing";
import { handlers } from "../../functions/gateway.ts";
import type { Parts } from "../../functions/parts.ts";
import { PREFIX } from "../../shared/contract/names.ts";
import { routes } from "../../shared/contract/routes.ts";
import { endpoint } from "../../shared/http/endpoint.ts";
import { type Reply, type Service, send } from "../service/harness.ts";

const OURS = ["SIGTERM", "SIGINT", "uncaughtException", "unhandledRejection", "exit"];

export interface InProcess {
  server: Server;
  origin: string;
  send: Service["send"];
  close(): Promise<void>;
}

/** All routes on the real framework inside this process, with whatever parts a test puts in. */
export async function serveInProcess(getParts: () => Promise<Parts>): Promise<InProcess> {
  http("in-process", endpoint(routes, handlers, getParts, { bare: false }));
  const kept = OURS.map((name) => [name, process.rawListeners(name as "exit")] as const);
  const server = getTestServer("in-process");
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  await new Promise((resolve) => setTimeout(resolve, 5));
  for (const [name, listeners] of kept) {
    process.removeAllListeners(name);
    for (const listener of listeners) process.on(name, listener as () => void);
  }
  const { port } = server.address() as AddressInfo;
  const origin = `http://127.0.0.1:${port}`;
  return {
    server,
    origin,
    send: (method, path, options = {}): Promise<Reply> => send(`${origin}${PREFIX}${path}`, method, options),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** A port with some of its methods replaced; the rest is the real one's. */
export function withMethods<Port extends object>(port: Port, replaced: Partial<Port>): Port {
  return new Proxy(port, {
    get(target, name) {
      if (Object.hasOwn(replaced, name)) return replaced[name as keyof Port];
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}
