/*
 * Imported first by every function. The stock framework parses bodies of up to 1 GiB before a handler sees them,
 * prints malformed ones with what they hold, and on SIGTERM cuts whatever is in flight. It loads this module before
 * it builds its server, so what is replaced here is what it uses.
 */
import http from "node:http";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { Fault } from "../shared/contract/fault.ts";
import { problem } from "../shared/http/answer.ts";
import { type RawRequest, requestId } from "../shared/http/request.ts";

const MAX_BODY_BYTES = 128 * 1024;
/** What is refused is still read so far, because who is cut off while sending hears no answer. */
const MAX_READ_BYTES = 1024 * 1024;
const MAX_HEADER_BYTES = 16 * 1024;
const RECEIVE_MS = 10_000;
/** Longer than the longest check of a provider with its confirmation; the platform itself ends a process after 10 s. */
const DRAIN_MS = 40_000;

type Next = (error?: unknown) => void;
type Middleware = (request: RawRequest, response: http.ServerResponse, next: Next) => void;
interface BodyParser {
  json: () => Middleware;
  text: () => Middleware;
  urlencoded: () => Middleware;
  raw: (options: object) => Middleware;
}

const require = createRequire(import.meta.url);
const requireAsFramework = createRequire(require.resolve("@google-cloud/functions-framework"));

/** Until the first request, a library's text is about the start and holds nothing of a customer's. */
let serving = false;

limitBodies(requireAsFramework("body-parser"));
hardenServers();
answerStrayErrors();
silenceConsole();

/** All bodies are taken as bytes, at most 128 KiB, never inflated; what is wrong with one is left for the endpoint to answer. */
function limitBodies(parser: BodyParser): void {
  const raw = parser.raw({
    limit: MAX_BODY_BYTES,
    inflate: false,
    type: () => true,
    verify: (request: RawRequest, _: unknown, bytes: Buffer) => Object.assign(request, { rawBody: bytes }),
  });
  const skip: Middleware = (_request, _response, next) => next();
  parser.json = () => skip;
  parser.text = () => skip;
  parser.urlencoded = () => skip;
  parser.raw = () => (request, response, next) => {
    serving = true;
    let settled = false;
    const settle = (fault: RawRequest["bodyFault"] | null) => {
      if (settled) return;
      settled = true;
      if (fault) request.bodyFault = fault;
      next();
    };
    const tooMuch = () => {
      request.pause();
      settle("payload_too_large");
    };
    if (Number(request.headers["content-length"]) > MAX_READ_BYTES) return tooMuch();
    let received = 0;
    request.on("data", (chunk: Buffer) => {
      received += chunk.length;
      if (received > MAX_READ_BYTES) tooMuch();
    });
    raw(request, response, (error) => {
      const fault = error === undefined || error === null ? null : bodyFault(error);
      if (fault === null || request.readableEnded) settle(fault);
      else request.once("end", () => settle(fault)).resume();
    });
  };
}

function bodyFault(error: unknown): NonNullable<RawRequest["bodyFault"]> {
  const type = typeof error === "object" && error !== null && "type" in error ? error.type : null;
  if (type === "entity.too.large") return "payload_too_large";
  return type === "encoding.unsupported" ? "media_type" : "request_malformed";
}

/** Short patience for slow senders, small headers, and a shutdown that lets requests in flight end. */
function hardenServers(): void {
  const create = http.createServer;
  http.createServer = ((...given: unknown[]) => {
    const listener = given.find((one) => typeof one === "function") as http.RequestListener | undefined;
    const server = create(
      {
        maxHeaderSize: MAX_HEADER_BYTES,
        headersTimeout: RECEIVE_MS,
        requestTimeout: RECEIVE_MS,
        connectionsCheckingInterval: 1_000,
      },
      listener && ((request, response) => listener(hidePath(request), response)),
    );
    server.once("listening", () => setImmediate(() => takeOverSignals(server)));
    return server;
  }) as typeof http.createServer;
}

/** Express answers some paths by itself, in HTML: undecodable ones, icons. It sees one path for all; the endpoint reads the real one. */
function hidePath(request: http.IncomingMessage): http.IncomingMessage {
  return Object.assign(request, { originalUrl: request.url ?? "", url: "/" });
}

function takeOverSignals(server: http.Server): void {
  for (const name of ["SIGTERM", "SIGINT", "uncaughtException", "unhandledRejection", "exit"])
    process.removeAllListeners(name);
  let leaving = false;
  const leave = () => {
    if (leaving) return;
    leaving = true;
    server.close(() => process.exit(0));
    server.closeIdleConnections();
    setInterval(() => server.closeIdleConnections(), 50).unref();
    setTimeout(() => process.exit(0), DRAIN_MS).unref();
  };
  process.on("SIGTERM", leave).on("SIGINT", leave);
  for (const name of ["uncaughtException", "unhandledRejection"]) {
    process.on(name, (error: unknown) => {
      process.stderr.write(
        `${JSON.stringify({ severity: "CRITICAL", message: name, error_name: error instanceof Error ? error.name : typeof error })}\n`,
      );
      process.exit(16);
    });
  }
}

interface Crash {
  err: unknown;
  res?: http.ServerResponse & { req: http.IncomingMessage };
  callback?: () => void;
}

/**
 * What no handler has caught, the framework would answer in HTML, with the error's message. It is answered as any
 * mistake of ours is, and only its name is logged.
 */
function answerStrayErrors(): void {
  const framework = dirname(require.resolve("@google-cloud/functions-framework"));
  const logger: { sendCrashResponse: (crash: Crash) => void } = require(join(framework, "logger.js"));
  logger.sendCrashResponse = ({ err, res, callback }) => {
    const name = err instanceof Error ? err.name : typeof err;
    process.stderr.write(`${JSON.stringify({ severity: "CRITICAL", message: "stray_error", error_name: name })}\n`);
    if (res && !res.headersSent) {
      const id = requestId(res.req);
      const { status, headers, body } = problem(new Fault("internal"), id);
      res.writeHead(status, { ...headers, "cache-control": "no-store", "x-request-id": id });
      res.end(JSON.stringify(body));
    }
    callback?.();
  };
}

/** Libraries print errors with what they were given: bodies, tokens, keys. An object is named, never shown. */
function silenceConsole(): void {
  for (const level of ["log", "info", "warn", "error", "debug", "trace"] as const) {
    const print = console[level].bind(console);
    console[level] = (...given: unknown[]) => print(...given.map(harmless));
  }
}

function harmless(given: unknown): unknown {
  if (typeof given === "string") return serving ? "(library output withheld)" : given;
  if (given instanceof Error) return `${given.name} (withheld)`;
  return typeof given === "object" && given !== null ? "(object withheld)" : given;
}
