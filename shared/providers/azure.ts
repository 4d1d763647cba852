import type { Credential } from "../contract/secret.ts";
import type { Wrong } from "../registry/check.ts";
import type { Entry } from "../registry/entry.ts";
import { finding } from "../registry/read-answer.ts";
import { armOf, reading, subscriptionRead } from "./azure/arm.ts";
import { costRead } from "./azure/cost.ts";
import { askToken, UUID } from "./azure/token.ts";
import type { Provider } from "./provider.ts";

/**
 * Azure, as an application with a client secret: signs in once, then asks at the same time whether the subscription can
 * be seen and whether its costs can be read. Without an SDK, since `@azure/identity` 4.13.1 raises the same error,
 * without a status, for a wrong secret, an outage and a limit. Nothing here is billed.
 * Source: https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow, read 2026-11-20.
 */
export const azure: Provider = {
  inspect(credential, { entry }) {
    return repeatedIds(credential, entry);
  },

  async probe(credential, context) {
    const id = credential["subscription_id"]?.reveal() ?? "";
    if (!UUID.test(id)) return finding("service_misconfigured", { reason: "internal" });
    const signedIn = await askToken(credential, context);
    if ("outcome" in signedIn) return signedIn;
    const ask = armOf(signedIn, context);
    const answers = reading(credential, signedIn.token, context.now);
    const [seen, cost] = await Promise.all([subscriptionRead(ask, id, answers), costRead(ask, `/${id}`, answers)]);
    if (seen.outcome !== "valid") return seen;
    return {
      ...seen,
      capabilities: [{ id: "subscription_read", state: "granted" }, cost],
      details: { account: id.toLowerCase() },
    };
  },

  async mint(credential, context) {
    const signedIn = await askToken(credential, context);
    if ("outcome" in signedIn) return signedIn;
    return { type: "access_token", fields: { access_token: signedIn.token }, expires_at: signedIn.expiresAt };
  },
};

/** Azure shows the ids side by side, and each is of another thing: one pasted twice is a slip. */
function repeatedIds(credential: Credential, { reasons }: Pick<Entry, "reasons">): Wrong[] {
  const remedy = reasons["id_repeated"];
  const names = ["tenant_id", "client_id", "subscription_id"];
  const ids = names.map((name) => credential[name]?.reveal().toLowerCase());
  return names.flatMap((field, index) => {
    const first = ids.indexOf(ids[index]);
    if (first === index) return [];
    return [
      {
        field,
        message: `is the same as ${names[first]}`,
        reason: "id_repeated",
        ...(remedy ? { remedy } : {}),
      },
    ];
  });
}
