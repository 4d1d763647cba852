import { dead, limit, live, onTheWay, outage, type Row, rowsOf, unclear } from "./row.ts";

const capabilities = { models_read: "granted", usage_read: "denied", cost_read: "denied" } as const;
const create = "console.mistral.ai/api-keys";

export const mistral: readonly Row[] = rowsOf("MISTRAL", [
  live("ok", { capabilities, ready: false }),
  dead("missing", create, { source: "docs.konghq.com/hub/kong-inc/key-auth: No API key found in request" }),
  dead("rejected", create),
  dead("rejected_gateway", create),
  live("billing", { reason: "billing", remedy: "settle it", capabilities, undocumented: true }),
  limit("limited"),
  outage("outage"),
  unclear("forbidden", { undocumented: true }),
  unclear("region", { undocumented: true }),
  outage("server_error", { undocumented: true }),
  unclear("not_found", { undocumented: true }),
  ...onTheWay(),
]);
