import type { Reply, Silence } from "../contract/answer.ts";
import type { Ask } from "./ask.ts";

/** A `fetch` for one SDK call, and what came back through it. */
export interface SdkTransport {
  fetch: typeof globalThis.fetch;
  /** What the last request was answered with; `null` where none was sent. */
  answer(): Reply | Silence | null;
}

/**
 * Lets an SDK build a request and send it through `ask`. Of what the SDK put together only method, URL and body are
 * kept: the headers are those given here and no others, so that no variable of the operator's environment
 * (`OPENAI_CUSTOM_HEADERS`, `ANTHROPIC_CUSTOM_HEADERS`, which no option switches off) travels with a customer's key.
 * The answer is kept as `ask` read it, so that one reader serves every provider and no SDK's error text is touched.
 */
export function sdkTransport(ask: Ask, headers: Record<string, string>): SdkTransport {
  let last: Reply | Silence | null = null;
  return {
    answer: () => last,
    fetch: async (input, init) => {
      last = await ask({
        method: init?.method?.toUpperCase() === "POST" ? "POST" : "GET",
        url: input instanceof Request ? input.url : String(input),
        headers,
        ...(typeof init?.body === "string" ? { body: init.body } : {}),
        ...(init?.signal ? { signal: init.signal } : {}),
      });
      if ("silence" in last) throw new Error(`silence: ${last.silence}`);
      // An SDK needs no more of an answer than that it came; outside 200-599 `Response` takes nothing.
      return Response.json(last.body ?? null, { status: last.status >= 200 && last.status <= 599 ? last.status : 599 });
    },
  };
}

/** Runs one SDK call and hands back what was answered, whether the SDK liked it or not. */
export async function answerOf(transport: SdkTransport, call: () => PromiseLike<unknown>): Promise<Reply | Silence> {
  try {
    await call();
  } catch {
    // Whatever the SDK throws is about the answer, which we have.
  }
  return transport.answer() ?? { silence: "connection" };
}

/** A logger that says nothing, for SDKs that would print to the console. */
export const quietLogger = { error: silent, warn: silent, info: silent, debug: silent };
function silent(): void {}
