import type { Context } from "./command.ts";
import { nearest } from "./nearest.ts";
import { at, listAt, textAt, textsAt } from "./read.ts";
import { exits, Stop, usage } from "./stop.ts";

const DEFAULT_URL = "http://127.0.0.1:8000/api/v1/integrations";
const TIMEOUT_MS = 60_000;
const LOOPBACK = /^(?:localhost|127\.\d+\.\d+\.\d+|\[::1\])$/;

export interface Question {
  method: "GET" | "POST" | "PUT" | "DELETE";
  /** Under the base URL, its segments already checked. */
  path: string;
  /** Left-out values are `null`. */
  query?: Readonly<Record<string, string | null>>;
  headers?: Readonly<Record<string, string>>;
  body?: unknown;
  /** Where the service may take longer than a minute. */
  timeoutMs?: number;
  /** Whose credential goes along. */
  as: "organisation" | "pipeline";
}

export interface Answer {
  status: number;
  etag: string | null;
  body: unknown;
  /** The body as it came: JSON. */
  text: string;
}

/**
 * Sees to it that the service can be asked, before anyone types a secret for it.
 *
 * @throws Stop usage
 */
export function requireService(context: Context, as: Question["as"]): void {
  baseUrl(context);
  credentialHeader(context, as);
}

/**
 * Asks the service once.
 *
 * @returns an answer below 400
 * @throws Stop usage (no key, a URL that would send it in the clear), refused (4xx), unavailable (5xx, no answer)
 */
export async function ask(context: Context, question: Question): Promise<Answer> {
  const base = baseUrl(context);
  const url = new URL(`${base}${question.path}`);
  for (const [name, value] of Object.entries(question.query ?? {}))
    if (value !== null) url.searchParams.set(name, value);
  const headers: Record<string, string> = {
    accept: "application/json",
    ...credentialHeader(context, question.as),
    ...question.headers,
  };
  if (question.body !== undefined) headers["content-type"] = "application/json";
  const timeoutMs = question.timeoutMs ?? TIMEOUT_MS;
  const { response, text } = await send(base, url, timeoutMs, {
    method: question.method,
    headers,
    ...(question.body === undefined ? {} : { body: JSON.stringify(question.body) }),
  });
  const body = parseJson(text);
  if (response.status >= 400) throw await inOwnWords(context, question, refusal(response, body, text));
  if (!response.ok || body === undefined) {
    throw new Stop(exits.unavailable, {
      message: `What answers at ${base} is not this service (status ${response.status})`,
      code: "not_this_service",
      remedy: "Set INTEGRATIONS_URL to the address that npm start prints",
    });
  }
  return { status: response.status, etag: response.headers.get("etag"), body, text };
}

async function send(
  base: string,
  url: URL,
  timeoutMs: number,
  init: RequestInit,
): Promise<{ response: Response; text: string }> {
  try {
    // A redirect would carry the key to another address.
    const response = await fetch(url, { ...init, redirect: "manual", signal: AbortSignal.timeout(timeoutMs) });
    return { response, text: await readCapped(response) };
  } catch (error) {
    const timedOut = error instanceof Error && error.name === "TimeoutError";
    throw new Stop(exits.unavailable, {
      message: timedOut
        ? `The service did not answer within ${timeoutMs / 1_000} s at ${base}`
        : `The service does not answer at ${base}: start it with npm start, or set INTEGRATIONS_URL`,
      code: "service_unreachable",
      reason: timedOut ? "timeout" : causeOf(error),
    });
  }
}

function refusal(response: Response, body: unknown, text: string): Stop {
  const textOf = (name: string): string | null => {
    const value = at(body, name);
    return typeof value === "string" ? value : null;
  };
  const retryAfter = at(body, "retry_after_s") ?? Number(response.headers.get("retry-after") ?? Number.NaN);
  const fields = listAt(body, "errors").flatMap((one) => {
    const [field, message] = [at(one, "field"), at(one, "message")];
    return typeof message === "string" ? [{ field: typeof field === "string" ? field : "", message }] : [];
  });
  const [code, reason, remedy] = [textOf("code"), textOf("reason"), textOf("remedy")];
  const requestId = textOf("request_id") ?? response.headers.get("x-request-id");
  const title = textOf("title");
  return new Stop(
    response.status < 500 ? exits.refused : exits.unavailable,
    {
      status: title === null ? String(response.status) : `${response.status} ${title}`,
      message: textOf("detail") ?? textOf("error") ?? "The service refused without saying why",
      ...(fields.length > 0 ? { fields } : {}),
      ...(code === null ? {} : { code }),
      ...(reason === null ? {} : { reason }),
      ...(remedy === null ? {} : { remedy }),
      ...(typeof retryAfter === "number" && Number.isFinite(retryAfter) ? { retryAfterS: retryAfter } : {}),
      ...(requestId === null ? {} : { requestId }),
    },
    body === undefined ? null : text,
  );
}

