import { randomUUID } from "node:crypto";
import type { IncomingMessage } from "node:http";
import { Fault, malformed } from "../contract/fault.ts";
import { readJson } from "../contract/read-json.ts";
import { findRoute, type Route, type Target } from "../contract/routes.ts";

/** What the hardened parser leaves on the framework's request. */
export interface RawRequest extends IncomingMessage {
  rawBody?: Buffer;
  /** Why the body could not be read; set instead of answering, so that every answer is a problem document. */
  bodyFault?: "payload_too_large" | "media_type" | "request_malformed";
  /** The path as it came, before the framework rewrites `url`. */
  originalUrl?: string;
}

/** A request whose path, method and body have passed; who sent it is not known yet. */
export interface Request extends Target {
  id: string;
  trace: string | null;
  /** The query's parameters. @throws Fault `request_malformed` where one is unknown or stands twice */
  query(): ReadonlyMap<string, string>;
  /** The parsed body, `undefined` where there is none. */
  body: unknown;
  bodyBytes: Buffer;
  /** Value of a header that may appear once only; `null` where absent. */
  header(name: string): string | null;
  /** The address that failed keys are counted by. */
  address: string;
}

const ANY_UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** A caller's X-Request-Id where it is a UUID, else a new one. */
export function requestId(raw: IncomingMessage): string {
  const given = raw.headersDistinct["x-request-id"];
  return given?.length === 1 && given[0] !== undefined && ANY_UUID.test(given[0]) ? given[0] : randomUUID();
}

/** The path as it came over the wire, undecoded. */
export function pathOf(raw: RawRequest): string {
  return (raw.originalUrl ?? raw.url ?? "/").split("?", 1)[0] ?? "/";
}

/**
 * Route, path shape, method, size, type and JSON syntax, in this order.
 *
 * @throws Fault `route_unknown`, `provider_unknown`, `method_not_allowed`, `payload_too_large`, `media_type`, `request_malformed`
 */
export function parseRequest(
  raw: RawRequest,
  known: readonly Route[],
  options: { bare: boolean; behindProxy: boolean; id: string },
): Request {
  const url = raw.originalUrl ?? raw.url ?? "/";
  const cut = url.indexOf("?");
  const target = findRoute(known, raw.method ?? "GET", pathOf(raw), options.bare);
  const { body, bytes } = parseBody(raw, target.route);
  return {
    ...target,
    id: options.id,
    trace: traceOf(raw),
    query: () => parseQuery(cut === -1 ? "" : url.slice(cut + 1), target.route.query),
    body,
    bodyBytes: bytes,
    header: (name) => onceOnly(raw, name),
    address: addressOf(raw, options.behindProxy),
  };
}

function parseBody(raw: RawRequest, route: Route): { body: unknown; bytes: Buffer } {
  const empty = { body: undefined, bytes: Buffer.alloc(0) };
  if (raw.bodyFault) throw new Fault(raw.bodyFault);
  // Some clients send an empty object with every request.
  const isBlank = /^\s*(?:\{\s*\})?\s*$/.test(raw.rawBody?.subarray(0, 64).toString() ?? "");
  if (route.body === "none" && !isBlank) throw malformed("", "is not taken here; leave it out");
  if (route.body === "none") return empty;
  const bytes = raw.rawBody ?? empty.bytes;
  if (bytes.length === 0) {
    if (route.body === "optional") return empty;
    throw malformed("", "is missing", "Send a JSON object");
  }
  const type = onceOnly(raw, "content-type") ?? "";
  if (!/^application\/json\s*(?:;\s*charset="?utf-8"?\s*)?$/i.test(type)) throw new Fault("media_type");
  const body = readJson(bytes);
  if (typeof body !== "object" || body === null || Array.isArray(body)) throw malformed("", "must be a JSON object");
  return { body, bytes };
}

function parseQuery(text: string, known: readonly string[]): ReadonlyMap<string, string> {
  const query = new Map<string, string>();
  for (const [name, value] of new URLSearchParams(text)) {
    if (!known.includes(name))
      throw malformed("query:", known.length ? `takes only ${known.join(", ")}` : "takes no parameters here");
    if (query.has(name)) throw malformed(`query:${name}`, "must be given once");
    query.set(name, value);
  }
  return query;
}

function onceOnly(raw: IncomingMessage, name: string): string | null {
  const values = raw.headersDistinct[name.toLowerCase()];
  if (!values || values.length === 0) return null;
  if (values.length > 1) throw malformed(`header:${name}`, "must be given once");
  return values[0] ?? null;
}

function traceOf(raw: IncomingMessage): string | null {
  const parent = raw.headersDistinct["traceparent"]?.[0];
  return /^[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}$/.exec(parent ?? "")?.[1] ?? null;
}

/** Behind Google's front end the last hop it appended; else the socket's own. The left-most entry is the client's claim. */
function addressOf(raw: IncomingMessage, behindProxy: boolean): string {
  const forwarded = behindProxy ? raw.headersDistinct["x-forwarded-for"]?.at(-1)?.split(",").at(-1)?.trim() : undefined;
  return forwarded || raw.socket.remoteAddress || "unknown";
}
