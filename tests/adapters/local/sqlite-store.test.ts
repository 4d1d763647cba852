import { spawn } from "node:child_process";
import { randomBytes, randomUUID } from "node:crypto";
import { once } from "node:events";
import { cpSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { openSqliteStore } from "../../../shared/adapters/local/sqlite-store.ts";
import * as rows from "../../../shared/adapters/stored/rows.ts";
import type { CredentialStore } from "../../../shared/ports/credential-store.ts";
import type { GrantStore, OrgKeyStore } from "../../../shared/ports/key-registry.ts";
import { change, check, headColumns, hour, minute, T0, validation, version } from "../../ports/stored-rows.ts";
import { freshHome, schemasFolder } from "./fresh-home.ts";

/** A process that holds the write lock for 3 s and says when it has it. */
const HOLD = `import { DatabaseSync } from "node:sqlite";
const database = new DatabaseSync(process.argv[1], { timeout: 5000 });
database.exec("BEGIN IMMEDIATE");
console.log("held");
setTimeout(() => database.exec("COMMIT"), 3000);`;
const pair = { org_slug: "acme", provider: "OPENAI" };
const nothing = { idempotencyKeyHash: null, eventId: null, now: T0 };

describe("the SQLite store on its own", () => {
  let home: string;
  let remove: () => void;
  let file: string;
  let store: CredentialStore & OrgKeyStore & GrantStore;
  let behind: DatabaseSync;
  const sent: string[] = [];
  const corrupt: string[] = [];
  beforeEach(() => {
    ({ home, remove } = freshHome());
    file = join(home, "store.db");
    sent.length = 0;
    corrupt.length = 0;
    store = openSqliteStore({
      file,
      schemasFolder,
      onStatement: (name) => sent.push(name),
      onCorrupt: (row) => corrupt.push(`${row.statement} ${row.org_slug} ${row.provider}`),
    });
    behind = new DatabaseSync(file, { timeout: 0 });
  });
  afterEach(() => {
    store.close();
    if (behind.isOpen) behind.close();
    remove();
  });

  test("every file of it is for its owner alone, also where it was open before", async () => {
    await change(store, pair);
    const modes = readdirSync(home).map((name) => [name, statSync(join(home, name)).mode & 0o777]);
    expect(modes.sort()).toEqual([
      ["store.db", 0o600],
      ["store.db-shm", 0o600],
      ["store.db-wal", 0o600],
    ]);
  });

  test("what is acknowledged is flushed: WAL, synchronous FULL", () => {
    expect(behind.prepare("PRAGMA journal_mode").get()).toEqual({ journal_mode: "wal" });
    const source = readFileSync(join(import.meta.dirname, "../../../shared/adapters/local/sqlite-database.ts"), "utf8");
    expect(source).toContain("PRAGMA synchronous = FULL");
  });

  test.each([
    ["heads", rows.headColumns],
    ["versions", rows.versionColumns],
    ["validations", rows.validationColumns],
    ["org_keys", rows.orgKeyColumns],
    ["decrypt_grants", rows.grantColumns],
  ])("the rows of %s have the columns of its schema file, in its order, of its kinds", (table, columns) => {
    const schema: Array<{ name: string; type: string; mode: string }> = JSON.parse(
      readFileSync(join(schemasFolder, `${table}.json`), "utf8"),
    );
    const kinds: Record<string, string> = {
      STRING: "text",
      TIMESTAMP: "time",
      INTEGER: "integer",
      BOOLEAN: "flag",
      BYTES: "bytes",
      JSON: "json",
    };
    expect(Object.entries(columns)).toEqual(
      schema.map(({ name, type, mode }) => [name, mode === "REPEATED" ? "list" : kinds[type]]),
    );
  });

  test("no table has a key or a unique index: one current head is what the protocol gives", () => {
    const unique = behind
      .prepare(
        "SELECT m.name FROM sqlite_schema m, pragma_index_list(m.name) i WHERE m.type = 'table' AND (i.\"unique\" OR i.origin <> 'c')",
      )
      .all();
    expect(unique).toEqual([]);
  });

  test("every method is one statement", async () => {
    const head = await change(store, pair);
    const made = version(pair, { seq: 2, prev_event_id: head.event_id });
    const set = headColumns();
    const grant = {
      grant_id: "g",
      subject: "s",
      org_slugs: ["acme"],
      providers: ["*"],
      created_at: T0,
      created_by: "o",
      expires_at: hour(1),
      revoked_at: null,
      revoked_by: null,
    };
    const key = {
      key_id: "k",
      org_slug: "acme",
      environment: "local",
      scope: "read" as const,
      name: null,
      key_hmac: randomBytes(32),
      pepper_version: "1",
      legacy: false,
      created_at: T0,
      created_by: "o",
      expires_at: null,
      revoked_at: null,
      revoked_by: null,
    };
    const many = Array.from({ length: 100 }, (_, index) => ({ org_slug: "acme", provider: `custom-${index}` }));
    const calls: Array<[string, () => Promise<unknown>]> = [
      ["read_head", () => store.readHead(pair)],
      ["read_heads", () => store.readHeads("acme")],
      ["read_holders", () => store.readHolders("OPENAI", "0a1b2c3d")],
      ["read_sealed", () => store.readSealed(pair)],
      ["read_opening", () => store.readOpening(pair, { ...nothing, idempotencyKeyHash: "k", eventId: "e" })],
      [
        "read_openings",
        () =>
          store.readOpenings(
            many.map((one) => ({ ...one, idempotencyKeyHash: "k", eventId: "e" })),
            T0,
          ),
      ],
      ["place_heads", () => store.placeHeads(many, T0)],
      [
        "append_versions",
        () => store.appendVersions([made, ...many.map((one) => version(one, { seq: 1, prev_event_id: null }))]),
      ],
      ["advance_head", () => store.advanceHead({ ...pair, expected_seq: 1, event_id: made.event_id, set })],
      [
        "advance_heads",
        () => store.advanceHeads(many.map((one) => ({ ...one, expected_seq: 0, event_id: randomUUID(), set }))),
      ],
      ["read_history", () => store.readHistory(pair, { limit: 10, before: null })],
      ["read_due", () => store.readDue({ now: T0, limit: 10, org: null, shard: { index: 0, count: 2 }, after: null })],
      ["append_validations", () => store.appendValidations([validation(head), validation(head)])],
      ["record_checks", () => store.recordChecks([check(head), check(head, { credential_id: "other" })])],
      ["read_taken", () => store.readTaken([check(head), check(head, { credential_id: "other" })])],
      ["mark_reported", () => store.markReported(head.credential_id, T0)],
      ["read_due_deactivations", () => store.readDueDeactivations(T0, 10, null)],
      ["purge_deleted", () => store.purgeDeleted()],
      ["purge_superseded", () => store.purgeSuperseded(T0)],
      ["count_by_key_version", () => store.countByKeyVersion()],
      ["read_sealed_elsewhere", () => store.readSealedElsewhere({ keyVersion: "2", limit: 10, after: null })],
      ["add_key", () => store.addKey(key)],
      ["find_key", () => store.findKey("k")],
      ["list_keys", () => store.listKeys("acme")],
      ["revoke_key", () => store.revokeKey("k", T0, "o")],
      ["add_grant", () => store.addGrant(grant)],
      ["grants_of", () => store.grantsOf("s")],
      ["list_grants", () => store.listGrants("acme")],
      ["revoke_grant", () => store.revokeGrant("g", T0, "o")],
    ];
    for (const [name, call] of calls) {
      sent.length = 0;
      await call();
      expect(sent).toEqual([name]);
    }
    const methods = Object.keys(store).filter((name) => name !== "close");
    expect(calls).toHaveLength(methods.length);
  });

  describe("a row that is not what it must be", () => {
    const readers: Array<[string, () => Promise<unknown>]> = [
      ["readHead", () => store.readHead(pair)],
      ["readSealed", () => store.readSealed(pair)],
      ["readOpening", () => store.readOpening(pair, nothing)],
    ];
    const damages: Array<[string, string]> = [
      ["metadata that is no JSON", "metadata = '{oops canary'"],
      ["metadata that is a list", "metadata = '[]'"],
      ["an unknown status", "validation_status = 'GOOD'"],
      ["an unknown op", "op = 'steal'"],
      ["a time that is none", "next_due_at = '2020-13-45'"],
      ["a flag that is neither", "enabled = 2"],
      ["a negative count", "consecutive_failures = -1"],
    ];

    test.each(damages)("%s is an integrity fault for that row, and the others are read", async (_, damage) => {
      await change(store, pair, { head: { next_due_at: T0, deactivation_scheduled_at: hour(1) } });
      const good = await change(
        store,
        { org_slug: "acme", provider: "GEMINI" },
        { head: { next_due_at: T0, deactivation_scheduled_at: hour(1) } },
      );
      behind.exec(`UPDATE heads SET ${damage} WHERE provider = 'OPENAI'`);
      for (const [, read] of readers) {
        const fault: Error = await read().then(
          () => new Error("was read"),
          (error) => error,
        );
        expect(fault).toMatchObject({ code: "integrity" });
        expect(`${fault.message} ${String(fault.cause)}`).not.toMatch(/canary|SELECT|oops/);
      }
      expect(await store.readHeads("acme")).toEqual({ heads: [good], corrupt: ["OPENAI"] });
      expect(corrupt).toEqual(["read_heads acme OPENAI"]);
      expect(
        (await store.readDue({ now: minute(1), limit: 10, org: null, shard: null, after: null })).rows.map(
          (row) => row.head,
        ),
      ).toEqual([good]);
      expect(
        (await store.readDueDeactivations(hour(2), 10, null)).filter((head) => head.provider === "GEMINI"),
      ).toEqual([good]);
    });

    test("two heads of one pair with one seq and different events are an integrity fault for that pair", async () => {
      await change(store, pair);
      const good = await change(store, { org_slug: "acme", provider: "GEMINI" });
      behind.exec(
        "CREATE TEMP TABLE twin AS SELECT * FROM heads WHERE provider = 'OPENAI'; UPDATE twin SET event_id = 'another'; INSERT INTO heads SELECT * FROM twin",
      );
      for (const [, read] of readers) await expect(read()).rejects.toMatchObject({ code: "integrity" });
      expect(await store.readHeads("acme")).toEqual({ heads: [good], corrupt: ["OPENAI"] });
      expect(corrupt).toEqual(["read_heads acme OPENAI"]);
    });

    test.each([
      ["of unknown outcome", '{"outcome":"canary"}'],
      ["that is no JSON", "canary"],
      ["that is a list", "[]"],
      ["that lacks its details", '{"outcome":"valid"}'],
    ])("a verdict %s is read as none, and the next check writes a readable one", async (_, damage) => {
      const head = await change(store, pair, { head: { next_due_at: T0 } });
      behind.prepare("UPDATE heads SET verdict = ?").run(damage);
      const without = { ...head, verdict: null };
      expect(await store.readHead(pair)).toEqual(without);
      expect((await store.readSealed(pair))?.head).toEqual(without);
      expect((await store.readOpening(pair, nothing)).head).toEqual(without);
      expect(await store.readHeads("acme")).toEqual({ heads: [without], corrupt: [] });
      const due = await store.readDue({ now: minute(1), limit: 10, org: null, shard: null, after: null });
      expect(due.rows.map((row) => row.head)).toEqual([without]);
      expect(await store.recordChecks([check(without)])).toBe(1);
      expect((await store.readHead(pair))?.verdict).toEqual(head.verdict);
      expect(corrupt).toEqual([]);
    });

    test("two identical heads of one pair are no fault", async () => {
      const head = await change(store, pair);
      behind.exec("INSERT INTO heads SELECT * FROM heads");
      expect(await store.readHead(pair)).toEqual(head);
      expect(await store.readHeads("acme")).toEqual({ heads: [head], corrupt: [] });
    });

    test("two placeholders are no fault, whatever made them", async () => {
      await store.placeHeads([pair], T0);
      behind.exec("INSERT INTO heads SELECT * FROM heads; UPDATE heads SET event_id = 'another' WHERE rowid = 1");
      expect((await store.readOpening(pair, nothing)).head?.seq).toBe(0);
    });

    test("a replay whose kept answer cannot be read is an integrity fault", async () => {
      await change(store, pair, {
        version: { idempotency_key_hash: "k", result: { status: 200, body: {}, etag: "e" } },
      });
      behind.exec("UPDATE versions SET result = '{oops'");
      await expect(store.readOpening(pair, { ...nothing, idempotencyKeyHash: "k" })).rejects.toMatchObject({
        code: "integrity",
      });
      expect((await store.readHistory(pair, { limit: 5, before: null })).items).toHaveLength(1);
    });

    test("a page of due rows none of which can be read still leads to the next one", async () => {
      for (const name of ["custom-a", "custom-b", "custom-c"])
        await change(store, { org_slug: "acme", provider: name }, { head: { next_due_at: T0 } });
      behind.exec("UPDATE heads SET metadata = 'x'");
      const first = await store.readDue({ now: minute(1), limit: 2, org: null, shard: null, after: null });
      expect([first.rows, first.due_total, first.next === null]).toEqual([[], 3, false]);
      expect(
        (await store.readDue({ now: minute(1), limit: 2, org: null, shard: null, after: first.next })).next,
      ).toBeNull();
    });

    test("a grant or a key that cannot be read grants nothing and hides no other", async () => {
      const grant = {
        grant_id: "g1",
        subject: "s",
        org_slugs: ["acme"],
        providers: ["*"],
        created_at: T0,
        created_by: "o",
        expires_at: hour(1),
        revoked_at: null,
        revoked_by: null,
      };
      await store.addGrant(grant);
      await store.addGrant({ ...grant, grant_id: "g2" });
      for (const damage of ["org_slugs = '[1]'", "org_slugs = 'acme'", "providers = '[\"*\"]}'"]) {
        behind.exec(`UPDATE decrypt_grants SET ${damage} WHERE grant_id = 'g1'`);
        expect((await store.grantsOf("s")).map((one) => one.grant_id)).toEqual(["g2"]);
        expect((await store.listGrants("acme")).map((one) => one.grant_id)).toEqual(["g2"]);
      }
    });
  });

  test("a column that the schema gains is added, and older rows are told from broken ones", async () => {
    const older = join(home, "older");
    mkdirSync(older);
    cpSync(schemasFolder, older, { recursive: true });
    const columns: Array<{ name: string }> = JSON.parse(readFileSync(join(older, "heads.json"), "utf8"));
    const without = columns.filter(({ name }) => name !== "notified_days" && name !== "created_by");
    writeFileSync(join(older, "heads.json"), JSON.stringify(without));
    const names = without.map(({ name }) => name).join(", ");
    const head = await change(store, pair);
    const oldFile = join(home, "old.db");
    openSqliteStore({ file: oldFile, schemasFolder: older }).close();
    const old = new DatabaseSync(oldFile);
    old.exec(`ATTACH '${file}' AS new; INSERT INTO heads (${names}) SELECT ${names} FROM new.heads`);
    const reopened = openSqliteStore({ file: oldFile, schemasFolder });
    await expect(reopened.readHead(pair)).rejects.toMatchObject({ code: "integrity" }); // created_by is required
    old.exec("UPDATE heads SET created_by = 'kid000000001'");
    expect(await reopened.readHead(pair)).toEqual(head);
    openSqliteStore({ file: oldFile, schemasFolder }).close();
    reopened.close();
    old.close();
  });

  describe("a store that cannot be used", () => {
    test("a writer that holds the file for more than 5 s is store_unavailable, readers go on, and nothing of the statement is told", async () => {
      const head = await change(store, pair);
      behind.exec("BEGIN IMMEDIATE");
      sent.length = 0;
      const began = performance.now();
      const fault: Error = await store.markReported("canary", T0).then(
        () => new Error("was written"),
        (error) => error,
      );
      expect(performance.now() - began).toBeGreaterThan(4_500);
      expect(performance.now() - began).toBeLessThan(6_500);
      expect(sent, "told once, however often it is tried").toEqual(["mark_reported"]);
      expect(fault).toMatchObject({ code: "store_unavailable", message: "The credential store is not available" });
      expect(`${String(fault.cause)}`).not.toMatch(/canary|UPDATE|heads/);
      expect(await store.readHead(pair)).toEqual(head);
      behind.exec("ROLLBACK");
      expect(await store.markReported(head.credential_id, T0)).toBe(1);
    });

    test("while another process holds the file for 3 s, writes wait, and reads and timers go on", async () => {
      const head = await change(store, pair);
      const holder = spawn(process.execPath, ["--input-type=module", "--eval", HOLD, file], {
        stdio: ["ignore", "pipe", "inherit"],
      });
      await once(holder.stdout, "data");
      const began = performance.now();
      let written = 0;
      const writes = Array.from({ length: 20 }, (_, index) =>
        store.appendValidations([validation(head, { event_id: `waiting-${index}` })]).then(() => {
          written += 1;
        }),
      );
      const lateMs: number[] = [];
      while (written === 0) {
        const before = performance.now();
        await sleep(5);
        expect(await store.readHead(pair)).toEqual(head);
        lateMs.push(performance.now() - before - 5);
      }
      const waitedMs = performance.now() - began;
      await Promise.all(writes);
      lateMs.sort((a, b) => a - b);
      expect(waitedMs).toBeGreaterThan(2_500);
      expect(waitedMs).toBeLessThan(4_500);
      expect(lateMs.length).toBeGreaterThan(50);
      expect(lateMs[Math.floor(lateMs.length * 0.95)]).toBeLessThan(1_000);
      expect(behind.prepare("SELECT COUNT(*) AS stored FROM validations").get()).toEqual({ stored: 20 });
    }, 15_000);

    test("a store that is closed while a write waits is store_unavailable to it", async () => {
      const head = await change(store, pair);
      behind.exec("BEGIN IMMEDIATE");
      const waiting = store.markReported(head.credential_id, T0);
      store.close();
      await expect(waiting).rejects.toMatchObject({ code: "store_unavailable" });
    });

    test.each([
      ["a folder", (path: string) => mkdirSync(path)],
      ["not a database", (path: string) => writeFileSync(path, "x".repeat(5_000))],
    ])("a file that is %s is store_unavailable", (_, prepare) => {
      const path = join(home, "other.db");
      prepare(path);
      expect(() => openSqliteStore({ file: path, schemasFolder })).toThrow(
        expect.objectContaining({ code: "store_unavailable" }),
      );
    });

    test("a closed store is store_unavailable, and may be closed again", async () => {
      store.close();
      store.close();
      await expect(store.readHead(pair)).rejects.toMatchObject({ code: "store_unavailable" });
    });
  });

  describe("validations that are older than 400 days", () => {
    const days = (count: number) => new Date(Date.parse(T0) - count * 86_400_000).toISOString();
    const stored = () =>
      behind
        .prepare("SELECT event_id FROM validations ORDER BY checked_at")
        .all()
        .map((row) => row["event_id"]);
    const openAtT0 = () => openSqliteStore({ file, schemasFolder, clock: { now: () => Date.parse(T0) } }).close();
    beforeEach(async () => {
      const head = await change(store, pair);
      await store.appendValidations(
        [401, 400, 399].map((age) => validation(head, { event_id: `${age}`, checked_at: days(age) })),
      );
    });

    test("go when the file is opened, and no others", () => {
      openAtT0();
      expect(stored()).toEqual(["400", "399"]);
      openAtT0();
      expect(stored()).toEqual(["400", "399"]);
    });

    test("do not keep a file from being opened that another process writes to", () => {
      behind.exec("BEGIN IMMEDIATE");
      const began = performance.now();
      openAtT0();
      expect(performance.now() - began).toBeLessThan(4_000);
      behind.exec("ROLLBACK");
      expect(stored()).toEqual(["401", "400", "399"]);
    });
  });

  test("a name from outside reaches no statement", async () => {
    const head = await change(store, pair);
    const set = { op: "update", credential_name: "'; DROP TABLE heads; --" } as const;
    Reflect.set(set, "seq = 99, event_id", "x");
    await store.advanceHead({ ...pair, expected_seq: 1, event_id: "e'\"", set });
    expect(await store.readHead(pair)).toEqual({
      ...head,
      seq: 2,
      event_id: "e'\"",
      ...{ op: "update", credential_name: set.credential_name },
    });
    expect(await store.readHeads("' OR 1=1 --")).toEqual({ heads: [], corrupt: [] });
  });

  test("purged ciphertext is overwritten in the file", async () => {
    const canary = Buffer.from("CANARY-ciphertext-0123456789".repeat(100));
    await change(store, pair, { version: { encrypted_credential: canary } });
    await change(store, pair, { version: { op: "delete" } });
    behind.exec("PRAGMA wal_checkpoint(TRUNCATE)");
    expect(readFileSync(file).includes("CANARY-ciphertext")).toBe(true);
    expect(await store.purgeDeleted()).toBe(1);
    behind.exec("PRAGMA wal_checkpoint(TRUNCATE)");
    expect(readFileSync(file).includes("CANARY-ciphertext")).toBe(false);
  });
});
