import { answers, cloudCodes, clouds, type Fixture, transportAnswers } from "../simulators/start.ts";
import { anthropic } from "./anthropic.ts";
import { awsIamRows } from "./aws-iam.ts";
import { awsKeysRows } from "./aws-keys.ts";
import { azureRows } from "./azure.ts";
import { cohere } from "./cohere.ts";
import { deepseek } from "./deepseek.ts";
import { fireworks } from "./fireworks.ts";
import { gcpRows } from "./gcp.ts";
import { gemini } from "./gemini.ts";
import { groq } from "./groq.ts";
import { mistral } from "./mistral.ts";
import { ociRows } from "./oci.ts";
import { openai } from "./openai.ts";
import { openrouter } from "./openrouter.ts";
import { perplexity } from "./perplexity.ts";
import type { Row } from "./row.ts";
import { together } from "./together.ts";
import { xai } from "./xai.ts";

/** Every answer of every provider and what it must lead to. */
export const table: readonly Row[] = [
  ...openai,
  ...anthropic,
  ...gemini,
  ...deepseek,
  ...mistral,
  ...groq,
  ...xai,
  ...cohere,
  ...perplexity,
  ...openrouter,
  ...together,
  ...fireworks,
  ...gcpRows,
  ...awsIamRows,
  ...awsKeysRows,
  ...azureRows,
  ...ociRows,
];

/** The simulators' own answers of each provider, without what can happen to any of them. */
export const documented: ReadonlyMap<string, readonly Fixture[]> = new Map([
  ...Object.entries(answers),
  ...cloudCodes.map((code): [string, readonly Fixture[]] => [code, clouds[code]?.answers ?? []]),
]);

/** The answers that a row names. */
export function answersOf({ provider, given }: Row): Fixture[] {
  const known = [...(documented.get(provider) ?? []), ...transportAnswers];
  return Object.values(given).flatMap((name) => known.filter((one) => one.name === name));
}

/** Where a row was read: what it says itself, else what its answers say. */
export function sourcesOf(row: Row): string[] {
  return row.source === undefined ? answersOf(row).map(({ source }) => source) : [row.source];
}

/** Rows by provider, in all, about the provider's own answers, and only plausible. */
export function counts(): Array<{ provider: string; rows: number; own: number; undocumented: number }> {
  const common = new Set(transportAnswers.map(({ name }) => name));
  const isOwn = (row: Row) => !Object.values(row.given).some((name) => common.has(name));
  return [...new Set(table.map(({ provider }) => provider))].map((provider) => {
    const rows = table.filter((row) => row.provider === provider);
    return {
      provider,
      rows: rows.length,
      own: rows.filter(isOwn).length,
      undocumented: rows.filter((row) => row.undocumented).length,
    };
  });
}
