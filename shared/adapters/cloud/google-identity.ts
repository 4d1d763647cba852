import { Compute, GoogleAuth } from "google-auth-library";
import { inTime } from "./bounded-fetch.ts";

const SCOPES = ["https://www.googleapis.com/auth/cloud-platform"];
/** The metadata server stands on the same machine and answers within milliseconds. */
const TOKEN_DEADLINE_MS = 3_000;
const LATE = `The metadata server did not answer within ${TOKEN_DEADLINE_MS} ms`;

/**
 * The identity of this process towards Google: one a process, handed to every client (`getClient()` as `authClient` of
 * BigQuery, itself as `auth` of the others), so that tokens are fetched once for all.
 *
 * @param fromMetadata whether the metadata server is asked and nothing else, as on Cloud Run: no file of credentials
 *   can stand in for the function's service account, and nothing looks for the server first. Else application default
 *   credentials, as on an operator's machine.
 */
export function googleIdentity({ project, fromMetadata }: { project: string; fromMetadata: boolean }): GoogleAuth {
  if (!fromMetadata) return new GoogleAuth({ projectId: project, scopes: SCOPES });
  return new GoogleAuth({ projectId: project, authClient: new InstanceCredentials({ scopes: SCOPES }) });
}

/**
 * The service account of the instance. On Cloud Run the library sets no deadline for the metadata server (gcp-metadata
 * 9.2.3, `requestTimeout`), and an answer without a token becomes `Bearer undefined` (google-auth-library 11.3.4).
 */
class InstanceCredentials extends Compute {
  protected override async refreshTokenNoCache(): ReturnType<Compute["refreshToken"]> {
    const answered = await inTime(super.refreshTokenNoCache(), TOKEN_DEADLINE_MS, LATE);
    const { access_token: token } = answered.tokens;
    if (typeof token !== "string" || token === "") throw new Error("The metadata server answered without a token");
    return answered;
  }
}
