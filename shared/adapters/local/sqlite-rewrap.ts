import type { CredentialStore } from "../../ports/credential-store.ts";
import type { OnCorrupt } from "../stored/changes.ts";
import { readSealedPage } from "../stored/pages.ts";
import { count, textOrNull } from "../stored/rows.ts";
import { CIPHERTEXT, CURRENT, HEAD } from "./sqlite-changes.ts";
import type { SqliteDatabase } from "./sqlite-database.ts";

type Rewrap = Pick<CredentialStore, "countByKeyVersion" | "readSealedElsewhere">;

/** An insert of unknown outcome is repeated, so a ciphertext may stand there twice: it is counted once. */
const COUNT_BY_KEY_VERSION = `
WITH sealed AS (
  SELECT v.key_version, EXISTS (SELECT 1 FROM heads h WHERE h.org_slug = v.org_slug AND h.provider = v.provider
    AND h.secret_event_id = v.event_id AND h.seq > 0 AND h.op <> 'delete' AND ${CURRENT}) AS current
  FROM versions v WHERE v.encrypted_credential IS NOT NULL
  GROUP BY v.org_slug, v.provider, v.event_id, v.key_version
)
SELECT key_version, SUM(current) AS current, SUM(NOT current) AS other
FROM sealed GROUP BY key_version ORDER BY key_version IS NULL, CAST(key_version AS INTEGER), key_version`;

/** All that match are counted, wherever the page begins. */
const READ_SEALED_ELSEWHERE = `
WITH elsewhere AS MATERIALIZED (
  SELECT h.rowid AS place, h.org_slug, h.provider FROM heads h
  WHERE h.seq > 0 AND h.op <> 'delete' AND h.key_version IS NOT @key_version AND ${CURRENT}
    AND EXISTS (SELECT 1 FROM versions v WHERE v.event_id = h.secret_event_id AND v.org_slug = h.org_slug
      AND v.provider = h.provider AND v.encrypted_credential IS NOT NULL)
), page AS (
  SELECT * FROM elsewhere WHERE (org_slug, provider) > (@after_org, @after_provider)
  ORDER BY org_slug, provider LIMIT @limit
)
SELECT (SELECT COUNT(*) FROM elsewhere) AS total, page.place, ${HEAD}, ${CIPHERTEXT}
FROM (SELECT 1) LEFT JOIN page ON TRUE LEFT JOIN heads h ON h.rowid = page.place
ORDER BY page.org_slug, page.provider`;

/** What sealing anew under another key version needs of the store. */
export function sqliteRewrap(database: SqliteDatabase, onCorrupt: OnCorrupt): Rewrap {
  return {
    async countByKeyVersion() {
      const rows = await database.all("count_by_key_version", COUNT_BY_KEY_VERSION);
      return rows.map((row) => ({
        key_version: textOrNull(row, "key_version"),
        current: count(row, "current"),
        other: count(row, "other"),
      }));
    },
    async readSealedElsewhere({ keyVersion, limit, after }) {
      const rows = await database.all("read_sealed_elsewhere", READ_SEALED_ELSEWHERE, {
        key_version: keyVersion,
        limit,
        after_org: after?.org_slug ?? "",
        after_provider: after?.provider ?? "",
      });
      return readSealedPage(rows, limit, onCorrupt);
    },
  };
}
