import { malformed } from "../contract/fault.ts";
import type { Precondition } from "../contract/precondition.ts";
import type { Request } from "./request.ts";

/** @throws Fault `request_malformed` */
export function readPrecondition(request: Request, options: { createOnly: boolean }): Precondition {
  const none = request.header("if-none-match");
  if (none !== null && (!options.createOnly || none.trim() !== "*")) {
    throw malformed("header:If-None-Match", options.createOnly ? "takes only *" : "is not taken here");
  }
  const match = request.header("if-match");
  if (match === null) return { ifMatch: null, createOnly: none !== null };
  if (match.trim() === "*") return { ifMatch: "any", createOnly: none !== null };
  const tags = match.split(",").map((tag) => tag.trim());
  if (tags.length > 20 || !tags.every((tag) => /^(?:W\/)?"[\x21\x23-\x7e]{0,64}"$/.test(tag)))
    throw malformed("header:If-Match", 'takes * or the ETag as it was given, like "v3"');
  return { ifMatch: tags.map((tag) => Number(/^"v(\d{1,15})"$/.exec(tag)?.[1] ?? -1)), createOnly: none !== null };
}

/** The caller's Idempotency-Key, or `null`. @throws Fault `request_malformed` */
export function readIdempotencyKey(request: Request): string | null {
  const key = request.header("idempotency-key");
  if (key !== null && !/^[\x20-\x7e]{1,255}$/.test(key))
    throw malformed("header:Idempotency-Key", "must be 1-255 printable ASCII characters");
  return key;
}
