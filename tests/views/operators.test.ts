import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { DAY, HOUR } from "../operations/bench.ts";
import { type Shown, startViews, type ViewBench } from "./bench.ts";
import { type Life, openLife } from "./life.ts";

/* What operators ask: what has happened, what was true then, what does a key version still hold. */

const END_OF_TIME = "9999-12-31T23:59:59.999Z";
let views: ViewBench;
let life: Life;
beforeAll(async () => {
  views = await startViews();
});
afterAll(() => views.close());
beforeEach(() => {
  life = openLife();
});
afterEach(() => life.close());

const select = async (sql: string): Promise<Shown[]> => {
  await views.show(life.rows(), life.now());
  return await views.select(sql);
};
const later = (ms: number) => new Date(life.bench.clock.now() + ms).toISOString();

describe("integration_history", () => {
  const lines = async () =>
    (await select("SELECT * FROM organizations.integration_history ORDER BY happened_at, seq")).map(
      ({ type, status, key_version, actor }) => [type, status, key_version, actor],
    );

  test("tells every change that took effect and every change of status by a check, by whom, and with which key", async () => {
    await life.setUp("acme", { skip_validation: true });
    await life.check("acme", 200);
    await life.check("acme", 200);
    await life.check("acme", 500);
    await life.put("acme", { credential_name: "renamed" });
    await life.rewrap();
    await life.check("acme", 410);
    await life.rotate("acme");
    await life.put("acme", { enabled: false });
    await life.put("acme", { enabled: true });
    await life.remove("acme", later(HOUR));
    life.bench.clock.advance(2 * HOUR);
    await life.sweep();
    await life.setUp("acme");
    await life.remove("acme");
    const key = "kid000000001";
    expect(await lines()).toEqual([
      ["setup", "PENDING", "1", key],
      ["check", "VALID", null, key],
      ["update", "VALID", "1", key],
      ["rewrap", null, "2", "operator:op"],
      ["check", "EXPIRED", null, key],
      ["rotate", "VALID", "2", key],
      ["disable", "VALID", "2", key],
      ["enable", "VALID", "2", key],
      ["schedule", null, "2", key],
      ["delete", null, "2", "scheduler"],
      ["setup", "VALID", "2", key],
      ["delete", null, "2", key],
    ]);
  });

  test("a placeholder stands for no change, not even for one that is called as it is", async () => {
    await life.setUp("acme");
    await life.dieHalfWay("acme");
    const rows = life.rows();
    const dead = rows["versions"]?.[1]?.["event_id"];
    const placeholder = { ...rows["heads"]?.[0], seq: 0, event_id: dead };
    await views.show({ ...rows, heads: [...(rows["heads"] ?? []), placeholder] }, life.now());
    expect(await views.select("SELECT seq FROM organizations.integration_history")).toEqual([{ seq: 1 }]);
    expect(await views.select("SELECT status FROM organizations.integration_status_at")).toHaveLength(1);
  });

  test("leaves out what never took effect, and shows once what was inserted twice", async () => {
    await life.setUp("acme");
    await life.loseRace("acme");
    await life.repeatInsert("acme");
    await life.dieHalfWay("acme");
    await life.latePlaceholder("acme");
    expect((await lines()).map(([type]) => type)).toEqual(["setup", "update", "update"]);
  });

  test("names the request of each change, and none of a check", async () => {
    await life.setUp("acme");
    await life.check("acme", 401);
    expect(
      await select("SELECT type, request_id, seq FROM organizations.integration_history ORDER BY happened_at"),
    ).toEqual([
      { type: "setup", request_id: "00000000-0000-4000-8000-000000000001", seq: 1 },
      { type: "check", request_id: null, seq: null },
    ]);
  });
});

