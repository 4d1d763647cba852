import type { Head, Op, ValidationRow, Version } from "../contract/rows.ts";
import type { Status, Verdict } from "../contract/verdict.ts";

/** A pair that has at most one current state. */
export interface Pair {
  org_slug: string;
  provider: string;
}

/** A head with the ciphertext its `secret_event_id` names; `null` where it was purged or never was. */
export interface SealedHead {
  head: Head;
  encrypted_credential: Buffer | null;
}

/** What the read that opens a change sees, in one snapshot. */
export interface Opening {
  /** The pair's row of the highest `seq`, a placeholder (`seq` 0) included; `null` where there is no row at all. */
  head: Head | null;
  /**
   * The effective version younger than 24 h with this idempotency key, if one was asked for: the pair's own, or else
   * one of the same organisation under another provider.
   */
  replay: Pick<Version, "event_id" | "provider" | "idempotency_body_hash" | "result"> | null;
  /** Whether the event asked for is effective: the head's own, or some version's `prev_event_id`. */
  effective: boolean;
}

/** Columns a change writes. The columns of a check are among them only when the change brings a new credential. */
export type HeadColumns = Omit<Head, "org_slug" | "provider" | "seq" | "event_id">;
export type CheckColumn =
  | "validation_status"
  | "last_validated_at"
  | "last_checked_at"
  | "error_code"
  | "verdict"
  | "consecutive_failures"
  | "reported_at"
  | "notified_days";

/** The compare-and-set: takes effect only while the pair's highest `seq` is `expected_seq`. */
export interface HeadChange extends Pair {
  expected_seq: number;
  event_id: string;
  set: HeadColumns | (Partial<Omit<HeadColumns, CheckColumn>> & { [column in CheckColumn]?: never });
}

/** The outcome of one check, as it is written to the head of that credential and to no other. */
export interface CheckRow extends Pair {
  credential_id: string;
  /** The head's `seq` when it was read: tells whether a change of the same credential came meanwhile. */
  seq: number;
  /** Start of the attempt; an older one than the head's `last_checked_at` changes nothing. */
  checked_at: string;
  /** `null` leaves `validation_status` and `last_validated_at` as they are. */
  status: Status | null;
  error_code: string | null;
  verdict: Verdict;
  /** Inconclusive attempts count up, definite ones set zero. */
  failed: boolean;
  /**
   * Where a change came meanwhile, the earlier of this and the head's own: `null` as the answer of a definite refusal
   * clears it, any other `null` leaves the head's.
   */
  next_due_at: string | null;
  /**
   * The date that the provider has named, in this check or an earlier one; `null` where it never did. The head's
   * `expires_at` becomes the earlier of this and the declared date as it stands when the check is written.
   */
  discovered_expires_at: string | null;
  /** Not written where a change came meanwhile. */
  notified_days: number | null;
}

export interface DueQuery {
  now: string;
  limit: number;
  org: string | null;
  /** Only credentials whose `credential_id` hashes to `index` of `count`. */
  shard: { index: number; count: number } | null;
  /** The last row of the page before. */
  after: DueCursor | null;
}
export interface DueCursor {
  reported: boolean;
  next_due_at: string;
  credential_id: string;
}
export interface DuePage {
  rows: SealedHead[];
  /** All that is due in this scope at `now`, this page included. */
  due_total: number;
  /** When the next of the rest falls due; `null` where nothing will. */
  next_due_at: string | null;
  /** Where the next page begins; `null` after the last. Counts rows that could not be read and are not in `rows`. */
  next: DueCursor | null;
}

/** The heads of an organisation that could be read, and the providers of those that could not. */
export interface HeadList {
  heads: Head[];
  /** Provider codes, or `custom-{slug}`. */
  corrupt: string[];
}

/** One line of a pair's history, newest first. */
export interface HistoryItem {
  /** The version's op, or `check` for a change of status. */
  type: Op | "check";
  at: string;
  credential_id: string;
  status: Status | null;
  key_version: string | null;
  fingerprint: string | null;
  actor: string;
}

