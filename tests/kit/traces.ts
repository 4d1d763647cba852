import type { Credential } from "../../shared/contract/secret.ts";
import type { Entry } from "../../shared/registry/entry.ts";

/** Shortest run of characters that counts as a piece of a secret. */
const RUN = 8;

/** Names of secret fields of which the text holds 8 characters in a row. */
export function tracesIn(text: string, entry: Entry, credential: Credential): string[] {
  return entry.fields
    .filter(
      ({ name, secret }) => secret && piecesOf(credential[name]?.reveal() ?? "").some((run) => text.includes(run)),
    )
    .map(({ name }) => name);
}

/** Every run of 8 characters; neither the words around a PEM block nor the zeros that fakes are padded with are secret. */
function piecesOf(secret: string): string[] {
  const bare = secret.replaceAll(/-----(?:BEGIN|END) [A-Z ]+-----/g, "").replaceAll(/\s/g, "");
  const runs = Array.from({ length: Math.max(0, bare.length - RUN + 1) }, (_, from) => bare.slice(from, from + RUN));
  return runs.filter((run) => new Set(run).size > 2);
}
