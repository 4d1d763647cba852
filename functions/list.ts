import "./quiet.ts";
import { http } from "@google-cloud/functions-framework";
import openapi from "../configs/openapi.json" with { type: "json" };
import { routes } from "../shared/contract/routes.ts";
import { ok } from "../shared/http/answer.ts";
import { endpoint, type Handlers, spend } from "../shared/http/endpoint.ts";
import { readChoice, readShaped, readTernary } from "../shared/http/query.ts";
import { list } from "../shared/operations/read.ts";
import { publicFace } from "../shared/registry/public-face.ts";
import { type Parts, start } from "./parts.ts";

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
  providers: async (_call, parts) => ok({ providers: parts.registry.entries.map(publicFace) }),
  openapi: async () => ok(openapi),
};

http(
  "list",
  endpoint(
    routes.filter(({ fn }) => fn === "list"),
    handlers,
    start(),
    { bare: true },
  ),
);
