import { addressesOf } from "./addresses.ts";
import { exchange, lateAfter, limitsOf, type Question } from "./exchange.ts";
import { failure } from "./failure.ts";
import { identityHeaders } from "./identity-tokens.ts";
import { organisationHeaders } from "./organisation-key.ts";
import type { Answered } from "./read-answer.ts";
import type { CalledFunction, ClientOptions } from "./requests.ts";
import type { Failure } from "./results.ts";
import { within } from "./within.ts";

/** One call of the service, before it is known who sends it and where. */
export interface Call<Body> extends Omit<Question, "url" | "headers" | "body"> {
  fn: CalledFunction;
  shows: MemberOf<Body>;
  /** What the path names, in its order. */
  names: { orgSlug?: string; provider?: string };
  /** What follows the names. */
  route?: string;
  query?: Record<string, string | number | boolean | undefined>;
  headers?: Record<string, string | undefined>;
  body?: object;
}

type MemberOf<Body> = Body extends object ? keyof Body & string : never;

/** Calls, and makes a result of a success; a failure is one already. */
export type Caller = <Body extends object, Result>(
  call: Call<Body>,
  resultOf: (answer: Answered<Body>) => Result,
) => Promise<Result | Failure>;

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

  return async <Body extends object, Result>(call: Call<Body>, resultOf: (answer: Answered<Body>) => Result) => {
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
    const limits = limitsOf(options, call.leastTryMs);
    const totalMs = limits.endsAt - Date.now();
    const { orgSlug } = call.names;
    const isPipeline = call.fn === "decrypt";
    // What names no organisation needs no key.
    const who = orgSlug
      ? await within(totalMs, call.signal, () =>
          isPipeline ? identity(address) : organisationHeaders(options, orgSlug),
        )
      : {};
    if (!who) return lateAfter(totalMs, `${isPipeline ? "identityToken" : "apiKey"} gave nothing`);
    if (isFailure(who)) return who;
    const body = call.body && JSON.stringify(call.body);
    const query = new URLSearchParams();
    for (const [name, value] of Object.entries(call.query ?? {})) if (value !== undefined) query.set(name, `${value}`);
    const asked = `${query}`;
    const url = `${address}/${path}${asked && `?${asked}`}`;
    const typed = body === undefined ? {} : { "content-type": "application/json" };
    const sent = { ...call, url, headers: { ...headers, ...who, ...typed }, body };
    const answer = await exchange<Body>(options, sent, limits);
    return isFailure(answer) ? { ...named, ...answer } : resultOf(answer);
  };
}

function malformed(field: string, message: string): Failure {
  return failure("request_malformed", `${field}: ${message}`, { errors: [{ field, message }] });
}

function isFailure(value: object): value is Failure {
  return "success" in value && value.success === false;
}
