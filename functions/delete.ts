import "./quiet.ts";
import type { Handlers } from "../shared/http/endpoint.ts";
import { readPrecondition } from "../shared/http/preconditions.ts";
import { readMoment } from "../shared/http/query.ts";
import { remove } from "../shared/operations/remove.ts";
import type { Parts } from "./parts.ts";
import { serve } from "./serve.ts";
import { subjectOf } from "./target.ts";

/** DELETE /{org}/{provider} → 200, 202 where scheduled. May neither encrypt nor decrypt. */
export const handlers: Handlers<Parts> = {
  delete: async (call, parts) => {
    const subject = await subjectOf(call, parts);
    const at = readMoment(call.request, "deactivation_scheduled_at");
    const done = await remove(parts, {
      ...subject,
      at,
      precondition: readPrecondition(call.request, { createOnly: false }),
    });
    return { status: done.status, body: done.body, headers: done.status === 202 ? { etag: done.etag } : {} };
  },
};

serve("delete", handlers);
