import { answer, type Fixture, type Json } from "../fixture.ts";

type Reads = Parameters<typeof answer>[2];

const tokenPage = "https://developers.google.com/identity/protocols/oauth2/service-account, read 2026-11-20";
const bigqueryPage = "https://cloud.google.com/bigquery/docs/error-messages, read 2026-11-20";

function at(endpoint: string, fixture: Fixture): Fixture {
  return { ...fixture, endpoint };
}

/** A refusal of the token endpoint. */
function refusal(name: string, reads: Reads, error: string, text: string, source = tokenPage, status = 400): Fixture {
  return at("token", answer(name, status, reads, source, { error, error_description: text }));
}

/** An error of one of Google's APIs, in the older and the newer form at once. */
export function apiError(
  name: string,
  endpoint: string,
  status: number,
  [reason, word]: [string, string],
  message: string,
  source: string,
  details: Json[] = [],
): Fixture {
  const error: Json = {
    code: status,
    message,
    errors: [{ message, domain: "global", reason }],
    status: word,
    ...(details.length > 0 ? { details } : {}),
  };
  return at(endpoint, answer(name, status, null, source, { error }));
}

function info(reason: string, domain = "googleapis.com"): Json {
  return { "@type": "type.googleapis.com/google.rpc.ErrorInfo", reason, domain, metadata: { service: domain } };
}

const disabled = (api: string): string =>
  `${api} has not been used in project 100000000001 before or it is disabled. Enable it by visiting https://console.developers.google.com/apis/api/x/overview?project=100000000001 then retry.`;

