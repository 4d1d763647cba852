import "./quiet.ts";
import { decryptBody, failuresBody, readBody } from "../shared/contract/bodies.ts";
import { ok } from "../shared/http/answer.ts";
import type { Handlers } from "../shared/http/endpoint.ts";
import { decrypt, reportFailure, requireRun } from "../shared/operations/decrypt.ts";
import type { Parts } from "./parts.ts";
import { serve } from "./serve.ts";
import { subjectOf } from "./target.ts";

/** POST /{org}/{provider}/decrypt → 200 with the credential · POST /{org}/{provider}/failures → 202. May decrypt, may not encrypt. */
export const handlers: Handlers<Parts> = {
  decrypt: async (call, parts) => {
    const subject = await subjectOf(call, parts);
    const asked = readBody(decryptBody, call.request.body);
    requireRun(parts, subject, asked);
    Object.assign(call.audited, { pipeline: asked.pipeline, run_id: asked.run_id });
    const { head, body } = await decrypt(parts, subject, asked);
    Object.assign(call.audited, {
      credential_id: head.credential_id,
      cache: body.cache,
      ...(head.fingerprint ? { fingerprint: head.fingerprint } : {}),
      ...(head.key_version ? { key_version: head.key_version } : {}),
    });
    return ok(body);
  },
  failures: async (call, parts) => {
    const subject = await subjectOf(call, parts);
    const reported = readBody(failuresBody, call.request.body);
    requireRun(parts, subject, reported);
    Object.assign(call.audited, {
      pipeline: reported.pipeline,
      run_id: reported.run_id,
      credential_id: reported.credential_id,
    });
    await reportFailure(parts, subject, reported);
    return { status: 202, body: { success: true, message: "Report taken; the credential will be checked" } };
  },
};

serve("decrypt", handlers);
