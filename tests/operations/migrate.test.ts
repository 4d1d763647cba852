import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type KeyRing, openKeyRing } from "../../shared/adapters/local/key-ring.ts";
import { Fault } from "../../shared/contract/fault.ts";
import { decrypt } from "../../shared/operations/decrypt.ts";
import { type MigrateReport, type MigrateRequest, migrate } from "../../shared/operations/migrate.ts";
import type { Migrated } from "../../shared/operations/migrate-line.ts";
import { remove } from "../../shared/operations/remove.ts";
import { setup } from "../../shared/operations/setup.ts";
import { sweep } from "../../shared/operations/sweep.ts";
import type { CredentialStore } from "../../shared/ports/credential-store.ts";
import type { KeyManagement } from "../../shared/ports/key-management.ts";
import type { OlderCredential } from "../../shared/ports/older-credentials.ts";
import { fakeKey, registry as shipped, entryOf as shippedEntry } from "../registry/the-registry.ts";
import { clouds } from "../simulators/clouds/all.ts";
import { type Bench, faultOf, openBench, START } from "./bench.ts";
import { olderRows, olderTable } from "./older-table.ts";

const free = { ifMatch: null, createOnly: false };
const REQUEST: MigrateRequest = {
  requestId: "00000000-0000-4000-8000-000000000003",
  actor: "operator:op",
  dryRun: false,
  org: null,
};
let bench: Bench;
let folder: string;
let oldKey: KeyRing;
let row: ReturnType<typeof olderRows>;

beforeEach(() => {
  bench = openBench();
  folder = mkdtempSync(join(tmpdir(), "older-key-"));
  oldKey = openKeyRing(join(folder, "keyring.json"), bench.clock);
  row = olderRows(oldKey);
});
afterEach(() => {
  bench.close();
  rmSync(folder, { recursive: true, force: true });
});

const run = (rows: readonly OlderCredential[], more: Partial<MigrateRequest> = {}, key: KeyManagement = oldKey) =>
  migrate(bench.works, { ...REQUEST, ...more }, { older: olderTable(rows), oldKey: key });
const outcomes = (rows: readonly Migrated[]) =>
  rows.map(({ org_slug, provider, outcome, code }) => [org_slug, provider, outcome, code ?? null]);
const dump = () => ["heads", "versions"].map((table) => bench.database.prepare(`SELECT * FROM ${table}`).all());
const opened = async (org: string, code = "FAKE") => {
  const entry = bench.works.registry.byCode(code);
  if (entry === null) throw new Error(code);
  const pipeline = entry.pipelines[0]?.id ?? "";
  const subject = { ...bench.subject(org), entry };
  return (await decrypt(bench.works, subject, { pipeline, run_id: "r", as: "secret" })).body;
};

