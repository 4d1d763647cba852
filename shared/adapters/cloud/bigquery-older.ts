import type { OlderCredential, OlderCredentials } from "../../ports/older-credentials.ts";
import { parseObject } from "../stored/json.ts";
import { count, type Row } from "../stored/rows.ts";
import { type BigQueryDatabase, BULK } from "./bigquery-database.ts";
import { isActive, readOlder, tableNamed, timeOf } from "./bigquery-older-table.ts";

const COLUMNS = "org_slug, provider and encrypted_credential";

/** What is sent to the older table of credentials, by name. @throws RangeError for a name that is no table's */
export function olderStatements(table: string) {
  const name = tableNamed(table);
  const asked = "(@org = '' OR IFNULL(t.org_slug, '') = @org)";
  return {
    read_older: `SELECT t.encrypted_credential, TO_JSON_STRING(t) AS whole, IFNULL(t.org_slug, '') AS place,
  (SELECT COUNT(*) FROM ${name} AS t WHERE ${asked}) AS total
FROM ${name} AS t
WHERE IFNULL(t.org_slug, '') IN (
  SELECT DISTINCT IFNULL(t.org_slug, '') AS place FROM ${name} AS t
  WHERE ${asked} AND (@first = 1 OR IFNULL(t.org_slug, '') > @after)
  ORDER BY place LIMIT @organisations)
ORDER BY place`,
  };
}

/**
 * The older table `org_integration_credentials`. Everything but the ciphertext is read out of the row's JSON, so that
 * columns which it has gained or never had make no difference.
 *
 * @param settings `table` is `project.dataset.table`
 * @throws RangeError
 */
export function openBigQueryOlder(settings: { database: BigQueryDatabase; table: string }): OlderCredentials {
  const { database, table } = settings;
  const sql = olderStatements(table).read_older;
  return {
    async readPage({ organisations, after, org }) {
      const parameters = { organisations, first: after === null ? 1 : 0, after: after ?? "", org: org ?? "" };
      const rows = await readOlder(COLUMNS, () => database.all("read_older", sql, parameters, BULK));
      const places = new Set(rows.map((row) => String(row["place"])));
      const [first] = rows;
      const last = rows.at(-1);
      return {
        rows: rows.map(readOlderRow),
        total: first ? count(first, "total") : 0,
        next: last && places.size === organisations ? String(last["place"]) : null,
      };
    },
  };
}

function readOlderRow(row: Row): OlderCredential {
  const whole = parseObject(String(row["whole"])) ?? {};
  const text = (name: string) => (typeof whole[name] === "string" ? whole[name] : null);
  const metadata = whole["metadata"];
  return {
    credential_id: text("credential_id"),
    org_slug: text("org_slug"),
    provider: text("provider"),
    encrypted_credential: bytesOf(row["encrypted_credential"]),
    credential_name: text("credential_name"),
    validation_status: text("validation_status"),
    last_validated_at: timeOrText(whole["last_validated_at"]),
    is_active: isActive(whole),
    metadata: metadata === undefined || metadata === null ? null : JSON.stringify(metadata),
    expires_at: timeOrText(whole["expires_at"]),
    deactivation_scheduled_at: timeOrText(whole["deactivation_scheduled_at"]),
    created_at: timeOrText(whole["created_at"]),
  };
}

/** What is no time stays as it lies there, so that it is not taken for none. */
function timeOrText(value: unknown): string | null {
  if (value === undefined || value === null || (typeof value === "string" && value.trim() === "")) return null;
  return timeOf(value) ?? String(value);
}

/** Bytes, or base64 where the column is text. */
function bytesOf(value: Row[string] | undefined): Buffer | null {
  if (value instanceof Uint8Array) return Buffer.from(value.buffer, value.byteOffset, value.byteLength);
  if (typeof value !== "string" || value === "") return null;
  const bytes = Buffer.from(value, "base64");
  return bytes.length > 0 ? bytes : null;
}
