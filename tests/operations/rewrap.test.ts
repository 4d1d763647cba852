import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type KeyRing, openKeyRing } from "../../shared/adapters/local/key-ring.ts";
import { Fault } from "../../shared/contract/fault.ts";
import { decrypt } from "../../shared/operations/decrypt.ts";
import { remove } from "../../shared/operations/remove.ts";
import { primaryVersion, rewrap } from "../../shared/operations/rewrap.ts";
import { setup } from "../../shared/operations/setup.ts";
import { sweep } from "../../shared/operations/sweep.ts";
import { update } from "../../shared/operations/update.ts";
import { validate } from "../../shared/operations/validate.ts";
import type { Works } from "../../shared/operations/works.ts";
import type { AuditRecord } from "../../shared/ports/audit.ts";
import type { CredentialStore } from "../../shared/ports/credential-store.ts";
import type { KeyManagement } from "../../shared/ports/key-management.ts";
import { type Bench, DAY, faultOf, openBench, seeded } from "./bench.ts";

const pair = { org_slug: "acme", provider: "FAKE" };
const free = { ifMatch: null, createOnly: false };
const REQUEST = { requestId: "00000000-0000-4000-8000-000000000002", actor: "operator:op", dryRun: false };
let bench: Bench;
let ring: KeyRing;
let folder: string;

beforeEach(() => {
  bench = openBench();
  folder = mkdtempSync(join(tmpdir(), "rewrap-ring-"));
  ring = openKeyRing(join(folder, "keyring.json"), bench.clock);
  bench.works.keys = ring;
});
afterEach(() => {
  bench.close();
  rmSync(folder, { recursive: true, force: true });
});

const run = (more: Partial<typeof REQUEST> = {}, works = bench.works) => rewrap(works, { ...REQUEST, ...more });
const opened = async (org: string, works = bench.works) =>
  (await decrypt(works, bench.subject(org), { pipeline: "genai.payg_usage", run_id: "r", as: "secret" })).body
    .credential?.["api_key"];
const names = (count: number, from = 0) =>
  Array.from({ length: count }, (_, at) => `org-${String(at + from).padStart(3, "0")}`);
const secretOf = (org: string) => `fake-of-${org}`;
const setUpAll = async (orgs: string[]) => {
  for (const org of orgs) await bench.setUp(org, secretOf(org));
};
/** Everything that is stored, as it is stored. */
const dump = () => ["heads", "versions"].map((table) => bench.database.prepare(`SELECT * FROM ${table}`).all());

/** One state a pair, and every version of its chain made on the one before. */
function wholeChain(org: string) {
  const at = { ...pair, org_slug: org };
  expect(new Set(bench.topEvents(at)).size).toBe(1);
  const chain = bench.chain(at);
  expect(chain.map(({ seq }) => seq)).toEqual(chain.map((_, index) => chain.length - index));
  return chain;
}

