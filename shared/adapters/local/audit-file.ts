import { closeSync, fstatSync, openSync, readSync, writeSync } from "node:fs";
import { Fault } from "../../contract/fault.ts";
import type { Audit } from "../../ports/audit.ts";
import type { Clock } from "../../ports/clock.ts";
import { auditLine } from "../stored/audit-line.ts";

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
      const line = `${torn ? "\n" : ""}${JSON.stringify(auditLine(record, { ...options, seq: seq + 1 }))}\n`;
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
