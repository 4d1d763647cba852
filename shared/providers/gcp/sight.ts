import type { TableReport } from "../../contract/verdict.ts";
import { valuesAt } from "../../registry/body-path.ts";
import { heldOf, type Reading, textAt } from "./answers.ts";
import type { Google } from "./ask.ts";
import { type ExportSetting, kindBySchema, type TablePath } from "./tables.ts";

/** What was learnt of one configured or discovered table. */
export interface Sight {
  export: ExportSetting;
  dataset: Reading;
  table: Reading;
  /** Whether its rows may be read; `null` where that is not known. */
  mayRead: boolean | null;
  report: TableReport;
  /** A machine word for what stands in the way, `null` where nothing does. */
  reason: string | null;
}

/** Google exports several times a day; two days without rows are a fault. */
const STALE_HOURS = 48;
const HOUR_MS = 3_600_000;
const ON_TABLE = ["bigquery.tables.get", "bigquery.tables.getData"] as const;

/** Asks each dataset once. */
export interface Observer {
  dataset(project: string, dataset: string): Promise<Reading>;
  /** Everything about a table, its dataset and the rights on it. */
  look(one: ExportSetting): Promise<Sight>;
  /** The table alone, for one that is only offered. */
  glance(one: ExportSetting): Promise<Sight>;
}

export function observer(google: Google, nowMs: number): Observer {
  const datasets = new Map<string, Promise<Reading>>();
  const datasetOf = (project: string, dataset: string): Promise<Reading> => {
    const key = `${project}.${dataset}`;
    const asked =
      datasets.get(key) ??
      google
        .bigquery({ project, path: `/datasets/${dataset}` })
        .then((reading) => shaped(reading, "datasetReference.datasetId"));
    datasets.set(key, asked);
    return asked;
  };
  const look = async (one: ExportSetting): Promise<Sight> => {
    if (one.at === null) return unusable(one);
    const { project, dataset } = one.at;
    const body = { permissions: ON_TABLE };
    const [ofDataset, ofTable, ofRights] = await Promise.all([
      datasetOf(project, dataset),
      google.bigquery({ project, path: pathOf(one.at) }),
      google.bigquery({ project, path: `${pathOf(one.at)}:testIamPermissions`, body }),
    ]);
    const mayRead = heldOf(ofRights, ON_TABLE)?.has("bigquery.tables.getData") ?? null;
    return sightOf({ export: one, dataset: ofDataset, table: ofTable, mayRead }, google, nowMs);
  };
  const glance = async (one: ExportSetting): Promise<Sight> => {
    if (one.at === null) return unusable(one);
    const table = await google.bigquery({ project: one.at.project, path: pathOf(one.at) });
    return sightOf(
      { export: one, dataset: { is: "unknown", reason: "not_asked" }, table, mayRead: null },
      google,
      nowMs,
    );
  };
  return { dataset: datasetOf, look, glance };
}

function pathOf({ dataset, table }: TablePath): string {
  return `/datasets/${dataset}/tables/${table}`;
}

function sightOf(seen: Omit<Sight, "report" | "reason">, google: Google, nowMs: number): Sight {
  const shapely = { ...seen, table: shaped(seen.table, "tableReference.tableId") };
  return { ...shapely, ...reported(shapely, google, nowMs) };
}

/** A 200 counts only where it holds a text there, as the answer to this question does. */
export function shaped(reading: Reading, has: string): Reading {
  if (reading.is !== "ok" || textAt(reading, has) !== null) return reading;
  return { is: "unknown", reason: "unexpected_response" };
}

function unusable(one: ExportSetting): Sight {
  const nothing: Reading = { is: "unknown", reason: "table_path" };
  const report: TableReport = { ...blank(one), state: "unknown" };
  return { export: one, dataset: nothing, table: nothing, mayRead: null, report, reason: "table_path" };
}

function blank({ setting, path }: ExportSetting): TableReport {
  return {
    setting,
    table: path,
    kind: "unknown",
    state: "unknown",
    location: null,
    last_export_at: null,
    lag_hours: null,
  };
}

function reported(
  seen: Omit<Sight, "report" | "reason">,
  google: Google,
  nowMs: number,
): Pick<Sight, "report" | "reason"> {
  const { table } = seen;
  const report = { ...blank(seen.export), location: locationOf(google, table) ?? locationOf(google, seen.dataset) };
  const state = (is: TableReport["state"], reason: string | null): Pick<Sight, "report" | "reason"> => ({
    report: { ...report, state: is },
    reason,
  });
  if (table.is === "missing") return state("missing", "pending_export");
  if (table.is === "denied") return state("denied", "tables_get_denied");
  if (table.is === "unknown") return state("unknown", table.reason);
  if (valuesAt(table.body, "schema.fields[].name").length === 0) return state("unknown", "unexpected_response");
  report.kind = kindBySchema(table.body);
  const arrived = lastRowsAt(table, nowMs);
  if (arrived !== null) {
    report.last_export_at = new Date(arrived).toISOString();
    report.lag_hours = Math.max(0, Math.floor((nowMs - arrived) / HOUR_MS));
  }
  if (report.kind !== (seen.export.kind ?? report.kind)) return state("wrong_kind", "wrong_kind");
  if (seen.mayRead === false) return state("denied", "data_denied");
  if (isEmpty(table)) {
    report.last_export_at = null;
    report.lag_hours = null;
    return state("no_data_yet", "no_data_yet");
  }
  if (report.lag_hours !== null && report.lag_hours >= STALE_HOURS) return state("stale", "stale");
  return state("ok", report.lag_hours === null ? "age_unknown" : null);
}

/** The place a dataset or a table lies in, where it reads like one and holds no piece of the key or the token. */
export function locationOf(google: Google, reading: Reading): string | null {
  const location = textAt(reading, "location");
  if (location === null || !/^[A-Za-z][A-Za-z0-9-]{1,39}$/.test(location)) return null;
  return google.echoes(location) ? null : location;
}

/** When a table was last changed, by a clock that may be an hour ahead of ours; a view's says nothing of its rows. */
function lastRowsAt(table: Reading, nowMs: number): number | null {
  const type = textAt(table, "type");
  const changed = textAt(table, "lastModifiedTime");
  if (type === "VIEW" || changed === null || !/^[1-9]\d{0,14}$/.test(changed)) return null;
  return Number(changed) - nowMs < HOUR_MS ? Number(changed) : null;
}

/** Rows may wait in the streaming buffer before they count; a view has no count. */
function isEmpty(table: Reading): boolean {
  if (table.is !== "ok" || textAt(table, "numRows") !== "0") return false;
  return valuesAt(table.body, "streamingBuffer.estimatedRows").length === 0;
}