describe("an older credential that is taken over", () => {
  test("is sealed anew under our binding, and keeps its name, status, settings and times", async () => {
    const older = await row("acme", "FAKE", "fake-acme", {
      credential_name: "Production Key",
      metadata: '{"label":"costs","environment":"production"}',
      expires_at: "2027-03-31T23:59:59.000Z",
      deactivation_scheduled_at: "2026-12-01T00:00:00.000Z",
    });
    const report = await run([older]);
    const head = await bench.head("acme");
    expect(report).toEqual({
      dry_run: false,
      complete: true,
      total: 1,
      taken_over: 1,
      skipped: 0,
      failed: 0,
      rows: [
        {
          org_slug: "acme",
          provider: "FAKE",
          old_credential_id: older.credential_id,
          outcome: "taken_over",
          credential_id: head.credential_id,
          fingerprint: head.fingerprint,
          status: "VALID",
        },
      ],
    });
    expect(head).toMatchObject({
      seq: 1,
      op: "setup",
      credential_name: "Production Key",
      credential_type: "api_key",
      key_version: "1",
      metadata: { label: "costs", environment: "production" },
      enabled: true,
      expires_at_declared: "2027-03-31T23:59:59.000Z",
      expires_at: "2027-03-31T23:59:59.000Z",
      deactivation_scheduled_at: "2026-12-01T00:00:00.000Z",
      validation_status: "VALID",
      last_validated_at: "2026-07-01T10:00:00.000Z",
      last_checked_at: null,
      error_code: null,
      verdict: null,
      consecutive_failures: 0,
      next_due_at: START,
      reported_at: null,
      created_at: "2026-01-22T03:33:08.000Z",
      updated_at: START,
      created_by: "operator:op",
    });
    expect(head.credential_id).not.toBe(older.credential_id);
    expect(head.secret_event_id).toBe(head.event_id);
    expect(await opened("acme")).toMatchObject({ credential: { api_key: "fake-acme" }, validation_status: "VALID" });
    expect(bench.asked).toEqual([]);
    expect(
      await faultOf(bench.works.keys.decrypt(older.encrypted_credential ?? Buffer.alloc(0), Buffer.alloc(0))),
    ).toBe("integrity");
  });

  test("stands in the history as what an operator did, at the time of the migration", async () => {
    await run([await row("acme", "FAKE", "fake-acme")]);
    const history = await bench.real.readHistory({ org_slug: "acme", provider: "FAKE" }, { limit: 9, before: null });
    expect(history.items).toMatchObject([{ type: "setup", at: START, actor: "operator:op", status: "VALID" }]);
  });

  test("is due at once, and the next sweep proves it or finds it refused", async () => {
    await run([
      await row("good", "FAKE", "fake-good"),
      await row("dead", "FAKE", "fake-dead"),
      await row("back", "FAKE", "fake-back", { validation_status: "INVALID" }),
    ]);
    bench.answers("fake-dead", 401);
    bench.clock.advance(1_000);
    const swept = await sweep(bench.works, { requestId: "r", actor: "scheduler" }, { limit: 10, max_seconds: 60 });
    expect(swept).toMatchObject({ checked: 3, valid: 2, invalid: 1 });
    expect((await bench.head("good")).validation_status).toBe("VALID");
    expect((await bench.head("dead")).validation_status).toBe("INVALID");
    expect((await bench.head("back")).validation_status).toBe("VALID");
  });

  const statuses: Array<[string | null, string]> = [
    ["VALID", "VALID"],
    ["valid", "VALID"],
    ["active", "VALID"],
    ["INVALID", "INVALID"],
    ["error", "INVALID"],
    ["EXPIRED", "EXPIRED"],
    ["PENDING", "PENDING"],
    ["validating", "PENDING"],
    ["", "PENDING"],
    [null, "PENDING"],
    ["VALIDATED", "PENDING"],
  ];
  test.each(statuses)("with the status %s is %s", async (validation_status, expected) => {
    const report = await run([await row("acme", "FAKE", "fake-acme", { validation_status })]);
    expect(report.rows[0]?.status).toBe(expected);
    expect(await bench.head("acme")).toMatchObject({ validation_status: expected, next_due_at: START });
  });

  const times: Array<[string, Partial<OlderCredential>, object]> = [
    ["without a time of creation was created now", { created_at: null }, { created_at: START }],
    ["created in the future was created now", { created_at: "2099-01-01T00:00:00.000Z" }, { created_at: START }],
    [
      "validated in the future was never validated",
      { last_validated_at: "2099-01-01T00:00:00.000Z" },
      { last_validated_at: null },
    ],
    [
      "that expires in ten days is known to, and has been announced",
      { expires_at: "2026-09-01T12:00:00.000Z" },
      { expires_at: "2026-09-01T12:00:00.000Z", notified_days: 14 },
    ],
    [
      "that has expired is no less what it was",
      { expires_at: "2026-01-01T00:00:00.000Z" },
      { expires_at: "2026-01-01T00:00:00.000Z", validation_status: "VALID", notified_days: 0 },
    ],
  ];
  test.each(times)("%s", async (_, more, expected) => {
    await run([await row("acme", "FAKE", "fake-acme", more)]);
    expect(await bench.head("acme")).toMatchObject(expected);
  });

  test("whose times cannot be read has none of them, and that is told", async () => {
    const odd = { created_at: "x", last_validated_at: "1796083200", expires_at: "2026-12-01 00:00:00" };
    const report = await run([await row("acme", "FAKE", "fake-acme", odd)]);
    expect(report.rows[0]).toMatchObject({
      outcome: "taken_over",
      times_dropped: ["last_validated_at", "expires_at", "created_at"],
    });
    expect(await bench.head("acme")).toMatchObject({ created_at: START, last_validated_at: null, expires_at: null });
  });

  const named: Array<[string, string | null, string, boolean]> = [
    ["a name", "Größe „7“", "Größe „7“", false],
    ["no name", null, "Fake API Key", false],
    ["an empty name", "  ", "Fake API Key", true],
    ["a name of 101 characters", "n".repeat(101), "Fake API Key", true],
    ["a name with a line break", "a\nb", "Fake API Key", true],
    ["a name with a secret in it", "key ghp_0123456789abcdefghij0123456789abcdef", "Fake API Key", true],
  ];
  test.each(named)("with %s is called as it may be", async (_, credential_name, expected, renamed) => {
    const report = await run([await row("acme", "FAKE", "fake-acme", { credential_name })]);
    expect((await bench.head("acme")).credential_name).toBe(expected);
    expect(report.rows[0]?.renamed ?? false).toBe(renamed);
  });

  const metadata: Array<[string, string | null, object, Partial<Migrated>]> = [
    ["null", null, {}, {}],
    ["an empty text", "", {}, {}],
    ["JSON's null", "null", {}, {}],
    ["an object in a text in JSON", JSON.stringify('{"label":"costs"}'), { label: "costs" }, {}],
    [
      "a name that is not ours",
      '{"label":"costs","colour":"red"}',
      { label: "costs" },
      { settings_dropped: ["colour"] },
    ],
    [
      "a name that may be anything",
      '{"ghp_0123456789abcdefghij0123456789abcdef":1,"a b":2}',
      {},
      { settings_dropped: ["2 more"] },
    ],
    [
      "a value that does not fit",
      '{"label":"COSTS!","team":"finance"}',
      { team: "finance" },
      { settings_refused: [{ field: "/metadata/label", message: expect.any(String) }] },
    ],
    [
      "a value that looks like a secret",
      '{"notes":"sk-0123456789abcdef0123456789abcdef"}',
      {},
      { settings_refused: [{ field: "/metadata/notes", message: expect.stringContaining("secret") }] },
    ],
    ["what the credential itself says", '{"region":"us-9","api_key":"fake-other"}', { region: "eu-1" }, {}],
    ["a list", "[1]", {}, { settings_refused: [{ field: "/metadata", message: "is not a JSON object" }] }],
    ["no JSON", "{label:", {}, { settings_refused: [{ field: "/metadata", message: "is not a JSON object" }] }],
    [
      "a key of objects' own",
      '{"__proto__":{"label":"x"}}',
      {},
      { settings_refused: [{ field: "/metadata", message: "is not a JSON object" }] },
    ],
  ];
  test.each(metadata)("with the metadata %s keeps what is allowed and tells the rest", async (_, json, kept, told) => {
    const region = "region" in kept ? { api_key: "fake-acme", region: "eu-1" } : "fake-acme";
    const report = await run([await row("acme", "FAKE", region, { metadata: json })]);
    const { settings_dropped, settings_refused } = report.rows[0] ?? {};
    expect({ settings_dropped, settings_refused }).toEqual({
      settings_dropped: undefined,
      settings_refused: undefined,
      ...told,
    });
    expect((await bench.head("acme")).metadata).toEqual(kept);
    expect(report.taken_over).toBe(1);
    expect(JSON.stringify(report)).not.toMatch(/ghp_|0123456789abcdef0|COSTS!|finance/);
  });
});

