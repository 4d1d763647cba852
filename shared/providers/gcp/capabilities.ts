import type { Credential } from "../../contract/secret.ts";
import type { Capability } from "../../contract/verdict.ts";
import type { Entry } from "../../registry/entry.ts";
import { heldOf, type Reading } from "./answers.ts";
import type { Sight } from "./sight.ts";
import { type ExportKind, exportSettings } from "./tables.ts";

/** What is asked of the project at large, and the capability that each stands for where no table tells more. */
export const onProject = {
  datasets_read: "bigquery.datasets.get",
  tables_read: "bigquery.tables.get",
  jobs_create: "bigquery.jobs.create",
  compute_read: "compute.instances.list",
  storage_read: "storage.buckets.list",
  iam_read: "iam.serviceAccounts.list",
} as const;

/** Everything that a probe has seen behind the token. */
export interface Seen {
  entry: Entry;
  credential: Credential;
  /** `testIamPermissions` on the account's own project. */
  project: Reading;
  /** A query that is planned and never run: on the first table, else on none. */
  dryRun: { reading: Reading; table: Sight | null };
  /** The tables that the settings name, or that were found for them. */
  sights: readonly Sight[];
  /** The one of them that stands for the account's rights, else one that was found and cannot be opened. */
  first: Sight | null;
  /** The dataset that tables were looked for in, `project.dataset`, and their list; `null` where no setting names one. */
  searched: { place: string; dataset: Reading; listed: Reading } | null;
}

export function capabilitiesFrom(seen: Seen): Capability[] {
  const asked = Object.values(onProject);
  const held = heldOf(seen.project, asked);
  const unheld = seen.project.is === "unknown" ? seen.project.reason : "not_shown";
  const main = seen.sights.filter((sight) => !sight.export.setting.includes("."));
  const of = (kind: ExportKind): Sight | undefined =>
    main.find((sight) => sight.export.setting === settingOf(kind) && sight.export.kind === kind);
  const { first } = seen;
  const resource = (id: "datasets_read" | "tables_read", reading: Reading, reason: string): Capability => {
    if (reading.is === "ok") return granted(id);
    if (reading.is === "denied") return denied(id, reason);
    if (held?.has(onProject[id])) return granted(id);
    return unknown(id, reading.is === "unknown" ? reading.reason : "pending_export");
  };
  const onlyOnProject = (id: "compute_read" | "storage_read" | "iam_read"): Capability => {
    if (held === null) return unknown(id, unheld);
    return held.has(onProject[id]) ? granted(id) : denied(id, `${id}_denied`);
  };
  const nothing: Reading = { is: "unknown", reason: "no_billing_table" };
  const standard = of("standard");
  const further = additional(seen);
  const found: Capability[] = [
    resource("datasets_read", first?.dataset ?? seen.searched?.dataset ?? nothing, "datasets_get_denied"),
    resource("tables_read", first?.table ?? nothing, "tables_get_denied"),
    jobsCreate(seen, held, unheld),
    standard ? exportRead("billing_export_read", standard, seen) : withoutTable("billing_export_read", seen),
    standard ? exportFresh(standard) : unknown("billing_export_fresh", "no_billing_table"),
    ...(["detailed", "pricing", "cud"] as const).map((kind) => {
      const sight = of(kind);
      const id = `${kind}_export_read`;
      return sight ? exportRead(id, sight, seen) : unknown(id, "not_configured");
    }),
    further.capability,
    unknown("billing_accounts_read", "not_asked"),
    onlyOnProject("compute_read"),
    onlyOnProject("storage_read"),
    onlyOnProject("iam_read"),
  ];
  const about = ({ id }: Capability): Sight | null => {
    if (id === further.capability.id) return further.sight;
    const kind = (["detailed", "pricing", "cud"] as const).find((one) => id === `${one}_export_read`);
    return (kind ? of(kind) : first) ?? null;
  };
  return found.map((capability) => withRemedy(capability, seen, about(capability)));
}

function settingOf(kind: ExportKind): string {
  return exportSettings.find((setting) => setting.kind === kind)?.name ?? "";
}