/** How many ciphertexts one key version still holds. */
export interface KeyVersionCount {
  /** The number as text; `null` for ciphertext whose row does not say. */
  key_version: string | null;
  /** Secrets that a head which is not deleted points to. */
  current: number;
  /** All others: superseded, deleted or never made current; the sweep purges them. */
  other: number;
}

/** Heads of one page in a walk over all of them, and where the next begins; `null` after the last. */
export interface SealedPage {
  rows: SealedHead[];
  /** Pairs of this page whose head could not be read: they match, and nothing else is known of them. */
  unread: Pair[];
  /** All that match, this page included, what could not be read too. */
  total: number;
  next: Pair | null;
}

/**
 * The store of record. Every method is exactly one statement, atomic by itself and nothing more: whoever combines
 * them must survive whatever runs or dies in between.
 *
 * @throws Fault `store_unavailable` when the outcome is unknown or the store refuses for now; `integrity` when a row
 * cannot be read as what it must be.
 */
export interface CredentialStore {
  /** The pair's current head, or `null` where it was never configured (no row, or only a placeholder). */
  readHead(pair: Pair): Promise<Head | null>;
  /** All current heads of an organisation, deleted ones included. */
  readHeads(orgSlug: string): Promise<HeadList>;
  /** The current heads of a provider with this fingerprint, in whatever organisation; at most 100. */
  readHolders(provider: string, fingerprint: string): Promise<Head[]>;
  /** The current head with its ciphertext, or `null` where never configured. */
  readSealed(pair: Pair): Promise<SealedHead | null>;
  readOpening(
    pair: Pair,
    asked: { idempotencyKeyHash: string | null; eventId: string | null; now: string },
  ): Promise<Opening>;
  /** The openings of many pairs in one statement, in the order asked. */
  readOpenings(
    asked: Array<Pair & { idempotencyKeyHash: string | null; eventId: string | null }>,
    now: string,
  ): Promise<Opening[]>;
  /** Inserts placeholder heads with `seq` 0. */
  placeHeads(pairs: Pair[], now: string): Promise<void>;
  appendVersions(versions: Version[]): Promise<void>;
  /** One compare-and-set. Returns how many rows it changed: none means that someone was first. */
  advanceHead(change: HeadChange): Promise<number>;
  /** Many at once, each for itself; which took effect is read afterwards by event id. */
  advanceHeads(changes: HeadChange[]): Promise<void>;
  readHistory(
    pair: Pair,
    page: { limit: number; before: string | null },
  ): Promise<{ items: HistoryItem[]; next: string | null }>;

  readDue(query: DueQuery): Promise<DuePage>;
  appendValidations(rows: ValidationRow[]): Promise<void>;
  /** Writes checks to the heads whose credential they speak of. Returns how many heads changed. */
  recordChecks(rows: CheckRow[]): Promise<number>;
  /** The `credential_id`s whose head was last checked at exactly that time: which of the recorded checks took effect. */
  readTaken(rows: Array<Pick<CheckRow, "credential_id" | "checked_at">>): Promise<string[]>;
  /**
   * Marks a credential as refused in the field and makes it due. Returns 0 where it was already, is not current, or is
   * known to be dead.
   */
  markReported(credentialId: string, at: string): Promise<number>;
  /** Heads whose scheduled deactivation has passed and which are not deleted yet, of one organisation where it is given. */
  readDueDeactivations(now: string, limit: number, org: string | null): Promise<Head[]>;
  /** Ciphertext of deleted credentials. Returns how many versions lost theirs. */
  purgeDeleted(): Promise<number>;
  /** Ciphertext of superseded and of inert versions, 24 h after. */
  purgeSuperseded(now: string): Promise<number>;
  /** Ciphertexts by key version, in the order of the numbers. */
  countByKeyVersion(): Promise<KeyVersionCount[]>;
  /**
   * Current heads with ciphertext, disabled ones too and deleted ones not, whose key version is another than this one,
   * in the order of organisation and provider.
   */
  readSealedElsewhere(query: { keyVersion: string; limit: number; after: Pair | null }): Promise<SealedPage>;
  close(): void;
}