describe("which row is taken", () => {
  test("the newest active one of a pair; the older active ones are reported one by one, inactive ones left", async () => {
    const rows = [
      await row("acme", "FAKE", "fake-old", { created_at: "2026-01-01T00:00:00.000Z" }),
      await row("acme", "FAKE", "fake-newest", { created_at: "2026-03-01T00:00:00.000Z" }),
      await row("acme", "FAKE", "fake-middle", { created_at: "2026-02-01T00:00:00.000Z" }),
      await row("acme", "FAKE", "fake-inactive", { created_at: "2026-04-01T00:00:00.000Z", is_active: false }),
      await row("acme", "FAKE", "fake-timeless", { created_at: null }),
      await row("acme", "FAKE", "fake-orderless", { created_at: "x", is_active: false }),
    ];
    const report = await run(rows);
    expect((await opened("acme")).credential).toEqual({ api_key: "fake-newest" });
    const by = new Map(report.rows.map((line) => [line.old_credential_id, [line.outcome, line.code ?? null]]));
    expect(rows.map(({ credential_id }) => by.get(credential_id))).toEqual([
      ["skipped", "older_duplicate"],
      ["taken_over", null],
      ["skipped", "older_duplicate"],
      ["skipped", "inactive"],
      ["skipped", "older_duplicate"],
      ["skipped", "inactive"],
    ]);
    expect(bench.audits).toHaveLength(1);
  });

  test.each([[[0, 1]], [[1, 0]]])("of two of one time always the same one (read in the order %j)", async (order) => {
    const rows = [
      await row("acme", "FAKE", "fake-one", { credential_id: "11111111-1111-4111-8111-111111111111" }),
      await row("acme", "FAKE", "fake-two", { credential_id: "22222222-2222-4222-8222-222222222222" }),
    ];
    await run(order.flatMap((at) => rows[at] ?? []));
    expect((await opened("acme")).credential).toEqual({ api_key: "fake-two" });
  });

  test("a provider's code and aliases in any case are one pair", async () => {
    const rows = [
      await row("acme", "FAKE", "fake-older", { created_at: "2026-01-01T00:00:00.000Z" }),
      await row("acme", " fake ", "fake-newer", { created_at: "2026-02-01T00:00:00.000Z" }),
    ];
    expect(outcomes((await run(rows)).rows)).toEqual([
      ["acme", "FAKE", "taken_over", null],
      ["acme", "FAKE", "skipped", "older_duplicate"],
    ]);
    expect((await opened("acme")).credential).toEqual({ api_key: "fake-newer" });
  });

  test("none where all are inactive, and none where the newest one's deactivation has passed", async () => {
    const past = { deactivation_scheduled_at: "2026-08-22T11:59:59.999Z" };
    const rows = [
      await row("a", "FAKE", "fake-off", { is_active: false }),
      await row("b", "FAKE", "fake-past", { ...past, created_at: "2026-05-01T00:00:00.000Z" }),
      await row("b", "FAKE", "fake-before"),
    ];
    const before = dump();
    expect(outcomes((await run(rows)).rows)).toEqual([
      ["a", "FAKE", "skipped", "inactive"],
      ["b", "FAKE", "skipped", "deactivated"],
      ["b", "FAKE", "skipped", "older_duplicate"],
    ]);
    expect(dump()).toEqual(before);
    expect(bench.audits).toEqual([]);
  });

  test("none of several where a time of creation cannot be read, but one that stands alone, and what is here stays", async () => {
    await bench.setUp("here", "fake-here");
    const odd = { created_at: "around 2026" };
    const rows = [
      await row("acme", "FAKE", "fake-one", { created_at: "2026-03-01T00:00:00.000Z" }),
      await row("acme", "FAKE", "fake-two", odd),
      await row("alone", "FAKE", "fake-alone", odd),
      await row("alone", "FAKE", "fake-off", { ...odd, is_active: false }),
      await row("beta", "FAKE", "fake-three", odd),
      await row("beta", "FAKE", "fake-past", { ...odd, deactivation_scheduled_at: "2026-08-22T11:59:59.999Z" }),
      await row("here", "FAKE", "fake-four", odd),
      await row("here", "FAKE", "fake-five"),
    ];
    bench.audits.length = 0;
    const report = await run(rows);
    const by = new Map(report.rows.map((line) => [line.old_credential_id, [line.outcome, line.code ?? null]]));
    expect(rows.map(({ credential_id }) => by.get(credential_id))).toEqual([
      ["failed", "created_at_unreadable"],
      ["failed", "created_at_unreadable"],
      ["taken_over", null],
      ["skipped", "inactive"],
      ["failed", "created_at_unreadable"],
      ["skipped", "deactivated"],
      ["skipped", "already_here"],
      ["skipped", "already_here"],
    ]);
    expect(JSON.stringify(report)).not.toContain("around");
  });

  test("of many organisations each, over several pages, of one only where one is named", async () => {
    const orgs = Array.from({ length: 60 }, (_, at) => `org-${String(at).padStart(2, "0")}`);
    const rows = await Promise.all(orgs.map((org) => row(org, "FAKE", `fake-of-${org}`)));
    expect(await run(rows, { org: "org-07" })).toMatchObject({ total: 1, taken_over: 1 });
    const told: Array<[number, number]> = [];
    const report = await migrate(bench.works, REQUEST, { older: olderTable(rows), oldKey }, (done, total) =>
      told.push([done, total]),
    );
    expect(report).toMatchObject({ total: 60, taken_over: 59, skipped: 1, failed: 0 });
    expect(told).toEqual([
      [25, 60],
      [50, 60],
      [60, 60],
    ]);
    for (const org of ["org-00", "org-24", "org-25", "org-59"])
      expect((await opened(org)).credential).toEqual({ api_key: `fake-of-${org}` });
  });
});

