import { z } from "zod";

/** Where Google's services are asked: base URLs without a version. */
export interface Endpoints {
  iamCredentials: string;
  kms: string;
  secretManager: string;
}
export const googleEndpoints: Endpoints = {
  iamCredentials: "https://iamcredentials.googleapis.com",
  kms: "https://cloudkms.googleapis.com",
  secretManager: "https://secretmanager.googleapis.com",
};

/** What came back. It may hold what nobody should see: it is looked at and never printed. */
export interface Answer {
  status: number;
  /** `null` where it was no JSON. */
  body: unknown;
}

const CALL_MS = 30_000;
const tokenSchema = z.object({ accessToken: z.string().min(1) });

/**
 * Asks Google as this service account: mints an access token of it, which is good for a minute. Source:
 * https://docs.cloud.google.com/iam/docs/reference/credentials/rest/v1/projects.serviceAccounts/generateAccessToken, read
 * 2026-11-21.
 *
 * @throws Error in words of ours
 */
export async function googleAs(
  email: string,
  { token, endpoints }: { token: string; endpoints: Endpoints },
): Promise<(url: string, body: unknown) => Promise<Answer>> {
  const minted = await request(
    `${endpoints.iamCredentials}/v1/projects/-/serviceAccounts/${email}:generateAccessToken`,
    {
      method: "POST",
      headers: { authorization: `Bearer ${token}` },
      body: { scope: ["https://www.googleapis.com/auth/cloud-platform"], lifetime: "60s" },
    },
  );
  const answer = tokenSchema.safeParse(minted.body);
  if (minted.status !== 200 || !answer.success)
    throw new Error(`no token of ${email} (${minted.status}); is roles/iam.serviceAccountTokenCreator granted on it?`);
  const headers = { authorization: `Bearer ${answer.data.accessToken}` };
  return async (url, body) => await request(url, { method: body === null ? "GET" : "POST", headers, body });
}

/** Sends JSON, or no body where it is `null`. Redirects are not followed. @throws Error */
export async function request(
  url: string,
  { method, headers, body }: { method: string; headers: Record<string, string>; body: unknown },
): Promise<Answer> {
  const response = await fetch(url, {
    method,
    headers: { ...headers, ...(body === null ? {} : { "content-type": "application/json" }) },
    redirect: "error",
    signal: AbortSignal.timeout(CALL_MS),
    ...(body === null ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  try {
    return { status: response.status, body: JSON.parse(text) };
  } catch {
    return { status: response.status, body: null };
  }
}
