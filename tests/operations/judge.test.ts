import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type Outcome, type Status, statuses } from "../../shared/contract/verdict.ts";
import { importMany } from "../../shared/operations/import.ts";
import { setup } from "../../shared/operations/setup.ts";
import { update } from "../../shared/operations/update.ts";
import { validate } from "../../shared/operations/validate.ts";
import { type Bench, DAY, faultOf, openBench, SECOND } from "./bench.ts";

const pair = { org_slug: "acme", provider: "FAKE" };
const free = { ifMatch: null, createOnly: false };
let bench: Bench;
beforeEach(() => {
  bench = openBench();
});
afterEach(() => bench.close());

/** What the provider says → the outcome, and the status it stands for. */
const answers: Array<[Outcome, number, Status | null]> = [
  ["valid", 200, "VALID"],
  ["rejected", 401, "INVALID"],
  ["forbidden", 403, "INVALID"],
  ["expired", 410, "EXPIRED"],
  ["rate_limited", 429, null],
  ["unreachable", 503, null],
  ["service_misconfigured", 460, null],
];

/** A stored credential with this status, however it came to it. */
async function stored(status: Status) {
  await bench.setUp("acme", "fake-key");
  bench.database
    .prepare("UPDATE heads SET validation_status = ?, consecutive_failures = 2, last_validated_at = ?")
    .run(status, "2026-08-01T00:00:00.000Z");
  bench.clock.advance(60 * SECOND);
  bench.asked.length = 0;
  bench.clock.slept.length = 0;
  return await bench.head("acme");
}

const cells = statuses.flatMap((status) =>
  answers.map(([outcome, http, decided]) => [status, outcome, http, decided] as const),
);
test.each(cells)(
  "%s asked and answered %s (%i) leaves the stored status at what the outcome stands for: %s",
  async (status, outcome, http, decided) => {
    const before = await stored(status);
    bench.answers("fake-key", http);
    const checkedAt = new Date(bench.clock.now()).toISOString();
    const { body } = await validate(bench.works, bench.subject("acme"));
    const after = await bench.head("acme");
    const confirmed = status === "VALID" && decided !== null && decided !== "VALID";
    expect(after).toMatchObject({
      validation_status: decided ?? status,
      last_validated_at: decided === "VALID" ? checkedAt : before.last_validated_at,
      last_checked_at: checkedAt,
      consecutive_failures: decided === null ? 3 : 0,
      seq: before.seq,
      event_id: before.event_id,
      credential_id: before.credential_id,
    });
    const dead = decided ?? status;
    expect(after.next_due_at === null, "what was refused is left alone, an answer that says nothing included").toBe(
      dead === "INVALID" || dead === "EXPIRED",
    );
    expect(after.verdict?.outcome).toBe(outcome);
    expect(body).toMatchObject({ success: outcome === "valid", outcome, validation_status: decided ?? status });
    expect(bench.asked).toHaveLength(confirmed ? 2 : 1);
    expect(bench.clock.slept).toEqual(confirmed ? [2_000] : []);
  },
);

describe("a VALID credential that is refused is asked once more", () => {
  const seconds: Array<[string, number, number, Status, number]> = [
    ["refused, then accepted: it stays VALID", 401, 200, "VALID", 0],
    ["refused, then refused: it is INVALID", 401, 401, "INVALID", 0],
    ["refused, then no answer: it stays VALID, one failure", 401, 503, "VALID", 1],
    ["expired, then a limit: it stays VALID, one failure", 410, 429, "VALID", 1],
    ["expired, then expired: it is EXPIRED", 410, 410, "EXPIRED", 0],
    ["expired, then refused: the second answer counts", 410, 401, "INVALID", 0],
    ["forbidden, then accepted: it stays VALID", 403, 200, "VALID", 0],
  ];
  test.each(seconds)("%s", async (_, first, second, status, failures) => {
    await bench.setUp("acme", "fake-key");
    bench.clock.advance(60 * SECOND);
    bench.answers("fake-key", first, second);
    const checkedAt = new Date(bench.clock.now()).toISOString();
    bench.asked.length = 0;
    await validate(bench.works, bench.subject("acme"));
    expect(await bench.head("acme")).toMatchObject({
      validation_status: status,
      consecutive_failures: failures,
      last_checked_at: checkedAt,
    });
    expect(bench.asked).toEqual(["fake-key", "fake-key"]);
    expect(bench.clock.slept).toEqual([2_000]);
    expect(bench.events("integration.status_changed")).toHaveLength(status === "VALID" ? 0 : 1);
  });
});

