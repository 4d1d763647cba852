import type { Clock } from "../../ports/clock.ts";
import type { Federation } from "../../ports/federation.ts";
import { openTokenIssuer } from "./local-tokens.ts";

/** Twenty-one digits like a real one, and nobody's. */
const SUBJECT = "000000000000000000000";

/** The local stand-in for `integrations-aws`: the issuer of this home signs, and AWS would not believe it. */
export function openLocalFederation(home: string, clock: Clock): Federation {
  return {
    project: "local",
    subject: SUBJECT,
    isPlaceholder: true,
    identityToken: (audience) => openTokenIssuer(home, { audience, clock }).issue(SUBJECT, { azp: SUBJECT }),
  };
}
