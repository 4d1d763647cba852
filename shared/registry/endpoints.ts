import type { Entry } from "./entry.ts";

/** What is wrong with a base URL, or `null`. In the file it must be https, or http on this machine. */
export function endpointComplaint(text: string, from: "file" | "override"): string | null {
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    return "is not a URL";
  }
  if (url.protocol !== "https:" && url.protocol !== "http:") return "must be an http(s) URL";
  if (url.username || url.password) return "must not hold credentials";
  if (text.includes("?") || text.includes("#")) return "must have neither query nor fragment";
  if (/[{}\s]/.test(text)) return "is never interpolated: neither braces nor spaces";
  if (from === "file" && url.protocol === "http:" && !isLoopback(url.hostname))
    return "must be https (http only on a loopback host)";
  return null;
}

function isLoopback(hostname: string): boolean {
  return hostname === "localhost" || hostname === "[::1]" || /^127\.\d+\.\d+\.\d+$/.test(hostname);
}

/** An override that is wrong. Names no URL: it may hold a secret. */
export interface WrongOverride {
  key: string;
  message: string;
}

/**
 * The entries with base URLs replaced by `<CODE>_<NAME>`, every base URL without a trailing slash, and what is wrong
 * with the overrides.
 */
export function overrideEndpoints(
  entries: readonly Entry[],
  overrides: ReadonlyMap<string, string>,
): { entries: readonly Entry[]; wrong: WrongOverride[] } {
  const unused = new Set(overrides.keys());
  const wrong: WrongOverride[] = [];
  const replaced = entries.map((entry) => {
    const endpoints = Object.entries(entry.endpoints).map(([name, url]): [string, string] => {
      const key = `${entry.code}_${name.toUpperCase()}`;
      unused.delete(key);
      const override = overrides.get(key);
      const complaint = override === undefined ? null : endpointComplaint(override, "override");
      if (complaint !== null) wrong.push({ key, message: complaint });
      return [name, (override ?? url).replace(/\/+$/, "")];
    });
    return { ...entry, endpoints: Object.fromEntries(endpoints) };
  });
  for (const key of unused) wrong.push({ key, message: "names no endpoint of the registry" });
  return { entries: replaced, wrong };
}