describe("rewrap", () => {
  test("moves every secret to the newest version, and changes nothing else of its head", async () => {
    const before = await bench.setUp("acme", "fake-acme", {
      metadata: { label: "costs" },
      expires_at: "2026-12-01T00:00:00.000Z",
    });
    bench.clock.advance(DAY);
    ring.rotate();
    const report = await run();
    expect(report).toMatchObject({ key_version: "2", moved: 1, overtaken: 0, unmoved: [], dry_run: false });
    const after = await bench.head("acme");
    expect(after).toEqual({
      ...before,
      seq: 2,
      op: "rewrap",
      event_id: after.event_id,
      secret_event_id: after.event_id,
      key_version: "2",
    });
    expect(await opened("acme")).toBe("fake-acme");
    expect(wholeChain("acme").map(({ op, credential_id }) => [op, credential_id])).toEqual([
      ["rewrap", before.credential_id],
      ["setup", before.credential_id],
    ]);
  });

  test("opens and seals under what the credential is bound to", async () => {
    await bench.setUp("acme", "unused", { credential: { api_key: "fake-acme", region: "eu-1" } });
    ring.rotate();
    expect(await run()).toMatchObject({ moved: 1, unmoved: [] });
    expect(await opened("acme")).toBe("fake-acme");
    bench.database.exec('UPDATE heads SET metadata = \'{"region":"us-1"}\'');
    bench.works.heads.drop(pair);
    bench.works.memory.forget("");
    expect(await faultOf(opened("acme"))).toBe("integrity");
    ring.rotate();
    expect(await run()).toMatchObject({ moved: 0, unmoved: [{ code: "integrity" }] });
  });

  test("asks no provider, and leaves what the newest version sealed already alone", async () => {
    await setUpAll(names(2));
    ring.rotate();
    await setUpAll(["new"]);
    bench.asked.length = 0;
    const kept = await bench.head("new");
    expect((await run()).moved).toBe(2);
    expect((await run()).moved).toBe(0);
    expect(bench.asked).toEqual([]);
    expect(await bench.head("new")).toEqual(kept);
    expect(bench.chain({ ...pair, org_slug: "org-000" })).toHaveLength(2);
  });

  const states: Array<[string, string]> = [
    ["disabled", "enabled = 0"],
    ["refused", "validation_status = 'INVALID', error_code = 'credential_rejected', next_due_at = NULL"],
    ["expired", "validation_status = 'EXPIRED', expires_at = '2026-01-01T00:00:00.000Z'"],
    ["never proven", "validation_status = 'PENDING', last_validated_at = NULL, verdict = NULL"],
    ["due for deactivation", "deactivation_scheduled_at = '2026-08-21T00:00:00.000Z'"],
    ["reported", "reported_at = '2026-08-22T12:00:00.000Z', consecutive_failures = 3, notified_days = 7"],
  ];
  test.each(states)("moves one that is %s, and it stays so", async (_, set) => {
    await bench.setUp("acme", "fake-acme");
    bench.database.exec(`UPDATE heads SET ${set}`);
    const before = await bench.head("acme");
    ring.rotate();
    expect((await run()).moved).toBe(1);
    const { seq, op, event_id, secret_event_id, key_version, ...rest } = await bench.head("acme");
    expect(before).toMatchObject(rest);
    expect([seq, op, key_version, secret_event_id]).toEqual([2, "rewrap", "2", event_id]);
  });

  test("leaves deleted ones deleted, and does not open them", async () => {
    await bench.setUp("acme", "fake-acme");
    await remove(bench.works, { ...bench.subject("acme"), at: null, precondition: free });
    ring.rotate();
    const before = dump();
    expect(await run()).toMatchObject({
      moved: 0,
      unmoved: [],
      versions: [{ key_version: "1", after: { current: 0, other: 1 }, state: "superseded" }, { key_version: "2" }],
    });
    expect(dump()).toEqual(before);
    expect(bench.audits).toEqual([]);
  });

  test("goes through more than a page of them, and says how far it is", async () => {
    await setUpAll(names(230));
    ring.rotate();
    const told: Array<[number, number]> = [];
    const report = await rewrap(bench.works, REQUEST, (done, total) => told.push([done, total]));
    expect(report.moved).toBe(230);
    expect(told.every(([done, total], at) => total === 230 && done >= (told[at - 1]?.[0] ?? 0))).toBe(true);
    expect(told.at(-1)).toEqual([230, 230]);
    for (const org of ["org-000", "org-099", "org-100", "org-229"]) expect(await opened(org)).toBe(secretOf(org));
    expect(await bench.real.countByKeyVersion()).toEqual([
      { key_version: "1", current: 0, other: 230 },
      { key_version: "2", current: 230, other: 0 },
    ]);
  });

  test("opens at most eight at once", async () => {
    await setUpAll(names(40));
    ring.rotate();
    let [open, most] = [0, 0];
    const keys: KeyManagement = {
      encrypt: (plaintext, aad) => ring.encrypt(plaintext, aad),
      async decrypt(ciphertext, aad) {
        open += 1;
        most = Math.max(most, open);
        await new Promise((resolve) => setImmediate(resolve));
        open -= 1;
        return await ring.decrypt(ciphertext, aad);
      },
    };
    expect((await run({}, { ...bench.works, keys })).moved).toBe(40);
    expect(most).toBe(8);
  });

  test("overwrites every plaintext that it opened, whatever becomes of it", async () => {
    await setUpAll(names(6));
    ring.rotate();
    const held: Buffer[] = [];
    let sealed = 0;
    const keys: KeyManagement = {
      async encrypt(plaintext, aad) {
        sealed += 1;
        if (sealed > 4) throw new Fault("encryption_failed");
        return await ring.encrypt(plaintext, aad);
      },
      async decrypt(ciphertext, aad) {
        const plaintext = await ring.decrypt(ciphertext, aad);
        held.push(plaintext);
        return plaintext;
      },
    };
    expect(await faultOf(run({}, { ...bench.works, keys }))).toBe("encryption_failed");
    expect(held.length).toBeGreaterThan(0);
    for (const plaintext of held) expect(plaintext.equals(Buffer.alloc(plaintext.length))).toBe(true);
  });

  test("drops what this process remembers of a pair, so that its next answer is of the new version", async () => {
    await bench.setUp("acme", "fake-acme");
    await opened("acme");
    ring.rotate();
    await run();
    expect(bench.works.memory.size).toBe(0);
    const { body } = await decrypt(bench.works, bench.subject("acme"), {
      pipeline: "genai.payg_usage",
      run_id: "r",
      as: "secret",
    });
    expect(body).toMatchObject({ key_version: "2", cache: "miss" });
  });
});

