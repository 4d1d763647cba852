import { Fault } from "../../contract/fault.ts";
import type { Grant, Head, Metadata, Op, OrgKey, Scope, ValidationRow, Version } from "../../contract/rows.ts";
import { type Status, statuses } from "../../contract/verdict.ts";
import type { CheckColumn } from "../../ports/credential-store.ts";

import { isRecord, parseObject, readVerdict } from "./json.ts";

/**
 * A row as every store hands it to the readers below: times as RFC 3339 UTC with milliseconds and Z, JSON and lists as
 * text, flags as 0 and 1, bytes as bytes.
 */
export type Row = Readonly<Record<string, string | number | bigint | Uint8Array | null>>;

/** How a column's value is stored: times, JSON and lists as text, flags as 0 and 1. */
export type Kind = "text" | "time" | "integer" | "flag" | "bytes" | "json" | "list";
export type Columns<T> = Readonly<Record<keyof T & string, Kind>>;

export const headColumns: Columns<Head> = {
  org_slug: "text",
  provider: "text",
  seq: "integer",
  event_id: "text",
  secret_event_id: "text",
  op: "text",
  credential_id: "text",
  credential_type: "text",
  credential_name: "text",
  key_version: "text",
  fingerprint: "text",
  metadata: "json",
  enabled: "flag",
  expires_at_declared: "time",
  expires_at: "time",
  deactivation_scheduled_at: "time",
  validation_status: "text",
  last_validated_at: "time",
  last_checked_at: "time",
  error_code: "text",
  verdict: "json",
  consecutive_failures: "integer",
  next_due_at: "time",
  reported_at: "time",
  notified_days: "integer",
  created_at: "time",
  updated_at: "time",
  created_by: "text",
};

/** The columns of a check: a change without a new credential never writes them. */
export const checkColumns: Columns<Record<CheckColumn, unknown>> = {
  validation_status: "text",
  last_validated_at: "time",
  last_checked_at: "time",
  error_code: "text",
  verdict: "json",
  consecutive_failures: "integer",
  reported_at: "time",
  notified_days: "integer",
};

export const versionColumns: Columns<Version> = {
  event_id: "text",
  prev_event_id: "text",
  org_slug: "text",
  provider: "text",
  seq: "integer",
  op: "text",
  credential_id: "text",
  credential_type: "text",
  encrypted_credential: "bytes",
  key_version: "text",
  fingerprint: "text",
  credential_name: "text",
  metadata: "json",
  idempotency_key_hash: "text",
  idempotency_body_hash: "text",
  result: "json",
  request_id: "text",
  changed_at: "time",
  changed_by: "text",
};

export const validationColumns: Columns<ValidationRow> = {
  event_id: "text",
  credential_id: "text",
  org_slug: "text",
  provider: "text",
  checked_at: "time",
  outcome: "text",
  status: "text",
  error_code: "text",
  verdict: "json",
  checked_by: "text",
};

export const orgKeyColumns: Columns<OrgKey> = {
  key_id: "text",
  org_slug: "text",
  environment: "text",
  scope: "text",
  name: "text",
  key_hmac: "bytes",
  pepper_version: "text",
  legacy: "flag",
  created_at: "time",
  created_by: "text",
  expires_at: "time",
  revoked_at: "time",
  revoked_by: "text",
};

export const grantColumns: Columns<Grant> = {
  grant_id: "text",
  subject: "text",
  org_slugs: "list",
  providers: "list",
  created_at: "time",
  created_by: "text",
  expires_at: "time",
  revoked_at: "time",
  revoked_by: "text",
};

/** `alias.a, alias.b, …` in the order of the table. */
export function select<T>(columns: Columns<T>, alias: string): string {
  return Object.keys(columns)
    .map((name) => `${alias}.${name}`)
    .join(", ");
}

/** The rows as one JSON text. Only the columns named are read; a column that a row leaves out is left out. */
export function encodeRows<T>(columns: Columns<T>, rows: ReadonlyArray<Partial<T> & object>): string {
  return JSON.stringify(rows.map((row) => encodeRow(columns, row)));
}

