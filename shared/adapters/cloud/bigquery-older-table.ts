import { Fault } from "../../contract/fault.ts";

/**
 * The full name of a table in backticks, as it stands in a statement: names are the only thing that is written into one.
 *
 * @param text `project.dataset.table`
 * @throws RangeError for what is none
 */
export function tableNamed(text: string): string {
  if (!/^[a-z][a-z0-9-]{4,28}[a-z0-9]\.[A-Za-z0-9_]{1,1024}\.[A-Za-z0-9_-]{1,1024}$/.test(text))
    throw new RangeError("the table is not named project.dataset.table");
  return `\`${text}\``;
}

/**
 * Reads an older table, of which only the columns that the sources name are certain.
 *
 * @throws Fault `request_malformed` where BigQuery does not take the statement: the table lacks such a column
 */
export async function readOlder<Value>(columns: string, read: () => Promise<Value>): Promise<Value> {
  try {
    return await read();
  } catch (error) {
    if (!(error instanceof Fault) || error.code !== "internal") throw error;
    throw new Fault("request_malformed", {
      detail: "The older table cannot be read",
      remedy: `Name a table that has at least the columns ${columns}`,
      cause: error,
    });
  }
}

/** The rule of both older tables: a row is active that says true, and every row of a table that has no such column. */
export function isActive(whole: Readonly<Record<string, unknown>>): boolean {
  const { is_active: active } = whole;
  return active === undefined || active === true || active === "true";
}

/**
 * The same rule as a condition on a row `t`. In the JSON of a row a quote behind the name stands only where it is a
 * column's: within a value it is escaped.
 */
export const ACTIVE = `(STRPOS(TO_JSON_STRING(t), '"is_active":') = 0 OR JSON_VALUE(TO_JSON_STRING(t), '$.is_active') = 'true')`;

/**
 * RFC 3339 UTC with milliseconds and Z; a time without a zone is UTC, as DATETIME is meant. Text is read as BigQuery shows
 * or casts a time, among others `2026-12-01 00:00:00 UTC`. `null` for what is no time: a bare number does not tell its unit.
 */
export function timeOf(value: unknown): string | null {
  const found =
    typeof value === "string"
      ? /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d)(?:(:\d\d)(\.\d{1,9})?)?(?: ?(Z|UTC|[+-]\d\d(?::?\d\d)?))?)?$/.exec(value)
      : null;
  if (!found) return null;
  const [, date, minutes = "00:00", seconds = ":00", fraction = ".000", zone = "Z"] = found;
  const offset =
    zone === "Z" || zone === "UTC" ? "Z" : zone.length === 3 ? `${zone}:00` : zone.replace(/^(...)(\d\d)$/, "$1:$2");
  const ms = Date.parse(`${date}T${minutes}${seconds}${fraction.slice(0, 4).padEnd(4, "0")}${offset}`);
  return Number.isNaN(ms) ? null : new Date(ms).toISOString();
}
