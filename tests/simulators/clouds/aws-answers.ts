import { answer, type Fixture } from "../fixture.ts";

const STS = "https://sts.amazonaws.com/doc/2011-06-15/";
const IAM = "https://iam.amazonaws.com/doc/2010-05-08/";
const xml = { "content-type": "text/xml" };
const json = { "content-type": "application/x-amz-json-1.1" };

/** Pages and packages that answers were read from, all on 2026-11-20. */
const from = {
  common: "docs.aws.amazon.com/STS/latest/APIReference/CommonErrors.html",
  model: "botocore 1.43.11 sts/2011-06-15/service-2.json (code and status)",
  assume: "docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html",
  whoami: "docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html",
  federation: "docs.aws.amazon.com/STS/latest/APIReference/API_GetFederationToken.html",
  simulate: "docs.aws.amazon.com/IAM/latest/APIReference/API_SimulatePrincipalPolicy.html",
  exports: "botocore 1.43.11 bcm-data-exports/2023-11-26/service-2.json",
  moto: "moto 5.2.1 moto/core/exceptions.py, as AWS answers",
} as const;

type Reads = Parameters<typeof answer>[2];

function at(endpoint: string, fixture: Fixture): Fixture {
  return { ...fixture, endpoint };
}

function refusal(name: string, status: number, reads: Reads, source: string, code: string, message: string): Fixture {
  const type = status < 500 ? "Sender" : "Receiver";
  const body = `<ErrorResponse xmlns="${STS}">\n  <Error>\n    <Type>${type}</Type>\n    <Code>${code}</Code>\n    <Message>${message}</Message>\n  </Error>\n  <RequestId>{request_id}</RequestId>\n</ErrorResponse>\n`;
  return at("sts", answer(name, status, reads, source, body, xml));
}

const misconfigured = (reason: string): Reads => ["service_misconfigured", reason];

/** What STS may answer to either kind of credential. */
const either: readonly Fixture[] = [
  refusal("throttling", 400, "rate_limited", from.common, "Throttling", "Rate exceeded"),
  refusal("throttling_exception", 400, "rate_limited", from.common, "ThrottlingException", "Rate exceeded"),
  refusal("request_limit", 503, "rate_limited", from.common, "RequestLimitExceeded", "Request limit exceeded."),
  refusal(
    "region_disabled",
    403,
    ["unreachable", "region_blocked"],
    from.model,
    "RegionDisabledException",
    "STS is not activated in this region for account:111122223333. Your account administrator can activate STS in this region using the IAM Console.",
  ),
  refusal("internal_failure", 500, ["unreachable", "unavailable"], from.common, "InternalFailure", "Internal failure"),
  refusal("unavailable", 503, ["unreachable", "unavailable"], from.common, "ServiceUnavailable", "Service unavailable"),
  refusal("request_expired", 400, misconfigured("clock"), from.common, "RequestExpired", "Request has expired."),
  refusal(
    "unknown_code",
    400,
    ["unreachable", "unexpected_response"],
    "undocumented",
    "SomethingNew",
    "Something that nobody has seen yet.",
  ),
  at(
    "sts",
    answer(
      "html_403",
      403,
      ["unreachable", "unexpected_response"],
      "ladder: a proxy's page with AWS's word in it",
      "<html><body><h1>403 Forbidden</h1><p>AccessDenied InvalidClientTokenId</p></body></html>",
    ),
  ),
  at(
    "sts",
    answer(
      "s3_error_403",
      403,
      ["unreachable", "unexpected_response"],
      "ladder: another service's error, without the root that STS writes",
      "<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>",
      xml,
    ),
  ),
  at(
    "sts",
    answer("json_403", 403, ["unreachable", "unexpected_response"], "ladder: a gateway's JSON where STS writes XML", {
      Error: { Code: "InvalidClientTokenId" },
      message: "The security token included in the request is invalid.",
    }),
  ),
];

