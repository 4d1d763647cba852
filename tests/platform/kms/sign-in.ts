import { GoogleAuth, OAuth2Client } from "google-auth-library";
import { benchToken } from "../bearer.ts";

/** Google's credentials that already hold the bench's token of a service account. */
export function signedIn(email: string): GoogleAuth {
  const authClient = new OAuth2Client();
  authClient.setCredentials({ access_token: benchToken(email), expiry_date: Date.now() + 3_600_000 });
  return new GoogleAuth({ authClient });
}
