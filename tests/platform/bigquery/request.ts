import { listOf, recordOf, textOf } from "./json.ts";
import { checkParameters, type ParameterTypes } from "./parameters.ts";
import { location, project } from "./place.ts";
import { Refusal } from "./replies.ts";
import type { Plan } from "./statement.ts";

/** A statement as jobs.query or jobs.insert carries it. */
export interface QueryRequest {
  sql: string;
  parameters: readonly unknown[];
  parameterMode: string;
  location: string;
  labels: Record<string, unknown>;
  dryRun: boolean;
  /** Only GoogleSQL is spoken here; REST takes legacy SQL where this is left out. */
  isLegacy: boolean;
  hasDefaultDataset: boolean;
}

/** Reads the body of jobs.query. */
export function queryRequestOf(body: Record<string, unknown>): QueryRequest {
  return {
    sql: textOf(body["query"]),
    parameters: listOf(body["queryParameters"]),
    parameterMode: textOf(body["parameterMode"]),
    location: textOf(body["location"]),
    labels: recordOf(body["labels"]),
    dryRun: body["dryRun"] === true,
    isLegacy: body["useLegacySql"] !== false,
    hasDefaultDataset: body["defaultDataset"] !== undefined,
  };
}

/** Reads the body of jobs.insert; the location stands in the job reference there. */
export function jobRequestOf(body: Record<string, unknown>): QueryRequest {
  const configuration = recordOf(body["configuration"]);
  const query = recordOf(configuration["query"]);
  return {
    ...queryRequestOf(query),
    location: textOf(recordOf(body["jobReference"])["location"]),
    labels: recordOf(configuration["labels"]),
    dryRun: configuration["dryRun"] === true,
  };
}

/**
 * Checks what BigQuery would check before it runs anything, stricter where the emulator or BigQuery would let a mistake
 * pass that costs elsewhere: the location must be named, and be the one of the datasets.
 *
 * @throws Refusal 400 or 404.
 */
export function checkRequest(request: QueryRequest, plan: Plan): ParameterTypes {
  if (request.isLegacy) throw new Refusal(400, "invalid", "useLegacySql must be false: the simulator speaks GoogleSQL");
  if (request.hasDefaultDataset) throw new Refusal(400, "invalid", "The simulator takes no defaultDataset");
  if (request.location.toUpperCase() !== location) {
    const [dataset = "integrations"] = (plan.target ?? plan.reads[0] ?? "integrations").split(".");
    const place = request.location === "" ? "location; none was named" : `location ${request.location}`;
    throw new Refusal(404, "notFound", `Not found: Dataset ${project}:${dataset} was not found in ${place}`);
  }
  for (const [key, value] of Object.entries(request.labels)) {
    if (!/^[a-z][a-z0-9_-]{0,62}$/.test(key) || !/^[a-z0-9_-]{0,63}$/.test(textOf(value)))
      throw new Refusal(400, "invalid", `Invalid label: ${key}`);
  }
  return checkParameters(request.parameters, request.parameterMode, request.sql);
}
