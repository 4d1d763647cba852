import { dead, limit, live, onTheWay, outage, type Row, rowsOf, unclear } from "./row.ts";

const capabilities = { usage_read: "denied", cost_read: "denied" } as const;
const create = "openrouter.ai/settings/management-keys";

export const openrouter: readonly Row[] = rowsOf("OPENROUTER", [
  live("ok", { capabilities, ready: false, expires: false }),
  live("ok_expiring", { capabilities, ready: false, expires: true }),
  live("no_limit_left", { capabilities }),
  live("management_key", { capabilities: { usage_read: "granted", cost_read: "granted" }, ready: true }),
  dead("missing", create),
  dead("missing_older", create),
  dead("rejected", create),
  unclear("management_only"),
  live("billing", { reason: "billing", remedy: "openrouter.ai/settings/credits" }),
  unclear("forbidden"),
  unclear("region", { undocumented: true }),
  limit("limited"),
  outage("outage"),
  outage("server_error"),
  unclear("not_found", { undocumented: true }),
  ...onTheWay(),
]);
