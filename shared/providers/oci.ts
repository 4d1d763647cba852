import { createPrivateKey, type KeyObject } from "node:crypto";
import type { Reply, Silence } from "../contract/answer.ts";
import type { Credential } from "../contract/secret.ts";
import { finding } from "../registry/read-answer.ts";
import { inspectOci } from "./oci/inspect.ts";
import { readKeys } from "./oci/keys.ts";
import { type OciRegion, ociBase, ociRegion, realmOf } from "./oci/regions.ts";
import { type OciSigner, signed } from "./oci/sign.ts";
import { homeRegion, readUsage, usageQuestion } from "./oci/usage.ts";
import type { Provider } from "./provider.ts";

/** How long a key that was just made may be unknown; what is left of a check's 15 s is enough to ask again. */
const NEW_KEY_WAIT_MS = 6_000;

/**
 * Oracle Cloud, with an API signing key: lists the keys of the key's own user, which every user may, and at the same
 * time the tenancy's regions; then asks its home region for one day of costs. Signed by hand, since Oracle's SDK asks
 * eight times, prints to the console and takes a host from a region's name. Nothing here is billed.
 * Source: https://docs.oracle.com/iaas/api/#/en/identity/20160918/ApiKey/ListApiKeys, read 2026-11-20.
 */
export const oci: Provider = {
  inspect(credential, { entry }) {
    return inspectOci(credential, entry);
  },

  async probe(credential, context) {
    const account = accountOf(credential);
    if (account === null) return finding("service_misconfigured", { reason: "internal" });
    const { entry, ask, now } = context;
    const { region, tenancyOcid, userOcid, signer } = account;
    const identity = `${ociBase(entry.endpoints, "identity", region)}/20160918`;
    const identify = (): Promise<[Reply | Silence, Reply | Silence]> =>
      Promise.all([
        ask(signed(signer, "GET", `${identity}/users/${userOcid}/apiKeys`, now)),
        ask(signed(signer, "GET", `${identity}/tenancies/${tenancyOcid}/regionSubscriptions`, now)),
      ]);
    const reading = { credential, now };
    let [keys, regions] = await identify();
    let found = readKeys(keys, account, reading);
    if (context.isNew && found.reason === "not_authenticated") {
      await context.sleep(NEW_KEY_WAIT_MS);
      [keys, regions] = await identify();
      found = readKeys(keys, account, reading);
    }
    if (found.outcome !== "valid") return found;
    const home = homeRegion(regions, region.realm);
    const usage = `${ociBase(entry.endpoints, "usage", home ?? region)}/20200107/usage`;
    const answer = await ask(signed(signer, "POST", usage, now, usageQuestion(tenancyOcid, now)));
    return {
      ...found,
      capabilities: [readUsage(answer, home !== null, reading)],
      details: { ...found.details, account: tenancyOcid },
      discovered: home === null ? {} : { home_region: home.id },
    };
  },
};

/** Whose key it is, and where it may be sent. */
interface Account {
  tenancyOcid: string;
  userOcid: string;
  fingerprint: string;
  region: OciRegion;
  signer: OciSigner;
}

/** What a credential says; `null` where it names no place of Oracle's, or its key cannot sign. */
function accountOf(credential: Credential): Account | null {
  const text = (name: string): string => credential[name]?.reveal() ?? "";
  const [tenancyOcid, userOcid, fingerprint] = [text("tenancy_ocid"), text("user_ocid"), text("fingerprint")];
  const region = ociRegion(text("region"));
  const privateKey = readKey(text("private_key"));
  if (region === null || privateKey === null || !/^[0-9a-f:]{47}$/.test(fingerprint)) return null;
  if (![tenancyOcid, userOcid].every((ocid) => OCID.test(ocid) && realmOf(ocid) === region.realm)) return null;
  const keyId = `${tenancyOcid}/${userOcid}/${fingerprint}`;
  return { tenancyOcid, userOcid, fingerprint, region, signer: { keyId, privateKey } };
}

/** Letters, digits, dots and hyphens: nothing that could leave its segment of a path. */
const OCID = /^ocid1\.(?:tenancy|user)\.[a-z0-9-]{2,10}\.[a-z0-9-]{0,30}\.[a-z0-9.]{20,200}$/;

function readKey(pem: string): KeyObject | null {
  try {
    return createPrivateKey(pem);
  } catch {
    return null;
  }
}
