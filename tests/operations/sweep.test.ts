import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { systemClock } from "../../shared/adapters/system-clock.ts";
import { revalidateBody } from "../../shared/contract/bodies.ts";
import { decrypt } from "../../shared/operations/decrypt.ts";
import { HeadMemory } from "../../shared/operations/head-memory.ts";
import { importMany } from "../../shared/operations/import.ts";
import { list } from "../../shared/operations/read.ts";
import { remove } from "../../shared/operations/remove.ts";
import { sweep as sweepWith } from "../../shared/operations/sweep.ts";
import { update } from "../../shared/operations/update.ts";
import { validate } from "../../shared/operations/validate.ts";
import type { Works } from "../../shared/operations/works.ts";
import { Slots } from "../../shared/providers/slots.ts";
import { type Bench, DAY, faultOf, HOUR, MINUTE, openBench, SECOND } from "./bench.ts";

const REQUESTER = { requestId: "00000000-0000-4000-8000-000000000002", actor: "scheduler" };
const free = { ifMatch: null, createOnly: false };
const RUN = { pipeline: "genai.payg_usage", run_id: "r", as: "secret" } as const;
let bench: Bench;
beforeEach(() => {
  bench = openBench();
});
afterEach(() => bench.close());

const sweep = (body: object = {}, works: Works = bench.works) =>
  sweepWith(works, REQUESTER, revalidateBody.parse(body));
const put = (org: string, body: Parameters<typeof update>[1]["body"], works = bench.works) =>
  update(works, { ...bench.subject(org), body, message: "ok", idempotency: null, precondition: free });
const iso = (ms = 0) => new Date(bench.clock.now() + ms).toISOString();

/** So many credentials of one provider, all of them due a day and a bit later. */
async function dueOnes(count: number, code = "FAKE", prefix = "org"): Promise<string[]> {
  const orgs = Array.from({ length: count }, (_, index) => `${prefix}${index}`);
  for (const org of orgs) await bench.setUp(org, `${code.toLowerCase()}-${org}`, {}, code);
  bench.clock.advance(27 * HOUR);
  bench.asked.length = 0;
  bench.watched.calls.length = 0;
  return orgs;
}
const tally = (outcomes: Partial<Record<"checked" | "valid" | "invalid" | "expired" | "inconclusive", number>>) => ({
  checked: 0,
  valid: 0,
  invalid: 0,
  expired: 0,
  inconclusive: 0,
  ...outcomes,
});

test("a sweep asks each due credential once and says what it found, by provider", async () => {
  const orgs = await dueOnes(7);
  await bench.setUp("slow", "slow-key", {}, "SLOW");
  bench.database.exec("UPDATE heads SET next_due_at = '2026-08-22T13:00:00.000Z'");
  bench.asked.length = 0;
  [200, 200, 401, 403, 410, 429, 500].forEach((status, index) => {
    bench.answers(`fake-${orgs[index]}`, status);
  });
  const found = await sweep();
  const fake = tally({ checked: 7, valid: 2, invalid: 2, expired: 1, inconclusive: 2 });
  expect(found).toMatchObject({
    ...tally({ checked: 8, valid: 3, invalid: 2, expired: 1, inconclusive: 2 }),
    remaining: 0,
    providers: { FAKE: fake, SLOW: tally({ checked: 1, valid: 1 }) },
  });
  expect(new Set(bench.asked)).toEqual(new Set([...orgs.map((org) => `fake-${org}`), "slow-key"]));
  expect(bench.asked, "three were asked a second time before they flipped").toHaveLength(11);
  const statuses = await Promise.all(orgs.map(async (org) => (await bench.head(org)).validation_status));
  expect(statuses).toEqual(["VALID", "VALID", "INVALID", "INVALID", "EXPIRED", "VALID", "VALID"]);
  const next = (await Promise.all(orgs.map(async (org) => (await bench.head(org)).next_due_at)))
    .filter((at) => at !== null)
    .sort();
  expect(found.next_due_at).toBe(next[0]);
  expect(await sweep()).toMatchObject({ checked: 0, remaining: 0, next_due_at: next[0] });
});