describe("three versions, one disabled, one destroyed", () => {
  beforeEach(async () => {
    await setUpAll(["a1", "b1"]);
    ring.rotate();
    await setUpAll(["a2", "b2"]);
    ring.rotate();
    await setUpAll(["a3"]);
    ring.rotate();
    await setUpAll(["a4"]);
  });

  test("what they sealed is reported one by one, and everything else is moved", async () => {
    ring.disable("1");
    ring.destroy("3");
    const heads = await Promise.all(["a1", "a3", "b1"].map((org) => bench.head(org)));
    const report = await run();
    expect(report).toMatchObject({ key_version: "4", moved: 2 });
    expect(report.unmoved).toEqual(
      heads.map(({ org_slug, provider, credential_id, fingerprint, key_version }) => ({
        ...{ org_slug, provider, credential_id, fingerprint, key_version },
        code: "key_unavailable",
        transient: false,
      })),
    );
    expect(report.versions).toEqual([
      { key_version: "1", before: { current: 2, other: 0 }, after: { current: 2, other: 0 }, state: "in_use" },
      { key_version: "2", before: { current: 2, other: 0 }, after: { current: 0, other: 2 }, state: "superseded" },
      { key_version: "3", before: { current: 1, other: 0 }, after: { current: 1, other: 0 }, state: "in_use" },
      { key_version: "4", before: { current: 1, other: 0 }, after: { current: 3, other: 0 }, state: "primary" },
    ]);
    expect(report.may_be_destroyed).toEqual([]);
    for (const org of ["a2", "b2", "a4"]) expect(await opened(org)).toBe(secretOf(org));
    for (const head of heads) expect(await bench.head(head.org_slug)).toEqual(head);
  });

  test("what a version sealed that was disabled is moved once it is enabled", async () => {
    ring.disable("1");
    expect((await run()).unmoved).toHaveLength(2);
    ring.enable("1");
    expect(await run()).toMatchObject({ moved: 2, unmoved: [] });
    for (const org of ["a1", "b1", "a2", "b2", "a3"]) expect(await opened(org)).toBe(secretOf(org));
  });

  test("an old version may be destroyed once the sweep has purged it, and not before", async () => {
    expect((await run()).may_be_destroyed).toEqual([]);
    const sweepNow = () =>
      sweep(
        bench.works,
        { requestId: REQUEST.requestId, actor: "scheduler" },
        { limit: 1, max_seconds: 60, org: "nobody" },
      );
    bench.clock.advance(DAY - 1_000);
    await sweepNow();
    expect((await run()).may_be_destroyed).toEqual([]);
    bench.clock.advance(2_000);
    await sweepNow();
    expect((await run()).may_be_destroyed).toEqual(["1", "2", "3"]);
    for (const old of ["1", "2", "3"]) ring.destroy(old);
    for (const org of ["a1", "b1", "a2", "b2", "a3", "a4"]) expect(await opened(org)).toBe(secretOf(org));
    const left = bench.database.prepare("SELECT COUNT(*) AS n FROM versions WHERE encrypted_credential IS NOT NULL");
    expect(left.get()?.["n"]).toBe(6);
  });

  test("no version may be destroyed while one ciphertext does not say which version sealed it", async () => {
    bench.database.exec("UPDATE heads SET key_version = NULL WHERE org_slug = 'a4'");
    bench.database.exec("UPDATE versions SET key_version = NULL WHERE org_slug = 'a4'");
    const report = await run();
    expect(report).toMatchObject({ moved: 6, unmoved: [] });
    bench.clock.advance(DAY);
    bench.database.exec("UPDATE versions SET encrypted_credential = NULL WHERE key_version IN ('1', '2', '3')");
    const later = await run();
    expect(later.versions.at(-1)).toMatchObject({ key_version: null, state: "superseded" });
    expect(later.may_be_destroyed).toEqual([]);
  });
});