/** How bytes are written into text: what the store's own SQL can read. */
export type BytesAs = "hex" | "base64";

export function encodeRow<T>(
  columns: Columns<T>,
  row: Partial<T> & object,
  bytesAs: BytesAs = "hex",
): Record<string, string | number | null> {
  const encoded: Record<string, string | number | null> = {};
  for (const [name, kind] of Object.entries<Kind>(columns)) {
    const value: unknown = Reflect.get(row, name);
    if (value !== undefined) encoded[name] = value === null ? null : encodeValue(kind, value, bytesAs);
  }
  return encoded;
}

/** RFC 3339 UTC with milliseconds and Z: what sorts as text as it does in time. @throws RangeError for what is no time */
export function encodeTime(value: unknown): string {
  const text = new Date(String(value)).toISOString();
  if (text.length !== 24) throw new RangeError("a time needs a year of four digits");
  return text;
}

function encodeValue(kind: Kind, value: unknown, bytesAs: BytesAs): string | number {
  switch (kind) {
    case "text":
      return String(value).toWellFormed();
    case "time":
      return encodeTime(value);
    case "integer":
      return Number(value);
    case "flag":
      return value ? 1 : 0;
    case "bytes":
      return Buffer.isBuffer(value) ? value.toString(bytesAs) : "";
    case "json":
    case "list":
      return wellFormed(JSON.stringify(value));
  }
}

/** JSON.stringify writes half of a surrogate pair as an escape, and no store's JSON parser need take it. */
function wellFormed(json: string): string {
  if (!/\\ud[89a-f]/.test(json)) return json;
  return JSON.stringify(JSON.parse(json), (_, value: unknown) =>
    typeof value === "string" ? value.toWellFormed() : value,
  );
}

/**
 * A verdict that cannot be read is none: the next check writes it anew, and nobody is kept from a secret by it.
 *
 * @throws Fault `integrity` where the row cannot be read as a head, or stands beside another of the same `seq`
 */
export function readHeadRow(row: Row): Head {
  if (count(row, "twins") !== 0) throw unreadable("event_id");
  const verdict = row["verdict"];
  const stored = typeof verdict === "string" ? parseObject(verdict) : null;
  return {
    org_slug: text(row, "org_slug"),
    provider: text(row, "provider"),
    seq: count(row, "seq"),
    event_id: text(row, "event_id"),
    secret_event_id: textOrNull(row, "secret_event_id"),
    op: readOp(row, "op"),
    credential_id: text(row, "credential_id"),
    credential_type: text(row, "credential_type"),
    credential_name: text(row, "credential_name"),
    key_version: textOrNull(row, "key_version"),
    fingerprint: textOrNull(row, "fingerprint"),
    metadata: json(row, "metadata"),
    enabled: flag(row, "enabled"),
    expires_at_declared: timeOrNull(row, "expires_at_declared"),
    expires_at: timeOrNull(row, "expires_at"),
    deactivation_scheduled_at: timeOrNull(row, "deactivation_scheduled_at"),
    validation_status: readStatus(row, "validation_status"),
    last_validated_at: timeOrNull(row, "last_validated_at"),
    last_checked_at: timeOrNull(row, "last_checked_at"),
    error_code: textOrNull(row, "error_code"),
    verdict: stored === null ? null : readVerdict(stored),
    consecutive_failures: count(row, "consecutive_failures"),
    next_due_at: timeOrNull(row, "next_due_at"),
    reported_at: timeOrNull(row, "reported_at"),
    notified_days: row["notified_days"] === null ? null : count(row, "notified_days"),
    created_at: time(row, "created_at"),
    updated_at: time(row, "updated_at"),
    created_by: text(row, "created_by"),
  };
}

