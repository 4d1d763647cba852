import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type RevalidateBody, revalidateBody } from "../../shared/contract/bodies.ts";
import type { Metadata } from "../../shared/contract/rows.ts";
import { decrypt } from "../../shared/operations/decrypt.ts";
import { importMany } from "../../shared/operations/import.ts";
import { get, list } from "../../shared/operations/read.ts";
import { remove } from "../../shared/operations/remove.ts";
import { setup } from "../../shared/operations/setup.ts";
import { asShown } from "../../shared/operations/shown.ts";
import { cycles, recordVerdict, termOf } from "../../shared/operations/subscription.ts";
import { sweep } from "../../shared/operations/sweep.ts";
import { update } from "../../shared/operations/update.ts";
import { validate } from "../../shared/operations/validate.ts";
import type { Works } from "../../shared/operations/works.ts";
import { entryOf, registry } from "../registry/the-registry.ts";
import { type Bench, DAY, faultOf, openBench, START } from "./bench.ts";

const slack = entryOf("SLACK");
const custom = entryOf("custom-miro");
const TODAY = "2026-08-22";
const PRICE = { unit_price: "8.75", currency: "EUR", billing_cycle: "monthly" };
const free = { ifMatch: null, createOnly: false };
const RUN = { pipeline: "saas.subscription_cost", run_id: "run-1", as: "none" } as const;

describe("what the dates of a record come to on 2026-08-22:", () => {
  const none = { lastDay: null, nextRenewal: null, cancellationDeadline: null };
  test.each<[string, Metadata, Partial<typeof none> | Record<string, string>]>([
    ["no dates", {}, none],
    ["a renewal ahead", { renewal_date: "2026-09-10" }, { nextRenewal: "2026-09-10" }],
    ["a renewal today", { renewal_date: TODAY }, { nextRenewal: TODAY }],
    ["a renewal long ago goes on by the cycle", { renewal_date: "2025-01-31" }, { nextRenewal: "2026-08-31" }],
    [
      "by the term where that is another",
      { renewal_date: "2025-01-31", term: "annual" },
      { nextRenewal: "2027-01-31" },
    ],
    ["notice", { renewal_date: "2026-09-10", notice_period_days: 30 }, { cancellationDeadline: "2026-08-11" }],
    ["no notice needed", { renewal_date: "2026-09-10", notice_period_days: 0 }, { cancellationDeadline: "2026-09-10" }],
    ["a start alone renews a term later", { start_date: "2026-01-15", term: "annual" }, { nextRenewal: "2027-01-15" }],
    ["a start ahead", { start_date: "2026-10-01" }, { nextRenewal: "2026-11-01" }],
    ["an end ahead", { end_date: "2026-12-31", notice_period_days: 30 }, { lastDay: "2026-12-31" }],
    ["an end behind", { end_date: "2026-08-21" }, { lastDay: "2026-08-21" }],
    ["an end that renews", { end_date: "2026-08-20", auto_renew: true, term: "annual" }, { nextRenewal: "2027-08-21" }],
    ["a month's last day that renews", { end_date: "2026-02-28", auto_renew: true }, { nextRenewal: "2026-09-01" }],
    ["a renewal that is not taken", { renewal_date: "2026-09-10", auto_renew: false }, { lastDay: "2026-09-10" }],
    ["one long past", { renewal_date: "2025-09-10", auto_renew: false }, { lastDay: "2025-09-10" }],
    ["no renewal and no date", { auto_renew: false }, none],
    [
      "an end wins over a renewal",
      { end_date: "2026-10-01", renewal_date: "2026-09-10", auto_renew: false },
      { lastDay: "2026-10-01" },
    ],
    [
      "renewals until the end",
      { end_date: "2026-12-31", renewal_date: "2026-07-10" },
      { lastDay: "2026-12-31", nextRenewal: "2026-09-10" },
    ],
    ["none behind the end", { end_date: "2026-08-31", renewal_date: "2026-07-10" }, { lastDay: "2026-08-31" }],
    ["what is no date says nothing", { end_date: "soon", renewal_date: 7, start_date: "2026-02-30" }, none],
  ])("%s", (_, metadata, term) => {
    expect(termOf({ ...PRICE, ...metadata }, TODAY)).toEqual({ ...none, ...termOfNotice(metadata, term), ...term });
  });
  /** A row that is about the deadline need not repeat the renewal it is counted from. */
  function termOfNotice(metadata: Metadata, term: object) {
    return "cancellationDeadline" in term ? { nextRenewal: metadata["renewal_date"] } : {};
  }
  test("without a known cycle nothing goes on", () => {
    expect(termOf({ renewal_date: "2026-01-01", billing_cycle: "constructor" }, TODAY).nextRenewal).toBeNull();
    expect(termOf({ renewal_date: "2026-09-01" }, TODAY).nextRenewal).toBe("2026-09-01");
  });
  test("every cycle and term that the registry offers has its months", () => {
    for (const name of ["billing_cycle", "term"])
      expect(slack.metadata.find((one) => one.name === name)?.options).toEqual([...cycles.keys()]);
  });
});