describe("which version seals now", () => {
  test("is found by sealing, and follows a rotation", async () => {
    expect(await primaryVersion(bench.works)).toBe("1");
    ring.rotate();
    expect(await primaryVersion(bench.works)).toBe("2");
  });

  test("a rotation in the midst of a run is followed: in the end everything is under the newest", async () => {
    await setUpAll(names(130));
    ring.rotate();
    bench.watched.next("readSealedElsewhere", null, { before: () => ring.rotate() });
    const report = await run();
    expect(report).toMatchObject({ key_version: "3", unmoved: [] });
    expect((await bench.real.countByKeyVersion()).find(({ current }) => current > 0)).toEqual({
      key_version: "3",
      current: 130,
      other: 0,
    });
    for (const org of names(130)) expect(wholeChain(org).length).toBeLessThanOrEqual(3);
  });

  test("a rotation in the midst of a dry run makes it count nothing twice", async () => {
    await setUpAll(names(3));
    ring.rotate();
    bench.watched.next("readSealedElsewhere", { after: () => ring.rotate() });
    expect(await run({ dryRun: true })).toMatchObject({ would_move: 3, key_version: "2" });
  });

  test("what could not be opened is not opened again in the same run, unless it has been replaced", async () => {
    await setUpAll(["lost", "replaced"]);
    ring.rotate();
    ring.disable("1");
    bench.watched.next("readSealedElsewhere", {
      after: async () => {
        await setup(
          { ...bench.works, store: bench.real, inFlight: new Set() },
          {
            ...bench.subject("replaced"),
            body: { credential: "fake-newer", skip_validation: false },
            idempotency: null,
            precondition: free,
          },
        );
        ring.rotate();
      },
    });
    const report = await run();
    expect(report).toMatchObject({ key_version: "3", moved: 1, unmoved: [{ org_slug: "lost" }] });
    expect(await opened("replaced")).toBe("fake-newer");
    expect(bench.audits.map(({ org_slug, outcome }) => `${org_slug} ${outcome}`).sort()).toEqual([
      "lost error",
      "replaced error",
      "replaced ok",
    ]);
  });

  test("what Cloud KMS did not answer for just now is told as such, and opened again in the same run", async () => {
    await setUpAll(["away", "lost", "slow"]);
    ring.rotate();
    const sealed = await Promise.all(
      ["away", "lost"].map(async (org) => await bench.real.readSealed({ ...pair, org_slug: org })),
    );
    const [away, lost] = sealed.map((row) => row?.encrypted_credential ?? Buffer.alloc(0));
    const opened: string[] = [];
    const keys: KeyManagement = {
      encrypt: (plaintext, aad) => ring.encrypt(plaintext, aad),
      decrypt: async (ciphertext, aad) => {
        const which = away?.equals(ciphertext) ? "away" : lost?.equals(ciphertext) ? "lost" : "slow";
        opened.push(which);
        if (which === "lost") throw new Fault("key_unavailable");
        const fails = which === "away" || opened.filter((one) => one === "slow").length === 1;
        if (fails) throw new Fault("key_unavailable", { retryAfterS: 5 });
        return await ring.decrypt(ciphertext, aad);
      },
    };
    bench.watched.next("readSealedElsewhere", { after: () => ring.rotate() });
    const report = await run({}, { ...bench.works, keys });
    expect(report).toMatchObject({ key_version: "3", moved: 1 });
    expect(report.unmoved.map(({ org_slug, code, transient }) => [org_slug, code, transient])).toEqual([
      ["away", "key_unavailable", true],
      ["lost", "key_unavailable", false],
    ]);
    expect(opened.sort()).toEqual(["away", "away", "lost", "slow", "slow"]);
  });

  /** Cloud KMS where a rotation has not got everywhere: it seals with these versions, one after the other. */
  const lagging = (...versions: string[]): KeyManagement => ({
    encrypt: async (plaintext, aad) => ({
      ...(await ring.encrypt(plaintext, aad)),
      keyVersion: (versions.length > 1 ? versions.shift() : versions[0]) ?? "",
    }),
    decrypt: (ciphertext, aad) => ring.decrypt(ciphertext, aad),
  });

  test("nothing is moved to a lower version than something was sealed with before, and that one counts as the newest", async () => {
    await bench.setUp("old", "fake-old");
    ring.rotate();
    await bench.setUp("new", "fake-new");
    const before = dump();
    const report = await run({}, { ...bench.works, keys: lagging("1") });
    expect(report).toMatchObject({
      key_version: "2",
      moved: 0,
      unmoved: [{ org_slug: "old", key_version: "1", code: "key_version_unchanged" }],
    });
    expect(report.versions.map(({ key_version, state }) => [key_version, state])).toEqual([
      ["1", "in_use"],
      ["2", "primary"],
    ]);
    expect(dump()).toEqual(before);
    expect(await run()).toMatchObject({ key_version: "2", moved: 1, unmoved: [] });
  });

  test("one is not moved to a version in between, and what was only ever sealed counts too", async () => {
    await setUpAll(["old"]);
    ring.rotate();
    ring.rotate();
    await setUpAll(["gone"]);
    await remove(bench.works, { ...bench.subject("gone"), at: null, precondition: free });
    const before = dump();
    expect(await run({}, { ...bench.works, keys: lagging("2") })).toMatchObject({
      key_version: "3",
      moved: 0,
      unmoved: [{ org_slug: "old", code: "key_version_unchanged" }],
    });
    expect(dump()).toEqual(before);
  });

  test("what a still newer version seals in the midst of a run is not taken back", async () => {
    await bench.setUp("old", "fake-old");
    ring.rotate();
    bench.watched.next("readSealedElsewhere", {
      before: async () => {
        ring.rotate();
        await setup(
          { ...bench.works, store: bench.real, inFlight: new Set() },
          {
            ...bench.subject("new"),
            body: { credential: "fake-new", skip_validation: false },
            idempotency: null,
            precondition: free,
          },
        );
      },
    });
    const report = await run({}, { ...bench.works, keys: lagging("2", "2", "2", "3") });
    expect(report).toMatchObject({ key_version: "3", unmoved: [] });
    expect(await bench.head("new")).toMatchObject({ seq: 1, key_version: "3" });
    expect(await bench.head("old")).toMatchObject({ key_version: "3" });
  });

  test("no version may be destroyed that has sealed in the run, nor a newer one", async () => {
    await bench.setUp("late", "fake-late");
    for (let version = 1; version < 4; version += 1) ring.rotate();
    expect(await run({}, { ...bench.works, keys: lagging("4", "2") })).toMatchObject({ may_be_destroyed: [] });
    bench.database.exec("DELETE FROM heads; DELETE FROM versions");
    await bench.setUp("acme", "fake-acme");
    expect(await run({}, { ...bench.works, keys: lagging("2") })).toMatchObject({
      key_version: "4",
      may_be_destroyed: ["1"],
    });
    expect(await run()).toMatchObject({ may_be_destroyed: ["1", "2", "3"] });
  });

  test("one whose head cannot be read is reported as such, with its version in use, and the others are moved", async () => {
    await setUpAll(["a", "b", "c"]);
    bench.database.exec("UPDATE heads SET metadata = '{' WHERE org_slug = 'b'");
    ring.rotate();
    for (const dryRun of [true, false]) {
      const report = await run({ dryRun });
      expect(report.unmoved).toEqual([
        {
          org_slug: "b",
          provider: "FAKE",
          credential_id: null,
          fingerprint: null,
          key_version: null,
          code: "integrity",
          transient: false,
        },
      ]);
      expect(dryRun ? report.would_move : report.moved).toBe(2);
      expect(report.versions[0]).toMatchObject({
        key_version: "1",
        after: { current: dryRun ? 3 : 1 },
        state: "in_use",
      });
    }
  });

  test("one that is sealed with its own version again is left as it is, and said to be", async () => {
    await bench.setUp("acme", "fake-acme");
    const before = dump();
    ring.rotate();
    const keys: KeyManagement = {
      encrypt: async (plaintext, aad) => {
        const sealed = await ring.encrypt(plaintext, aad);
        return aad.toString() === "probe" ? sealed : { ...sealed, keyVersion: "1" };
      },
      decrypt: (ciphertext, aad) => ring.decrypt(ciphertext, aad),
    };
    const report = await run({}, { ...bench.works, keys });
    expect(report).toMatchObject({ moved: 0, unmoved: [{ code: "key_version_unchanged", key_version: "1" }] });
    expect(dump()).toEqual(before);
  });
});

