/**
 * Variables that provider SDKs read from the environment by themselves. Every one is overruled where the SDK is
 * constructed, or its effect dropped by `sdkTransport`; the composition root deletes them at start all the same, so
 * that nothing depends on an SDK's next version. Source: openai 7.55.0 and @anthropic-ai/sdk 1.11.0, read 2026-11-20.
 */
export const ambientVariables: readonly RegExp[] = [/^OPENAI_/, /^ANTHROPIC_/];
