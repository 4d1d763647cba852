import "./quiet.ts";
import { readBody, revalidateBody } from "../shared/contract/bodies.ts";
import { ok } from "../shared/http/answer.ts";
import type { Handlers } from "../shared/http/endpoint.ts";
import { sweep } from "../shared/operations/sweep.ts";
import type { Parts } from "./parts.ts";
import { serve } from "./serve.ts";

/** POST /revalidate → 200 with what was checked. May decrypt, may not encrypt. */
export const handlers: Handlers<Parts> = {
  revalidate: async (call, parts) => {
    const body = readBody(revalidateBody, call.request.body);
    return ok(await sweep(parts, { requestId: call.request.id, actor: "scheduler" }, body));
  },
};

serve("revalidate", handlers);
