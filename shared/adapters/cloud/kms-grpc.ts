import { KeyManagementServiceClient } from "@google-cloud/kms/build/src/v1/key_management_service_client.js";
import * as gax from "google-gax";
import { placeOf } from "./google-retry.ts";
import type { KmsAccess } from "./kms-rest.ts";

/**
 * A client of Cloud KMS over gRPC with its credentials found: a third of the CPU per call, worth its slower start where
 * many credentials are opened. Over an `http:` endpoint, in tests, gRPC sends no token.
 *
 * @throws Error where no credentials are to be had
 */
export async function connectKmsGrpc({ auth, apiEndpoint }: KmsAccess): Promise<KeyManagementServiceClient> {
  const { protocol, ...place } = placeOf(apiEndpoint);
  const client = new KeyManagementServiceClient(
    {
      auth,
      enableTelemetryLogging: false,
      ...place,
      ...(protocol === "http" ? { sslCreds: gax.grpc.credentials.createInsecure() } : {}),
    },
    gax,
  );
  await client.initialize();
  return client;
}