describe("what it costs", () => {
  const SIZE = 1_200;

  test("1,200 credentials: 3 reads, 2 batches of 2 writes, 1 for notices, 2 for purge; 1,000 of them: 2 reads, 1 batch", async () => {
    await dueOnes(SIZE);
    const startedAt = performance.now();
    expect(await sweep()).toMatchObject({ checked: SIZE, valid: SIZE, remaining: 0 });
    expect(performance.now() - startedAt).toBeLessThan(5_000);
    const cost = () =>
      Object.fromEntries(
        [...new Set(bench.watched.calls)].map((name) => [
          name,
          bench.watched.calls.filter((one) => one === name).length,
        ]),
      );
    expect(cost()).toEqual({
      readDueDeactivations: 1,
      readDue: 3,
      appendValidations: 2,
      recordChecks: 2,
      purgeDeleted: 1,
      purgeSuperseded: 1,
    });
    bench.clock.advance(27 * HOUR);
    bench.watched.calls.length = 0;
    expect(await sweep({ limit: 1_000 })).toMatchObject({ checked: 1_000, remaining: 200 });
    expect(cost()).toMatchObject({ readDue: 2, appendValidations: 1, recordChecks: 1 });
    expect(await sweep()).toMatchObject({ checked: 200, remaining: 0 });
  });

  test("the second batch cannot be written: the first is kept and told, the rest stays due, and the next run needs only them", async () => {
    await dueOnes(SIZE);
    bench.usually.answer = () => 429;
    bench.logs.length = 0;
    bench.watched.next("recordChecks", null);
    bench.watched.always("recordChecks", "fails");
    expect(await faultOf(sweep())).toBe("store_unavailable");
    const failures = () =>
      bench.database
        .prepare("SELECT consecutive_failures AS n, COUNT(*) AS heads FROM heads GROUP BY 1 ORDER BY 1")
        .all()
        .map((row) => [row["n"], row["heads"]]);
    expect(failures()).toEqual([
      [0, 200],
      [1, 1_000],
    ]);
    expect(bench.events("provider.incident")).toHaveLength(1);
    bench.watched.always("recordChecks", null);
    bench.asked.length = 0;
    expect(await sweep()).toMatchObject({ remaining: 0 });
    expect(bench.asked).toHaveLength(200);
    expect(failures()).toEqual([[1, SIZE]]);
  });

  test("a batch whose answer is lost after it took effect counts nothing twice", async () => {
    const orgs = await dueOnes(3);
    bench.usually.answer = () => 429;
    bench.watched.next("recordChecks", "takes effect, then fails");
    bench.watched.next("appendValidations", "takes effect, then fails", "fails");
    await sweep();
    for (const org of orgs) expect((await bench.head(org)).consecutive_failures).toBe(1);
    const rows = bench.database
      .prepare("SELECT COUNT(DISTINCT event_id) AS events, COUNT(*) AS n FROM validations")
      .get();
    expect([rows?.["events"], rows?.["n"]]).toEqual([3, 6]);
  });
});

test("a row that cannot be read is reported and skipped, and the pages after it are read all the same", async () => {
  await dueOnes(620);
  bench.database.exec("UPDATE heads SET metadata = 'not json' WHERE org_slug IN ('org3', 'org77')");
  expect(await sweep()).toMatchObject({ checked: 618, remaining: 2 });
});