describe("a dry run", () => {
  test("opens everything, changes nothing, and tells what would be moved and what could not", async () => {
    await setUpAll(["a1", "b1"]);
    ring.rotate();
    await setUpAll(["a2"]);
    ring.rotate();
    ring.disable("1");
    const before = dump();
    const report = await run({ dryRun: true });
    expect(report).toMatchObject({ dry_run: true, moved: 0, would_move: 1, key_version: "3" });
    expect(report.unmoved.map(({ org_slug, code }) => [org_slug, code])).toEqual([
      ["a1", "key_unavailable"],
      ["b1", "key_unavailable"],
    ]);
    expect(report.versions.map(({ after }) => after)).toEqual(report.versions.map((one) => one.before));
    expect(dump()).toEqual(before);
    expect(bench.audits.map(({ operation, outcome }) => `${operation} ${outcome}`).sort()).toEqual([
      "rewrap.dry_run error",
      "rewrap.dry_run error",
      "rewrap.dry_run ok",
    ]);
  });
});

describe("what is recorded", () => {
  test("one record for each credential that was opened, with the version it is sealed with now, and no value", async () => {
    await setUpAll(["a1"]);
    ring.rotate();
    await setUpAll(["a2"]);
    ring.rotate();
    ring.disable("1");
    const [a1, a2] = [await bench.head("a1"), await bench.head("a2")];
    await run();
    const common = {
      request_id: REQUEST.requestId,
      actor_type: "operator",
      actor_id: "operator:op",
      provider: "FAKE",
      operation: "rewrap",
      decision: "allow",
      status: 0,
    };
    const of = ({ org_slug, credential_id, fingerprint }: typeof a1) => ({ org_slug, credential_id, fingerprint });
    expect(bench.audits).toEqual([
      { ...common, ...of(a1), key_version: "1", outcome: "error", reason_code: "key_unavailable" },
      { ...common, ...of(a2), key_version: "3", outcome: "ok" },
    ]);
    expect(JSON.stringify([bench.audits, bench.logs])).not.toContain("fake-");
  });

  test.each(["encryption_failed", "key_unavailable"] as const)(
    "one that was opened and could not be sealed anew (%s) is recorded with the version it stays under",
    async (code) => {
      await setUpAll(["a1"]);
      const before = await bench.head("a1");
      ring.rotate();
      const keys: KeyManagement = {
        encrypt: (plaintext, aad) =>
          aad.toString() === "probe" ? ring.encrypt(plaintext, aad) : Promise.reject(new Fault(code)),
        decrypt: (ciphertext, aad) => ring.decrypt(ciphertext, aad),
      };
      const ran = run({}, { ...bench.works, keys });
      if (code === "encryption_failed") expect(await faultOf(ran)).toBe(code);
      else expect(await ran).toMatchObject({ moved: 0, unmoved: [{ code }] });
      expect(bench.audits).toMatchObject([
        {
          ...{ operation: "rewrap", org_slug: "a1", credential_id: before.credential_id },
          ...{ key_version: "1", outcome: "error", reason_code: code },
        },
      ]);
    },
  );

  test("where it cannot be recorded, that is tried once, nothing is changed, and the run ends", async () => {
    await setUpAll(names(20));
    ring.rotate();
    const before = dump();
    const tried: AuditRecord[] = [];
    const audit = {
      write: (record: AuditRecord) => {
        tried.push(record);
        throw new Fault("audit_unavailable");
      },
    };
    expect(await faultOf(run({}, { ...bench.works, audit }))).toBe("audit_unavailable");
    expect(dump()).toEqual(before);
    expect(new Set(tried.map(({ org_slug }) => org_slug)).size).toBe(tried.length);
  });
});

