/** A secret of our own that keys HMACs. */
export interface Pepper {
  version: string;
  bytes: Buffer;
}

/** @throws Fault `key_unavailable` where the pepper cannot be had now; never an empty pepper. */
export interface SecretSource {
  /**
   * The pepper that new keys are hashed with, first; older ones that still verify, after it.
   *
   * @param wanted the version that a key was hashed with: where it is newer than all that is remembered, the source is
   *   asked again
   */
  peppers(wanted?: string): Promise<readonly [Pepper, ...Pepper[]]>;
}
