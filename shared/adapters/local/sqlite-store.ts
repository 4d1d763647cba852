import type { CredentialStore } from "../../ports/credential-store.ts";
import type { GrantStore, OrgKeyStore } from "../../ports/key-registry.ts";
import type { OnCorrupt } from "../stored/changes.ts";
import { sqliteChanges } from "./sqlite-changes.ts";
import { openSqliteDatabase, type SqliteOptions } from "./sqlite-database.ts";
import { sqliteGrants, sqliteOrgKeys } from "./sqlite-key-registry.ts";
import { sqliteRewrap } from "./sqlite-rewrap.ts";
import { sqliteSweep } from "./sqlite-sweep.ts";

/**
 * Opens the local store: credentials, organisation keys and decrypt grants in one SQLite file that several processes
 * may share. Every method is one statement. `onCorrupt` is told of rows that a reading of many leaves out.
 *
 * @throws Fault `store_unavailable`
 */
export function openSqliteStore(
  options: SqliteOptions & { onCorrupt?: OnCorrupt },
): CredentialStore & OrgKeyStore & GrantStore {
  const database = openSqliteDatabase(options);
  const onCorrupt = options.onCorrupt ?? (() => {});
  return {
    ...sqliteChanges(database, onCorrupt),
    ...sqliteSweep(database, onCorrupt),
    ...sqliteRewrap(database, onCorrupt),
    ...sqliteOrgKeys(database, onCorrupt),
    ...sqliteGrants(database, onCorrupt),
    close: () => database.close(),
  };
}
