import type { Context } from "./command.ts";
import { ask } from "./http-client.ts";
import { at, listAt, textAt, textsAt } from "./read.ts";
import { Stop } from "./stop.ts";

/** What the service says of a provider's form: whether there is a secret to ask for, and of what kind its settings are. */
export interface Form {
  takesSecret: boolean;
  /** Kinds by the setting's name: text, date, decimal, integer, boolean, list. */
  kinds: ReadonlyMap<string, string>;
}

/** The form of a provider as it was typed. @throws Stop, as the service refuses one that it does not know */
export async function formOf(context: Context, org: string, provider: string): Promise<Form> {
  const { body } = await ask(context, { method: "GET", path: "/providers", as: "organisation" });
  const face = listAt(body, "providers").find((one) => isNamed(one, provider));
  // Before anyone types a secret for it.
  if (face === undefined) await refuseUnknown(context, org, provider);
  const settings = listAt(face, "metadata").map((one): [string, string] => [textAt(one, "name"), textAt(one, "kind")]);
  return { takesSecret: at(face, "credential_type") !== "none", kinds: new Map(settings) };
}

async function refuseUnknown(context: Context, org: string, provider: string): Promise<void> {
  try {
    await ask(context, { method: "GET", path: `/${org}/${provider}`, as: "organisation" });
  } catch (error) {
    // Several share the name aws, which no form has.
    if (error instanceof Stop && error.problem.code !== "provider_unknown") return;
    throw error;
  }
}

function isNamed(face: unknown, provider: string): boolean {
  if (provider.startsWith("custom-")) return at(face, "path") === "custom-{slug}";
  const names = [textAt(face, "path"), textAt(face, "code").toLowerCase(), ...textsAt(face, "aliases")];
  return names.includes(provider);
}
