import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { gunzipSync } from "node:zlib";
import { limits } from "./limits.ts";
import { errorBody, Refusal } from "./replies.ts";

/** A request as the simulator sees it. */
export interface Asked {
  method: string;
  /** Below `/bigquery/v2/projects/{project}`, with a slash first. */
  path: string;
  query: URLSearchParams;
  authorization: string | undefined;
  /** Parsed JSON; null without a body. */
  body: unknown;
}

/** How an answer leaves: whole; cut within its body; never; not at all; or as something else. */
export type Delivery = "whole" | "cut" | "never" | "reset" | "truncated" | "html";

export interface Answer {
  status: number;
  body: unknown;
  delivery: Delivery;
}

export function whole(body: unknown, status = 200): Answer {
  return { status, body, delivery: "whole" };
}

/** Listens on 127.0.0.1 and hands every request on; a Refusal that is thrown goes out in Google's shape. */
export function listen(answer: (asked: Asked) => Promise<Answer>): Server {
  const server = createServer((request, response) => {
    response.on("error", () => undefined); // a client that hangs up is what some faults are for
    read(request)
      .then(answer)
      .catch((error: unknown) => {
        const refusal = error instanceof Refusal ? error : new Refusal(500, "internalError", wordsOf(error));
        return whole(errorBody(refusal), refusal.status);
      })
      .then((one) => send(response, one));
  });
  server.keepAliveTimeout = 600_000; // a client's idle connection is not reset by chance
  return server;
}

function wordsOf(error: unknown): string {
  return `The simulator failed: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`;
}

async function read(request: IncomingMessage): Promise<Asked> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request) {
    bytes += chunk.length;
    if (bytes <= limits.requestBytes) chunks.push(chunk); // the rest is read and dropped, so that the answer is heard
  }
  if (bytes > limits.requestBytes) {
    throw new Refusal(413, "uploadTooLarge", `Request payload size exceeds the limit: ${limits.requestBytes} bytes.`);
  }
  const url = new URL(request.url ?? "/", "http://127.0.0.1");
  const [, path] = /^\/bigquery\/v2\/projects\/[^/]+(\/.*)$/.exec(url.pathname) ?? [];
  if (path === undefined) throw new Refusal(404, "notFound", "Not Found");
  const { authorization } = request.headers;
  const raw = Buffer.concat(chunks);
  const text = (request.headers["content-encoding"] === "gzip" ? gunzipSync(raw) : raw).toString("utf8");
  return { method: request.method ?? "GET", path, query: url.searchParams, authorization, body: parsed(text) };
}

function parsed(text: string): unknown {
  if (text === "") return null;
  try {
    return JSON.parse(text);
  } catch {
    throw new Refusal(400, "parseError", "Invalid JSON payload received.");
  }
}

const HTML = "<!DOCTYPE html>\n<html lang=en><title>Error 502 (Server Error)!!1</title><p>That’s an error.</html>\n";

function send(response: ServerResponse, answer: Answer): void {
  const text = `${JSON.stringify(answer.body)}\n`;
  const headers = { "content-type": "application/json; charset=UTF-8" };
  switch (answer.delivery) {
    case "whole":
      response.writeHead(answer.status, { ...headers, "content-length": Buffer.byteLength(text) });
      response.end(text);
      break;
    case "truncated":
      response.writeHead(200, headers);
      response.end(text.slice(0, Math.floor(text.length / 2)));
      break;
    case "cut":
      response.writeHead(answer.status, { ...headers, "content-length": Buffer.byteLength(text) });
      response.write(text.slice(0, Math.floor(text.length / 2)), () => response.socket?.resetAndDestroy());
      break;
    case "reset":
      response.socket?.resetAndDestroy();
      break;
    case "html":
      response.writeHead(502, { "content-type": "text/html; charset=UTF-8" });
      response.end(HTML);
      break;
    case "never": // until the client gives up, or the simulator closes
      break;
  }
}
