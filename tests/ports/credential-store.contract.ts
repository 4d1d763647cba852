import { randomUUID } from "node:crypto";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Head, Version } from "../../shared/contract/rows.ts";
import type { CredentialStore, DueCursor, HeadChange, Pair } from "../../shared/ports/credential-store.ts";
import { change, check, headColumns, hour, minute, T0, validation, version } from "./stored-rows.ts";

/** An empty store, seen through two clients that share nothing but the store, and looked into from behind. */
export interface StoreUnderTest {
  clients: readonly [CredentialStore, CredentialStore];
  /** `seq` and `event_id` of every row of the pair in `heads`. */
  headRows(pair: Pair): Promise<Array<{ seq: number; event_id: string }>>;
  /** Event ids of the pair's versions that still have their ciphertext. */
  sealedEvents(pair: Pair): Promise<string[]>;
  dispose(): Promise<void>;
}

const nothing = { idempotencyKeyHash: null, eventId: null, now: T0 };

export function describeCredentialStore(name: string, make: () => Promise<StoreUnderTest>): void {
  describe(`${name} as a credential store`, () => {
    let under: StoreUnderTest;
    let store: CredentialStore;
    let other: CredentialStore;
    let pair: Pair;
    beforeEach(async () => {
      under = await make();
      [store, other] = under.clients;
      pair = { org_slug: "acme", provider: "OPENAI" };
    });
    afterEach(async () => under.dispose());

    describe("what is stored is what is read", () => {
      test("a pair without any row has no head, and its opening says so", async () => {
        expect(await store.readHead(pair)).toBeNull();
        expect(await store.readSealed(pair)).toBeNull();
        expect(await store.readOpening(pair, nothing)).toEqual({ head: null, replay: null, effective: false });
      });

      test("a placeholder is seen by the opening and by nothing else", async () => {
        await store.placeHeads([pair], T0);
        expect((await store.readOpening(pair, nothing)).head).toMatchObject({ ...pair, seq: 0 });
        expect(await store.readHead(pair)).toBeNull();
        expect(await store.readSealed(pair)).toBeNull();
        expect(await store.readHeads(pair.org_slug)).toEqual({ heads: [], corrupt: [] });
        expect(
          (await store.readDue({ now: hour(1000), limit: 10, org: null, shard: null, after: null })).due_total,
        ).toBe(0);
        expect(await store.readDueDeactivations(hour(1000), 10, null)).toEqual([]);
      });

      test("a head comes back column by column as it was written, and its ciphertext byte by byte", async () => {
        const ciphertext = Buffer.from([0, 255, 1, 254, 0, 0, 13, 10]);
        const set = headColumns({
          expires_at_declared: hour(48),
          expires_at: hour(47),
          deactivation_scheduled_at: hour(300),
          error_code: "credential_rejected",
          consecutive_failures: 3,
          reported_at: minute(1),
          notified_days: 7,
        });
        const made = version(pair, { seq: 1, prev_event_id: null, encrypted_credential: ciphertext });
        await store.placeHeads([pair], T0);
        await store.appendVersions([made]);
        const full = { ...set, secret_event_id: made.event_id };
        expect(await store.advanceHead({ ...pair, expected_seq: 0, event_id: made.event_id, set: full })).toBe(1);
        const expected: Head = { ...pair, seq: 1, event_id: made.event_id, ...full };
        expect(await other.readHead(pair)).toEqual(expected);
        expect(await other.readHeads("acme")).toEqual({ heads: [expected], corrupt: [] });
        expect((await other.readOpening(pair, nothing)).head).toEqual(expected);
        expect(await other.readSealed(pair)).toEqual({ head: expected, encrypted_credential: ciphertext });
      });

      test("the holders of a fingerprint are the current heads of that provider, of all organisations and no older state", async () => {
        const mine = { head: { fingerprint: "0a0a0a0a" } };
        await change(store, pair, mine);
        await change(store, { org_slug: "beta", provider: "OPENAI" }, mine);
        await change(store, { org_slug: "beta", provider: "GROQ" }, mine);
        await change(store, { org_slug: "gone", provider: "OPENAI" }, mine);
        await change(store, { org_slug: "gone", provider: "OPENAI" }, { head: { fingerprint: "0b0b0b0b" } });
        const holders = await other.readHolders("OPENAI", "0a0a0a0a");
        expect(holders.map(({ org_slug, provider }) => `${org_slug} ${provider}`).sort()).toEqual([
          "acme OPENAI",
          "beta OPENAI",
        ]);
        expect(holders[0]).toEqual(await store.readHead(holders[0] ?? pair));
        expect(await other.readHolders("OPENAI", "0c0c0c0c")).toEqual([]);
      });

      test("a list holds the organisation's current heads, deleted ones included, and no other organisation's", async () => {
        await change(store, pair);
        await change(store, { org_slug: "acme", provider: "GCP_SA" });
        await change(store, { org_slug: "acme", provider: "GCP_SA" }, { version: { op: "delete" } });
        await change(store, { org_slug: "acme2", provider: "OPENAI" });
        const { heads, corrupt } = await store.readHeads("acme");
        expect(corrupt).toEqual([]);
        expect(heads.map(({ provider, op }) => [provider, op]).sort()).toEqual([
          ["GCP_SA", "delete"],
          ["OPENAI", "setup"],
        ]);
      });

      test("a version that was inserted twice counts once", async () => {
        await change(store, pair);
        const made = version(pair, {
          seq: 2,
          prev_event_id: (await store.readHead(pair))?.event_id ?? "",
          op: "rotate",
        });
        await store.appendVersions([made]);
        await other.appendVersions([made]);
        await store.advanceHead({
          ...pair,
          expected_seq: 1,
          event_id: made.event_id,
          set: headColumns({ op: "rotate", secret_event_id: made.event_id }),
        });
        expect((await store.readSealed(pair))?.encrypted_credential).toEqual(made.encrypted_credential);
        expect((await store.readHistory(pair, { limit: 10, before: null })).items).toHaveLength(2);
      });

      test("nothing asked is nothing sent and nothing changed", async () => {
        await store.placeHeads([], T0);
        await store.appendVersions([]);
        await store.advanceHeads([]);
        await store.appendValidations([]);
        expect(await store.recordChecks([])).toBe(0);
        expect(await store.readTaken([])).toEqual([]);
        expect(await store.readOpenings([], T0)).toEqual([]);
      });
    });

    describe("one state per pair", () => {
      const advance = (expected_seq: number, event_id: string): HeadChange => ({
        ...pair,
        expected_seq,
        event_id,
        set: headColumns(),
      });

      test("two placeholders that were there in time advance together and are one head to every reader", async () => {
        await Promise.all([store.placeHeads([pair], T0), other.placeHeads([pair], T0)]);
        const event = randomUUID();
        expect(
          await store.advanceHead({ ...advance(0, event), set: headColumns({ next_due_at: T0 }) }),
        ).toBeGreaterThanOrEqual(1);
        expect(await under.headRows(pair)).toEqual([
          { seq: 1, event_id: event },
          { seq: 1, event_id: event },
        ]);
        expect((await store.readHeads("acme")).heads).toHaveLength(1);
        expect(
          (await store.readOpenings([{ ...pair, idempotencyKeyHash: null, eventId: event }], T0)).map(
            (one) => one.effective,
          ),
        ).toEqual([true]);
        const due = await store.readDue({ now: hour(1), limit: 10, org: null, shard: null, after: null });
        expect([due.rows.length, due.due_total]).toEqual([1, 1]);
      });

      test("two placeholders that came too late stay at 0 for ever", async () => {
        await store.placeHeads([pair], T0);
        const [first, second, third] = [randomUUID(), randomUUID(), randomUUID()];
        await store.advanceHead(advance(0, first));
        await Promise.all([store.placeHeads([pair], T0), other.placeHeads([pair], T0)]);
        expect(await other.advanceHead(advance(0, second))).toBe(0);
        expect(await store.advanceHead(advance(1, third))).toBe(1);
        const rows = await under.headRows(pair);
        expect(rows.filter((row) => row.seq > 0)).toEqual([{ seq: 2, event_id: third }]);
        expect(rows.filter((row) => row.seq === 0)).toHaveLength(2);
        const openings = await store.readOpenings([{ ...pair, idempotencyKeyHash: null, eventId: null }], T0);
        expect(openings.map((one) => one.head?.seq)).toEqual([2]);
        expect(await store.readHead(pair)).toMatchObject({ seq: 2, event_id: third });
      });

      test.each([
        ["behind", 0],
        ["ahead", 2],
        ["far ahead", 99],
      ])("a change that expects a seq %s changes nothing", async (_, expected) => {
        const head = await change(store, pair);
        expect(await store.advanceHead(advance(expected, randomUUID()))).toBe(0);
        await store.advanceHeads([{ ...advance(expected, randomUUID()), set: headColumns() }]);
        expect(await store.readHead(pair)).toEqual(head);
      });

      test("a change of a pair without any row changes nothing and makes no row", async () => {
        expect(await store.advanceHead(advance(0, randomUUID()))).toBe(0);
        expect(await under.headRows(pair)).toEqual([]);
      });

      test("the same change sent twice takes effect once", async () => {
        await store.placeHeads([pair], T0);
        const event = randomUUID();
        expect(await store.advanceHead(advance(0, event))).toBe(1);
        expect(await store.advanceHead(advance(0, event))).toBe(0);
        expect(await store.readHead(pair)).toMatchObject({ seq: 1, event_id: event });
      });

      test("of two first setups, in every interleaving of their steps, exactly one of each seq is acknowledged", async () => {
        const orders = interleavings(4, 4);
        expect(orders).toHaveLength(70);
        for (const [index, order] of orders.entries()) {
          const here = { org_slug: "acme", provider: `custom-${index}` };
          const writers = [firstSetup(store, here), firstSetup(other, here)] as const;
          for (const who of order) await writers[who].step();
          const rows = (await under.headRows(here)).filter((row) => row.seq > 0);
          const acknowledged = writers.filter((writer) => writer.acknowledged);
          expect(new Set(rows.map((row) => `${row.seq} ${row.event_id}`)).size, order.join("")).toBe(1);
          expect(acknowledged.map((writer) => writer.seq).sort(), order.join("")).toEqual(
            rows[0]?.seq === 2 ? [1, 2] : [1],
          );
          for (const writer of acknowledged) {
            expect((await store.readOpening(here, { ...nothing, eventId: writer.event })).effective).toBe(true);
          }
          expect(acknowledged.find((writer) => writer.seq === rows[0]?.seq)?.event).toBe(rows[0]?.event_id);
        }
      });

      test("of twenty changes at once that expect the same seq, one is acknowledged", async () => {
        await change(store, pair);
        const events = Array.from({ length: 20 }, () => randomUUID());
        const changed = await Promise.all(
          events.map((event, index) => (index % 2 ? store : other).advanceHead(advance(1, event))),
        );
        expect(changed.filter((count) => count > 0)).toHaveLength(1);
        expect((await store.readHead(pair))?.event_id).toBe(events[changed.findIndex((count) => count > 0)]);
      });

      test("of many changes in one statement each stands for itself", async () => {
        const pairs = ["OPENAI", "GEMINI", "GCP_SA"].map((provider) => ({ org_slug: "acme", provider }));
        await store.placeHeads(pairs, T0);
        await change(other, pairs[1]!);
        const changes = pairs.map((one) => ({ ...one, expected_seq: 0, event_id: randomUUID(), set: headColumns() }));
        await store.advanceHeads(changes);
        const openings = await store.readOpenings(
          changes.map((one) => ({ ...one, idempotencyKeyHash: null, eventId: one.event_id })),
          T0,
        );
        expect(openings.map((one) => one.effective)).toEqual([true, false, true]);
        expect(openings.map((one) => one.head?.provider)).toEqual(["OPENAI", "GEMINI", "GCP_SA"]);
        expect(openings.map((one) => one.head?.seq)).toEqual([1, 1, 1]);
      });

      test("a change without a new credential leaves every column that it does not name, and those of a check above all", async () => {
        const before = await change(store, pair);
        await other.recordChecks([
          check(before, { status: "INVALID", error_code: "credential_rejected", next_due_at: null }),
        ]);
        await store.advanceHead({
          ...pair,
          expected_seq: 1,
          event_id: "renamed",
          set: { op: "update", credential_name: "New", updated_at: minute(20), metadata: {} },
        });
        const after = await store.readHead(pair);
        expect(after).toMatchObject({
          seq: 2,
          credential_name: "New",
          metadata: {},
          validation_status: "INVALID",
          next_due_at: null,
        });
        expect(after).toMatchObject({
          last_checked_at: minute(10),
          credential_id: before.credential_id,
          secret_event_id: before.secret_event_id,
        });
        await store.advanceHead({
          ...pair,
          expected_seq: 2,
          event_id: "cleared",
          set: { expires_at: null, enabled: false },
        });
        expect(await store.readHead(pair)).toMatchObject({ seq: 3, enabled: false, credential_name: "New" });
      });

      test("a change without a new credential cannot name a column of a check", async () => {
        const before = await change(store, pair);
        const checked = { op: "update", validation_status: "INVALID" } as const;
        // @ts-expect-error the types refuse it
        const typed: HeadChange["set"] = checked;
        const named = store.advanceHead({ ...pair, expected_seq: 1, event_id: "x", set: typed });
        await expect(named).rejects.toThrow(TypeError);
        // What slips past the types, the store refuses all the same.
        const slipped: HeadChange = { ...pair, expected_seq: 1, event_id: "y", set: { op: "update" } };
        Reflect.set(slipped.set, "consecutive_failures", 0);
        await expect(store.advanceHead(slipped)).rejects.toThrow(TypeError);
        expect(await store.readHead(pair)).toEqual(before);
      });
    });

    describe("idempotency and settling", () => {
      const keyed = (seq: number, prev: string | null, changed: Partial<Version> = {}) =>
        version(pair, {
          seq,
          prev_event_id: prev,
          idempotency_key_hash: "k1",
          idempotency_body_hash: "b1",
          result: { status: 201, body: { success: true, credential_id: "c", text: "ü\n" }, etag: '"v1"' },
          ...changed,
        });

      test("an effective version is replayed as answered, also after later changes", async () => {
        const made = keyed(1, null);
        await change(store, pair, { version: made });
        const replay = {
          event_id: made.event_id,
          provider: "OPENAI",
          idempotency_body_hash: "b1",
          result: made.result,
        };
        expect((await other.readOpening(pair, { ...nothing, idempotencyKeyHash: "k1" })).replay).toEqual(replay);
        await change(store, pair);
        await change(store, pair, { version: { op: "delete" } });
        expect((await other.readOpening(pair, { ...nothing, idempotencyKeyHash: "k1" })).replay).toEqual(replay);
        expect((await other.readOpening(pair, { ...nothing, idempotencyKeyHash: "k2" })).replay).toBeNull();
        expect((await other.readOpening(pair, nothing)).replay).toBeNull();
      });

      test("a version left by a lost race or a crash is never replayed and never effective", async () => {
        const inert = keyed(1, null);
        await store.appendVersions([inert]);
        const asked = { ...nothing, idempotencyKeyHash: "k1", eventId: inert.event_id };
        expect(await store.readOpening(pair, asked)).toEqual({ head: null, replay: null, effective: false });
        await change(store, pair);
        expect(await store.readOpening(pair, asked)).toMatchObject({ replay: null, effective: false });
      });

      test("a replay ends after 24 hours", async () => {
        await change(store, pair, { version: keyed(1, null) });
        const asked = { idempotencyKeyHash: "k1", eventId: null };
        expect(
          (await store.readOpening(pair, { ...asked, now: new Date(Date.parse(hour(24)) - 1).toISOString() })).replay,
        ).not.toBeNull();
        expect((await store.readOpening(pair, { ...asked, now: hour(24) })).replay).toBeNull();
      });

      test("another organisation's version is never replayed", async () => {
        for (const other of [
          { ...pair, org_slug: "other" },
          { org_slug: "other", provider: "GEMINI" },
        ]) {
          await change(store, other, { version: keyed(1, null, other) });
        }
        await change(store, pair);
        expect((await store.readOpening(pair, { ...nothing, idempotencyKeyHash: "k1" })).replay).toBeNull();
      });

      test("a key that the organisation used for another provider is found there, with that provider's name", async () => {
        const gemini = { ...pair, provider: "GEMINI" };
        const made = keyed(1, null, gemini);
        await change(store, gemini, { version: made });
        await change(store, { ...pair, provider: "GCP_SA" }, { version: { idempotency_key_hash: "k2" } });
        const replay = {
          event_id: made.event_id,
          provider: "GEMINI",
          idempotency_body_hash: "b1",
          result: made.result,
        };
        const asked = { ...nothing, idempotencyKeyHash: "k1" };
        expect(await store.readOpening(pair, asked), "never configured").toEqual({
          head: null,
          replay,
          effective: false,
        });
        await change(store, pair);
        expect((await other.readOpening(pair, asked)).replay, "configured without a key").toEqual(replay);
        expect((await store.readOpening(pair, { ...asked, now: hour(24) })).replay, "a day later").toBeNull();
      });

      test("another provider's version that never took effect is not found", async () => {
        await store.appendVersions([keyed(1, null, { provider: "GEMINI" })]);
        expect((await store.readOpening(pair, { ...nothing, idempotencyKeyHash: "k1" })).replay).toBeNull();
      });

      test("the pair's own version comes before another provider's of the same key, whichever is newer", async () => {
        const own = keyed(1, null, { changed_at: T0 });
        await change(store, pair, { version: own });
        const gemini = { ...pair, provider: "GEMINI" };
        await change(store, gemini);
        const { event_id } = await change(store, gemini);
        const newer = keyed(3, event_id, { ...gemini, changed_at: minute(5), idempotency_body_hash: "b2" });
        await change(store, gemini, { version: newer });
        const asked = { idempotencyKeyHash: "k1", eventId: null };
        const openings = await other.readOpenings(
          [pair, gemini, { ...pair, provider: "GCP_SA" }].map((one) => ({ ...one, ...asked })),
          minute(6),
        );
        expect(openings.map((one) => [one.replay?.provider, one.replay?.idempotency_body_hash])).toEqual([
          ["OPENAI", "b1"],
          ["GEMINI", "b2"],
          ["GEMINI", "b2"],
        ]);
        expect(openings[0]?.replay?.event_id).toBe(own.event_id);
      });

      test("an event is effective while it is the head's and after it was built upon", async () => {
        const first = await change(store, pair);
        const second = await change(store, pair);
        const third = await change(store, pair, { version: { op: "update" } });
        for (const event of [first, second, third].map((head) => head.event_id)) {
          expect((await other.readOpening(pair, { ...nothing, eventId: event })).effective).toBe(true);
        }
        expect((await other.readOpening(pair, { ...nothing, eventId: randomUUID() })).effective).toBe(false);
        expect(
          (await other.readOpening({ ...pair, org_slug: "other" }, { ...nothing, eventId: first.event_id })).effective,
        ).toBe(false);
      });

      test("many openings come in the order asked, those without rows included", async () => {
        const made = keyed(1, null);
        await change(store, pair, { version: made });
        const missing = { org_slug: "acme", provider: "GEMINI", idempotencyKeyHash: null, eventId: null };
        const asked = [missing, { ...pair, idempotencyKeyHash: "k1", eventId: made.event_id }, missing];
        const openings = await store.readOpenings(asked, T0);
        expect(openings.map((one) => [one.head?.seq ?? null, one.replay?.event_id ?? null, one.effective])).toEqual([
          [null, null, false],
          [1, made.event_id, true],
          [null, null, false],
        ]);
      });
    });

    describe("checks", () => {
      test("a definite check sets what it learnt and leaves the version alone", async () => {
        const before = await change(store, pair, {
          head: { validation_status: "PENDING", last_validated_at: null, consecutive_failures: 4 },
        });
        expect(await store.recordChecks([check(before, { discovered_expires_at: hour(9), notified_days: 30 })])).toBe(
          1,
        );
        const after = await other.readHead(pair);
        expect(after).toEqual({
          ...before,
          validation_status: "VALID",
          last_validated_at: minute(10),
          last_checked_at: minute(10),
          consecutive_failures: 0,
          next_due_at: hour(24),
          expires_at: hour(9),
          notified_days: 30,
        });
      });

      test("a refused credential becomes INVALID and keeps the time of its last success", async () => {
        const before = await change(store, pair, { head: { expires_at_declared: hour(9), expires_at: hour(9) } });
        await store.recordChecks([
          check(before, { status: "INVALID", error_code: "credential_rejected", next_due_at: null }),
        ]);
        expect(await store.readHead(pair)).toMatchObject({
          validation_status: "INVALID",
          last_validated_at: T0,
          error_code: "credential_rejected",
          next_due_at: null,
          expires_at: hour(9),
        });
      });

      test("an inconclusive check leaves status and last success as they are now, and counts up", async () => {
        const before = await change(store, pair);
        await other.recordChecks([
          check(before, { checked_at: minute(5), status: "INVALID", error_code: "credential_rejected" }),
        ]);
        for (const [index, at] of [minute(10), minute(20), minute(30)].entries()) {
          await store.recordChecks([
            check(before, {
              checked_at: at,
              status: null,
              failed: true,
              error_code: "provider_unreachable",
              next_due_at: hour(2),
            }),
          ]);
          expect(await store.readHead(pair)).toMatchObject({
            validation_status: "INVALID",
            last_validated_at: T0,
            last_checked_at: at,
            consecutive_failures: index + 1,
          });
        }
        await store.recordChecks([check(before, { checked_at: minute(40) })]);
        expect(await store.readHead(pair)).toMatchObject({
          validation_status: "VALID",
          last_validated_at: minute(40),
          consecutive_failures: 0,
        });
      });

      test("a check that began no later than the last one changes nothing", async () => {
        const before = await change(store, pair);
        await store.recordChecks([check(before, { checked_at: minute(10) })]);
        const after = await store.readHead(pair);
        for (const late of [minute(9), minute(10)]) {
          expect(
            await other.recordChecks([check(before, { checked_at: late, status: "INVALID", next_due_at: null })]),
          ).toBe(0);
        }
        expect(await store.readHead(pair)).toEqual(after);
      });

      test("a check of credential A never touches the head of credential B, which replaced it", async () => {
        const a = await change(store, pair);
        const b = await change(store, pair);
        expect(await other.recordChecks([check(a, { status: "INVALID" })])).toBe(0);
        expect(await store.markReported(a.credential_id, minute(1))).toBe(0);
        expect(await store.readHead(pair)).toEqual(b);
      });

      test("a check outlives a change of name and a change of name outlives a check", async () => {
        const before = await change(store, pair);
        await change(other, pair, { version: { op: "update" }, head: { credential_name: "New" } });
        expect(
          await store.recordChecks([
            check(before, { status: "EXPIRED", error_code: "credential_rejected", next_due_at: null }),
          ]),
        ).toBe(1);
        expect(await store.readHead(pair)).toMatchObject({
          seq: 2,
          credential_name: "New",
          validation_status: "EXPIRED",
        });
      });

      test.each([
        ["declared alone", hour(9), null, hour(9)],
        ["discovered alone", null, hour(9), hour(9)],
        ["declared earlier", hour(8), hour(9), hour(8)],
        ["discovered earlier", hour(9), hour(8), hour(8)],
        ["neither", null, null, null],
      ])("the expiry after a check is the earlier of declared and discovered: %s", async (_, declared, found, then) => {
        const before = await change(store, pair, { head: { expires_at_declared: declared, expires_at: hour(7) } });
        await store.recordChecks([check(before, { discovered_expires_at: found })]);
        expect(await store.readHead(pair)).toMatchObject({ expires_at_declared: declared, expires_at: then });
      });

      test("an expiry that is declared while a check runs stands after it, with the day it makes due and announced", async () => {
        const before = await change(store, pair, {
          head: { expires_at_declared: hour(900), expires_at: hour(900), notified_days: 30 },
        });
        await change(other, pair, {
          version: { op: "update" },
          head: { expires_at_declared: hour(50), expires_at: hour(50), next_due_at: hour(2) },
        });
        expect(await store.recordChecks([check(before, { discovered_expires_at: hour(800), notified_days: 7 })])).toBe(
          1,
        );
        expect(await store.readHead(pair)).toMatchObject({
          seq: 2,
          expires_at_declared: hour(50),
          expires_at: hour(50),
          next_due_at: hour(2),
          notified_days: 30,
          validation_status: "VALID",
          last_checked_at: minute(10),
        });
      });

      test("a declared expiry that is taken back while a check runs leaves the discovered one", async () => {
        const before = await change(store, pair, { head: { expires_at_declared: hour(50), expires_at: hour(50) } });
        await change(other, pair, { version: { op: "update" }, head: { expires_at_declared: null, expires_at: null } });
        await store.recordChecks([check(before, { discovered_expires_at: hour(800) })]);
        expect(await store.readHead(pair)).toMatchObject({ expires_at_declared: null, expires_at: hour(800) });
      });

      test.each([
        ["VALID", hour(2), hour(24), hour(2)],
        ["VALID", hour(30), hour(24), hour(24)],
        ["VALID", null, hour(24), hour(24)],
        ["VALID", hour(2), null, hour(2)],
        [null, hour(2), hour(3), hour(2)],
        [null, null, hour(3), hour(3)],
        [null, hour(2), null, hour(2)],
        ["INVALID", hour(2), null, null],
        ["EXPIRED", hour(2), null, null],
        ["INVALID", null, null, null],
      ] as const)(
        "a change that came while it was checked: %s, its due time %s and the check's %s give %s",
        async (status, changed, checked, then) => {
          const before = await change(store, pair, { head: { next_due_at: minute(1) } });
          await change(other, pair, { version: { op: "update" }, head: { next_due_at: changed } });
          await store.recordChecks([check(before, { status, failed: status === null, next_due_at: checked })]);
          expect((await store.readHead(pair))?.next_due_at).toBe(then);
        },
      );

      test("without a change meanwhile the check's due time and announcement hold as given", async () => {
        const before = await change(store, pair, { head: { next_due_at: minute(1), notified_days: 30 } });
        await store.recordChecks([check(before, { next_due_at: hour(24), notified_days: 7 })]);
        expect(await store.readHead(pair)).toMatchObject({ next_due_at: hour(24), notified_days: 7 });
      });

      test("a report that came while it was checked keeps it due, whether a change came too or not", async () => {
        const before = await change(store, pair);
        await store.markReported(before.credential_id, minute(11));
        await change(other, pair, { version: { op: "update" }, head: { credential_name: "New" } });
        await store.recordChecks([check(before, { status: "INVALID", next_due_at: null })]);
        expect(await store.readHead(pair)).toMatchObject({ reported_at: minute(11), next_due_at: minute(11) });
      });

      test("which of many checks took effect is told by their time, also after a lost answer", async () => {
        const heads: Head[] = [];
        for (const name of ["custom-a", "custom-b", "custom-c", "custom-d"])
          heads.push(await change(store, { org_slug: "acme", provider: name }));
        const [a, b, c, d] = heads.map((head) => check(head));
        if (!a || !b || !c || !d) throw new Error("four were made");
        await other.recordChecks([{ ...b, checked_at: minute(11) }]);
        await change(other, { org_slug: "acme", provider: "custom-c" });
        await store.recordChecks([a, b, c]);
        await store.recordChecks([a, b, c]);
        expect((await other.readTaken([a, b, c, d])).sort()).toEqual([a.credential_id]);
        expect(await store.readTaken([{ ...b, checked_at: minute(11) }])).toEqual([b.credential_id]);
        expect(await store.readTaken([{ credential_id: randomUUID(), checked_at: minute(10) }])).toEqual([]);
      });

      test("a check that took effect on two rows of one state is told once", async () => {
        await Promise.all([store.placeHeads([pair], T0), other.placeHeads([pair], T0)]);
        await store.advanceHead({ ...pair, expected_seq: 0, event_id: randomUUID(), set: headColumns() });
        const head = (await store.readHeads("acme")).heads[0];
        if (!head) throw new Error("the head is gone");
        await store.recordChecks([check(head)]);
        expect(await store.readTaken([check(head)])).toEqual([head.credential_id]);
      });

      test("a batch of 1,000 checks changes each head it speaks of and counts them", async () => {
        const pairs = Array.from({ length: 1000 }, (_, index) => ({ org_slug: "many", provider: `custom-${index}` }));
        await store.placeHeads(pairs, T0);
        await store.advanceHeads(
          pairs.map((one) => ({ ...one, expected_seq: 0, event_id: randomUUID(), set: headColumns() })),
        );
        const { heads } = await store.readHeads("many");
        expect(heads).toHaveLength(1000);
        const rows = heads.map((head, index) => check(head, { status: index === 36 ? "INVALID" : "VALID" }));
        expect(await store.recordChecks([...rows.slice(1), check(heads[0]!, { credential_id: randomUUID() })])).toBe(
          999,
        );
        expect(await store.readTaken(rows)).toHaveLength(999);
        const after = (await store.readHeads("many")).heads;
        expect(after.filter((head) => head.validation_status === "INVALID").map((head) => head.provider)).toEqual([
          heads[36]?.provider,
        ]);
        expect(after.filter((head) => head.last_checked_at === T0).map((head) => head.provider)).toEqual([
          heads[0]?.provider,
        ]);
      });

      test("a report makes the credential due at once, and only the first one counts", async () => {
        const before = await change(store, pair, { head: { validation_status: "PENDING", next_due_at: null } });
        expect(await other.markReported(before.credential_id, minute(1))).toBe(1);
        expect(await store.markReported(before.credential_id, minute(2))).toBe(0);
        expect(await store.readHead(pair)).toEqual({ ...before, reported_at: minute(1), next_due_at: minute(1) });
        expect(await store.markReported(randomUUID(), minute(1))).toBe(0);
      });

      test.each(["INVALID", "EXPIRED"] as const)("a report of an %s credential says nothing new", async (status) => {
        const dead = await change(store, pair, { head: { validation_status: status, next_due_at: null } });
        expect(await other.markReported(dead.credential_id, minute(1))).toBe(0);
        expect(await store.readHead(pair)).toEqual(dead);
      });

      test("a report of a deleted credential changes nothing", async () => {
        const deleted = await change(store, pair).then(() => change(store, pair, { version: { op: "delete" } }));
        expect(await store.markReported(deleted.credential_id, minute(1))).toBe(0);
        expect(await store.readHead(pair)).toEqual(deleted);
      });

      test("only a definite check that began after the report clears it", async () => {
        const before = await change(store, pair);
        await store.markReported(before.credential_id, minute(10));
        await store.recordChecks([check(before, { checked_at: minute(10) })]);
        expect(await store.readHead(pair), "began at the report").toMatchObject({
          reported_at: minute(10),
          next_due_at: minute(10),
        });
        await store.recordChecks([
          check(before, { checked_at: minute(11), status: null, failed: true, next_due_at: minute(15) }),
        ]);
        expect(await store.readHead(pair), "inconclusive").toMatchObject({
          reported_at: minute(10),
          next_due_at: minute(15),
        });
        await store.recordChecks([check(before, { checked_at: minute(16) })]);
        expect(await store.readHead(pair), "definite").toMatchObject({ reported_at: null, next_due_at: hour(24) });
      });
    });

    describe("what is due", () => {
      const all = { limit: 500, org: null, shard: null, after: null };
      const provider = (page: { rows: Array<{ head: Head }> }) => page.rows.map((row) => row.head.provider);

      test("reported ones come first, then by how long they have been due, each with its ciphertext", async () => {
        const due: Array<[string, number, boolean]> = [
          ["custom-a", 30, false],
          ["custom-b", 10, false],
          ["custom-c", 50, true],
          ["custom-d", 20, false],
          ["custom-e", 40, true],
        ];
        for (const [name, at, reported] of due) {
          await change(
            store,
            { org_slug: "acme", provider: name },
            { head: { next_due_at: minute(at), reported_at: reported ? minute(at) : null } },
          );
        }
        await change(store, { org_slug: "acme", provider: "custom-f" }, { head: { next_due_at: minute(61) } });
        await change(store, { org_slug: "acme", provider: "custom-g" }, { head: { next_due_at: null } });
        const page = await other.readDue({ ...all, now: minute(60) });
        expect(provider(page)).toEqual(["custom-e", "custom-c", "custom-b", "custom-d", "custom-a"]);
        expect(page).toMatchObject({ due_total: 5, next_due_at: minute(61), next: null });
        expect(page.rows.every((row) => row.encrypted_credential?.length === 48)).toBe(true);
        expect(page.rows[0]?.head).toEqual(await store.readHead({ org_slug: "acme", provider: "custom-e" }));
      });

      test("it is due at the very millisecond and not before", async () => {
        await change(store, pair, { head: { next_due_at: minute(60) } });
        expect(provider(await store.readDue({ ...all, now: minute(60) }))).toEqual(["OPENAI"]);
        const before = await store.readDue({ ...all, now: new Date(Date.parse(minute(60)) - 1).toISOString() });
        expect(before).toEqual({ rows: [], due_total: 0, next_due_at: minute(60), next: null });
      });

      test.each([
        ["deleted", { op: "delete" }],
        ["disabled", { enabled: false }],
        ["past its deactivation", { deactivation_scheduled_at: minute(60) }],
        ["not to be asked again", { next_due_at: null }],
      ] as const)("what is %s is not due, and will not be", async (_, set) => {
        await change(store, pair, { head: { next_due_at: T0 } });
        await change(store, pair, { version: { op: "update" }, head: set });
        expect(await store.readDue({ ...all, now: minute(60) })).toEqual({
          rows: [],
          due_total: 0,
          next_due_at: null,
          next: null,
        });
      });

      test("a deactivation that is still to come leaves it due", async () => {
        await change(store, pair, { head: { next_due_at: T0, deactivation_scheduled_at: minute(61) } });
        expect(provider(await store.readDue({ ...all, now: minute(60) }))).toEqual(["OPENAI"]);
      });

      test("one organisation's sweep sees that organisation", async () => {
        await change(store, pair, { head: { next_due_at: T0 } });
        await change(store, { ...pair, org_slug: "other" }, { head: { next_due_at: T0 } });
        const page = await store.readDue({ ...all, now: minute(1), org: "other" });
        expect([page.rows.map((row) => row.head.org_slug), page.due_total]).toEqual([["other"], 1]);
      });

      test("pages follow each other without a gap or a repetition, while checks are recorded between them", async () => {
        const pairs = Array.from({ length: 23 }, (_, index) => ({ org_slug: "acme", provider: `custom-${index}` }));
        for (const [index, one] of pairs.entries()) {
          await change(store, one, { head: { next_due_at: minute(index % 3), reported_at: index % 5 ? null : T0 } });
        }
        const seen: string[] = [];
        let after: DueCursor | null = null;
        for (let pages = 0; pages < 10; pages += 1) {
          const page = await store.readDue({ ...all, limit: 5, now: minute(60), after });
          seen.push(...provider(page));
          await other.recordChecks(page.rows.map(({ head }) => check(head, { checked_at: minute(61) })));
          after = page.next;
          if (after === null) break;
        }
        expect(seen).toHaveLength(23);
        expect(new Set(seen)).toEqual(new Set(pairs.map((one) => one.provider)));
      });

      test("shards are disjoint, complete, and each counts its own", async () => {
        const pairs = Array.from({ length: 40 }, (_, index) => ({ org_slug: "acme", provider: `custom-${index}` }));
        for (const one of pairs) await change(store, one, { head: { next_due_at: T0 } });
        const pages = await Promise.all(
          [0, 1, 2].map((index) =>
            (index % 2 ? store : other).readDue({ ...all, now: minute(1), shard: { index, count: 3 } }),
          ),
        );
        const names = pages.flatMap(provider);
        expect(names).toHaveLength(40);
        expect(new Set(names).size).toBe(40);
        expect(pages.map((page) => page.due_total)).toEqual(pages.map((page) => page.rows.length));
        expect(pages.every((page) => page.rows.length > 0)).toBe(true);
      });

      test("deactivations that have passed are listed oldest first, until the pair is deleted", async () => {
        const at = (provider: string, when: string | null) =>
          change(store, { org_slug: "acme", provider }, { head: { deactivation_scheduled_at: when } });
        await at("custom-a", minute(30));
        await at("custom-b", minute(20));
        await at("custom-c", minute(40));
        await at("custom-d", null);
        const names = async (now: string, limit = 10) =>
          (await store.readDueDeactivations(now, limit, null)).map((head) => head.provider);
        expect(await names(minute(30))).toEqual(["custom-b", "custom-a"]);
        expect(await names(minute(40), 1)).toEqual(["custom-b"]);
        await change(store, { org_slug: "acme", provider: "custom-b" }, { version: { op: "delete" } });
        expect(await names(minute(40))).toEqual(["custom-a", "custom-c"]);
        expect(await store.readDueDeactivations(minute(40), 10, "another")).toEqual([]);
        expect(await store.readDueDeactivations(minute(40), 10, "acme")).toHaveLength(2);
      });
    });

    describe("history", () => {
      test("it holds every change that took effect, newest first, and none that did not", async () => {
        const first = await change(store, pair, {
          version: {
            changed_at: minute(1),
            result: { status: 201, body: { validation_status: "VALID" }, etag: '"v1"' },
          },
        });
        await store.appendVersions([version(pair, { seq: 2, prev_event_id: first.event_id, changed_at: minute(2) })]);
        await change(other, pair, { version: { op: "update", changed_at: minute(3), changed_by: "kid2" } });
        await change(store, pair, { version: { op: "delete", changed_at: minute(4) } });
        await change(store, { ...pair, org_slug: "other" });
        const { items, next } = await store.readHistory(pair, { limit: 50, before: null });
        expect(next).toBeNull();
        expect(items.map(({ type, at, actor, status }) => [type, at, actor, status])).toEqual([
          ["delete", minute(4), "kid000000001", null],
          ["update", minute(3), "kid2", null],
          ["setup", minute(1), "kid000000001", "VALID"],
        ]);
        expect(items[2]).toEqual({
          type: "setup",
          at: minute(1),
          credential_id: first.credential_id,
          status: "VALID",
          key_version: "1",
          fingerprint: "0123abcd",
          actor: "kid000000001",
        });
      });

      test("a check stands in it only where the status differs from the one before of that credential", async () => {
        const setup = { result: { status: 201, body: { validation_status: "VALID" }, etag: '"v1"' } };
        const head = await change(store, pair, { version: setup });
        const b = { ...head, credential_id: randomUUID() };
        const at = (minutes: number, status: "VALID" | "INVALID", of: Head = head) =>
          validation(of, { checked_at: minute(minutes), status });
        const twice = at(3, "INVALID");
        await store.appendValidations([
          at(1, "VALID"),
          at(2, "VALID"),
          twice,
          at(4, "INVALID"),
          at(5, "VALID", b),
          at(6, "INVALID"),
          at(7, "VALID"),
        ]);
        await other.appendValidations([twice]);
        const { items } = await store.readHistory(pair, { limit: 50, before: null });
        expect(
          items.map(({ type, at, status, credential_id }) => [type, at, status, credential_id === b.credential_id]),
        ).toEqual([
          ["check", minute(7), "VALID", false],
          ["check", minute(5), "VALID", true],
          ["check", minute(3), "INVALID", false],
          ["setup", T0, "VALID", false],
        ]);
        expect(items[0]).toMatchObject({ actor: "scheduler", key_version: null, fingerprint: null });
      });

      test("pages follow each other without a gap or a repetition, also at equal times", async () => {
        for (let index = 0; index < 7; index += 1)
          await change(store, pair, { version: { changed_at: minute(index >> 1) } });
        const head = await store.readHead(pair);
        await store.appendValidations([validation(head!, { checked_at: minute(3), status: "INVALID" })]);
        const whole = await store.readHistory(pair, { limit: 50, before: null });
        const paged = [];
        let before: string | null = null;
        do {
          const page: Awaited<ReturnType<CredentialStore["readHistory"]>> = await other.readHistory(pair, {
            limit: 3,
            before,
          });
          paged.push(...page.items);
          before = page.next;
        } while (before !== null);
        expect(whole.items).toHaveLength(8);
        expect(paged).toEqual(whole.items);
      });

      test.each(["", "x", "e30", "%%%", "a".repeat(5000)])(
        "a cursor that is none (%#) is refused as malformed",
        async (before) => {
          await expect(store.readHistory(pair, { limit: 3, before })).rejects.toMatchObject({
            code: "request_malformed",
          });
        },
      );
    });

    describe("purge", () => {
      const justBefore = (time: string) => new Date(Date.parse(time) - 1).toISOString();

      test("a deleted credential loses its ciphertext at once, with every version up to it", async () => {
        await change(store, pair);
        await change(store, pair);
        await change(store, pair, { version: { op: "delete" } });
        const kept = await change(store, { ...pair, org_slug: "other" });
        expect(await store.purgeDeleted()).toBe(2);
        expect(await under.sealedEvents(pair)).toEqual([]);
        expect(await under.sealedEvents({ ...pair, org_slug: "other" })).toEqual([kept.event_id]);
        expect(await store.purgeDeleted()).toBe(0);
        expect((await store.readHistory(pair, { limit: 10, before: null })).items).toHaveLength(3);
      });

      test("a version above the seq of a deleted head is left alone for 24 hours: it may belong to a running setup", async () => {
        await change(store, pair);
        const deleted = await change(store, pair, { version: { op: "delete" } });
        const running = version(pair, { seq: 3, prev_event_id: deleted.event_id, changed_at: minute(10) });
        await other.appendVersions([running]);
        await store.purgeDeleted();
        await store.purgeSuperseded(justBefore(new Date(Date.parse(minute(10)) + 86_400_000).toISOString()));
        expect(await under.sealedEvents(pair)).toEqual([running.event_id]);
        await other.advanceHead({
          ...pair,
          expected_seq: 2,
          event_id: running.event_id,
          set: headColumns({ secret_event_id: running.event_id }),
        });
        expect(await store.purgeDeleted()).toBe(0);
        expect((await store.readSealed(pair))?.encrypted_credential).toEqual(running.encrypted_credential);
      });

      test("an inert version loses its ciphertext 24 hours after it was written", async () => {
        await change(store, pair);
        const inert = version(pair, { seq: 2, prev_event_id: null, changed_at: hour(1) });
        const lost = version({ ...pair, org_slug: "never" }, { seq: 1, prev_event_id: null, changed_at: hour(1) });
        await store.appendVersions([inert, lost]);
        expect(await store.purgeSuperseded(justBefore(hour(25)))).toBe(0);
        expect(await store.purgeSuperseded(hour(25))).toBe(2);
        expect(await under.sealedEvents(pair)).toEqual([(await store.readHead(pair))?.event_id]);
      });

      test("a superseded secret lives for 24 hours after the change that superseded it, not after its own", async () => {
        const first = await change(store, pair, { version: { changed_at: T0 } });
        await change(store, pair, { version: { op: "update", changed_at: hour(1) }, head: { credential_name: "New" } });
        expect(await store.purgeSuperseded(hour(500))).toBe(0);
        const second = await change(store, pair, { version: { changed_at: hour(501) } });
        expect(await store.purgeSuperseded(justBefore(hour(525)))).toBe(0);
        expect((await under.sealedEvents(pair)).sort()).toEqual([first.event_id, second.event_id].sort());
        expect(await store.purgeSuperseded(hour(525))).toBe(1);
        expect(await under.sealedEvents(pair)).toEqual([second.event_id]);
        expect((await store.readSealed(pair))?.encrypted_credential).toHaveLength(48);
      });

      test("sealing anew supersedes the old ciphertext of the same credential", async () => {
        const first = await change(store, pair, { version: { changed_at: T0 } });
        const anew = await change(store, pair, {
          version: { op: "rewrap", changed_at: hour(1) },
          head: { credential_id: first.credential_id },
        });
        expect(await store.purgeSuperseded(justBefore(hour(25)))).toBe(0);
        expect(await store.purgeSuperseded(hour(25))).toBe(1);
        expect(await under.sealedEvents(pair)).toEqual([anew.event_id]);
      });

      test("the ciphertext that a head names is never purged as superseded, wherever it stands", async () => {
        const head = await change(store, pair);
        const put = version(pair, { seq: 1, prev_event_id: null });
        await store.appendVersions([put]);
        const set = headColumns({ secret_event_id: put.event_id });
        await store.advanceHead({ ...pair, expected_seq: 1, event_id: randomUUID(), set });
        await store.purgeSuperseded(hour(500));
        expect(await under.sealedEvents(pair)).toContain(put.event_id);
        expect((await store.readSealed(pair))?.encrypted_credential).toEqual(put.encrypted_credential);
        expect(head.secret_event_id).not.toBe(put.event_id);
      });

      test("a change that did not take effect supersedes nothing", async () => {
        const first = await change(store, pair, { version: { changed_at: T0 } });
        await store.appendVersions([
          version(pair, { seq: 2, prev_event_id: first.event_id, changed_at: T0, encrypted_credential: null }),
        ]);
        await change(store, pair, { version: { changed_at: hour(40) } });
        expect(await store.purgeSuperseded(hour(30))).toBe(0);
      });

      test("a secret that was deleted and replaced goes 24 hours after its deletion", async () => {
        await change(store, pair, { version: { changed_at: T0 } });
        await change(store, pair, { version: { op: "delete", changed_at: hour(1) } });
        const second = await change(store, pair, { version: { op: "setup", changed_at: hour(20) } });
        expect(await store.purgeDeleted()).toBe(0);
        expect(await store.purgeSuperseded(hour(25))).toBe(1);
        expect(await under.sealedEvents(pair)).toEqual([second.event_id]);
      });
    });

    describe("sealed under which key version", () => {
      const sealed = (keyVersion: string | null, more: { version?: Partial<Version>; head?: object } = {}) => ({
        version: { key_version: keyVersion, ...more.version },
        head: { key_version: keyVersion, ...more.head },
      });
      const at = (org_slug: string, provider = "OPENAI"): Pair => ({ org_slug, provider });
      const names = (page: { rows: Array<{ head: Head }> }) =>
        page.rows.map(({ head }) => `${head.org_slug} ${head.provider}`);

      test("an empty store holds no ciphertext under any version, and none is elsewhere", async () => {
        expect(await store.countByKeyVersion()).toEqual([]);
        expect(await store.readSealedElsewhere({ keyVersion: "1", limit: 10, after: null })).toEqual({
          rows: [],
          unread: [],
          total: 0,
          next: null,
        });
      });

      test("ciphertexts are counted by version in the order of the numbers, the current ones apart from all others", async () => {
        await change(store, at("a"), sealed("10"));
        await change(store, at("b"), sealed("2"));
        await change(store, at("b"), sealed("10"));
        await change(store, at("c"), sealed("2"));
        await change(store, at("c"), { version: { op: "delete" } });
        await change(store, at("d"), sealed("9"));
        await change(store, at("d"), { version: { op: "disable" }, head: { enabled: false } });
        await change(store, at("e"), sealed(null));
        await store.appendVersions([version(at("f"), { seq: 1, prev_event_id: null, key_version: "2" })]);
        await store.placeHeads([at("f")], T0);
        expect(await other.countByKeyVersion()).toEqual([
          { key_version: "2", current: 0, other: 3 },
          { key_version: "9", current: 1, other: 0 },
          { key_version: "10", current: 2, other: 0 },
          { key_version: null, current: 1, other: 0 },
        ]);
      });

      test("a version that was inserted twice is one ciphertext, and one without ciphertext is none", async () => {
        const head = await change(store, pair, sealed("1"));
        const made = version(pair, { seq: 2, prev_event_id: head.event_id, key_version: "2" });
        await store.appendVersions([made]);
        await other.appendVersions([made]);
        await store.advanceHead({
          ...pair,
          expected_seq: 1,
          event_id: made.event_id,
          set: headColumns({ op: "rewrap", key_version: "2", secret_event_id: made.event_id }),
        });
        await change(store, at("none"), {
          version: { key_version: null, encrypted_credential: null },
          head: { key_version: null, secret_event_id: null },
        });
        expect(await store.countByKeyVersion()).toEqual([
          { key_version: "1", current: 0, other: 1 },
          { key_version: "2", current: 1, other: 0 },
        ]);
        await store.purgeSuperseded(hour(500));
        expect(await store.countByKeyVersion()).toEqual([{ key_version: "2", current: 1, other: 0 }]);
      });

      test("a secret stays current through a change that keeps it", async () => {
        await change(store, pair, sealed("3"));
        await change(store, pair, { version: { op: "update", key_version: "3" }, head: { credential_name: "New" } });
        expect(await store.countByKeyVersion()).toEqual([{ key_version: "3", current: 1, other: 0 }]);
        expect(names(await store.readSealedElsewhere({ keyVersion: "4", limit: 10, after: null }))).toEqual([
          "acme OPENAI",
        ]);
      });

      test("elsewhere are current heads with a ciphertext of another version: disabled ones too, deleted and bare ones not", async () => {
        const first = await change(store, at("a"), sealed("1"));
        await change(store, at("b"), sealed("2"));
        await change(store, at("c"), sealed("1"));
        await change(store, at("c"), { version: { op: "disable" }, head: { enabled: false } });
        await change(store, at("d"), sealed("1"));
        await change(store, at("d"), { version: { op: "delete" } });
        await change(store, at("e"), sealed("1"));
        await change(store, at("e"), sealed("2"));
        await change(store, at("f"), sealed(null));
        await change(store, at("g"), {
          version: { key_version: null, encrypted_credential: null },
          head: { key_version: null, secret_event_id: null },
        });
        await change(store, at("g2"), sealed("1", { version: { encrypted_credential: null } }));
        await change(store, at("h"), {
          ...sealed("3"),
          head: { key_version: "3", deactivation_scheduled_at: hour(1) },
        });
        await store.placeHeads([at("i")], T0);
        const page = await other.readSealedElsewhere({ keyVersion: "2", limit: 10, after: null });
        expect(names(page)).toEqual(["a OPENAI", "c OPENAI", "f OPENAI", "h OPENAI"]);
        expect(page).toMatchObject({ unread: [], total: 4, next: null });
        expect(page.rows[0]).toEqual(await store.readSealed(at("a")));
        expect(page.rows[0]?.head).toEqual(first);
        expect(page.rows[0]?.encrypted_credential).toHaveLength(48);
      });

      test("many sealed anew in one statement change where their secret lies, each for itself, and nothing else", async () => {
        const orgs = ["a", "b", "c"];
        const before = new Map<string, Head>();
        for (const org of orgs) before.set(org, await change(store, at(org), sealed("1")));
        const made = orgs.map((org) =>
          version(at(org), {
            op: "rewrap",
            seq: 2,
            prev_event_id: before.get(org)?.event_id ?? "",
            credential_id: before.get(org)?.credential_id ?? "",
            key_version: "2",
          }),
        );
        await store.appendVersions(made);
        const late = await change(other, at("b"), { version: { op: "update" }, head: { credential_name: "Theirs" } });
        await other.recordChecks([
          check(before.get("a") ?? late, { status: "INVALID", error_code: "credential_rejected", next_due_at: null }),
        ]);
        const checked = await store.readHead(at("a"));
        const changes = made.map(
          (one): HeadChange => ({
            ...at(one.org_slug),
            expected_seq: 1,
            event_id: one.event_id,
            set: { op: "rewrap", key_version: "2", secret_event_id: one.event_id },
          }),
        );
        await store.advanceHeads(changes);
        const anew = (head: Head | null | undefined, index: number) => ({
          ...head,
          seq: 2,
          op: "rewrap",
          event_id: made[index]?.event_id,
          secret_event_id: made[index]?.event_id,
          key_version: "2",
        });
        expect(checked?.validation_status).toBe("INVALID");
        expect(await other.readHead(at("a"))).toEqual(anew(checked, 0));
        expect(await other.readHead(at("b"))).toEqual(late);
        expect(await other.readHead(at("c"))).toEqual(anew(before.get("c"), 2));
      });

      test("pages follow each other in the order of organisation and provider while rows leave, each with the whole count", async () => {
        const pairs = ["b", "a", "c"].flatMap((org) => ["OPENAI", "GCP_SA"].map((provider) => at(org, provider)));
        for (const one of pairs) await change(store, one, sealed("1"));
        const seen: string[] = [];
        const totals: number[] = [];
        let after: Pair | null = null;
        do {
          const page: Awaited<ReturnType<CredentialStore["readSealedElsewhere"]>> = await store.readSealedElsewhere({
            keyVersion: "2",
            limit: 2,
            after,
          });
          seen.push(...names(page));
          totals.push(page.total);
          for (const { head } of page.rows) await change(other, head, sealed("2", { version: { op: "rewrap" } }));
          after = page.next;
        } while (after !== null);
        expect(seen).toEqual(["a GCP_SA", "a OPENAI", "b GCP_SA", "b OPENAI", "c GCP_SA", "c OPENAI"]);
        expect(totals).toEqual([6, 4, 2, 0]);
      });
    });
  });
}

