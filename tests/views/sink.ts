import { openStdoutAudit } from "../../shared/adapters/cloud/stdout-audit.ts";
import type { AuditRecord } from "../../shared/ports/audit.ts";
import { minute, T0 } from "../ports/stored-rows.ts";
import type { Given } from "./insert.ts";

/* From the line that a function prints to a row in BigQuery, with a log sink in between that does what Google's does. */

/** The lines that a function prints for these records, one a minute, the first of them at T0. */
export function printedLines(records: readonly AuditRecord[]): string[] {
  const lines: string[] = [];
  let at = T0;
  const audit = openStdoutAudit({
    clock: { now: () => Date.parse(at), monotonic: () => 0, sleep: async () => {} },
    service: "integrations-decrypt",
    write(bytes) {
      lines.push(Buffer.from(bytes).toString("utf8"));
      return bytes.length;
    },
  });
  records.forEach((record, place) => {
    at = minute(place);
    audit.write(record);
  });
  return lines;
}

/**
 * An entry of Cloud Logging and its row in BigQuery: `time` and the insert id go into the entry's own fields, the rest
 * into jsonPayload. Source: https://cloud.google.com/logging/docs/export/bigquery
 */
export function sunk(line: string, place: number): Given {
  const { time, severity, "logging.googleapis.com/insertId": insertId, ...jsonPayload } = JSON.parse(line);
  return { timestamp: time, severity, insertId, receiveTimestamp: minute(place + 60), logName: "stdout", jsonPayload };
}

/** A pipeline was given a credential. */
export const decrypted: AuditRecord = {
  request_id: "00000000-0000-4000-8000-000000000001",
  actor_type: "service_account",
  actor_id: "113774321234567890123",
  org_slug: "acme",
  provider: "OPENAI",
  operation: "decrypt",
  decision: "allow",
  outcome: "ok",
  status: 200,
  credential_id: "5f0c9e4e-6c3f-4d5c-9f0e-2f1f3c0f7a11",
  fingerprint: "0123abcd",
  key_version: "3",
  cache: "miss",
  pipeline: "genai.payg_usage",
  run_id: "run-7",
};
