import { variable } from "./environment.ts";
import { failure } from "./failure.ts";
import type { ClientOptions } from "./requests.ts";
import type { Failure } from "./results.ts";

const AUDIENCE = "cloudact-integrations-decrypt";
const METADATA = "metadata.google.internal";
/** A token that ends sooner is not used: the call may take a while, and clocks differ. */
const MARGIN_MS = 5 * 60_000;
/** The metadata server stands on the same machine. */
const DEADLINE_MS = 3_000;

/** The headers that prove to the decrypt function, and to Cloud Run before it, who calls; or why there are none. */
export type IdentityHeaders = (decryptUrl: string) => Promise<Record<string, string> | Failure>;

/**
 * On Google Cloud two tokens of the workload's account: Cloud Run removes the signature of the one that it checks itself,
 * so the function has another. They are remembered until minutes before they end, and calls at once share one request.
 */
export function identityHeaders(options: ClientOptions): IdentityHeaders {
  const known = new Map<string, { token: Promise<string>; endsAt: number }>();

  const remembered = async (audience: string): Promise<string> => {
    const found = known.get(audience);
    if (found && Date.now() < found.endsAt) return await found.token;
    const entry = { token: fromMetadata(audience, options), endsAt: Number.POSITIVE_INFINITY };
    known.set(audience, entry);
    const token = await entry.token;
    // What is not a token has no end, and is asked for again.
    entry.endsAt = endOf(token) - MARGIN_MS;
    return token;
  };

  return async (decryptUrl) => {
    const given = options.identityToken ?? variable("INTEGRATIONS_TOKEN");
    if (typeof given === "string") return headers({ authorization: given });
    const tokenFor = given ?? remembered;
    // Cloud Run knows a service by its root, whatever path is asked.
    const platform = options.platformAudience ?? decryptUrl.replace(/^(https?:\/\/[^/]+).*/, "$1");
    const [first, second] = await Promise.all([tokenFor(platform), tokenFor(options.audience ?? AUDIENCE)]);
    return headers({ "x-serverless-authorization": first, authorization: second });
  };
}

/** Each token as `Bearer`, unless one is none: what is no header would be repeated in the error of fetch. */
function headers(tokens: Record<string, unknown>): Record<string, string> | Failure {
  const bearers = Object.entries(tokens).map(([name, token]): [string, string] => [name, `Bearer ${token}`]);
  if (bearers.every(([, value]) => /^Bearer [\x21-\x7e]+$/.test(value))) return Object.fromEntries(bearers);
  return failure("caller_invalid", "There is no identity token", {
    reason: "missing",
    remedy: "On Google Cloud, run as a service account; elsewhere set INTEGRATIONS_TOKEN or pass identityToken",
  });
}

/** `""` where the metadata server gives none, or there is no such server. */
async function fromMetadata(audience: string, { fetch: send = fetch }: ClientOptions): Promise<string> {
  const host = variable("GCE_METADATA_HOST") ?? METADATA;
  const query = `audience=${encodeURIComponent(audience)}&format=full`;
  const url = `http://${host}/computeMetadata/v1/instance/service-accounts/default/identity?${query}`;
  // It may be busy when many instances start at once.
  for (let tries = 0; tries < 2; tries += 1) {
    try {
      const answer = await send(url, {
        headers: { "metadata-flavor": "Google" },
        redirect: "manual",
        cache: "no-store",
        signal: AbortSignal.timeout(DEADLINE_MS),
      });
      const token = (await answer.text()).trim();
      if (answer.ok && answer.headers.get("metadata-flavor") === "Google" && endOf(token) > 0) return token;
    } catch {
      // No such server, or a busy one: the next try tells.
    }
  }
  return "";
}

/** When a JSON Web Token ends, Unix milliseconds; 0 where it does not say. */
function endOf(token: string): number {
  try {
    const part = token.split(".")[1] ?? "";
    const claims: { exp?: unknown } = Object(JSON.parse(atob(part.replaceAll("-", "+").replaceAll("_", "/"))));
    return Number(claims.exp) * 1_000 || 0;
  } catch {
    return 0;
  }
}