describe("what is asked when", () => {
  test("silence is asked again after longer and longer, up to a day, and one answer ends that", async () => {
    await bench.setUp("acme", "fake-key");
    bench.clock.advance(27 * HOUR);
    const waits: number[] = [];
    bench.answers("fake-key", 503);
    const before = await bench.head("acme");
    for (let round = 1; round <= 14; round += 1) {
      expect(await sweep()).toMatchObject({ checked: 1, inconclusive: 1 });
      const head = await bench.head("acme");
      expect(head).toMatchObject({
        validation_status: "VALID",
        last_validated_at: before.last_validated_at,
        consecutive_failures: round,
        error_code: "provider_unreachable",
      });
      const waitMs = Date.parse(head.next_due_at ?? "") - bench.clock.now();
      waits.push(waitMs);
      bench.clock.advance(waitMs - SECOND);
      expect((await sweep()).checked, "not a second too early").toBe(0);
      bench.clock.advance(SECOND);
    }
    for (const [index, wait] of waits.entries()) {
      const nominal = Math.min(DAY, 5 * MINUTE * 2 ** index);
      expect(wait).toBeGreaterThanOrEqual(0.9 * nominal - 1);
      expect(wait).toBeLessThanOrEqual(Math.min(DAY, 1.1 * nominal));
    }
    bench.answers("fake-key", 200);
    await sweep();
    expect(await bench.head("acme")).toMatchObject({
      consecutive_failures: 0,
      error_code: null,
      validation_status: "VALID",
    });
    expect(bench.events("integration.recovered")).toMatchObject([{ count: 14 }]);
  });

  test.each([
    [401, "INVALID"],
    [410, "EXPIRED"],
  ])(
    "after %i it is %s and left alone for a year, whoever reports it, until it is replaced",
    async (answer, status) => {
      await bench.setUp("acme", "fake-key");
      bench.answers("fake-key", answer);
      bench.clock.advance(27 * HOUR);
      await sweep();
      const head = await bench.head("acme");
      expect(head).toMatchObject({ validation_status: status, next_due_at: null });
      bench.clock.advance(365 * DAY);
      expect(await sweep()).toMatchObject({ checked: 0, next_due_at: null });
      await put("acme", { credential_name: "Renamed" });
      expect((await sweep()).checked).toBe(0);
      await bench.real.markReported(head.credential_id, iso());
      bench.clock.advance(1);
      expect((await sweep()).checked).toBe(0);
      expect(await bench.head("acme")).toMatchObject({
        validation_status: status,
        next_due_at: null,
        reported_at: null,
      });
      await bench.setUp("acme", "fake-new");
      bench.clock.advance(27 * HOUR);
      expect(await sweep()).toMatchObject({ checked: 1, valid: 1 });
    },
  );

  test("what was never proven is asked at once, and again until it is", async () => {
    await bench.setUp("acme", "fake-key", { skip_validation: true });
    bench.answers("fake-key", 503, 200);
    expect(await sweep()).toMatchObject({ checked: 1, inconclusive: 1 });
    expect(await bench.head("acme")).toMatchObject({ validation_status: "PENDING", last_validated_at: null });
    bench.clock.advance(6 * MINUTE);
    expect(await sweep()).toMatchObject({ checked: 1, valid: 1 });
    expect(await bench.head("acme")).toMatchObject({ validation_status: "VALID" });
  });

  test("a disabled credential is never asked, and due at once when it is enabled", async () => {
    await bench.setUp("acme", "fake-key");
    await put("acme", { enabled: false });
    bench.clock.advance(30 * DAY);
    expect((await sweep()).checked).toBe(0);
    await put("acme", { enabled: true });
    expect((await sweep()).checked).toBe(1);
  });

  test("reported ones first, then the stalest; the limit holds", async () => {
    const orgs = await dueOnes(6, "SLOW");
    orgs.forEach(
      (org, index) =>
        void bench.database
          .prepare("UPDATE heads SET next_due_at = ? WHERE org_slug = ?")
          .run(iso(-(index + 1) * MINUTE), org),
    );
    const { credential_id } = await bench.head("org0", "SLOW");
    await bench.real.markReported(credential_id, iso());
    expect(await sweep({ limit: 3 })).toMatchObject({ checked: 3, remaining: 3 });
    expect(bench.asked).toEqual(["slow-org0", "slow-org5", "slow-org4"]);
  });

  test("three shards and an organisation share nothing and leave nothing", async () => {
    const orgs = await dueOnes(30);
    expect(await sweep({ org: "org7" })).toMatchObject({ checked: 1 });
    for (const shard of ["0/3", "1/3", "2/3"]) expect((await sweep({ shard })).checked).toBeGreaterThan(0);
    expect([...bench.asked].sort()).toEqual(orgs.map((org) => `fake-${org}`).sort());
    expect(await faultOf(sweep({ shard: "3/3" }))).toBe("request_malformed");
  });

  test("a provider whose probe costs money, and one that left the registry, are refused, reported and left as they are", async () => {
    await bench.setUp("acme", "dear-key", {}, "DEAR");
    await bench.setUp("acme", "fake-key");
    bench.database.exec("UPDATE heads SET provider = 'GONE' WHERE provider = 'FAKE'");
    bench.clock.advance(27 * HOUR);
    bench.asked.length = 0;
    expect(await sweep()).toMatchObject({ checked: 0, remaining: 2 });
    expect(bench.asked).toEqual([]);
    expect(bench.events("sweep.billable_refused")).toHaveLength(1);
    expect(bench.events("sweep.provider_unknown")).toHaveLength(1);
    expect(await bench.head("acme", "DEAR")).toMatchObject({
      validation_status: "VALID",
      last_checked_at: expect.stringContaining("2026-08-22"),
    });
  });
});

test("a result about a credential that was replaced meanwhile touches neither its status nor its times", async () => {
  await dueOnes(1);
  bench.usually.answer = async (key) => {
    if (key !== "fake-org0") return 200;
    bench.usually.answer = (one) => (one === "fake-org0" ? 401 : 200);
    await bench.setUp("org0", "fake-new");
    return 401;
  };
  const found = await sweep();
  expect(found).toMatchObject({ checked: 1, invalid: 1 });
  const head = await bench.head("org0");
  expect(head).toMatchObject({ validation_status: "VALID", error_code: null, consecutive_failures: 0, seq: 2 });
  expect(head.next_due_at).not.toBeNull();
  expect(bench.events("integration.status_changed")).toEqual([]);
});

