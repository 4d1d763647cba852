import { createHash, createHmac, type Hash, type Hmac } from "node:crypto";
import { SignatureV4 } from "@smithy/signature-v4";
import type { Reply, Silence } from "../../contract/answer.ts";
import type { ProbeContext } from "../provider.ts";
import { awsReply } from "./answer.ts";
import { type AwsKeys, REGION } from "./sts.ts";

/** A question that is free of charge. Cost Explorer is none: every request to it is billed to the customer. */
export type FreeQuestion =
  | { endpoint: "iam"; action: "SimulatePrincipalPolicy"; simulate: string; of: string; on: string | null }
  | { endpoint: "exports"; action: "ListExports" }
  | { endpoint: "exports"; action: "GetExport"; arn: string };

/** Asks one of AWS's services, signed with these keys. Never throws. */
export async function askSigned(
  { ask, entry }: Pick<ProbeContext, "ask" | "entry">,
  keys: AwsKeys,
  question: FreeQuestion,
  signal: AbortSignal,
): Promise<Reply | Silence> {
  const { service, type, target, body, format } = written(question);
  const url = new URL(`${entry.endpoints[question.endpoint] ?? ""}/`);
  const signed = await new SignatureV4({
    service,
    region: REGION,
    sha256: Sha256,
    credentials: {
      accessKeyId: keys.access_key_id.reveal(),
      secretAccessKey: keys.secret_access_key.reveal(),
      ...(keys.session_token ? { sessionToken: keys.session_token.reveal() } : {}),
    },
  }).sign({
    method: "POST",
    protocol: url.protocol,
    hostname: url.hostname,
    path: url.pathname,
    query: {},
    headers: { host: url.host, "content-type": type, ...(target ? { "x-amz-target": target } : {}) },
    body,
  });
  // The connection sets the host by itself, to the same value.
  const { host: _, ...headers } = signed.headers;
  return await awsReply(ask, url.href, { method: "POST", headers, body, signal }, format);
}

/** Source: the services' models in botocore 1.43.11 (iam 2010-05-08, bcm-data-exports 2023-11-26), read 2026-11-20. */
function written(question: FreeQuestion) {
  switch (question.action) {
    case "SimulatePrincipalPolicy": {
      const form = new URLSearchParams({
        Action: question.action,
        Version: "2010-05-08",
        PolicySourceArn: question.of,
        "ActionNames.member.1": question.simulate,
      });
      if (question.on !== null) form.set("ResourceArns.member.1", question.on);
      const type = "application/x-www-form-urlencoded; charset=utf-8";
      return { service: "iam", type, target: null, body: form.toString(), format: "xml" } as const;
    }
    case "ListExports":
      return exportsQuestion(question.action, { MaxResults: 100 });
    case "GetExport":
      return exportsQuestion(question.action, { ExportArn: question.arn });
  }
}

function exportsQuestion(action: string, body: object) {
  return {
    service: "bcm-data-exports",
    type: "application/x-amz-json-1.1",
    target: `AWSBillingAndCostManagementDataExports.${action}`,
    body: JSON.stringify(body),
    format: "json",
  } as const;
}

/** SHA-256, with a key its HMAC, as the signer wants it. */
class Sha256 {
  readonly #hash: Hash | Hmac;

  constructor(key?: string | ArrayBuffer | ArrayBufferView) {
    this.#hash = key === undefined ? createHash("sha256") : createHmac("sha256", bytesOf(key));
  }

  update(chunk: string | ArrayBuffer | ArrayBufferView): void {
    this.#hash.update(bytesOf(chunk));
  }

  async digest(): Promise<Uint8Array> {
    return this.#hash.digest();
  }

  /** The signer never uses one twice. */
  reset(): void {}
}

function bytesOf(data: string | ArrayBuffer | ArrayBufferView): Uint8Array {
  if (typeof data === "string") return Buffer.from(data, "utf8");
  return data instanceof ArrayBuffer
    ? new Uint8Array(data)
    : new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}
