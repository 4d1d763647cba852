import type { Entry } from "../registry/entry.ts";
import { http } from "./http.ts";
import { type ProtocolName, protocolNames } from "./protocol-names.ts";
import type { Provider } from "./provider.ts";

/** Providers with a protocol of their own. Each is loaded, and its SDK with it, only when it is first asked. */
const protocols: Readonly<Record<ProtocolName, () => Promise<Provider>>> = {
  openai: async () => (await import("./openai.ts")).openai,
  anthropic: async () => (await import("./anthropic.ts")).anthropic,
  gcp: async () => (await import("./gcp.ts")).gcp,
  aws_role: async () => (await import("./aws-role.ts")).awsRole,
  aws_keys: async () => (await import("./aws-keys.ts")).awsKeys,
  azure: async () => (await import("./azure.ts")).azure,
  oci: async () => (await import("./oci.ts")).oci,
};

/**
 * The code that speaks to this entry's provider.
 * @throws Error where the entry names a protocol without a file: a mistake in the registry.
 */
export async function providerOf(entry: Entry): Promise<Provider> {
  if (entry.probe === undefined) throw new Error("there is nothing to prove where no credential is taken");
  if (!("protocol" in entry.probe)) return http;
  const { protocol } = entry.probe;
  const name = protocolNames.find((known) => known === protocol);
  if (name === undefined) throw new Error("the registry names a protocol that no provider file speaks");
  return await protocols[name]();
}