test("operators are told of a batch once it is written; of silence only in the end, when it is known to be no incident", async () => {
  await dueOnes(1_200);
  bench.database.exec("UPDATE heads SET validation_status = 'PENDING'");
  bench.usually.answer = () => (bench.asked.length <= 100 ? 503 : 401);
  const told: number[][] = [];
  const tell = () =>
    told.push(
      ["integration.status_changed", "integration.check_inconclusive"].map((name) => bench.events(name).length),
    );
  bench.watched.always("recordChecks", { before: tell });
  bench.watched.always("purgeDeleted", { before: tell });
  await sweep();
  tell();
  expect(told).toEqual([
    [0, 0],
    [900, 0],
    [1_100, 0],
    [1_100, 100],
  ]);
});

describe("a secret that is read is not kept for long", () => {
  const gateAt = (keys: string) => {
    const gate = Promise.withResolvers<void>();
    bench.usually.answer = async (key) => {
      if (key.startsWith(keys)) await gate.promise;
      return 200;
    };
    return gate;
  };
  const dueLast = (org: string) =>
    bench.database.exec(
      `UPDATE heads SET next_due_at = iif(org_slug = '${org}', '${iso(-SECOND)}', '${iso(-MINUTE)}')`,
    );
  const turns = async () => {
    for (let turn = 0; turn < 100; turn += 1) await new Promise((resolve) => setImmediate(resolve));
  };

  test.each([
    ["replaced", () => bench.setUp("slow2", "slow-new", { skip_validation: true }, "SLOW"), 1],
    ["deleted", () => remove(bench.works, { ...bench.subject("slow2", "SLOW"), at: null, precondition: free }), 0],
  ])("what is %s in this process while it waits for its turn is not sent", async (_, change, again) => {
    await dueOnes(4, "SLOW", "slow");
    dueLast("slow2");
    const gate = gateAt("slow-slow");
    const running = sweep();
    await turns();
    expect(bench.asked).toHaveLength(2);
    await change();
    gate.resolve();
    await running;
    expect(bench.asked).not.toContain("slow-slow2");
    expect(bench.asked.filter((key) => key === "slow-new")).toHaveLength(again);
    expect([...bench.asked].filter((key) => key !== "slow-new").sort()).toEqual([
      "slow-slow0",
      "slow-slow1",
      "slow-slow3",
    ]);
  });

  test("what waits for a place that others hold is not sent either, once it is deleted", async () => {
    await dueOnes(3, "SLOW", "slow");
    const gate = gateAt("slow-slow");
    const held = ["slow0", "slow1"].map((org) => validate(bench.works, bench.subject(org, "SLOW")));
    await turns();
    const running = sweep({ org: "slow2" });
    await turns();
    await remove(bench.works, { ...bench.subject("slow2", "SLOW"), at: null, precondition: free });
    gate.resolve();
    await Promise.all([...held, running]);
    expect(bench.asked).not.toContain("slow-slow2");
  });

  test("what has waited for more than 30 s is read again, and checked in the same run", async () => {
    const orgs = await dueOnes(8, "SLOW");
    bench.usually.answer = () => {
      bench.clock.advance(20 * SECOND);
      return 200;
    };
    expect(await sweep()).toMatchObject({ checked: 8, valid: 8, remaining: 0 });
    expect([...bench.asked].sort()).toEqual(orgs.map((org) => `slow-${org}`).sort());
    expect(bench.watched.calls.filter((name) => name === "readDue").length).toBeGreaterThan(2);
  });

  test("what was replaced by another process meanwhile is sent as it is after 30 s", async () => {
    await dueOnes(3, "SLOW");
    dueLast("org2");
    const other: Works = { ...bench.works, heads: new HeadMemory(bench.clock), slots: new Slots() };
    const gate = gateAt("slow-org");
    const running = sweep();
    await turns();
    const request = { ...bench.subject("org2", "SLOW"), body: { credential: "slow-new" }, message: "ok" };
    await update(other, { ...request, idempotency: null, precondition: free });
    bench.database.exec(`UPDATE heads SET next_due_at = '${iso(-DAY)}' WHERE org_slug = 'org2'`);
    bench.clock.advance(31 * SECOND);
    gate.resolve();
    await running;
    expect(bench.asked.filter((key) => key !== "slow-new")).toHaveLength(2);
    expect(bench.asked.filter((key) => key === "slow-new")).toHaveLength(2);
  });
});

