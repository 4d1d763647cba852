import type { Outcome } from "../../shared/contract/verdict.ts";

/** How an answer travels; every way but `plain` is a way to go wrong. */
export type Transport = "plain" | "hang" | "drip" | "huge" | "reset" | "redirect";

export type Json = string | number | boolean | null | Json[] | { [member: string]: Json };

/**
 * One answer of a provider, as it was documented or observed. A `body` that is text is sent as it stands, anything else
 * as JSON. `{key}`, `{mask}`, `{ends}`, `{last4}`, `{request_id}`, `{origin}`, `{path}`, `{days:n}` (unix seconds,
 * n days from now; a number where it is the whole string) and `{iso:n}` (the same as RFC 3339) are filled in by `render`.
 */
export interface Fixture {
  name: string;
  status: number;
  headers: Record<string, string>;
  body: Json;
  /** Where it was read; `undocumented` where it is only plausible. */
  source: string;
  transport: Transport;
  /** Of a provider with several: the registry's name of the endpoint that answers so. */
  endpoint?: string;
  /** How it reads as the answer to the provider's probe; `null` where it answers another question. */
  reads: { outcome: Outcome; reason?: string } | null;
}

export interface RenderContext {
  key: string;
  requestId: string;
  /** `http://127.0.0.1:P` of the simulators. */
  origin: string;
  /** Prefix, path and query as asked. */
  path: string;
  nowMs: number;
}

export interface Rendered {
  status: number;
  headers: Record<string, string>;
  body: string;
}

type Reads = Outcome | [Outcome, string] | null;

/** A row of an answer table. `reads` is an outcome, an outcome with its reason, or `null`. */
export function answer(
  name: string,
  status: number,
  reads: Reads,
  source: string,
  body: Json,
  headers: Record<string, string> = {},
): Fixture {
  const read =
    reads === null ? null : typeof reads === "string" ? { outcome: reads } : { outcome: reads[0], reason: reads[1] };
  return { name, status, headers, body, source, transport: "plain", reads: read };
}

/** The answer as bytes would have it, placeholders filled in. Without a context: an example of it. */
export function render(fixture: Fixture, context: RenderContext = exampleContext): Rendered {
  const isText = typeof fixture.body === "string";
  const text = isText ? String(fixture.body) : JSON.stringify(fixture.body);
  const type = isText ? "text/html; charset=utf-8" : "application/json";
  const headers: Record<string, string> = { "content-type": type };
  for (const [name, value] of Object.entries(fixture.headers)) headers[name] = fill(value, context, false);
  return { status: fixture.status, headers, body: fill(text, context, !isText) };
}

/** What `render` fills in when nobody asks. */
export const exampleContext: RenderContext = {
  key: "demo-example-key",
  requestId: "req_sim_example",
  origin: "http://127.0.0.1:9",
  path: "/",
  nowMs: Date.UTC(2026, 10, 20),
};

function fill(text: string, context: RenderContext, asJson: boolean): string {
  return text.replaceAll(
    /"\{days:(-?\d+)\}"|\{([a-z_0-9]+)(?::(-?\d+))?\}/g,
    (whole, days: string | undefined, name: string, count: string | undefined) => {
      if (days !== undefined) return String(unixIn(Number(days), context));
      const value = placeholder(name, Number(count ?? 0), context);
      if (value === null) return whole;
      return asJson ? JSON.stringify(value).slice(1, -1) : value;
    },
  );
}

function placeholder(name: string, count: number, context: RenderContext): string | null {
  const { key } = context;
  switch (name) {
    case "key":
      return key;
    case "mask":
      return `${key.slice(0, 8)}${"*".repeat(Math.max(4, key.length - 12))}${key.slice(-4)}`;
    case "ends":
      return `${key.slice(0, 2)}***${key.slice(-2)}`;
    case "last4":
      return `****${key.slice(-4)}`;
    case "request_id":
      return context.requestId;
    case "origin":
      return context.origin;
    case "path":
      return context.path;
    case "days":
      return String(unixIn(count, context));
    case "iso":
      return new Date(unixIn(count, context) * 1_000).toISOString();
    default:
      return null;
  }
}

function unixIn(days: number, context: RenderContext): number {
  return Math.floor(context.nowMs / 1_000) + days * 86_400;
}