describe("the verdict on a record", () => {
  test("is valid while it is complete and current, and says when it renews", () => {
    const record = { ...PRICE, renewal_date: "2026-10-01", notice_period_days: 14 };
    expect(recordVerdict(slack, record, START)).toMatchObject({
      outcome: "valid",
      code: null,
      message: "Integration validated successfully",
      reason: null,
      remedy: null,
      details: {
        connection: "none",
        permissions: "ok",
        next_renewal_date: "2026-10-01",
        cancellation_deadline: "2026-09-17",
      },
      capabilities: [
        { id: "record_current", state: "granted" },
        { id: "currency_known", state: "granted" },
      ],
      warnings: [],
      expires_at: null,
    });
  });
  test("is expired from the first moment of the day after the last, and speaks of no key", () => {
    const record = { ...PRICE, end_date: "2026-08-22" };
    expect(recordVerdict(slack, record, "2026-08-22T23:59:59.999Z").outcome).toBe("valid");
    const verdict = recordVerdict(slack, record, "2026-08-23T00:00:00.000Z");
    expect(verdict).toMatchObject({
      outcome: "expired",
      code: null,
      reason: "ended",
      message: "The subscription has ended",
      remedy: expect.stringContaining("renewal_date"),
      expires_at: "2026-08-22T23:59:59.000Z",
      capabilities: [
        { id: "record_current", state: "denied", reason: "ended" },
        { id: "currency_known", state: "granted" },
      ],
    });
    expect(verdict.details).toEqual({ connection: "none", permissions: "unknown" });
    expect(JSON.stringify(verdict)).not.toMatch(/\b(?:key|credential|password|token)\b/i);
  });
  test("waits where something required is missing, and names it", () => {
    const verdict = recordVerdict(slack, { unit_price: "1", billing_cycle: null }, START);
    expect(verdict).toMatchObject({
      outcome: "service_misconfigured",
      code: null,
      reason: "record_incomplete",
      remedy: expect.stringContaining("details.message"),
      details: { permissions: "unknown", message: "Missing: Currency, Billing cycle" },
      capabilities: [
        { state: "denied", reason: "record_incomplete" },
        { state: "denied", reason: "currency_missing" },
      ],
    });
    const ended = { unit_price: "1", end_date: "2026-01-01" };
    expect(recordVerdict(slack, ended, START).outcome, "what has ended has ended").toBe("expired");
  });
  test("of a custom one without a currency is valid and not ready for cost pipelines", () => {
    const { currency: _, ...bare } = PRICE;
    const verdict = recordVerdict(custom, bare, START);
    expect(verdict).toMatchObject({ outcome: "valid", details: { permissions: "limited" } });
    expect(verdict.capabilities[1]).toEqual({
      id: "currency_known",
      state: "denied",
      reason: "currency_missing",
      remedy: expect.stringContaining("currency"),
    });
  });
  test.each([
    ["monthly", undefined, 31, false],
    ["monthly", undefined, 32, true],
    ["monthly", "annual", 90, false],
    ["annual", undefined, 366, false],
    ["annual", undefined, 400, true],
    [undefined, undefined, 1_000, false],
  ])("billed %s with the term %s and %i days of notice warns: %s", (billing_cycle, term, notice_period_days, warns) => {
    const { warnings, reason, remedy } = recordVerdict(
      custom,
      {
        unit_price: "1",
        billing_cycle: billing_cycle ?? "monthly",
        ...(billing_cycle ? {} : { billing_cycle: "x" }),
        term,
        notice_period_days,
      },
      START,
    );
    expect(warnings).toEqual(warns ? ["notice_longer_than_term"] : []);
    expect([reason, remedy !== null]).toEqual([warns ? "notice_longer_than_term" : null, warns]);
  });
  test("has a text for each of its reasons, in every entry that takes no credential", () => {
    const records = [...registry.entries, ...(registry.custom ? [registry.custom] : [])].filter(
      (entry) => entry.credential_type === "none",
    );
    expect(records).toHaveLength(13);
    for (const { reasons } of records)
      expect(Object.keys(reasons).sort()).toEqual([
        "currency_missing",
        "ended",
        "notice_longer_than_term",
        "record_incomplete",
      ]);
  });
});