describe("rows that cannot be moved", () => {
  test("a ciphertext that is not what was stored is reported as an integrity failure, and the others are moved", async () => {
    await setUpAll(names(3));
    bench.database.exec("UPDATE versions SET encrypted_credential = x'01000000012222' WHERE org_slug = 'org-001'");
    ring.rotate();
    expect(await run()).toMatchObject({ moved: 2, unmoved: [{ org_slug: "org-001", code: "integrity" }] });
    expect(bench.logs).toContainEqual(
      expect.objectContaining({
        severity: "CRITICAL",
        event: "integrity",
        fields: expect.objectContaining({ org_slug: "org-001" }),
      }),
    );
  });

  test("a ciphertext that was put under another organisation is not moved along with it", async () => {
    await setUpAll(["a", "b"]);
    bench.database.exec(
      "UPDATE versions SET encrypted_credential = (SELECT v.encrypted_credential FROM versions v WHERE v.org_slug = 'a') WHERE org_slug = 'b'",
    );
    ring.rotate();
    expect(await run()).toMatchObject({ moved: 1, unmoved: [{ org_slug: "b", code: "integrity" }] });
  });

  test("one of a provider that the registry no longer has is reported: what it is bound to is not known", async () => {
    await setUpAll(["a", "b"]);
    bench.database.exec("UPDATE heads SET provider = 'GONE' WHERE org_slug = 'a'");
    bench.database.exec("UPDATE versions SET provider = 'GONE' WHERE org_slug = 'a'");
    ring.rotate();
    const report = await run();
    expect(report).toMatchObject({
      moved: 1,
      unmoved: [{ org_slug: "a", provider: "GONE", code: "provider_unknown" }],
    });
  });

  test("a head that cannot be read stays in the count of its version, so that nobody destroys it", async () => {
    await setUpAll(["a", "b"]);
    bench.database.exec("UPDATE heads SET metadata = '[]' WHERE org_slug = 'a'");
    ring.rotate();
    const report = await run();
    expect(report.moved).toBe(1);
    expect(report.versions[0]).toMatchObject({ key_version: "1", after: { current: 1, other: 1 }, state: "in_use" });
  });
});

