import { awsRole } from "../simulators/clouds/aws.ts";
import { costs, eitherRows } from "./aws-either.ts";
import { barred, clock, live, onTheWay, ours, outage, type Row, rowsOf } from "./row.ts";

const sts = (answer: string) => ({ sts: answer });
const assumePage = "docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html";
const word = (cause: string, name: string, source = assumePage) => ({
  name,
  source,
  credential: awsRole.credential(cause),
});
const install = "Trust relationships";

export const awsIamRows: readonly Row[] = rowsOf("AWS_IAM", [
  live({}, { name: "a role that opens for us and stays shut for others", source: assumePage, ...costs }),
  barred({}, "trust_policy_too_wide", install, word("wide", "a role that opens for any audience")),
  barred({}, "trust_not_matching", install, word("narrow", "a role of another organization")),
  barred({}, "trust_not_matching", install, word("gone", "no such role")),
  barred({}, "trust_setup", "delete the provider", word("oidc", "an identity provider of its own for Google")),
  barred(sts("assume_denied"), "trust_not_matching", install),
  barred(sts("no_provider"), "trust_setup", "delete the provider"),
  barred(sts("wrong_audience"), "trust_setup", "delete the provider"),
  barred(sts("arn_invalid"), "role_unknown", "copy it again", { undocumented: true }),
  outage(sts("no_verification_key")),
  outage(sts("idp_unreachable")),
  ours(sts("not_a_jwt"), { reason: "token", remedy: "tell the operator", undocumented: true }),
  ours(sts("token_expired"), { reason: "token", remedy: "tell the operator" }),
  ours(sts("claim_rejected"), { reason: "token", remedy: "tell the operator" }),
  ours(sts("policy_too_large"), { reason: "request", remedy: "tell the operator" }),
  ours(sts("policy_malformed"), { reason: "request", remedy: "tell the operator" }),
  ours(sts("session_too_long"), { reason: "session_length", remedy: "tell the operator" }),
  ours(sts("validation_other"), { reason: "request", remedy: "tell the operator" }),
  clock(sts("request_expired"), { reason: "clock", remedy: "tell the operator" }),
  ...eitherRows(awsRole.credential),
  ...onTheWay("sts"),
]);
