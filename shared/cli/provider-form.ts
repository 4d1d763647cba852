import type { Context } from "./command.ts";
import { ask } from "./http-client.ts";
import { at, listAt, textAt, textsAt } from "./read.ts";

/** What the service says of a provider's form: whether there is a secret to ask for, and of what kind its settings are. */
export interface Form {
  takesSecret: boolean;
  /** Kinds by the setting's name: text, date, decimal, integer, boolean, list. */
  kinds: ReadonlyMap<string, string>;
}

/** The form of a provider as it was typed; one that the service does not list is left for it to refuse. @throws Stop */
export async function formOf(context: Context, provider: string): Promise<Form> {
  const { body } = await ask(context, { method: "GET", path: "/providers", as: "organisation" });
  const face = listAt(body, "providers").find((one) => isNamed(one, provider));
  const settings = listAt(face, "metadata").map((one): [string, string] => [textAt(one, "name"), textAt(one, "kind")]);
  return { takesSecret: at(face, "credential_type") !== "none", kinds: new Map(settings) };
}

function isNamed(face: unknown, provider: string): boolean {
  if (provider.startsWith("custom-")) return at(face, "path") === "custom-{slug}";
  const names = [textAt(face, "path"), textAt(face, "code").toLowerCase(), ...textsAt(face, "aliases")];
  return names.includes(provider);
}