let bench: Bench;
let works: Works;
beforeEach(() => {
  bench = openBench();
  works = { ...bench.works, registry };
});
afterEach(() => {
  expect(bench.asked, "nobody is ever asked").toEqual([]);
  bench.close();
});

const subject = (provider: string) => ({
  org: "acme",
  entry: entryOf(provider),
  requestId: "00000000-0000-4000-8000-000000000001",
  actor: "kid000000001",
});
async function record(provider: string, metadata: Metadata, more: object = {}) {
  const body = { metadata, skip_validation: false, ...more };
  const done = await setup(works, { ...subject(provider), body, idempotency: null, precondition: free });
  bench.clock.advance(1);
  return done;
}
async function put(provider: string, body: Parameters<typeof update>[1]["body"]) {
  const done = await update(works, {
    ...subject(provider),
    body,
    message: "ok",
    idempotency: null,
    precondition: free,
  });
  bench.clock.advance(1);
  return done;
}
const stored = (provider: string) => bench.head("acme", provider);
const shown = async (provider: string) => (await get(works, subject(provider))).body;
async function swept(body: Partial<RevalidateBody> = {}) {
  const found = await sweep(
    works,
    { requestId: "00000000-0000-4000-8000-000000000002", actor: "scheduler" },
    revalidateBody.parse(body),
  );
  bench.clock.advance(1);
  return found;
}

describe("statements:", () => {
  test.each<[string, () => Promise<unknown>, string[]]>([
    ["a first template", () => record("SLACK", PRICE), ["readOpening", "placeHeads", "appendVersions", "advanceHead"]],
    [
      "a first custom one",
      () => record("custom-a", PRICE, { credential_name: "A" }),
      ["readOpening", "readHeads", "placeHeads", "appendVersions", "advanceHead"],
    ],
    ["a replaced custom one", () => record("custom-there", PRICE), ["readOpening", "appendVersions", "advanceHead"]],
    [
      "a change",
      () => put("custom-there", { metadata: { seats: 2 } }),
      ["readOpening", "appendVersions", "advanceHead"],
    ],
    ["reading", () => shown("custom-there"), ["readHead"]],
    [
      "the list",
      () => list(works, "acme", { category: null, configured: null, expiringWithinDays: null }),
      ["readHeads"],
    ],
    ["decrypt", () => decrypt(works, subject("custom-there"), RUN), ["readSealed"]],
    ["validate", () => validate(works, subject("custom-there")), ["readSealed", "appendValidations", "recordChecks"]],
    [
      "delete",
      () => remove(works, { ...subject("custom-there"), at: null, precondition: free }),
      ["readOpening", "appendVersions", "advanceHead"],
    ],
  ])("%s", async (_, work, calls) => {
    await record("custom-there", PRICE, { credential_name: "There" });
    bench.watched.calls.length = 0;
    await work();
    expect(bench.watched.calls).toEqual(calls);
  });
});

