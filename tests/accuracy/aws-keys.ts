import { awsKeys } from "../simulators/clouds/aws.ts";
import { costs, eitherRows } from "./aws-either.ts";
import { barred, clock, dead, ended, live, onTheWay, ours, type Row, rowsOf } from "./row.ts";

const sts = (answer: string) => ({ sts: answer });
const whoPage = "docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html";
const word = (cause: string, name: string, source = whoPage) => ({
  name,
  source,
  credential: awsKeys.credential(cause),
});

export const awsKeysRows: readonly Row[] = rowsOf("AWS_KEYS", [
  live({}, { name: "a user's key", source: whoPage, ...costs }),
  live({}, { ...word("root", "the root user's key"), reason: "root_user", remedy: "delete it" }),
  dead({}, "secret does not belong to it", { ...word("wrong", "a secret of another key"), reason: "wrong_secret" }),
  dead(sts("unknown_key"), "activate it or create a new one", { reason: "unknown_key" }),
  dead(sts("wrong_secret"), "secret does not belong to it", { reason: "wrong_secret" }),
  clock(sts("clock_behind"), { reason: "clock", remedy: "tell the operator" }),
  clock(sts("clock_ahead"), { reason: "clock", remedy: "tell the operator" }),
  clock(sts("request_expired"), { reason: "clock", remedy: "tell the operator" }),
  ended(sts("session_expired"), "create a new one", { undocumented: true }),
  ended(sts("session_expired_exception"), "create a new one"),
  ours(sts("signature_incomplete"), { reason: "request", remedy: "tell the operator" }),
  ours(sts("token_missing"), { reason: "request", remedy: "tell the operator" }),
  barred(sts("denied"), "identity_denied", "outside your network"),
  barred(sts("opt_in"), "account_not_active", "finish its registration"),
  ...eitherRows(awsKeys.credential),
  ...onTheWay("sts"),
]);
