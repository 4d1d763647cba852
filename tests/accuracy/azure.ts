import { azure } from "../simulators/clouds/azure.ts";
import { barred, dead, ended, junk, limit, live, onTheWay, ours, outage, type Row, rowsOf, unclear } from "./row.ts";

const login = (answer: string) => ({ login: answer });
const arm = (answer: string) => ({ arm: answer });
const word = (cause: string, name: string, source: string) => ({ name, source, credential: azure.credential(cause) });

const rolesPage = "learn.microsoft.com/azure/role-based-access-control/role-definitions, read 2026-11-20";
const listPage = "learn.microsoft.com/rest/api/resources/subscriptions/list, read 2026-11-20";
const granted = { subscription_read: "granted", cost_read: "granted" } as const;
const secrets = "Certificates & secrets";

export const azureRows: readonly Row[] = rowsOf("AZURE", [
  live(
    {},
    {
      name: "a token, the subscription and a role that reads costs",
      capabilities: granted,
      ready: true,
      source: listPage,
    },
  ),
  live({}, { ...word("many", "a list of subscriptions that goes on", listPage), capabilities: granted, ready: true }),
  live(
    {},
    {
      ...word("nocosts", "a role that does not read costs", rolesPage),
      capabilities: { subscription_read: "granted", cost_read: "denied" },
      ready: false,
    },
  ),
  live(
    {},
    {
      ...word(
        "unreadable",
        "roles that cannot be read, and costs that can",
        "learn.microsoft.com/rest/api/cost-management/dimensions/list",
      ),
      capabilities: granted,
      ready: true,
    },
  ),
  live(
    {},
    {
      ...word("denied401", "costs refused with 401", "github.com/Azure/azqr/issues/277"),
      capabilities: { cost_read: "denied" },
      ready: false,
    },
  ),
  live(
    {},
    {
      ...word("denied403", "costs refused with 403", "github.com/Azure/azqr/issues/68"),
      capabilities: { cost_read: "denied" },
      ready: false,
    },
  ),
  live(
    {},
    {
      ...word("hidden", "costs that the contract hides", "github.com/Azure/azqr/issues/581"),
      capabilities: { cost_read: "denied" },
      ready: false,
    },
  ),
  live(
    {},
    {
      ...word(
        "costlimited",
        "costs that are rate limited",
        "learn.microsoft.com/azure/cost-management-billing/automate: request limits",
      ),
      capabilities: { subscription_read: "granted", cost_read: "unknown" },
      ready: "unknown",
    },
  ),
  live(
    {},
    {
      ...word("suspended", "a disabled subscription", listPage),
      reason: "subscription_disabled",
      remedy: "disabled or deleted",
    },
  ),
  live(
    {},
    { ...word("pastdue", "a subscription in arrears", listPage), reason: "subscription_past_due", remedy: "overdue" },
  ),
  dead(login("secret_wrong"), secrets, { reason: "secret_wrong" }),
  dead(login("secret_wrong_400"), secrets, { reason: "secret_wrong" }),
  ended(login("secret_expired"), secrets, { reason: "secret_expired" }),
  dead(login("application_unknown"), "not the Object ID", { reason: "application_unknown" }),
  dead(login("application_missing"), "not the Object ID", { reason: "application_unknown", undocumented: true }),
  dead(login("application_disabled"), "accountEnabled=true", { reason: "application_disabled" }),
  dead(login("tenant_unknown"), "Directory (tenant) ID", { reason: "tenant_unknown" }),
  dead(login("tenant_malformed"), "Directory (tenant) ID", { reason: "tenant_unknown", undocumented: true }),
  dead(login("wrong_cloud"), "set cloud to", { reason: "wrong_cloud" }),
  dead(login("cross_cloud"), "set cloud to", { reason: "wrong_cloud" }),
  barred(login("conditional_access"), "conditional_access", "outgoing addresses"),
  barred(login("conditional_access_401"), "conditional_access", "outgoing addresses"),
  barred(login("assignment_required"), "assignment_required", "Assignment required"),
  dead(login("client_unknown_code"), secrets),
  dead(login("client_without_codes"), secrets),
  unclear(login("application_unknown_code")),
  unclear(login("access_unknown_code")),
  unclear(login("grant_unknown_code")),
  unclear(login("scope")),
  unclear(login("resource")),
  ours(login("secret_not_sent"), { reason: "internal" }),
  ours(login("parameter_not_sent"), { reason: "internal" }),
  ours(login("egress_restricted"), { reason: "egress_restricted", remedy: "tell the operator" }),
  limit(login("loop"), { reason: "sign_in_throttled" }),
  limit(login("loop_429")),
  limit(login("tenant_throttled"), { reason: "sign_in_throttled" }),
  limit(login("limited")),
  outage(login("busy")),
  outage(login("busy_400")),
  outage(login("busy_unknown_code")),
  outage(login("busy_client")),
  junk(login("portal_401"), { source: "RFC 6749 section 5.2: anybody's OAuth error, without Entra's marks" }),
  junk(login("portal_400"), { source: "RFC 6749 section 5.2: anybody's OAuth error, without Entra's marks" }),
  junk(login("token_without_type"), { source: "RFC 6749 section 5.1: token_type is required" }),
  junk(login("token_without_expiry"), { source: "RFC 6749 section 5.1; Entra always sends expires_in" }),
  junk(login("token_with_break"), { source: "RFC 9110 section 5.5: no line break in a header" }),
  junk(login("token_empty"), { source: "RFC 6749 section 5.1: access_token is required" }),
  barred(arm("subscriptions_empty"), "no_subscription", "az role assignment create", { undocumented: true }),
  barred(arm("subscriptions_other"), "wrong_subscription", "correct subscription_id"),
  barred(arm("subscription_not_found"), "wrong_subscription", "correct subscription_id"),
  barred(arm("authorization_failed"), "no_subscription", "az role assignment create"),
  unclear(arm("token_refused")),
  unclear(arm("unmarked_401"), { source: "RFC 9110 section 15.5.2: a gateway's own, without Azure's code" }),
  unclear(arm("token_of_another_tenant")),
  limit(arm("arm_limited")),
  outage(arm("arm_down")),
  junk(arm("junk_subscriptions"), { source: "datatracker.ietf.org/doc/html/draft-inadarei-api-health-check" }),
  ...onTheWay("login"),
  ...onTheWay("arm"),
]);
