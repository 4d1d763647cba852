import { answer, type Fixture } from "../fixture.ts";
import { undocumented } from "./openai-like.ts";

export const cohere: readonly Fixture[] = [
  answer("ok", 200, "valid", "docs.cohere.com/reference/checkapikey", {
    valid: true,
    organization_id: "00000000-0000-4000-8000-000000000001",
    owner_id: "00000000-0000-4000-8000-000000000002",
  }),
  answer("not_valid", 200, "rejected", "docs.cohere.com/reference/checkapikey: valid is a boolean; GH 61372407950", {
    valid: false,
  }),
  answer("models", 200, null, "docs.cohere.com/reference/list-models", {
    models: [{ name: "command-demo", endpoints: ["chat"], finetuned: false, context_length: 256000 }],
    next_page_token: "",
  }),
  answer("missing", 401, "rejected", "docs.cohere.com: errors [MEM wording]", { message: "no api key supplied" }),
  answer("rejected", 401, "rejected", "github.com/cohere-ai/cohere-toolkit/issues/857 (2024-11)", {
    message: "invalid api token",
  }),
  answer("rejected_498", 498, "rejected", "docs.cohere.com/reference/errors: 498", { message: "invalid token" }),
  answer(
    "blocked_html",
    403,
    null,
    "github.com/langgenius/dify/issues/2506: Google's front end",
    '<!doctype html><meta charset="utf-8"><meta name=viewport content="width=device-width, initial-scale=1"><title>403</title>403 Forbidden',
  ),
  answer("billing", 402, ["valid", "billing"], "docs.cohere.com/reference/errors: 402", {
    message: "Please add or update your payment method at https://dashboard.cohere.com/billing?tab=payment",
  }),
  answer("limited", 429, "rate_limited", "docs.cohere.com/reference/errors: 429, trial key", {
    message:
      "You are using a Trial key, which is limited to 40 API calls / minute. You can continue to use the Trial key for free or upgrade to a Production key with higher rate limits at 'https://dashboard.cohere.com/api-keys'.",
  }),
  answer("outage", 503, "unreachable", "docs.cohere.com/reference/errors: 5xx", { message: "service unavailable" }),
  ...undocumented((message) => ({ message })),
];
