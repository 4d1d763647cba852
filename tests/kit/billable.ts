import type { Request } from "./stage.ts";

/** Questions that cost money at some provider, or do what nobody asked for. */
const BILLABLE: ReadonlyArray<(asked: Request) => boolean> = [
  ({ method, path }) =>
    method === "POST" &&
    /\/(?:chat|messages|completions|responses|embeddings|generate|rerank|images|audio|moderations|sonar)(?:\/completions|\/generations)?(?:\?|$)/.test(
      path,
    ),
  ({ path }) => /:(?:generateContent|streamGenerateContent|predict|embedContent)\b/.test(path),
  // Of AWS only what is named here is asked: Cost Explorer takes a cent a question.
  ({ headers }) =>
    headers["x-amz-target"] !== undefined &&
    !/^AWSBillingAndCostManagementDataExports\.(?:ListExports|GetExport)$/.test(headers["x-amz-target"]),
  ({ body }) => !FREE_ACTIONS.has(new URLSearchParams(body).get("Action") ?? "GetCallerIdentity"),
  // A BigQuery job that is not a dry run is charged by what it scans.
  ({ method, path, body }) =>
    method === "POST" && /\/projects\/[^/]+\/(?:jobs|queries)(?:\?|$)/.test(path) && !/"dryRun"\s*:\s*true/.test(body),
  ({ method }) => method !== "GET" && method !== "POST" && method !== "HEAD",
];

const FREE_ACTIONS: ReadonlySet<string> = new Set([
  "GetCallerIdentity",
  "AssumeRoleWithWebIdentity",
  "SimulatePrincipalPolicy",
]);

/** What was asked and must not be: `POST /v1/messages`. */
export function billableIn(asked: readonly Request[]): string[] {
  return asked
    .filter((one) => BILLABLE.some((costs) => costs(one)))
    .map(({ method, path }) => `asks what may cost money: ${method} ${path.split("?")[0]}`);
}
