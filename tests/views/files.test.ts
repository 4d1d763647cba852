import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parse as parseSql } from "sql-parser-cst";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parse as parseYaml } from "yaml";
import { z } from "zod";
import { startViews, type ViewBench } from "./bench.ts";
import { columnsOf, datasets, exampleOf, partsOf, project, queryOf, tables, templateOf, views } from "./files.ts";
import { type Life, openLife } from "./life.ts";

/* What holds for every file in configs/setup/bootstrap/views, and who may read what through them. */

const read = (path: string) => readFileSync(join(import.meta.dirname, "../..", path), "utf8");
const rights = z
  .object({ functions: z.record(z.string(), z.object({ tables: z.record(z.string(), z.string()) })) })
  .parse(parseYaml(read("configs/functions.yml"))).functions;

let bench: ViewBench;
let life: Life;
beforeAll(async () => {
  bench = await startViews();
  life = openLife();
  await life.setUp("acme", { metadata: { label: "costs" } });
  await life.rotate("acme");
  await life.check("acme", 401);
  await bench.show(life.rows(), life.now());
});
afterAll(async () => {
  life.close();
  await bench.close();
});

test("the views are those that the documents name", () => {
  expect(views).toEqual([
    "integration_audit",
    "integration_decrypts",
    "integration_history",
    "integration_key_versions",
    "integration_status_at",
    "integration_versions",
    "org_integration_credentials",
  ]);
});

describe.each(views)("%s", (view) => {
  test("parses as BigQuery SQL, and is a query alone", () => {
    const { statements } = parseSql(queryOf(view), { dialect: "bigquery", includeComments: true });
    expect(statements.map(({ type }) => type)).toEqual([expect.stringMatching(/^(?:compound_)?select_stmt$/)]);
  });

  test("names tables by placeholders only, and in full", () => {
    const sources = [...partsOf(view).query.matchAll(/\b(?:FROM|JOIN)\s+(`[^`]+`)/g)].map((found) => found[1] ?? "");
    expect(sources.length).toBeGreaterThan(0);
    for (const source of sources) expect(source).toMatch(/^`\$\{project\}\.\$\{(?:integrations|audit)\}\.[a-z_]+`$/);
  });

  test("holds nothing else that Terraform's templatefile would take for its own", () => {
    expect(templateOf(view).replaceAll(/\$\{(?:project|integrations|organizations|audit)\}/g, "")).not.toMatch(
      /[$%]\{/,
    );
  });

  test("has WHERE, GROUP BY or HAVING beside QUALIFY, without which BigQuery refuses it", () => {
    const parts = partsOf(view)
      .query.split(/\bSELECT\b/)
      .filter((part) => part.includes("QUALIFY"));
    for (const part of parts) expect(part.slice(0, part.indexOf("QUALIFY"))).toMatch(/\b(?:WHERE|GROUP BY|HAVING)\b/);
  });

  test("names every column that it shows", () => {
    const last = partsOf(view)
      .query.split(/^SELECT\b/m)
      .slice(1);
    expect(last.length).toBeGreaterThan(0);
    for (const select of last) expect(select.slice(0, select.indexOf("FROM"))).not.toContain("*");
  });

  test("says in its header what it answers, with an example that runs", async () => {
    const example = exampleOf(view);
    expect(example).toMatch(/^SELECT [\s\S]*organizations\.\w+`/);
    expect(() => parseSql(example, { dialect: "bigquery" })).not.toThrow();
    await bench.select(example);
  });
});

describe("ciphertext", () => {
  const hidden = () =>
    (life.rows()["versions"] ?? []).map((row) => Buffer.from(row["encrypted_credential"] as Uint8Array));
  /** Whether anything of a table or view holds one of the ciphertexts, whatever its column is called. */
  const holds = async (name: string) => {
    const rows = await bench.select(`SELECT * FROM \`${project}.${name}\``);
    const text = rows
      .flatMap((row) => Object.values(row))
      .map((value) => (Buffer.isBuffer(value) ? value.toString("base64") : JSON.stringify(value)))
      .join("\n");
    return hidden().some((sealed) =>
      [text].some((all) => all.includes(sealed.toString("base64")) || all.includes(sealed.toString("hex"))),
    );
  };
  const nameOf = (table: string) =>
    `${views.includes(table) ? datasets.organizations : datasets.integrations}.${table}`;

  test("stands in one table and shows in one view", async () => {
    const found: string[] = [];
    for (const name of [...tables, ...views].map(nameOf)) if (await holds(name)) found.push(name);
    expect(found).toEqual(["integrations.versions", "organizations.org_integration_credentials"]);
  });

  test.each(["list", "get", "delete"])("is nowhere in what %s may read", async (fn) => {
    const readable = Object.entries(rights[fn]?.tables ?? {}).filter(([, action]) => action !== "append");
    expect(readable.length).toBeGreaterThan(1);
    for (const [table] of readable) {
      expect([table, await holds(nameOf(table))]).toEqual([table, false]);
      if (tables.includes(table))
        expect(columnsOf(table).map(({ name }) => name)).not.toContain("encrypted_credential");
    }
  });

  test("is read by those that may decrypt, and by nobody else", async () => {
    const readers: string[] = [];
    for (const [fn, { tables: named }] of Object.entries(rights))
      for (const [table, action] of Object.entries(named))
        if (action !== "append" && (await holds(nameOf(table)))) readers.push(fn);
    expect(readers.sort()).toEqual(["decrypt", "revalidate", "validate"]);
  });

  test("every table and view that a function may read is there", () => {
    const named = new Set(Object.values(rights).flatMap(({ tables: of }) => Object.keys(of)));
    expect([...named].filter((table) => !tables.includes(table) && !views.includes(table))).toEqual([]);
  });
});

test("integration_versions shows the columns of versions.json, in their order, but the ciphertext", async () => {
  const [row] = await bench.select(`SELECT * FROM \`${project}.organizations.integration_versions\``);
  const expected = columnsOf("versions").map(({ name }) => name);
  expect(Object.keys(row ?? {})).toEqual(expected.filter((name) => name !== "encrypted_credential"));
});
