import { failure } from "./failure.ts";
import type { Failure } from "./results.ts";

/** An answer of the service is far smaller; one that does not end is not the service's. */
const MOST_CHARACTERS = 8 * 1024 * 1024;

/** A success, its body parsed. */
export interface Answered<Body> {
  success: true;
  status: number;
  etag: string | null;
  body: Body;
}

/** What an answer says, if it is the service's: a success has the member `shows`, a refusal all that a refusal has. */
export async function readAnswer<Body extends object>(
  response: Response,
  shows: string,
): Promise<Answered<Body> | Failure> {
  const { status, ok, headers } = response;
  const text = await textOf(response);
  const body = ok ? parse<Body>(text) : null;
  if (body && (body[shows] ?? null) !== null) return { success: true, status, etag: headers.get("etag"), body };
  const problem = ok ? null : parse<Problem>(text);
  if (problem && isOwn(problem, status)) return refused(problem);
  return failure("not_this_service", `What answers at this address is not the service (status ${status})`, {
    status,
    retryable: status === 429 || status >= 500,
    remedy: "Check the address. On Cloud Run: the invokers, the platform token's audience, the ingress",
    ...waitOf(headers.get("retry-after")),
  });
}

async function textOf(response: Response): Promise<string> {
  const reader = response.body?.getReader();
  const decoder = new TextDecoder();
  let text = "";
  while (reader) {
    const { done, value } = await reader.read();
    if (done) break;
    text += decoder.decode(value, { stream: true });
    if (text.length > MOST_CHARACTERS) {
      await reader.cancel();
      return "";
    }
  }
  return text;
}

/** The service's problem document. */
interface Problem extends Pick<Failure, "code" | "provider" | "errors" | "reason" | "remedy"> {
  type: string;
  title: string;
  status: number;
  detail: string;
  error: string;
  success: false;
  request_id: string;
  retry_after_s?: number;
}

/** Gateways have problems with a `code` and a `request_id` too, but not with these. */
function isOwn({ success, status, code, error, request_id }: Problem, answered: number): boolean {
  return (
    success === false && status === answered && [code, error, request_id].every((text) => typeof text === "string")
  );
}

function refused({ type, title, detail, retry_after_s, request_id, ...problem }: Problem): Failure {
  const { status, code } = problem;
  return {
    ...problem,
    retryable: [429, 502, 503].includes(status) || code === "conflict" || code === "in_flight",
    ...waitOf(retry_after_s),
    requestId: request_id,
  };
}

/** Whole seconds, if it says some. */
function waitOf(said: unknown): Pick<Failure, "retryAfterS"> {
  const seconds = Number(said ?? undefined);
  return Number.isFinite(seconds) ? { retryAfterS: Math.max(0, Math.ceil(seconds)) } : {};
}

/** A JSON object, or `null`. That it has more than the members looked at is the service's promise. */
function parse<Body extends object>(text: string): (Body & Record<string, unknown>) | null {
  try {
    const value: Body & Record<string, unknown> = JSON.parse(text);
    return typeof value === "object" && !Array.isArray(value) ? value : null;
  } catch {
    return null;
  }
}
