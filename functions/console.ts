import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import type { ServerResponse } from "node:http";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { Fault } from "../shared/contract/fault.ts";
import { problem } from "../shared/http/answer.ts";
import { pathOf, type RawRequest, requestId } from "../shared/http/request.ts";
import { compileConsole } from "./console-page.ts";

/** Only in the gateway's artifact: the page as the build has compiled it. */
const COMPILED = fileURLToPath(new URL("../configs/console.html", import.meta.url));

/** The console, ready to be sent. */
interface Page {
  plain: Buffer;
  gzipped: Buffer;
  headers: Record<string, string>;
}

type Listener = (raw: RawRequest, response: ServerResponse) => Promise<void>;

/** Answers `/console` and everything under it with the one page, which finds its view by itself; the rest is `routed`'s. */
export function withConsole(routed: Listener): Listener {
  let ready: Promise<Page> | null = null;
  return async (raw, response) => {
    const path = pathOf(raw);
    if (path !== "/console" && !path.startsWith("/console/")) return await routed(raw, response);
    const id = requestId(raw);
    try {
      if (raw.method !== "GET" && raw.method !== "HEAD")
        throw new Fault("method_not_allowed", { allow: ["GET", "HEAD"] });
      ready ??= openPage();
      send(raw, response, id, await ready);
    } catch (error) {
      refuse(response, id, error);
      ready = error instanceof Fault ? ready : null;
    }
  };
}

/** From source the page is compiled when it is first wanted, which takes a fraction of a second. */
async function openPage(): Promise<Page> {
  const html = existsSync(COMPILED) ? readFileSync(COMPILED, "utf8") : await compileConsole();
  const plain = Buffer.from(html, "utf8");
  const etag = `"${createHash("sha256").update(plain).digest("base64url").slice(0, 27)}"`;
  return { plain, gzipped: gzipSync(plain, { level: 9 }), headers: { ...pageHeaders(html), etag } };
}

/**
 * What a browser is told about the page: it runs the blocks that stand in it and nothing else, asks this service alone,
 * sends forms nowhere, is framed by nobody and turns no text into code.
 */
function pageHeaders(html: string): Record<string, string> {
  const hashes = (element: string) =>
    [...html.matchAll(/<(script|style)>([\s\S]*?)<\/\1>/g)]
      .filter(([, name]) => name === element)
      .map(([, , text = ""]) => `'sha256-${createHash("sha256").update(text).digest("base64")}'`)
      .join(" ");
  const policy = {
    "default-src": "'none'",
    "script-src": hashes("script"),
    "style-src": hashes("style"),
    "connect-src": "'self'",
    "img-src": "data:",
    "base-uri": "'none'",
    "form-action": "'none'",
    "frame-ancestors": "'none'",
    "require-trusted-types-for": "'script'",
    "trusted-types": "'none'",
  };
  return {
    "content-type": "text/html; charset=utf-8",
    "content-security-policy": Object.entries(policy)
      .map(([name, value]) => `${name} ${value}`)
      .join("; "),
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy":
      "camera=(), microphone=(), geolocation=(), payment=(), usb=(), clipboard-read=(), clipboard-write=(self)",
    // Asked again each time, so that a new version is there at once; the answer is empty while it is the same.
    "cache-control": "no-cache",
    vary: "Accept-Encoding",
  };
}

function send(raw: RawRequest, response: ServerResponse, id: string, { plain, gzipped, headers }: Page): void {
  const common = { ...headers, "x-request-id": id, ...(raw.bodyFault ? { connection: "close" } : {}) };
  const known = (raw.headers["if-none-match"] ?? "").split(",").map((tag) => tag.trim().replace(/^W\//, ""));
  if (known.includes(headers["etag"] ?? "") || known.includes("*")) {
    response.writeHead(304, common);
    response.end();
    return;
  }
  const isGzip = /\bgzip\b(?!\s*;\s*q=0(?:\.0*)?(?:\s*,|\s*$))/.test(
    raw.headersDistinct["accept-encoding"]?.join() ?? "",
  );
  const body = isGzip ? gzipped : plain;
  response.writeHead(200, {
    ...common,
    ...(isGzip ? { "content-encoding": "gzip" } : {}),
    "content-length": body.length,
  });
  // Of an answer to HEAD Node sends the head alone.
  response.end(body);
}

function refuse(response: ServerResponse, id: string, error: unknown): void {
  if (!(error instanceof Fault)) {
    const name = error instanceof Error ? error.name : typeof error;
    process.stderr.write(
      `${JSON.stringify({ severity: "ERROR", message: "console_failed", request_id: id, error_name: name })}\n`,
    );
  }
  const { status, headers, body } = problem(error instanceof Fault ? error : new Fault("internal"), id);
  response.writeHead(status, {
    ...headers,
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
    "x-request-id": id,
  });
  response.end(JSON.stringify(body));
}
