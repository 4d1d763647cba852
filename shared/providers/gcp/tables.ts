import type { Metadata } from "../../contract/rows.ts";
import type { TableReport } from "../../contract/verdict.ts";
import { valuesAt } from "../../registry/body-path.ts";

export type ExportKind = Exclude<TableReport["kind"], "unknown">;

/** A table by its path, every part of which has passed a strict pattern. */
export interface TablePath {
  project: string;
  dataset: string;
  table: string;
}

/** A setting that names a table of a billing export. */
export interface ExportSetting {
  /** `billing_export_table`, `additional_billing_accounts[0].detailed_export_table`. */
  setting: string;
  /** What the table must be; `null` where it was found and may be any. */
  kind: ExportKind | null;
  /** As it is reported. */
  path: string;
  /** `null` where the setting is no path. */
  at: TablePath | null;
}

/** The settings and the kind of export that each names. */
export const exportSettings: ReadonlyArray<{ name: string; kind: ExportKind }> = [
  { name: "billing_export_table", kind: "standard" },
  { name: "detailed_export_table", kind: "detailed" },
  { name: "pricing_export_table", kind: "pricing" },
  { name: "committed_use_discount_table", kind: "cud" },
];

const PROJECT = /^(?:[a-z0-9.-]{1,63}:)?[a-z][a-z0-9-]{4,28}[a-z0-9]$/;
const NAME = /^[A-Za-z0-9_]{1,1024}$/;
/** Further accounts of one organisation. */
const MOST_ACCOUNTS = 10;

/** Whether this is the id of a project, `example.com:`-scoped ones included. */
export function isProject(text: unknown): text is string {
  return typeof text === "string" && PROJECT.test(text);
}

/** Whether this may name a dataset or a table. */
export function isName(text: unknown): text is string {
  return typeof text === "string" && NAME.test(text);
}

/** `project.dataset.table` in its parts; `null` where it is none. */
export function tablePath(text: string): TablePath | null {
  const [table, dataset, ...scope] = text.split(".").reverse();
  const project = scope.reverse().join(".");
  return isName(table) && isName(dataset) && isProject(project) ? { project, dataset, table } : null;
}

export function written({ project, dataset, table }: TablePath): string {
  return `${project}.${dataset}.${table}`;
}

/** Every export table that the settings name, those of the main billing account first. */
export function configuredExports(metadata: Metadata): ExportSetting[] {
  const accounts = metadata["additional_billing_accounts"];
  const others: unknown[] = Array.isArray(accounts) ? accounts.slice(0, MOST_ACCOUNTS) : [];
  return [
    ...exportsIn(metadata, ""),
    ...others.flatMap((account, index) => exportsIn(account, `additional_billing_accounts[${index}].`)),
  ];
}

function exportsIn(settings: unknown, prefix: string): ExportSetting[] {
  return exportSettings.flatMap(({ name, kind }) => {
    const [path] = valuesAt(settings, name);
    if (typeof path !== "string") return [];
    const at = tablePath(path);
    return [{ setting: `${prefix}${name}`, kind, path: at === null ? "" : written(at), at }];
  });
}

/**
 * What a table is, by its top-level columns. Source:
 * cloud.google.com/billing/docs/how-to/export-data-bigquery-tables with /detailed-usage, /pricing-data and /cud-export,
 * read 2026-11-20.
 */
export function kindBySchema(table: object): TableReport["kind"] {
  const columns = new Set(valuesAt(table, "schema.fields[].name"));
  const all = (...names: string[]): boolean => names.every((name) => columns.has(name));
  if (all("pricing_as_of_time", "sku")) return "pricing";
  if (all("cud_product")) return "cud";
  if (!all("billing_account_id", "usage_start_time", "cost")) return "unknown";
  return all("resource") ? "detailed" : "standard";
}

/** Whether a table's name is one that Google gives to exports, or was made from one. */
export function looksLikeExport(table: string): boolean {
  return /^gcp_billing_export_|pricing_export|^cud_subscriptions|cud_.{0,40}export/i.test(table);
}