test("an integer beyond 2^53 in one row spoils neither other organisations' sweep nor their lists", async () => {
  await dueOnes(5);
  bench.database.exec("UPDATE heads SET consecutive_failures = 9223372036854775807 WHERE org_slug = 'org1'");
  bench.database.exec("UPDATE heads SET notified_days = 9007199254740993 WHERE org_slug = 'org3'");
  expect(await sweep()).toMatchObject({ checked: 3, valid: 3, remaining: 2 });
  const all = { category: null, configured: null, expiringWithinDays: null };
  const seen = async (org: string) => {
    const { integrations, all_configured_valid, providers_configured } = await list(bench.works, org, all);
    const { status, lifecycle, code } = { code: null, ...integrations["FAKE"] };
    return { status, lifecycle, code, all_configured_valid, providers_configured };
  };
  const providers_configured = ["FAKE"];
  for (const org of ["org0", "org2", "org4"])
    expect(await seen(org)).toEqual({
      status: "VALID",
      lifecycle: "active",
      code: null,
      all_configured_valid: true,
      providers_configured,
    });
  for (const org of ["org1", "org3"]) {
    expect(await seen(org)).toEqual({
      status: "PENDING",
      lifecycle: "error",
      code: "integrity",
      all_configured_valid: false,
      providers_configured,
    });
    for (const configured of [true, false])
      expect(Object.keys((await list(bench.works, org, { ...all, configured })).integrations).includes("FAKE")).toBe(
        configured,
      );
  }
});

test("what cannot be opened is ours to mend: status and times stay, others are checked, operators are called", async () => {
  await dueOnes(3);
  bench.database.exec("UPDATE versions SET encrypted_credential = zeroblob(60) WHERE org_slug = 'org1'");
  const before = await bench.head("org1");
  expect(await sweep()).toMatchObject({ checked: 2, valid: 2, remaining: 1 });
  expect(await bench.head("org1")).toEqual(before);
  expect(bench.logs.filter(({ severity }) => severity === "CRITICAL")).toMatchObject([
    { event: "integrity", fields: { org_slug: "org1" } },
  ]);
});

describe("incidents", () => {
  const rows: Array<[number, number, boolean]> = [
    [4, 4, false],
    [5, 5, true],
    [5, 10, true],
    [5, 11, false],
    [6, 11, true],
    [20, 20, true],
  ];
  test.each(rows)(
    "%i of %i without an answer: one incident instead of single alerts is %s",
    async (silent, of, incident) => {
      const orgs = await dueOnes(of);
      orgs.slice(0, silent).forEach((org) => void bench.answers(`fake-${org}`, 503));
      const found = await sweep();
      expect(bench.events("provider.incident")).toEqual(
        incident ? [{ provider: "FAKE", count: silent, total: of }] : [],
      );
      expect(bench.events("integration.check_inconclusive")).toHaveLength(incident ? 0 : silent);
      expect(found).toMatchObject({ incidents: incident ? ["FAKE"] : [], providers: { FAKE: { incident } } });
    },
  );

  test("one provider's incident hides nothing of another's", async () => {
    await dueOnes(5, "FAKE");
    const slow = await dueOnes(2, "SLOW", "slow");
    bench.usually.answer = (key) => (key.startsWith("fake") ? 503 : 200);
    bench.answers(`slow-${slow[0]}`, 401);
    bench.answers(`slow-${slow[1]}`, 429);
    await sweep();
    expect(bench.events("provider.incident")).toMatchObject([{ provider: "FAKE" }]);
    expect(bench.events("integration.check_inconclusive")).toMatchObject([{ provider: "SLOW" }]);
    expect(bench.events("integration.status_changed")).toMatchObject([{ provider: "SLOW", status: "INVALID" }]);
  });
});