describe("what operators are told, once it is stored", () => {
  const events: Array<[Status, number, string | null, string | null]> = [
    ["VALID", 200, null, null],
    ["VALID", 401, "integration.status_changed", "ERROR"],
    ["VALID", 410, "integration.status_changed", "ERROR"],
    ["VALID", 503, null, null],
    ["INVALID", 200, "integration.recovered", "NOTICE"],
    ["EXPIRED", 200, "integration.recovered", "NOTICE"],
    ["INVALID", 401, null, null],
    ["INVALID", 410, "integration.status_changed", "ERROR"],
    ["PENDING", 200, "integration.status_changed", "NOTICE"],
    ["PENDING", 401, "integration.status_changed", "ERROR"],
    ["PENDING", 429, null, null],
  ];
  test.each(events)("%s answered %i → %s (%s)", async (status, http, event, severity) => {
    await stored(status);
    bench.database.exec("UPDATE heads SET consecutive_failures = 0");
    bench.answers("fake-key", http);
    await validate(bench.works, bench.subject("acme"));
    expect(bench.logs.map((line) => [line.event, line.severity])).toEqual(event === null ? [] : [[event, severity]]);
    if (event !== null)
      expect(bench.logs[0]?.fields).toMatchObject({
        ...pair,
        previous_status: status,
        status: (await bench.head("acme")).validation_status,
      });
  });

  test("an answer after silence is a recovery too", async () => {
    await stored("VALID");
    await validate(bench.works, bench.subject("acme"));
    expect(bench.events("integration.recovered")).toMatchObject([{ status: "VALID", count: 2 }]);
  });

  const request = () => ({ ...bench.subject("acme"), idempotency: null, precondition: free });
  const replacing: Record<string, () => Promise<unknown>> = {
    setup: () => bench.setUp("acme", "fake-new"),
    "setup without validation": () => bench.setUp("acme", "fake-new", { skip_validation: true }),
    rotate: () => update(bench.works, { ...request(), body: { credential: "fake-new" }, message: "ok" }),
    "an import": () =>
      importMany(bench.works, {
        ...request(),
        body: { items: [{ provider: "fake", credential: "fake-new" }] },
        dryRun: false,
      }),
    "a change of name": () => update(bench.works, { ...request(), body: { credential_name: "New" }, message: "ok" }),
    "a replayed setup": async () => {
      const again = { ...request(), idempotency: { keyHash: "k", bodyHash: "b" } };
      const body = { credential: "fake-new", skip_validation: false };
      await setup(bench.works, { ...again, body });
      bench.logs.length = 0;
      await setup(bench.works, { ...again, body });
    },
    "a setup that its twin overtakes": async () => {
      const once = { ...request(), idempotency: { keyHash: "k", bodyHash: "b" } };
      const body = { credential: "fake-new", skip_validation: false };
      bench.watched.next("advanceHead", { before: () => setup(elsewhere(), { ...once, body }) });
      expect(await setup(bench.works, { ...once, body })).toMatchObject({ replayed: true });
    },
    "a rotation that its twin overtakes": async () => {
      const once = { ...request(), idempotency: { keyHash: "k", bodyHash: "b" }, message: "ok" };
      const body = { credential: "fake-new" };
      bench.watched.next("advanceHead", { before: () => update(elsewhere(), { ...once, body }) });
      expect(await update(bench.works, { ...once, body })).toMatchObject({ replayed: true });
    },
    "a rotation that loses": async () => {
      const rotation = { ...request(), body: { credential: "fake-new" }, message: "ok" };
      bench.watched.next("appendVersions", { after: () => rename() });
      await faultOf(update(bench.works, rotation));
    },
  };
  const elsewhere = () => ({ ...bench.works, store: bench.real, inFlight: new Set<string>() });
  const rename = () =>
    update({ ...bench.works, store: bench.real }, { ...request(), body: { credential_name: "First" }, message: "ok" });
  const replaced: Array<[Status, string, Status, string | null]> = [
    ["INVALID", "setup", "VALID", "integration.recovered"],
    ["EXPIRED", "rotate", "VALID", "integration.recovered"],
    ["INVALID", "an import", "VALID", "integration.recovered"],
    ["PENDING", "rotate", "VALID", "integration.status_changed"],
    ["VALID", "setup without validation", "PENDING", "integration.status_changed"],
    ["VALID", "setup", "VALID", null],
    ["VALID", "rotate", "VALID", null],
    ["INVALID", "a change of name", "INVALID", null],
    ["INVALID", "a replayed setup", "VALID", null],
    ["INVALID", "a setup that its twin overtakes", "VALID", "integration.recovered"],
    ["INVALID", "a rotation that its twin overtakes", "VALID", "integration.recovered"],
    ["INVALID", "a rotation that loses", "INVALID", null],
  ];
  test.each(replaced)("%s, then %s: %s → %s, once", async (status, how, then, event) => {
    await stored(status);
    await replacing[how]?.();
    expect(bench.logs.map((line) => line.event)).toEqual(event === null ? [] : [event]);
    if (event !== null) expect(bench.logs[0]?.fields).toMatchObject({ ...pair, previous_status: status, status: then });
    expect((await bench.head("acme")).validation_status).toBe(then);
  });

  test("nothing, where the credential was replaced while it was being asked", async () => {
    await bench.setUp("acme", "fake-old");
    const old = await bench.head("acme");
    bench.clock.advance(60 * SECOND);
    bench.answers("fake-old", 401);
    bench.watched.next("appendValidations", { before: () => bench.setUp("acme", "fake-new") });
    await validate(bench.works, bench.subject("acme"));
    const now = await bench.head("acme");
    expect(now.credential_id).not.toBe(old.credential_id);
    expect(now).toMatchObject({ validation_status: "VALID", error_code: null, consecutive_failures: 0 });
    expect(bench.logs).toEqual([]);
    const history = bench.database.prepare("SELECT credential_id, status FROM validations").all();
    expect(history.map((row) => [row["credential_id"], row["status"]])).toEqual([[old.credential_id, "INVALID"]]);
  });
});

