/**
 * The key that seals credentials: AES-256-GCM with associated data, versions of its own.
 *
 * @throws Fault `encryption_failed` (encrypt), `key_unavailable` (version disabled, destroyed, or no answer),
 * `integrity` (ciphertext or associated data do not match).
 */
export interface KeyManagement {
  /** @returns the ciphertext and the number of the key version that made it, as text. */
  encrypt(plaintext: Buffer, aad: Buffer): Promise<{ ciphertext: Buffer; keyVersion: string }>;
  /** @returns a fresh buffer that the caller owns and overwrites with zeros when done. */
  decrypt(ciphertext: Buffer, aad: Buffer): Promise<Buffer>;
}
