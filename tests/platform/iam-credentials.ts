import { type Allows, identityOf } from "./bearer.ts";
import { GOOGLE_ISSUER, type Issuer } from "./certificates.ts";
import { type Answer, type Asked, googleError, type HttpSimulator, json, startHttp } from "./http-simulator.ts";

export type IamFault = (typeof iamFaults)[number];
/** Good tokens that say something else than was asked, and answers that hold none. */
export const iamFaults = [
  "other_audience",
  "other_subject",
  "email_as_azp",
  "no_azp",
  "expired_token",
  "long_token",
  "no_jwt",
  "no_token",
] as const;

export type IamCredentials = HttpSimulator<IamFault>;

/** A service account that tokens can be asked for. */
export interface Account {
  email: string;
  /** Its numeric id. */
  id: string;
}

/**
 * Starts the one method of the IAM Service Account Credentials API that is asked:
 * `POST /v1/projects/-/serviceAccounts/{email or id}:generateIdToken` → `{ token }`. `azp` is the account's numeric id,
 * its email where `useEmailAzp` is sent. Source:
 * https://docs.cloud.google.com/iam/docs/reference/credentials/rest/v1/projects.serviceAccounts/generateIdToken, read
 * 2026-11-21.
 */
export async function startIamCredentials(options: {
  issuer: Issuer;
  accounts: readonly Account[];
  allows?: Allows;
}): Promise<IamCredentials> {
  const { issuer, accounts, allows } = options;
  return await startHttp<IamFault>((asked, fault) => answer(asked, fault), { own: iamFaults });

  async function answer(asked: Asked, fault: IamFault | null): Promise<Answer> {
    const name = /^\/v1\/projects\/([^/]+)\/serviceAccounts\/([^/:]+):generateIdToken$/.exec(asked.path);
    if (asked.method !== "POST" || name === null) return googleError(404, "NOT_FOUND", "Method not found.");
    const [, project, nameOrId] = name;
    const caller = identityOf(asked.headers["authorization"]);
    if (caller === null) return unauthenticated();
    const account = accounts.find(({ email, id }) => email === nameOrId || id === nameOrId);
    const right = { service: "iam", resource: account?.email ?? String(nameOrId), action: "getOpenIdToken" };
    if (account === undefined || !(allows?.(caller, right) ?? true)) return denied();
    if (project !== "-") return invalid("Invalid form of account name. Should be [projects/-/serviceAccounts/account]");
    const body = parse(asked.body);
    const audience = body?.["audience"];
    if (typeof audience !== "string" || audience === "") return invalid("audience is required");
    return await issued(account, audience, body ?? {}, fault);
  }

  async function issued(
    { email, id }: Account,
    audience: string,
    body: Record<string, unknown>,
    fault: IamFault | null,
  ): Promise<Answer> {
    const iat = issuer.now() - (fault === "expired_token" ? 7_200 : 0);
    const azp = body["useEmailAzp"] === true || fault === "email_as_azp" ? email : id;
    const sub = fault === "other_subject" ? `${id.slice(0, -1)}${(Number(id.at(-1)) + 1) % 10}` : id;
    const token = await issuer.sign({
      aud: fault === "other_audience" ? `${audience}2` : audience,
      ...(fault === "no_azp" ? {} : { azp }),
      ...(body["includeEmail"] === true ? { email, email_verified: true } : {}),
      exp: iat + (fault === "long_token" ? 86_400 : 3_600),
      iat,
      iss: GOOGLE_ISSUER,
      sub,
    });
    if (fault === "no_jwt") return json(200, { token: "eyJhbGciOiJub25lIn0.not-json" });
    return json(200, fault === "no_token" ? {} : { token });
  }
}

function parse(text: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && !Array.isArray(value) ? { ...value } : null;
  } catch {
    return null;
  }
}

function invalid(message: string): Answer {
  return googleError(400, "INVALID_ARGUMENT", message);
}

function unauthenticated(): Answer {
  return googleError(
    401,
    "UNAUTHENTICATED",
    "Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or other valid authentication credential.",
  );
}

function denied(): Answer {
  const permission = "iam.serviceAccounts.getOpenIdToken";
  return googleError(403, "PERMISSION_DENIED", `Permission '${permission}' denied on resource (or it may not exist).`, [
    {
      "@type": "type.googleapis.com/google.rpc.ErrorInfo",
      reason: "IAM_PERMISSION_DENIED",
      domain: "iam.googleapis.com",
      metadata: { permission },
    },
  ]);
}
