import { describe, expect, test } from "vitest";
import { Fault } from "../../shared/contract/fault.ts";
import type { OrgKey } from "../../shared/contract/rows.ts";
import { Secret } from "../../shared/contract/secret.ts";
import { type FoundKey, type KeysRequest, type TakenKey, takeOverKeys } from "../../shared/operations/migrate-keys.ts";
import type { AuditRecord } from "../../shared/ports/audit.ts";
import type { Pepper } from "../../shared/ports/secret-source.ts";
import { legacyKeyId, legacyKeyRow, standingOf } from "../../shared/vault/legacy-key.ts";
import { hashOrgKey } from "../../shared/vault/org-key.ts";
import { faultOf, START, testClock } from "./bench.ts";

const REQUEST: KeysRequest = {
  requestId: "00000000-0000-4000-8000-000000000004",
  actor: "operator:op",
  dryRun: false,
  until: "2027-01-01T00:00:00.000Z",
  environment: "live",
};
const pepper: Pepper = { version: "1", bytes: Buffer.alloc(32, 7) };
const newer: Pepper = { version: "2", bytes: Buffer.alloc(32, 8) };

type Told = (lines: ReadonlyArray<TakenKey | null>) => void;

/** Organisation keys in memory, with what was asked of them. */
function world(peppers: readonly [Pepper, ...Pepper[]] = [pepper]) {
  const rows = new Map<string, OrgKey>();
  const audits: AuditRecord[] = [];
  const fails: { audit: boolean; add: (row: OrgKey) => boolean } = { audit: false, add: () => false };
  const works = {
    clock: testClock(),
    secrets: { peppers: async (_wanted?: string): Promise<readonly [Pepper, ...Pepper[]]> => peppers },
    audit: {
      write: (record: AuditRecord) => {
        if (fails.audit) throw new Fault("audit_unavailable");
        audits.push(record);
      },
    },
    orgKeys: {
      findKey: async (id: string) => rows.get(id) ?? null,
      listKeys: async (org: string) => [...rows.values()].filter(({ org_slug }) => org_slug === org),
      addKey: async (row: OrgKey) => {
        if (fails.add(row)) throw new Fault("store_unavailable");
        rows.set(row.key_id, row);
      },
      revokeKey: async (id: string, at: string, by: string) => {
        const row = rows.get(id);
        if (row === undefined || row.revoked_at !== null) return false;
        rows.set(id, { ...row, revoked_at: at, revoked_by: by });
        return true;
      },
    },
  };
  const take = (found: FoundKey[], more: Partial<KeysRequest> = {}, told?: Told) =>
    takeOverKeys(works, { ...REQUEST, ...more }, found, told);
  return { works, rows, audits, fails, take };
}
const found = (key: string, ...org_slugs: string[]): FoundKey => ({ key: new Secret(key), org_slugs });
const textOf = (org: string) => `${org}_api_0123456789`;

