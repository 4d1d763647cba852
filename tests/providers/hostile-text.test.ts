import { expect, test } from "vitest";
import { adminKeys, fakeKey } from "../registry/the-registry.ts";
import { clouds } from "../simulators/clouds/all.ts";
import { assumed, exportOf, identity, simulated } from "../simulators/clouds/aws-answers.ts";
import { keyIdOf, secretOf, sessionOf } from "../simulators/clouds/aws-keys.ts";
import { NOW } from "./desk.ts";
import { json, probeBy, type Sent } from "./desk-by-question.ts";

/** What makes a regular expression that looks for its end from every place walk 31 billion steps: minutes. */
const LENGTH = 250_000;
const hostile = [":", "/", " ", "a", "*", "."].flatMap((sign) =>
  ["", "x"].flatMap((start) => ["\n", "x"].map((end) => `${start}${sign.repeat(LENGTH)}${end}`)),
);
const MOST_MS = 2_000;

type Reply = (sent: Sent, text: string) => Response | null;
interface Member {
  code: string;
  fields: Record<string, string>;
  /** The member, and the answer that holds it; `null` leaves the question to `usual`. */
  at: string;
  reply: Reply;
  usual: (sent: Sent) => Response;
}

/** Every `{text}` in the answer is the hostile text. */
function filled(body: unknown, text: string): unknown {
  if (typeof body === "string") return body.replace("{text}", () => text);
  if (Array.isArray(body)) return body.map((one) => filled(one, text));
  if (typeof body !== "object" || body === null) return body;
  return Object.fromEntries(Object.entries(body).map(([name, value]) => [name, filled(value, text)]));
}

function members(
  code: string,
  fields: Record<string, string>,
  usual: (sent: Sent) => Response,
  rows: ReadonlyArray<[where: (sent: Sent) => boolean, status: number, body: unknown]>,
): Member[] {
  return rows.map(([where, status, body]) => ({
    code,
    fields,
    usual,
    at: `${status} ${typeof body === "string" ? body.slice(0, 200) : JSON.stringify(body)}`,
    reply: (sent, text) => {
      if (!where(sent)) return null;
      const whole = filled(body, text);
      return typeof whole === "string" ? new Response(whole, { status }) : json(status, whole);
    },
  }));
}

const any = (): boolean => true;
const path =
  (part: string) =>
  ({ url }: Sent): boolean =>
    url.pathname.includes(part);

// AWS
const HEALTHY = { StatusCode: "HEALTHY" };
const ARN = "arn:aws:bcm-data-exports:us-east-1:111122223333:export/costs-1";
const exported = { ExportArn: ARN, ExportName: "costs", ExportStatus: HEALTHY };
const user = "arn:aws:iam::111122223333:user/x";
const target =
  (action: string) =>
  ({ headers, body }: Sent): boolean =>
    (headers.get("x-amz-target") ?? body).includes(action);
const awsUsual = (sent: Sent): Response => {
  if (target("ListExports")(sent)) return json(200, { Exports: [exported] });
  if (target("GetExport")(sent)) return json(200, exportOf("export", "COST_AND_USAGE_REPORT").body);
  if (target("SimulatePrincipalPolicy")(sent))
    return new Response(
      String(simulated(new URLSearchParams(sent.body).get("ActionNames.member.1") ?? "", "allowed").body),
    );
  if (target("AssumeRole")(sent))
    return new Response("<ErrorResponse><Error><Code>AccessDenied</Code></Error></ErrorResponse>", { status: 403 });
  return new Response(String(identity(user, "111122223333").body));
};
const destination = (changed: object) => ({
  Export: {
    DataQuery: { QueryStatement: "SELECT x FROM COST_AND_USAGE_REPORT" },
    DestinationConfigurations: { S3Destination: { S3Bucket: "example", S3Prefix: "x", ...changed } },
  },
});
const xmlError = (code: string, message: string) =>
  `<ErrorResponse><Error><Code>${code}</Code><Message>${message}</Message></Error></ErrorResponse>`;