/** @throws Fault `integrity` */
export function readOrgKeyRow(row: Row): OrgKey {
  return {
    key_id: text(row, "key_id"),
    org_slug: text(row, "org_slug"),
    environment: text(row, "environment"),
    scope: readScope(row),
    name: textOrNull(row, "name"),
    key_hmac: bytes(row, "key_hmac"),
    pepper_version: text(row, "pepper_version"),
    legacy: flag(row, "legacy"),
    created_at: time(row, "created_at"),
    created_by: text(row, "created_by"),
    expires_at: timeOrNull(row, "expires_at"),
    revoked_at: timeOrNull(row, "revoked_at"),
    revoked_by: textOrNull(row, "revoked_by"),
  };
}

/** @throws Fault `integrity` */
export function readGrantRow(row: Row): Grant {
  return {
    grant_id: text(row, "grant_id"),
    subject: text(row, "subject"),
    org_slugs: texts(row, "org_slugs"),
    providers: texts(row, "providers"),
    created_at: time(row, "created_at"),
    created_by: text(row, "created_by"),
    expires_at: time(row, "expires_at"),
    revoked_at: timeOrNull(row, "revoked_at"),
    revoked_by: textOrNull(row, "revoked_by"),
  };
}

/** The result of a version, for the replay of an idempotent request. @throws Fault `integrity` */
export function readResult(row: Row, name: string): Version["result"] {
  const value = jsonOrNull(row, name);
  if (value === null) return null;
  const { status, body, etag } = value;
  if (typeof status !== "number" || !isRecord(body) || typeof etag !== "string") throw unreadable(name);
  return { status, body, etag };
}

const ops: readonly Op[] = ["setup", "rotate", "update", "disable", "enable", "schedule", "delete", "rewrap"];

export function readOp(row: Row, name: string): Op {
  return ops.find((op) => op === row[name]) ?? fail(name);
}

export function readStatus(row: Row, name: string): Status {
  return statuses.find((status) => status === row[name]) ?? fail(name);
}

function readScope(row: Row): Scope {
  const scope = row["scope"];
  return scope === "read" || scope === "manage" ? scope : fail("scope");
}

export function text(row: Row, name: string): string {
  const value = row[name];
  return typeof value === "string" ? value : fail(name);
}

export function textOrNull(row: Row, name: string): string | null {
  return row[name] === null ? null : text(row, name);
}

export function time(row: Row, name: string): string {
  const value = text(row, name);
  return /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/.test(value) ? value : fail(name);
}

export function timeOrNull(row: Row, name: string): string | null {
  return row[name] === null ? null : time(row, name);
}

export function count(row: Row, name: string): number {
  const value = Number(typeof row[name] === "bigint" || typeof row[name] === "number" ? row[name] : Number.NaN);
  return Number.isSafeInteger(value) && value >= 0 ? value : fail(name);
}

export function flag(row: Row, name: string): boolean {
  const value = count(row, name);
  return value === 1 ? true : value === 0 ? false : fail(name);
}

export function bytesOrNull(row: Row, name: string): Buffer | null {
  return row[name] === null ? null : bytes(row, name);
}

function bytes(row: Row, name: string): Buffer {
  const value = row[name];
  return value instanceof Uint8Array ? Buffer.from(value.buffer, value.byteOffset, value.byteLength) : fail(name);
}

function json(row: Row, name: string): Metadata {
  return jsonOrNull(row, name) ?? fail(name);
}

function jsonOrNull(row: Row, name: string): Record<string, unknown> | null {
  const value = textOrNull(row, name);
  return value === null ? null : (parseObject(value) ?? fail(name));
}

function texts(row: Row, name: string): string[] {
  const wrapped = parseObject(`{"list":${text(row, name)}}`)?.["list"];
  if (!Array.isArray(wrapped) || !wrapped.every((one) => typeof one === "string")) throw unreadable(name);
  return wrapped;
}

/** Names the column, never what stands in it. */
function unreadable(name: string): Fault {
  return new Fault("integrity", { cause: new Error(`the column ${name} cannot be read as what it must be`) });
}

function fail(name: string): never {
  throw unreadable(name);
}
