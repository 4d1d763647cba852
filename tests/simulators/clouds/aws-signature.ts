import { createHash, createHmac } from "node:crypto";
import type { CloudAsked } from "./cloud.ts";

/** What stands in the Authorization header of a signed request. */
export interface Claimed {
  keyId: string;
  region: string;
  service: string;
}

const HEADER =
  /^AWS4-HMAC-SHA256 Credential=([A-Z0-9]{16,128})\/(\d{8})\/([a-z0-9-]+)\/([a-z0-9-]+)\/aws4_request, SignedHeaders=([a-z0-9;-]+), Signature=([0-9a-f]{64})$/;

/** Whose key a request says it is signed with, and for which service; `null` where it is not signed. */
export function claimed(headers: CloudAsked["headers"]): Claimed | null {
  const [, keyId = "", , region = "", service = ""] = HEADER.exec(headers["authorization"] ?? "") ?? [];
  return keyId === "" ? null : { keyId, region, service };
}

/**
 * Whether the signature is the one that this secret makes, as AWS computes it anew: the path as it was asked with the
 * simulator's prefix, the signed headers as they arrived, the body.
 * Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html, read 2026-11-20.
 */
export function isSignedWith(secret: string, asked: CloudAsked, prefix: string): boolean {
  const [, , day = "", region = "", service = "", names = "", signature = ""] =
    HEADER.exec(asked.headers["authorization"] ?? "") ?? [];
  const signed = names.split(";");
  if (!signed.includes("host") || !signed.includes("x-amz-date")) return false;
  const time = asked.headers["x-amz-date"] ?? "";
  if (!time.startsWith(day)) return false;
  const headers = signed.map((name) => `${name}:${(asked.headers[name] ?? "").trim()}\n`).join("");
  const path = `/${prefix}/${asked.endpoint}${asked.path}`;
  const request = [asked.method, path, "", headers, names, sha256(asked.body)].join("\n");
  const scope = `${day}/${region}/${service}/aws4_request`;
  const toSign = ["AWS4-HMAC-SHA256", time, scope, sha256(request)].join("\n");
  const key = [day, region, service, "aws4_request"].reduce<Buffer>(
    (before, part) => createHmac("sha256", before).update(part).digest(),
    Buffer.from(`AWS4${secret}`),
  );
  return createHmac("sha256", key).update(toSign).digest("hex") === signature;
}

function sha256(text: string): string {
  return createHash("sha256").update(text, "utf8").digest("hex");
}
