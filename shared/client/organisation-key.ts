import { variable } from "./environment.ts";
import { failure } from "./failure.ts";
import type { ClientOptions } from "./requests.ts";
import type { Failure } from "./results.ts";

/** The header that an organisation's requests carry, or why there is none: its words are the service's own. */
export async function organisationHeaders(
  { apiKey = variable("INTEGRATIONS_API_KEY") }: ClientOptions,
  orgSlug: string,
): Promise<Record<string, string> | Failure> {
  const key = typeof apiKey === "function" ? await apiKey(orgSlug) : apiKey;
  // What is no header would be repeated in the error of fetch.
  if (key && /^[\x21-\x7e]+$/.test(key)) return { "x-api-key": key };
  return failure("org_key_invalid", "Organization API key not found", {
    remedy: key
      ? "apiKey holds a character that no key has"
      : "Pass the organisation's key as apiKey, or set INTEGRATIONS_API_KEY",
  });
}
