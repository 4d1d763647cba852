import { type FaultCode, faults } from "../../shared/contract/fault.ts";
import type { Route, RouteName } from "../../shared/contract/routes.ts";

const changing: readonly FaultCode[] = [
  "conflict",
  "in_flight",
  "precondition_failed",
  "credential_format",
  "credential_rejected",
  "permission_missing",
  "trust_policy_too_wide",
  "idempotency_reuse",
  "provider_unreachable",
  "provider_rate_limited",
  "encryption_failed",
];

/** What a route can end with by what it does itself. */
const own: Partial<Record<RouteName, readonly FaultCode[]>> = {
  setup: [...changing, "already_exists"],
  import: ["in_flight", "idempotency_reuse"],
  validate: ["not_configured", "conflict"],
  get: ["not_configured", "conflict"],
  history: ["conflict"],
  update: [...changing, "not_configured"],
  rotate: [...changing, "not_configured"],
  delete: ["not_configured", "conflict", "precondition_failed"],
  decrypt: [
    "not_configured",
    "conflict",
    "credential_not_usable",
    "permission_missing",
    "token_unsupported",
    "provider_unreachable",
    "provider_rate_limited",
  ],
  failures: ["conflict"],
};

const stood: readonly FaultCode[] = ["store_unavailable", "key_unavailable", "audit_unavailable", "integrity"];
const byCaller: Record<Route["caller"], readonly FaultCode[]> = {
  anyone: [],
  read: ["org_key_invalid", "forbidden", "too_many_requests", ...stood],
  manage: ["org_key_invalid", "forbidden", "scope_insufficient", "too_many_requests", ...stood],
  pipeline: ["caller_invalid", "forbidden", "too_many_requests", ...stood],
  scheduler: ["caller_invalid", "forbidden", ...stood],
};

/** Every code that a route can end with, in the table's order. */
export function refusalsOf(route: Route): FaultCode[] {
  const codes = new Set<FaultCode>([
    "request_malformed",
    "method_not_allowed",
    "internal",
    ...(route.path.includes("{org}") ? (["route_unknown"] as const) : []),
    ...(route.path.includes("{provider}") ? (["provider_unknown"] as const) : []),
    ...(route.body === "none" ? [] : (["payload_too_large", "media_type"] as const)),
    ...byCaller[route.caller],
    ...(own[route.name] ?? []),
  ]);
  return allCodes().filter((code) => codes.has(code));
}

export function allCodes(): FaultCode[] {
  return Object.keys(faults).filter((code): code is FaultCode => code in faults);
}
