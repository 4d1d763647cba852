import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parse, show } from "sql-parser-cst";
import { describe, expect, test } from "vitest";
import { updateAsSelects } from "../../scripts/judge-sql/as-select.ts";
import { difference, isOrdered, multiset, without } from "../../scripts/judge-sql/compare.ts";
import { explained, reasonFor } from "../../scripts/judge-sql/explained.ts";
import { type Outcome, outcomeOf } from "../../scripts/judge-sql/wire.ts";
import { columnsOf, tables } from "./files.ts";
import { everyStatement } from "./store-story.ts";

const statements = Object.entries(everyStatement());
const parsed = (sql: string) => parse(sql, { dialect: "bigquery", paramTypes: ["@name"], includeSpaces: true });

describe.each(statements)("the statement %s", (_, sql) => {
  test("parses as BigQuery SQL, and is one SELECT, INSERT or UPDATE", () => {
    expect(parsed(sql).statements.map(({ type }) => type)).toEqual([
      expect.stringMatching(/^(?:(?:compound_)?select|insert|update)_stmt$/),
    ]);
  });

  test("names its tables in full", () => {
    const names = [...sql.matchAll(/`([^`]+)`/g)].map((found) => found[1] ?? "");
    expect(names.length).toBeGreaterThan(0);
    const known = tables.map((table) => `cloudact-testing-1.integrations.${table}`);
    known.push("cloudact-testing-1.organizations.integration_versions");
    for (const name of names) expect(known).toContain(name);
    expect(sql).not.toMatch(/\b(?:FROM|JOIN|INTO|UPDATE)\s+\w+\.\w/);
  });

  test("has WHERE, GROUP BY or HAVING beside QUALIFY, without which BigQuery refuses it", () => {
    for (const part of sql.split(/\bSELECT\b/).filter((one) => one.includes("QUALIFY")))
      expect(part.slice(0, part.indexOf("QUALIFY"))).toMatch(/\b(?:WHERE|GROUP BY|HAVING)\b/);
  });
});

test("there are as many statements as the store has methods that send one", () => {
  expect(statements.length).toBeGreaterThanOrEqual(29);
});

describe("how the second judge compares", () => {
  const column = (name: string, type = "STRING") => ({ name, type, repeated: false });
  const outcome = (rows: string[][], changed: number | null = null): Outcome => ({
    rows,
    changed,
    columns: [column("a"), column("b")],
  });
  const one = outcome([
    ["1", "x"],
    ["2", "y"],
  ]);
  const cases: Array<[string, Outcome, Outcome, boolean, string | null]> = [
    ["the same rows", one, one, true, null],
    ["the same rows in another order, where none was asked for", one, outcome(one.rows.toReversed()), false, null],
    ["the same rows in another order, where one was", one, outcome(one.rows.toReversed()), true, "row 0, a: 1 / 2"],
    ["a row less", one, outcome([["1", "x"]]), false, "rows: 2 / 1"],
    ["a row twice", one, outcome([...one.rows, ["1", "x"]]), false, "rows: 2 / 3"],
    [
      "another value",
      one,
      outcome([
        ["1", "x"],
        ["2", "NULL"],
      ]),
      false,
      "row 1, b: y / NULL",
    ],
    ["another column", one, { ...one, columns: [column("a"), column("c")] }, false, "columns: a, b / a, c"],
    ["other numbers of changed rows", outcome([], 2), outcome([], 1), false, "changed rows: 2 / 1"],
    ["a number that is not told", outcome([], 2), outcome([]), false, "changed rows: told / not told"],
  ];
  test.each(cases)("%s", (_, first, second, ordered, expected) => {
    expect(difference(first, second, ordered)).toBe(expected);
  });

  test("an order counts where the statement itself asks for it, not where a part of it does", () => {
    expect(isOrdered("SELECT a FROM t ORDER BY a LIMIT @limit")).toBe(true);
    expect(isOrdered("SELECT a FROM t QUALIFY ROW_NUMBER() OVER (PARTITION BY a ORDER BY b) = 1")).toBe(false);
  });

  test("times, JSON and lists are the same however a judge writes them", () => {
    const reply = (type: string, v: unknown, mode = "NULLABLE") =>
      outcomeOf({ jobComplete: true, schema: { fields: [{ name: "a", type, mode }] }, rows: [{ f: [{ v }] }] }).rows;
    const micros = "1787400000123000";
    expect(reply("TIMESTAMP", micros)).toEqual([[micros]]);
    expect(reply("TIMESTAMP", "1787400000.123000")).toEqual([[micros]]);
    expect(reply("TIMESTAMP", "2026-08-22T12:00:00.123Z")).toEqual([[micros]]);
    expect(reply("JSON", '{"b": 1, "a": [1, null]}')).toEqual(reply("STRING", '{"a":[1,null],"b":1}'));
    expect(reply("STRING", [{ v: "x" }, { v: "y" }], "REPEATED")).toEqual([["[x, y]"]]);
    expect(reply("STRING", null)).toEqual([["NULL"]]);
  });

  test("a refusal is never taken for an empty answer", () => {
    expect(() => outcomeOf({ error: { message: "no such table" } })).toThrow("no such table");
  });

  test("rows are taken away once each", () => {
    expect(without([["a"], ["a"], ["b"]], [["a"]])).toEqual([["a"], ["b"]]);
    expect(without([["a"]], [["a"], ["a"]])).toBeNull();
    expect(multiset([["b"], ["a"]])).toBe(multiset([["a"], ["b"]]));
  });

  test("every UPDATE … FROM of the store can be asked as SELECTs, and no other statement", () => {
    const asked = statements.flatMap(([name, sql]) => {
      const table = sql.match(/^UPDATE `[^`]*\.(\w+)`/)?.[1];
      const selects = table === undefined ? null : updateAsSelects(sql, columnsOf(table));
      if (selects === null) return [];
      for (const select of [selects.made, selects.matched])
        expect(parsed(select).statements.map(({ type }) => type)).toEqual(["select_stmt"]);
      expect([name, show(parsed(selects.made))]).not.toEqual([name, show(parsed(selects.matched))]);
      return [name];
    });
    expect(asked).toEqual(["advance_head", "advance_heads", "record_checks", "purge_deleted", "purge_superseded"]);
  });

  test("what an UPDATE … FROM becomes has the assigned values in the place of their columns", () => {
    const sql = "UPDATE `a.b.c` AS h SET y = r.n + 1, z = NULL FROM (SELECT 1 AS n) AS r WHERE h.x = r.n";
    const selects = updateAsSelects(sql, [
      { name: "x", type: "INTEGER" },
      { name: "y", type: "INTEGER" },
      { name: "z", type: "STRING" },
    ]);
    const line = (text: string | undefined) => text?.replaceAll(/\s+/g, " ");
    expect(line(selects?.made)).toBe(
      "SELECT h.x AS x, r.n + 1 AS y, NULL AS z FROM `a.b.c` AS h, (SELECT 1 AS n) AS r WHERE h.x = r.n",
    );
    expect(line(selects?.matched)).toBe(
      "SELECT h.x AS x, h.y AS y, h.z AS z FROM `a.b.c` AS h, (SELECT 1 AS n) AS r WHERE h.x = r.n",
    );
    expect([...(selects?.assigned ?? [])]).toEqual(["y"]);
  });

  test("a difference is explained only by its own reason", () => {
    expect(reasonFor("place_heads", "changed rows: told / not told")).toContain("numDmlAffectedRows");
    expect(reasonFor("place_heads", "changed rows: 1 / 2")).toBeNull();
    expect(reasonFor("place_heads", "heads then: rows: 1 / 2")).toBeNull();
  });

  test("every explained difference is told in the README of the bench", () => {
    const readme = readFileSync(join(import.meta.dirname, "../platform/README.md"), "utf8");
    const section = readme.split(/^## /m).find((part) => part.startsWith("The second judge")) ?? "";
    expect(explained.length).toBeGreaterThan(0);
    for (const { reason } of explained) expect(section).toContain(reason);
  });
});
