import { KeyManagementServiceClient } from "@google-cloud/kms/build/src/v1/key_management_service_client.js";
import type { GoogleAuth } from "google-auth-library";
import * as gax from "google-gax/fallback";
import { placeOf } from "./google-retry.ts";
import { RestCredentials } from "./kms-rest-auth.ts";

/** Where and as whom Cloud KMS is called. */
export interface KmsAccess {
  auth: GoogleAuth;
  /** `https://host[:port]`, `http:` in tests; `null` for Google's own. */
  apiEndpoint: string | null;
}

/**
 * A client of Cloud KMS over HTTP/1.1 with its credentials found: starts faster than over gRPC. The client's own module
 * is imported, since the package's entry loads four further services and a second copy of all messages.
 *
 * @throws Error where no credentials are to be had
 */
export async function connectKmsRest({ auth, apiEndpoint }: KmsAccess): Promise<KeyManagementServiceClient> {
  const client = new KeyManagementServiceClient(
    { authClient: new RestCredentials(auth), fallback: true, enableTelemetryLogging: false, ...placeOf(apiEndpoint) },
    gax,
  );
  await client.initialize();
  return client;
}
