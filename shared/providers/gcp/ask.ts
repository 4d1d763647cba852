import { BigQuery } from "@google-cloud/bigquery";
import type { Reply, Silence } from "../../contract/answer.ts";
import type { Credential } from "../../contract/secret.ts";
import { echoes } from "../../registry/read-answer.ts";
import type { Question } from "../ask.ts";
import type { ProbeContext } from "../provider.ts";
import { type Reading, readGoogle } from "./answers.ts";
import type { Granted } from "./token.ts";

/** One request to BigQuery, below `projects/{project}`. */
export interface BigQueryCall {
  project: string;
  /** `/datasets/billing`; every part of it has passed a strict pattern. */
  path: string;
  query?: Record<string, string>;
  /** Makes it a POST. */
  body?: object;
}

/** The Google APIs that a probe asks, with the token in their requests. */
export interface Google {
  bigquery(call: BigQueryCall): Promise<Reading>;
  /** Which of these permissions the account has on a project. */
  permissions(project: string, permissions: readonly string[]): Promise<Reading>;
  /** Whether a name from an answer holds a piece of the key or of the token: no such name is kept or asked for. */
  echoes(name: string): boolean;
}

/** Characters in a row that no name shares with a key by chance; names may well share fewer. */
const PIECE = 12;

/** Wall clock of one request, so that three in a row behind the token stay within a validation. */
const WITHIN_MS = 3_000;

export function googleWith(
  { token, client }: Granted,
  credential: Credential,
  { ask, entry }: Pick<ProbeContext, "ask" | "entry">,
): Google {
  const secret = entry.fields.filter((field) => field.secret).map(({ name }) => name);
  const secrets: Credential = {
    ...Object.fromEntries(Object.entries(credential).filter(([name]) => secret.includes(name))),
    token,
  };
  const headers = {
    accept: "application/json",
    authorization: `Bearer ${token.reveal()}`,
    "content-type": "application/json",
  };
  const bounded = (question: Omit<Question, "headers" | "signal">): Promise<Reply | Silence> =>
    ask({ ...question, headers, signal: AbortSignal.timeout(WITHIN_MS) });
  const root = (entry.endpoints["bigquery"] ?? "").replace(/\/bigquery\/v2$/, "");
  return {
    bigquery: async (call) => readGoogle(await throughSdk(call, { root, client, send: bounded })),
    permissions: async (project, permissions) =>
      readGoogle(
        await bounded({
          method: "POST",
          url: `${entry.endpoints["resourcemanager"] ?? ""}/v1/projects/${encodeURIComponent(project)}:testIamPermissions`,
          body: JSON.stringify({ permissions }),
        }),
      ),
    echoes: (name) => echoes(name, secrets, PIECE),
  };
}

interface Through {
  /** BigQuery's base without `/bigquery/v2`. */
  root: string;
  client: Granted["client"];
  send(question: Omit<Question, "headers" | "signal">): Promise<Reply | Silence>;
}

/**
 * Lets the SDK build the request and sends it ourselves: its own transport follows redirects and reads any length. Of
 * what it built only method, address and body are kept, and the answer is never handed to it.
 */
function throughSdk(call: BigQueryCall, { root, client, send }: Through): Promise<Reply | Silence> {
  return new Promise((resolve) => {
    const unsent = (): void => resolve({ silence: "connection" });
    const { project, path, query = {}, body } = call;
    try {
      const bigquery = new BigQuery({
        projectId: project,
        authClient: client,
        apiEndpoint: root,
        retryOptions: { autoRetry: false, maxRetries: 0 },
      });
      // BIGQUERY_EMULATOR_HOST overrules the option.
      bigquery.baseUrl = `${root}/bigquery/v2`;
      Object.defineProperty(bigquery, "makeAuthenticatedRequest", {
        value: (built: unknown) => {
          const question = questionOf(built, root);
          if (question === null) unsent();
          else send(question).then(resolve, unsent);
        },
      });
      bigquery.request(
        { method: body === undefined ? "GET" : "POST", uri: path, qs: query, ...(body ? { json: body } : {}) },
        unsent,
      );
    } catch {
      unsent();
    }
  });
}

/** The request as the SDK built it, or `null` where it does not lead to BigQuery. */
function questionOf(built: unknown, root: string): Omit<Question, "headers" | "signal"> | null {
  if (typeof built !== "object" || built === null) return null;
  const request = new Map<string, unknown>(Object.entries(built));
  const uri = request.get("uri");
  if (typeof uri !== "string" || !uri.startsWith(`${root}/bigquery/v2/projects/`)) return null;
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(request.get("qs") ?? {})) query.set(name, String(value));
  const json = request.get("json");
  return {
    method: request.get("method") === "POST" ? "POST" : "GET",
    url: `${uri}${query.size > 0 ? `?${query}` : ""}`,
    ...(json === undefined ? {} : { body: JSON.stringify(json) }),
  };
}