describe("a store that fails", () => {
  const cells = (["readSealedElsewhere", "appendVersions", "advanceHeads", "readOpenings"] as const).flatMap((method) =>
    (["fails", "takes effect, then fails"] as const).map((step) => [method, step] as const),
  );
  test.each(cells.slice(2))("all whose %s %s once are moved exactly once all the same", async (method, step) => {
    await setUpAll(names(3));
    ring.rotate();
    bench.watched.next(method, step);
    expect(await run()).toMatchObject({ moved: 3, overtaken: 0, unmoved: [] });
    for (const org of names(3)) {
      expect(wholeChain(org)).toHaveLength(2);
      expect(await opened(org)).toBe(secretOf(org));
    }
  });

  test.each(cells)(
    "for good at %s (%s) ends the run; what is moved stays, and the next run moves the rest",
    async (method, step) => {
      const orgs = names(130);
      await setUpAll(orgs);
      ring.rotate();
      bench.watched.next(method, null);
      bench.watched.always(method, step);
      expect(await faultOf(run())).toBe("store_unavailable");
      bench.watched.always(method, null);
      expect(
        (await bench.real.countByKeyVersion()).find(({ key_version }) => key_version === "2")?.current,
      ).toBeGreaterThanOrEqual(100);
      const { moved, unmoved } = await run();
      expect([moved <= 30, unmoved]).toEqual([true, []]);
      for (const org of orgs) {
        expect(wholeChain(org)).toHaveLength(2);
        expect(await opened(org)).toBe(secretOf(org));
      }
    },
  );

  test("what it costs: four statements a hundred, and three a run", async () => {
    await setUpAll(names(130));
    ring.rotate();
    bench.watched.calls.length = 0;
    await run();
    const page = ["readSealedElsewhere", "appendVersions", "advanceHeads", "readOpenings"];
    expect(bench.watched.calls).toEqual(["countByKeyVersion", ...page, ...page, "countByKeyVersion"]);
  });

  const deaths = (["appendVersions", "advanceHeads"] as const).flatMap((method) =>
    [1, 2].flatMap((at) => [true, false].map((takesEffect) => [method, at, takesEffect] as const)),
  );
  test.each(deaths)(
    "a process that dies at %s of page %i (with effect: %s) loses nothing, and the next run finishes what it began",
    async (method, at, takesEffect) => {
      const orgs = names(105);
      await setUpAll(orgs);
      ring.rotate();
      const died = Promise.withResolvers<void>();
      // A dead process does nothing more: it neither ends nor fails.
      const store = dyingStore(bench.real, { method, at, takesEffect }, died.resolve);
      void rewrap({ ...bench.works, store }, REQUEST);
      await died.promise;
      for (const org of [orgs[0], orgs[99], orgs[100], orgs[104]]) {
        wholeChain(org ?? "");
        expect(await opened(org ?? "")).toBe(secretOf(org ?? ""));
      }
      expect(await run()).toMatchObject({ unmoved: [] });
      for (const org of orgs) {
        expect(wholeChain(org)).toHaveLength(2);
        expect(await opened(org)).toBe(secretOf(org));
      }
    },
  );
});

/** From that call on it never answers, as a process that is gone; with the call's effect or without it. */
function dyingStore(
  real: CredentialStore,
  death: { method: keyof CredentialStore; at: number; takesEffect: boolean },
  died: () => void,
): CredentialStore {
  let calls = 0;
  let dead = false;
  const forever = new Promise<never>(() => {});
  return new Proxy(real, {
    get(target, name) {
      const call: unknown = Reflect.get(target, name);
      if (typeof call !== "function") return call;
      return async (...given: unknown[]) => {
        if (dead) return await forever;
        if (name === death.method) calls += 1;
        if (calls < death.at) return await call(...given);
        dead = true;
        if (death.takesEffect) await call(...given);
        died();
        return await forever;
      };
    },
  });
}

