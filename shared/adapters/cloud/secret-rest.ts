import { SecretManagerServiceClient } from "@google-cloud/secret-manager/build/src/v1/secret_manager_service_client.js";
import type { GoogleAuth } from "google-auth-library";
import * as gax from "google-gax/fallback";
import { placeOf } from "./google-retry.ts";
import { RestCredentials } from "./kms-rest-auth.ts";

/**
 * A client of Secret Manager over HTTP/1.1 with its credentials found. `apiEndpoint` is `https://host[:port]`, `http:`
 * in tests, `null` for Google's own.
 *
 * @throws Error where no credentials are to be had
 */
export async function connectSecretManager(access: {
  auth: GoogleAuth;
  apiEndpoint: string | null;
}): Promise<SecretManagerServiceClient> {
  const client = new SecretManagerServiceClient(
    {
      authClient: new RestCredentials(access.auth),
      fallback: true,
      enableTelemetryLogging: false,
      ...placeOf(access.apiEndpoint),
    },
    gax,
  );
  await client.initialize();
  return client;
}
