import "./quiet.ts";
import openapi from "../configs/openapi.json" with { type: "json" };
import { ok } from "../shared/http/answer.ts";
import { type Handlers, spend } from "../shared/http/endpoint.ts";
import { readChoice, readShaped, readTernary } from "../shared/http/query.ts";
import { list } from "../shared/operations/read.ts";
import { publicFace } from "../shared/registry/public-face.ts";
import type { Parts } from "./parts.ts";
import { serve } from "./serve.ts";

/** GET /{org} · GET /providers · GET /openapi.json → 200. May neither encrypt nor decrypt. */
export const handlers: Handlers<Parts> = {
  list: async (call, parts) => {
    spend(call, parts);
    const { request } = call;
    const days = readShaped(request, "expiring_within", /^[1-9]\d{0,2}d$/, "must be days like 30d, 1d to 999d");
    const filter = {
      category: readChoice(request, "category", ["cloud", "genai", "saas"]),
      configured: readTernary(request, "configured"),
      expiringWithinDays: days === null ? null : Number.parseInt(days, 10),
    };
    return ok(await list(parts, request.org ?? "", filter));
  },
  providers: async (_call, { registry: { entries, custom } }) =>
    ok({ providers: [...entries, ...(custom ? [custom] : [])].map(publicFace) }),
  openapi: async () => ok(openapi),
};

serve("list", handlers);
