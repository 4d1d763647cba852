import { barred, dead, ended, limit, live, onTheWay, outage, type Row, region, rowsOf, unclear } from "./row.ts";

const capabilities = { models_read: "granted", usage_read: "denied", cost_read: "denied" } as const;
const create = "console.groq.com/keys";

export const groq: readonly Row[] = rowsOf("GROQ", [
  live("ok", { capabilities, ready: false }),
  dead("missing", create, { undocumented: true }),
  dead("rejected", create),
  ended("expired", create),
  barred("org_restricted", "account_on_hold", "talk to Groq's support"),
  unclear("model_blocked"),
  region("network_blocked", { undocumented: true }),
  live("billing", { reason: "billing", remedy: "console.groq.com/settings/billing", undocumented: true }),
  limit("limited"),
  unclear("flex_capacity"),
  outage("outage"),
  unclear("forbidden", { undocumented: true }),
  unclear("region", { undocumented: true }),
  outage("server_error", { undocumented: true }),
  unclear("not_found", { undocumented: true }),
  ...onTheWay(),
]);
