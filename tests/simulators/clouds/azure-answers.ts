import { answer, type Fixture, type Json } from "../fixture.ts";

/** The ids that the simulator knows; obviously fake. */
export const ids = {
  tenant: "00000000-aaaa-4000-8000-000000000001",
  client: "00000000-bbbb-4000-8000-000000000002",
  subscription: "00000000-cccc-4000-8000-000000000003",
  other: "00000000-dddd-4000-8000-000000000004",
};

const codesPage = "https://learn.microsoft.com/entra/identity-platform/reference-error-codes, read 2026-11-20";
const tokenPage =
  "https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow, read 2026-11-20";
const trufflehog = "trufflesecurity/trufflehog 3ab759fef4bb, pkg/detectors/azure_entra, read 2026-11-20";
const subscriptionsPage = "https://learn.microsoft.com/rest/api/resources/subscriptions/list, read 2026-11-20";
const permissionsPage =
  "MicrosoftDocs/azure-docs resource-manager-api-authentication (permissions of a subscription), read 2026-11-20";
const throttlePage =
  "https://learn.microsoft.com/azure/azure-resource-manager/management/request-limits-and-throttling, read 2026-11-20";

function at(endpoint: "login" | "arm", fixture: Fixture): Fixture {
  return { ...fixture, endpoint };
}

type Reads = Parameters<typeof answer>[2];

/** One of Entra's errors, in the form that its page shows. */
function refusal(
  name: string,
  status: number,
  error: string,
  codes: number[],
  text: string,
  reads: Reads,
  source = codesPage,
): Fixture {
  const [code = 0] = codes;
  return at(
    "login",
    answer(name, status, reads, source, {
      error,
      error_description: `AADSTS${code}: ${text} Trace ID: 0000aaaa-11bb-cccc-dd22-eeeeee333333 Correlation ID: aaaa0000-bb11-2222-33cc-444444dddddd Timestamp: 2026-11-20 12:00:00Z`,
      error_codes: codes,
      timestamp: "2026-11-20 12:00:00Z",
      trace_id: "0000aaaa-11bb-cccc-dd22-eeeeee333333",
      correlation_id: "aaaa0000-bb11-2222-33cc-444444dddddd",
      error_uri: `https://login.microsoftonline.com/error?code=${code}`,
    }),
  );
}

const unexpected: Reads = ["unreachable", "unexpected_response"];
const bare = (name: string, status: number, body: Json, reads: Reads, source: string): Fixture =>
  at("login", answer(name, status, reads, source, body));

