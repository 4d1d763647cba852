import { hash } from "node:crypto";
import type { Head, Metadata } from "../contract/rows.ts";
import type { Verdict } from "../contract/verdict.ts";
import { checkMetadata } from "../registry/check-metadata.ts";
import type { Entry } from "../registry/entry.ts";
import type { Registry } from "../registry/load.ts";
import { canonical } from "../vault/binding.ts";
import { recordHead } from "./subscription.ts";

/**
 * A verdict as it is stored: with a mark of the settings that it was reached with, and of what the provider made known
 * only what a customer could have set as well.
 */
export function marked(registry: Registry, entry: Entry, metadata: Metadata, verdict: Verdict): Verdict {
  const { discovered = {}, ...rest } = verdict;
  const taken = Object.entries(discovered).filter(([name, value]) => isTaken(registry, entry, name, value));
  return {
    ...rest,
    settings: settingsMark(entry, metadata),
    ...(taken.length > 0 ? { discovered: Object.fromEntries(taken) } : {}),
  };
}

/** 8 hex characters that differ where a setting differs that this provider's check reads. */
export function settingsMark(entry: Entry, metadata: Metadata): string {
  const settings = entry.metadata.map(({ name }) => [name, metadata[name] ?? null]);
  return hash("sha256", canonical(settings), "hex").slice(0, 8);
}

/**
 * A head as it is shown: what was discovered fills what the customer left open; what was found with other settings than
 * these is not claimed any more; a subscription is as its record reads today.
 */
export function asShown<Found extends Head | null>(entry: Entry, head: Found, now: string): Found {
  if (head === null) return head;
  if (entry.credential_type === "none") return recordHead(entry, head, now);
  const { verdict } = head;
  if (verdict === null) return head;
  if (verdict.settings === undefined || verdict.settings === settingsMark(entry, head.metadata))
    return { ...head, metadata: { ...verdict.discovered, ...head.metadata } };
  const { tables: _, ...details } = verdict.details;
  const capabilities = verdict.capabilities.map(({ id }) => ({
    id,
    state: "unknown" as const,
    reason: "settings_changed",
    remedy: `Its settings have changed since the last check; validate it: POST /${head.org_slug}/${entry.code.toLowerCase()}/validate`,
  }));
  return { ...head, verdict: { ...verdict, details, capabilities } };
}

/** Whether a customer could have sent the setting; what was found and is not taken must not keep a credential out. */
function isTaken(registry: Registry, entry: Entry, name: string, value: unknown): boolean {
  if (!entry.metadata.some((setting) => setting.name === name)) return false;
  try {
    checkMetadata(registry, entry, { [name]: value });
    return true;
  } catch {
    return false;
  }
}