describe("what is here already", () => {
  const put = (org: string, key: string) =>
    setup(bench.works, {
      ...bench.subject(org),
      body: { credential: key, skip_validation: false },
      idempotency: null,
      precondition: free,
    });

  test("is left alone, also where it was deleted here: it is newer than the older table", async () => {
    await put("here", "fake-here");
    await put("gone", "fake-gone");
    await remove(bench.works, { ...bench.subject("gone"), at: null, precondition: free });
    await bench.real.placeHeads([{ org_slug: "placed", provider: "FAKE" }], START);
    const before = await Promise.all(["here", "gone"].map((org) => bench.head(org)));
    const rows = await Promise.all(["here", "gone", "placed"].map((org) => row(org, "FAKE", `fake-older-${org}`)));
    expect(outcomes((await run(rows)).rows)).toEqual(
      [
        ["gone", "FAKE", "skipped", "deleted_here"],
        ["here", "FAKE", "skipped", "already_here"],
        ["placed", "FAKE", "taken_over", null],
      ].sort(),
    );
    expect(await Promise.all(["here", "gone"].map((org) => bench.head(org)))).toEqual(before);
    expect(bench.audits).toHaveLength(1);
  });

  test("a second run takes nothing over twice, and opens nothing", async () => {
    const rows = [await row("a", "FAKE", "fake-one"), await row("b", "FAKE", "fake-two")];
    await run(rows);
    const before = dump();
    bench.audits.length = 0;
    expect(await run(rows)).toMatchObject({ taken_over: 0, skipped: 2, failed: 0 });
    expect(dump()).toEqual(before);
    expect(bench.audits).toEqual([]);
  });

  test.each(["placeHeads", "appendVersions", "advanceHeads"] as const)(
    "a customer who sets it up before %s is not overwritten, and the others are taken over",
    async (method) => {
      const rows = [await row("a", "FAKE", "fake-older"), await row("b", "FAKE", "fake-other")];
      bench.watched.next(method, {
        before: () =>
          setup(
            { ...bench.works, store: bench.real },
            {
              ...bench.subject("a"),
              body: { credential: "fake-theirs", skip_validation: false },
              idempotency: null,
              precondition: free,
            },
          ),
      });
      expect(outcomes((await run(rows)).rows)).toEqual([
        ["a", "FAKE", "skipped", "already_here"],
        ["b", "FAKE", "taken_over", null],
      ]);
      expect((await opened("a")).credential).toEqual({ api_key: "fake-theirs" });
      expect((await opened("b")).credential).toEqual({ api_key: "fake-other" });
      for (const org of ["a", "b"]) expect(new Set(bench.topEvents({ org_slug: org, provider: "FAKE" })).size).toBe(1);
    },
  );
});

describe("a dry run", () => {
  test("opens and checks everything, says what would happen, and changes nothing", async () => {
    const rows = [
      await row("a", "FAKE", "fake-good", { metadata: '{"colour":1}' }),
      await row("b", "FAKE", "not a key"),
      await row("c", "FAKE", null),
    ];
    const before = dump();
    const report = await run(rows, { dryRun: true });
    expect(report).toMatchObject({ dry_run: true, taken_over: 1, failed: 2 });
    expect(outcomes(report.rows)).toEqual([
      ["a", "FAKE", "would_take_over", null],
      ["b", "FAKE", "failed", "credential_format"],
      ["c", "FAKE", "failed", "integrity"],
    ]);
    expect(dump()).toEqual(before);
    expect(bench.audits.map(({ operation, outcome, org_slug }) => [org_slug, operation, outcome]).sort()).toEqual([
      ["a", "migrate.dry_run", "ok"],
      ["b", "migrate.dry_run", "error"],
      ["c", "migrate.dry_run", "error"],
    ]);
  });
});

describe("what cannot be taken over is told in a line and stops nothing else", () => {
  const wrong: Array<[string, () => Promise<OlderCredential>, Partial<Migrated>]> = [
    [
      "a provider that is not in the registry",
      () => row("acme", "NOPE", "fake-acme"),
      { org_slug: "acme", provider: "NOPE", code: "provider_unknown", message: "Its provider is not in the registry" },
    ],
    [
      "no provider",
      () => row("acme", "X", "fake-acme", { provider: null }),
      { org_slug: "acme", provider: null, code: "provider_unknown" },
    ],
    [
      "a provider that may be a secret",
      () => row("acme", "sk-0123456789abcdef0123456789abcdef", "fake-acme"),
      { provider: null, code: "provider_unknown" },
    ],
    [
      "an organisation that can be none",
      () => row("Acme Inc", "FAKE", "fake-acme"),
      { org_slug: null, code: "org_invalid", message: "Its organisation is not a valid slug" },
    ],
    [
      "no organisation",
      () => row("x", "FAKE", "fake-acme", { org_slug: null }),
      { org_slug: null, code: "org_invalid" },
    ],
    ["a reserved word as organisation", () => row("providers", "FAKE", "fake-acme"), { code: "org_invalid" }],
    [
      "no ciphertext",
      () => row("acme", "FAKE", null),
      { org_slug: "acme", provider: "FAKE", code: "integrity", message: "The row has no ciphertext" },
    ],
    [
      "an empty ciphertext",
      () => row("acme", "FAKE", "fake-acme", { encrypted_credential: Buffer.alloc(0) }),
      { code: "integrity", message: "The row has no ciphertext" },
    ],
    [
      "a ciphertext of another key",
      async () => {
        const { ciphertext } = await bench.works.keys.encrypt(Buffer.from("fake-acme"), Buffer.alloc(0));
        return await row("acme", "FAKE", null, { encrypted_credential: ciphertext });
      },
      { code: "integrity", message: "The older key does not open it", remedy: expect.stringContaining("another key") },
    ],
    [
      "a ciphertext with associated data",
      async () => {
        const { ciphertext } = await oldKey.encrypt(Buffer.from("fake-acme"), Buffer.from("acme"));
        return await row("acme", "FAKE", null, { encrypted_credential: ciphertext });
      },
      { code: "integrity", message: "The older key does not open it" },
    ],
    [
      "a credential of another shape",
      () => row("acme", "FAKE", "something else"),
      { code: "credential_format", errors: [{ field: "/credential", message: expect.any(String) }] },
    ],
    [
      "a credential with a field too many",
      () => row("acme", "FAKE", { api_key: "fake-acme", comment: "x" }),
      { code: "credential_format", errors: [{ field: "/credential", message: "takes only: api_key, region" }] },
    ],
    [
      "a deactivation that is no time",
      () => row("acme", "FAKE", "fake-acme", { deactivation_scheduled_at: "next summer" }),
      {
        code: "deactivation_unreadable",
        message: expect.stringContaining("deactivated"),
        remedy: expect.stringContaining("deactivation_scheduled_at"),
      },
    ],
    [
      "a masked credential",
      () => row("acme", "FAKE", "fake-****"),
      { code: "credential_format", remedy: expect.stringContaining("whole credential") },
    ],
  ];
  test.each(wrong)("%s", async (_, make, expected) => {
    const odd = await make();
    const report = await run([odd, await row("zeta", "FAKE", "fake-zeta")]);
    expect(report).toMatchObject({ taken_over: 1, failed: 1 });
    const line = report.rows.find(({ outcome }) => outcome === "failed");
    expect(line).toMatchObject({ outcome: "failed", old_credential_id: odd.credential_id, ...expected });
    expect(JSON.stringify(report)).not.toMatch(
      /fake-acme|something else|\*\*\*\*|0123456789abcdef|Acme Inc|next summer/,
    );
    expect((await opened("zeta")).credential).toEqual({ api_key: "fake-zeta" });
  });

  test("bytes that are no text", async () => {
    const { ciphertext } = await oldKey.encrypt(Buffer.from([0xff, 0xfe, 0x00]), Buffer.alloc(0));
    const report = await run([await row("acme", "FAKE", null, { encrypted_credential: ciphertext })]);
    expect(report.rows[0]).toMatchObject({
      code: "credential_format",
      message: "What the older key opened is not text",
    });
  });

  test("a version of the older key that is disabled: key_unavailable, for those rows alone", async () => {
    const first = await row("a", "FAKE", "fake-first");
    oldKey.rotate();
    const second = await row("b", "FAKE", "fake-second");
    oldKey.disable("1");
    expect(outcomes((await run([first, second])).rows)).toEqual([
      ["a", "FAKE", "failed", "key_unavailable"],
      ["b", "FAKE", "taken_over", null],
    ]);
    oldKey.enable("1");
    expect((await run([first, second])).taken_over).toBe(1);
  });

  test("an id that is none of ours is not told", async () => {
    const odd = await row("acme", "FAKE", "fake-acme", { credential_id: "ghp_0123456789abcdefghij0123456789abcdef" });
    expect((await run([odd])).rows[0]?.old_credential_id).toBeNull();
  });
});

