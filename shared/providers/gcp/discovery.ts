import type { Metadata } from "../../contract/rows.ts";
import { valuesAt } from "../../registry/body-path.ts";
import type { Reading } from "./answers.ts";
import type { Google } from "./ask.ts";
import { type Sight, shaped } from "./sight.ts";
import { type ExportSetting, exportSettings, isName, isProject, looksLikeExport, written } from "./tables.ts";

/** Where export tables are to be looked for. */
export interface Search {
  project: string;
  /** `null`: wherever the project has one. */
  dataset: string | null;
}

/** Most datasets that are opened where none is named, and most tables that are looked at. */
const MOST_DATASETS = 4;
const MOST_TABLES = 8;
const LISTED = 200;

/**
 * Where to look: in the dataset that the settings name, else, where no setting names a table, in the account's project.
 * `null` where every table is named.
 */
export function searchFor(metadata: Metadata, ownProject: string, configured: readonly ExportSetting[]): Search | null {
  const named = metadata["billing_dataset"] ?? metadata["billing_dataset_id"];
  const project = isProject(metadata["billing_project_id"]) ? metadata["billing_project_id"] : ownProject;
  const isComplete = exportSettings.every(({ name }) => configured.some(({ setting }) => setting === name));
  if (isName(named) && isProject(project)) return isComplete ? null : { project, dataset: named };
  return configured.length === 0 && isProject(project) ? { project, dataset: null } : null;
}

/** The tables that may be exports, by their names, as settings without a name yet; and how the listing went. */
export async function find(google: Google, search: Search): Promise<{ tables: ExportSetting[]; listed: Reading }> {
  const { project, dataset } = search;
  if (dataset !== null) {
    const listed = await tablesIn(google, project, dataset);
    return { tables: candidates(google, listed, project, dataset), listed };
  }
  const listed = await google.bigquery({
    project,
    path: "/datasets",
    query: { maxResults: String(LISTED), fields: "kind,datasets/datasetReference/datasetId" },
  });
  const datasets = namesIn(google, listed, "datasets[].datasetReference.datasetId")
    .sort(byPromise)
    .slice(0, MOST_DATASETS);
  const found = await Promise.all(
    datasets.map(async (one) => candidates(google, await tablesIn(google, project, one), project, one)),
  );
  return { tables: found.flat().slice(0, MOST_TABLES), listed };
}

async function tablesIn(google: Google, project: string, dataset: string): Promise<Reading> {
  const listed = await google.bigquery({
    project,
    path: `/datasets/${dataset}/tables`,
    query: { maxResults: String(LISTED), fields: "kind,tables/tableReference/tableId" },
  });
  return shaped(listed, "kind");
}

function candidates(google: Google, listed: Reading, project: string, dataset: string): ExportSetting[] {
  return namesIn(google, listed, "tables[].tableReference.tableId")
    .filter(looksLikeExport)
    .slice(0, MOST_TABLES)
    .map((table): ExportSetting => {
      const at = { project, dataset, table };
      return { setting: "discovered", kind: null, path: written(at), at };
    });
}

/** Names as BigQuery allows them, of as many as were asked for; none that holds a piece of the key or the token. */
function namesIn(google: Google, reading: Reading, path: string): string[] {
  if (reading.is !== "ok") return [];
  const names = valuesAt(reading.body, path).filter(isName).slice(0, LISTED);
  return names.filter((name) => !google.echoes(name));
}

/** Datasets whose names speak of bills come first. */
function byPromise(one: string, other: string): number {
  const rank = (name: string): number => (/bill|cost|export|finops|fin_ops/i.test(name) ? 0 : 1);
  return rank(one) - rank(other) || one.localeCompare(other);
}

/**
 * Gives each setting that is still open the table found for it: the one of its kind with the newest rows. The others
 * stay `discovered`.
 */
export function assign(found: readonly Sight[], configured: readonly ExportSetting[]): Sight[] {
  const open = exportSettings.filter(({ name }) => !configured.some(({ setting }) => setting === name));
  const chosen = new Map<Sight, string>();
  for (const { name, kind } of open) {
    const [best] = found
      .filter((sight) => sight.report.kind === kind && !configured.some(({ path }) => path === sight.report.table))
      .sort((one, other) => newest(other) - newest(one));
    if (best !== undefined) chosen.set(best, name);
  }
  return found.map((sight) => {
    const setting = chosen.get(sight);
    const { kind } = sight.report;
    if (setting === undefined || kind === "unknown") return sight;
    return { ...sight, export: { ...sight.export, setting, kind }, report: { ...sight.report, setting } };
  });
}

function newest({ report }: Sight): number {
  return report.last_export_at === null ? 0 : Date.parse(report.last_export_at);
}