const session = "arn:aws:sts::111122223333:assumed-role/CloudActCostReader/cloudact-validation";
const opened = String(assumed(session, "1", sessionOf({ arn: session, word: "" }), 900, NOW).body);
const within = (name: string) => opened.replace(new RegExp(`<${name}>[^<]*</${name}>`), `<${name}>{text}</${name}>`);
const aws = [
  ...members("AWS_KEYS", { access_key_id: keyIdOf("good"), secret_access_key: secretOf(keyIdOf("good")) }, awsUsual, [
    [target("GetCallerIdentity"), 403, xmlError("{text}", "")],
    [target("GetCallerIdentity"), 403, xmlError("SignatureDoesNotMatch", "{text}")],
    [target("GetCallerIdentity"), 200, String(identity(user, "{text}").body)],
    [target("GetCallerIdentity"), 200, String(identity("{text}", "111122223333").body)],
    [target("Simulate"), 200, String(simulated("{text}", "allowed").body)],
    [target("Simulate"), 200, String(simulated("ce:GetCostAndUsage", "{text}").body)],
    [target("ListExports"), 400, { __type: "{text}" }],
    [target("ListExports"), 400, { __type: "AccessDeniedException", message: "{text}" }],
    [target("ListExports"), 400, { __type: "AccessDeniedException", Message: "{text}" }],
    [target("ListExports"), 200, { Exports: [{ ...exported, ExportArn: "{text}" }] }],
    [target("ListExports"), 200, { Exports: [{ ...exported, ExportArn: "arn:aws:bcm-data-exports:{text}" }] }],
    [target("ListExports"), 200, { Exports: [{ ...exported, ExportName: "{text}" }] }],
    [target("ListExports"), 200, { Exports: [{ ...exported, ExportStatus: { StatusCode: "{text}" } }] }],
    [target("ListExports"), 200, { Exports: [exported], NextToken: "{text}" }],
    [target("GetExport"), 200, destination({ S3Prefix: "{text}" })],
    [target("GetExport"), 200, destination({ S3Bucket: "{text}" })],
    [target("GetExport"), 200, { Export: { DataQuery: { QueryStatement: "{text}" } } }],
  ]),
  ...members("AWS_IAM", { role_arn: "arn:aws:iam::111122223333:role/CloudActCostReader" }, awsUsual, [
    [target("AssumeRole"), 403, xmlError("{text}", "")],
    [target("AssumeRole"), 400, xmlError("InvalidIdentityToken", "{text}")],
    [target("AssumeRole"), 400, xmlError("ValidationError", "{text}")],
    ...["Arn", "AccessKeyId", "SecretAccessKey", "SessionToken", "Expiration"].map(
      (name): [(sent: Sent) => boolean, number, string] => [target("AssumeRole"), 200, within(name)],
    ),
  ]),
];

// AI providers
const openaiUsual = (): Response => json(200, { object: "page", data: [] });
const openai = members("OPENAI", { api_key: adminKeys.OPENAI }, openaiUsual, [
  ...["message", "code", "type"].flatMap((name) =>
    [401, 403].map((status): [(sent: Sent) => boolean, number, unknown] => [
      any,
      status,
      { error: { type: "invalid_request_error", [name]: "{text}" } },
    ]),
  ),
  [any, 403, { error: "{text}" }],
  [any, 200, { object: "{text}", data: [] }],
  [any, 200, { object: "page", data: [], request_id: "{text}" }],
  ...["{text}", "sk-admin-{text}", "sk-admin-*{text}"].map(
    (redacted_value): [(sent: Sent) => boolean, number, unknown] => [
      path("admin_api_keys"),
      200,
      { data: [{ redacted_value, expires_at: 1_900_000_000 }] },
    ],
  ),
  [path("admin_api_keys"), 200, { data: [], has_more: true, last_id: "{text}" }],
]);
const anthropicUsual = ({ url }: Sent): Response =>
  url.pathname.endsWith("/me")
    ? json(200, { id: "org", type: "organization" })
    : json(200, { data: [], has_more: false });
