import type { Query } from "@google-cloud/bigquery";
import { describe, expect, test } from "vitest";
import { HEADS, insert, KEYS, useBigQuery, VERSIONS, VIEW } from "./bench.ts";

const bench = useBigQuery();
const { ask, headsOf } = bench;

describe("types, which DuckDB converts and BigQuery does not", () => {
  const cases: [string, Query, refused: string | null][] = [
    [
      "a STRING expression is no TIMESTAMP",
      { query: `UPDATE ${HEADS} SET next_due_at = NULLIF(@at, '') WHERE TRUE`, params: { at: "x" } },
      "Value of type STRING cannot be assigned to next_due_at, which has type TIMESTAMP",
    ],
    [
      "a STRING parameter becomes a TIMESTAMP",
      { query: `UPDATE ${HEADS} SET next_due_at = @at WHERE TRUE`, params: { at: "2026-01-01T00:00:00Z" } },
      null,
    ],
    [
      "so does what TIMESTAMP() makes of an expression",
      { query: `UPDATE ${HEADS} SET next_due_at = TIMESTAMP(NULLIF(@at, '')) WHERE TRUE`, params: { at: "" } },
      null,
    ],
    [
      "a STRING parameter is no JSON",
      { query: `UPDATE ${HEADS} SET metadata = @json WHERE TRUE`, params: { json: "{}" } },
      "Value of type STRING cannot be assigned to metadata, which has type JSON",
    ],
    [
      "PARSE_JSON makes JSON",
      {
        query: `UPDATE ${HEADS} SET metadata = PARSE_JSON(@json, wide_number_mode => 'round') WHERE TRUE`,
        params: { json: "{}" },
      },
      null,
    ],
    [
      "a STRING parameter is no BYTES",
      { query: `UPDATE ${VERSIONS} SET encrypted_credential = @bytes WHERE TRUE`, params: { bytes: "AAAA" } },
      "Value of type STRING cannot be assigned to encrypted_credential, which has type BYTES",
    ],
    [
      "a text is no INT64",
      { query: `UPDATE ${HEADS} SET seq = '1' WHERE TRUE` },
      "Value of type STRING cannot be assigned to seq, which has type INT64",
    ],
    ["NULL fits everywhere", { query: `UPDATE ${HEADS} SET verdict = NULL, next_due_at = NULL WHERE TRUE` }, null],
    [
      "an inserted column has the type of its column",
      { query: `INSERT INTO ${KEYS} (key_id, key_hmac) SELECT @id, @hmac`, params: { id: "k", hmac: "AAAA" } },
      "Query column 2 has type STRING which cannot be inserted into column key_hmac, which has type BYTES",
    ],
    [
      "a literal in a SELECT is no TIMESTAMP any more",
      { query: `INSERT INTO ${KEYS} (key_id, created_at) SELECT 'k', '2026-01-01'` },
      "Query column 2 has type STRING which cannot be inserted into column created_at, which has type TIMESTAMP",
    ],
    [
      "so has one of VALUES",
      { query: `INSERT INTO ${KEYS} (key_id, created_at) VALUES ('k', CONCAT('2026', ''))` },
      "cannot be inserted into column created_at",
    ],
    [
      "as many values as columns",
      { query: `INSERT INTO ${KEYS} (key_id, org_slug) SELECT 'k'` },
      "Inserted row has wrong column count; Has 1, expected 2",
    ],
    [
      "a column that is not there",
      { query: `INSERT INTO ${KEYS} (key_id, nothing) SELECT 'k', 1` },
      "Column nothing is not present in table",
    ],
    [
      "an INT64 is not compared with a STRING",
      { query: `SELECT 1 AS n FROM ${HEADS} h WHERE h.seq = @seq`, params: { seq: "1" } },
      "No matching signature for operator = for argument types: INT64, STRING",
    ],
    [
      "a TIMESTAMP is not compared with what JSON_VALUE gives",
      {
        query: `SELECT 1 AS n FROM ${HEADS} h JOIN (SELECT JSON_VALUE(x, '$.at') AS at_time FROM UNNEST(@rows) AS x) r ON h.next_due_at < r.at_time`,
        params: { rows: ["{}"] },
      },
      "No matching signature for operator < for argument types: TIMESTAMP, STRING",
    ],
    [
      "a TIMESTAMP is compared with a STRING parameter",
      { query: `SELECT 1 AS n FROM ${HEADS} WHERE next_due_at < @at`, params: { at: "2026-01-01T00:00:00Z" } },
      null,
    ],
    [
      "an UPDATE from a query knows the types of the query",
      {
        query: `UPDATE ${HEADS} h SET last_checked_at = r.checked FROM (SELECT JSON_VALUE(x, '$.id') AS id, JSON_VALUE(x, '$.t') AS checked FROM UNNEST(@rows) AS x) r WHERE h.credential_id = r.id`,
        params: { rows: [] },
        types: { rows: ["STRING"] },
      },
      "Value of type STRING cannot be assigned to last_checked_at, which has type TIMESTAMP",
    ],
    [
      "COALESCE wants one type",
      { query: `SELECT COALESCE(next_due_at, JSON_VALUE(metadata, '$.x')) AS x FROM ${HEADS}` },
      "No matching signature for function COALESCE for argument types: TIMESTAMP, STRING",
    ],
    [
      "IF wants a BOOL",
      { query: `SELECT IF(seq, 1, 2) AS x FROM ${HEADS}` },
      "No matching signature for function IF for argument types: INT64, INT64, INT64",
    ],
    [
      "CASE wants one type",
      { query: `SELECT CASE WHEN enabled THEN seq ELSE op END AS x FROM ${HEADS}` },
      "No matching signature for operator CASE",
    ],
    [
      "WHERE wants a BOOL",
      { query: `SELECT 1 AS x FROM ${HEADS} WHERE seq` },
      "WHERE clause should return type BOOL, but returns INT64",
    ],
    [
      "AND wants BOOL",
      { query: `SELECT 1 AS x FROM ${HEADS} WHERE enabled AND seq` },
      "No matching signature for operator AND",
    ],
    [
      "IN wants one type",
      { query: `SELECT 1 AS x FROM ${HEADS} WHERE seq IN UNNEST(@list)`, params: { list: ["a"] } },
      "No matching signature for operator IN for argument types: INT64, STRING",
    ],
    [
      "JSON is not compared",
      { query: `SELECT 1 AS x FROM ${HEADS} WHERE metadata = PARSE_JSON('{}')` },
      "No matching signature for operator = for argument types: JSON, JSON",
    ],
    [
      "nor ordered",
      { query: `SELECT 1 AS x FROM ${HEADS} ORDER BY metadata` },
      "ORDER BY does not support expressions of type JSON",
    ],
    [
      "nor told apart by SELECT DISTINCT",
      { query: `SELECT DISTINCT metadata FROM ${HEADS}` },
      "Column metadata of type JSON cannot be used in SELECT DISTINCT",
    ],
    [
      "nor by UNION DISTINCT",
      { query: `SELECT metadata FROM ${HEADS} UNION DISTINCT SELECT verdict FROM ${HEADS}` },
      "Column metadata of type JSON cannot be used in a set operation DISTINCT",
    ],
    [
      "an UNION ALL of JSON is one",
      { query: `SELECT metadata FROM ${HEADS} UNION ALL SELECT verdict FROM ${HEADS}` },
      null,
    ],
    [
      "a name of a WITH clause holds in every query of a set operation",
      { query: `WITH h AS (SELECT seq FROM ${HEADS}) SELECT seq FROM h UNION ALL SELECT seq FROM h WHERE seq = 'x'` },
      "No matching signature for operator =",
    ],
    [
      "a column of JOIN … USING has a type",
      { query: `SELECT 1 AS x FROM ${HEADS} h JOIN ${VIEW} v USING (org_slug) WHERE org_slug = 1` },
      "No matching signature for operator =",
    ],
    [
      "the condition of a join is judged",
      { query: `SELECT 1 AS x FROM ${HEADS} h JOIN ${VIEW} v ON h.event_id = v.changed_at` },
      "No matching signature for operator = for argument types: STRING, TIMESTAMP",
    ],
    [
      "nor grouped",
      { query: `SELECT COUNT(*) AS x FROM ${HEADS} GROUP BY metadata` },
      "Grouping by expressions of type JSON is not allowed",
    ],
    [
      "PARSE_JSON wants a STRING",
      { query: `SELECT PARSE_JSON(metadata) AS x FROM ${HEADS}` },
      "No matching signature for function PARSE_JSON for argument types: JSON",
    ],
    [
      "TIMESTAMP_MILLIS wants an INT64",
      { query: "SELECT TIMESTAMP_MILLIS(@ms) AS x", params: { ms: "5" } },
      "No matching signature for function TIMESTAMP_MILLIS for argument types: STRING",
    ],
    [
      "+ wants numbers",
      { query: `SELECT seq + op AS x FROM ${HEADS}` },
      "No matching signature for operator + for argument types: INT64, STRING",
    ],
    [
      "a UNION has the same columns",
      { query: `SELECT seq AS a FROM ${HEADS} UNION ALL SELECT op FROM ${HEADS}` },
      "Column 1 in a set operation has incompatible types: INT64, STRING",
    ],
    [
      "what a WITH clause and a view give is known",
      { query: `WITH v AS (SELECT * FROM ${VIEW}) SELECT 1 AS x FROM v WHERE v.changed_at = v.op` },
      "No matching signature for operator = for argument types: TIMESTAMP, STRING",
    ],
    [
      "a scalar subquery has the type of its column",
      { query: `SELECT 1 AS x FROM ${HEADS} h WHERE h.op = (SELECT MAX(x.seq) FROM ${HEADS} x)` },
      "No matching signature for operator = for argument types: STRING, INT64",
    ],
    [
      "a MERGE is judged by its parts",
      {
        query: `MERGE ${HEADS} h USING (SELECT @at AS at_time) s ON h.op = s.at_time WHEN MATCHED THEN UPDATE SET next_due_at = s.at_time`,
        params: { at: "x" },
      },
      "Value of type STRING cannot be assigned to next_due_at",
    ],
    [
      "SAFE_CAST gives the type it names",
      { query: `UPDATE ${HEADS} SET next_due_at = SAFE_CAST(op AS TIMESTAMP), seq = CAST(op AS INT64) WHERE FALSE` },
      null,
    ],
    ["what is not known here is let pass", { query: `SELECT 1 AS x FROM ${HEADS} WHERE REVERSE(op) = 5` }, null],
  ];
  test.each(cases)("%s", async (_, query, refused) => {
    const seen = await ask(query);
    if (refused !== null)
      expect(seen).toMatchObject({ code: 400, reason: "invalidQuery", message: expect.stringContaining(refused) });
    else expect(seen.code).toBeUndefined();
  });

  test("a CAST to TIMESTAMP keeps the moment, and comes as a TIMESTAMP", async () => {
    const { rows } = await ask({
      query: "SELECT CAST('2026-01-01 02:00:00+02' AS TIMESTAMP) AS at_time, SAFE_CAST('x' AS TIMESTAMP) AS none",
    });
    expect(rows).toEqual([{ at_time: expect.objectContaining({ value: "2026-01-01T00:00:00.000Z" }), none: null }]);
  });

  test("an UPDATE that finds two source rows for one row is refused and changes nothing", async () => {
    await ask(insert("acme", 0, "e0"));
    const query = `UPDATE ${HEADS} h SET event_id = r.id FROM (SELECT x AS id FROM UNNEST(@rows) AS x) r WHERE h.org_slug = 'acme' AND r.id <> 'skipped'`;
    expect(await ask({ query, params: { rows: ["a", "b"] } })).toMatchObject({
      code: 400,
      reason: "invalidQuery",
      message: expect.stringContaining("must match at most one source row"),
    });
    expect(await headsOf("acme")).toMatchObject([{ event_id: "e0" }]);
    expect(await ask({ query, params: { rows: ["a", "skipped"] } })).toMatchObject({ affected: 1 });
  });
});
