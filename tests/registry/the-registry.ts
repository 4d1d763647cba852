import { readFileSync } from "node:fs";
import type { Entry } from "../../shared/registry/entry.ts";
import { loadRegistry, type Registry } from "../../shared/registry/load.ts";

/** The registry that ships, as text and loaded. */
export const registryText = readFileSync(new URL("../../configs/system/providers.yml", import.meta.url), "utf8");
export const registry: Registry = loadRegistry([{ name: "providers.yml", text: registryText }]);

export function entryOf(code: string): Entry {
  const entry = registry.byCode(code);
  if (entry === null) throw new Error(`${code} is not in the registry`);
  return entry;
}

/** One obvious fake per provider that its own pattern takes. */
export const fakeKeys: Readonly<Record<string, string>> = {
  OPENAI: `sk-proj-${"a1".repeat(37)}T3BlbkFJ${"b2".repeat(37)}`,
  ANTHROPIC: `sk-ant-api03-${"c3".repeat(46)}xAA`,
  GEMINI: `AQ.Ab8RN6${"d4".repeat(22)}`,
  DEEPSEEK: "sk-0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a",
  MISTRAL: "e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5",
  GROQ: `gsk_${"f6".repeat(26)}`,
  XAI: `xai-${"g7".repeat(40)}`,
  COHERE: "h8h8h8h8h8h8h8h8h8h8h8h8h8h8h8h8h8h8h8h8",
  PERPLEXITY: `pplx-${"i9".repeat(24)}`,
  OPENROUTER: `sk-or-v1-${"0f".repeat(32)}`,
  TOGETHER: `tgp_v1_${"j0".repeat(20)}`,
  FIREWORKS: `fw_${"k1".repeat(12)}`,
};
export const adminKeys = {
  OPENAI: `sk-admin-${"l2".repeat(29)}T3BlbkFJ${"m3".repeat(29)}`,
  ANTHROPIC: `sk-ant-admin01-${"n4".repeat(46)}xAA`,
};

export function fakeKey(code: string): string {
  const key = fakeKeys[code];
  if (key === undefined) throw new Error(`no fake key for ${code}`);
  return key;
}
