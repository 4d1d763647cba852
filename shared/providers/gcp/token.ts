import { JWT } from "google-auth-library";
import type { Reply, Silence } from "../../contract/answer.ts";
import { type Credential, Secret } from "../../contract/secret.ts";
import type { Finding } from "../../contract/verdict.ts";
import type { Rule } from "../../registry/entry.ts";
import { type AnswerRules, readAnswer, unexpected, unexpected401, when } from "../../registry/read-answer.ts";
import type { ProbeContext } from "../provider.ts";
import { answerOf, sdkTransport } from "../sdk-transport.ts";

/** What the SDK has built in, as address and as audience of the assertion. */
const GOOGLE_TOKEN_URL = "https://oauth2.googleapis.com/token";
const SCOPE = "https://www.googleapis.com/auth";
/** Reads tables and permissions; a dry run through jobs.query is content with it, jobs.insert is not. */
export const READING = [`${SCOPE}/bigquery.readonly`, `${SCOPE}/cloud-platform.read-only`];
/** What pipelines run their jobs with. */
export const RUNNING_JOBS = [`${SCOPE}/bigquery`];
/** What lists buckets, instances and accounts. */
export const LISTING = [`${SCOPE}/cloud-platform.read-only`];

/** An access token that was granted, and for how long. */
export interface Granted {
  token: Secret;
  /** The SDK's client that asked for it. */
  client: JWT;
  expiresInS: number;
}

/**
 * How the token endpoint's answers read. `Invalid JWT Signature.`: the key is not, or no longer, one of this account.
 * Source: google-auth-library 11.3.4, and github.com/googleapis/google-api-ruby-client/issues/720 (disabled),
 * google-api-php-client/issues/783 (not an account), node-google-spreadsheet/issues/409 (clock), read 2026-11-21.
 */
const rules: Rule[] = [
  describedAs(/^invalid jwt signature/, "rejected"),
  describedAs(/\baccount not found\b|\bnot a valid email\b|^invalid email or user/, "rejected", "account_not_found"),
  describedAs(/\b(?:robot|account)\b.{0,20}\b(?:disabled|deleted)\b/, "rejected", "account_disabled"),
  describedAs(/short-lived token|reasonable timeframe|\biat and exp\b/, "service_misconfigured", "clock_skew"),
  describedAs(/\baudience\b/, "service_misconfigured", "audience"),
  when([400, 401, 403], "error", "invalid_scope", "service_misconfigured", "scope"),
  // Unverified: an organisation's policy may be told so.
  when([400, 401, 403], "error", "unauthorized_client", "forbidden", "unauthorized_client"),
  when([400, 403], "error", /^(?:rate_?limit|quota)_?exceeded$/, "rate_limited"),
  when(403, "error.errors[].reason", /^(?:user)?(?:rateLimit|quota)Exceeded$/, "rate_limited"),
  when(403, "error.details[].reason", "RATE_LIMIT_EXCEEDED", "rate_limited"),
  unexpected401,
];

const token: AnswerRules = { success: { status: 200, has: "access_token", is: "string" }, rules };

/** A refusal of the assertion with this description. */
function describedAs(text: RegExp, outcome: Rule["then"], reason?: string): Rule {
  return {
    ...when([400, 401], "error", "invalid_grant", outcome, reason),
    and: { at: "error_description", matches: text.source },
  };
}

/** Exchanges the account's key for an access token: what proves both. Never throws. */
export async function exchange(
  credential: Credential,
  context: ProbeContext,
  scopes: readonly string[],
): Promise<Granted | Finding> {
  const url = tokenUrl(context);
  const transport = sdkTransport(context.ask, {
    accept: "application/json",
    "content-type": "application/x-www-form-urlencoded",
  });
  const client = new JWT({
    email: credential["client_email"]?.reveal() ?? "",
    key: credential["private_key"]?.reveal() ?? "",
    scopes: [...scopes],
    // Its interceptors print requests and answers where GOOGLE_SDK_NODE_LOGGING asks for it.
    useAuthRequestParameters: false,
    transporterOptions: {
      timeout: context.entry.timeout_ms,
      retryConfig: { retry: 0, noResponseRetries: 0 },
      // Else HTTPS_PROXY would have it build an agent that nobody uses.
      noProxy: [GOOGLE_TOKEN_URL],
      fetchImplementation: async (input, init) => {
        if (String(input) !== GOOGLE_TOKEN_URL) throw new Error("the SDK asks somebody else");
        return await transport.fetch(url, { method: "POST", body: String(init?.body), signal: init?.signal ?? null });
      },
    },
  });
  const answer = await answerOf(transport, () => client.authorize());
  const found = readAnswer(token, answer, { credential, now: context.now });
  if (found.outcome !== "valid") return found;
  const granted = grantIn(answer);
  return granted === null ? unexpected(found) : { ...granted, client };
}

/** The overridden base stands for Google's host, or for its whole address. */
function tokenUrl({ entry }: ProbeContext): string {
  const base = entry.endpoints["token"] ?? "";
  return base.endsWith("/token") ? base : `${base}/token`;
}

/** What a 200 holds, where it is what Google answers. */
function grantIn(answer: Reply | Silence): Omit<Granted, "client"> | null {
  if ("silence" in answer || typeof answer.body !== "object" || answer.body === null) return null;
  const body = new Map<string, unknown>(Object.entries(answer.body));
  const accessToken = body.get("access_token");
  const type = body.get("token_type");
  const seconds = body.get("expires_in");
  if (typeof accessToken !== "string" || !/^[\x21-\x7e]{1,8192}$/.test(accessToken)) return null;
  if (typeof type !== "string" || type.toLowerCase() !== "bearer") return null;
  if (typeof seconds !== "number" || !(seconds >= 1 && seconds <= 86_400)) return null;
  return { token: new Secret(accessToken), expiresInS: Math.floor(seconds) };
}
