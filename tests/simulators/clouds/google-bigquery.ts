import type { Fixture, Json } from "../fixture.ts";
import type { CloudAsked } from "./cloud.ts";
import { googleAnswer } from "./google-answers.ts";

/** What stands in `acme-billing.billing_export`. */
export const exportTables = {
  standard: "gcp_billing_export_v1_01ABCD_234567_89ABCD",
  detailed: "gcp_billing_export_resource_v1_01ABCD_234567_89ABCD",
  pricing: "cloud_pricing_export",
  cud: "cud_subscriptions_export",
};
const DATASETS = ["analytics", "apps", "archive", "audit", "billing_export", "playground"];
const HOUR_MS = 3_600_000;

/** Words in the names of datasets and tables, and what each causes. */
export const placeWords = {
  absent: "a dataset or table that does not exist (404)",
  closed: "metadata is denied (403)",
  sealed: "a table of which the rows are denied",
  vacant: "a table without rows, or a dataset without tables",
  waiting: "a table without rows, of which some wait in the streaming buffer",
  stale: "the last rows came 100 hours ago",
  eu: "a dataset in the EU",
  mirror: "a view on an export",
  junk: "a 200 of another shape",
  odd: "a table that is no export",
  bare: "a table without columns",
  mute: "a table of which the rights are not told (503)",
  shut: "a dataset that lists a table that is denied",
} as const;

/** Columns by which the kinds are told apart. */
const COLUMNS = {
  standard: [
    "billing_account_id",
    "service",
    "sku",
    "usage_start_time",
    "project",
    "cost",
    "currency",
    "credits",
    "invoice",
    "cost_type",
    "export_time",
  ],
  pricing: ["pricing_as_of_time", "billing_account_id", "business_entity_name", "service", "sku"],
  cud: ["cud_product", "consumption_model", "subscription", "commitent_amount", "state"],
  other: ["id", "name"],
};

/** Answers of BigQuery to an account that may do everything but run jobs where `mayRunJobs` is false. */
export function bigquery(asked: CloudAsked, mayRunJobs: boolean): Fixture {
  const path = asked.path.replace(/^\/bigquery\/v2/, "");
  const found =
    /^\/projects\/([^/]+)(?:\/datasets(?:\/([^/]+)(?:\/tables(?:\/([^/:]+)(:testIamPermissions)?)?)?)?|\/queries)$/.exec(
      path,
    );
  if (found === null) return googleAnswer("bigquery_missing");
  const [, project = "", dataset, table, isTest] = found;
  if (path.endsWith("/queries")) return query(asked, mayRunJobs);
  if (path.endsWith("/datasets"))
    return ok({
      kind: "bigquery#datasetList",
      datasets: DATASETS.map((id) => ({ datasetReference: { datasetId: id } })),
    });
  if (dataset === undefined || dataset.includes("absent")) return googleAnswer("bigquery_missing");
  if (table !== undefined) return isTest ? rights(dataset, table) : tableAt(project, dataset, table, asked.nowMs);
  if (dataset.includes("closed"))
    return googleAnswer(path.endsWith("/tables") ? "bigquery_list_denied" : "bigquery_denied");
  if (dataset.includes("junk")) return ok({ status: "ok" });
  if (path.endsWith("/tables")) return listOf(dataset);
  return ok({
    kind: "bigquery#dataset",
    id: `${project}:${dataset}`,
    datasetReference: { projectId: project, datasetId: dataset },
    location: placeOf(dataset),
  });
}

function ok(body: Json): Fixture {
  return {
    name: "ok",
    status: 200,
    headers: {},
    body,
    source: "@google-cloud/bigquery 9.3.0, types",
    transport: "plain",
    reads: null,
  };
}

function placeOf(dataset: string): string {
  return dataset.includes("eu") ? "EU" : "US";
}

