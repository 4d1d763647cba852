import type { Reply, Silence } from "../../contract/answer.ts";
import { valuesAt } from "../../registry/body-path.ts";
import type { Ask } from "../ask.ts";
import { readXml } from "./xml.ts";

/** How a service of AWS writes its answers: the query protocol in XML (STS, IAM), the others in JSON 1.1. */
export type AwsFormat = "xml" | "json";

/**
 * Sends one request and reads the answer into one form for all services: an error as `{error: {code, message}}`,
 * anything else as `{answer: …}`, and no body where it is neither, as a proxy's page. Never throws.
 */
export async function awsReply(ask: Ask, url: string, init: RequestInit, format: AwsFormat): Promise<Reply | Silence> {
  try {
    const response = await ask.fetch(url, init);
    const text = await response.text();
    const body = format === "xml" ? bodyOfXml(text) : bodyOfJson(text, response);
    return { status: response.status, headers: response.headers, body };
  } catch (error) {
    return { silence: wordOf(error) };
  }
}

function wordOf(error: unknown): Silence["silence"] {
  const word = error instanceof Error ? error.message.replace(/^silence: /, "") : "";
  return word === "timeout" || word === "redirect" || word === "body" ? word : "connection";
}

function bodyOfXml(text: string): unknown {
  const answer = readXml(text);
  if (answer === null) return undefined;
  // The second is how the protocol is also written; the SDK reads both.
  const [error] = [...valuesAt(answer, "ErrorResponse.Error"), ...valuesAt(answer, "ErrorResponse.Errors.Error")];
  const [code] = valuesAt(error, "Code");
  return typeof code === "string" ? errorOf(code, valuesAt(error, "Message")[0]) : { answer };
}

/** Errors name their type in a header or in the body, with a namespace before it or a URL behind it. */
function bodyOfJson(text: string, response: Response): unknown {
  const answer = parsed(text);
  if (typeof answer !== "object" || answer === null) return undefined;
  const [type] = [...valuesAt(answer, "__type"), response.headers.get("x-amzn-errortype")];
  const [message] = [...valuesAt(answer, "message"), ...valuesAt(answer, "Message")];
  return typeof type === "string" ? errorOf(codeIn(type), message) : { answer };
}

/** Longest type that is looked at; AWS's own have less than half of it, namespace and URL included. */
const LONGEST_TYPE = 256;

function codeIn(type: string): string {
  const [name = ""] = type.slice(0, LONGEST_TYPE).split(":");
  return name.split("#").at(-1) ?? "";
}

function errorOf(code: string, message: unknown): unknown {
  return { error: { code, message: typeof message === "string" ? message : "" } };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