describe("what is stored follows what is read:", () => {
  test("a record that ends is VALID, then EXPIRED, whether or not a sweep has come by", async () => {
    await record("SLACK", { ...PRICE, end_date: "2026-08-24" });
    expect(await stored("SLACK")).toMatchObject({
      validation_status: "VALID",
      secret_event_id: null,
      key_version: null,
      fingerprint: null,
      expires_at: "2026-08-24T23:59:59.000Z",
    });
    bench.clock.advance(2 * DAY);
    expect(await shown("SLACK")).toMatchObject({ status: "VALID", lifecycle: "active" });
    bench.clock.advance(DAY / 2);
    expect((await stored("SLACK")).validation_status).toBe("VALID");
    expect(await shown("SLACK")).toMatchObject({
      status: "EXPIRED",
      lifecycle: "expired",
      validation: { outcome: "expired", code: null, message: "The subscription has ended" },
      pipelines: [{ id: "saas.subscription_cost", ready: false, missing: ["record_current"] }],
      last_validated_at: START,
    });
    expect(await swept()).toMatchObject({ checked: 1, expired: 1, providers: { SLACK: { checked: 1, expired: 1 } } });
    expect(await stored("SLACK")).toMatchObject({ validation_status: "EXPIRED", error_code: null, next_due_at: null });
    expect(bench.events("integration.status_changed")).toMatchObject([{ status: "EXPIRED", reason: "ended" }]);
    expect(await swept()).toMatchObject({ checked: 0 });
  });

  test("a change makes it due, so that the stored status and expiry follow", async () => {
    await record("SLACK", { ...PRICE, end_date: "2026-08-01" });
    expect(await stored("SLACK")).toMatchObject({ validation_status: "EXPIRED", next_due_at: null });
    const changed = await put("SLACK", { metadata: { end_date: "2027-08-01" } });
    expect(changed.body).toMatchObject({ validation_status: "VALID", pipelines: [{ ready: true }] });
    expect(await stored("SLACK")).toMatchObject({
      validation_status: "EXPIRED",
      expires_at: "2027-08-01T23:59:59.000Z",
    });
    expect(await shown("SLACK")).toMatchObject({ status: "VALID", expires_at: "2027-08-01T23:59:59.000Z" });
    expect(await swept()).toMatchObject({ checked: 1, valid: 1 });
    expect(await stored("SLACK")).toMatchObject({ validation_status: "VALID", expires_at: "2027-08-01T23:59:59.000Z" });
    expect(bench.events("integration.recovered")).toMatchObject([{ status: "VALID", previous_status: "EXPIRED" }]);
  });

  test("an end that is taken back leaves no expiry behind, a declared one stays", async () => {
    await record("SLACK", { ...PRICE, end_date: "2026-09-01" }, { expires_at: "2026-12-01T00:00:00.000Z" });
    await put("SLACK", { metadata: { end_date: null } });
    expect((await stored("SLACK")).expires_at).toBe("2026-12-01T00:00:00.000Z");
    await swept();
    expect(await stored("SLACK")).toMatchObject({
      expires_at: "2026-12-01T00:00:00.000Z",
      verdict: { expires_at: null },
    });
    await put("SLACK", { expires_at: null });
    expect((await shown("SLACK")).expires_at).toBeNull();
    await validate(works, subject("SLACK"));
    expect((await stored("SLACK")).expires_at).toBeNull();
  });

  test("an approaching end is announced at each threshold, once", async () => {
    await record("SLACK", { ...PRICE, end_date: "2026-10-10" });
    const told: unknown[] = [];
    for (let day = 0; day < 55; day += 1) {
      bench.clock.advance(DAY);
      await swept();
      told.push(...bench.events("integration.expiring").slice(told.length));
    }
    expect(told).toMatchObject([30, 14, 7, 1, 0].map((days) => ({ provider: "SLACK", days })));
    expect(bench.events("integration.status_changed")).toMatchObject([{ status: "EXPIRED" }]);
  });

  test("the last day to cancel is announced at each threshold, once for each term", async () => {
    // Renews on 1 October and every quarter from there, with ten days' notice.
    await record("SLACK", { ...PRICE, billing_cycle: "quarterly", renewal_date: "2026-10-01", notice_period_days: 10 });
    const told: unknown[] = [];
    for (let hour = 0; hour < 24 * 110; hour += 6) {
      bench.clock.advance(DAY / 4);
      await swept();
      told.push(...bench.events("integration.expiring").slice(told.length));
    }
    const at = (day: string, ...days: number[]) =>
      days.map((left) => ({
        provider: "SLACK",
        days: left,
        reason: "cancellation_deadline",
        expires_at: `${day}T23:59:59.000Z`,
      }));
    expect(told).toMatchObject([...at("2026-09-21", 30, 14, 7, 1, 0), ...at("2026-12-22", 30, 14)]);
  });

  test("a record is due the moment the last day to cancel comes nearer than a threshold", async () => {
    await record("SLACK", { ...PRICE, billing_cycle: "annual", renewal_date: "2026-10-30", notice_period_days: 30 });
    bench.clock.advance(Date.parse("2026-09-16T22:00:00.000Z") - bench.clock.now());
    await swept();
    expect((await stored("SLACK")).next_due_at).toBe("2026-09-16T23:59:59.000Z");
  });

  test("an old row that lacks what is required now is PENDING until it is completed, and stays so in peace", async () => {
    await record("SLACK", PRICE);
    bench.database.exec(`UPDATE heads SET metadata = '{"unit_price":"1.00","billing_cycle":"annual"}'`);
    expect(await shown("SLACK")).toMatchObject({
      status: "PENDING",
      lifecycle: "pending",
      validation: { outcome: "service_misconfigured", details: { message: "Missing: Currency" } },
      pipelines: [{ ready: false }],
    });
    const { body } = await validate(works, subject("SLACK"));
    expect(body).toMatchObject({ success: false, validation_status: "PENDING", reason: "record_incomplete" });
    expect(await stored("SLACK")).toMatchObject({
      validation_status: "PENDING",
      consecutive_failures: 0,
      next_due_at: null,
    });
    expect(await faultOf(put("SLACK", { metadata: { seats: 3 } }))).toBe("request_malformed");
    expect((await put("SLACK", { enabled: false })).status).toBe(200);
    expect((await put("SLACK", { enabled: true, metadata: { currency: "CHF" } })).body["validation_status"]).toBe(
      "VALID",
    );
    await swept();
    expect((await stored("SLACK")).validation_status).toBe("VALID");
  });

  test("stored without validation it is PENDING until its first check", async () => {
    const done = await record("SLACK", PRICE, { skip_validation: true });
    expect(done.body).toMatchObject({ validation_status: "PENDING", pipelines: [{ ready: "unknown" }] });
    expect(await shown("SLACK")).toMatchObject({ status: "PENDING", last_checked_at: null });
    await swept();
    expect(await shown("SLACK")).toMatchObject({ status: "VALID" });
    await record("SLACK", { ...PRICE, end_date: "2026-08-01" }, { skip_validation: true });
    expect((await shown("SLACK")).status, "but what has ended has ended").toBe("EXPIRED");
  });

  test("a setup that lost a race judges the record that it becomes", async () => {
    await record("SLACK", PRICE);
    const other = { ...works, store: bench.real };
    const first = () =>
      update(other, {
        ...subject("SLACK"),
        body: { metadata: { end_date: "2026-08-01" } },
        message: "ok",
        idempotency: null,
        precondition: free,
      });
    bench.watched.next("advanceHead", { before: first });
    const done = await record("SLACK", { seats: 5 });
    expect(done.body).toMatchObject({ validation_status: "EXPIRED", pipelines: [{ ready: false }] });
    expect(await stored("SLACK")).toMatchObject({
      validation_status: "EXPIRED",
      metadata: { ...PRICE, seats: 5, end_date: "2026-08-01" },
      expires_at: "2026-08-01T23:59:59.000Z",
    });
  });

  test("only a subscription is read so", async () => {
    const head = await bench.setUp("acme", "fake-key", { metadata: { label: "x" } });
    bench.asked.length = 0;
    expect(asShown(bench.subject("acme").entry, head, "2099-01-01T00:00:00.000Z")).toEqual(head);
  });
});

