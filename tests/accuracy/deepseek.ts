import { dead, limit, live, onTheWay, outage, type Row, rowsOf, unclear } from "./row.ts";

const capabilities = { balance_read: "granted", usage_read: "denied", cost_read: "denied" } as const;

export const deepseek: readonly Row[] = rowsOf("DEEPSEEK", [
  live("ok", { capabilities, ready: false }),
  live("ok_leading_newlines", { capabilities, ready: false }),
  live("no_balance", { reason: "balance_empty", remedy: "top up", capabilities }),
  unclear("missing"),
  dead("rejected", "platform.deepseek.com/api_keys"),
  live("billing", { reason: "billing", remedy: "top up", capabilities }),
  unclear("forbidden", { undocumented: true }),
  unclear("bad_format"),
  unclear("bad_parameters"),
  limit("limited"),
  outage("outage"),
  outage("server_error"),
  unclear("not_found", { undocumented: true }),
  ...onTheWay(),
]);
