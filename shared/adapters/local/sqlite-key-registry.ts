import type { GrantStore, OrgKeyStore } from "../../ports/key-registry.ts";
import { type OnCorrupt, readEach } from "../stored/changes.ts";
import {
  encodeRows,
  encodeTime,
  grantColumns,
  orgKeyColumns,
  readGrantRow,
  readOrgKeyRow,
  select,
} from "../stored/rows.ts";
import { insertSql, type SqliteDatabase } from "./sqlite-database.ts";

const KEY = select(orgKeyColumns, "k");
const GRANT = select(grantColumns, "g");

/** Sent again after an unknown outcome, an insert finds its own row and adds none. */
const ADD_KEY = `${insertSql("org_keys", orgKeyColumns)} WHERE NOT EXISTS (SELECT 1 FROM org_keys k WHERE k.key_id = r.value ->> '$.key_id')`;
const ADD_GRANT = `${insertSql("decrypt_grants", grantColumns)}
WHERE NOT EXISTS (SELECT 1 FROM decrypt_grants g WHERE g.grant_id = r.value ->> '$.grant_id')`;

/** The organisation's API keys in the same file. */
export function sqliteOrgKeys(database: SqliteDatabase, onCorrupt: OnCorrupt): OrgKeyStore {
  return {
    async findKey(keyId) {
      const sql = `SELECT ${KEY} FROM org_keys k WHERE k.key_id = @key_id LIMIT 1`;
      const [row] = await database.all("find_key", sql, { key_id: keyId });
      return row ? readOrgKeyRow(row) : null;
    },
    async listKeys(orgSlug) {
      const sql = `SELECT ${KEY} FROM org_keys k WHERE k.org_slug = @org_slug ORDER BY k.created_at, k.key_id`;
      return readEach(
        await database.all("list_keys", sql, { org_slug: orgSlug }),
        readOrgKeyRow,
        "list_keys",
        onCorrupt,
      );
    },
    async addKey(key) {
      await database.run("add_key", ADD_KEY, { rows: encodeRows(orgKeyColumns, [key]) });
    },
    async revokeKey(keyId, at, by) {
      const sql =
        "UPDATE org_keys SET revoked_at = @at, revoked_by = @by WHERE key_id = @key_id AND revoked_at IS NULL";
      return (await database.run("revoke_key", sql, { key_id: keyId, at: encodeTime(at), by })) > 0;
    },
  };
}

/** Decrypt grants in the same file. A grant that cannot be read grants nothing. */
export function sqliteGrants(database: SqliteDatabase, onCorrupt: OnCorrupt): GrantStore {
  return {
    async grantsOf(subject) {
      const sql = `SELECT ${GRANT} FROM decrypt_grants g WHERE g.subject = @subject ORDER BY g.created_at, g.grant_id`;
      return readEach(await database.all("grants_of", sql, { subject }), readGrantRow, "grants_of", onCorrupt);
    },
    async listGrants(orgSlug) {
      const sql = `SELECT ${GRANT} FROM decrypt_grants g
        WHERE @org_slug IS NULL OR (json_valid(g.org_slugs) AND EXISTS (SELECT 1 FROM json_each(g.org_slugs) o WHERE o.value = @org_slug))
        ORDER BY g.created_at, g.grant_id`;
      return readEach(
        await database.all("list_grants", sql, { org_slug: orgSlug }),
        readGrantRow,
        "list_grants",
        onCorrupt,
      );
    },
    async addGrant(grant) {
      await database.run("add_grant", ADD_GRANT, { rows: encodeRows(grantColumns, [grant]) });
    },
    async revokeGrant(grantId, at, by) {
      const sql =
        "UPDATE decrypt_grants SET revoked_at = @at, revoked_by = @by WHERE grant_id = @grant_id AND revoked_at IS NULL";
      return (await database.run("revoke_grant", sql, { grant_id: grantId, at: encodeTime(at), by })) > 0;
    },
  };
}