describe("what ends a run", () => {
  test("an audit that cannot be written: nothing of that page is stored", async () => {
    const rows = await Promise.all(["a", "b", "c"].map((org) => row(org, "FAKE", `fake-of-${org}`)));
    const before = dump();
    const audit = {
      write: () => {
        throw new Fault("audit_unavailable");
      },
    };
    const works = { ...bench.works, audit };
    expect(await faultOf(migrate(works, REQUEST, { older: olderTable(rows), oldKey }))).toBe("audit_unavailable");
    expect(dump()).toEqual(before);
  });

  test("our own key that does not seal: nothing of that page is stored", async () => {
    const keys = { ...bench.works.keys, encrypt: () => Promise.reject(new Fault("encryption_failed")) };
    const works = { ...bench.works, keys };
    const rows = [await row("a", "FAKE", "fake-one")];
    expect(await faultOf(migrate(works, REQUEST, { older: olderTable(rows), oldKey }))).toBe("encryption_failed");
    expect(await bench.real.readHead({ org_slug: "a", provider: "FAKE" })).toBeNull();
  });

  const faults = (["placeHeads", "appendVersions", "advanceHeads"] as const).flatMap((method) =>
    (["fails", "takes effect, then fails"] as const).map((step) => [method, step] as const),
  );
  test.each(faults)("not %s that %s once: each is stored exactly once", async (method, step) => {
    const rows = await Promise.all(["a", "b", "c"].map((org) => row(org, "FAKE", `fake-of-${org}`)));
    bench.watched.next(method, step);
    expect(await run(rows)).toMatchObject({ taken_over: 3, failed: 0 });
    for (const org of ["a", "b", "c"]) {
      expect(bench.chain({ org_slug: org, provider: "FAKE" })).toHaveLength(1);
      expect((await opened(org)).credential).toEqual({ api_key: `fake-of-${org}` });
    }
  });

  test.each(["placeHeads", "appendVersions", "advanceHeads", "readOpenings"] as const)(
    "a store that stops at %s on the second page: what was taken stays, and the next run takes the rest",
    async (method: keyof CredentialStore) => {
      const orgs = Array.from({ length: 30 }, (_, at) => `org-${String(at).padStart(2, "0")}`);
      const rows = await Promise.all(orgs.map((org) => row(org, "FAKE", `fake-of-${org}`)));
      const passes = method === "readOpenings" ? 2 : 1;
      bench.watched.next(method, ...Array.from({ length: passes }, () => null));
      bench.watched.always(method, "fails");
      expect(await faultOf(run(rows))).toBe("store_unavailable");
      bench.watched.always(method, null);
      const report = await run(rows);
      expect(report.taken_over + report.skipped).toBe(30);
      for (const org of orgs) {
        expect(bench.chain({ org_slug: org, provider: "FAKE" })).toHaveLength(1);
        expect((await opened(org)).credential).toEqual({ api_key: `fake-of-${org}` });
      }
    },
  );
});

describe("what is here and cannot be read", () => {
  const spoil = (org: string) => bench.database.exec(`UPDATE heads SET metadata = '{' WHERE org_slug = '${org}'`);

  test("fails for itself, is not opened, and the others are taken over", async () => {
    await bench.setUp("b", "fake-here");
    spoil("b");
    const rows = await Promise.all(["a", "b", "c"].map((org) => row(org, "FAKE", `fake-of-${org}`)));
    for (const dryRun of [true, false]) {
      const report = await run(rows, { dryRun });
      expect(outcomes(report.rows)).toEqual([
        ["a", "FAKE", dryRun ? "would_take_over" : "taken_over", null],
        ["b", "FAKE", "failed", "integrity"],
        ["c", "FAKE", dryRun ? "would_take_over" : "taken_over", null],
      ]);
    }
    expect(bench.audits.filter(({ org_slug, operation }) => org_slug === "b" && operation !== "setup")).toEqual([]);
  });

  test("is not asked about where the row's deactivation has passed", async () => {
    await bench.setUp("b", "fake-here");
    spoil("b");
    const due = await row("b", "FAKE", "fake-due", { deactivation_scheduled_at: START });
    expect(outcomes((await run([due])).rows)).toEqual([["b", "FAKE", "skipped", "deactivated"]]);
  });

  test("fails for itself too where it is so only afterwards", async () => {
    bench.watched.next("readOpenings", null, { before: () => spoil("b") });
    const rows = await Promise.all(["a", "b"].map((org) => row(org, "FAKE", `fake-of-${org}`)));
    expect(outcomes((await run(rows)).rows)).toEqual([
      ["a", "FAKE", "taken_over", null],
      ["b", "FAKE", "failed", "integrity"],
    ]);
  });

  test("is asked again where the store did not answer afterwards", async () => {
    bench.watched.next("readOpenings", null, "fails");
    expect(await run([await row("a", "FAKE", "fake-one")])).toMatchObject({ taken_over: 1, failed: 0 });
  });

  test("what was settled is told where a run ends by a fault, and nothing that was on its way", async () => {
    const orgs = Array.from({ length: 30 }, (_, at) => `org-${String(at).padStart(2, "0")}`);
    const rows = await Promise.all(orgs.map((org) => row(org, "FAKE", `fake-of-${org}`)));
    bench.watched.next("appendVersions", null, {
      before: () => {
        throw new Fault("encryption_failed");
      },
    });
    const told: MigrateReport[] = [];
    const source = { older: olderTable([...rows, await row("org-29", "NOPE", "x")]), oldKey };
    const work = migrate(bench.works, REQUEST, source, undefined, (report) => told.push(report));
    expect(await faultOf(work)).toBe("encryption_failed");
    expect(told).toMatchObject([{ complete: false, total: 26, taken_over: 25, skipped: 0, failed: 1 }]);
  });
});

