import { type Marker, markers, type ProviderCode } from "./profiles.ts";

interface Shape {
  prefix: string;
  /** Stands between words, where the alphabet has something for it. */
  separator: string;
  /** Length of a whole key, prefix included. */
  length: number;
}

const hyphened = (prefix: string, length: number): Shape => ({ prefix, separator: "-", length });
const run = (prefix: string, length: number): Shape => ({ prefix, separator: "0", length });

const shapes: Readonly<Record<ProviderCode, Shape>> = {
  OPENAI: hyphened("sk-proj-", 64),
  ANTHROPIC: hyphened("sk-ant-api03-", 108),
  GEMINI: hyphened("AQ.", 53),
  DEEPSEEK: run("sk-", 35),
  MISTRAL: run("", 32),
  GROQ: run("gsk_", 56),
  XAI: run("xai-", 84),
  COHERE: run("", 40),
  PERPLEXITY: run("pplx-", 53),
  OPENROUTER: run("sk-or-v1-", 73),
  TOGETHER: run("tgp_v1_", 50),
  FIREWORKS: run("fw_", 27),
};

/** Further kinds of keys of a provider, by the name they have in `exampleKeys`. */
const kinds: Readonly<Partial<Record<ProviderCode, Readonly<Record<string, Shape>>>>> = {
  OPENAI: { admin: hyphened("sk-admin-", 133), service_account: hyphened("sk-svcacct-", 64), legacy: run("sk-", 51) },
  ANTHROPIC: {
    admin: hyphened("sk-ant-admin01-", 110),
    enterprise: hyphened("sk-ant-api01-", 108),
    oauth: hyphened("sk-ant-oat01-", 108),
  },
  GEMINI: { standard: hyphened("AIza", 39) },
  FIREWORKS: { fire_pass: run("fpk_", 28) },
};

const special: Readonly<Partial<Record<ProviderCode, Partial<ExampleKeys>>>> = {
  OPENAI: {
    admin_noscope: exampleKey("OPENAI", ["noscope"], "admin"),
    expiring: exampleKey("OPENAI", ["expiring"], "admin"),
  },
  ANTHROPIC: { admin_noscope: exampleKey("ANTHROPIC", ["noscope"], "admin") },
  OPENROUTER: { expiring: exampleKey("OPENROUTER", ["expiring"]) },
};

/** Keys of one provider: obviously fake, of the right shape, the same at every call. */
export interface ExampleKeys extends Record<Marker | "good" | "another" | "garbage", string> {
  /** Reads cost and usage. OPENAI and ANTHROPIC only. */
  admin?: string;
  /** An admin key without the scope for cost. */
  admin_noscope?: string;
  /** An OPENAI admin key or OPENROUTER key that says it expires in ten days. */
  expiring?: string;
  service_account?: string;
  legacy?: string;
  /** A Claude Enterprise key with `read:analytics`. */
  enterprise?: string;
  oauth?: string;
  /** A Fireworks key that is good, and not for the control plane. */
  fire_pass?: string;
  /** An `AIza` key, 39 characters. */
  standard?: string;
}

/**
 * A key of a provider in which `words` stand, padded with zeros to the usual length.
 * `kind` is one of the further kinds: `exampleKey("GEMINI", ["revoked"], "standard")` is `AIzademo-revoked-000…`.
 */
export function exampleKey(provider: ProviderCode, words: readonly string[], kind?: string): string {
  const shape = kind === undefined ? shapes[provider] : kinds[provider]?.[kind];
  if (shape === undefined) throw new Error(`${provider} has no keys of the kind "${kind}"`);
  const { prefix, separator, length } = shape;
  const text = `${prefix}${["demo", ...words].join(separator)}${separator}`;
  return text.padEnd(length, "0");
}

/** Keys to try, by the behaviour they cause; `good` and `another` are accepted. */
export function exampleKeys(provider: ProviderCode): ExampleKeys {
  const usual = ["good", "another", ...markers].map((word) => [word, exampleKey(provider, [word])]);
  const further = Object.keys(kinds[provider] ?? {}).map((kind) => [kind, exampleKey(provider, [], kind)]);
  return { ...Object.fromEntries([...usual, ...further]), ...special[provider], garbage: "not a key" };
}

/** The marker that stands in a key, `null` for a key that is accepted. Case-sensitive. */
export function markerIn(key: string): Marker | null {
  return markers.find((marker) => key.includes(marker)) ?? null;
}
