import type { Metadata } from "../contract/rows.ts";
import type { Credential, StandIn } from "../contract/secret.ts";
import type { Finding } from "../contract/verdict.ts";
import type { Federation } from "../ports/federation.ts";
import type { Wrong } from "../registry/check.ts";
import type { Entry } from "../registry/entry.ts";
import type { Ask } from "./ask.ts";

/** Whom a credential belongs to, and what is stored beside it. */
export interface Owner {
  org: string;
  /** The settings of the customer, without the mirrored fields. */
  metadata: Metadata;
  /** Whether it is being set up: what a fresh key may still have to wait for is waited for. */
  isNew: boolean;
}

/** What a provider's file is given: its registry entry, with endpoints as overridden, and the only way out. */
export interface ProbeContext extends Owner {
  entry: Entry;
  ask: Ask;
  /** Milliseconds since the epoch, for time windows in questions. */
  now: number;
  /** Waits, but never beyond the end of the check. */
  sleep(ms: number): Promise<void>;
  federation: Federation;
}

/** What a provider must do: ask once whether the credential works, and read every possible answer. */
export interface Provider {
  /** Never throws; whatever is independent is asked at the same time. */
  probe(credential: Credential, context: ProbeContext): Promise<Finding>;
  /** What is wrong with a credential, found without any network; each `field` is the name of one of the entry's. */
  inspect?(credential: Credential, context: Pick<ProbeContext, "entry" | "metadata">): Wrong[];
  /** Makes a short-lived stand-in for the pipeline, or says why there is none. Never throws. */
  mint?(credential: Credential, context: ProbeContext & { pipeline: string }): Promise<StandIn | Finding>;
}
