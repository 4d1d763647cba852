/** What must hold of the stored version for a change to go on. */
export interface Precondition {
  /** `null` asks nothing, `any` that something is configured, numbers that the version is one of them. */
  ifMatch: "any" | number[] | null;
  /** If-None-Match: *, the change must create. */
  createOnly: boolean;
}

/** Nothing is asked. */
export const unconditional: Precondition = { ifMatch: null, createOnly: false };

/** The entity tag of a version. Status changes leave it. */
export function etag(seq: number): string {
  return `"v${seq}"`;
}