export const roleAnswers: readonly Fixture[] = [
  refusal(
    "assume_denied",
    403,
    ["forbidden", "trust_not_matching"],
    "github.com/aws/aws-sdk-js-v3/issues/6225",
    "AccessDenied",
    "Not authorized to perform sts:AssumeRoleWithWebIdentity",
  ),
  refusal(
    "no_provider",
    400,
    ["forbidden", "trust_setup"],
    "github.com/mozilla-iam/mozilla-aws-cli/issues/127",
    "InvalidIdentityToken",
    "No OpenIDConnect provider found in your account for https://accounts.google.com",
  ),
  refusal(
    "wrong_audience",
    400,
    ["forbidden", "trust_setup"],
    "github.com/awslabs/amazon-eks-irsa-cfn/pull/18",
    "InvalidIdentityToken",
    "Incorrect token audience",
  ),
  refusal(
    "no_verification_key",
    400,
    ["unreachable", "unavailable"],
    "repost.aws/knowledge-center/iam-sts-invalididentitytoken",
    "InvalidIdentityToken",
    "Couldn't retrieve verification key from your identity provider,  please reference AssumeRoleWithWebIdentity documentation for requirements",
  ),
  refusal(
    "not_a_jwt",
    400,
    misconfigured("token"),
    "undocumented wording of InvalidIdentityToken",
    "InvalidIdentityToken",
    "The ID Token provided is not a valid JWT. (You may see this error if you sent an Access Token)",
  ),
  refusal(
    "token_expired",
    400,
    misconfigured("token"),
    from.assume,
    "ExpiredTokenException",
    "Token expired: current date/time 1795176000 must be before the expiration date/time 1795172400",
  ),
  refusal(
    "claim_rejected",
    403,
    misconfigured("token"),
    "github.com/aws/aws-sdk-js/issues/198",
    "IDPRejectedClaim",
    "accounts.google.com: the identity provider responded with HTTP/1.1 400 Bad Request",
  ),
  refusal(
    "idp_unreachable",
    400,
    ["unreachable", "unavailable"],
    from.assume,
    "IDPCommunicationError",
    "An error occurred while accessing the identity provider's keys",
  ),
  refusal(
    "policy_too_large",
    400,
    misconfigured("request"),
    from.assume,
    "PackedPolicyTooLarge",
    "Serialized token too large for session: 120%",
  ),
  refusal(
    "policy_malformed",
    400,
    misconfigured("request"),
    from.assume,
    "MalformedPolicyDocument",
    "Syntax errors in policy.",
  ),
  refusal(
    "arn_invalid",
    400,
    ["forbidden", "role_unknown"],
    "undocumented wording of ValidationError",
    "ValidationError",
    "Request ARN is invalid",
  ),
  refusal(
    "session_too_long",
    400,
    misconfigured("session_length"),
    "github.com/kreuzwerker/awsu/issues/27",
    "ValidationError",
    "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.",
  ),
  refusal(
    "validation_other",
    400,
    misconfigured("request"),
    from.moto,
    "ValidationError",
    "1 validation error detected: Value 'x' at 'roleSessionName' failed to satisfy constraint: Member must have length greater than or equal to 2",
  ),
  ...either,
];