describe("integration_status_at", () => {
  const stretches = async () =>
    await select(
      "SELECT status, lifecycle, credential_id, valid_from, valid_to FROM organizations.integration_status_at ORDER BY valid_from",
    );
  const short = async () => (await stretches()).map(({ status, lifecycle }) => [status, lifecycle]);
  const id = async () => (await life.bench.head("acme")).credential_id;

  test("is one row until further notice for what never changed", async () => {
    const at = life.now();
    await life.setUp("acme");
    expect(await stretches()).toEqual([
      { status: "VALID", lifecycle: "active", credential_id: await id(), valid_from: at, valid_to: END_OF_TIME },
    ]);
  });

  test("each stretch begins where the one before ends", async () => {
    await life.setUp("acme");
    await life.check("acme", 401);
    const refused = life.now();
    await life.rotate("acme");
    const rows = await stretches();
    expect(rows.map(({ status }) => status)).toEqual(["VALID", "INVALID", "VALID"]);
    expect(rows.map(({ valid_from }) => valid_from).slice(1)).toEqual(
      rows.map(({ valid_to }) => valid_to).slice(0, -1),
    );
    expect(rows[2]).toMatchObject({ valid_from: refused, credential_id: await id() });
  });

  const cases: Array<[string, () => Promise<void>, string[][]]> = [
    ["a rename is no new stretch", () => life.put("acme", { credential_name: "x" }), [["VALID", "active"]]],
    ["a check that finds the same is none", () => life.check("acme", 200), [["VALID", "active"]]],
    ["a check without an answer is none", () => life.check("acme", 500), [["VALID", "active"]]],
    ["sealing anew is none", () => life.rewrap(), [["VALID", "active"]]],
    ["a lost race is none", () => life.loseRace("acme"), [["VALID", "active"]]],
    ["a change that died half-way is none", () => life.dieHalfWay("acme"), [["VALID", "active"]]],
    [
      "disabled is told beside the status",
      async () => {
        await life.put("acme", { enabled: false });
        await life.put("acme", { enabled: true });
      },
      [
        ["VALID", "active"],
        ["VALID", "disabled"],
        ["VALID", "active"],
      ],
    ],
    [
      "disabled together with a new credential is known of the newest change",
      () => life.rotate("acme", { enabled: false }),
      [
        ["VALID", "active"],
        ["VALID", "disabled"],
      ],
    ],
    [
      "deleted is not configured, until set up anew",
      async () => {
        await life.remove("acme");
        await life.setUp("acme", { skip_validation: true });
      },
      [
        ["VALID", "active"],
        ["NOT_CONFIGURED", "not_configured"],
        ["PENDING", "pending"],
      ],
    ],
    [
      "a deactivation counts from its time, not from the sweep's",
      async () => {
        await life.remove("acme", later(HOUR));
        life.bench.clock.advance(5 * HOUR);
        await life.sweep();
      },
      [
        ["VALID", "active"],
        ["NOT_CONFIGURED", "not_configured"],
      ],
    ],
    [
      "one that has passed counts before any sweep",
      async () => {
        await life.remove("acme", later(HOUR));
        life.bench.clock.advance(HOUR);
      },
      [
        ["VALID", "active"],
        ["NOT_CONFIGURED", "not_configured"],
      ],
    ],
    ["one to come does not", () => life.remove("acme", later(DAY)), [["VALID", "active"]]],
  ];
  test.each(cases)("%s", async (_, happens, expected) => {
    await life.setUp("acme");
    await happens();
    expect(await short()).toEqual(expected);
  });

  test("a deactivation counts from its time to the minute", async () => {
    await life.setUp("acme");
    const at = later(HOUR);
    await life.remove("acme", at);
    life.bench.clock.advance(5 * HOUR);
    await life.sweep();
    expect((await stretches())[1]).toMatchObject({ valid_from: at, valid_to: END_OF_TIME, credential_id: null });
  });

  test("a check of a credential that was replaced meanwhile says nothing of the one that replaced it", async () => {
    await life.setUp("acme");
    const before = life.rows();
    await life.rotate("acme");
    await life.check("acme", 401);
    const rows = life.rows();
    const old = before["heads"]?.[0]?.["credential_id"];
    const late = rows["validations"]?.map((row) => ({ ...row, credential_id: old }));
    await views.show({ ...rows, validations: late ?? [] }, life.now());
    const shown = await views.select("SELECT status FROM organizations.integration_status_at ORDER BY valid_from");
    expect(shown).toEqual([{ status: "VALID" }, { status: "VALID" }]);
  });

  test("a rename after a refusal leaves it refused, even where it had read it before and answered VALID", async () => {
    await life.setUp("acme");
    await life.check("acme", 401);
    await life.put("acme", { credential_name: "x" });
    const rows = life.rows();
    const answered = rows["versions"]?.[0]?.["result"];
    const stale = rows["versions"]?.map((row) => ({ ...row, result: answered })) ?? [];
    await views.show({ ...rows, versions: stale }, life.now());
    const shown = await views.select("SELECT status FROM organizations.integration_status_at ORDER BY valid_from");
    expect(shown).toEqual([{ status: "VALID" }, { status: "INVALID" }]);
  });

  test("of what happened at the same time the last counts, a check after a change", async () => {
    await life.setUp("acme");
    await life.put("acme", { enabled: false });
    await life.check("acme", 401);
    const rows = life.rows();
    const at = "2026-08-22T12:30:00.000Z";
    const versions = rows["versions"]?.map((row) => ({ ...row, changed_at: at })) ?? [];
    const validations = rows["validations"]?.map((row) => ({ ...row, checked_at: at })) ?? [];
    await views.show({ ...rows, versions, validations }, life.now());
    const shown = await views.select(
      "SELECT status, lifecycle, valid_from, valid_to FROM organizations.integration_status_at",
    );
    expect(shown).toEqual([{ status: "INVALID", lifecycle: "disabled", valid_from: at, valid_to: END_OF_TIME }]);
  });

  test("a credential whose version does not say its status is PENDING until it is checked", async () => {
    await life.setUp("acme");
    const rows = life.rows();
    const versions = rows["versions"]?.map((row) => ({ ...row, result: null })) ?? [];
    await views.show({ ...rows, versions }, life.now());
    const shown = await views.select("SELECT status, lifecycle FROM organizations.integration_status_at");
    expect(shown).toEqual([{ status: "PENDING", lifecycle: "pending" }]);
  });

  const ends: Array<[string, () => Promise<void>]> = [
    ["a delete", () => life.remove("acme")],
    [
      "its deactivation",
      async () => {
        await life.remove("acme", later(HOUR));
        life.bench.clock.advance(2 * HOUR);
      },
    ],
  ];
  test.each(ends)("a check after %s does not bring it back", async (_, end) => {
    await life.setUp("acme");
    await life.check("acme", 401);
    const checks = life.rows()["validations"] ?? [];
    await end();
    const late = checks.map((row) => ({ ...row, checked_at: later(0) }));
    await views.show({ ...life.rows(), validations: late }, later(HOUR));
    const shown = await views.select("SELECT status FROM organizations.integration_status_at ORDER BY valid_from");
    expect(shown).toEqual([{ status: "VALID" }, { status: "NOT_CONFIGURED" }]);
  });

  test("where an instance's clock was behind, the order of the changes decides", async () => {
    await life.setUp("acme");
    await life.remove("acme");
    const rows = life.rows();
    const skewed = rows["versions"]?.map((row) =>
      row["op"] === "delete" ? { ...row, changed_at: "2026-08-22T11:59:58.000Z" } : row,
    );
    await views.show({ ...rows, versions: skewed ?? [] }, life.now());
    const shown = await views.select("SELECT status, valid_to FROM organizations.integration_status_at");
    expect(shown).toEqual([{ status: "NOT_CONFIGURED", valid_to: END_OF_TIME }]);
  });
});

