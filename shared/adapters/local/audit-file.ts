import { randomUUID } from "node:crypto";
import { closeSync, fstatSync, openSync, readSync, writeSync } from "node:fs";
import { Fault } from "../../contract/fault.ts";
import type { Audit, AuditRecord } from "../../ports/audit.ts";
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

/**
 * Appends audit records to a file of mode 0600, one JSON object a line, each in one write. Several processes may share
 * the file. Not flushed to the disk: a record survives the death of the process, as one written to stdout does on
 * Google Cloud, and a flush would make every cached decrypt wait for the disk; only a power cut can take the last ones.
 *
 * @throws Fault `audit_unavailable`
 */
export function openAuditFile(file: string, options: { clock: Clock; service: string }): Audit & { close(): void } {
  let handle = open(file);
  let seq = 0;
  let torn = endsTorn(file);

  return {
    write(record) {
      const line = `${torn ? "\n" : ""}${JSON.stringify(lineOf(record, options, seq + 1))}\n`;
      const bytes = Buffer.from(line, "utf8");
      let written = 0;
      try {
        // A file that was deleted still takes bytes, and nobody would ever read them.
        if (fstatSync(handle).nlink === 0) {
          closeSync(handle);
          handle = open(file);
        }
        written = writeSync(handle, bytes);
      } catch (cause) {
        throw new Fault("audit_unavailable", { cause });
      }
      torn = written < bytes.length;
      if (torn) throw new Fault("audit_unavailable", { cause: new Error("the audit record was cut off") });
      seq += 1;
    },
    close: () => closeSync(handle),
  };
}

function lineOf(record: AuditRecord, options: { clock: Clock; service: string }, seq: number): Record<string, unknown> {
  const line: Record<string, unknown> = {
    event_id: randomUUID(),
    time: timestamp(options.clock.now()),
    seq,
    service: word(options.service),
  };
  for (const [name, kind] of Object.entries(names)) {
    const value: unknown = Reflect.get(record, name);
    if (value === undefined) continue;
    if (value === null) line[name] = null;
    else if (kind === "number") line[name] = Number.isSafeInteger(value) ? value : "invalid";
    else line[name] = word(value);
  }
  return line;
}

function word(value: unknown): string {
  return typeof value === "string" && WORD.test(value) ? value : "invalid";
}

function open(file: string, flags: "a" | "r" = "a"): number {
  try {
    return openSync(file, flags, 0o600);
  } catch (cause) {
    throw new Fault("audit_unavailable", { cause });
  }
}

/** Whether a crash left half a line at the end. */
function endsTorn(file: string): boolean {
  const handle = open(file, "r");
  try {
    const { size } = fstatSync(handle);
    const last = Buffer.alloc(1);
    return size > 0 && readSync(handle, last, 0, 1, size - 1) === 1 && last[0] !== 0x0a;
  } finally {
    closeSync(handle);
  }
}
