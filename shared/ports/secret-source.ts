/** A secret of our own that keys HMACs. */
export interface Pepper {
  version: string;
  bytes: Buffer;
}

/** @throws Fault `key_unavailable` where the pepper cannot be had now; never an empty pepper. */
export interface SecretSource {
  /** The pepper that new keys are hashed with, first; older ones that still verify, after it. */
  peppers(): Promise<readonly [Pepper, ...Pepper[]]>;
}
