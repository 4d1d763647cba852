import type { Reply, Silence } from "../../contract/answer.ts";
import { Secret, type StandIn } from "../../contract/secret.ts";
import { valuesAt } from "../../registry/body-path.ts";
import type { Entry } from "../../registry/entry.ts";
import type { AwsKeys } from "./sts.ts";

/** Keys that end by themselves. */
export interface Session {
  keys: Required<AwsKeys>;
  /** RFC 3339 UTC. */
  expiresAt: string;
}

/** The validator's own session: the free questions and nothing else, however much the role may do. */
export const probePolicy = policyOf([
  "sts:GetCallerIdentity",
  "iam:SimulatePrincipalPolicy",
  "bcm-data-exports:ListExports",
  "bcm-data-exports:GetExport",
]);
/** A session that must not come about, and that may do nothing if it does. */
export const nothingPolicy = policyOf(["*"], "Deny");

/** What a pipeline's session may do: the actions that the registry lists for it; `null` where it lists none. */
export function pipelinePolicy(entry: Entry, pipeline: string): string | null {
  const actions = entry.pipelines.find(({ id }) => id === pipeline)?.session_actions ?? [];
  return actions.length === 0 ? null : policyOf(actions);
}

function policyOf(actions: readonly string[], effect: "Allow" | "Deny" = "Allow"): string {
  const statement = { Effect: effect, Action: actions, Resource: "*" };
  return JSON.stringify({ Version: "2012-10-17", Statement: [statement] });
}

/** How a session is called in the customer's CloudTrail: at most 32 characters, which GetFederationToken takes as well. */
export function sessionName(purpose: string): string {
  return `cloudact-${purpose}`.replaceAll(/[^\w+=,.@-]/g, "-").slice(0, 32);
}

/** The session in an STS answer, at this path; `null` where a part is missing or unlike AWS, or where it has ended. */
export function sessionIn(answer: Reply | Silence, path: string, now: number): Session | null {
  if ("silence" in answer) return null;
  const text = (name: string): string => {
    const [value] = valuesAt(answer.body, `${path}.Credentials.${name}`);
    return typeof value === "string" ? value : "";
  };
  const [id, secret, token] = [text("AccessKeyId"), text("SecretAccessKey"), text("SessionToken")];
  const end = text("Expiration");
  const expiry = END.test(end) ? Date.parse(end) : Number.NaN;
  if (!/^[A-Z0-9]{16,128}$/.test(id) || !PRINTABLE.test(secret) || !PRINTABLE.test(token)) return null;
  if (!(expiry > now && expiry <= now + LONGEST_MS)) return null;
  return {
    keys: {
      access_key_id: new Secret(id),
      secret_access_key: new Secret(secret),
      session_token: new Secret(token),
    },
    expiresAt: new Date(expiry).toISOString(),
  };
}

/** RFC 3339 UTC, as STS writes it. */
const END = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,3})?Z$/;
/** No session of AWS lasts longer than 36 hours. */
const LONGEST_MS = 36 * 3_600_000;
const PRINTABLE = /^[\x21-\x7e]{16,8192}$/;

/** A session as a pipeline is handed it. */
export function standIn({ keys, expiresAt }: Session): StandIn {
  return { type: "aws_session", fields: { ...keys }, expires_at: expiresAt };
}
