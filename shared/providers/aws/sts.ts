import { STSClient } from "@aws-sdk/client-sts";
import type { Reply, Silence } from "../../contract/answer.ts";
import type { Secret } from "../../contract/secret.ts";
import type { ProbeContext } from "../provider.ts";
import { awsReply } from "./answer.ts";

/** Keys that requests are signed with; sessions have a token besides. */
export interface AwsKeys {
  access_key_id: Secret;
  secret_access_key: Secret;
  session_token?: Secret;
}

/** Every service that is asked here answers in this region; customers cannot choose another. */
export const REGION = "us-east-1";

/** Of the headers that the SDK sets, those that are signed or that say what the body is. */
const KEPT = [
  "content-type",
  "amz-sdk-invocation-id",
  "amz-sdk-request",
  "x-amz-content-sha256",
  "x-amz-date",
  "x-amz-security-token",
  "authorization",
];

/**
 * One call of the official client, which signs it, to the entry's `sts`. The client lives for this call alone and takes
 * everything from here: no credential chain, no file, no metadata service, no variable decides anything, and it sends
 * through `ask`. The answer is kept as `ask` read it, so that no error text of the SDK is touched. Never throws.
 * Source: @aws-sdk/client-sts 3.1169.0, read 2026-11-20.
 *
 * @param keys `null` for calls that are not signed
 */
export async function askSts(
  { ask, entry }: Pick<ProbeContext, "ask" | "entry">,
  keys: AwsKeys | null,
  call: (client: STSClient) => Promise<unknown>,
  signal?: AbortSignal,
): Promise<Reply | Silence> {
  const endpoint = entry.endpoints["sts"] ?? "";
  let answer: Reply | Silence | null = null;
  const requestHandler = {
    metadata: { handlerProtocol: "http/1.1" },
    async handle(request: { headers: Record<string, string>; body?: unknown }) {
      const headers = KEPT.flatMap((name): Array<[string, string]> => {
        const value = request.headers[name];
        return value === undefined ? [] : [[name, value]];
      });
      const body = typeof request.body === "string" ? request.body : "";
      const init = { method: "POST", headers, body, ...(signal ? { signal } : {}) };
      answer = await awsReply(ask, `${endpoint}/`, init, "xml");
      if ("silence" in answer) throw new Error("silence");
      return { response: { statusCode: answer.status, headers: {}, body: new Uint8Array() } };
    },
  };
  try {
    await call(new STSClient({ ...explicit, endpoint, credentials: async () => identityOf(keys), requestHandler }));
  } catch {
    // What the SDK makes of the answer is not looked at: we have it.
  }
  return answer ?? { silence: "connection" };
}

/** All that the client would otherwise look up in the environment or in ~/.aws. */
const explicit = {
  region: REGION,
  profile: "none",
  maxAttempts: 1,
  retryMode: "standard",
  useDualstackEndpoint: false,
  useFipsEndpoint: false,
  useGlobalEndpoint: false,
  disableClockSkewCorrection: true,
  authSchemePreference: ["aws.auth#sigv4", "smithy.api#noAuth"],
  userAgentAppId: "",
  defaultUserAgentProvider: async () => [],
  credentialDefaultProvider: () => async () => identityOf(null),
} as const satisfies ConstructorParameters<typeof STSClient>[0];

function identityOf(keys: AwsKeys | null) {
  if (keys === null) throw new Error("this call is not signed");
  return {
    accessKeyId: keys.access_key_id.reveal(),
    secretAccessKey: keys.secret_access_key.reveal(),
    ...(keys.session_token ? { sessionToken: keys.session_token.reveal() } : {}),
  };
}