describe("what is recorded", () => {
  test("one record for each row that was opened, naming the older and the new credential, and no value", async () => {
    const older = await row("acme", "FAKE", "fake-acme");
    await run([older, await row("beta", "FAKE", "not a key")]);
    const head = await bench.head("acme");
    expect(bench.audits.sort((left, right) => (String(left.org_slug) < String(right.org_slug) ? -1 : 1))).toEqual([
      {
        request_id: REQUEST.requestId,
        actor_type: "operator",
        actor_id: "operator:op",
        org_slug: "acme",
        provider: "FAKE",
        operation: "migrate",
        decision: "allow",
        outcome: "ok",
        status: 0,
        target_id: older.credential_id,
        credential_id: head.credential_id,
        fingerprint: head.fingerprint,
        key_version: "1",
      },
      expect.objectContaining({ org_slug: "beta", outcome: "error", reason_code: "credential_format" }),
    ]);
    expect(JSON.stringify([bench.audits, bench.logs])).not.toMatch(/fake-acme|not a key/);
  });

  test("every plaintext that was opened is overwritten", async () => {
    const held: Buffer[] = [];
    const key: KeyManagement = {
      encrypt: (plaintext, aad) => oldKey.encrypt(plaintext, aad),
      async decrypt(ciphertext, aad) {
        const plaintext = await oldKey.decrypt(ciphertext, aad);
        held.push(plaintext);
        return plaintext;
      },
    };
    await run([await row("a", "FAKE", "fake-one"), await row("b", "FAKE", "no key")], {}, key);
    expect(held).toHaveLength(2);
    for (const plaintext of held) expect(plaintext.equals(Buffer.alloc(plaintext.length))).toBe(true);
  });

  test("at most eight are opened at once", async () => {
    let [open, most] = [0, 0];
    const key: KeyManagement = {
      encrypt: (plaintext, aad) => oldKey.encrypt(plaintext, aad),
      async decrypt(ciphertext, aad) {
        open += 1;
        most = Math.max(most, open);
        await new Promise((resolve) => setImmediate(resolve));
        open -= 1;
        return await oldKey.decrypt(ciphertext, aad);
      },
    };
    const rows = await Promise.all(Array.from({ length: 20 }, (_, at) => row(`org-${at}`, "FAKE", `fake-of-${at}`)));
    expect((await run(rows, {}, key)).taken_over).toBe(20);
    expect(most).toBe(8);
  });
});

