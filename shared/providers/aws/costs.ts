import type { Capability, Finding } from "../../contract/verdict.ts";
import { valuesAt } from "../../registry/body-path.ts";
import type { ProbeContext } from "../provider.ts";
import { capabilityRules, read } from "./rules.ts";
import { askSigned, type FreeQuestion } from "./signed.ts";
import type { AwsKeys } from "./sts.ts";

/** All questions about capabilities together: what is not answered by then is unknown, and the verdict stands. */
const PATIENCE_MS = 5_000;

/** A question that belongs to no credential as a whole: what it found, and the answer it was read from. */
interface Asked {
  found: Finding;
  body: unknown;
}

/**
 * How these keys can read costs, by free questions alone: Cost Explorer by simulating the policies of the principal,
 * exports by listing them, looking at one and simulating access to its bucket.
 *
 * @param principal ARN of the role or user; `null` where AWS cannot simulate it, as with a root user
 */
export async function costCapabilities(
  keys: AwsKeys,
  principal: string | null,
  context: ProbeContext,
): Promise<Capability[]> {
  const signal = AbortSignal.timeout(PATIENCE_MS);
  const ask = async (question: FreeQuestion, has: string, is?: "array"): Promise<Asked> => {
    const answer = await askSigned(context, keys, question, signal);
    const found = read(capabilityRules(has, is), answer, { ...keys }, context.now);
    return { found, body: "silence" in answer ? undefined : answer.body };
  };
  const simulate = async (id: string, action: string, on: string | null, reason: string): Promise<Capability> => {
    if (principal === null) return { id, state: "unknown", reason: "root_user" };
    const question = {
      endpoint: "iam",
      action: "SimulatePrincipalPolicy",
      simulate: action,
      of: principal,
      on,
    } as const;
    return simulated(id, await ask(question, RESULTS), action, reason);
  };
  const [explorer, exported] = await Promise.all([
    simulate("cost_explorer_read", "ce:GetCostAndUsage", null, "cost_explorer_denied"),
    exportCapabilities(ask, simulate, context.metadata["export_name"]),
  ]);
  return [explorer, ...exported];
}

const RESULTS = "SimulatePrincipalPolicyResponse.SimulatePrincipalPolicyResult.EvaluationResults";

/**
 * Reads a simulation. It knows neither the values that conditions ask for nor all of an organisation's policies, so a
 * refusal that hangs on one of these is no refusal.
 */
function simulated(id: string, { found, body }: Asked, action: string, reason: string): Capability {
  if (found.outcome !== "valid") return unknown(id, found, "simulation_denied");
  const results = valuesAt(body, `answer.${RESULTS}.member[]`).filter((one) =>
    valuesAt(one, "EvalActionName").some(
      (name) => typeof name === "string" && name.toLowerCase() === action.toLowerCase(),
    ),
  );
  const decisions = results.flatMap((one) => valuesAt(one, "EvalDecision"));
  if (decisions.length === 0) return { id, state: "unknown", reason: "unexpected_response" };
  if (decisions.every((decision) => decision === "allowed")) return { id, state: "granted" };
  if (!decisions.some((decision) => decision === "implicitDeny" || decision === "explicitDeny"))
    return { id, state: "unknown", reason: "unexpected_response" };
  const isUnsure = results.some(
    (one) =>
      valuesAt(one, "MissingContextValues.member[]").length > 0 ||
      valuesAt(one, "OrganizationsDecisionDetail.AllowedByOrganizations").includes("false"),
  );
  return isUnsure ? { id, state: "unknown", reason: "organization_policy" } : { id, state: "denied", reason };
}