/** Every order in which two writers can take so many steps each. */
function interleavings(zeros: number, ones: number): Array<Array<0 | 1>> {
  if (zeros === 0 && ones === 0) return [[]];
  const first = zeros > 0 ? interleavings(zeros - 1, ones).map((rest): Array<0 | 1> => [0, ...rest]) : [];
  const second = ones > 0 ? interleavings(zeros, ones - 1).map((rest): Array<0 | 1> => [1, ...rest]) : [];
  return [...first, ...second];
}

/** A first setup as four steps: read, place, append, compare-and-set. */
function firstSetup(store: CredentialStore, pair: Pair) {
  const event = randomUUID();
  let seen: Head | null = null;
  const steps = [
    async () => {
      seen = (await store.readOpening(pair, nothing)).head;
    },
    async () => {
      if (!seen) await store.placeHeads([pair], T0);
    },
    async () => {
      const prev_event_id = seen && seen.seq > 0 ? seen.event_id : null;
      await store.appendVersions([version(pair, { event_id: event, seq: (seen?.seq ?? 0) + 1, prev_event_id })]);
    },
    async () => {
      writer.acknowledged =
        (await store.advanceHead({ ...pair, expected_seq: seen?.seq ?? 0, event_id: event, set: headColumns() })) > 0;
      writer.seq = (seen?.seq ?? 0) + 1;
    },
  ];
  const writer = { event, acknowledged: false, seq: 0, step: async () => steps.shift()?.() };
  return writer;
}
