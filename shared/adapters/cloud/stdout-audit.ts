import { writeSync } from "node:fs";
import { Fault } from "../../contract/fault.ts";
import type { Audit, AuditRecord } from "../../ports/audit.ts";
import type { Clock } from "../../ports/clock.ts";
import { type AuditLine, auditLine } from "../stored/audit-line.ts";

/** A pipe whose reader is behind refuses with EAGAIN. So often, and so long each time, it is asked again. */
const TRIES = 100;
const PAUSE_MS = 10;

const pause = new Int32Array(new SharedArrayBuffer(4));

/**
 * Writes audit records to standard output, one JSON object a line in Cloud Logging's fields, and returns when the pipe
 * has taken the whole of it: the record is then outside this process. Nothing else may be written there; the log goes to
 * standard error. A line is shorter than the 4,096 bytes that a pipe takes or refuses as one (pipe(7)), so lines of
 * several writers never mix. `audit` holds what `configs/setup/bootstrap/schemas/audit_log.json` lists; what is `null`
 * or absent in a record is absent in the line.
 *
 * @param write takes bytes and says how many of them it took, as `fs.writeSync` on descriptor 1 does
 * @throws Fault `audit_unavailable`, after one second where the reader does not read
 */
export function openStdoutAudit(options: {
  clock: Clock;
  service: string;
  write?: (bytes: Uint8Array) => number;
}): Audit {
  const { clock, service, write = (bytes: Uint8Array) => writeSync(1, bytes) } = options;
  let seq = 0;
  let isTorn = false;

  return {
    write(record) {
      const line = JSON.stringify(entry(record, auditLine(record, { clock, service, seq: seq + 1 })));
      const bytes = Buffer.from(`${isTorn ? "\n" : ""}${line}\n`, "utf8");
      const written = writeWhole(bytes, write);
      if (written > 0) isTorn = written < bytes.length;
      if (written < bytes.length)
        throw new Fault("audit_unavailable", { cause: new Error("standard output did not take the audit record") });
      seq += 1;
    },
  };
}

/** How an entry reads in Cloud Logging. Source: https://docs.cloud.google.com/logging/docs/structured-logging, read 2026-11-21. */
function entry(record: AuditRecord, { ...audit }: AuditLine): Record<string, unknown> {
  for (const [name, value] of Object.entries(audit)) if (value === null) delete audit[name];
  // The column is a number, and one value of another type would keep the whole entry out of the table.
  if (typeof audit["status"] !== "number") delete audit["status"];
  return {
    severity: record.decision === "allow" && record.outcome === "ok" ? "NOTICE" : "WARNING",
    message: "audit",
    time: audit.time,
    "logging.googleapis.com/insertId": audit.event_id,
    audit,
  };
}

/** @returns how many bytes were taken before the descriptor failed or the patience was over */
function writeWhole(bytes: Uint8Array, write: (bytes: Uint8Array) => number): number {
  let written = 0;
  for (let tries = 0; written < bytes.length && tries < TRIES; tries += 1) {
    try {
      written += write(bytes.subarray(written));
    } catch (error) {
      if (!isPassing(error)) break;
      Atomics.wait(pause, 0, 0, PAUSE_MS);
    }
  }
  return written;
}

function isPassing(error: unknown): boolean {
  return error instanceof Error && "code" in error && (error.code === "EAGAIN" || error.code === "EINTR");
}
