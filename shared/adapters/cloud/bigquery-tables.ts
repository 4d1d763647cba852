import { type Columns, headColumns, type Kind, select } from "../stored/rows.ts";

/** Where the tables are: the project, the private dataset of the tables and the dataset of the views. */
export interface Places {
  project: string;
  ledgerDataset: string;
  viewsDataset: string;
}

/** Full names in backticks, as they stand in a statement. */
export interface Tables {
  heads: string;
  versions: string;
  /** Versions without ciphertext: the authorised view, which a function may read that may not read `versions`. */
  versionsInView: string;
  validations: string;
  orgKeys: string;
  grants: string;
}

/** @throws RangeError for a name that BigQuery would not take: names are the only thing that is written into a statement */
export function tablesAt({ project, ledgerDataset, viewsDataset }: Places): Tables {
  if (!/^(?:[a-z0-9.-]{1,100}:)?[a-z][a-z0-9-]{4,61}[a-z0-9]$/.test(project))
    throw new RangeError("the project id is not one of Google Cloud");
  for (const dataset of [ledgerDataset, viewsDataset])
    if (!/^[A-Za-z0-9_]{1,1024}$/.test(dataset)) throw new RangeError("the dataset name is not one of BigQuery");
  const name = (dataset: string, table: string) => `\`${project}.${dataset}.${table}\``;
  return {
    heads: name(ledgerDataset, "heads"),
    versions: name(ledgerDataset, "versions"),
    versionsInView: name(viewsDataset, "integration_versions"),
    validations: name(ledgerDataset, "validations"),
    orgKeys: name(ledgerDataset, "org_keys"),
    grants: name(ledgerDataset, "decrypt_grants"),
  };
}

/**
 * A column's value out of the text that stands for it in a JSON row (`encodeRow`). Numbers are as JavaScript wrote
 * them, so rounding them to what JSON holds in BigQuery loses nothing, and none can make the statement fail.
 */
export function decoded(kind: Kind, text: string): string {
  switch (kind) {
    case "text":
      return text;
    case "time":
      return `TIMESTAMP(${text})`;
    case "integer":
      return `CAST(${text} AS INT64)`;
    case "flag":
      return `${text} = '1'`;
    case "bytes":
      return `FROM_BASE64(${text})`;
    case "json":
      return `PARSE_JSON(${text}, wide_number_mode => 'round')`;
    case "list":
      return `JSON_VALUE_ARRAY(${text}, '$')`;
  }
}

/** The columns of the JSON rows `@rows`, by name. */
export function rowsGiven<T>(columns: Columns<T>): string {
  const values = Object.entries<Kind>(columns).map(
    ([name, kind]) => `${decoded(kind, `JSON_VALUE(given, '$.${name}')`)} AS ${name}`,
  );
  return `SELECT ${values.join(", ")} FROM UNNEST(@rows) AS given`;
}

/** `INSERT` of every one of the JSON rows `@rows`. Reads no table: some may append that may not read. */
export function insertSql<T>(table: string, columns: Columns<T>): string {
  return `INSERT INTO ${table} (${Object.keys(columns).join(", ")})
${rowsGiven(columns)}`;
}

/**
 * The current heads among those that `scope` names by pair: one row of the highest `seq` each. `twins` tells of two
 * different states with one `seq`: the protocol cannot make them, so one of them is not ours.
 */
export function latestHeads({ heads }: Tables, scope: string): string {
  const peers = "OVER (PARTITION BY h.org_slug, h.provider, h.seq)";
  return `SELECT ${select(headColumns, "h")}, h.seq > 0 AND MIN(h.event_id) ${peers} <> MAX(h.event_id) ${peers} AS twins
  FROM ${heads} AS h WHERE ${scope}
  QUALIFY ROW_NUMBER() OVER (PARTITION BY h.org_slug, h.provider ORDER BY h.seq DESC) = 1`;
}

/** What `readHeadRow` reads, of a row of `latestHeads`. */
export const HEAD = `${select(headColumns, "h")}, h.twins`;

/**
 * Events that took effect: a head names them, or some version was made on top of them. `versions` is the table or its
 * view, whichever the caller may read anyway.
 */
export function effectiveEvents({ heads }: Tables, versions: string, scope: string): string {
  return `SELECT org_slug, provider, event_id FROM ${heads} WHERE ${scope} AND seq > 0
  UNION DISTINCT
  SELECT org_slug, provider, prev_event_id FROM ${versions} WHERE ${scope} AND prev_event_id IS NOT NULL`;
}

/**
 * The rows of `page` with the ciphertexts that their heads name, as `sealed`. A version may stand there twice: an
 * insert of unknown outcome is repeated.
 */
export function withCiphertext({ versions }: Tables): string {
  return `sealed AS (
  SELECT p.*, v.encrypted_credential FROM page AS p LEFT JOIN ${versions} AS v
    ON v.org_slug = p.org_slug AND v.provider = p.provider AND v.event_id = p.secret_event_id
  WHERE TRUE
  QUALIFY ROW_NUMBER() OVER (PARTITION BY p.org_slug, p.provider ORDER BY v.encrypted_credential IS NULL) = 1
)`;
}
