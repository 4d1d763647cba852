import type { CredentialStore } from "../../ports/credential-store.ts";
import type { GrantStore, OrgKeyStore } from "../../ports/key-registry.ts";
import type { OnCorrupt } from "../stored/changes.ts";
import { bigqueryChanges, changeStatements } from "./bigquery-changes.ts";
import { type BigQuerySettings, openBigQueryDatabase } from "./bigquery-database.ts";
import { bigqueryGrants, bigqueryOrgKeys, registryStatements } from "./bigquery-key-registry.ts";
import { bigqueryRewrap, rewrapStatements } from "./bigquery-rewrap.ts";
import { bigquerySweep, sweepStatements } from "./bigquery-sweep.ts";
import { type Places, tablesAt } from "./bigquery-tables.ts";

/**
 * Opens the store in BigQuery: credentials, organisation keys and decrypt grants. Every method is one statement.
 * `onCorrupt` is told of rows that a reading of many leaves out. Nothing is asked of BigQuery before the first of them.
 *
 * @throws RangeError for names that BigQuery does not take
 * @throws Fault `internal` where the environment would send statements elsewhere
 */
export function openBigQueryStore(
  settings: BigQuerySettings & Places & { onCorrupt: OnCorrupt },
): CredentialStore & OrgKeyStore & GrantStore {
  const tables = tablesAt(settings);
  const database = openBigQueryDatabase(settings);
  const { onCorrupt } = settings;
  return {
    ...bigqueryChanges(database, tables, onCorrupt),
    ...bigquerySweep(database, tables, onCorrupt),
    ...bigqueryRewrap(database, tables, onCorrupt),
    ...bigqueryOrgKeys(database, tables, onCorrupt),
    ...bigqueryGrants(database, tables, onCorrupt),
    close: () => database.close(),
  };
}

/** Every statement that the store sends, by name, for whoever judges SQL. */
export function statements(places: Places): Record<string, string> {
  const tables = tablesAt(places);
  return {
    ...changeStatements(tables),
    ...sweepStatements(tables),
    ...rewrapStatements(tables),
    ...registryStatements(tables),
  };
}
