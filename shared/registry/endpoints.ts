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

/** A base URL replaced for an endpoint that does not exist, or by what is no base URL. Names no URL: it may hold a secret. */
export class EndpointOverrideError extends Error {
  override readonly name = "EndpointOverrideError";
}

/**
 * The entries with base URLs replaced by `<CODE>_<NAME>`, and every base URL without a trailing slash.
 * @throws EndpointOverrideError naming every override that is wrong.
 */
export function overrideEndpoints(entries: readonly Entry[], overrides: ReadonlyMap<string, string>): readonly Entry[] {
  const unused = new Set(overrides.keys());
  const wrong: string[] = [];
  const replaced = entries.map((entry) => {
    const endpoints = Object.entries(entry.endpoints).map(([name, url]): [string, string] => {
      const key = `${entry.code}_${name.toUpperCase()}`;
      unused.delete(key);
      const override = overrides.get(key);
      if (override === undefined) return [name, url.replace(/\/+$/, "")];
      const complaint = endpointComplaint(override, "override");
      if (complaint !== null) wrong.push(`${key}: ${complaint}`);
      return [name, override.replace(/\/+$/, "")];
    });
    return { ...entry, endpoints: Object.fromEntries(endpoints) };
  });
  for (const key of unused) wrong.push(`${key}: names no endpoint of the registry`);
  if (wrong.length > 0)
    throw new EndpointOverrideError(`Endpoint overrides are wrong:\n${wrong.map((line) => `  ${line}`).join("\n")}`);
  return replaced;
}