function jobsCreate({ dryRun }: Seen, held: ReadonlySet<string> | null, unheld: string): Capability {
  const { reading, table } = dryRun;
  if (reading.is === "ok") return granted("jobs_create");
  if (reading.is === "denied") {
    const isAboutJobs = reading.permission === onProject.jobs_create || (table === null && reading.permission === null);
    if (isAboutJobs) return denied("jobs_create", "jobs_create_denied");
  }
  if (held?.has(onProject.jobs_create)) return granted("jobs_create");
  // What the project does not list may be granted elsewhere: only BigQuery's own no counts.
  return unknown("jobs_create", reading.is === "unknown" ? reading.reason : unheld);
}

/** Whether the rows of a table can be had, by what was seen of it. */
function exportRead(id: string, sight: Sight, { dryRun }: Pick<Seen, "dryRun">): Capability {
  const { report, reason, mayRead } = sight;
  switch (report.state) {
    case "missing":
    case "wrong_kind":
    case "denied":
      return denied(id, reason ?? "data_denied");
    case "unknown":
      return reason === "table_path" ? denied(id, reason) : unknown(id, reason ?? "unexpected_response");
    default:
      break;
  }
  const ran = dryRun.table === sight ? dryRun.reading : null;
  if (mayRead || ran?.is === "ok") return granted(id);
  if (ran?.is === "denied" && ran.permission !== onProject.jobs_create) return denied(id, "data_denied");
  return unknown(id, ran?.is === "unknown" ? ran.reason : "not_shown");
}

function exportFresh({ report, reason }: Sight): Capability {
  const id = "billing_export_fresh";
  switch (report.state) {
    case "ok":
      return report.lag_hours === null ? unknown(id, "age_unknown") : granted(id);
    case "stale":
    case "no_data_yet":
    case "missing":
    case "wrong_kind":
      return denied(id, reason ?? report.state);
    default:
      return unknown(id, reason ?? "unexpected_response");
  }
}

/** No standard export is known: a new export's tables may be on their way, else the setting is missing. */
function withoutTable(id: string, { searched, first }: Seen): Capability {
  if (first?.export.setting === "discovered" && first.reason) return denied(id, first.reason);
  if (searched === null) return denied(id, "no_billing_table");
  if (searched.listed.is === "unknown") return unknown(id, searched.listed.reason);
  return denied(id, searched.listed.is === "denied" ? "tables_list_denied" : "pending_export");
}

/**
 * All tables of all further billing accounts as one: the first thing that stands in the way counts, with the table that
 * it was seen at.
 */
function additional(seen: Seen): { capability: Capability; sight: Sight | null } {
  const id = "additional_exports_read";
  const all = seen.sights
    .filter((sight) => sight.export.setting.includes("."))
    .map((sight) => ({ capability: exportRead(id, sight, seen), sight }));
  const first = (state: Capability["state"]) => all.find(({ capability }) => capability.state === state);
  const none = all.length === 0 ? unknown(id, "not_configured") : granted(id);
  return first("denied") ?? first("unknown") ?? { capability: none, sight: null };
}

/** The entry's text for the reason, filled with what the customer has to type for the table that it was seen at. */
function withRemedy(capability: Capability, seen: Seen, sight: Sight | null): Capability {
  const { reason } = capability;
  const text = reason !== undefined && Object.hasOwn(seen.entry.reasons, reason) ? seen.entry.reasons[reason] : null;
  if (!text || capability.state === "granted") return capability;
  const at = sight?.export.at ?? null;
  const values: Record<string, string | undefined> = {
    project_id: seen.credential["project_id"]?.reveal(),
    client_email: seen.credential["client_email"]?.reveal(),
    dataset: at === null ? seen.searched?.place : `${at.project}.${at.dataset}`,
  };
  return { ...capability, remedy: text.replace(/\{([a-z_]+)\}/g, (whole, name: string) => values[name] ?? whole) };
}

function granted(id: string): Capability {
  return { id, state: "granted" };
}

function denied(id: string, reason: string): Capability {
  return { id, state: "denied", reason };
}

function unknown(id: string, reason: string): Capability {
  return { id, state: "unknown", reason };
}
