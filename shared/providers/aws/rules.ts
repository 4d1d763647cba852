import type { Reply, Silence } from "../../contract/answer.ts";
import type { Credential } from "../../contract/secret.ts";
import type { Finding } from "../../contract/verdict.ts";
import { type AnswerRules, readAnswer, unexpected401, when } from "../../registry/read-answer.ts";

type Rules = AnswerRules["rules"];

const CODE = "error.code";
/** The code tells, as the SDK has it too; its status is not the same in all services. */
const refused = [400, 403];
/** How AWS words a signature whose time is off; the same code stands for a wrong secret. */
const CLOCK = "^signature (?:expired|not yet current)|must be within \\d+ minutes|not within \\d+ minutes";

/**
 * What every service of AWS may answer and what says nothing of the credential. Throttling comes with HTTP 400.
 * Source: https://docs.aws.amazon.com/STS/latest/APIReference/CommonErrors.html, read 2026-11-20.
 */
const common: Rules = [
  unexpected401,
  when(
    [400, 403, 429, 503],
    CODE,
    /^(?:throttling|throttlingexception|throttledexception|requestlimitexceeded|requestthrottled|requestthrottledexception|toomanyrequestsexception|slowdown|limitexceededexception)$/,
    "rate_limited",
  ),
  when(refused, CODE, "RegionDisabledException", "unreachable", "region_blocked"),
  when(refused, CODE, /^(?:requestexpired|requesttimetooskewed)$/, "service_misconfigured", "clock"),
  {
    ...when(refused, CODE, /^(?:signaturedoesnotmatch|invalidsignatureexception)$/, "service_misconfigured", "clock"),
    and: { at: "error.message", matches: CLOCK },
  },
  when(
    refused,
    CODE,
    /^(?:incompletesignature|incompletesignatureexception|missingauthenticationtoken|missingauthenticationtokenexception)$/,
    "service_misconfigured",
    "request",
  ),
];

/** How an access key is refused, whatever it asks for. */
const keyRefusals: Rules = [
  when(refused, CODE, "InvalidClientTokenId", "rejected", "unknown_key"),
  when(refused, CODE, "SignatureDoesNotMatch", "rejected", "wrong_secret"),
  when(refused, CODE, /^(?:expiredtoken|expiredtokenexception)$/, "expired"),
  when(refused, CODE, "OptInRequired", "forbidden", "account_not_active"), // unverified
];

/** An access key's answer to GetCallerIdentity, for which no permission is needed. */
export const whoAmI: AnswerRules = {
  success: { status: 200, has: "answer.GetCallerIdentityResponse.GetCallerIdentityResult.Account", is: "string" },
  rules: [
    ...common,
    ...keyRefusals,
    when(refused, CODE, /^(?:accessdenied|accessdeniedexception)$/, "forbidden", "identity_denied"),
  ],
};

/** An access key's answer to GetFederationToken. */
export const federationToken: AnswerRules = {
  success: {
    status: 200,
    has: "answer.GetFederationTokenResponse.GetFederationTokenResult.Credentials.SessionToken",
    is: "string",
  },
  rules: [
    ...common,
    when(refused, CODE, /^(?:packedpolicytoolarge|malformedpolicydocument)$/, "service_misconfigured", "request"),
    when(refused, CODE, /^(?:accessdenied|accessdeniedexception)$/, "forbidden", "token_unsupported"),
    ...keyRefusals,
  ],
};

/**
 * A role's answer to AssumeRoleWithWebIdentity. A role itself is never rejected: AWS says the same where it does not
 * exist, where it is another account's and where its conditions do not match. InvalidIdentityToken is about our token
 * where its text says so, else about how the account was made to trust it.
 */
export const assumedRole: AnswerRules = {
  success: {
    status: 200,
    has: "answer.AssumeRoleWithWebIdentityResponse.AssumeRoleWithWebIdentityResult.Credentials.SessionToken",
    is: "string",
  },
  rules: [
    ...common,
    when(refused, CODE, /^(?:expiredtoken|expiredtokenexception|idprejectedclaim)$/, "service_misconfigured", "token"),
    when(refused, CODE, "IDPCommunicationError", "unreachable", "unavailable"),
    {
      ...when(refused, CODE, "InvalidIdentityToken", "unreachable", "unavailable"),
      and: { at: "error.message", matches: "retrieve verification key|try again" },
    },
    {
      ...when(refused, CODE, "InvalidIdentityToken", "service_misconfigured", "token"),
      and: { at: "error.message", matches: "expired|not a valid jwt|signature|missing a required claim|issued in the" },
    },
    when(refused, CODE, "InvalidIdentityToken", "forbidden", "trust_setup"),
    when(refused, CODE, /^(?:packedpolicytoolarge|malformedpolicydocument)$/, "service_misconfigured", "request"),
    {
      ...when(refused, CODE, "ValidationError", "service_misconfigured", "session_length"),
      and: { at: "error.message", matches: "durationseconds|maxsessionduration" },
    },
    {
      ...when(refused, CODE, "ValidationError", "forbidden", "role_unknown"),
      and: { at: "error.message", matches: "request arn is invalid|'rolearn' failed|invalid principal" },
    },
    when(refused, CODE, "ValidationError", "service_misconfigured", "request"),
    when(refused, CODE, /^(?:accessdenied|accessdeniedexception)$/, "forbidden", "trust_not_matching"),
  ],
};

/** What a capability's question is answered with: denied, or anything else that leaves it unknown. */
export function capabilityRules(has: string, is?: "array"): AnswerRules {
  return {
    success: { status: 200, has: `answer.${has}`, ...(is ? { is } : {}) },
    rules: [...common, when(refused, CODE, /^(?:accessdenied|accessdeniedexception)$/, "forbidden")],
  };
}

/** Reads an answer; the secrets are given so that no part of one is kept. */
export function read(rules: AnswerRules, answer: Reply | Silence, secrets: Credential, now: number): Finding {
  return readAnswer(rules, answer, { credential: secrets, now });
}
