import type { Fixture } from "../fixture.ts";
import type { ProviderCode } from "../profiles.ts";
import { anthropic } from "./anthropic.ts";
import { cohere } from "./cohere.ts";
import { deepseek } from "./deepseek.ts";
import { fireworks } from "./fireworks.ts";
import { gemini } from "./gemini.ts";
import { groq } from "./groq.ts";
import { mistral } from "./mistral.ts";
import { openai } from "./openai.ts";
import { openrouter } from "./openrouter.ts";
import { perplexity } from "./perplexity.ts";
import { together } from "./together.ts";
import { transportAnswers } from "./transport.ts";
import { xai } from "./xai.ts";

/** Every documented answer by provider; `transportAnswers` holds what can happen to any of them. */
export const answers: Readonly<Record<ProviderCode, readonly Fixture[]>> = {
  OPENAI: openai,
  ANTHROPIC: anthropic,
  GEMINI: gemini,
  DEEPSEEK: deepseek,
  MISTRAL: mistral,
  GROQ: groq,
  XAI: xai,
  COHERE: cohere,
  PERPLEXITY: perplexity,
  OPENROUTER: openrouter,
  TOGETHER: together,
  FIREWORKS: fireworks,
};

/** @throws Error that lists the names there are. */
export function fixture(provider: ProviderCode, name: string): Fixture {
  const all = [...answers[provider], ...transportAnswers];
  const found = all.find((one) => one.name === name);
  if (found === undefined)
    throw new Error(`${provider} has no answer "${name}"; it has ${all.map((one) => one.name).join(", ")}`);
  return found;
}