/** What Entra answers to whom it does not sign in. */
const signIns: readonly Fixture[] = [
  refusal(
    "secret_wrong",
    401,
    "invalid_client",
    [7000215],
    "Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, not the client secret ID, for a secret added to app '{key}'.",
    ["rejected", "secret_wrong"],
    "https://github.com/ahaenggli/AzureAD-LDAP-wrapper/issues/45 and the page of error codes, read 2026-11-20",
  ),
  refusal(
    "secret_wrong_400",
    400,
    "invalid_client",
    [7000215],
    "Invalid client secret is provided.",
    ["rejected", "secret_wrong"],
    trufflehog,
  ),
  refusal("secret_expired", 401, "invalid_client", [7000222], "The provided client secret keys for app are expired.", [
    "expired",
    "secret_expired",
  ]),
  refusal("application_unknown", 400, "unauthorized_client", [700016], "Application was not found in the directory.", [
    "rejected",
    "application_unknown",
  ]),
  refusal(
    "application_missing",
    401,
    "invalid_client",
    [7000229],
    "The client application is missing service principal in the tenant.",
    ["rejected", "application_unknown"],
    "unverified: seen in public issues, not on the page of error codes",
  ),
  refusal(
    "application_disabled",
    401,
    "unauthorized_client",
    [7000112],
    "Application is disabled.",
    ["rejected", "application_disabled"],
    "https://github.com/Worklytics/psoxy/pull/74 and the page of error codes, read 2026-11-20; its status is unverified",
  ),
  refusal("tenant_unknown", 400, "invalid_request", [90002], "Tenant not found.", ["rejected", "tenant_unknown"]),
  refusal(
    "tenant_malformed",
    400,
    "invalid_request",
    [900023],
    "Specified tenant identifier is neither a valid DNS name, nor a valid external domain.",
    ["rejected", "tenant_unknown"],
    "unverified: not on the page of error codes",
  ),
  refusal("wrong_cloud", 400, "invalid_request", [90038], "The tenant belongs to another national cloud.", [
    "rejected",
    "wrong_cloud",
  ]),
  refusal(
    "cross_cloud",
    401,
    "invalid_client",
    [900382],
    "Confidential Client isn't supported in Cross Cloud request.",
    ["rejected", "wrong_cloud"],
  ),
  refusal(
    "conditional_access",
    400,
    "invalid_grant",
    [53003],
    "Access has been blocked by Conditional Access policies.",
    ["forbidden", "conditional_access"],
  ),
  refusal("conditional_access_401", 401, "access_denied", [53003], "Access has been blocked.", [
    "forbidden",
    "conditional_access",
  ]),
  refusal("assignment_required", 400, "invalid_grant", [50105], "The application is not assigned to a role.", [
    "forbidden",
    "assignment_required",
  ]),
  refusal("client_unknown_code", 401, "invalid_client", [700025], "Client is public.", "rejected"),
  bare(
    "client_without_codes",
    401,
    {
      error: "invalid_client",
      error_description: "AADSTS70002: Error validating credentials.",
      trace_id: "0000aaaa-11bb-cccc-dd22-eeeeee333333",
    },
    "rejected",
    `${codesPage}: \`error\` decides, whatever the codes`,
  ),
  refusal("application_unknown_code", 401, "unauthorized_client", [700099], "Invalid credentials.", unexpected),
  refusal("access_unknown_code", 401, "access_denied", [700098], "Invalid token credentials.", unexpected),
  refusal("grant_unknown_code", 400, "invalid_grant", [70000], "Something about a grant.", unexpected),
  refusal("scope", 400, "invalid_scope", [70011], "The provided value for scope isn't valid.", unexpected),
  refusal(
    "resource",
    400,
    "invalid_resource",
    [500011],
    "The resource principal was not found in the tenant.",
    unexpected,
  ),
  refusal(
    "secret_not_sent",
    401,
    "invalid_client",
    [7000218],
    "The request body must contain the following parameter: 'client_assertion' or 'client_secret'.",
    ["service_misconfigured", "internal"],
  ),
  refusal("parameter_not_sent", 400, "invalid_request", [900144], "The request body must contain 'client_id'.", [
    "service_misconfigured",
    "internal",
  ]),
  refusal("egress_restricted", 400, "access_denied", [500021], "Access to tenant is denied.", [
    "service_misconfigured",
    "egress_restricted",
  ]),
  refusal("loop", 400, "invalid_grant", [50196], "A client loop has been detected.", [
    "rate_limited",
    "sign_in_throttled",
  ]),
  refusal("loop_429", 429, "invalid_grant", [50196], "A client loop has been detected.", "rate_limited"),
  refusal("tenant_throttled", 400, "invalid_client", [90055], "There are too many incoming requests.", [
    "rate_limited",
    "sign_in_throttled",
  ]),
  refusal("busy", 503, "temporarily_unavailable", [90033], "The directory is not available.", [
    "unreachable",
    "unavailable",
  ]),
  refusal("busy_400", 400, "temporarily_unavailable", [90006], "The service is temporarily unavailable.", [
    "unreachable",
    "unavailable",
  ]),
  refusal("busy_unknown_code", 400, "temporarily_unavailable", [12345], "Try again.", ["unreachable", "unavailable"]),
  refusal("busy_client", 401, "invalid_client", [90033], "A transient error has occurred.", [
    "unreachable",
    "unavailable",
  ]),
  at("login", answer("limited", 429, "rate_limited", throttlePage, {}, { "retry-after": "17" })),
  bare(
    "portal_401",
    401,
    { error: "invalid_client", error_description: "Sign in to the guest network" },
    unexpected,
    "transport: a captive portal that speaks OAuth, without Entra's marks",
  ),
  bare("portal_400", 400, { error: "unauthorized_client" }, unexpected, "transport: another authorisation server"),
  bare(
    "token_without_type",
    200,
    { access_token: "x".repeat(40), expires_in: 3599 },
    unexpected,
    "transport: junk that flatters",
  ),
  bare(
    "token_without_expiry",
    200,
    { token_type: "Bearer", access_token: "x".repeat(40) },
    unexpected,
    "transport: junk that flatters",
  ),
  bare(
    "token_with_break",
    200,
    { token_type: "Bearer", access_token: `x\r\nx-evil: ${"1".repeat(30)}`, expires_in: 3599 },
    unexpected,
    "hostile: a token that would break a header",
  ),
  bare("token_empty", 200, { token_type: "Bearer", access_token: "", expires_in: 3599 }, unexpected, "transport: junk"),
  bare(
    "token",
    200,
    { token_type: "Bearer", expires_in: 3599, ext_expires_in: 3599, access_token: "replaced by the simulator" },
    null,
    tokenPage,
  ),
];

function subscription(id: string, state: string): Json {
  return {
    id: `/subscriptions/${id}`,
    subscriptionId: id,
    tenantId: ids.tenant,
    displayName: "Demo",
    state,
    authorizationSource: "RoleBased",
  };
}

const error = (code: string, message: string): Json => ({ error: { code, message } });
const arm = (name: string, status: number, reads: Reads, source: string, body: Json, headers = {}): Fixture =>
  at("arm", answer(name, status, reads, source, body, headers));
const role = (actions: string[], notActions: string[] = []): Json => ({
  actions,
  notActions,
  dataActions: [],
  notDataActions: [],
});

/** The five headers by which Cost Management says how long to wait; their case varies. */
export const costLimits = {
  "retry-after": "5",
  "x-ms-ratelimit-microsoft.costmanagement-qpu-retry-after": "11",
  "x-ms-ratelimit-microsoft.costmanagement-entity-retry-after": "17",
  "X-Ms-Ratelimit-Microsoft.Costmanagement-Tenant-Retry-After": "23",
  "x-ms-ratelimit-microsoft.costmanagement-clienttype-retry-after": "29",
};

