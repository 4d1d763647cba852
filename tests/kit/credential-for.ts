import { generateKeyPairSync } from "node:crypto";
import type { Credential } from "../../shared/contract/secret.ts";
import { checkCredential } from "../../shared/registry/check.ts";
import type { Entry, Field } from "../../shared/registry/entry.ts";
import type { Registry } from "../../shared/registry/load.ts";
import { textsFor } from "./text-for.ts";

/**
 * A made-up credential of an entry, as the offline check lets it through: every field is filled, the optional ones too.
 *
 * @throws Error where no text fits a pattern, or where the check would refuse what fits
 */
export function credentialFor(registry: Registry, entry: Entry): Credential {
  const values = Object.fromEntries(
    entry.fields.filter(({ fixed }) => fixed === undefined).map((field) => [field.name, valueFor(field)]),
  );
  return checkCredential(registry, entry, values).credential;
}

/** Long enough that a piece of it is no coincidence, and of none of the shapes that are refused. */
function valueFor(field: Field): string {
  if (field.kind === "rsa_private_key") return rsaKey();
  const [option] = field.options ?? [];
  if (option !== undefined) return option;
  const texts = textsFor(field.pattern, "", 60).filter(
    (text) =>
      !/\.{3}|\*{3}/.test(text) &&
      ![...field.refuse, ...field.warn].some((shape) => new RegExp(shape.pattern).test(text)),
  );
  const long = texts.findLast((text) => text.length <= 120) ?? texts[0];
  if (long === undefined) throw new Error(`the kit finds no text of the shape of \`${field.name}\``);
  return long;
}

let key: string | undefined;
function rsaKey(): string {
  key ??= generateKeyPairSync("rsa", { modulusLength: 2_048 })
    .privateKey.export({ type: "pkcs8", format: "pem" })
    .toString();
  return key;
}
