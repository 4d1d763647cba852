import { dead, limit, live, onTheWay, outage, type Row, rowsOf, unclear } from "./row.ts";

const capabilities = { usage_read: "denied", cost_read: "denied" } as const;

export const perplexity: readonly Row[] = rowsOf("PERPLEXITY", [
  live("ok", { capabilities, ready: false }),
  live("ok_empty", { capabilities, ready: false }),
  unclear("missing"),
  dead("rejected", "perplexity.ai/account/api"),
  unclear("rejected_html"),
  live("billing", { reason: "billing", remedy: "add credit", undocumented: true }),
  limit("limited"),
  outage("outage"),
  unclear("forbidden", { undocumented: true }),
  unclear("region", { undocumented: true }),
  outage("server_error", { undocumented: true }),
  unclear("not_found", { undocumented: true }),
  ...onTheWay(),
]);
