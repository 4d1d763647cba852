import { answer, type Fixture, type Json } from "../fixture.ts";

/** `{error: {message, type, param, code}}`, the shape that many took over from OpenAI. */
export function openaiError(message: string, type: string, code: string | null): Json {
  return { error: { message, type, param: null, code } };
}

export function modelList(...ids: string[]): Json {
  return { object: "list", data: ids.map((id) => ({ id, object: "model", created: 1_755_000_000, owned_by: "demo" })) };
}

/** Answers which a provider does not document and which any HTTP API may give; `error` words them its way. */
export function undocumented(error: (message: string, word: string) => Json): Fixture[] {
  const source = "undocumented; plausible for any HTTP API";
  return [
    answer(
      "forbidden",
      403,
      ["unreachable", "unexpected_response"],
      source,
      error("You do not have access to this resource.", "permission_denied"),
    ),
    answer(
      "region",
      403,
      ["unreachable", "unexpected_response"],
      source,
      error("This service is not available in your country.", "unsupported_country"),
    ),
    answer("server_error", 500, "unreachable", source, error("Internal server error", "internal_error")),
    answer("not_found", 404, ["unreachable", "unexpected_response"], source, error("Not found", "not_found")),
  ];
}
