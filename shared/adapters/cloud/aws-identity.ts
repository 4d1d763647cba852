import type { GoogleAuth } from "google-auth-library";
import { Fault } from "../../contract/fault.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Federation } from "../../ports/federation.ts";
import { parseObject } from "../stored/json.ts";
import { type Answered, boundedFetch, inTime, networkWord } from "./bounded-fetch.ts";

/** Where identity tokens of a service account are minted. */
export const IAM_CREDENTIALS = "https://iamcredentials.googleapis.com";

const CALL_MS = 3_000;
const TOTAL_MS = 8_000;
const MAX_BYTES = 64 * 1024;
/** Waits between tries: up to this, doubled each time. */
const FIRST_WAIT_MS = 100;
/** A token is used again until so long before it expires. */
const LEFT_MS = 300_000;
const LIFETIME_MS = 3_600_000;
const SKEW_MS = 60_000;
const MOST_REMEMBERED = 1_000;

export interface AwsIdentityOptions {
  /** Signs the calls; may mint tokens of the service account (`iam.serviceAccounts.getOpenIdToken`). */
  auth: Pick<GoogleAuth, "getRequestHeaders">;
  /** The numeric id of `integrations-aws`. */
  serviceAccountId: string;
  project: string;
  apiEndpoint?: string;
  clock: Clock;
  /** From 0 to 1, for the jitter. */
  random?: () => number;
}

/**
 * The identity towards AWS: ID tokens of one service account, minted by the IAM Credentials API. Asked by plain REST
 * and not through `Impersonated.fetchIdToken` of google-auth-library 11.3.4, which sends `useEmailAzp`: AWS compares
 * `azp` with `accounts.google.com:aud`, and customers' trust policies name the numeric id there. Source:
 * https://docs.cloud.google.com/iam/docs/reference/credentials/rest/v1/projects.serviceAccounts/generateIdToken, read
 * 2026-11-21.
 */
export function openAwsIdentity(options: AwsIdentityOptions): Federation {
  const { serviceAccountId, project, clock } = options;
  const minted = new Map<string, { token: string; expiresAtMs: number }>();
  const running = new Map<string, Promise<string>>();

  function remembered(audience: string): string | null {
    const known = minted.get(audience);
    if (known !== undefined && clock.now() < known.expiresAtMs - LEFT_MS) return known.token;
    minted.delete(audience);
    return null;
  }

  async function mintOnce(audience: string): Promise<string> {
    const token = await mint(audience, options);
    const [oldest] = minted.keys();
    if (minted.size >= MOST_REMEMBERED && oldest !== undefined) minted.delete(oldest);
    minted.set(audience, { token, expiresAtMs: check(token, audience, options) });
    return token;
  }

  return {
    project,
    subject: serviceAccountId,
    isPlaceholder: false,
    async identityToken(audience) {
      const known = remembered(audience);
      if (known !== null) return known;
      let call = running.get(audience);
      if (call === undefined) {
        call = mintOnce(audience).finally(() => running.delete(audience));
        running.set(audience, call);
      }
      return await call;
    },
  };
}

/** Asks until there is an answer that no further try would better, or the time is up. */
async function mint(audience: string, options: AwsIdentityOptions): Promise<string> {
  const { clock, random = Math.random } = options;
  const startedAt = clock.monotonic();
  for (let waitMs = FIRST_WAIT_MS; ; waitMs *= 2) {
    const leftMs = TOTAL_MS - (clock.monotonic() - startedAt);
    const asked = await ask(audience, options, Math.min(CALL_MS, leftMs));
    if ("token" in asked) return asked.token;
    const pauseMs = waitMs * random();
    if (!asked.again || clock.monotonic() - startedAt + pauseMs + FIRST_WAIT_MS > TOTAL_MS)
      throw unavailable(asked.words);
    await clock.sleep(pauseMs);
  }
}

type Asked = { token: string } | { words: string; again: boolean };

async function ask(audience: string, options: AwsIdentityOptions, deadlineMs: number): Promise<Asked> {
  const { auth, serviceAccountId, apiEndpoint = IAM_CREDENTIALS } = options;
  const url = `${apiEndpoint}/v1/projects/-/serviceAccounts/${serviceAccountId}:generateIdToken`;
  const authorization = await inTime(auth.getRequestHeaders(url), deadlineMs, "late").then(
    (headers) => headers.get("authorization"),
    () => null, // its error may quote what the metadata server said
  );
  if (authorization === null) return { words: "this function has no access token of its own", again: false };
  try {
    return read(
      await boundedFetch(
        url,
        {
          method: "POST",
          headers: { authorization, "content-type": "application/json", accept: "application/json" },
          body: JSON.stringify({ audience, includeEmail: true }),
        },
        { deadlineMs, maxBytes: MAX_BYTES },
      ),
    );
  } catch (error) {
    return { words: `IAM Credentials cannot be reached: ${networkWord(error)}`, again: true };
  }
}

function read({ status, text }: Answered): Asked {
  if (status === 200) {
    const token = parseObject(text)?.["token"];
    if (typeof token === "string" && token !== "") return { token };
    return { words: "IAM Credentials answered without a token", again: true };
  }
  const isPassing = status === 408 || status === 429 || status >= 500;
  return { words: `IAM Credentials refused with status ${status}`, again: isPassing };
}

/**
 * Reads, without verifying, whether the token says what was asked for: AWS verifies it, and would tell nobody why.
 *
 * @returns when it expires, milliseconds since the epoch
 */
function check(token: string, audience: string, { serviceAccountId, clock }: AwsIdentityOptions): number {
  const claims = parseObject(Buffer.from(token.split(".")[1] ?? "", "base64url").toString("utf8")) ?? {};
  const { aud, sub, azp, exp } = claims;
  if (aud !== audience) throw unavailable("the token minted is for another audience");
  if (sub !== serviceAccountId || azp !== serviceAccountId)
    throw unavailable(
      "the token minted is not of the service account that AWS_FEDERATION_SUBJECT names, in sub and azp",
    );
  const leftMs = typeof exp === "number" ? exp * 1_000 - clock.now() : 0;
  if (leftMs <= 0 || leftMs > LIFETIME_MS + SKEW_MS) throw unavailable("the token minted has an odd lifetime");
  return clock.now() + leftMs;
}

function unavailable(words: string): Fault {
  return new Fault("key_unavailable", { cause: new Error(words) });
}
