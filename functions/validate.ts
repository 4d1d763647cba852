import "./quiet.ts";
import { emptyBody, readBody } from "../shared/contract/bodies.ts";
import { ok } from "../shared/http/answer.ts";
import type { Handlers } from "../shared/http/endpoint.ts";
import { validate } from "../shared/operations/validate.ts";
import type { Parts } from "./parts.ts";
import { serve } from "./serve.ts";
import { subjectOf } from "./target.ts";

/** POST /{org}/{provider}/validate → 200 with the verdict. May decrypt, may not encrypt. */
export const handlers: Handlers<Parts> = {
  validate: async (call, parts) => {
    const subject = await subjectOf(call, parts);
    readBody(emptyBody, call.request.body);
    const { head, body } = await validate(parts, subject);
    Object.assign(call.audited, {
      credential_id: head.credential_id,
      key_version: head.key_version ?? "",
      fingerprint: head.fingerprint ?? "",
    });
    return ok(body);
  },
};

serve("validate", handlers);
