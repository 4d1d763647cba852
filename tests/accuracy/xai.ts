import { barred, dead, limit, live, onTheWay, outage, type Row, rowsOf, unclear } from "./row.ts";

const capabilities = { usage_read: "denied", cost_read: "denied" } as const;
const create = "console.x.ai";

export const xai: readonly Row[] = rowsOf("XAI", [
  live("ok", { capabilities, ready: false }),
  barred("team_blocked", "account_on_hold", "its admin must settle that"),
  dead("key_blocked", "create a new one", { reason: "key_blocked" }),
  dead("key_disabled", "enable it", { reason: "key_disabled" }),
  live("no_acls", { capabilities }),
  dead("missing", create),
  dead("rejected", create),
  dead("rejected_new", create),
  dead("rejected_escaped", create),
  live("billing", { reason: "billing", remedy: "add credits", undocumented: true }),
  limit("limited"),
  outage("outage"),
  unclear("forbidden", { undocumented: true }),
  unclear("region", { undocumented: true }),
  outage("server_error", { undocumented: true }),
  unclear("not_found", { undocumented: true }),
  ...onTheWay(),
]);