describe("somebody else's change meanwhile", () => {
  /** Works of another instance: the same store and keys, memories of its own. */
  const other = (): Works => ({ ...bench.works, store: bench.real, inFlight: new Set() });
  const subject = () => bench.subject("acme");
  const put = (body: Parameters<typeof update>[1]["body"]) =>
    update(other(), { ...subject(), body, message: "ok", idempotency: null, precondition: free });
  const acts: Record<string, { act: () => Promise<unknown>; expected: Record<string, unknown>; moves: boolean }> = {
    "a setup": {
      act: () =>
        setup(other(), {
          ...subject(),
          body: { credential: "fake-newer", skip_validation: false },
          idempotency: null,
          precondition: free,
        }),
      expected: { op: "setup", key_version: "2" },
      moves: false,
    },
    "a rotation": { act: () => put({ credential: "fake-newer" }), expected: { op: "rotate" }, moves: false },
    "a deletion": {
      act: () => remove(other(), { ...subject(), at: null, precondition: free }),
      expected: { op: "delete" },
      moves: false,
    },
    "a rename": {
      act: () => put({ credential_name: "Renamed", metadata: { label: "new" } }),
      expected: { credential_name: "Renamed", metadata: { label: "new" }, key_version: "2" },
      moves: true,
    },
    "a switching off": {
      act: () => put({ enabled: false }),
      expected: { enabled: false, key_version: "2" },
      moves: true,
    },
    "a scheduled deletion": {
      act: () => remove(other(), { ...subject(), at: "2026-09-01T00:00:00.000Z", precondition: free }),
      expected: { deactivation_scheduled_at: "2026-09-01T00:00:00.000Z", key_version: "2" },
      moves: true,
    },
    "a check that refuses it": {
      act: async () => {
        bench.answers("fake-acme", 401);
        bench.clock.advance(1_000);
        await validate(other(), subject());
      },
      expected: { validation_status: "INVALID", next_due_at: null, key_version: "2" },
      moves: true,
    },
    "another rewrap": {
      act: () => run({}, other()),
      expected: { key_version: "2", op: "rewrap" },
      moves: false,
    },
  };
  const moments = ["readSealedElsewhere, after it", "appendVersions", "advanceHeads", "readOpenings"] as const;
  const cells = Object.keys(acts).flatMap((what) => moments.map((moment) => [what, moment] as const));

  test.each(cells)("%s, come before %s, is never undone", async (what, moment) => {
    const chosen = acts[what];
    if (chosen === undefined) throw new Error(what);
    await bench.setUp("acme", "fake-acme");
    await bench.setUp("zeta", "fake-zeta");
    ring.rotate();
    const [method] = moment.split(",");
    bench.watched.next(
      method as keyof CredentialStore,
      moment.includes("after") ? { after: chosen.act } : { before: chosen.act },
    );
    const report = await run();
    expect(report.unmoved).toEqual([]);
    // What came after the compare-and-set came after a rewrap that had taken effect.
    const late = moment === "readOpenings";
    if (what === "another rewrap") expect([report.moved, report.overtaken]).toEqual(late ? [2, 0] : [0, 2]);
    else expect([report.moved, report.overtaken]).toEqual(chosen.moves || late ? [2, 0] : [1, 1]);
    expect(await bench.head("acme")).toMatchObject(chosen.expected);
    const chain = wholeChain("acme");
    expect(chain.filter(({ op }) => op === "rewrap").length).toBeLessThanOrEqual(1);
    expect(await bench.head("zeta")).toMatchObject({ key_version: "2" });
    bench.works.heads.drop(pair);
    bench.works.memory.forget("");
    if (what === "a setup" || what === "a rotation") expect(await opened("acme")).toBe("fake-newer");
    else if (chosen.expected["op"] === "delete") expect(await faultOf(opened("acme"))).toBe("not_configured");
    else
      expect(await faultOf(opened("acme"))).toBe(
        "enabled" in chosen.expected || "validation_status" in chosen.expected ? "credential_not_usable" : "none",
      );
  });

  test.each([1, 2, 3])("nothing acknowledged is lost among many at random (seed %i)", async (seed) => {
    const random = seeded(seed);
    const orgs = names(25);
    await setUpAll(orgs);
    ring.rotate();
    const wanted = new Map(orgs.map((org) => [org, { secret: secretOf(org), name: "", deleted: false }]));
    const working = { done: false };
    const customers = Array.from({ length: 4 }, async (_, lane) => {
      for (let turn = 0; !working.done && turn < 60; turn += 1) {
        const org = orgs[Math.floor(random() * orgs.length)] ?? "";
        if (orgs.indexOf(org) % 4 !== lane) continue;
        const known = wanted.get(org);
        if (known === undefined) continue;
        const about = { ...bench.subject(org), idempotency: null, precondition: free };
        const kind = random();
        try {
          if (kind < 0.4) {
            const secret = `fake-${org}-${turn}`;
            await setup(other(), { ...about, body: { credential: secret, skip_validation: false } });
            Object.assign(known, { secret, deleted: false });
          } else if (kind < 0.8) {
            const name = `Name ${turn}`;
            await update(other(), { ...about, body: { credential_name: name }, message: "ok" });
            known.name = name;
          } else {
            await remove(other(), { ...about, at: null });
            known.deleted = true;
          }
        } catch (error) {
          if (!(error instanceof Fault) || !["conflict", "not_configured"].includes(error.code)) throw error;
        }
      }
    });
    await run();
    working.done = true;
    await Promise.all(customers);
    const report = await run();
    expect(report.unmoved).toEqual([]);
    for (const [org, { secret, deleted, name }] of wanted) {
      const chain = wholeChain(org);
      const head = await bench.head(org);
      expect(head.op === "delete").toBe(deleted);
      if (deleted) continue;
      expect(head.key_version).toBe("2");
      if (name !== "" && chain[0]?.op !== "setup") expect(chain.some((one) => one.credential_name === name)).toBe(true);
      bench.works.heads.drop(head);
      bench.works.memory.forget("");
      expect(await opened(org)).toBe(secret);
    }
  });
});
