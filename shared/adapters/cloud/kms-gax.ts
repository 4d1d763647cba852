/**
 * What Google's generated clients take from `google-gax`, without gRPC: the bundler puts this file in its place, since
 * the clients load all of it even where they are told to speak REST. Its fallback alone is not enough: the clients also
 * want these two. Their log prints requests and replies, plaintext included, where GOOGLE_SDK_NODE_LOGGING is set: the
 * start removes that variable, and here there is no such log besides.
 *
 * Source: @google-cloud/kms 6.3.0 and @google-cloud/secret-manager 7.2.0, read 2026-11-21.
 */
export * from "google-gax/fallback";

const silent = Object.assign(() => {}, { debug() {}, info() {}, warn() {}, error() {}, sublog: () => silent });

export const loggingUtils = { log: () => silent };

/** Details of errors are not read, so they stay as they came. */
export function decodeAnyProtosInArray(details: unknown[]): unknown[] {
  return details;
}