/** What exports there are, and whether the one that holds costs can be read. */
async function exportCapabilities(
  ask: (question: FreeQuestion, has: string, is?: "array") => Promise<Asked>,
  simulate: (id: string, action: string, on: string | null, reason: string) => Promise<Capability>,
  named: unknown,
): Promise<Capability[]> {
  const listed = await ask({ endpoint: "exports", action: "ListExports" }, "Exports", "array");
  const list = capability("data_exports_read", listed.found, "data_exports_denied");
  const whole = (present: Capability, reason?: string): Capability[] => [
    list,
    present,
    { ...present, id: "cost_export_read", ...(reason ? { reason } : {}) },
  ];
  const present = "data_export_present";
  if (listed.found.outcome !== "valid") return whole(unknown(present, listed.found, "data_exports_denied"));
  const exports = valuesAt(listed.body, "answer.Exports[]").map(exportIn);
  const isWhole = valuesAt(listed.body, "answer.NextToken").length === 0;
  const known = exports.flatMap((one) => (one === null ? [] : [one]));
  const fitting = typeof named === "string" ? known.filter(({ name }) => name === named) : known;
  const chosen = fitting.find(({ status }) => status === "HEALTHY") ?? fitting[0];
  if (chosen === undefined) {
    if (!isWhole || known.length < exports.length) return whole({ id: present, state: "unknown", reason: "too_many" });
    return whole({ id: present, state: "denied", reason: exports.length > 0 ? "export_not_found" : "no_data_export" });
  }
  if (chosen.status === "UNHEALTHY") return whole({ id: present, state: "denied", reason: "export_unhealthy" });
  const there: Capability = { id: present, state: chosen.status === "HEALTHY" ? "granted" : "unknown" };
  const isOnly = typeof named === "string" || (exports.length === 1 && isWhole);
  return [list, there, await bucketCapability(ask, simulate, chosen, isOnly)];
}

/** One export: what it holds, where it goes, and whether what it writes there may be read. */
async function bucketCapability(
  ask: (question: FreeQuestion, has: string) => Promise<Asked>,
  simulate: (id: string, action: string, on: string, reason: string) => Promise<Capability>,
  { arn, name }: Export,
  isOnly: boolean,
): Promise<Capability> {
  const id = "cost_export_read";
  const { found, body } = await ask({ endpoint: "exports", action: "GetExport", arn }, "Export");
  if (found.outcome !== "valid") return unknown(id, found, "export_details_denied");
  const text = (path: string): string => {
    const [value] = valuesAt(body, `answer.Export.${path}`);
    return typeof value === "string" ? value : "";
  };
  if (!COSTS.test(text("DataQuery.QueryStatement").slice(-2_000)))
    return isOnly
      ? { id, state: "denied", reason: "export_not_costs" }
      : { id, state: "unknown", reason: "export_unnamed" };
  const bucket = text("DestinationConfigurations.S3Destination.S3Bucket");
  const written = text("DestinationConfigurations.S3Destination.S3Prefix");
  if (!BUCKET.test(bucket) || !PREFIX.test(written)) return { id, state: "unknown", reason: "unexpected_response" };
  const prefix = written.replaceAll(/^\/+|\/+$/g, "");
  const object = `arn:aws:s3:::${bucket}/${prefix === "" ? "" : `${prefix}/`}${name}/data`;
  return await simulate(id, "s3:GetObject", object, "export_bucket_denied");
}

/** Tables that hold costs. Source: https://docs.aws.amazon.com/cur/latest/userguide/dataexports-table-dictionary.html, read 2026-11-20. */
const COSTS = /\bfrom\s+(?:cost_and_usage_report|focus_[0-9a-z_]+)\b/i;
const BUCKET = /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/;
const PREFIX = /^[A-Za-z0-9!_.*'()/-]{0,400}$/;

interface Export {
  arn: string;
  name: string;
  status: string | null;
}

function exportIn(listed: unknown): Export | null {
  const [arn] = valuesAt(listed, "ExportArn");
  const [name] = valuesAt(listed, "ExportName");
  const [status] = valuesAt(listed, "ExportStatus.StatusCode");
  if (typeof arn !== "string" || !/^arn:aws:bcm-data-exports:[\x21-\x7e]{1,300}$/.test(arn)) return null;
  if (typeof name !== "string" || !/^[0-9A-Za-z_-]{1,128}$/.test(name)) return null;
  return { arn, name, status: typeof status === "string" ? status : null };
}

function capability(id: string, found: Finding, reason: string): Capability {
  if (found.outcome === "valid") return { id, state: "granted" };
  if (found.outcome === "forbidden") return { id, state: "denied", reason };
  return { id, state: "unknown", reason: found.reason ?? found.outcome };
}

/** Unknown, for the reason that stands where the question itself was denied. */
function unknown(id: string, found: Finding, denied: string): Capability {
  return { id, state: "unknown", reason: found.outcome === "forbidden" ? denied : (found.reason ?? found.outcome) };
}