const anthropic = members("ANTHROPIC", { api_key: adminKeys.ANTHROPIC }, anthropicUsual, [
  [any, 401, { type: "error", error: { type: "{text}", message: "" } }],
  [any, 403, { type: "error", error: { type: "", message: "{text}" } }],
  [any, 400, { type: "error", error: { type: "", message: "", details: { error_code: "{text}" } } }],
  [any, 401, { type: "{text}", error: { type: "authentication_error" } }],
  [
    path("api_keys"),
    200,
    { data: [{ status: "active", partial_key_hint: "{text}", expires_at: "2027-01-01T00:00:00Z" }] },
  ],
  [path("api_keys"), 200, { data: [{ status: "active", partial_key_hint: "sk-ant-admin01-a{text}" }] }],
  [path("api_keys"), 200, { data: [{ status: "{text}" }] }],
]);
const ladder = members("MISTRAL", { api_key: fakeKey("MISTRAL") }, () => json(200, {}), [
  ...["message", "detail", "error", "code", "type"].map((name): [(sent: Sent) => boolean, number, unknown] => [
    any,
    401,
    { [name]: "{text}" },
  ]),
  [any, 401, { message: "invalid {text}" }],
  [any, 429, { error: { details: [{ retryDelay: "{text}" }] } }],
]);

// Azure
const id = "00000000-0000-4000-8000-000000000001";
const azureUsual = ({ url }: Sent): Response => {
  if (url.pathname.endsWith("/token"))
    return json(200, { token_type: "Bearer", access_token: "x".repeat(40), expires_in: 3_600 });
  if (url.pathname.endsWith("/permissions")) return json(200, { value: [{ actions: ["*"], notActions: [] }] });
  return json(200, { value: [{ subscriptionId: id, state: "Enabled" }] });
};
const azure = members(
  "AZURE",
  {
    tenant_id: "00000000-0000-4000-8000-000000000002",
    client_id: "00000000-0000-4000-8000-000000000003",
    client_secret: "abc8Q~abcdefghijklmnopqrstuvwxyz01234567",
    subscription_id: id,
  },
  azureUsual,
  [
    ...["error", "error_description", "trace_id"].map((name): [(sent: Sent) => boolean, number, unknown] => [
      path("/token"),
      400,
      { error: "invalid_client", error_description: "AADSTS1: x", error_codes: [7000215], [name]: "{text}" },
    ]),
    [path("/token"), 400, { error: "invalid_client", error_description: "AADSTS1{text}" }],
    ...["token_type", "access_token", "expires_in"].map((name): [(sent: Sent) => boolean, number, unknown] => [
      path("/token"),
      200,
      { token_type: "Bearer", access_token: "x".repeat(40), expires_in: 3_600, [name]: "{text}" },
    ]),
    [path("/subscriptions"), 403, { error: { code: "{text}", message: "" } }],
    [path("/subscriptions"), 403, { error: { code: "AuthorizationFailed", message: "{text}" } }],
    [path("/subscriptions"), 200, { value: [{ subscriptionId: "{text}" }] }],
    [path("/subscriptions"), 200, { value: [{ subscriptionId: id, state: "{text}" }] }],
    [path("/permissions"), 200, { value: [{ actions: ["{text}"], notActions: [] }] }],
    [path("/permissions"), 200, { value: [{ actions: ["*"], notActions: ["*{text}*"] }] }],
    [path("/permissions"), 200, { value: [], nextLink: "{text}" }],
  ],
);

