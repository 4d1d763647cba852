import type { CredentialStore } from "../../ports/credential-store.ts";
import type { OnCorrupt } from "../stored/changes.ts";
import { readSealedPage } from "../stored/pages.ts";
import { count, textOrNull } from "../stored/rows.ts";
import { type BigQueryDatabase, BULK } from "./bigquery-database.ts";
import { HEAD, latestHeads, type Tables } from "./bigquery-tables.ts";

type Rewrap = Pick<CredentialStore, "countByKeyVersion" | "readSealedElsewhere">;

/** What sealing anew under another key version sends, by name. */
export function rewrapStatements(tables: Tables) {
  const latest = latestHeads(tables, "h.seq > 0");
  return {
    // An insert of unknown outcome is repeated, so a ciphertext may stand there twice: it is counted once.
    count_by_key_version: `WITH latest AS (
  ${latest}
), sealed AS (
  SELECT DISTINCT org_slug, provider, event_id, key_version FROM ${tables.versions} WHERE encrypted_credential IS NOT NULL
)
SELECT s.key_version, COUNTIF(h.secret_event_id IS NOT NULL) AS in_use, COUNTIF(h.secret_event_id IS NULL) AS other
FROM sealed AS s LEFT JOIN latest AS h
  ON h.org_slug = s.org_slug AND h.provider = s.provider AND h.secret_event_id = s.event_id AND h.op <> 'delete'
GROUP BY s.key_version
ORDER BY s.key_version IS NULL, SAFE_CAST(s.key_version AS INT64), s.key_version`,
    // All that match are counted, wherever the page begins.
    read_sealed_elsewhere: `WITH latest AS (
  ${latest}
), sealed AS (
  SELECT h.*, v.encrypted_credential, 1 AS one FROM latest AS h JOIN ${tables.versions} AS v
    ON v.org_slug = h.org_slug AND v.provider = h.provider AND v.event_id = h.secret_event_id
  WHERE h.op <> 'delete' AND (h.key_version IS NULL OR h.key_version <> @key_version) AND v.encrypted_credential IS NOT NULL
  QUALIFY ROW_NUMBER() OVER (PARTITION BY h.org_slug, h.provider ORDER BY v.changed_at) = 1
), page AS (
  SELECT * FROM sealed WHERE org_slug > @after_org OR (org_slug = @after_org AND provider > @after_provider)
  ORDER BY org_slug, provider LIMIT @limit
), totals AS (
  SELECT 1 AS one, COUNT(*) AS total FROM sealed
)
SELECT t.total, ${HEAD}, h.encrypted_credential
FROM totals AS t LEFT JOIN page AS h ON h.one = t.one
ORDER BY h.org_slug, h.provider`,
  };
}

/** What sealing anew under another key version needs of the store. */
export function bigqueryRewrap(database: BigQueryDatabase, tables: Tables, onCorrupt: OnCorrupt): Rewrap {
  const sql = rewrapStatements(tables);
  return {
    async countByKeyVersion() {
      const rows = await database.all("count_by_key_version", sql.count_by_key_version, {}, BULK);
      return rows.map((row) => ({
        key_version: textOrNull(row, "key_version"),
        current: count(row, "in_use"),
        other: count(row, "other"),
      }));
    },
    async readSealedElsewhere({ keyVersion, limit, after }) {
      const parameters = {
        key_version: keyVersion,
        limit,
        after_org: after?.org_slug ?? "",
        after_provider: after?.provider ?? "",
      };
      const rows = await database.all("read_sealed_elsewhere", sql.read_sealed_elsewhere, parameters, BULK);
      return readSealedPage(rows, limit, onCorrupt);
    },
  };
}
