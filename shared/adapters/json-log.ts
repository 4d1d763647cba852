import { type Clock, timestamp } from "../ports/clock.ts";
import type { Log, LogFields, Severity } from "../ports/log.ts";

const severities: readonly Severity[] = ["DEBUG", "INFO", "NOTICE", "WARNING", "ERROR", "CRITICAL"];

/** Every name of LogFields and what it is called on the line. What is not named here is not written. */
const names: Record<keyof LogFields, string> = {
  request_id: "request_id",
  trace: "logging.googleapis.com/trace",
  operation: "operation",
  org_slug: "org_slug",
  provider: "provider",
  credential_id: "credential_id",
  fingerprint: "fingerprint",
  key_version: "key_version",
  code: "code",
  reason: "reason",
  outcome: "outcome",
  status: "status",
  previous_status: "previous_status",
  latency_ms: "latency_ms",
  count: "count",
  total: "total",
  days: "days",
  expires_at: "expires_at",
  error_name: "error_name",
  pipeline: "pipeline",
  run_id: "run_id",
  subject: "subject",
  shard: "shard",
};

/**
 * Writes one JSON object a line with Cloud Logging's fields: `severity`, `message` (the event), `time`. Strings are cut
 * at 200 characters and lose their control characters. A stream that throws is ignored: a log never fails a request.
 */
export function jsonLog(stream: { write(line: string): unknown }, clock: Clock, least: Severity = "DEBUG"): Log {
  return (severity, event, fields = {}) => {
    if (severities.indexOf(severity) < severities.indexOf(least)) return;
    const line: Record<string, string | number> = { severity, message: plain(event), time: timestamp(clock.now()) };
    for (const [name, shown] of Object.entries(names)) {
      const value: unknown = Reflect.get(fields, name);
      if (typeof value === "string") line[shown] = plain(value);
      else if (typeof value === "number" && Number.isFinite(value)) line[shown] = value;
    }
    try {
      stream.write(`${JSON.stringify(line)}\n`);
    } catch {
      // Nowhere is left to say it.
    }
  };
}

function plain(text: string): string {
  return text
    .slice(0, 200)
    .replace(/[\p{Cc}\u2028\u2029]/gu, "")
    .toWellFormed();
}
