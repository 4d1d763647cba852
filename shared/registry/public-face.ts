import { pathOf } from "./check.ts";
import type { Entry } from "./entry.ts";

/** What anyone may know of a provider: enough to draw its form, nothing of how it is asked. */
export interface PublicFace {
  code: string;
  /** The preferred path segment. */
  path: string;
  aliases: string[];
  display_name: string;
  category: Entry["category"];
  credential_type: Entry["credential_type"];
  fields: Array<{
    name: string;
    label: string;
    secret: boolean;
    pattern: string;
    example: string | null;
    optional: boolean;
    help: string | null;
  }>;
  metadata: Array<{ name: string; label: string; pattern: string; example: string; help: string | null }>;
  capabilities: Array<{ id: string; label: string }>;
  pipelines: Array<{ id: string; all_of: string[]; any_of: string[] }>;
  setup_help: string[];
  docs_url: string | null;
}

/** The public face of one entry: what `GET /providers` shows. */
export function publicFace(entry: Entry): PublicFace {
  return {
    code: entry.code,
    path: pathOf(entry),
    aliases: [...entry.aliases],
    display_name: entry.display_name,
    category: entry.category,
    credential_type: entry.credential_type,
    fields: entry.fields.map(({ name, label, secret, pattern, example, optional, help }) => ({
      name,
      label: label ?? name,
      secret,
      pattern,
      example: example ?? null,
      optional,
      help: help ?? null,
    })),
    metadata: entry.metadata.map(({ name, label, pattern, example, help }) => ({
      name,
      label,
      pattern,
      example,
      help: help ?? null,
    })),
    capabilities: entry.capabilities.map(({ id, label }) => ({ id, label: label ?? id })),
    pipelines: entry.pipelines.map(({ id, all_of, any_of }) => ({ id, all_of: [...all_of], any_of: [...any_of] })),
    setup_help: [...entry.setup_help],
    docs_url: entry.docs?.url ?? null,
  };
}