describe("expiry", () => {
  test.each([1, 6, 24])(
    "30, 14, 7 and 1 days and the day itself are announced once each, with a sweep every %i hours",
    async (hours) => {
      const end = iso(40 * DAY + 3 * HOUR);
      await bench.setUp("acme", "fake-key", { expires_at: end });
      const told: Array<[number | undefined, number]> = [];
      for (let passed = 0; passed < 45 * 24; passed += hours) {
        bench.logs.length = 0;
        await sweep();
        for (const { days } of bench.events("integration.expiring"))
          told.push([days, (Date.parse(end) - bench.clock.now()) / DAY]);
        bench.clock.advance(hours * HOUR);
      }
      expect(told.map(([days]) => days)).toEqual([30, 14, 7, 1, 0]);
      for (const [days, left] of told) {
        expect(left).toBeLessThanOrEqual(days ?? 0);
        expect(left).toBeGreaterThan((days ?? 0) - (2 * hours) / 24);
      }
      expect(await bench.head("acme"), "passing it does not set EXPIRED").toMatchObject({ validation_status: "VALID" });
    },
  );

  test("its passing makes a credential due at once, whether the provider answers or not", async () => {
    for (const answer of [200, 503]) {
      bench.answers("fake-key", 200);
      const end = iso(28 * HOUR);
      await bench.setUp("acme", "fake-key", { expires_at: end });
      bench.clock.advance(27 * HOUR);
      bench.answers("fake-key", answer);
      bench.database.exec("UPDATE heads SET consecutive_failures = 12");
      await sweep();
      expect((await bench.head("acme")).next_due_at).toBe(end);
      bench.clock.advance(HOUR);
      expect((await sweep()).checked).toBe(1);
    }
  });

  test("a new date is announced anew", async () => {
    await bench.setUp("acme", "fake-key", { expires_at: iso(31 * DAY) });
    bench.clock.advance(25 * DAY);
    await sweep();
    await put("acme", { expires_at: iso(60 * DAY) });
    bench.database.exec(`UPDATE heads SET next_due_at = '${iso()}'`);
    await sweep();
    bench.clock.advance(47 * DAY);
    await sweep();
    expect(bench.events("integration.expiring").map(({ days }) => days)).toEqual([7, 14]);
  });
});

describe("scheduled deactivations", () => {
  async function scheduled(...orgs: string[]) {
    for (const org of orgs) {
      await bench.setUp(org, `fake-${org}`);
      await remove(bench.works, { ...bench.subject(org), at: iso(HOUR), precondition: free });
    }
    bench.clock.advance(HOUR - SECOND);
    await decrypt(bench.works, bench.subject(orgs[0] ?? ""), RUN);
    expect((await sweep()).checked).toBe(0);
    bench.clock.advance(SECOND);
  }

  test("refuse decrypt the moment they are due, and the next sweep deletes through the compare-and-set", async () => {
    await scheduled("acme");
    expect(await faultOf(decrypt(bench.works, bench.subject("acme"), RUN))).toBe("credential_not_usable");
    bench.watched.calls.length = 0;
    await sweep();
    expect(bench.watched.calls.slice(0, 4)).toEqual([
      "readDueDeactivations",
      "readOpening",
      "appendVersions",
      "advanceHead",
    ]);
    expect(await faultOf(decrypt(bench.works, bench.subject("acme"), RUN))).toBe("not_configured");
    expect(bench.chain({ org_slug: "acme", provider: "FAKE" }).map(({ op }) => op)).toEqual([
      "delete",
      "schedule",
      "setup",
    ]);
    expect(bench.events("integration.deactivated")).toHaveLength(1);
    expect(
      bench.database.prepare("SELECT COUNT(*) AS n FROM versions WHERE encrypted_credential IS NOT NULL").get()?.["n"],
    ).toBe(0);
  });

  test("that are called off, or set up anew, between the look and the deletion stand", async () => {
    await scheduled("acme", "other");
    bench.watched.next("advanceHead", { before: () => bench.setUp("acme", "fake-new") }, null);
    await sweep();
    expect((await decrypt(bench.works, bench.subject("acme"), RUN)).body.credential).toEqual({ api_key: "fake-new" });
    expect((await bench.head("other")).op).toBe("delete");
    expect(bench.events("integration.deactivated")).toMatchObject([{ org_slug: "other" }]);
  });

  test("of other organisations wait where the sweep is of one", async () => {
    await scheduled("acme", "other");
    await sweep({ org: "other" });
    expect((await bench.head("other")).op).toBe("delete");
    expect((await bench.head("acme")).op).toBe("schedule");
    expect(bench.audits.map(({ org_slug }) => org_slug)).toEqual(["other"]);
  });

  test("are applied where the provider has left the registry, and each leaves one audit record", async () => {
    await scheduled("acme");
    const { credential_id } = await bench.head("acme");
    for (const table of ["heads", "versions"]) bench.database.exec(`UPDATE ${table} SET provider = 'GONE'`);
    await sweep();
    await sweep();
    expect((await bench.head("acme", "GONE")).op).toBe("delete");
    expect(bench.events("sweep.deactivation_failed")).toEqual([]);
    expect(bench.audits).toEqual([
      {
        request_id: REQUESTER.requestId,
        actor_type: "scheduler",
        actor_id: "scheduler",
        org_slug: "acme",
        provider: "GONE",
        credential_id,
        operation: "deactivate",
        decision: "allow",
        outcome: "ok",
        status: 0,
      },
    ]);
  });

  test("one that cannot be applied is reported, and neither the others nor the checks wait for it", async () => {
    await bench.setUp("valid", "fake-valid");
    bench.database.exec(`UPDATE heads SET next_due_at = '${iso()}'`);
    bench.clock.advance(SECOND);
    await scheduledQuietly();
    bench.watched.next("readOpening", "fails");
    expect(await sweep()).toMatchObject({ checked: 1, valid: 1 });
    expect(bench.events("sweep.deactivation_failed")).toMatchObject([{ org_slug: "acme", code: "store_unavailable" }]);
    expect(bench.events("integration.deactivated")).toMatchObject([{ org_slug: "other" }]);
  });
  async function scheduledQuietly() {
    for (const org of ["acme", "other"]) {
      await bench.setUp(org, `fake-${org}`);
      await remove(bench.works, { ...bench.subject(org), at: iso(HOUR), precondition: free });
    }
    bench.clock.advance(HOUR);
  }
});

