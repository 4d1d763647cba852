import type { Entry } from "../registry/entry.ts";
import { http } from "./http.ts";
import type { Provider } from "./provider.ts";

/** Providers with a protocol of their own. Each is loaded, and its SDK with it, only when it is first asked. */
const protocols: Readonly<Record<string, () => Promise<Provider>>> = {
  openai: async () => (await import("./openai.ts")).openai,
  anthropic: async () => (await import("./anthropic.ts")).anthropic,
};

/** Names that `probe.protocol` may hold. */
export const protocolNames: readonly string[] = Object.keys(protocols);

/**
 * The code that speaks to this entry's provider.
 * @throws Error where the entry names a protocol without a file: a mistake in the registry.
 */
export async function providerOf(entry: Entry): Promise<Provider> {
  if (!("protocol" in entry.probe)) return http;
  const load = Object.hasOwn(protocols, entry.probe.protocol) ? protocols[entry.probe.protocol] : undefined;
  if (load === undefined) throw new Error("the registry names a protocol that no provider file speaks");
  return await load();
}
