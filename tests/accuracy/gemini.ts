import { barred, dead, ended, limit, live, onTheWay, outage, type Row, region, rowsOf, unclear } from "./row.ts";

const create = "aistudio.google.com/apikey";

export const gemini: readonly Row[] = rowsOf("GEMINI", [
  live("ok", { capabilities: { models_read: "granted", usage_read: "denied", cost_read: "denied" }, ready: false }),
  unclear("missing"),
  dead("rejected", create),
  dead("rejected_array", create),
  dead("key_not_found", create),
  ended("expired", create),
  dead("leaked", "find out where it leaked", { reason: "leaked" }),
  dead("key_type", "create a new one (AQ.", { reason: "key_type_unsupported" }),
  barred("service_disabled", "service_disabled", "enable the Generative Language API"),
  barred("service_blocked", "key_restricted", "allow the Generative Language API"),
  barred("ip_block", "ip_allowlist", "CloudAct's outgoing addresses"),
  barred("referrer_block", "key_restricted", "server use"),
  barred("android_block", "key_restricted", "server use"),
  barred("ios_block", "key_restricted", "server use"),
  barred("billing", "billing_disabled", "billing is off"),
  region("region"),
  limit("limited"),
  outage("outage"),
  outage("server_error"),
  unclear("own_mistake", { source: "google.rpc.BadRequest, google/rpc/error_details.proto: a 400 about a parameter" }),
  unclear("not_found"),
  ...onTheWay(),
]);