describe("purge", () => {
  const sealed = (org: string) =>
    bench.database
      .prepare("SELECT seq FROM versions WHERE org_slug = ? AND encrypted_credential IS NOT NULL ORDER BY seq")
      .all(org)
      .map((row) => row["seq"]);

  test("takes a deleted credential's ciphertext at the next sweep, and leaves its history", async () => {
    await bench.setUp("acme", "fake-one");
    await bench.setUp("acme", "fake-two");
    await remove(bench.works, { ...bench.subject("acme"), at: null, precondition: free });
    expect(sealed("acme")).toEqual([1, 2]);
    await sweep();
    expect(sealed("acme")).toEqual([]);
    expect(
      (await bench.real.readHistory({ org_slug: "acme", provider: "FAKE" }, { limit: 10, before: null })).items,
    ).toHaveLength(3);
  });

  test("takes a superseded one's after 24 hours, and never the current one's", async () => {
    await bench.setUp("acme", "fake-one");
    bench.clock.advance(10 * DAY);
    await put("acme", { credential: "fake-two" });
    await put("acme", { credential_name: "Renamed" });
    bench.clock.advance(DAY - SECOND);
    await sweep();
    expect(sealed("acme")).toEqual([1, 2]);
    bench.clock.advance(2 * SECOND);
    await sweep();
    expect(sealed("acme")).toEqual([2]);
    bench.clock.advance(365 * DAY);
    await sweep();
    expect((await decrypt(bench.works, bench.subject("acme"), RUN)).body.credential).toEqual({ api_key: "fake-two" });
  });
});

describe("time", () => {
  test("it begins nothing when its time is nearly up, keeps what it has, and the next run goes on with the rest", async () => {
    const orgs = await dueOnes(20, "SLOW");
    bench.usually.answer = () => {
      bench.clock.advance(SECOND);
      return 200;
    };
    const startedAt = bench.clock.now();
    const first = await sweep({ max_seconds: 10 });
    expect(bench.clock.now() - startedAt).toBeLessThanOrEqual(9 * SECOND);
    expect(first.checked).toBeGreaterThanOrEqual(6);
    expect(first.checked).toBeLessThanOrEqual(9);
    expect(first.remaining).toBe(20 - first.checked);
    expect(bench.logs.find(({ event }) => event === "sweep.finished")?.severity).toBe("WARNING");
    await sweep({ max_seconds: 540 });
    expect([...bench.asked].sort()).toEqual(orgs.map((org) => `slow-${org}`).sort());
  });

  test("it does not wait for a provider that never answers: what others said is written before max_seconds", async () => {
    await dueOnes(5);
    await dueOnes(1, "SLOW", "slow");
    const never = Promise.withResolvers<number>();
    bench.usually.answer = (key) => (key.startsWith("slow") ? never.promise : 200);
    const clock = { ...systemClock(), now: bench.clock.now };
    const startedAt = performance.now();
    expect(await sweep({ max_seconds: 1 }, { ...bench.works, clock })).toMatchObject({
      checked: 5,
      valid: 5,
      remaining: 1,
    });
    expect(performance.now() - startedAt).toBeLessThan(5_000);
    never.resolve(200);
  });

  test("a slow provider holds only itself, and gets no more at once than its concurrency", async () => {
    await dueOnes(40);
    await dueOnes(10, "SLOW", "slow");
    bench.asked.length = 0;
    const gate = Promise.withResolvers<void>();
    let open = 0;
    let most = 0;
    bench.usually.answer = async (key) => {
      if (!key.startsWith("slow")) return 200;
      open += 1;
      most = Math.max(most, open);
      await gate.promise;
      open -= 1;
      return 200;
    };
    const running = sweep();
    for (let turns = 0; turns < 200; turns += 1) await new Promise((resolve) => setImmediate(resolve));
    expect(bench.asked.filter((key) => key.startsWith("fake"))).toHaveLength(40);
    expect(bench.asked.filter((key) => key.startsWith("slow"))).toHaveLength(2);
    gate.resolve();
    expect(await running).toMatchObject({ checked: 50 });
    expect(most).toBe(2);
  });
});