describe("integration_key_versions", () => {
  const counts = async () =>
    (await select("SELECT * FROM organizations.integration_key_versions ORDER BY key_version")).map(
      ({ key_version, current_secrets, other_secrets, purged_secrets }) => [
        key_version,
        current_secrets,
        other_secrets,
        purged_secrets,
      ],
    );

  test("moves from one version to the next by rewrap and sweep, until nothing is left", async () => {
    await life.setUp("acme");
    await life.setUp("globex");
    await life.put("acme", { credential_name: "a new name seals nothing" });
    expect(await counts()).toEqual([["1", 2, 0, 0]]);
    await life.rewrap();
    expect(await counts()).toEqual([
      ["1", 0, 2, 0],
      ["2", 2, 0, 0],
    ]);
    life.bench.clock.advance(2 * DAY);
    await life.sweep();
    expect(await counts()).toEqual([
      ["1", 0, 0, 2],
      ["2", 2, 0, 0],
    ]);
  });

  test("a disabled secret is in use, a deleted one is not", async () => {
    await life.setUp("acme");
    await life.setUp("globex");
    await life.put("acme", { enabled: false });
    await life.remove("globex");
    expect(await counts()).toEqual([["1", 1, 1, 0]]);
  });

  test("what never took effect is held all the same, and what was inserted twice is held once", async () => {
    await life.setUp("acme");
    await life.dieHalfWay("acme");
    const rows = life.rows();
    await views.show({ ...rows, versions: [...(rows["versions"] ?? []), ...(rows["versions"] ?? [])] }, life.now());
    expect(
      await views.select(
        "SELECT current_secrets, other_secrets, purged_secrets FROM organizations.integration_key_versions",
      ),
    ).toEqual([{ current_secrets: 1, other_secrets: 1, purged_secrets: 0 }]);
  });

  test("of two rows of a pair the one of the higher seq counts", async () => {
    await life.setUp("acme");
    const older = (life.rows()["heads"] ?? []).map((row) => ({ ...row, deactivation_scheduled_at: later(0) }));
    await life.rotate("acme", { enabled: false });
    const newer = life.rows();
    for (const heads of [
      [...older, ...(newer["heads"] ?? [])],
      [...(newer["heads"] ?? []), ...older],
    ]) {
      await views.show({ ...newer, heads }, life.now());
      expect(
        await views.select("SELECT current_secrets, other_secrets FROM organizations.integration_key_versions"),
      ).toEqual([{ current_secrets: 1, other_secrets: 1 }]);
      expect(
        await views.select("SELECT lifecycle FROM organizations.integration_status_at ORDER BY valid_from"),
      ).toEqual([{ lifecycle: "active" }, { lifecycle: "disabled" }]);
    }
  });

  test("two rows of one head, as a repeated placeholder leaves them, are one", async () => {
    await life.setUp("acme");
    const rows = life.rows();
    const twice = (table: string) => [...(rows[table] ?? []), ...(rows[table] ?? [])];
    await views.show({ ...rows, heads: twice("heads") }, life.now());
    expect(await views.select("SELECT current_secrets FROM organizations.integration_key_versions")).toEqual([
      { current_secrets: 1 },
    ]);
    expect(await views.select("SELECT type FROM organizations.integration_history")).toHaveLength(1);
    expect(await views.select("SELECT status FROM organizations.integration_status_at")).toHaveLength(1);
  });

  test("a secret whose row does not say its version is counted apart", async () => {
    await life.setUp("acme");
    const rows = life.rows();
    await views.show(
      { ...rows, versions: rows["versions"]?.map((row) => ({ ...row, key_version: null })) ?? [] },
      life.now(),
    );
    expect(
      await views.select("SELECT key_version, current_secrets FROM organizations.integration_key_versions"),
    ).toEqual([{ key_version: null, current_secrets: 1 }]);
  });
});

describe("integration_versions", () => {
  test("has a row for every version, without effect or twice as it may be", async () => {
    await life.setUp("acme");
    await life.dieHalfWay("acme");
    await life.repeatInsert("acme");
    const shown = await select("SELECT * FROM organizations.integration_versions ORDER BY changed_at");
    expect(shown.map(({ op, seq }) => [op, seq])).toEqual([
      ["setup", 1],
      ["setup", 2],
      ["update", 2],
      ["update", 2],
    ]);
  });
});
