import { hash } from "node:crypto";

/** Text that prints as its fingerprint. Only `reveal()` gives it up, so one search lists every use. */
export class Secret {
  readonly #text: string;

  constructor(text: string) {
    this.#text = text;
  }

  reveal(): string {
    return this.#text;
  }

  /** First 8 hex characters of SHA-256 over the UTF-8 text: the only trace of a secret in any log. */
  fingerprint(): string {
    return hash("sha256", this.#text, "hex").slice(0, 8);
  }

  toString(): string {
    return `[secret ${this.fingerprint()}]`;
  }

  toJSON(): string {
    return this.toString();
  }

  [Symbol.for("nodejs.util.inspect.custom")](): string {
    return this.toString();
  }
}

/** A customer's credential: every field of the provider by name, the non-secret ones included. */
export type Credential = Readonly<Record<string, Secret>>;

/** A short-lived stand-in for a credential, minted from it: the members are what its kind needs. */
export interface StandIn {
  type: "access_token" | "aws_session";
  /** `access_token`; or `access_key_id`, `secret_access_key` and `session_token`. */
  fields: Credential;
  /** RFC 3339 UTC. */
  expires_at: string;
}
