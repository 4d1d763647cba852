import type { Query } from "@google-cloud/bigquery";
import { beforeAll, describe, expect, test } from "vitest";
import { cas, clientOf, failure, HEADS, READ, read, type Seen, useBigQuery, VERSIONS, VIEW } from "./bench.ts";
import type { BigQuerySim } from "./start.ts";

const bench = useBigQuery();
const { ask, another } = bench;

describe("permissions", () => {
  const setup = "int-setup@cloudact-testing-1.iam.gserviceaccount.com";
  const rights: Record<string, readonly string[]> = {
    "integrations.heads": ["read", "change", "append"],
    "integrations.versions": ["append"],
    "organizations.integration_versions": ["read"],
    "cloudact-testing-1": ["jobs.create"],
  };
  const cases: [string, Query, Seen | null][] = [
    ["reads what it may read", read("acme"), null],
    ["changes what it may change", cas("acme", 0, "e"), null],
    [
      "reads through an authorised view without a right on its table",
      { query: `SELECT COUNT(*) AS n FROM ${VIEW}` },
      null,
    ],
    [
      "cannot read the table behind the view",
      { query: `SELECT COUNT(*) AS n FROM ${VERSIONS}` },
      {
        code: 403,
        reason: "accessDenied",
        message: expect.stringContaining("Access Denied: Table cloudact-testing-1:integrations.versions"),
      },
    ],
    [
      "cannot read it in a subquery",
      { query: `SELECT 1 AS n FROM ${HEADS} WHERE seq IN (SELECT seq FROM ${VERSIONS})` },
      { code: 403 },
    ],
    [
      "cannot read it in a WITH clause",
      { query: `WITH v AS (SELECT * FROM ${VERSIONS}) SELECT COUNT(*) AS n FROM v` },
      { code: 403 },
    ],
    [
      "cannot read it in a join",
      { query: `SELECT COUNT(*) AS n FROM ${HEADS} h JOIN ${VERSIONS} v USING (event_id)` },
      { code: 403 },
    ],
    [
      "cannot read it while writing elsewhere",
      { query: `UPDATE ${HEADS} h SET event_id = v.event_id FROM ${VERSIONS} v WHERE h.seq = v.seq` },
      { code: 403 },
    ],
    [
      "cannot read what it may append to by an INSERT into elsewhere",
      { query: `INSERT INTO ${HEADS} SELECT * FROM ${VERSIONS}` },
      { code: 403 },
    ],
    [
      "cannot read it under another spelling",
      { query: "SELECT COUNT(*) AS n FROM `cloudact-testing-1`.integrations.`versions`" },
      { code: 403 },
    ],
    [
      "cannot change what it may append to",
      { query: `UPDATE ${VERSIONS} SET result = NULL WHERE TRUE` },
      { code: 403, message: expect.stringContaining("bigquery.tables.updateData denied") },
    ],
    ["cannot delete", { query: `DELETE FROM ${VERSIONS} WHERE TRUE` }, { code: 403 }],
    [
      "cannot merge",
      {
        query: `MERGE ${VERSIONS} v USING (SELECT 'e' AS event_id) s ON v.event_id = s.event_id WHEN MATCHED THEN DELETE`,
      },
      { code: 403 },
    ],
    ["cannot empty a table", { query: `TRUNCATE TABLE ${VERSIONS}` }, { code: 403 }],
    [
      "cannot drop a table",
      { query: `DROP TABLE ${HEADS}` },
      { code: 403, message: expect.stringContaining("bigquery.tables.create denied") },
    ],
    ["cannot alter one", { query: `ALTER TABLE ${HEADS} ADD COLUMN more STRING` }, { code: 403 }],
    ["cannot create a dataset", { query: "CREATE SCHEMA mine" }, { code: 403 }],
    ["cannot run text that is made in the statement", { query: `EXECUTE IMMEDIATE 'SELECT * FROM x'` }, { code: 400 }],
    ["cannot run a script", { query: `SELECT 1; SELECT * FROM ${HEADS}` }, { code: 400 }],
    [
      "cannot create a view of its own",
      { query: `CREATE VIEW \`cloudact-testing-1.integrations.mine\` AS SELECT 1 AS n` },
      { code: 403 },
    ],
    [
      "cannot ask for what it does not name rightly either",
      { query: "SELECT 1 FROM `elsewhere.integrations.versions`" },
      { code: 403 },
    ],
  ];
  let sim: BigQuerySim;
  beforeAll(async () => {
    sim = await another({
      allows: (identity, { service, resource, action }) =>
        identity === setup && service === "bigquery" && (rights[resource] ?? []).includes(action),
    });
  });

  test.each(cases)("a caller %s", async (_, query, refused) => {
    const seen = await ask(query, {}, clientOf(sim, setup));
    if (refused === null) expect(seen.code).toBeUndefined();
    else expect(seen).toMatchObject(refused);
  });

  test("a caller without a token of the bench is 401, one without any right 403 on jobs.create", async () => {
    expect(await ask(read("acme"), {}, clientOf(sim, null))).toMatchObject({ code: 401 });
    expect(
      await ask(read("acme"), {}, clientOf(sim, "int-other@cloudact-testing-1.iam.gserviceaccount.com")),
    ).toMatchObject({ code: 403, reason: "accessDenied", message: expect.stringContaining("bigquery.jobs.create") });
  });

  test("tables are described, listed, streamed to and created by those who may", async () => {
    const by = clientOf(sim, setup);
    const heads = by.dataset("integrations").table("heads");
    const asked = [
      heads.getMetadata(),
      heads.getRows(),
      by.dataset("integrations").createTable("mine", {}),
      by.dataset("integrations").table("versions").getRows(),
    ];
    const seen = await Promise.all(asked.map((one) => one.then(() => ({ code: 200 }), failure)));
    expect(seen.map((one) => one.code)).toEqual([403, 200, 403, 403]);
  });

  test("a job is shown to the caller who started it", async () => {
    const [job] = await clientOf(sim, setup).createQueryJob({ ...read("acme"), location: "US" });
    const other = clientOf(sim, "int-other@cloudact-testing-1.iam.gserviceaccount.com").job(job.id ?? "", {
      location: "US",
    });
    expect(await other.getQueryResults().then(() => ({}), failure)).toMatchObject({
      code: 403,
      reason: "accessDenied",
    });
    expect((await job.getQueryResults())[0]).toEqual([]);
    const elsewhere = clientOf(sim, setup).job(job.id ?? "", { location: "EU" });
    expect(await elsewhere.getMetadata().then(() => ({}), failure)).toMatchObject({ code: 404 });
  });

  const UPDATE = `UPDATE ${HEADS} SET event_id = 'e' WHERE FALSE`;

  test("what arrived is known by text, kind, caller and tables, in order", async () => {
    await sim.reset();
    await ask({ ...read("acme"), labels: { statement: "read" } }, {}, clientOf(sim, setup));
    await ask(
      { query: `INSERT INTO ${VERSIONS} (event_id) SELECT event_id FROM ${VIEW} WHERE FALSE` },
      {},
      clientOf(sim, setup),
    );
    await ask({ query: UPDATE }, {}, clientOf(sim, setup));
    expect(sim.statements()).toEqual([
      {
        sql: READ,
        kind: "SELECT",
        identity: setup,
        tables: [{ name: "integrations.heads", action: "read" }],
        labels: { statement: "read" },
      },
      {
        sql: expect.stringContaining("INSERT"),
        kind: "INSERT",
        identity: setup,
        tables: [
          { name: "integrations.versions", action: "append" },
          { name: "organizations.integration_versions", action: "read" },
        ],
        labels: {},
      },
      {
        sql: UPDATE,
        kind: "UPDATE",
        identity: setup,
        tables: [
          { name: "integrations.heads", action: "change" },
          { name: "integrations.heads", action: "read" },
        ],
        labels: {},
      },
    ]);
  });
});
