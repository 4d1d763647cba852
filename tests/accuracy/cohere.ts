import { dead, limit, live, onTheWay, outage, type Row, rowsOf, unclear } from "./row.ts";

const capabilities = { usage_read: "denied", cost_read: "denied" } as const;
const create = "dashboard.cohere.com/api-keys";

export const cohere: readonly Row[] = rowsOf("COHERE", [
  live("ok", { capabilities, ready: false }),
  dead("not_valid", create),
  dead("missing", create),
  dead("rejected", create),
  dead("rejected_498", create),
  unclear("blocked_html"),
  live("billing", { reason: "billing", remedy: "dashboard.cohere.com/billing", capabilities }),
  limit("limited"),
  outage("outage"),
  unclear("forbidden", { undocumented: true }),
  unclear("region", { undocumented: true }),
  outage("server_error", { undocumented: true }),
  unclear("not_found", { undocumented: true }),
  ...onTheWay(),
]);