test("the limit holds though what was read is changed and read again in the same run", async () => {
  await dueOnes(4);
  let renamed = false;
  bench.usually.answer = async () => {
    if (!renamed) {
      renamed = true;
      for (const org of ["org0", "org1", "org2", "org3"]) await put(org, { credential_name: "Renamed" });
    }
    return 200;
  };
  expect((await sweep({ limit: 2 })).checked).toBeLessThanOrEqual(2);
});

test("a credential that was replaced during its check is announced by nothing, though another head stands in two copies", async () => {
  await dueOnes(2);
  bench.database.exec("INSERT INTO heads SELECT * FROM heads WHERE org_slug = 'org0'");
  bench.usually.answer = async (key) => {
    if (key !== "fake-org1") return 200;
    bench.usually.answer = (asked) => (asked === "fake-org1" ? 401 : 200);
    await put("org1", { credential: "fake-fresh" });
    return 401;
  };
  bench.logs.length = 0;
  await sweep();
  expect(await bench.head("org1")).toMatchObject({ validation_status: "VALID" });
  expect(bench.logs.filter(({ event }) => event === "integration.status_changed")).toEqual([]);
});

test("no provider is asked more at once than its concurrency, whatever asks: a sweep, validations and imports together", async () => {
  const orgs = await dueOnes(8, "SLOW");
  let open = 0;
  let most = 0;
  bench.usually.answer = async () => {
    open += 1;
    most = Math.max(most, open);
    for (let turn = 0; turn < 5; turn += 1) await new Promise((resolve) => setImmediate(resolve));
    open -= 1;
    return 200;
  };
  const bulk = (org: string) =>
    importMany(bench.works, {
      org,
      requestId: REQUESTER.requestId,
      actor: "kid000000001",
      body: { items: [{ provider: "slow", credential: `slow-${org}` }] },
      dryRun: false,
      idempotency: null,
    });
  await Promise.all([
    sweep(),
    ...orgs.slice(0, 4).map((org) => validate(bench.works, bench.subject(org, "SLOW"))),
    ...["new0", "new1", "new2", "new3"].map(bulk),
    ...["more0", "more1"].map((org) => bench.setUp(org, `slow-${org}`, {}, "SLOW")),
  ]);
  expect(most).toBe(2);
});

test("two sweeps at once find the same, count each answer, and end with every status right", async () => {
  const orgs = await dueOnes(60);
  orgs.forEach((org, index) => void bench.answers(`fake-${org}`, [200, 401, 410, 503][index % 4] ?? 200));
  const other: Works = { ...bench.works, inFlight: new Set() };
  await Promise.all([sweep(), sweep({}, other), sweep({ shard: "0/2" })]);
  for (const [index, org] of orgs.entries()) {
    const head = await bench.head(org);
    expect(head.validation_status).toBe(["VALID", "INVALID", "EXPIRED", "VALID"][index % 4]);
    if (index % 4 === 3) expect(head.consecutive_failures).toBeGreaterThanOrEqual(1);
    expect(head.seq).toBe(1);
  }
  expect((await sweep()).checked).toBe(0);
});

test("a rename, a disabling and a rotation during a sweep all stand, and undo nothing of it", async () => {
  const orgs = await dueOnes(3);
  bench.usually.answer = async (key) => {
    bench.usually.answer = () => 401;
    await put("org0", { credential_name: "Renamed" });
    await put("org1", { enabled: false });
    bench.answers("fake-fresh", 200);
    await put("org2", { credential: "fake-fresh" });
    return key.startsWith("fake-org") ? 401 : 200;
  };
  await sweep();
  const [renamed, disabled, rotated] = await Promise.all(orgs.map((org) => bench.head(org)));
  expect(renamed).toMatchObject({ credential_name: "Renamed", validation_status: "INVALID", next_due_at: null });
  expect(disabled).toMatchObject({ enabled: false, validation_status: "INVALID" });
  expect(rotated).toMatchObject({ validation_status: "VALID", seq: 2 });
});
