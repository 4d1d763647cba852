import "./quiet.ts";
import { http } from "@google-cloud/functions-framework";
import { readBody, revalidateBody } from "../shared/contract/bodies.ts";
import { routes } from "../shared/contract/routes.ts";
import { ok } from "../shared/http/answer.ts";
import { endpoint, type Handlers } from "../shared/http/endpoint.ts";
import { sweep } from "../shared/operations/sweep.ts";
import { type Parts, start } from "./parts.ts";

/** POST /revalidate → 200 with what was checked. May decrypt, may not encrypt. */
export const handlers: Handlers<Parts> = {
  revalidate: async (call, parts) => {
    const body = readBody(revalidateBody, call.request.body);
    return ok(await sweep(parts, { requestId: call.request.id, actor: "scheduler" }, body));
  },
};

http(
  "revalidate",
  endpoint(
    routes.filter(({ fn }) => fn === "revalidate"),
    handlers,
    start(),
    { bare: true },
  ),
);
