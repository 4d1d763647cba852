import { Fault, malformed } from "../../contract/fault.ts";
import { type Status, statuses } from "../../contract/verdict.ts";
import type { CheckRow, HeadChange, HeadColumns, HistoryItem, Opening, Pair } from "../../ports/credential-store.ts";
import { isRecord, parseObject } from "./json.ts";
import {
  type BytesAs,
  type Columns,
  checkColumns,
  count,
  encodeRow,
  flag,
  headColumns,
  type Row,
  readHeadRow,
  readOp,
  readResult,
  text,
  textOrNull,
  time,
} from "./rows.ts";

/** Told of rows that a reading of many had to leave out. */
export type OnCorrupt = (row: { org_slug: string; provider: string; statement: string }) => void;

/** Reads what can be read, and reports the rest: one broken row does not hide the others. */
export function readEach<T>(rows: readonly Row[], read: (row: Row) => T, statement: string, onCorrupt: OnCorrupt): T[] {
  return rows.flatMap((row) => {
    try {
      return [read(row)];
    } catch (error) {
      if (!(error instanceof Fault)) throw error;
      onCorrupt({ org_slug: String(row["org_slug"] ?? ""), provider: String(row["provider"] ?? ""), statement });
      return [];
    }
  });
}

const DAY_MS = 86_400_000;

/** @returns the time a day earlier, as it is stored. */
export function dayBefore(now: string): string {
  return new Date(Date.parse(now) - DAY_MS).toISOString();
}

/** Columns that a change may write. */
export const changeColumns: Columns<HeadColumns> = withoutPlace(headColumns);

function withoutPlace({ org_slug, provider, seq, event_id, ...rest }: typeof headColumns): Columns<HeadColumns> {
  return rest;
}

/** The columns that a change names, as they are stored. @throws TypeError for a check's column without a new credential */
export function changedColumns(change: HeadChange): Record<string, string | number | null> {
  const set = encodeRow(changeColumns, change.set);
  const whole = Object.keys(changeColumns).every((name) => name in set);
  // The types say so too; a row that writes back a check it had read would undo a sweep's.
  if (!whole && Object.keys(checkColumns).some((name) => name in set))
    throw new TypeError("a change without a new credential names a column of a check");
  return set;
}

/** No version has this event and no credential this id, so nothing can ever speak of a placeholder. */
export function placeholder(pair: Pair, now: string, bytesAs?: BytesAs): Record<string, string | number | null> {
  return encodeRow(
    headColumns,
    {
      org_slug: pair.org_slug,
      provider: pair.provider,
      seq: 0,
      event_id: "placeholder",
      op: "setup",
      credential_id: "placeholder",
      credential_type: "none",
      credential_name: "",
      metadata: {},
      enabled: false,
      validation_status: "PENDING",
      consecutive_failures: 0,
      created_at: now,
      updated_at: now,
      created_by: "",
    },
    bytesAs,
  );
}

/** What is sent of a check. */
export const recordedColumns = {
  org_slug: "text",
  provider: "text",
  credential_id: "text",
  seq: "integer",
  checked_at: "time",
  status: "text",
  error_code: "text",
  verdict: "json",
  failed: "flag",
  next_due_at: "time",
  discovered_expires_at: "time",
  notified_days: "integer",
} as const satisfies Columns<CheckRow>;

/** What names a check that was recorded. */
export const takenColumns = { credential_id: "text", checked_at: "time" } as const satisfies Columns<
  Pick<CheckRow, "credential_id" | "checked_at">
>;

/** A row with the columns of a head, `replay_*` of the version to be replayed, and `effective`. @throws Fault `integrity` */
export function readOpeningRow(row: Row): Opening {
  const replayed = textOrNull(row, "replay_event_id");
  return {
    head: row["org_slug"] === null ? null : readHeadRow(row),
    replay:
      replayed === null
        ? null
        : {
            event_id: replayed,
            provider: text(row, "replay_provider"),
            idempotency_body_hash: textOrNull(row, "replay_body_hash"),
            result: readResult(row, "replay_result"),
          },
    effective: flag(row, "effective"),
  };
}

/** @throws Fault `integrity` */
export function readHistoryRow(row: Row): HistoryItem {
  const check = row["type"] === "check";
  const status = row["status"];
  return {
    type: check ? "check" : readOp(row, "type"),
    at: time(row, "happened_at"),
    credential_id: text(row, "credential_id"),
    status: statuses.find((one): one is Status => one === status) ?? null,
    key_version: textOrNull(row, "key_version"),
    fingerprint: textOrNull(row, "fingerprint"),
    actor: text(row, "actor"),
  };
}

/** Where a line of history stands; newest first in the order of these members. */
export interface HistoryPlace {
  happened_at: string;
  kind: number;
  seq: number;
  event_id: string;
}

/** The cursor behind a row of history: opaque text. @throws Fault `integrity` */
export function writeCursor(row: Row): string {
  const place: HistoryPlace = {
    happened_at: time(row, "happened_at"),
    kind: count(row, "kind"),
    seq: count(row, "seq"),
    event_id: text(row, "event_id"),
  };
  return Buffer.from(JSON.stringify(place)).toString("base64url");
}

/** @throws Fault `request_malformed` for what `writeCursor` has not written */
export function readCursor(cursor: string): HistoryPlace {
  const value = cursor.length <= 400 ? parseObject(Buffer.from(cursor, "base64url").toString("utf8")) : null;
  const { happened_at, kind, seq, event_id } = isRecord(value) ? value : {};
  if (
    typeof happened_at !== "string" ||
    !isTime(happened_at) ||
    !isIndex(kind) ||
    !isIndex(seq) ||
    typeof event_id !== "string"
  ) {
    throw malformed("query:cursor", "is not a cursor of this history");
  }
  return { happened_at, kind, seq, event_id };
}

/** As it is stored, and of a year that every store knows. */
function isTime(value: string): boolean {
  const ms = Date.parse(value);
  return !Number.isNaN(ms) && new Date(ms).toISOString() === value && value >= "0001";
}

function isIndex(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}