export const keyAnswers: readonly Fixture[] = [
  refusal(
    "unknown_key",
    403,
    ["rejected", "unknown_key"],
    from.moto,
    "InvalidClientTokenId",
    "The security token included in the request is invalid.",
  ),
  refusal(
    "wrong_secret",
    403,
    ["rejected", "wrong_secret"],
    "awsteele.com/blog/2021/10/24/aws-sigv4-caching.html",
    "SignatureDoesNotMatch",
    "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details.",
  ),
  refusal(
    "clock_behind",
    403,
    misconfigured("clock"),
    "github.com/aws/aws-cli/issues/6676",
    "SignatureDoesNotMatch",
    "Signature expired: 20261120T114500Z is now earlier than 20261120T115000Z (20261120T120500Z - 15 min.)",
  ),
  refusal(
    "clock_ahead",
    403,
    misconfigured("clock"),
    "github.com/QT-DevOps/DevOpsIssues/issues/989",
    "SignatureDoesNotMatch",
    "Signature not yet current: 20261120T121000Z is still later than 20261120T120500Z (20261120T115000Z + 15 min.)",
  ),
  refusal(
    "session_expired",
    403,
    "expired",
    "undocumented for long-lived keys",
    "ExpiredToken",
    "The security token included in the request is expired",
  ),
  refusal(
    "session_expired_exception",
    400,
    "expired",
    from.common,
    "ExpiredTokenException",
    "The security token included in the request is expired",
  ),
  refusal(
    "signature_incomplete",
    400,
    misconfigured("request"),
    from.common,
    "IncompleteSignature",
    "Authorization header requires 'Signature' parameter.",
  ),
  refusal(
    "token_missing",
    403,
    misconfigured("request"),
    from.common,
    "MissingAuthenticationToken",
    "Request is missing Authentication Token",
  ),
  refusal(
    "denied",
    403,
    ["forbidden", "identity_denied"],
    from.common,
    "AccessDenied",
    "User: arn:aws:iam::111122223333:user/CloudActCostReader is not authorized to perform: sts:GetCallerIdentity with an explicit deny in a VPC endpoint policy",
  ),
  refusal(
    "opt_in",
    403,
    ["forbidden", "account_not_active"],
    from.common,
    "OptInRequired",
    "The AWS Access Key Id needs a subscription for the service",
  ),
  refusal(
    "federation_denied",
    403,
    null,
    "github.com/ryanto/next-s3-upload/issues/182",
    "AccessDenied",
    "User: arn:aws:iam::111122223333:user/CloudActCostReader is not authorized to perform: sts:GetFederationToken on resource: arn:aws:sts::111122223333:federated-user/cloudact-cloud.aws.cost.billing",
  ),
  ...either,
];

/** Answers of IAM and of Data Exports: none of them changes what the credential is. */
export const costAnswers: readonly Fixture[] = [
  at("iam", simulation("simulated_allowed", "ce:GetCostAndUsage", "allowed")),
  at("iam", simulation("simulated_denied", "ce:GetCostAndUsage", "implicitDeny")),
  at("iam", simulation("simulated_explicit", "ce:GetCostAndUsage", "explicitDeny")),
  at(
    "iam",
    simulation(
      "simulated_by_organization",
      "ce:GetCostAndUsage",
      "implicitDeny",
      "<OrganizationsDecisionDetail><AllowedByOrganizations>false</AllowedByOrganizations></OrganizationsDecisionDetail>",
    ),
  ),
  at(
    "iam",
    simulation(
      "simulated_with_condition",
      "ce:GetCostAndUsage",
      "implicitDeny",
      "<MissingContextValues><member>aws:sourceip</member></MissingContextValues>",
    ),
  ),
  at("iam", simulation("simulated_other_action", "s3:DeleteBucket", "allowed")),
  at("iam", simulation("simulated_nonsense", "ce:GetCostAndUsage", "perhaps")),
  at(
    "iam",
    answer(
      "simulation_denied",
      403,
      "valid",
      "docs.aws.amazon.com/IAM/latest/APIReference/CommonErrors.html",
      `<ErrorResponse xmlns="${IAM}"><Error><Type>Sender</Type><Code>AccessDenied</Code><Message>User: arn:aws:sts::111122223333:assumed-role/CloudActCostReader/cloudact-validation is not authorized to perform: iam:SimulatePrincipalPolicy on resource: role CloudActCostReader because no identity-based policy allows the iam:SimulatePrincipalPolicy action</Message></Error><RequestId>{request_id}</RequestId></ErrorResponse>`,
      xml,
    ),
  ),
  at(
    "iam",
    answer(
      "iam_throttling",
      400,
      "valid",
      "docs.aws.amazon.com/IAM/latest/APIReference/CommonErrors.html",
      `<ErrorResponse xmlns="${IAM}"><Error><Type>Sender</Type><Code>Throttling</Code><Message>Rate exceeded</Message></Error><RequestId>{request_id}</RequestId></ErrorResponse>`,
      xml,
    ),
  ),
  at("exports", listed("exports_listed", [exported("cloudact-costs", "HEALTHY")])),
  at("exports", listed("exports_none", [])),
  at("exports", listed("exports_unhealthy", [exported("cloudact-costs", "UNHEALTHY")])),
  at("exports", listed("exports_paged", [exported("other", "HEALTHY")], "page-2")),
  at("exports", listed("exports_several", [exported("carbon", "HEALTHY"), exported("cloudact-costs", "HEALTHY")])),
  at(
    "exports",
    answer(
      "exports_denied",
      400,
      "valid",
      "docs.aws.amazon.com/aws-cost-management/latest/APIReference/CommonErrors.html",
      {
        __type: "AccessDeniedException",
        Message:
          "User: arn:aws:iam::111122223333:user/CloudActCostReader is not authorized to perform: bcm-data-exports:ListExports",
      },
      json,
    ),
  ),
  at(
    "exports",
    answer(
      "exports_denied_by_header",
      403,
      "valid",
      "smithy.io/2.0/aws/protocols/aws-json-1_1-protocol.html",
      { message: "not authorized" },
      {
        ...json,
        "x-amzn-errortype": "AccessDeniedException:http://internal.amazon.com/coral/com.amazon.coral.service/",
      },
    ),
  ),
  at(
    "exports",
    answer(
      "exports_throttled",
      400,
      "valid",
      from.exports,
      { __type: "ThrottlingException", Message: "Rate exceeded" },
      json,
    ),
  ),
  at(
    "exports",
    answer("exports_failed", 500, "valid", from.exports, { __type: "InternalServerException", Message: "…" }, json),
  ),
  at("exports", exportOf("export_costs", "COST_AND_USAGE_REPORT")),
  at("exports", exportOf("export_focus", "FOCUS_1_0_AWS")),
  at("exports", exportOf("export_carbon", "CARBON_EMISSIONS")),
];

