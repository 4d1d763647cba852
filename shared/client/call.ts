import { addressesOf } from "./addresses.ts";
import { type Answered, exchange, type Question, unlessAborted } from "./exchange.ts";
import { failure } from "./failure.ts";
import { identityHeaders } from "./identity-tokens.ts";
import { organisationHeaders } from "./organisation-key.ts";
import type { CalledFunction, ClientOptions } from "./requests.ts";
import type { Failure } from "./results.ts";

/** One call of the service, before it is known who sends it and where. */
export interface Call extends Omit<Question, "url" | "headers" | "body"> {
  fn: CalledFunction;
  /** What the path names, in its order. */
  names: { orgSlug?: string; provider?: string };
  /** What follows the names. */
  route?: string;
  as: "anyone" | "organisation" | "pipeline";
  query?: Record<string, string | number | boolean | undefined>;
  headers?: Record<string, string | undefined>;
  body?: object;
}

export type Caller = <Body extends object>(call: Call) => Promise<Answered<Body> | Failure>;

/** What may stand in a path; whether it names something, the service says. */
const SEGMENT = /^[A-Za-z0-9_-]{1,100}$/;

/**
 * How a client calls. Keys and tokens live in here and in the requests, nowhere else.
 *
 * @throws TypeError where an address cannot be used
 */
export function callerOf(options: ClientOptions): Caller {
  const addressOf = addressesOf(options);
  const identity = identityHeaders(options);

  return async <Body extends object>(call: Call) => {
    const address = addressOf(call.fn);
    for (const [name, text] of Object.entries(call.names))
      if (typeof text !== "string" || !SEGMENT.test(text))
        return malformed(name, "must be letters, digits, _ and -, 1 to 100 of them");
    const path = [...Object.values(call.names), ...(call.route ? [call.route] : [])].join("/");
    // Named by us, it is known even where no answer comes.
    const requestId = globalThis.crypto?.randomUUID?.();
    const named = requestId && { requestId };
    const headers: Record<string, string> = requestId ? { "x-request-id": requestId } : {};
    for (const [name, value] of Object.entries(call.headers ?? {})) {
      if (value === undefined) continue;
      if (!/^[\x20-\x7e]{1,255}$/.test(value)) return malformed(name, "must be 1-255 printable ASCII characters");
      headers[name] = value;
    }
    const who =
      call.as === "anyone"
        ? {}
        : await unlessAborted(
            call.signal,
            call.as === "organisation" ? organisationHeaders(options, call.names.orgSlug ?? "") : identity(address),
          );
    if (isFailure(who)) return who;
    const body = call.body && JSON.stringify(call.body);
    const query = new URLSearchParams();
    for (const [name, value] of Object.entries(call.query ?? {})) if (value !== undefined) query.set(name, `${value}`);
    const asked = `${query}`;
    const answer = await exchange<Body>(options, {
      ...call,
      url: `${address}/${path}${asked && `?${asked}`}`,
      headers: { ...headers, ...who, ...(body === undefined ? {} : { "content-type": "application/json" }) },
      body,
    });
    return isFailure(answer) ? { ...named, ...answer } : answer;
  };
}

function malformed(field: string, message: string): Failure {
  return failure("request_malformed", `${field}: ${message}`, { errors: [{ field, message }] });
}

function isFailure(value: object): value is Failure {
  return "success" in value && value.success === false;
}