/** What to do about a refusal with this tool, where the service speaks of requests; its document stays as it came. */
async function inOwnWords(context: Context, { path, as }: Question, stop: Stop): Promise<Stop> {
  const [, org = "", provider = ""] = path.split("/");
  const remedy = await remedyFor(context, { code: stop.problem.code, org, provider, as });
  return remedy === null ? stop : new Stop(stop.exit, { ...stop.problem, remedy }, stop.answer);
}

async function remedyFor(
  context: Context,
  { code, org, provider, as }: { code: string | undefined; org: string; provider: string; as: Question["as"] },
): Promise<string | null> {
  switch (code) {
    case "provider_unknown": {
      const names = await providerNames(context);
      const meant = nearest(provider, names);
      return `${meant === null ? "" : `Did you mean ${meant}? `}All of them: ${names.slice(0, MOST_NAMES).join(", ")}, …; a subscription of another name is custom-<slug>`;
    }
    case "not_configured":
      return `Set it up: cloudact-integrations setup ${org} ${provider}`;
    case "org_key_invalid":
      return "INTEGRATIONS_API_KEY is no live key of this service: cloudact-integrations doctor says what it is, org-key create makes one";
    case "scope_insufficient":
      return `INTEGRATIONS_API_KEY may only read: cloudact-integrations org-key create ${org} --scope manage makes one that may change`;
    case "forbidden":
      return as === "pipeline"
        ? `An operator may grant it: cloudact-integrations grant create --subject <name> --org ${org} --provider ${provider}`
        : `INTEGRATIONS_API_KEY is another organisation's: cloudact-integrations org-key create ${org} --scope manage`;
    default:
      return null;
  }
}
const MOST_NAMES = 8;

/** The providers' names as they are typed, of the service; none where it does not tell. */
async function providerNames(context: Context): Promise<string[]> {
  const base = baseUrl(context);
  try {
    const { text } = await send(base, new URL(`${base}/providers`), TIMEOUT_MS, { method: "GET" });
    const faces = listAt(parseJson(text), "providers").filter((face) => at(face, "path") !== "custom-{slug}");
    return [...new Set(faces.flatMap((face) => [textAt(face, "path"), ...textsAt(face, "aliases")]))];
  } catch {
    return [];
  }
}

/** The address that INTEGRATIONS_URL names, without a slash at its end. @throws Stop usage */
export function baseUrl({ environment }: Pick<Context, "environment">): string {
  const text = environment["INTEGRATIONS_URL"] || DEFAULT_URL;
  const url = URL.canParse(text) ? new URL(text) : null;
  if (!url || !/^https?:$/.test(url.protocol) || url.username || url.password || url.search || url.hash)
    throw usage("INTEGRATIONS_URL must be a plain http or https address", `For example ${DEFAULT_URL}`);
  if (url.protocol === "http:" && !LOOPBACK.test(url.hostname))
    throw usage("INTEGRATIONS_URL must be https: over http, the key would travel in the clear");
  return url.href.replace(/\/+$/, "");
}

function credentialHeader(context: Context, as: Question["as"]): Record<string, string> {
  if (as === "organisation")
    return { "x-api-key": secretOf(context, "INTEGRATIONS_API_KEY", "an organisation's key: org-key create <org>") };
  const token = secretOf(context, "INTEGRATIONS_TOKEN", "a pipeline's identity token: token --subject <name>");
  return { authorization: `Bearer ${token}` };
}

function secretOf({ environment }: Context, name: string, what: string): string {
  const value = environment[name]?.trim();
  if (!value) throw usage(`${name} is not set`, `Set it to ${what}`);
  // What is no header would be repeated in the error of fetch.
  if (!/^[\x21-\x7e]+$/.test(value)) throw usage(`${name} holds a space or a character that no key has`);
  return value;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function causeOf(error: unknown): string {
  const cause = error instanceof Error ? error.cause : null;
  const code = typeof cause === "object" && cause !== null && "code" in cause ? String(cause.code) : "";
  return /^[A-Z_]{2,40}$/.test(code) ? code : "no_connection";
}

/** An answer of ours is far smaller; one that does not end is not ours. */
const MOST_BYTES = 8 * 1024 * 1024;

async function readCapped(response: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    bytes += chunk.length;
    if (bytes > MOST_BYTES) return "";
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}
