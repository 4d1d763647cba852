import type { GrantStore, OrgKeyStore } from "../../ports/key-registry.ts";
import { type OnCorrupt, readEach } from "../stored/changes.ts";
import {
  type Columns,
  encodeTime,
  grantColumns,
  orgKeyColumns,
  readGrantRow,
  readOrgKeyRow,
  select,
} from "../stored/rows.ts";
import type { BigQueryDatabase } from "./bigquery-database.ts";
import { rowsGiven, type Tables } from "./bigquery-tables.ts";
import { jsonRows } from "./bigquery-values.ts";

/** What organisation keys and decrypt grants send, by name. */
export function registryStatements({ orgKeys, grants }: Tables) {
  return {
    find_key: `${once(orgKeys, orgKeyColumns, "key_id", "k.key_id = @key_id")}`,
    list_keys: `${once(orgKeys, orgKeyColumns, "key_id", "k.org_slug = @org_slug")}
ORDER BY k.created_at, k.key_id`,
    add_key: addSql(orgKeys, orgKeyColumns, "key_id"),
    revoke_key: revokeSql(orgKeys, "key_id"),
    grants_of: `${once(grants, grantColumns, "grant_id", "k.subject = @subject")}
ORDER BY k.created_at, k.grant_id`,
    list_grants: `${once(grants, grantColumns, "grant_id", "(@org_slug = '' OR @org_slug IN UNNEST(k.org_slugs))")}
ORDER BY k.created_at, k.grant_id`,
    add_grant: addSql(grants, grantColumns, "grant_id"),
    revoke_grant: revokeSql(grants, "grant_id"),
  };
}

/** Two additions of one id may pass each other: one row counts, and where one of them is revoked, that one. */
function once<T>(table: string, columns: Columns<T>, id: string, scope: string): string {
  return `SELECT ${select(columns, "k")} FROM ${table} AS k WHERE ${scope}
QUALIFY ROW_NUMBER() OVER (PARTITION BY k.${id} ORDER BY k.revoked_at IS NULL, k.revoked_at) = 1`;
}

/** Sent again after an unknown outcome, an insert finds its own row and adds none. */
function addSql<T>(table: string, columns: Columns<T>, id: string): string {
  return `INSERT INTO ${table} (${Object.keys(columns).join(", ")})
SELECT * FROM (${rowsGiven(columns)}) AS r
WHERE NOT EXISTS (SELECT 1 FROM ${table} AS k WHERE k.${id} = r.${id})`;
}

function revokeSql(table: string, id: string): string {
  return `UPDATE ${table} SET revoked_at = TIMESTAMP(@revoked_at), revoked_by = @revoked_by
WHERE ${id} = @${id} AND revoked_at IS NULL`;
}

/** The organisation's API keys. */
export function bigqueryOrgKeys(database: BigQueryDatabase, tables: Tables, onCorrupt: OnCorrupt): OrgKeyStore {
  const sql = registryStatements(tables);
  return {
    async findKey(keyId) {
      const [row] = await database.all("find_key", sql.find_key, { key_id: keyId });
      return row ? readOrgKeyRow(row) : null;
    },
    async listKeys(orgSlug) {
      const rows = await database.all("list_keys", sql.list_keys, { org_slug: orgSlug });
      return readEach(rows, readOrgKeyRow, "list_keys", onCorrupt);
    },
    async addKey(key) {
      await database.change("add_key", sql.add_key, { rows: jsonRows(orgKeyColumns, [key]) });
    },
    async revokeKey(keyId, at, by) {
      const parameters = { key_id: keyId, revoked_at: encodeTime(at), revoked_by: by };
      return (await database.decide("revoke_key", sql.revoke_key, parameters)) > 0;
    },
  };
}

/** Decrypt grants. One that cannot be read grants nothing. */
export function bigqueryGrants(database: BigQueryDatabase, tables: Tables, onCorrupt: OnCorrupt): GrantStore {
  const sql = registryStatements(tables);
  return {
    async grantsOf(subject) {
      const rows = await database.all("grants_of", sql.grants_of, { subject });
      return readEach(rows, readGrantRow, "grants_of", onCorrupt);
    },
    async listGrants(orgSlug) {
      const rows = await database.all("list_grants", sql.list_grants, { org_slug: orgSlug ?? "" });
      return readEach(rows, readGrantRow, "list_grants", onCorrupt);
    },
    async addGrant(grant) {
      await database.change("add_grant", sql.add_grant, { rows: jsonRows(grantColumns, [grant]) });
    },
    async revokeGrant(grantId, at, by) {
      const parameters = { grant_id: grantId, revoked_at: encodeTime(at), revoked_by: by };
      return (await database.decide("revoke_grant", sql.revoke_grant, parameters)) > 0;
    },
  };
}
