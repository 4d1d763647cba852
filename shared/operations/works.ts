import type { Metadata } from "../contract/rows.ts";
import type { Audit } from "../ports/audit.ts";
import type { Clock } from "../ports/clock.ts";
import type { CredentialStore } from "../ports/credential-store.ts";
import type { Federation } from "../ports/federation.ts";
import type { KeyManagement } from "../ports/key-management.ts";
import type { Log } from "../ports/log.ts";
import type { SecretSource } from "../ports/secret-source.ts";
import type { Ask } from "../providers/ask.ts";
import type { Slots } from "../providers/slots.ts";
import { isMirrored } from "../registry/check.ts";
import type { Entry } from "../registry/entry.ts";
import type { Registry } from "../registry/load.ts";
import type { Memory } from "../vault/memory.ts";
import type { HeadMemory } from "./head-memory.ts";

/** What the operations work with. */
export interface Works {
  clock: Clock;
  log: Log;
  store: CredentialStore;
  keys: KeyManagement;
  secrets: SecretSource;
  registry: Registry;
  ask: Ask;
  slots: Slots;
  /** Who this service is towards AWS. */
  federation: Federation;
  /** The address that providers see, where there is one alone. */
  egressAddress?: string | null;
  audit: Audit;
  /** Opened credentials, for minutes. */
  memory: Memory;
  /** Heads that decrypt may reuse, for seconds. */
  heads: HeadMemory;
  /** Idempotency keys that are running in this instance. */
  inFlight: Set<string>;
}

/** A provider in an organisation, as an operation is called for it. */
export interface Subject {
  org: string;
  entry: Entry;
}

/** Who asked, and under which request. */
export interface Requester {
  requestId: string;
  /** Key id, token subject, or `scheduler`. */
  actor: string;
}

/** The metadata of a credential that its ciphertext is bound to: the provider's fields that are not secret. */
export function boundMetadata(entry: Entry, metadata: Metadata): Metadata {
  const names = entry.fields.filter(isMirrored).map((field) => field.name);
  return Object.fromEntries(names.filter((name) => metadata[name] !== undefined).map((name) => [name, metadata[name]]));
}

/** Metadata without the provider's own fields: what was bound to an earlier credential says nothing about a new one. */
export function withoutBound(metadata: Metadata, entry: Entry): Metadata {
  const names = new Set(entry.fields.map((field) => field.name));
  return Object.fromEntries(Object.entries(metadata).filter(([name]) => !names.has(name)));
}
