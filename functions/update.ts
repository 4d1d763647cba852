import "./quiet.ts";
import { readBody, rotateBody, type UpdateBody, updateBody } from "../shared/contract/bodies.ts";
import type { Answer } from "../shared/http/answer.ts";
import type { Call, Handlers } from "../shared/http/endpoint.ts";
import { readPrecondition } from "../shared/http/preconditions.ts";
import { update } from "../shared/operations/update.ts";
import type { Requester, Subject } from "../shared/operations/works.ts";
import type { Parts } from "./parts.ts";
import { serve } from "./serve.ts";
import { idempotencyOf, subjectOf } from "./target.ts";

/** PUT /{org}/{provider} · POST /{org}/{provider}/rotate → 200. May encrypt, may not decrypt. */
export const handlers: Handlers<Parts> = {
  update: async (call, parts) =>
    answer(
      call,
      parts,
      await subjectOf(call, parts),
      readBody(updateBody, call.request.body),
      "Integration updated successfully",
    ),
  rotate: async (call, parts) => {
    const subject = await subjectOf(call, parts);
    const { new_credentials: credential } = readBody(rotateBody, call.request.body);
    return await answer(call, parts, subject, { credential }, "Credential rotated successfully");
  },
};

async function answer(
  call: Call,
  parts: Parts,
  subject: Subject & Requester,
  body: UpdateBody,
  message: string,
): Promise<Answer> {
  const precondition = readPrecondition(call.request, { createOnly: false });
  const idempotency = await idempotencyOf(call, parts, subject.entry.code);
  const done = await update(parts, { ...subject, body, message, precondition, idempotency });
  call.audited.credential_id = String(done.body["credential_id"]);
  if (done.sealed)
    Object.assign(call.audited, { fingerprint: done.sealed.fingerprint, key_version: done.sealed.keyVersion });
  return { status: done.status, body: done.body, headers: { etag: done.etag } };
}

serve("update", handlers);