describe("keys of the older kind that are taken over", () => {
  test("are hashed, flagged, of the scope manage, with an end, each recorded before it is written", async () => {
    const { take, rows, audits } = world();
    const [line] = await take([found(textOf("acme"), "acme")]);
    const id = legacyKeyId(hashOrgKey(pepper.bytes, textOf("acme")));
    expect(line).toEqual({ org_slug: "acme", key_id: id, outcome: "imported" });
    expect([...rows.values()]).toEqual([
      {
        key_id: id,
        org_slug: "acme",
        environment: "live",
        scope: "manage",
        name: "Taken over from org_api_keys",
        key_hmac: hashOrgKey(pepper.bytes, textOf("acme")),
        pepper_version: "1",
        legacy: true,
        created_at: START,
        created_by: "operator:op",
        expires_at: REQUEST.until,
        revoked_at: null,
        revoked_by: null,
      },
    ]);
    expect(audits).toMatchObject([
      { operation: "org_key.import", actor_type: "operator", org_slug: "acme", target_id: id, outcome: "ok" },
    ]);
  });

  const refused: Array<[string, FoundKey, string | null, string]> = [
    ["a key of today", found("cact_live_0123456789ab_x", "acme"), "acme", "key_shape"],
    ["an empty one", found("", "acme"), "acme", "key_shape"],
    ["one with a space behind it", found(`${textOf("acme")} `, "acme"), "acme", "key_shape"],
    ["one of no organisation", found(textOf("acme")), null, "org_invalid"],
    ["one of what can be none", found(textOf("acme"), "Acme"), null, "org_invalid"],
    ["a line whose columns are swapped", found("acme", textOf("acme")), null, "key_shape"],
    ["one of a reserved word", found(textOf("acme"), "health"), null, "org_invalid"],
    ["one of several", found(textOf("acme"), "acme", "beta"), null, "several_organisations"],
  ];
  test.each(refused)("%s is refused, and the others are taken", async (_, odd, org_slug, code) => {
    const { take, rows, audits } = world();
    const lines = await take([odd, found(textOf("zeta"), "zeta")]);
    expect(lines).toMatchObject([{ org_slug, key_id: null, outcome: "failed", code }, { outcome: "imported" }]);
    expect([rows.size, audits.length]).toEqual([1, 1]);
    expect(JSON.stringify([lines, audits])).not.toContain("_api_0");
  });

  test("one that was found twice for one organisation is one", async () => {
    const { take } = world();
    expect(await take([found(textOf("acme"), "acme", "acme")])).toMatchObject([{ outcome: "imported" }]);
  });

  test("a second run skips what is here, a revoked one too, and changes nothing", async () => {
    const { take, rows, audits } = world();
    await take([found(textOf("acme"), "acme"), found(textOf("beta"), "beta")]);
    const [first] = [...rows.values()];
    if (first) first.revoked_at = START;
    const before = JSON.stringify([...rows]);
    audits.length = 0;
    expect(await take([found(textOf("acme"), "acme"), found(textOf("beta"), "beta")])).toMatchObject([
      { outcome: "skipped", code: "revoked_here" },
      { outcome: "skipped", code: "already_here" },
    ]);
    expect([JSON.stringify([...rows]), audits]).toEqual([before, []]);
  });

  test("one that is here under an older pepper is skipped too", async () => {
    const { take, rows } = world([newer, pepper]);
    const of = { org: "acme", environment: "live", pepper, now: START, until: REQUEST.until, by: "legacy" };
    const row = legacyKeyRow(textOf("acme"), of);
    rows.set(row.key_id, row);
    expect(await take([found(textOf("acme"), "acme")])).toMatchObject([{ outcome: "skipped", key_id: row.key_id }]);
    expect(rows.size).toBe(1);
  });

  test("one that was revoked under any of the peppers is told so, and revoked under the others", async () => {
    for (const revoked of [pepper, newer]) {
      const { take, rows, audits, fails } = world([newer, pepper]);
      for (const one of [pepper, newer]) {
        const of = { org: "acme", environment: "live", pepper: one, now: START, until: REQUEST.until, by: "legacy" };
        const row = legacyKeyRow(textOf("acme"), of);
        rows.set(row.key_id, { ...row, revoked_at: one === revoked ? START : null });
      }
      const revocations = () => [...rows.values()].map(({ revoked_by }) => revoked_by);
      const told = [{ org_slug: "acme", outcome: "skipped", code: "revoked_here" }];
      expect(await take([found(textOf("acme"), "acme")], { dryRun: true })).toMatchObject(told);
      fails.audit = true;
      expect(await faultOf(take([found(textOf("acme"), "acme")]))).toBe("audit_unavailable");
      expect([revocations(), audits]).toEqual([[null, null], []]);
      fails.audit = false;
      expect(await take([found(textOf("acme"), "acme")])).toMatchObject(told);
      expect(revocations().sort()).toEqual([null, "operator:op"]);
      expect([...rows.values()].every(({ revoked_at }) => revoked_at === START)).toBe(true);
      const other = revoked === pepper ? newer : pepper;
      expect(audits).toMatchObject([
        {
          ...{ operation: "org_key.revoke", org_slug: "acme", outcome: "ok" },
          target_id: legacyKeyId(hashOrgKey(other.bytes, textOf("acme"))),
        },
      ]);
    }
  });

  test("one whose organisation has a row under a pepper that cannot be had ends the run, and is not taken", async () => {
    const { take, rows } = world([pepper]);
    const of = { org: "acme", environment: "live", pepper: newer, now: START, until: REQUEST.until, by: "legacy" };
    const row = legacyKeyRow(textOf("acme"), of);
    rows.set(row.key_id, row);
    expect(await faultOf(take([found(textOf("acme"), "acme")]))).toBe("key_unavailable");
    expect(rows.size).toBe(1);
  });

  const gone: Array<[string, string, string | null]> = [
    ["has ended is refused", START, null],
    ["ends sooner is taken until then", "2026-12-01T00:00:00.000Z", "2026-12-01T00:00:00.000Z"],
    ["ends later is taken until the end of all", "2027-06-01T00:00:00.000Z", REQUEST.until],
  ];
  test.each(gone)("one whose organisation has one under a pepper that is gone that %s", async (_, end, expected) => {
    const { take, rows } = world([newer]);
    const of = { org: "acme", environment: "live", pepper, now: "2026-01-01T00:00:00.000Z", until: end, by: "legacy" };
    rows.set("gone", legacyKeyRow(textOf("acme"), of));
    for (const dryRun of [true, false])
      expect(await take([found(textOf("acme"), "acme")], { dryRun })).toMatchObject([
        expected === null
          ? { org_slug: "acme", key_id: null, outcome: "failed", code: "ended_before" }
          : { outcome: dryRun ? "would_import" : "imported" },
      ]);
    rows.delete("gone");
    expect([...rows.values()].map(({ expires_at }) => expires_at)).toEqual(expected === null ? [] : [expected]);
  });

  test("one that is here and has ended is told so, and stays as it is", async () => {
    for (const expires_at of [START, null]) {
      const { take, rows } = world();
      const of = { org: "acme", environment: "live", pepper, now: START, until: START, by: "legacy" };
      const row = { ...legacyKeyRow(textOf("acme"), of), expires_at };
      rows.set(row.key_id, row);
      expect(await take([found(textOf("acme"), "acme")])).toMatchObject([{ outcome: "skipped", code: "ended_here" }]);
      expect([...rows.values()]).toEqual([row]);
    }
  });

  test("none is taken with an end that has passed, whoever has set it", async () => {
    const { take, rows, audits } = world();
    for (const dryRun of [true, false])
      expect(await take([found(textOf("acme"), "acme")], { dryRun, until: START })).toMatchObject([
        { outcome: "skipped", code: "expired" },
      ]);
    expect([rows.size, audits.length]).toEqual([0, 0]);
  });

  test("one whose organisation has one revoked under a pepper that is gone is refused, in a dry run too", async () => {
    const { take, rows } = world([newer]);
    const of = { org: "acme", environment: "live", pepper, now: START, until: REQUEST.until, by: "legacy" };
    const row = { ...legacyKeyRow(textOf("acme"), of), revoked_at: START };
    rows.set(row.key_id, row);
    for (const dryRun of [true, false])
      expect(await take([found(textOf("acme"), "acme"), found(textOf("beta"), "beta")], { dryRun })).toMatchObject([
        { org_slug: "acme", key_id: null, outcome: "failed", code: "revoked_before" },
        { outcome: dryRun ? "would_import" : "imported" },
      ]);
    expect(rows.size).toBe(2);
    rows.set(row.key_id, { ...row, legacy: false });
    expect(await take([found(textOf("acme"), "acme")])).toMatchObject([{ outcome: "imported" }]);
  });

  test("of two rows of its own the revoked one speaks", () => {
    const rows = [pepper, newer].map((one) =>
      legacyKeyRow(textOf("acme"), {
        ...{ org: "acme", environment: "live", pepper: one, now: START, until: REQUEST.until, by: "legacy" },
      }),
    );
    expect(standingOf(textOf("acme"), rows, [newer, pepper])).toBe(rows[0]);
    const [, last] = rows;
    if (last) last.revoked_at = START;
    expect(standingOf(textOf("acme"), rows, [newer, pepper])).toBe(last);
    expect(standingOf(textOf("acme"), rows, [pepper])).toBe("unknowable");
  });

  test("a newer pepper that a row names is asked for, and its row is found under it", async () => {
    const { works, rows, take } = world();
    const of = { org: "acme", environment: "live", pepper: newer, now: START, until: REQUEST.until, by: "legacy" };
    const row = legacyKeyRow(textOf("acme"), of);
    rows.set(row.key_id, row);
    works.secrets.peppers = async (wanted?: string) => (wanted === "2" ? [newer, pepper] : [pepper]);
    expect(await take([found(textOf("acme"), "acme")])).toMatchObject([
      { outcome: "skipped", code: "already_here", key_id: row.key_id },
    ]);
    expect(rows.size).toBe(1);
  });

  const ends: Array<[string, string | null, string | null]> = [
    ["none", null, REQUEST.until],
    ["a later one", "2027-06-01T00:00:00.000Z", REQUEST.until],
    ["an earlier one", "2026-12-01T00:00:00.000Z", "2026-12-01T00:00:00.000Z"],
    ["one that has passed", START, null],
  ];
  test.each(ends)("the earlier of the ends holds: of the older table %s", async (_, expires_at, expected) => {
    const { take, rows } = world();
    const [line] = await take([{ ...found(textOf("acme"), "acme"), expires_at }]);
    expect([...rows.values()].map((row) => row.expires_at)).toEqual(expected === null ? [] : [expected]);
    if (expected === null) expect(line).toMatchObject({ outcome: "skipped", code: "expired" });
  });

  test("one that is here for another organisation stays that one's", async () => {
    const { take, rows } = world();
    await take([found(textOf("acme"), "acme")]);
    expect(await take([found(textOf("acme"), "beta")])).toMatchObject([
      { outcome: "failed", code: "other_organisation" },
    ]);
    expect([...rows.values()].map(({ org_slug }) => org_slug)).toEqual(["acme"]);
  });

  test("a row that is not its own under its id ends the run", async () => {
    const { take, rows } = world();
    const of = { org: "acme", environment: "live", pepper, now: START, until: REQUEST.until, by: "x" };
    const id = legacyKeyRow(textOf("acme"), of).key_id;
    rows.set(id, { ...legacyKeyRow(textOf("beta"), of), key_id: id });
    expect(await faultOf(take([found(textOf("acme"), "acme")]))).toBe("integrity");
  });

  test("a dry run changes nothing and records nothing of a key", async () => {
    const { take, rows, audits } = world();
    expect(await take([found(textOf("acme"), "acme")], { dryRun: true })).toMatchObject([{ outcome: "would_import" }]);
    expect([rows.size, audits.length]).toEqual([0, 0]);
  });

  test("where it cannot be recorded nothing is written, and the run ends", async () => {
    const { take, rows, fails } = world();
    fails.audit = true;
    expect(await faultOf(take([found(textOf("acme"), "acme")]))).toBe("audit_unavailable");
    expect(rows.size).toBe(0);
  });

  test("a store that stops ends the run; what was written stays, and the next run writes the rest", async () => {
    const { take, rows, fails } = world();
    const many = Array.from({ length: 30 }, (_, at) => found(textOf(`org${at}`), `org${at}`));
    fails.add = () => rows.size >= 12;
    let told: ReadonlyArray<TakenKey | null> = [];
    const note: Told = (lines) => {
      told = lines;
    };
    expect(await faultOf(take(many, {}, note))).toBe("store_unavailable");
    expect(told).toHaveLength(30);
    expect(rows.size).toBe(12);
    expect(told.map((line) => line?.outcome ?? null).filter((outcome) => outcome !== null)).toEqual(
      Array.from({ length: 12 }, () => "imported"),
    );
    for (const [at, line] of told.entries())
      if (line !== null) expect([line.org_slug, rows.has(line.key_id ?? "")]).toEqual([`org${at}`, true]);
    fails.add = () => false;
    const lines = await take(many);
    expect(lines.filter(({ outcome }) => outcome === "imported")).toHaveLength(18);
    expect(lines.map(({ org_slug }) => org_slug)).toEqual(many.map(({ org_slugs }) => org_slugs[0]));
    expect(rows.size).toBe(30);
  });
});

describe("the id of a key of the older kind", () => {
  test("follows from the key and the pepper alone: twelve letters and digits", () => {
    const id = (text: string, bytes: Buffer) => legacyKeyId(hashOrgKey(bytes, text));
    expect(id("acme_api_0123456789", pepper.bytes)).toBe(id("acme_api_0123456789", Buffer.from(pepper.bytes)));
    expect(id("acme_api_0123456789", pepper.bytes)).not.toBe(id("acme_api_0123456788", pepper.bytes));
    expect(id("acme_api_0123456789", pepper.bytes)).not.toBe(id("acme_api_0123456789", newer.bytes));
    for (const fill of [0x00, 0xff, 0x5a]) expect(legacyKeyId(Buffer.alloc(32, fill))).toMatch(/^[0-9A-Za-z]{12}$/);
    expect(legacyKeyId(Buffer.alloc(32, 0))).toBe("000000000000");
  });

  test("ten thousand keys have ten thousand ids", () => {
    const ids = Array.from({ length: 10_000 }, (_, at) =>
      legacyKeyId(hashOrgKey(pepper.bytes, `acme_api_${at}00000000`)),
    );
    expect(new Set(ids).size).toBe(10_000);
  });
});