describe("the providers of the sources", () => {
  beforeEach(() => {
    bench.works.registry = shipped;
  });
  const credentialOf = (code: "GCP_SA" | "AWS_IAM" | "AWS_KEYS" | "AZURE" | "OCI") => clouds[code]?.credential() ?? {};
  const providers: Array<[string, string, string | object, string]> = [
    ["OPENAI", "a key as text", fakeKey("OPENAI"), "OPENAI"],
    ["openai", "a key in quotes", JSON.stringify(fakeKey("OPENAI")), "OPENAI"],
    ["OPENAI", "a key with a line break behind it", `${fakeKey("OPENAI")}\n`, "OPENAI"],
    ["OPENAI", "an object with the key", { api_key: fakeKey("OPENAI") }, "OPENAI"],
    ["ANTHROPIC", "a key as text", fakeKey("ANTHROPIC"), "ANTHROPIC"],
    ["GEMINI", "a key as text", fakeKey("GEMINI"), "GEMINI"],
    ["DEEPSEEK", "a key as text", fakeKey("DEEPSEEK"), "DEEPSEEK"],
    ["GCP_SA", "the key file as text", credentialOf("GCP_SA"), "GCP_SA"],
    ["gcp", "the key file, indented", JSON.stringify(credentialOf("GCP_SA"), null, 2), "GCP_SA"],
    [
      "GCP_SA",
      "the key file in base64",
      Buffer.from(JSON.stringify(credentialOf("GCP_SA"))).toString("base64"),
      "GCP_SA",
    ],
    ["AWS_IAM", "access keys, which have a code of their own now", credentialOf("AWS_KEYS"), "AWS_KEYS"],
    ["AWS_IAM", "a role", credentialOf("AWS_IAM"), "AWS_IAM"],
    ["AZURE", "a service principal", credentialOf("AZURE"), "AZURE"],
    ["OCI", "a signing key", credentialOf("OCI"), "OCI"],
  ];
  test.each(providers)("%s: %s", async (provider, _, credential, code) => {
    const report = await run([await row("acme", provider, credential)]);
    expect(outcomes(report.rows)).toEqual([["acme", code, "taken_over", null]]);
    const { credential: fields } = await opened("acme", code);
    const [secret] = shippedEntry(code).fields.filter((field) => field.secret || code === "AWS_IAM");
    expect(fields?.[secret?.name ?? ""]).toBeTruthy();
    expect((await bench.head("acme", code)).credential_type).toBe(shippedEntry(code).credential_type);
  });

  test("what the sources kept in metadata for Google Cloud is taken from the credential, or stays a setting", async () => {
    const metadata = JSON.stringify({
      project_id: "other-project",
      client_email: "x@example.com",
      billing_export_table: "acme-billing.billing_export.gcp_billing_export_v1_0",
      unheard_of: true,
    });
    const report = await run([await row("acme", "GCP_SA", credentialOf("GCP_SA"), { metadata })]);
    expect(report.rows[0]).toMatchObject({ outcome: "taken_over", settings_dropped: ["unheard_of"] });
    const head = await bench.head("acme", "GCP_SA");
    expect(head.metadata).toMatchObject({
      project_id: credentialOf("GCP_SA")["project_id"],
      billing_export_table: "acme-billing.billing_export.gcp_billing_export_v1_0",
    });
    expect(head.metadata).not.toHaveProperty("unheard_of");
  });

  test("two older names that come to one provider by the shape of what they sealed are one: the newer stands", async () => {
    const keys = credentialOf("AWS_KEYS");
    const rows = [
      await row("acme", "AWS_IAM", keys, { created_at: "2026-02-01T00:00:00.000Z" }),
      await row("acme", "AWS_KEYS", keys, { created_at: "2026-01-01T00:00:00.000Z" }),
    ];
    expect(outcomes((await run(rows)).rows)).toEqual([
      ["acme", "AWS_KEYS", "taken_over", null],
      ["acme", "AWS_KEYS", "skipped", "older_duplicate"],
    ]);
    expect(bench.chain({ org_slug: "acme", provider: "AWS_KEYS" })).toHaveLength(1);
  });

  test("of a family's name every row is opened: a role is taken beside newer keys", async () => {
    const [keys, role] = [credentialOf("AWS_KEYS"), credentialOf("AWS_IAM")];
    const rows = [
      await row("acme", "aws", keys, { created_at: "2026-03-01T00:00:00.000Z" }),
      await row("acme", "aws", keys, { created_at: "2026-02-01T00:00:00.000Z" }),
      await row("acme", "aws", role, { created_at: "2026-01-01T00:00:00.000Z" }),
      await row("acme", "aws", role, { created_at: "2026-04-01T00:00:00.000Z", is_active: false }),
    ];
    for (const dryRun of [true, false]) {
      const taken = dryRun ? "would_take_over" : "taken_over";
      const { rows: lines } = await run(rows, { dryRun });
      const by = new Map(
        lines.map((line) => [line.old_credential_id, [line.provider, line.outcome, line.code ?? null]]),
      );
      expect(rows.slice(0, 3).map(({ credential_id }) => by.get(credential_id))).toEqual([
        ["AWS_KEYS", taken, null],
        ["AWS_KEYS", "skipped", "older_duplicate"],
        ["AWS_IAM", taken, null],
      ]);
      expect(by.get(rows[3]?.credential_id ?? "")).toEqual([expect.any(String), "skipped", "inactive"]);
    }
    for (const provider of ["AWS_IAM", "AWS_KEYS"]) expect(bench.chain({ org_slug: "acme", provider })).toHaveLength(1);
  });

  test("of a family too nothing older stands in for a newer one whose deactivation has passed, or that is refused", async () => {
    const [keys, role] = [credentialOf("AWS_KEYS"), credentialOf("AWS_IAM")];
    const past = { deactivation_scheduled_at: "2026-08-22T11:59:59.999Z", created_at: "2026-03-01T00:00:00.000Z" };
    const [secret] = shippedEntry("AWS_KEYS").fields.filter((field) => field.secret);
    const spoilt = { ...keys, [secret?.name ?? ""]: "x" };
    const rows = [
      await row("acme", "aws", role, past),
      await row("acme", "aws", role),
      await row("beta", "aws", spoilt, { created_at: "2026-03-01T00:00:00.000Z" }),
      await row("beta", "aws", keys),
    ];
    const report = await run(rows);
    expect(report.rows.map(({ org_slug, outcome, code }) => [org_slug, outcome, code])).toEqual([
      ["acme", "skipped", "deactivated"],
      ["acme", "skipped", "older_duplicate"],
      ["beta", "failed", "credential_format"],
      ["beta", "skipped", "older_duplicate"],
    ]);
    expect(dump()[0]).toEqual([]);
  });

  const keysOf = (tag: string) => {
    const keys = credentialOf("AWS_KEYS");
    return { ...keys, access_key_id: `${String(keys["access_key_id"]).slice(0, -3)}${tag}` };
  };
  const at = (month: number) => ({ created_at: `2026-0${month}-01T00:00:00.000Z` });
  const past = { deactivation_scheduled_at: "2026-08-01T00:00:00.000Z" };
  /** What became of each row, in the order of the rows. */
  const fates = async (rows: readonly OlderCredential[], key?: KeyManagement, dryRun = false) => {
    const { rows: lines } = await run(rows, { dryRun }, key);
    const by = new Map(lines.map((line) => [line.old_credential_id, line.code ?? line.outcome]));
    return rows.map(({ credential_id }) => by.get(credential_id ?? ""));
  };

  test("nothing older of a family stands in for a newer one that did not open once: the next run takes the newer", async () => {
    const rows = [
      await row("acme", "aws", keysOf("NEW"), at(3)),
      await row("acme", "aws", keysOf("AAA"), at(2)),
      await row("acme", "aws", credentialOf("AWS_IAM"), at(1)),
      await row("acme", "aws", credentialOf("AWS_IAM"), at(4)),
      await row("acme", "OPENAI", fakeKey("OPENAI"), at(1)),
      await row("beta", "aws", keysOf("AAA"), at(1)),
    ];
    let away = true;
    const flaky: KeyManagement = {
      encrypt: (plaintext, aad) => oldKey.encrypt(plaintext, aad),
      async decrypt(ciphertext, aad) {
        if (away && rows[0]?.encrypted_credential?.equals(ciphertext)) throw new Fault("key_unavailable");
        return await oldKey.decrypt(ciphertext, aad);
      },
    };
    const first = ["key_unavailable", "newer_unopened", "older_duplicate"];
    expect(await fates(rows, flaky, true)).toEqual([...first, ...Array.from({ length: 3 }, () => "would_take_over")]);
    expect(await fates(rows, flaky)).toEqual([...first, "taken_over", "taken_over", "taken_over"]);
    away = false;
    expect((await fates(rows, flaky)).slice(0, 2)).toEqual(["taken_over", "older_duplicate"]);
    expect((await bench.head("acme", "AWS_KEYS")).metadata).toMatchObject({
      access_key_id: keysOf("NEW").access_key_id,
    });
  });

  test.each([null, "11111111-1111-4111-8111-111111111111"])(
    "of two of a family of one time and the id %s exactly one is taken",
    async (credential_id) => {
      const rows = await Promise.all(["NEW", "AAA"].map((tag) => row("acme", "aws", keysOf(tag), { credential_id })));
      for (const dryRun of [true, false])
        expect(await run(rows, { dryRun })).toMatchObject({ taken_over: 1, skipped: 1, failed: 0 });
      expect(bench.chain({ org_slug: "acme", provider: "AWS_KEYS" })).toHaveLength(1);
    },
  );

  const unopened: Array<[string, () => Promise<OlderCredential>, string]> = [
    ["is damaged", () => row("acme", "aws", null, { ...at(3), encrypted_credential: Buffer.alloc(40) }), "integrity"],
    ["has the shape of none", () => row("acme", "aws", { colour: "red" }, at(3)), "credential_format"],
    [
      "is damaged and due",
      () => row("acme", "aws", null, { ...at(3), ...past, encrypted_credential: Buffer.alloc(40) }),
      "integrity",
    ],
  ];
  test.each(unopened)("nor for one that %s, but what is here already stays here", async (_, make, code) => {
    const rows = [await make(), await row("acme", "aws", keysOf("AAA"), at(1))];
    expect(await fates(rows)).toEqual([code, "newer_unopened"]);
    expect(dump()[0]).toEqual([]);
    const [newer] = rows;
    await run(rows.slice(1));
    expect(await fates(rows)).toEqual([code, "already_here"]);
    expect(newer?.is_active).toBe(true);
  });

  test("what is wrong with an older one of a family is told all the same", async () => {
    const [secret] = shippedEntry("AWS_KEYS").fields.filter((field) => field.secret);
    const spoilt = { ...keysOf("AAA"), [secret?.name ?? ""]: "x" };
    const rows = [await row("acme", "aws", keysOf("NEW"), at(3)), await row("acme", "aws", spoilt, at(1))];
    expect(await fates(rows)).toEqual(["taken_over", "credential_format"]);
  });

  test("nor for a newer one under the entry's own name whose deactivation has passed, which is not opened", async () => {
    const rows = [
      await row("acme", "AWS_KEYS", keysOf("NEW"), { ...at(3), ...past }),
      await row("acme", "aws", keysOf("AAA"), at(1)),
      await row("beta", "AWS_KEYS", keysOf("AAA"), { ...at(1), ...past }),
      await row("beta", "aws", keysOf("NEW"), at(3)),
    ];
    expect(await fates(rows)).toEqual(["deactivated", "older_duplicate", "older_duplicate", "taken_over"]);
    expect(bench.audits.map(({ target_id }) => target_id).sort()).toEqual(
      [rows[1], rows[3]].map((one) => one?.credential_id).sort(),
    );
  });

  test("nor is one chosen of a family's entry where a time of creation or a deactivation cannot be read", async () => {
    const role = credentialOf("AWS_IAM");
    const rows = [
      await row("acme", "aws", keysOf("NEW"), at(3)),
      await row("acme", "AWS_KEYS", keysOf("AAA"), { created_at: "x" }),
      await row("acme", "aws", role, at(1)),
      await row("beta", "aws", keysOf("NEW"), { ...at(3), deactivation_scheduled_at: "x" }),
      await row("beta", "aws", keysOf("AAA"), at(1)),
    ];
    expect(await fates(rows)).toEqual([
      "created_at_unreadable",
      "created_at_unreadable",
      "taken_over",
      "deactivation_unreadable",
      "older_duplicate",
    ]);
  });

  describe("a credential that may belong to one organisation only", () => {
    const role = credentialOf("AWS_IAM");
    const unproven = { last_validated_at: null };
    const shared: Array<[string, Array<Partial<OlderCredential>>, string[]]> = [
      ["goes to the first of them", [{}, {}, {}], ["taken_over", "conflict", "conflict"]],
      ["is kept by no claim that nobody has proven", [unproven, {}, {}], ["taken_over", "taken_over", "conflict"]],
      ["is kept by no row that is not taken over", [past, {}, {}], ["deactivated", "taken_over", "conflict"]],
    ];
    test.each(shared)("%s, on one page as over several", async (_, more, expected) => {
      const orgs = ["acme", "beta", "zeta"];
      const rows = await Promise.all(orgs.map((org, index) => row(org, "AWS_IAM", role, more[index])));
      const stored = expected.filter((fate) => fate === "taken_over").length;
      for (const order of [rows, [...rows].reverse()]) {
        const told = await fates(order, undefined, true);
        expect(order === rows ? told : told.reverse()).toEqual(
          expected.map((fate) => fate.replace("taken_over", "would_take_over")),
        );
      }
      const { rows: lines } = await run([...rows].reverse());
      expect(lines.map(({ code, outcome }) => code ?? outcome)).toEqual(expected);
      expect(lines.filter((line) => "credential_id" in line || "status" in line)).toHaveLength(stored);
      expect(dump()[0]).toHaveLength(stored);
      const conflicts = expected.filter((fate) => fate === "conflict").length;
      expect(await run(rows)).toMatchObject({ taken_over: 0, failed: conflicts });
    });

    test("is no other's that differs, nor one of another entry", async () => {
      const arn = String(role["role_arn"]);
      const rows = [
        await row("acme", "AWS_IAM", role),
        await row("beta", "AWS_IAM", { ...role, role_arn: `${arn}2` }),
        await row("gamma", "AWS_KEYS", keysOf("AAA")),
        await row("zeta", "AWS_KEYS", keysOf("AAA")),
      ];
      expect(await fates(rows)).toEqual(Array.from({ length: 4 }, () => "taken_over"));
    });
  });

  test("a key of another provider is named as such, and not stored", async () => {
    const report = await run([await row("acme", "GROQ", fakeKey("ANTHROPIC"))]);
    expect(report.rows[0]).toMatchObject({ outcome: "failed", code: "credential_format" });
    expect(report.rows[0]?.message).toContain("Anthropic");
  });

  test("a manual subscription has nothing to open", async () => {
    const report = await run([await row("acme", "custom-miro", "x")]);
    expect(report.rows[0]).toMatchObject({ outcome: "failed", code: "request_malformed" });
  });
});