describe("a check that is overtaken is answered with what holds now", () => {
  const overtakers: Array<[string, () => Promise<unknown>, Partial<Record<string, unknown>>]> = [
    ["by another credential", () => bench.setUp("acme", "fake-new"), { success: false, validation_status: "VALID" }],
    [
      "by another credential that is not proven",
      () => bench.setUp("acme", "fake-new", { skip_validation: true }),
      { success: false, validation_status: "PENDING" },
    ],
    [
      "by a newer check",
      () => validate(bench.works, bench.subject("acme")),
      { success: false, outcome: "rejected", validation_status: "VALID" },
    ],
  ];
  test.each(overtakers)("%s", async (_, overtake, expected) => {
    await stored("VALID");
    bench.usually.answer = async () => {
      bench.usually.answer = () => 200;
      bench.clock.advance(SECOND);
      await overtake();
      bench.usually.answer = () => 401;
      return 401;
    };
    const { body, head } = await validate(bench.works, bench.subject("acme"));
    const now = await bench.head("acme");
    expect(body).toMatchObject({
      ...expected,
      last_validated_at: now.last_validated_at,
    });
    expect(head).toEqual(now);
    expect(now.validation_status).toBe(expected["validation_status"]);
    expect(bench.events("integration.status_changed").filter(({ status }) => status === "INVALID")).toEqual([]);
  });
});

test("an answer that began before a newer one changes nothing", async () => {
  await bench.setUp("acme", "fake-key");
  bench.clock.advance(60 * SECOND);
  bench.usually.answer = async () => {
    bench.usually.answer = () => 200;
    bench.clock.advance(1);
    await validate(bench.works, bench.subject("acme"));
    return 503;
  };
  await validate(bench.works, bench.subject("acme"));
  expect(await bench.head("acme")).toMatchObject({
    validation_status: "VALID",
    consecutive_failures: 0,
    error_code: null,
  });
});

test("an inconclusive answer keeps the capabilities and the expiry that were found before", async () => {
  const expires_at = new Date(bench.clock.now() + 90 * DAY).toISOString();
  bench.answers("fake-key", { status: 200, body: { ok: true, expires_at } }, 503);
  const before = await bench.setUp("acme", "fake-key");
  expect(before.expires_at).toBe(expires_at);
  bench.clock.advance(60 * SECOND);
  await validate(bench.works, bench.subject("acme"));
  const after = await bench.head("acme");
  expect(after).toMatchObject({ expires_at, verdict: { outcome: "unreachable", expires_at } });
  expect(after.verdict?.capabilities).toEqual(before.verdict?.capabilities);
});

