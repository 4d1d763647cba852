import { answer, type Fixture } from "../fixture.ts";
import { openaiError, undocumented } from "./openai-like.ts";

export const together: readonly Fixture[] = [
  answer("ok", 200, "valid", "docs.together.ai/reference/get_files: GET /v1/files", {
    data: [
      {
        id: "file-demo",
        object: "file",
        filename: "demo.jsonl",
        bytes: 1024,
        created_at: 1_755_000_000,
        purpose: "fine-tune",
      },
    ],
  }),
  answer("ok_empty", 200, "valid", "docs.together.ai/reference/get_files: no file yet", { data: [] }),
  answer("models", 200, null, "docs.together.ai/reference/models-1: a top-level array", [
    {
      id: "demo/llama",
      object: "model",
      created: 1_755_000_000,
      type: "chat",
      display_name: "Llama (simulated)",
      organization: "Demo",
      pricing: { input: 0.2, output: 0.2 },
    },
  ]),
  answer(
    "missing",
    401,
    "rejected",
    "undocumented; as a wrong key",
    openaiError(
      "Missing API key. You can find your API key at https://api.together.xyz/settings/api-keys.",
      "invalid_request_error",
      "missing_api_key",
    ),
  ),
  answer(
    "rejected",
    401,
    "rejected",
    "github.com/harshitv804/LawGPT/issues/4 (2024-08)",
    openaiError(
      "Invalid API key provided. You can find your API key at https://api.together.xyz/settings/api-keys.",
      "invalid_request_error",
      "invalid_api_key",
    ),
  ),
  answer(
    "billing",
    402,
    ["valid", "billing"],
    "docs.together.ai/docs/error-codes: 402",
    openaiError(
      "Credit limit exceeded. Please navigate to https://api.together.xyz/settings/billing to upgrade your plan.",
      "credit_limit",
      null,
    ),
  ),
  answer(
    "limited",
    429,
    "rate_limited",
    "docs.together.ai/docs/error-codes: 429",
    openaiError("You have reached the rate limit specific to this endpoint.", "rate_limit", null),
    { "retry-after": "2", "x-ratelimit-remaining": "0", "x-ratelimit-reset": "2" },
  ),
  answer(
    "outage",
    503,
    "unreachable",
    "docs.together.ai/docs/error-codes: 503 overloaded",
    openaiError("The engine is currently overloaded, please try again later", "overloaded_error", null),
  ),
  ...undocumented((message, word) => openaiError(message, "invalid_request_error", word)),
];
