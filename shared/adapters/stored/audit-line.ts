import { randomUUID } from "node:crypto";
import type { AuditRecord } from "../../ports/audit.ts";
import { type Clock, timestamp } from "../../ports/clock.ts";

/** Every name of an audit record. What is not named here is not written. */
const names: Record<keyof AuditRecord, "word" | "number"> = {
  request_id: "word",
  actor_type: "word",
  actor_id: "word",
  org_slug: "word",
  provider: "word",
  operation: "word",
  decision: "word",
  outcome: "word",
  status: "number",
  reason_code: "word",
  credential_id: "word",
  target_id: "word",
  fingerprint: "word",
  key_version: "word",
  cache: "word",
  pipeline: "word",
  run_id: "word",
};

/** Identifiers only: anything else in a record is written as `invalid`, never as it came. */
const WORD = /^[A-Za-z0-9_.:@/*-]{1,200}$/;

/** A record as it is written: its own fields, and by whom, when and as which of this process it was written. */
export type AuditLine = Record<string, string | number | null> & { event_id: string; time: string };

export function auditLine(
  record: AuditRecord,
  { clock, service, seq }: { clock: Clock; service: string; seq: number },
): AuditLine {
  const line: AuditLine = { event_id: randomUUID(), time: timestamp(clock.now()), seq, service: word(service) };
  for (const [name, kind] of Object.entries(names)) {
    const value: unknown = Reflect.get(record, name);
    if (value === undefined) continue;
    if (value === null) line[name] = null;
    else if (kind === "number")
      line[name] = typeof value === "number" && Number.isSafeInteger(value) ? value : "invalid";
    else line[name] = word(value);
  }
  return line;
}

function word(value: unknown): string {
  return typeof value === "string" && WORD.test(value) ? value : "invalid";
}
