import { exampleKeys } from "../simulators/start.ts";
import { barred, dead, limit, live, onTheWay, outage, type Row, region, rowsOf, unclear } from "./row.ts";

const { admin = "", admin_noscope = "", expiring = "", service_account = "", legacy = "" } = exampleKeys("OPENAI");
const keys = "developers.openai.com/api/reference: Admin API keys, costs and completions usage, read 2026-11-20";
const noCosts = { usage_read: "denied", cost_read: "denied" } as const;
const create = "platform.openai.com/settings/organization/admin-keys";
const credit = { reason: "billing", remedy: "add credit", ready: false } as const;

export const openai: readonly Row[] = rowsOf("OPENAI", [
  live("ok", { capabilities: { models_read: "granted", ...noCosts }, ready: false }),
  live("no_models", { capabilities: { models_read: "granted", ...noCosts }, ready: false }),
  live({}, { name: "a service account's key", credential: { api_key: service_account }, ready: false, source: keys }),
  live({}, { name: "a key of the older kind", credential: { api_key: legacy }, ready: false, source: keys }),
  live(
    {},
    {
      name: "an admin key",
      credential: { api_key: admin },
      capabilities: { usage_read: "granted", cost_read: "granted" },
      ready: true,
      source: keys,
    },
  ),
  live(
    {},
    {
      name: "an admin key that ends in ten days",
      credential: { api_key: expiring },
      expires: true,
      capabilities: { cost_read: "granted" },
      ready: true,
      source: keys,
    },
  ),
  live(
    {},
    {
      name: "an admin key without the scope for costs",
      credential: { api_key: admin_noscope },
      capabilities: noCosts,
      ready: false,
      source: keys,
    },
  ),
  dead("missing", create),
  dead("rejected", create),
  dead("rejected", create, { name: "rejected, an admin key", credential: { api_key: admin } }),
  live("missing_scope_models", { capabilities: { models_read: "denied", ...noCosts }, ready: false }),
  live("missing_scope_models_401", { capabilities: { models_read: "denied", ...noCosts }, ready: false }),
  live("missing_scope_usage", { credential: { api_key: admin }, capabilities: noCosts, ready: false }),
  live("missing_scope_usage_401", { credential: { api_key: admin }, capabilities: noCosts, ready: false }),
  live("missing_scope_admin_keys", { capabilities: noCosts, ready: false }),
  live("forbidden_string", { capabilities: noCosts, ready: false }),
  barred("wrong_org", "wrong_organization", "correct organization_id"),
  barred("wrong_project", "wrong_organization", "correct organization_id"),
  barred("wrong_org", "wrong_organization", "correct organization_id", {
    name: "wrong_org, with the wrong organization beside a good key",
    credential: { api_key: exampleKeys("OPENAI").good, organization_id: "org-wrong" },
  }),
  barred("no_member", "organization_membership", "invite them again"),
  barred("ip_block", "ip_allowlist", "allowlist"),
  region("region"),
  region("region", { name: "region, an admin key", credential: { api_key: admin } }),
  limit("limited"),
  limit("limited", { name: "limited, an admin key", credential: { api_key: admin } }),
  limit("slow_down"),
  live("no_quota", credit),
  live("no_credit", credit),
  live("org_spend_limit", credit),
  live("project_spend_limit", credit),
  live("org_usage_limit", credit),
  outage("outage"),
  outage("server_error"),
  outage("outage", { name: "outage, an admin key", credential: { api_key: admin } }),
  unclear("not_found"),
  ...onTheWay(),
]);