function simulation(name: string, action: string, decision: string, more = ""): Fixture {
  return answer(
    name,
    200,
    "valid",
    from.simulate,
    `<SimulatePrincipalPolicyResponse xmlns="${IAM}">\n  <SimulatePrincipalPolicyResult>\n    <IsTruncated>false</IsTruncated>\n    <EvaluationResults>\n      <member>\n        <MatchedStatements/>\n        ${more}\n        <EvalResourceName>*</EvalResourceName>\n        <EvalDecision>${decision}</EvalDecision>\n        <EvalActionName>${action}</EvalActionName>\n      </member>\n    </EvaluationResults>\n  </SimulatePrincipalPolicyResult>\n  <ResponseMetadata>\n    <RequestId>{request_id}</RequestId>\n  </ResponseMetadata>\n</SimulatePrincipalPolicyResponse>\n`,
    xml,
  );
}

/** A simulation of one action. */
export function simulated(action: string, decision: string): Fixture {
  return at("iam", simulation("simulated", action, decision));
}

function exported(name: string, status: string) {
  return {
    ExportArn: `arn:aws:bcm-data-exports:us-east-1:111122223333:export/${name}-00000000-0000-4000-8000-000000000000`,
    ExportName: name,
    ExportStatus: { StatusCode: status, CreatedAt: "2026-01-01T00:00:00Z", LastRefreshedAt: "2026-11-20T00:00:00Z" },
  };
}

function listed(name: string, exports: ReturnType<typeof exported>[], next?: string): Fixture {
  return answer(name, 200, "valid", from.exports, { Exports: exports, ...(next ? { NextToken: next } : {}) }, json);
}

