import type { Credential } from "../contract/secret.ts";
import type { Finding } from "../contract/verdict.ts";
import type { Entry } from "../registry/entry.ts";
import type { Ask } from "./ask.ts";

/** What a provider's file is given: its registry entry, with endpoints as overridden, and the only way out. */
export interface ProbeContext {
  entry: Entry;
  ask: Ask;
  /** Milliseconds since the epoch, for time windows in questions. */
  now: number;
}

/** What a provider must do: ask once whether the credential works, and read every possible answer. Never throws. */
export interface Provider {
  probe(credential: Credential, context: ProbeContext): Promise<Finding>;
}
