import type { Clock } from "../../ports/clock.ts";
import type { Log } from "../../ports/log.ts";
import { jsonLog } from "../json-log.ts";

/**
 * The application log on Google Cloud: one JSON object a line, on standard error, since standard output is the audit's.
 * A trace id is written by its full name, so that Cloud Logging shows a request's lines together. Source:
 * https://docs.cloud.google.com/logging/docs/structured-logging, read 2026-11-21.
 */
export function cloudLog(stream: { write(line: string): unknown }, options: { clock: Clock; project: string }): Log {
  const log = jsonLog(stream, options.clock);
  return (severity, event, { trace, ...fields } = {}) =>
    log(
      severity,
      event,
      trace === undefined ? fields : { ...fields, trace: `projects/${options.project}/traces/${trace}` },
    );
}
