import "./quiet.ts";
import { malformed } from "../shared/contract/fault.ts";
import { etag } from "../shared/contract/precondition.ts";
import { ok } from "../shared/http/answer.ts";
import type { Handlers } from "../shared/http/endpoint.ts";
import { readShaped } from "../shared/http/query.ts";
import { get, history, instructions } from "../shared/operations/read.ts";
import type { Parts } from "./parts.ts";
import { serve } from "./serve.ts";
import { subjectOf } from "./target.ts";

/** GET /{org}/{provider}, its alias /status, its /history and /instructions → 200. May neither encrypt nor decrypt. */
export const handlers: Handlers<Parts> = {
  get: async (call, parts) => {
    const { head, body } = await get(parts, await subjectOf(call, parts));
    call.audited.credential_id = head.credential_id;
    return ok(body, { etag: etag(head.seq) });
  },
  history: async (call, parts) => {
    const subject = await subjectOf(call, parts);
    const limit = Number(readShaped(call.request, "limit", /^\d{1,3}$/, "must be 1 to 200") ?? 50);
    if (limit < 1 || limit > 200) throw malformed("query:limit", "must be 1 to 200");
    const before = readShaped(
      call.request,
      "cursor",
      /^[A-Za-z0-9_-]{1,500}$/,
      "must be a next_cursor as it was given",
    );
    return ok(await history(parts, subject, { limit, before }));
  },
  instructions: async (call, parts) => ok(instructions(parts, await subjectOf(call, parts))),
};

serve("get", handlers);
