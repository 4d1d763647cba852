import type { Reply } from "../../contract/answer.ts";
import { type Credential, Secret } from "../../contract/secret.ts";
import type { Finding, Outcome } from "../../contract/verdict.ts";
import { valuesAt } from "../../registry/body-path.ts";
import { type AnswerRules, echoes, finding, readAnswer, unexpected401, when } from "../../registry/read-answer.ts";
import type { ProbeContext } from "../provider.ts";
import { type AzureCloud, azureCloud } from "./clouds.ts";

/** A token for Resource Manager, and the cloud it is good for. */
export interface AzureToken {
  cloud: AzureCloud;
  token: Secret;
  /** RFC 3339 UTC. */
  expiresAt: string;
}

/** A directory's, an application's or a subscription's id. */
export const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/** Signs in as the application, once; what is refused is read as a finding. */
export async function askToken(
  credential: Credential,
  { entry, ask, now }: ProbeContext,
): Promise<AzureToken | Finding> {
  const cloud = azureCloud(entry, credential["cloud"]?.reveal());
  const tenant = credential["tenant_id"]?.reveal() ?? "";
  if (cloud === null || !UUID.test(tenant)) return finding("service_misconfigured", { reason: "internal" });
  const answer = await ask({
    method: "POST",
    url: `${cloud.login}/${tenant}/oauth2/v2.0/token`,
    headers: { accept: "application/json", "content-type": "application/x-www-form-urlencoded" },
    body: new URLSearchParams({
      grant_type: "client_credentials",
      client_id: credential["client_id"]?.reveal() ?? "",
      client_secret: credential["client_secret"]?.reveal() ?? "",
      scope: cloud.scope,
    }).toString(),
  });
  const isEntras = "silence" in answer || answer.status === 200 || hasMarks(answer.body);
  const found = readAnswer(isEntras ? signIn : unmarked, answer, { credential, now });
  if ("silence" in answer) return found;
  if (found.outcome !== "valid") return refined(found, answer, credential);
  const token = tokenIn(answer.body, now);
  if (token === null) return { ...found, outcome: "unreachable", reason: "unexpected_response" };
  return { cloud, ...token };
}

/** Entra's own errors carry its trace, its codes or a text that begins with one: a portal's `{"error": …}` does not. */
function hasMarks(body: unknown): boolean {
  const [text] = valuesAt(body, "error_description");
  return (
    valuesAt(body, "error").some((one) => typeof one === "string") &&
    ((typeof text === "string" && /^AADSTS\d/.test(text)) ||
      codesIn(body).length > 0 ||
      valuesAt(body, "trace_id").some((one) => typeof one === "string" && UUID.test(one)))
  );
}

function codesIn(body: unknown): number[] {
  return valuesAt(body, "error_codes[]").filter(
    (code): code is number => typeof code === "number" && Number.isInteger(code) && code > 0 && code < 1e9,
  );
}

/** Words of `error` by which Entra speaks of the application that asks, or of how it asks. */
const ABOUT_THE_APPLICATION =
  "^(?:invalid_client|unauthorized_client|invalid_request|invalid_grant|access_denied|interaction_required)$";

type Rules = AnswerRules["rules"];

/** Entra's codes that narrow what `error` says; `error` must match. */
function codes(numbers: number[], outcome: Outcome, reason: string, error = ABOUT_THE_APPLICATION): Rules {
  return numbers.map((code) => ({
    status: [400, 401, 403],
    at: "error_codes[]",
    equals: code,
    and: { at: "error", matches: error },
    // biome-ignore lint/suspicious/noThenProperty: the registry's grammar says `then`
    then: outcome,
    reason,
  }));
}

const ANY = "^[a-z_]+$";
const success: AnswerRules["success"] = { status: 200, has: "access_token", is: "string" };

/**
 * `error` decides, since Microsoft changes the numbers; they only narrow it. An unknown `invalid_client` is one of the
 * credential all the same, every other unknown answer is none.
 * Source: https://learn.microsoft.com/entra/identity-platform/reference-error-codes, read 2026-11-20; 900023, 7000216
 * and 7000229 are not on that page.
 */
const signIn: AnswerRules = {
  success,
  rules: [
    when([400, 401, 403], "error", "temporarily_unavailable", "unreachable", "unavailable"),
    ...codes([90006, 90012, 90024, 90033, 90090, 90091, 50033], "unreachable", "unavailable", ANY),
    ...codes([50196, 90055], "rate_limited", "sign_in_throttled", ANY),
    // A form without a secret, or a network that only lets its own tenants through, would be our mistake.
    ...codes([7000216, 7000218, 900144], "service_misconfigured", "internal", ANY),
    ...codes([50002, 500021, 500022], "service_misconfigured", "egress_restricted", ANY),
    ...codes([7000222], "expired", "secret_expired"),
    ...codes([7000215], "rejected", "secret_wrong"),
    ...codes([700016, 700011, 7000229], "rejected", "application_unknown"),
    ...codes([7000112, 70001], "rejected", "application_disabled"),
    ...codes([90002, 900023], "rejected", "tenant_unknown"),
    ...codes([90038, 900382, 900432], "rejected", "wrong_cloud"),
    ...codes([53003, 530032, 530035, 50131, 53011], "forbidden", "conditional_access"),
    ...codes([50105], "forbidden", "assignment_required"),
    when([400, 401], "error", "invalid_client", "rejected"),
    unexpected401,
  ],
};

/** What somebody else wrote says nothing about the application. */
const unmarked: AnswerRules = { success, rules: [unexpected401] };

/** Digits that two ids do not share by chance. */
const PIECE = 12;

/** Fields that a reason speaks of. */
const FIELDS: Readonly<Record<string, string>> = {
  secret_wrong: "client_secret",
  secret_expired: "client_secret",
  application_unknown: "client_id",
  application_disabled: "client_id",
  tenant_unknown: "tenant_id",
  wrong_cloud: "cloud",
};

/** With the field at fault, and Entra's number, by which Microsoft's pages and its support know it. */
function refined(found: Finding, { body }: Reply, credential: Credential): Finding {
  const [code] = codesIn(body);
  const [trace] = valuesAt(body, "trace_id");
  const isTrace = typeof trace === "string" && UUID.test(trace) && !echoes(trace, credential, PIECE);
  return {
    ...found,
    field: FIELDS[found.reason ?? ""] ?? null,
    provider_code: code === undefined ? found.provider_code : `AADSTS${code}`,
    provider_request_id: found.provider_request_id ?? (isTrace ? trace.toLowerCase() : null),
  };
}

/** The token where the body is one, whole: a bearer token that fits a header, and how long it holds. */
function tokenIn(body: unknown, now: number): { token: Secret; expiresAt: string } | null {
  const [type] = valuesAt(body, "token_type");
  const [token] = valuesAt(body, "access_token");
  const seconds = Number(valuesAt(body, "expires_in")[0]);
  if (typeof type !== "string" || type.toLowerCase() !== "bearer") return null;
  if (typeof token !== "string" || !/^[\x21-\x7e]{20,16384}$/.test(token)) return null;
  if (!Number.isInteger(seconds) || seconds < 1 || seconds > 86_400 * 2) return null;
  return { token: new Secret(token), expiresAt: new Date(now + seconds * 1000).toISOString() };
}
