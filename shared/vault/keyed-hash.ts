import { createHmac } from "node:crypto";
import type { SecretSource } from "../ports/secret-source.ts";

/** HMAC-SHA-256 under the current pepper over length-prefixed texts, hex: for idempotency keys and bodies. @throws Fault `key_unavailable` */
export async function keyedHash(secrets: SecretSource, ...texts: Array<string | Buffer>): Promise<string> {
  const [pepper] = await secrets.peppers();
  const hmac = createHmac("sha256", pepper.bytes).update("idempotency");
  for (const text of texts) hmac.update(`:${Buffer.byteLength(text)}:`).update(text);
  return hmac.digest("hex");
}
