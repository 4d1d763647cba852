import { answer, type Fixture, type Json } from "../fixture.ts";
import { modelList, undocumented } from "./openai-like.ts";

const refused =
  "<html>\n<head><title>401 Authorization Required</title></head>\n<body>\n<center><h1>401 Authorization Required</h1></center>\n<hr><center>openresty/1.27.4</center>\n</body>\n</html>";

function error(message: string, type: string, code: number): Json {
  return { error: { message, type, code } };
}

export const perplexity: readonly Fixture[] = [
  answer(
    "ok",
    200,
    "valid",
    "docs.perplexity.ai: GET /async/chat/completions; praetorian's validator (GH 10993958701) asks the same",
    {
      next_token: null,
      requests: [{ id: "async-demo", created_at: 1_755_000_000, model: "sonar-deep-research", status: "COMPLETED" }],
    },
  ),
  answer("ok_empty", 200, "valid", "docs.perplexity.ai: no request yet", { next_token: null, requests: [] }),
  answer("models", 200, null, "docs.perplexity.ai/api-reference/gateway-models-get", modelList("sonar", "sonar-pro")),
  answer(
    "bad_request",
    400,
    null,
    "docs.perplexity.ai: errors; a live key with a wrong body",
    error("Invalid request: missing model.", "invalid_request", 400),
  ),
  answer(
    "missing",
    401,
    ["unreachable", "unexpected_response"],
    "github.com/perplexityai/api-discussion/issues/281 (2025-04)",
    refused,
  ),
  answer(
    "rejected",
    401,
    "rejected",
    "github.com/openclaw/openclaw/issues/36182 (2026-03)",
    error(
      "Invalid API key provided. You can find your API key at https://www.perplexity.ai/settings/api.",
      "invalid_api_key",
      401,
    ),
  ),
  answer(
    "rejected_html",
    401,
    ["unreachable", "unexpected_response"],
    "github.com/perplexityai/api-discussion/issues/281 (2025-04): HTML, as a proxy would write it",
    refused,
  ),
  answer(
    "billing",
    401,
    ["valid", "billing"],
    "quota used up answers 401 (unverified): money is no dead key",
    error("You exceeded your current quota, please check your plan and billing details", "insufficient_quota", 401),
  ),
  answer(
    "limited",
    429,
    "rate_limited",
    "docs.perplexity.ai: rate limits",
    error("Request rate limit exceeded, please try again later.", "request_rate_limit_exceeded", 429),
    { "retry-after": "2" },
  ),
  answer(
    "outage",
    503,
    "unreachable",
    "docs.perplexity.ai: 5xx",
    error("Service unavailable", "internal_server_error", 503),
  ),
  ...undocumented((message, word) => error(message, word, 0)),
];
