import { type AddressInfo, connect, createServer, type Socket } from "node:net";

/** Passes bytes on between clients and a port, until it is told to break off. */
export interface Relay {
  port: number;
  /** `now` resets every client's connection; `mid_reply` lets a few bytes of the next reply through first. */
  break(when: "now" | "mid_reply"): void;
  close(): Promise<void>;
}

const FEW_BYTES = 12;

export async function startRelay(targetPort: number): Promise<Relay> {
  const clients = new Set<Socket>();
  let cutting = false;
  const server = createServer({ noDelay: true }, (client) => {
    const target = connect({ port: targetPort, host: "127.0.0.1", noDelay: true });
    clients.add(client);
    client.on("error", () => {}).on("data", (bytes) => target.write(bytes));
    target
      .on("error", () => {})
      .on("data", (bytes: Buffer) => {
        if (!cutting) {
          client.write(bytes);
          return;
        }
        cutting = false;
        client.write(bytes.subarray(0, FEW_BYTES), () => client.resetAndDestroy());
      });
    client.on("close", () => {
      clients.delete(client);
      target.destroy();
    });
    target.on("close", () => client.destroy());
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", () => done()));
  return {
    port: (server.address() as AddressInfo).port,
    break(when) {
      if (when === "mid_reply") cutting = true;
      else for (const client of clients) client.resetAndDestroy();
    },
    close: () =>
      new Promise((done) => {
        server.close(() => done());
        for (const client of clients) client.destroy();
      }),
  };
}
