import { Fault } from "../contract/fault.ts";
import { type Credential, Secret } from "../contract/secret.ts";
import type { KeyManagement } from "../ports/key-management.ts";
import { associatedData, type Binding } from "./binding.ts";

/** What a pipeline is handed: every field by name, in the clear. */
export type OpenFields = Record<string, string>;

/**
 * Encrypts a credential under its binding. The plaintext buffer is overwritten before this returns.
 *
 * @throws Fault `encryption_failed`
 */
export async function seal(
  keys: KeyManagement,
  binding: Binding,
  credential: Credential,
): Promise<{ ciphertext: Buffer; keyVersion: string }> {
  const fields = Object.fromEntries(Object.entries(credential).map(([name, secret]) => [name, secret.reveal()]));
  const plaintext = Buffer.from(JSON.stringify(fields), "utf8");
  try {
    return await keys.encrypt(plaintext, associatedData(binding));
  } finally {
    plaintext.fill(0);
  }
}

/**
 * Decrypts a credential. The caller owns the buffer (UTF-8 JSON of all fields) and overwrites it when done.
 *
 * @throws Fault `integrity` where the ciphertext is missing or belongs to another binding, `key_unavailable`
 */
export async function open(keys: KeyManagement, binding: Binding, ciphertext: Buffer | null): Promise<Buffer> {
  if (ciphertext === null || ciphertext.length === 0) throw new Fault("integrity", { reason: "ciphertext_missing" });
  return await keys.decrypt(ciphertext, associatedData(binding));
}

/** Reads an opened plaintext. @throws Fault `integrity` */
export function readFields(plaintext: Buffer): OpenFields {
  try {
    const parsed: unknown = JSON.parse(plaintext.toString("utf8"));
    if (typeof parsed === "object" && parsed !== null && !Array.isArray(parsed)) {
      const fields: OpenFields = {};
      for (const [name, value] of Object.entries(parsed)) {
        if (typeof value !== "string") throw new Fault("integrity", { reason: "plaintext_shape" });
        fields[name] = value;
      }
      return fields;
    }
  } catch (error) {
    if (error instanceof Fault) throw error;
  }
  throw new Fault("integrity", { reason: "plaintext_shape" });
}

/** The opened fields wrapped, for a provider's probe. */
export function asCredential(fields: OpenFields): Credential {
  return Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, new Secret(value)]));
}