/** What Resource Manager answers; what is asked about costs reads as nothing where a subscription is asked for. */
const resources: readonly Fixture[] = [
  arm("subscriptions", 200, null, subscriptionsPage, {
    value: [subscription(ids.other, "Enabled"), subscription(ids.subscription, "Enabled")],
    count: { type: "Total", value: 2 },
  }),
  ...["Disabled", "Warned", "PastDue", "Deleted"].map((state) =>
    arm(`subscription_${state.toLowerCase()}`, 200, null, subscriptionsPage, {
      value: [subscription(ids.subscription, state)],
    }),
  ),
  arm("subscriptions_empty", 200, ["forbidden", "no_subscription"], "unverified: no role anywhere lists nothing", {
    value: [],
  }),
  arm("subscriptions_other", 200, ["forbidden", "wrong_subscription"], subscriptionsPage, {
    value: [subscription(ids.other, "Enabled")],
  }),
  arm("subscriptions_page", 200, null, subscriptionsPage, {
    value: [subscription(ids.other, "Enabled")],
    nextLink: "https://management.azure.com/subscriptions?api-version=2022-12-01&$skiptoken=demo",
  }),
  arm("subscription", 200, null, subscriptionsPage, subscription(ids.subscription, "Enabled")),
  arm(
    "subscription_not_found",
    404,
    ["forbidden", "wrong_subscription"],
    "https://learn.microsoft.com/azure/azure-resource-manager/troubleshooting/common-deployment-errors, read 2026-11-20",
    error("SubscriptionNotFound", "The subscription could not be found."),
  ),
  arm(
    "authorization_failed",
    403,
    ["forbidden", "no_subscription"],
    "https://github.com/Azure/azqr/issues/68, read 2026-11-20",
    error(
      "AuthorizationFailed",
      "The client does not have authorization to perform action 'Microsoft.Resources/subscriptions/read'. If access was recently granted, please refresh your credentials.",
    ),
  ),
  arm(
    "token_refused",
    401,
    unexpected,
    "https://learn.microsoft.com/azure/azure-resource-manager/troubleshooting/common-deployment-errors, read 2026-11-20",
    error("InvalidAuthenticationToken", "The access token is invalid."),
  ),
  arm("unmarked_401", 401, unexpected, "transport: a gateway's own", error("Unauthorized", "Invalid API key")),
  arm(
    "token_of_another_tenant",
    401,
    unexpected,
    "https://learn.microsoft.com/azure/azure-resource-manager/troubleshooting/common-deployment-errors, read 2026-11-20",
    error("InvalidAuthenticationTokenTenant", "The access token is from the wrong issuer."),
  ),
  arm("arm_limited", 429, "rate_limited", throttlePage, error("SubscriptionRequestsThrottled", "Too many requests"), {
    "retry-after": "17",
    "x-ms-ratelimit-remaining-subscription-reads": "0",
  }),
  arm("arm_down", 503, ["unreachable", "unavailable"], throttlePage, error("ServerTimeout", "Try again later")),
  arm("junk_subscriptions", 200, unexpected, "transport: junk that flatters", { value: [{ name: "demo" }] }),
  arm("permissions", 200, null, permissionsPage, {
    value: [
      role(["Microsoft.Resources/subscriptions/resourceGroups/read"]),
      role(["Microsoft.Consumption/*/read", "Microsoft.CostManagement/*/read"]),
    ],
  }),
  arm("permissions_without_costs", 200, null, permissionsPage, {
    value: [role(["*"], ["Microsoft.CostManagement/*"]), role(["Microsoft.Compute/*/read"])],
  }),
  arm("permissions_none", 200, null, permissionsPage, { value: [] }),
  arm("permissions_unreadable", 404, null, "unverified: the path may not be offered", error("NotFound", "No resource")),
  arm(
    "dimensions",
    200,
    null,
    "https://learn.microsoft.com/rest/api/cost-management/dimensions/list, read 2026-11-20",
    {
      value: [{ id: "demo", name: "ResourceGroup", type: "Microsoft.CostManagement/dimensions" }],
    },
  ),
  arm(
    "costs_denied_401",
    401,
    null,
    "https://github.com/Azure/azqr/issues/277, read 2026-11-20",
    error("RBACAccessDenied", "The client does not have authorization to perform action."),
  ),
  arm(
    "costs_denied_403",
    403,
    null,
    "https://github.com/Azure/azqr/issues/68, read 2026-11-20",
    error("AuthorizationFailed", "The client does not have authorization to perform action."),
  ),
  arm(
    "costs_hidden",
    400,
    null,
    "https://github.com/Azure/azqr/issues/581, read 2026-11-20",
    error("AccountCostDisabled", "Access to cost data has been disabled for account admins."),
  ),
  arm("costs_limited", 429, null, throttlePage, error("429", "Too many requests. Please retry."), costLimits),
];

/** Every documented answer of Entra and of Resource Manager. */
export const azureAnswers: readonly Fixture[] = [...signIns, ...resources];
