/**
 * Variables that provider SDKs read from the environment by themselves. Every one is overruled where the SDK is
 * constructed, or its effect dropped by `sdkTransport`; the composition root deletes them at start all the same, so
 * that nothing depends on an SDK's next version. `AWS_FEDERATION_SUBJECT` is our own. Source: openai 7.55.0,
 * @anthropic-ai/sdk 1.11.0, @aws-sdk/client-sts 3.1169.0, google-auth-library 11.3.4 and @google-cloud/bigquery 9.3.0,
 * read 2026-11-20.
 */
export const ambientVariables: readonly RegExp[] = [
  /^OPENAI_/,
  /^ANTHROPIC_/,
  /^AWS_(?!FEDERATION_SUBJECT$)/,
  /^_X_AMZN_TRACE_ID$/,
  /^AZURE_/,
  /^OCI_/,
  /^BIGQUERY_(?:EMULATOR_HOST|PICOSECOND_SUPPORT)$/,
  /^FAST_QUERY_PATH$/,
  /^GOOGLE_(?:EXTERNAL_ACCOUNT_.+|SDK_NODE_LOGGING|CLOUD_QUOTA_PROJECT|CLOUD_UNIVERSE_DOMAIN)$/,
  /^DEBUG_AUTH$/,
];
