import { dead, limit, live, onTheWay, outage, type Row, rowsOf, unclear } from "./row.ts";

const capabilities = { usage_read: "denied", cost_read: "denied" } as const;
const create = "api.together.ai/settings/api-keys";

export const together: readonly Row[] = rowsOf("TOGETHER", [
  live("ok", { capabilities, ready: false }),
  live("ok_empty", { capabilities, ready: false }),
  dead("missing", create, { undocumented: true }),
  dead("rejected", create),
  live("billing", { reason: "billing", remedy: "add credit" }),
  limit("limited"),
  outage("outage"),
  unclear("forbidden", { undocumented: true }),
  unclear("region", { undocumented: true }),
  outage("server_error", { undocumented: true }),
  unclear("not_found", { undocumented: true }),
  ...onTheWay(),
]);