// Google
const table = {
  kind: "bigquery#table",
  location: "US",
  tableReference: { tableId: "t" },
  lastModifiedTime: String(NOW),
  numRows: "1",
};
const schema = { fields: ["billing_account_id", "usage_start_time", "cost"].map((name) => ({ name })) };
const googleUsual = ({ url }: Sent): Response => {
  if (url.pathname.endsWith("/token"))
    return json(200, { token_type: "Bearer", access_token: "x".repeat(40), expires_in: 3_600 });
  if (url.pathname.endsWith("/datasets"))
    return json(200, { datasets: [{ datasetReference: { datasetId: "bills" } }] });
  if (url.pathname.endsWith("/tables"))
    return json(200, { kind: "list", tables: [{ tableReference: { tableId: "gcp_billing_export_v1" } }] });
  if (url.pathname.includes("/tables/")) return json(200, { ...table, schema });
  return json(404, { error: { status: "NOT_FOUND" } });
};
const google = members("GCP_SA", clouds.GCP_SA?.credential() ?? {}, googleUsual, [
  [path("/token"), 400, { error: "invalid_grant", error_description: "{text}" }],
  [path("/token"), 400, { error: "{text}" }],
  [path("/token"), 400, { error: "invalid_grant", error_description: "account {text}" }],
  [path("/token"), 200, { token_type: "Bearer", access_token: "{text}", expires_in: 3_600 }],
  [path("/token"), 200, { token_type: "{text}", access_token: "x", expires_in: 3_600 }],
  [path("/x509/"), 200, { "0a": "{text}" }],
  [path("/x509/"), 200, { "0a": "-----BEGIN CERTIFICATE-----{text}" }],
  ...["/v1/projects/", "/bigquery/"].flatMap(
    (api): Array<[(sent: Sent) => boolean, number, unknown]> => [
      [path(api), 403, { error: { message: "{text}", errors: [{ reason: "accessDenied" }] } }],
      [path(api), 403, { error: { errors: [{ reason: "{text}", message: "{text}" }] } }],
      [path(api), 403, { error: { status: "{text}", details: [{ reason: "{text}", violations: [{ type: "x" }] }] } }],
    ],
  ),
  [path("/datasets"), 200, { datasets: [{ datasetReference: { datasetId: "{text}" } }] }],
  [path("/tables"), 200, { kind: "list", tables: [{ tableReference: { tableId: "{text}" } }] }],
  [path("/tables"), 200, { kind: "list", tables: [{ tableReference: { tableId: "cud_{text}" } }] }],
  ...["kind", "location", "lastModifiedTime", "numRows", "type"].map(
    (name): [(sent: Sent) => boolean, number, unknown] => [
      path("/tables/"),
      200,
      { ...table, schema, [name]: "{text}" },
    ],
  ),
  [path("/tables/"), 200, { ...table, schema: { fields: [{ name: "{text}" }] } }],
]);

// Oracle
const oracle = clouds.OCI?.credential() ?? {};
const ociUsual = ({ url }: Sent): Response =>
  url.pathname.endsWith("/apiKeys")
    ? json(200, [{ fingerprint: oracle["fingerprint"], lifecycleState: "ACTIVE" }])
    : json(200, url.pathname.endsWith("/usage") ? { items: [] } : [{ isHomeRegion: true, regionName: "us-ashburn-1" }]);
const oci = members("OCI", oracle, ociUsual, [
  [path("/apiKeys"), 401, { code: "{text}", message: "" }],
  [path("/apiKeys"), 401, { code: "NotAuthenticated", message: "{text}" }],
  ...["fingerprint", "userId", "lifecycleState", "timeCreated"].map(
    (name): [(sent: Sent) => boolean, number, unknown] => [
      path("/apiKeys"),
      200,
      [{ fingerprint: oracle["fingerprint"], lifecycleState: "ACTIVE", [name]: "{text}" }],
    ],
  ),
  [
    path("/apiKeys"),
    200,
    [{ fingerprint: oracle["fingerprint"], lifecycleState: "ACTIVE", timeCreated: "2026-01-01T{text}" }],
  ],
  [path("/regionSubscriptions"), 200, [{ isHomeRegion: true, regionName: "{text}" }]],
  [path("/usage"), 404, { code: "{text}", message: "{text}" }],
]);

const all = [...aws, ...openai, ...anthropic, ...ladder, ...azure, ...google, ...oci];
test.each(all.map((member) => [member.code, member.at, member] as const))(
  "%s reads a text of 250 kB in no time: %s",
  async (_, __, { code, fields, reply, usual }) => {
    for (const text of hostile) {
      let replies = 0;
      const began = performance.now();
      const found = await probeBy(code, fields, (sent) => {
        const chosen = reply(sent, text);
        if (chosen !== null) replies += 1;
        return chosen ?? usual(sent);
      });
      expect(performance.now() - began).toBeLessThan(MOST_MS);
      expect(replies).toBeGreaterThan(0);
      expect(JSON.stringify(found).length).toBeLessThan(20_000);
    }
  },
  60_000,
);