function listOf(dataset: string): Fixture {
  if (dataset.includes("vacant")) return ok({ kind: "bigquery#tableList", totalItems: 0 });
  if (dataset.includes("shut")) return tableList(["gcp_billing_export_v1_closed"]);
  const names = /bill/.test(dataset)
    ? [...Object.values(exportTables), "gcp_billing_export_v1_stale", "gcp_billing_export_v1_odd", "notes"]
    : ["events", "users"];
  return tableList(names);
}

function tableList(names: string[]): Fixture {
  return ok({ kind: "bigquery#tableList", tables: names.map((id) => ({ tableReference: { tableId: id } })) });
}

function rights(dataset: string, table: string): Fixture {
  if (table.includes("mute")) return googleAnswer("bigquery_503");
  if (table.includes("absent")) return googleAnswer("bigquery_missing");
  const held = [
    ...(dataset.includes("closed") || table.includes("closed") ? [] : ["bigquery.tables.get"]),
    ...(dataset.includes("closed") || table.includes("sealed") || table.includes("closed")
      ? []
      : ["bigquery.tables.getData"]),
  ];
  return ok(held.length > 0 ? { permissions: held } : {});
}

function tableAt(project: string, dataset: string, table: string, nowMs: number): Fixture {
  if (table.includes("absent")) return googleAnswer("bigquery_missing");
  if (dataset.includes("closed") || table.includes("closed")) return googleAnswer("bigquery_table_denied");
  if (table.includes("junk")) return ok({ status: "ok" });
  const age = table.includes("stale") ? 100 : 5;
  const isEmpty = /vacant|waiting/.test(table);
  return ok({
    kind: "bigquery#table",
    id: `${project}:${dataset}.${table}`,
    tableReference: { projectId: project, datasetId: dataset, tableId: table },
    type: table.includes("mirror") ? "VIEW" : "TABLE",
    location: placeOf(dataset),
    ...(table.includes("bare")
      ? {}
      : { schema: { fields: columnsOf(table).map((name) => ({ name, type: "STRING" })) } }),
    lastModifiedTime: String(nowMs - age * HOUR_MS),
    ...(table.includes("mirror") ? {} : { numRows: isEmpty ? "0" : "1234" }),
    ...(table.includes("waiting") ? { streamingBuffer: { estimatedRows: "7", estimatedBytes: "700" } } : {}),
  });
}

function columnsOf(table: string): string[] {
  if (table.includes("odd")) return COLUMNS.other;
  if (table.includes("pricing")) return COLUMNS.pricing;
  if (table.startsWith("cud")) return COLUMNS.cud;
  if (table.startsWith("gcp_billing_export_resource")) return [...COLUMNS.standard, "resource"];
  return table.startsWith("gcp_billing_export") ? COLUMNS.standard : COLUMNS.other;
}

/** A query is only ever planned here, and looks for its table in one place: in the US where none is named. */
function query({ body }: CloudAsked, mayRunJobs: boolean): Fixture {
  const parsed: { query?: unknown; dryRun?: unknown; useLegacySql?: unknown; location?: unknown } = JSON.parse(body);
  if (parsed.dryRun !== true || parsed.useLegacySql !== false) return googleAnswer("bigquery_invalid_query");
  if (!mayRunJobs) return googleAnswer("bigquery_jobs_denied");
  const from = /^SELECT 1(?: FROM `([^`.]+)\.([^`.]+)\.([^`.]+)` WHERE FALSE)?$/.exec(String(parsed.query));
  if (from === null) return googleAnswer("bigquery_invalid_query");
  const [, , dataset = "", table = ""] = from;
  if (table.includes("absent")) return googleAnswer("bigquery_missing");
  if (dataset !== "" && placeOf(dataset) !== (parsed.location ?? "US")) return googleAnswer("bigquery_elsewhere");
  if (/sealed|closed/.test(`${dataset} ${table}`)) return googleAnswer("bigquery_elsewhere");
  return ok({ kind: "bigquery#queryResponse", totalBytesProcessed: "0", jobComplete: true, cacheHit: false });
}