/** One export, by the name of it and the table that it is filled from. */
export function exportOf(name: string, table: string, exportName = "cloudact-costs"): Fixture {
  const body = {
    Export: {
      ExportArn: exported(exportName, "HEALTHY").ExportArn,
      Name: exportName,
      DataQuery: { QueryStatement: `SELECT bill_bill_type, line_item_unblended_cost FROM ${table}` },
      DestinationConfigurations: {
        S3Destination: {
          S3Bucket: "example-cost-exports",
          S3Prefix: "cloudact",
          S3Region: "us-east-1",
          S3OutputConfigurations: {
            Compression: "PARQUET",
            Format: "PARQUET",
            OutputType: "CUSTOM",
            Overwrite: "OVERWRITE_REPORT",
          },
        },
      },
      RefreshCadence: { Frequency: "SYNCHRONOUS" },
    },
    ExportStatus: { StatusCode: "HEALTHY" },
  };
  return at("exports", answer(name, 200, name === "export" ? null : "valid", from.exports, body, json));
}

/** Keys of a session as STS hands them out. */
export interface SessionKeys {
  id: string;
  secret: string;
  token: string;
}

const credentials = ({ id, secret, token }: SessionKeys, seconds: number, nowMs: number): string =>
  `<Credentials>\n      <AccessKeyId>${id}</AccessKeyId>\n      <SecretAccessKey>${secret}</SecretAccessKey>\n      <SessionToken>${token}</SessionToken>\n      <Expiration>${new Date(nowMs + seconds * 1_000).toISOString().replace(/\.\d+Z$/, "Z")}</Expiration>\n    </Credentials>`;

/** A role that opened. */
export function assumed(arn: string, subject: string, keys: SessionKeys, seconds: number, nowMs: number): Fixture {
  const body = `<AssumeRoleWithWebIdentityResponse xmlns="${STS}">\n  <AssumeRoleWithWebIdentityResult>\n    <Audience>${subject}</Audience>\n    <AssumedRoleUser>\n      <AssumedRoleId>AROA3XFRBF535PLBIFPI4:${arn.split("/").at(-1)}</AssumedRoleId>\n      <Arn>${arn}</Arn>\n    </AssumedRoleUser>\n    <Provider>accounts.google.com</Provider>\n    ${credentials(keys, seconds, nowMs)}\n    <SubjectFromWebIdentityToken>${subject}</SubjectFromWebIdentityToken>\n  </AssumeRoleWithWebIdentityResult>\n  <ResponseMetadata>\n    <RequestId>{request_id}</RequestId>\n  </ResponseMetadata>\n</AssumeRoleWithWebIdentityResponse>\n`;
  return at("sts", answer("assumed", 200, null, from.assume, body, xml));
}

/** Whose keys they are. */
export function identity(arn: string, account: string): Fixture {
  const body = `<GetCallerIdentityResponse xmlns="${STS}">\n  <GetCallerIdentityResult>\n    <Arn>${arn}</Arn>\n    <UserId>AIDACKCEVSQ6C2EXAMPLE</UserId>\n    <Account>${account}</Account>\n  </GetCallerIdentityResult>\n  <ResponseMetadata>\n    <RequestId>{request_id}</RequestId>\n  </ResponseMetadata>\n</GetCallerIdentityResponse>\n`;
  return at("sts", answer("identity", 200, "valid", from.whoami, body, xml));
}

/** A session of a user. */
export function federated(name: string, account: string, keys: SessionKeys, seconds: number, nowMs: number): Fixture {
  const body = `<GetFederationTokenResponse xmlns="${STS}">\n  <GetFederationTokenResult>\n    ${credentials(keys, seconds, nowMs)}\n    <FederatedUser>\n      <Arn>arn:aws:sts::${account}:federated-user/${name}</Arn>\n      <FederatedUserId>${account}:${name}</FederatedUserId>\n    </FederatedUser>\n    <PackedPolicySize>8</PackedPolicySize>\n  </GetFederationTokenResult>\n  <ResponseMetadata>\n    <RequestId>{request_id}</RequestId>\n  </ResponseMetadata>\n</GetFederationTokenResponse>\n`;
  return at("sts", answer("federated", 200, null, from.federation, body, xml));
}
