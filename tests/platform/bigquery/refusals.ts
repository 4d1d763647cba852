import type { FaultKind } from "./faults.ts";
import { tooManyDml } from "./limits.ts";
import { project } from "./place.ts";
import { Refusal } from "./replies.ts";

/**
 * The errors that BigQuery answers a statement with that it has not run.
 * Source: https://cloud.google.com/bigquery/docs/error-messages and …/docs/troubleshoot-queries
 */
export function refusalFor(kind: FaultKind, target: string | null): Refusal | null {
  const name = target ?? "integrations.heads";
  const see = "For more information, see https://cloud.google.com/bigquery/docs/troubleshoot-quotas";
  switch (kind) {
    case "unavailable":
      return new Refusal(503, "backendError", "Error encountered during execution. Retrying may solve the problem.");
    case "internal":
      return new Refusal(
        500,
        "internalError",
        "An internal error occurred and the request could not be completed. This is usually caused by a transient issue. Retrying the job with back-off as described in the BigQuery SLA should solve the problem: https://cloud.google.com/bigquery/sla.",
      );
    case "serialization":
      return new Refusal(
        400,
        "invalidQuery",
        `Could not serialize access to table ${project}:${name} due to concurrent update`,
      );
    case "too_many_dml":
      return tooManyDml(name);
    case "rate_limit_403":
      return new Refusal(
        403,
        "rateLimitExceeded",
        `Exceeded rate limits: too many table dml insert operations for this table. ${see}`,
      );
    case "job_rate_limit_400":
      return new Refusal(
        400,
        "jobRateLimitExceeded",
        `Exceeded rate limits: too many concurrent queries for this project_and_region. ${see}`,
      );
    case "quota_403":
      return new Refusal(
        403,
        "quotaExceeded",
        `Quota exceeded: Your table exceeded quota for total number of dml jobs writing to a table, pending + running. ${see}`,
      );
    case "streaming_buffer":
      return streamingBuffer(name);
    case "job_error":
      return new Refusal(
        400,
        "jobBackendError",
        "The job encountered an internal error during execution and was unable to complete successfully.",
      );
    default:
      return null;
  }
}

export function streamingBuffer(table: string): Refusal {
  return new Refusal(
    400,
    "invalidQuery",
    `UPDATE or DELETE statement over table ${project}.${table} would affect rows in the streaming buffer, which is not supported`,
  );
}

export function notFound(table: string, location: string): Refusal {
  const [dataset, ...rest] = table.split(".");
  return new Refusal(
    404,
    "notFound",
    `Not found: Table ${project}:${dataset}.${rest.join(".")} was not found in location ${location}`,
  );
}
