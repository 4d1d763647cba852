/** Who an identity token speaks for. */
export interface Caller {
  subject: string;
  email: string | null;
}

/** Verifies a pipeline's or the Scheduler's identity token. */
export interface TokenVerifier {
  /**
   * @returns the caller, or why the token is not accepted. The reason is a word of ours, never the token's text.
   * @throws Fault `key_unavailable` where the issuer's keys cannot be had now
   */
  verify(
    token: string,
  ): Promise<
    | { caller: Caller }
    | { refused: "malformed" | "signature_removed" | "signature" | "issuer" | "audience" | "expired" | "claims" }
  >;
}

/** The local issuer: signs identity tokens for pipelines on one machine. */
export interface TokenIssuer {
  /** A signed JWT for the subject, valid for an hour; `claims` are added to it. */
  issue(subject: string, claims?: Readonly<Record<string, string>>): Promise<string>;
}
