import type { Credential } from "../../contract/secret.ts";
import type { Capability, TableReport } from "../../contract/verdict.ts";
import type { Entry } from "../../registry/entry.ts";
import { pattern } from "../../registry/linear.ts";
import type { ProbeContext } from "../provider.ts";
import type { Reading } from "./answers.ts";
import type { Google } from "./ask.ts";
import { capabilitiesFrom, onProject, type Seen } from "./capabilities.ts";
import { assign, find, type Search, searchFor } from "./discovery.ts";
import { locationOf, type Observer, observer, type Sight, shaped } from "./sight.ts";
import { configuredExports, exportSettings, isProject, written } from "./tables.ts";

/** What an account that works is good for. */
export interface Examined {
  capabilities: Capability[];
  tables: TableReport[];
  /** Settings that the customer left open and the named dataset answers. */
  discovered: Record<string, unknown>;
}

/**
 * Asks what the account may do and looks at its billing tables: those that the settings name, those that the named
 * dataset holds, or, where no setting says anything, those that the project offers.
 *
 * @returns `scope_insufficient` where our own token is at fault
 */
export async function examine(
  google: Google,
  credential: Credential,
  context: ProbeContext,
): Promise<Examined | "scope_insufficient"> {
  const { entry, metadata, now } = context;
  const own = credential["project_id"]?.reveal() ?? "";
  const configured = configuredExports(metadata);
  const search = searchFor(metadata, own, configured);
  const observed = observer(google, now);

  const isOffered = search === null || search.dataset === null;
  const [project, sights, found, plain] = await Promise.all([
    google.permissions(own, Object.values(onProject)),
    Promise.all(configured.map(observed.look)),
    search === null ? null : discover(google, search, observed),
    // Without any table to come, the query that is only planned needs to wait for none.
    configured.length === 0 && isOffered ? dryRun(google, own, null, metadata) : null,
  ]);
  const assigned = found === null ? [] : isOffered ? found.sights : assign(found.sights, configured);
  const filled = assigned.filter(({ export: { setting } }) => setting !== "discovered");
  const used = [...sights, ...filled].sort((one, other) => place(one) - place(other));
  const first = used[0] ?? (isOffered ? null : (assigned[0] ?? null));
  const planned = plain ?? (await dryRun(google, own, first, metadata));

  const readings = [project, planned.reading, ...used.flatMap(({ dataset, table }) => [dataset, table])];
  if (readings.some((reading) => reading.is === "unknown" && reading.reason === "scope_insufficient"))
    return "scope_insufficient";
  return {
    capabilities: capabilitiesFrom({
      entry,
      credential,
      project,
      dryRun: planned,
      sights: used,
      first,
      searched: isOffered ? null : (found?.searched ?? null),
    }),
    tables: [...sights, ...assigned].filter(isShown).map(({ report }) => report),
    discovered: Object.fromEntries(
      filled.flatMap(({ report }) => (fits(entry, report) ? [[report.setting, report.table] as const] : [])),
    ),
  };
}

/** Whether a table that was found may stand in its setting: BigQuery allows longer names than the registry. */
function fits({ metadata }: Entry, { setting, table }: TableReport): boolean {
  const shape = metadata.find(({ name }) => name === setting)?.pattern;
  return shape !== undefined && pattern(shape).test(table);
}

/** The standard export comes first, tables of further accounts last. */
function place({ export: { setting } }: Sight): number {
  const index = exportSettings.findIndex(({ name }) => name === setting);
  return index < 0 ? exportSettings.length : index;
}

/** A table that was found only by its name and is no export by its schema is nobody's business. */
function isShown({ report }: Sight): boolean {
  if (report.setting !== "discovered") return report.table !== "";
  return report.kind !== "unknown" || report.state === "denied";
}

interface Discovered {
  sights: Sight[];
  searched: Seen["searched"];
}

async function discover(google: Google, search: Search, { dataset, look, glance }: Observer): Promise<Discovered> {
  const [ofDataset, { tables, listed }] = await Promise.all([
    search.dataset === null ? null : dataset(search.project, search.dataset),
    find(google, search),
  ]);
  const sights = await Promise.all(tables.map(ofDataset === null ? glance : look));
  const place = `${search.project}.${search.dataset}`;
  return { sights, searched: ofDataset === null ? null : { place, dataset: ofDataset, listed } };
}

/** A query that BigQuery plans and never runs, free of charge, where the table lies. */
async function dryRun(
  google: Google,
  project: string,
  first: Sight | null,
  metadata: ProbeContext["metadata"],
): Promise<{ reading: Reading; table: Sight | null }> {
  if (!isProject(project)) return { reading: { is: "unknown", reason: "unexpected_response" }, table: null };
  const isThere = first !== null && first.export.at !== null && first.report.state !== "missing";
  const table = isThere ? first : null;
  const region = metadata["region"];
  const location =
    (table ? (locationOf(google, table.dataset) ?? locationOf(google, table.table)) : null) ??
    (typeof region === "string" && /^[A-Za-z][A-Za-z0-9-]{1,39}$/.test(region) ? region : null);
  const from = table?.export.at ? ` FROM \`${written(table.export.at)}\` WHERE FALSE` : "";
  const reading = await google.bigquery({
    project,
    path: "/queries",
    body: { query: `SELECT 1${from}`, dryRun: true, useLegacySql: false, ...(location ? { location } : {}) },
  });
  return { reading: shaped(reading, "totalBytesProcessed"), table };
}
