import type { ServerResponse } from "node:http";
import type { Fixture, Rendered } from "./fixture.ts";

const hugeBytes = 5 * 1024 * 1024;
const dripEveryMs = 1_000;

/** Sends an answer the way it travels. */
export function transmit(response: ServerResponse, fixture: Fixture, rendered: Rendered): void {
  const { status, headers, body } = rendered;
  response.on("error", () => {}); // a client that hangs up is what some of these are for
  switch (fixture.transport) {
    case "hang":
      return; // until the client gives up, or close()
    case "drip":
      drip(response, rendered);
      return;
    case "huge":
      response.writeHead(status, headers);
      response.end(padded(body));
      return;
    case "reset":
      response.writeHead(status, { ...headers, "content-length": String(body.length) });
      response.write(body.slice(0, Math.ceil(body.length / 2)), () => response.socket?.resetAndDestroy());
      return;
    case "redirect":
    case "plain":
      response.writeHead(status, { ...headers, "content-length": String(Buffer.byteLength(body)) });
      response.end(body);
      return;
  }
}

/** One blank a second: JSON may begin so, and never does here. */
function drip(response: ServerResponse, { status, headers }: Rendered): void {
  response.writeHead(status, headers);
  response.write(" ");
  const timer = setInterval(() => response.write(" "), dripEveryMs);
  response.on("close", () => clearInterval(timer));
}

/** The same JSON object with a member that makes it 5 MB. */
function padded(body: string): string {
  return `${body.slice(0, -1)},"padding":"${"x".repeat(hugeBytes)}"}`;
}