describe("many custom subscriptions", () => {
  test("share one line and one count in a sweep, whatever their names", async () => {
    for (const slug of ["a", "b", "c"]) await record(`custom-${slug}`, PRICE, { credential_name: slug });
    await record("SLACK", PRICE);
    bench.clock.advance(2 * DAY);
    const found = await swept();
    expect(Object.keys(found.providers).sort()).toEqual(["CUSTOM", "SLACK"]);
    expect(found.providers).toMatchObject({ CUSTOM: { checked: 3, valid: 3 } });
  });

  const named = (count: number, from = 0) =>
    Array.from({ length: count }, (_, index) => ({
      provider: `custom-n${index + from}`,
      credential_name: `N${index + from}`,
      metadata: PRICE,
    }));
  const bulk = (items: ReturnType<typeof named>, dryRun = false) =>
    importMany(works, { ...subject("SLACK"), body: { items }, dryRun, idempotency: null });

  test("are at most 200, by setup and by import, and a deleted one makes room", async () => {
    expect((await bulk(named(100))).success).toBe(true);
    expect((await stored("custom-n0")).secret_event_id).toBeNull();
    expect((await bulk(named(98, 100))).success).toBe(true);
    const wrong = { provider: "custom-wrong", credential_name: "Wrong", metadata: { ...PRICE, unit_price: "1,00" } };
    const mixed = [wrong, ...named(3, 197)];
    for (const dryRun of [true, false]) {
      const { results } = await bulk(mixed, dryRun);
      expect(results.map(({ status, code }) => [status, code])).toEqual([
        ["failed", "request_malformed"],
        ["completed", undefined],
        ["completed", undefined],
        ["completed", undefined],
      ]);
    }
    const over = await bulk([...named(1, 50), ...named(2, 300)]);
    expect(over.results.map(({ status, code }) => [status, code])).toEqual([
      ["completed", undefined],
      ["failed", "conflict"],
      ["failed", "conflict"],
    ]);
    expect(await faultOf(record("custom-more", PRICE, { credential_name: "More" }))).toBe("conflict");
    expect(await faultOf(record("custom-n7", PRICE)), "one that is there is replaced").toBe("none");
    expect(await faultOf(record("SLACK", PRICE)), "templates are no custom ones").toBe("none");
    await remove(works, { ...subject("custom-n3"), at: null, precondition: free });
    expect(await faultOf(record("custom-more", PRICE, { credential_name: "More" }))).toBe("none");
  });
});
