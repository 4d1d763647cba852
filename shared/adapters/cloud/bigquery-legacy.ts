import { Secret } from "../../contract/secret.ts";
import { type Clock, timestamp } from "../../ports/clock.ts";
import type { LegacyKeys, LegacyKeyTable } from "../../ports/legacy-keys.ts";
import { parseObject } from "../stored/json.ts";
import { count, type Row, text } from "../stored/rows.ts";
import { type BigQueryDatabase, BULK } from "./bigquery-database.ts";
import { ACTIVE, readOlder, tableNamed, timeOf } from "./bigquery-older-table.ts";

const COLUMNS = "api_key and org_slug";

const ENDLESS = "9999";
/** When a row ends a key, as text of one form. It may have no such column: what a row lacks is NULL in its JSON. */
const ENDS = `IFNULL(JSON_VALUE(TO_JSON_STRING(t), '$.expires_at'), '${ENDLESS}')`;
/** Where the table says that a key has ended it is believed. */
const LIVE = `${ACTIVE}
  AND JSON_VALUE(TO_JSON_STRING(t), '$.revoked_at') IS NULL
  AND ${ENDS} > @now`;

export interface LegacyTableSettings {
  database: BigQueryDatabase;
  /** `project.dataset.table` */
  table: string;
  clock: Pick<Clock, "now">;
}

/** What is sent to the older table of organisation keys, by name. @throws RangeError for a name that is no table's */
export function legacyStatements(table: string) {
  const live = `FROM ${tableNamed(table)} AS t WHERE t.api_key IS NOT NULL AND t.org_slug IS NOT NULL AND ${LIVE}`;
  return {
    // Of several live rows of one key the last to end decides, as each of them vouches for it.
    find_legacy_key: `SELECT t.org_slug, MAX(${ENDS}) AS ends ${live} AND t.api_key = @api_key GROUP BY t.org_slug LIMIT 2`,
    read_legacy_keys: `SELECT t.api_key, (SELECT COUNT(DISTINCT t.api_key) ${live}) AS total, ARRAY_AGG(DISTINCT t.org_slug) AS org_slugs, MAX(${ENDS}) AS ends
${live} AND t.api_key > @after
GROUP BY t.api_key ORDER BY t.api_key LIMIT @limit`,
  };
}

/** The older table of organisation keys, asked for one key at a time, which travels as a parameter. @throws RangeError */
export function openBigQueryLegacyKeys({ database, table, clock }: LegacyTableSettings): LegacyKeys {
  const sql = legacyStatements(table).find_legacy_key;
  return {
    async organisationOf(key) {
      const parameters = { api_key: key.reveal(), now: timestamp(clock.now()) };
      const [row, ...others] = await database.all("find_legacy_key", sql, parameters);
      return row === undefined || others.length > 0
        ? null
        : { org_slug: text(row, "org_slug"), expires_at: endOf(row) };
    },
  };
}

/** The same table from its beginning to its end, for an operator who takes it over. @throws RangeError */
export function openBigQueryLegacyKeyTable({ database, table, clock }: LegacyTableSettings): LegacyKeyTable {
  const sql = legacyStatements(table).read_legacy_keys;
  return {
    async readPage({ limit, after }) {
      const parameters = { after: after?.reveal() ?? "", limit, now: timestamp(clock.now()) };
      const rows = await readOlder(COLUMNS, () => database.all("read_legacy_keys", sql, parameters, BULK));
      const entries = rows.map((row) => ({
        key: new Secret(text(row, "api_key")),
        org_slugs: organisationsOf(row),
        expires_at: endOf(row),
      }));
      const [first] = rows;
      const last = entries.length === limit ? entries.at(-1) : undefined;
      return { entries, total: first ? count(first, "total") : 0, next: last?.key ?? null };
    },
  };
}

/** An end that cannot be read as a time has passed: what was meant to end does not live for ever. */
function endOf(row: Row): string | null {
  const ends = text(row, "ends");
  return ends === ENDLESS ? null : (timeOf(ends) ?? new Date(0).toISOString());
}

function organisationsOf(row: Row): string[] {
  const list = parseObject(`{"list":${text(row, "org_slugs")}}`)?.["list"];
  return Array.isArray(list) ? list.filter((one) => typeof one === "string") : [];
}