test("the earlier of the declared and the discovered expiry counts", async () => {
  const from = bench.clock.now();
  const at = (days: number) => new Date(from + days * DAY).toISOString();
  bench.answers(
    "fake-key",
    { status: 200, body: { ok: true, expires_at: at(90) } },
    { status: 200, body: { ok: true, expires_at: at(20) } },
  );
  expect(await bench.setUp("acme", "fake-key", { expires_at: at(60) })).toMatchObject({
    expires_at_declared: at(60),
    expires_at: at(60),
  });
  bench.clock.advance(60 * SECOND);
  await validate(bench.works, bench.subject("acme"));
  expect((await bench.head("acme")).expires_at).toBe(at(20));
});

test.each([null, "2026-10-01T00:00:00.000Z"])(
  "an expiry that is changed to %s while a check is running stands",
  async (expires_at) => {
    await bench.setUp("acme", "fake-key", { expires_at: "2026-11-20T00:00:00.000Z" });
    bench.clock.advance(60 * SECOND);
    bench.usually.answer = async () => {
      const precondition = { ifMatch: null, createOnly: false };
      await update(bench.works, {
        ...bench.subject("acme"),
        body: { expires_at },
        message: "ok",
        idempotency: null,
        precondition,
      });
      return 200;
    };
    await validate(bench.works, bench.subject("acme"));
    expect(await bench.head("acme")).toMatchObject({ expires_at_declared: expires_at, expires_at });
  },
);

describe("what cannot be opened says nothing about the credential", () => {
  const breakages: Array<[string, string, string]> = [
    ["its ciphertext is gone", "UPDATE versions SET encrypted_credential = NULL", "integrity"],
    ["its ciphertext is damaged", "UPDATE versions SET encrypted_credential = zeroblob(80)", "integrity"],
    [
      "another's ciphertext stands in its place",
      "UPDATE versions SET encrypted_credential = (SELECT encrypted_credential FROM versions v WHERE v.org_slug = 'other') WHERE org_slug = 'acme'",
      "integrity",
    ],
    [
      "the metadata it is bound to was changed",
      `UPDATE heads SET metadata = '{"region":"us-9"}' WHERE org_slug = 'acme'`,
      "integrity",
    ],
    [
      "it stands under another credential id",
      "UPDATE heads SET credential_id = '00000000-0000-4000-8000-000000000009' WHERE org_slug = 'acme'",
      "integrity",
    ],
  ];
  test.each(breakages)("%s: the status stays, nobody is asked, the fault is integrity", async (_, sql, code) => {
    await bench.setUp("other", "fake-other");
    await bench.setUp("acme", "unused", { credential: { api_key: "fake-key", region: "eu-1" } });
    bench.database.exec(sql);
    const before = await bench.head("acme");
    bench.asked.length = 0;
    bench.clock.advance(60 * SECOND);
    expect(await faultOf(validate(bench.works, bench.subject("acme")))).toBe(code);
    expect(await bench.head("acme")).toEqual(before);
    expect(bench.asked).toEqual([]);
    expect(bench.database.prepare("SELECT COUNT(*) AS n FROM validations").get()?.["n"]).toBe(0);
  });
});

test("validate answers with its verdict although the store had to be asked three times to keep it", async () => {
  await bench.setUp("acme", "fake-key");
  bench.clock.advance(60 * SECOND);
  bench.answers("fake-key", 401);
  bench.watched.next("appendValidations", "fails", "takes effect, then fails");
  bench.watched.next("recordChecks", "fails", "takes effect, then fails");
  const { body } = await validate(bench.works, bench.subject("acme"));
  expect(body).toMatchObject({ success: false, outcome: "rejected", validation_status: "INVALID" });
  expect(await bench.head("acme")).toMatchObject({ validation_status: "INVALID" });
  expect(bench.events("integration.status_changed")).toHaveLength(1);
});

test("validate costs one query besides the two writes", async () => {
  await bench.setUp("acme", "fake-key");
  bench.clock.advance(60 * SECOND);
  bench.watched.calls.length = 0;
  await validate(bench.works, bench.subject("acme"));
  expect(bench.watched.calls).toEqual(["readSealed", "appendValidations", "recordChecks"]);
});
