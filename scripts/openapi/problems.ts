import { type FaultCode, faults } from "../../shared/contract/fault.ts";
import { allCodes } from "./refusals.ts";

const OPENAI = { provider: "OPENAI" };

/** What a problem of a code says besides its table's row, as an example. */
const more: Partial<Record<FaultCode, { detail?: string; [member: string]: unknown }>> = {
  request_malformed: {
    detail: "/credential_name: must be a string",
    errors: [{ field: "/credential_name", message: "must be a string" }],
  },
  org_key_invalid: { remedy: "Send the organisation's key once, in the header X-API-Key" },
  caller_invalid: {
    reason: "signature_removed",
    remedy:
      "Cloud Run removes the signature of the token it checks itself: send its token in X-Serverless-Authorization and the one for this function in Authorization",
  },
  provider_unknown: { remedy: "Write the provider in lower case: openai" },
  not_configured: { ...OPENAI, remedy: "Set it up: POST /{org}/openai/setup" },
  credential_not_usable: {
    ...OPENAI,
    reason: "disabled",
    remedy: 'Enable it: PUT /acme/openai with {"enabled": true}',
  },
  conflict: { ...OPENAI, remedy: "Read the integration again, then repeat the change" },
  in_flight: { retry_after_s: 1 },
  already_exists: { ...OPENAI, remedy: "Leave out If-None-Match to replace it, or use PUT" },
  precondition_failed: { ...OPENAI, remedy: "Read the integration again and use its current ETag" },
  credential_format: {
    ...OPENAI,
    errors: [{ field: "/credential", message: "has a shape that no key of OpenAI has" }],
  },
  credential_rejected: {
    ...OPENAI,
    remedy: "Create a new admin key at platform.openai.com/settings/organization/admin-keys and paste it whole.",
  },
  permission_missing: {
    provider: "GCP_SA",
    reason: "missing_permission",
    remedy: "Grant the service account roles/bigquery.dataViewer on the billing dataset",
  },
  trust_policy_too_wide: {
    provider: "AWS_IAM",
    remedy: "Restrict the trust policy to this organization's audience, as /acme/aws/instructions shows",
  },
  token_unsupported: { ...OPENAI, remedy: 'Ask with "as": "secret"' },
  idempotency_reuse: { remedy: "Use a new Idempotency-Key for another body" },
  too_many_requests: { retry_after_s: 12 },
  provider_unreachable: { ...OPENAI, reason: "timeout", retry_after_s: 60 },
  provider_rate_limited: { ...OPENAI, retry_after_s: 60 },
  store_unavailable: { retry_after_s: 5 },
  key_unavailable: { retry_after_s: 5 },
};
const names: Record<string, string> = { OPENAI: "OpenAI" };

/** An example of each problem, under `components/examples`. */
export function problemExamples(): Record<string, object> {
  return Object.fromEntries(allCodes().map((code) => [code, { summary: faults[code].title, value: problem(code) }]));
}

function problem(code: FaultCode): object {
  const { status, title, text } = faults[code];
  const { detail = text, ...members } = more[code] ?? {};
  const said = detail.replaceAll("{provider}", names[String(members["provider"])] ?? "The provider");
  return {
    type: `urn:cloudact:problem:${code}`,
    title,
    status,
    detail: said,
    code,
    request_id: "1b4e28ba-2fa1-41d2-883f-0016d3cca427",
    success: false,
    error: said,
    ...members,
  };
}