/** What Google answers, by endpoint; those of the token endpoint say how they read. */
export const googleAnswers: readonly Fixture[] = [
  at(
    "token",
    answer("granted", 200, "valid", "google-auth-library 11.3.4, gtoken, read 2026-11-20", {
      access_token: "ya29.c.sim-anybody",
      expires_in: 3599,
      token_type: "Bearer",
    }),
  ),
  refusal("bad_signature", "rejected", "invalid_grant", "Invalid JWT Signature."),
  refusal("account_gone", ["rejected", "account_not_found"], "invalid_grant", "Invalid grant: account not found"),
  refusal(
    "not_an_account",
    ["rejected", "account_not_found"],
    "invalid_grant",
    "Not a valid email.",
    "https://github.com/googleapis/google-api-php-client/issues/783, read 2026-11-21",
  ),
  refusal(
    "account_disabled",
    ["rejected", "account_disabled"],
    "invalid_grant",
    "Robot is disabled.",
    "https://github.com/googleapis/google-api-ruby-client/issues/720, read 2026-11-21",
  ),
  refusal(
    "clock_skew",
    ["service_misconfigured", "clock_skew"],
    "invalid_grant",
    "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe. Check your iat and exp values in the JWT claim.",
    "https://github.com/theoephraim/node-google-spreadsheet/issues/409, read 2026-11-21",
  ),
  refusal(
    "clock_skew_older",
    ["service_misconfigured", "clock_skew"],
    "invalid_grant",
    "Invalid JWT: Token must be a short-lived token and in a reasonable timeframe",
    "https://github.com/erebusnz/gapi-google-analytics-php-interface/issues/147, read 2026-11-21",
  ),
  refusal(
    "wrong_audience",
    ["service_misconfigured", "audience"],
    "invalid_grant",
    "Invalid JWT: Failed audience check.",
  ),
  refusal(
    "wrong_scope",
    ["service_misconfigured", "scope"],
    "invalid_scope",
    "Invalid OAuth scope or ID token audience provided.",
  ),
  refusal(
    "unauthorized",
    ["forbidden", "unauthorized_client"],
    "unauthorized_client",
    "Client is unauthorized to retrieve access tokens using this method, or client not authorized for any of the scopes requested.",
    `${tokenPage}; that a policy is told so is unverified`,
    401,
  ),
  refusal(
    "unknown_grant_error",
    ["unreachable", "unexpected_response"],
    "invalid_grant",
    "Bad Request",
    "undocumented: an invalid_grant that names no cause",
  ),
  refusal(
    "client_unknown",
    ["unreachable", "unexpected_response"],
    "invalid_client",
    "The OAuth client was not found.",
    "undocumented here: an answer to another grant",
    401,
  ),
  at(
    "token",
    answer(
      "token_limited",
      429,
      "rate_limited",
      "ladder: 429",
      { error: "rate_limit_exceeded" },
      { "retry-after": "17" },
    ),
  ),
  at(
    "token",
    answer("token_quota", 403, "rate_limited", bigqueryPage, {
      error: { code: 403, message: "Quota exceeded", errors: [{ reason: "rateLimitExceeded", domain: "usageLimits" }] },
    }),
  ),
  at("token", answer("token_outage", 503, ["unreachable", "unavailable"], "ladder: 503", { error: "backend_error" })),
  at(
    "token",
    answer(
      "no_token",
      200,
      ["unreachable", "unexpected_response"],
      "google-auth-library 11.3.4: a 200 without access_token",
      {
        expires_in: 3599,
        token_type: "Bearer",
      },
    ),
  ),
  at(
    "token",
    answer("id_token_only", 200, ["unreachable", "unexpected_response"], "google-auth-library 11.3.4", {
      id_token: "e30.e30.e30",
    }),
  ),
  at(
    "token",
    answer("endless_token", 200, ["unreachable", "unexpected_response"], "hostile: a 200 of another shape", {
      access_token: "demo",
      token_type: "Bearer",
      expires_in: -1,
    }),
  ),
  at(
    "token",
    answer("token_for_nobody", 200, ["unreachable", "unexpected_response"], "hostile: a 200 of another shape", {
      access_token: "demo",
      token_type: "mac",
      expires_in: 3599,
    }),
  ),

  apiError(
    "bigquery_denied",
    "bigquery",
    403,
    ["accessDenied", "PERMISSION_DENIED"],
    "Access Denied: Dataset acme-billing:billing: Permission bigquery.datasets.get denied on dataset acme-billing:billing (or it may not exist).",
    "https://github.com/googleapis/repo-automation-bots/issues/5084, read 2026-11-21",
  ),
  apiError(
    "bigquery_table_denied",
    "bigquery",
    403,
    ["accessDenied", "PERMISSION_DENIED"],
    "Access Denied: Table acme-billing:billing.t: Permission bigquery.tables.get denied on table acme-billing:billing.t (or it may not exist).",
    "https://github.com/GoogleCloudDataproc/spark-bigquery-connector/issues/478, read 2026-11-21",
  ),
  apiError(
    "bigquery_list_denied",
    "bigquery",
    403,
    ["accessDenied", "PERMISSION_DENIED"],
    "Access Denied: Dataset acme-billing:billing: Permission bigquery.tables.list denied on dataset acme-billing:billing (or it may not exist).",
    bigqueryPage,
  ),
  apiError(
    "bigquery_jobs_denied",
    "bigquery",
    403,
    ["accessDenied", "PERMISSION_DENIED"],
    "Access Denied: Project acme-billing: User does not have bigquery.jobs.create permission in project acme-billing.",
    "https://github.com/igrigorik/gharchive.org/issues/237, read 2026-11-21",
  ),
  apiError(
    "bigquery_elsewhere",
    "bigquery",
    403,
    ["accessDenied", "PERMISSION_DENIED"],
    "Access Denied: Table acme-billing:billing.t: User does not have permission to query table acme-billing:billing.t, or perhaps it does not exist in location US.",
    "https://github.com/stanford-esrg/LEO_HitchHiking/issues/2, read 2026-11-21",
  ),
  apiError(
    "bigquery_missing",
    "bigquery",
    404,
    ["notFound", "NOT_FOUND"],
    "Not found: Table acme-billing:billing.t",
    bigqueryPage,
  ),
  apiError(
    "bigquery_other_404",
    "bigquery",
    404,
    ["somethingNew", "FAILED_PRECONDITION"],
    "Something new.",
    "undocumented: a 404 that does not speak of what was asked for",
  ),
  apiError(
    "bigquery_off",
    "bigquery",
    403,
    ["accessNotConfigured", "PERMISSION_DENIED"],
    disabled("BigQuery API"),
    "https://github.com/googleapis/google-cloud-python/issues/4140, read 2026-11-21",
    [info("SERVICE_DISABLED")],
  ),
  apiError(
    "bigquery_limited",
    "bigquery",
    403,
    ["rateLimitExceeded", "PERMISSION_DENIED"],
    "Exceeded rate limits",
    bigqueryPage,
  ),
  apiError("bigquery_quota", "bigquery", 403, ["quotaExceeded", "PERMISSION_DENIED"], "Quota exceeded", bigqueryPage),
  apiError(
    "bigquery_429",
    "bigquery",
    429,
    ["rateLimitExceeded", "RESOURCE_EXHAUSTED"],
    "Too many requests",
    bigqueryPage,
  ),
  apiError("bigquery_401", "bigquery", 401, ["authError", "UNAUTHENTICATED"], "Invalid Credentials", bigqueryPage),
  apiError(
    "bigquery_503",
    "bigquery",
    503,
    ["backendError", "UNAVAILABLE"],
    "Error encountered during execution. Retrying may solve the problem.",
    bigqueryPage,
  ),
  apiError(
    "bigquery_scopes",
    "bigquery",
    403,
    ["insufficientPermissions", "PERMISSION_DENIED"],
    "Request had insufficient authentication scopes.",
    "https://cloud.google.com/docs/authentication/troubleshoot-adc, read 2026-11-20",
    [info("ACCESS_TOKEN_SCOPE_INSUFFICIENT")],
  ),
  apiError(
    "bigquery_perimeter",
    "bigquery",
    403,
    ["policyViolation", "PERMISSION_DENIED"],
    "VPC Service Controls: Request is prohibited by organization's policy. vpcServiceControlsUniqueIdentifier: sim.",
    "https://github.com/dust-tt/dust/pull/31983, read 2026-11-21",
  ),
  apiError(
    "bigquery_no_billing",
    "bigquery",
    403,
    ["billingNotEnabled", "PERMISSION_DENIED"],
    "Billing has not been enabled for this project.",
    bigqueryPage,
  ),
  apiError(
    "bigquery_invalid_query",
    "bigquery",
    400,
    ["invalidQuery", "INVALID_ARGUMENT"],
    "Cannot query over table without a filter",
    bigqueryPage,
  ),
  apiError(
    "bigquery_other_403",
    "bigquery",
    403,
    ["somethingNew", "FAILED_PRECONDITION"],
    "Something new.",
    "undocumented: a 403 that names no cause that is known",
  ),

  apiError(
    "projects_off",
    "resourcemanager",
    403,
    ["forbidden", "PERMISSION_DENIED"],
    disabled("Cloud Resource Manager API"),
    "https://cloud.google.com/resource-manager/reference/rest/v1/projects/testIamPermissions, read 2026-11-21",
    [info("SERVICE_DISABLED")],
  ),
  apiError(
    "projects_perimeter",
    "resourcemanager",
    403,
    ["forbidden", "PERMISSION_DENIED"],
    "Request is prohibited by organization's policy. vpcServiceControlsUniqueIdentifier: sim",
    "https://github.com/cloudquery/cloudquery/issues/1062, read 2026-11-21",
    [
      {
        "@type": "type.googleapis.com/google.rpc.PreconditionFailure",
        violations: [{ type: "VPC_SERVICE_CONTROLS", description: "sim" }],
      },
      info("SECURITY_POLICY_VIOLATED"),
    ],
  ),
  at(
    "resourcemanager",
    answer(
      "projects_none",
      200,
      null,
      "https://cloud.google.com/resource-manager/reference/rest/v1/projects/testIamPermissions, read 2026-11-21",
      {},
    ),
  ),
  at(
    "resourcemanager",
    answer("projects_strange", 200, null, "hostile: permissions that were not asked for", {
      permissions: ["bigquery.jobs.create", "demo.everything"],
    }),
  ),
  apiError(
    "x509_missing",
    "x509",
    404,
    ["notFound", "NOT_FOUND"],
    "Not found",
    "undocumented: an account that does not exist",
  ),
  at(
    "x509",
    answer("no_certificates", 200, null, "hostile: a list that holds something else", {
      "0a1b2c3d4e5f0a1b2c3d4e5f0a1b2c3d4e5f0a1b": "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
      demo: 7,
    }),
  ),
  apiError(
    "iam_off",
    "iam",
    403,
    ["forbidden", "PERMISSION_DENIED"],
    disabled("Identity and Access Management (IAM) API"),
    bigqueryPage,
    [info("SERVICE_DISABLED")],
  ),
];

/** @throws Error where the name is none of them. */
export function googleAnswer(name: string): Fixture {
  const found = googleAnswers.find((one) => one.name === name);
  if (found === undefined) throw new Error(`Google has no answer "${name}"`);
  return found;
}
