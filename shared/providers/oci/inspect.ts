import { createHash, createPublicKey } from "node:crypto";
import type { Credential } from "../../contract/secret.ts";
import type { Wrong } from "../../registry/check.ts";
import type { Entry } from "../../registry/entry.ts";
import { isRealm, ociRegion, realmOf } from "./regions.ts";

/** What is wrong between the parts of a credential, which no field shows by itself. Asks nobody. */
export function inspectOci(credential: Credential, { reasons }: Pick<Entry, "reasons">): Wrong[] {
  const text = (name: string): string => credential[name]?.reveal() ?? "";
  const wrong = (field: string, message: string, reason: string): Wrong => {
    const remedy = Object.hasOwn(reasons, reason) ? reasons[reason] : undefined;
    return { field, message, reason, ...(remedy ? { remedy } : {}) };
  };
  const found: Wrong[] = [];
  const realm = realmOf(text("tenancy_ocid"));
  const region = ociRegion(text("region"));
  if (!isRealm(realm)) found.push(wrong("tenancy_ocid", "is of no realm of Oracle's", "realm_unknown"));
  else if (realmOf(text("user_ocid")) !== realm)
    found.push(wrong("user_ocid", "is of another realm than tenancy_ocid", "realm_mismatch"));
  if (region === null) found.push(wrong("region", "is no region of Oracle's", "region_unknown"));
  else if (isRealm(realm) && region.realm !== realm)
    found.push(wrong("region", "is of another realm than tenancy_ocid", "realm_mismatch"));
  if (!FINGERPRINT.test(text("fingerprint")))
    found.push(wrong("fingerprint", "must be 16 pairs of characters with colons between", "fingerprint_form"));
  else if (fitsKey(text("fingerprint"), text("private_key")) === false)
    found.push(wrong("fingerprint", "is not that of private_key", "fingerprint_mismatch"));
  return found;
}

const FINGERPRINT = /^[0-9a-f]{2}(?::[0-9a-f]{2}){15}$/;

/** Whether the fingerprint is that of the key; `null` where this machine can make no MD5, as with FIPS, or read no key. */
export function fitsKey(fingerprint: string, privateKey: string): boolean | null {
  try {
    return fingerprintOf(privateKey) === fingerprint;
  } catch {
    return null;
  }
}

/**
 * Oracle's fingerprint of a key: MD5 over the public half, DER, SPKI.
 * Source: https://docs.oracle.com/iaas/Content/API/Concepts/apisigningkey.htm, read 2026-11-20.
 *
 * @throws Error where the key cannot be read or MD5 is not to be had
 */
export function fingerprintOf(privateKey: string): string {
  const der = createPublicKey(privateKey).export({ type: "spki", format: "der" });
  return (createHash("md5").update(der).digest("hex").match(/../g) ?? []).join(":");
}
