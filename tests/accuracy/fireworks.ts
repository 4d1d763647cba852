import { barred, dead, limit, live, onTheWay, outage, type Row, rowsOf, unclear } from "./row.ts";

const create = "app.fireworks.ai/settings/users/api-keys";

export const fireworks: readonly Row[] = rowsOf("FIREWORKS", [
  live("accounts", { capabilities: { usage_read: "unknown", cost_read: "unknown" }, ready: "unknown" }),
  live("fire_pass", {
    reason: "fire_pass",
    remedy: "create an ordinary key",
    source: "github.com/can1357/oh-my-pi/issues/3219 (2026-06)",
  }),
  dead("missing", create, { undocumented: true }),
  dead("rejected", create),
  dead("rejected_control_plane", create, {
    source: "google.rpc.Status over HTTP: grpc-gateway, UNAUTHENTICATED is 16",
  }),
  unclear("rejected_403", { source: "docs.apigee.com: fault codes, oauth.v2.InvalidApiKey" }),
  outage("listing_failed"),
  barred("billing", "account_on_hold", "settle its invoices"),
  limit("limited"),
  outage("outage"),
  unclear("forbidden", { undocumented: true }),
  unclear("region", { undocumented: true }),
  outage("server_error", { undocumented: true }),
  unclear("not_found", { undocumented: true }),
  ...onTheWay(),
]);
