import { exampleKeys } from "../simulators/start.ts";
import { barred, dead, limit, live, onTheWay, ours, outage, type Row, region, rowsOf } from "./row.ts";

const { admin = "", admin_noscope = "", enterprise = "" } = exampleKeys("ANTHROPIC");
const keys = "platform.claude.com/docs/en/manage-claude/admin-api-keys and usage-cost-api, read 2026-11-20";
const create = "platform.claude.com";

export const anthropic: readonly Row[] = rowsOf("ANTHROPIC", [
  live(
    {},
    {
      name: "an API key",
      capabilities: { models_read: "granted", usage_read: "denied", cost_read: "denied" },
      ready: false,
      source: keys,
    },
  ),
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
      name: "an admin key without the scope for costs",
      credential: { api_key: admin_noscope },
      capabilities: { usage_read: "denied", cost_read: "denied" },
      ready: false,
      source: keys,
    },
  ),
  live(
    {},
    {
      name: "a scoped key of an Enterprise organization",
      credential: { api_key: enterprise },
      capabilities: { usage_read: "granted", cost_read: "granted" },
      ready: true,
      source: "platform.claude.com/docs/en/manage-claude/analytics-api, read 2026-11-20",
    },
  ),
  live("ok", { capabilities: { models_read: "granted" } }),
  live("organization", { credential: { api_key: admin } }),
  dead("missing", create),
  dead("rejected", create),
  dead("rejected", create, { name: "rejected, an admin key", credential: { api_key: admin } }),
  dead("oauth_token", create),
  ours("cors", { reason: "cors" }),
  dead("disabled_404", create),
  dead("creator_left", "create a new key as a current admin", { reason: "creator_left" }),
  barred("on_hold", "account_on_hold", "follow Anthropic's message"),
  barred("on_hold", "account_on_hold", "follow Anthropic's message", {
    name: "on_hold, an admin key",
    credential: { api_key: admin },
  }),
  barred("forbidden", "missing_scope", "create an admin key"),
  barred("missing_scope", "missing_scope", "create an admin key"),
  barred("org_level_key_required", "missing_scope", "create an admin key"),
  barred("egress_restricted", "ip_allowlist", "allowlist"),
  barred("org_type", "organization_type", "create an organization"),
  barred("parent_required", "organization_type", "create an organization"),
  live("billing", { reason: "billing", remedy: "add credit" }),
  limit("limited"),
  limit("limited", { name: "limited, an admin key", credential: { api_key: admin } }),
  limit("spend_limit"),
  limit("contract_limit"),
  outage("outage"),
  outage("outage", { name: "outage, an admin key", credential: { api_key: admin } }),
  outage("timeout"),
  outage("server_error"),
  outage("unavailable"),
  region("region"),
  ours("no_version", { reason: "api_version" }),
  ...onTheWay(),
]);
