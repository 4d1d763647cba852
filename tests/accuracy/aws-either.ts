import { type Draft, junk, limit, live, outage, region, unclear } from "./row.ts";

const sts = (answer: string) => ({ sts: answer });
const iam = (answer: string) => ({ iam: answer });
const exported = (answer: string) => ({ exports: answer });

const policies = "docs.aws.amazon.com/IAM/latest/APIReference/API_SimulatePrincipalPolicy.html";
const exportsPage = "docs.aws.amazon.com/cur/latest/userguide/what-is-data-exports.html";

export const costs = {
  capabilities: { cost_explorer_read: "granted", data_exports_read: "granted", cost_export_read: "granted" },
  ready: true,
} as const;
const explorer = (state: "granted" | "denied" | "unknown") => ({ capabilities: { cost_explorer_read: state } });
const listed = (state: "granted" | "denied" | "unknown") => ({ capabilities: { data_exports_read: state } });
const bucket = (state: "granted" | "denied" | "unknown") => ({ capabilities: { cost_export_read: state } });

/** What AWS answers about either kind of credential, by the words that its simulator knows. */
export function eitherRows(credential: (word: string) => Record<string, string>): Draft[] {
  const word = (cause: string, name: string, source: string) => ({ name, source, credential: credential(cause) });
  return [
    limit(sts("throttling")),
    limit(sts("throttling_exception")),
    limit(sts("request_limit")),
    region(sts("region_disabled"), { remedy: "IAM → Account settings" }),
    outage(sts("internal_failure")),
    outage(sts("unavailable")),
    unclear(sts("unknown_code"), { undocumented: true }),
    junk(sts("html_403"), { source: "RFC 9110 section 15.5.4: a proxy's page with AWS's words in it" }),
    junk(sts("s3_error_403"), { source: "docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html" }),
    junk(sts("json_403"), {
      source: "docs.aws.amazon.com/apigateway/latest/developerguide/supported-gateway-response-types.html",
    }),
    live({}, { ...word("noce", "a policy that denies Cost Explorer", policies), ...explorer("denied"), ready: true }),
    live(
      {},
      { ...word("nosim", "a policy that cannot be simulated", policies), ...explorer("unknown"), ready: "unknown" },
    ),
    live({}, { ...word("noexp", "exports that may not be listed", exportsPage), ...listed("denied"), ready: true }),
    live({}, { ...word("empty", "no export", exportsPage), ...bucket("denied"), ready: true }),
    live({}, { ...word("sick", "an export that is unhealthy", exportsPage), ...bucket("denied"), ready: true }),
    live({}, { ...word("carbon", "an export without costs", exportsPage), ...bucket("denied"), ready: true }),
    live({}, { ...word("nobuck", "an export whose bucket may not be read", exportsPage), ...bucket("denied") }),
    live(iam("simulated_allowed"), explorer("granted")),
    live(iam("simulated_denied"), explorer("denied")),
    live(iam("simulated_explicit"), explorer("denied")),
    live(iam("simulated_by_organization"), explorer("unknown")),
    live(iam("simulated_with_condition"), explorer("unknown")),
    live(iam("simulated_other_action"), explorer("unknown")),
    live(iam("simulated_nonsense"), explorer("unknown")),
    live(iam("simulation_denied"), explorer("unknown")),
    live(iam("iam_throttling"), explorer("unknown")),
    live(iam("html"), { ...explorer("unknown"), source: "RFC 8952 section 2" }),
    live(iam("hang"), { ...explorer("unknown"), source: "RFC 9112 section 9.5" }),
    live(exported("exports_listed"), listed("granted")),
    live(exported("exports_none"), { capabilities: { data_exports_read: "granted", data_export_present: "denied" } }),
    live(exported("exports_unhealthy"), { capabilities: { data_export_present: "denied" } }),
    live(exported("exports_paged"), listed("granted")),
    live(exported("exports_several"), listed("granted")),
    live(exported("exports_denied"), listed("denied")),
    live(exported("exports_denied_by_header"), listed("denied")),
    live(exported("exports_throttled"), listed("unknown")),
    live(exported("exports_failed"), listed("unknown")),
    live(exported("export_costs"), listed("unknown")),
    live(exported("export_focus"), listed("unknown")),
    live(exported("export_carbon"), listed("unknown")),
    live(exported("html"), { ...listed("unknown"), source: "RFC 8952 section 2" }),
  ];
}
