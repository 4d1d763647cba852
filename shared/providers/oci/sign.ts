import { createHash, type KeyObject, sign } from "node:crypto";
import type { Question } from "../ask.ts";

/** Who signs: the id that Oracle knows the public key by, and the private key. */
export interface OciSigner {
  /** `<tenancy>/<user>/<fingerprint>` */
  keyId: string;
  privateKey: KeyObject;
}

/**
 * A question signed as Oracle's version 1 wants it: `x-date`, the request line and the host, and of a body its type,
 * length and SHA-256 besides, in the order of Oracle's own SDK. Host and length are signed and not set: `fetch` sends
 * them as they are here.
 * Source: https://docs.oracle.com/iaas/Content/API/Concepts/signingrequests.htm and the signer of oci-common 2.139.1,
 * read 2026-11-20.
 *
 * @param now milliseconds since the epoch; Oracle takes a request within five minutes of its own clock
 */
export function signed(signer: OciSigner, method: "GET" | "POST", url: string, now: number, body?: string): Question {
  const { host, pathname, search } = new URL(url);
  const date = new Date(now).toUTCString();
  const target = `${method.toLowerCase()} ${pathname}${search}`;
  const lines: Array<[string, string]> = [
    ["x-date", date],
    ["(request-target)", target],
    ["host", host],
  ];
  const sent: Record<string, string> = { accept: "application/json", "x-date": date };
  if (body !== undefined) {
    const hash = createHash("sha256").update(body, "utf8").digest("base64");
    lines.push(
      ["content-type", "application/json"],
      ["content-length", String(Buffer.byteLength(body, "utf8"))],
      ["x-content-sha256", hash],
    );
    Object.assign(sent, { "content-type": "application/json", "x-content-sha256": hash });
  }
  const text = lines.map(([name, value]) => `${name}: ${value}`).join("\n");
  const signature = sign("sha256", Buffer.from(text, "utf8"), signer.privateKey).toString("base64");
  const names = lines.map(([name]) => name).join(" ");
  const authorization = `Signature version="1",keyId="${signer.keyId}",algorithm="rsa-sha256",headers="${names}",signature="${signature}"`;
  return { method, url, headers: { ...sent, authorization }, ...(body === undefined ? {} : { body }) };
}
