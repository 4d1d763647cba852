import { pathOf } from "./check.ts";
import type { Entry, Field, Setting } from "./entry.ts";

/** What anyone may know of a provider: enough to draw its form, nothing of how it is asked. */
export interface PublicFace {
  code: string;
  /** The preferred path segment. */
  path: string;
  aliases: string[];
  /** The path segment that it shares with others, of which the credential's shape chooses; `null` where it stands alone. */
  family: string | null;
  display_name: string;
  category: Entry["category"];
  credential_type: Entry["credential_type"];
  fields: Array<{
    name: string;
    label: string;
    secret: boolean;
    /** What a form may hold the value to; `null` where only the service can, as with a private key of many lines. */
    pattern: string | null;
    example: string | null;
    optional: boolean;
    help: string | null;
    kind: Field["kind"];
    options: readonly string[] | null;
  }>;
  /** Patterns of credentials that are clearly its own, so that one pasted at another provider is told apart. */
  recognise: string[];
  /** The credential may be given as a JSON document: as an object, as text or as base64. */
  document: boolean;
  metadata: PublicSetting[];
  capabilities: Array<{ id: string; label: string }>;
  pipelines: Array<{ id: string; all_of: string[]; any_of: string[] }>;
  setup_help: string[];
  cannot_know: string[];
  docs_url: string | null;
}

/** A setting as a form needs it. */
export interface PublicSetting {
  name: string;
  label: string;
  kind: Setting["kind"];
  pattern: string | null;
  options: readonly string[] | null;
  min: number | null;
  max: number | null;
  example: string;
  help: string | null;
  required: boolean;
  items?: PublicSetting[];
}

/** The public face of one entry: what `GET /providers` shows. */
export function publicFace(entry: Entry): PublicFace {
  return {
    code: entry.code,
    path: entry.custom ? "custom-{slug}" : pathOf(entry),
    aliases: [...entry.aliases],
    family: entry.family ?? null,
    display_name: entry.display_name,
    category: entry.category,
    credential_type: entry.credential_type,
    fields: entry.fields.map(({ name, label, secret, pattern, example, optional, help, kind, options }) => ({
      name,
      label: label ?? name,
      secret,
      pattern: kind === "rsa_private_key" ? null : pattern,
      example: example ?? null,
      optional,
      help: help ?? null,
      kind,
      options: options ?? null,
    })),
    recognise: [...entry.recognise],
    document: entry.document,
    metadata: entry.metadata.map((setting) => ({
      ...publicSetting(setting),
      ...(setting.items ? { items: setting.items.map(publicSetting) } : {}),
    })),
    capabilities: entry.capabilities.map(({ id, label }) => ({ id, label: label ?? id })),
    pipelines: entry.pipelines.map(({ id, all_of, any_of }) => ({ id, all_of: [...all_of], any_of: [...any_of] })),
    setup_help: [...entry.setup_help],
    cannot_know: [...entry.cannot_know],
    docs_url: entry.docs?.url ?? null,
  };
}

function publicSetting(setting: Omit<Setting, "items">): PublicSetting {
  const { name, label, kind, pattern, options, min, max, example, help, required } = setting;
  return {
    name,
    label,
    kind,
    pattern: pattern ?? null,
    options: options ?? null,
    min: min ?? null,
    max: max ?? null,
    example,
    help: help ?? null,
    required,
  };
}
