import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { DAY, HOUR } from "../operations/bench.ts";
import { hour, minute, T0, verdict } from "../ports/stored-rows.ts";
import { type Shown, startViews, type ViewBench } from "./bench.ts";
import { allOfAnOrganisation, asked, latestOfAProvider, moreThanOneActive } from "./debug-selects.ts";
import type { Given } from "./insert.ts";
import { type Life, openLife } from "./life.ts";

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

const look = async (columns: string, more: readonly Given[] = []) => {
  const rows = life.rows();
  await views.show({ ...rows, heads: [...(rows["heads"] ?? []), ...more] }, life.now());
  return await views.select(
    `SELECT ${columns} FROM organizations.org_integration_credentials ORDER BY org_slug, provider, created_at DESC`,
  );
};
const later = (ms: number) => new Date(life.bench.clock.now() + ms).toISOString();
const head = () => life.bench.head("acme");

describe("the row of the credential in use", () => {
  test("is what GET shows, with the ciphertext of the head's secret", async () => {
    await life.setUp("acme", { credential_name: "Größe „7“ 'x' \\ \"y\"", metadata: { label: "costs" } });
    const sealed = await life.bench.real.readSealed({ org_slug: "acme", provider: "FAKE" });
    const now = await head();
    const [row, ...others] = await look("*");
    expect(others).toEqual([]);
    expect(row).toEqual({
      credential_id: now.credential_id,
      org_slug: "acme",
      provider: "FAKE",
      credential_type: "api_key",
      encrypted_credential: sealed?.encrypted_credential,
      key_version: "1",
      fingerprint: now.fingerprint,
      credential_name: "Größe „7“ 'x' \\ \"y\"",
      validation_status: "VALID",
      last_validated_at: T0,
      last_checked_at: T0,
      error_code: null,
      error_message: null,
      is_active: true,
      metadata: { label: "costs" },
      expires_at: null,
      deactivation_scheduled_at: null,
      created_at: T0,
      updated_at: T0,
      created_by: "kid000000001",
    });
  });

  test("the columns stand in the order of the contract", async () => {
    await life.setUp("acme");
    const [row] = await look("*");
    expect(Object.keys(row ?? {})).toEqual([
      "credential_id",
      "org_slug",
      "provider",
      "credential_type",
      "encrypted_credential",
      "key_version",
      "fingerprint",
      "credential_name",
      "validation_status",
      "last_validated_at",
      "last_checked_at",
      "error_code",
      "error_message",
      "is_active",
      "metadata",
      "expires_at",
      "deactivation_scheduled_at",
      "created_at",
      "updated_at",
      "created_by",
    ]);
  });

  const states: Array<[string, () => Promise<unknown>, Partial<Shown>]> = [
    [
      "a rename changes it and adds none",
      () => life.put("acme", { credential_name: "new" }),
      { credential_name: "new" },
    ],
    [
      "a refusal shows why, and when it last worked",
      () => life.check("acme", 401),
      {
        validation_status: "INVALID",
        error_code: "credential_rejected",
        error_message: "Fake API key is invalid or expired",
        last_validated_at: T0,
        is_active: true,
      },
    ],
    [
      "no answer shows why and leaves the status",
      () => life.check("acme", 500),
      { validation_status: "VALID", error_code: "provider_unreachable", last_validated_at: T0 },
    ],
    ["disabled is not active", () => life.put("acme", { enabled: false }), { is_active: false }],
    [
      "disabled and enabled again is",
      async () => {
        await life.put("acme", { enabled: false });
        await life.put("acme", { enabled: true });
      },
      { is_active: true },
    ],
    ["deleted is not active", () => life.remove("acme"), { is_active: false, validation_status: "VALID" }],
    [
      "a deactivation to come leaves it active",
      () => life.remove("acme", later(DAY)),
      { is_active: true, deactivation_scheduled_at: new Date(Date.parse(T0) + DAY + 60_001).toISOString() },
    ],
    [
      "one that has passed does not, before any sweep",
      async () => {
        await life.remove("acme", later(HOUR));
        life.bench.clock.advance(HOUR);
      },
      { is_active: false },
    ],
    [
      "sealed anew it is the same credential, with the newest version of the key",
      () => life.rewrap(),
      { key_version: "2", is_active: true },
    ],
    ["a lost race adds none", () => life.loseRace("acme"), { credential_name: "name 3" }],
    ["a version inserted twice shows once", () => life.repeatInsert("acme"), { credential_name: "name 2" }],
    ["an instance that died half-way adds none", () => life.dieHalfWay("acme"), { is_active: true }],
    ["a placeholder that came too late adds none", () => life.latePlaceholder("acme"), { is_active: true }],
  ];
  test.each(states)("%s", async (_, happens, expected) => {
    await life.setUp("acme");
    const { credential_id } = await head();
    await happens();
    expect(await look("*")).toMatchObject([{ credential_id, ...expected }]);
  });

  test("its ciphertext is gone once a deleted one is purged", async () => {
    await life.setUp("acme");
    await life.remove("acme");
    expect(await look("encrypted_credential")).toEqual([{ encrypted_credential: expect.any(Buffer) }]);
    await life.sweep();
    expect(await look("encrypted_credential, is_active")).toEqual([{ encrypted_credential: null, is_active: false }]);
  });

  test("a record without a secret has a row as well, with neither ciphertext nor fingerprint", async () => {
    await life.setUp("acme");
    const [given] = life.rows()["heads"] ?? [];
    const record = { ...given, provider: "SLACK", credential_type: "none", secret_event_id: null };
    const rows = await look("provider, credential_type, encrypted_credential, key_version, is_active", [
      { ...record, key_version: null, fingerprint: null, event_id: "other", credential_id: "other" },
    ]);
    expect(rows[1]).toEqual({
      provider: "SLACK",
      credential_type: "none",
      encrypted_credential: null,
      key_version: null,
      is_active: true,
    });
  });

  test("two rows of one head, as a repeated insert leaves them, are one", async () => {
    await life.setUp("acme");
    expect(await look("credential_id", life.rows()["heads"])).toHaveLength(1);
  });
});

describe("the rows of earlier credentials", () => {
  test("stay as they last were, newest first, and are never active", async () => {
    await life.setUp("acme", { credential_name: "first", metadata: { label: "costs" } });
    const first = await head();
    await life.check("acme", 403);
    await life.put("acme", { credential_name: "first, renamed" });
    await life.rotate("acme", { credential_name: "second" });
    const second = await head();
    await life.setUp("acme", { credential_name: "third" });
    const third = await head();
    const rows = await look("*");
    expect(rows).toMatchObject([
      { credential_id: third.credential_id, credential_name: "third", is_active: true, created_at: third.updated_at },
      {
        credential_id: second.credential_id,
        credential_name: "second",
        validation_status: "VALID",
        last_validated_at: second.last_validated_at,
        is_active: false,
        created_at: second.updated_at,
        updated_at: third.updated_at,
      },
      {
        credential_id: first.credential_id,
        credential_name: "first, renamed",
        credential_type: "api_key",
        fingerprint: first.fingerprint,
        validation_status: "INVALID",
        last_validated_at: T0,
        error_code: "permission_missing",
        is_active: false,
        created_at: T0,
        updated_at: second.updated_at,
        created_by: "kid000000001",
      },
    ]);
    expect(new Set(rows.map((row) => String(row["encrypted_credential"]))).size).toBe(3);
  });

  test("one that was sealed anew has its newest ciphertext, until that is purged", async () => {
    await life.setUp("acme");
    await life.rewrap();
    await life.rotate("acme");
    const anew = life.rows()["versions"]?.find((row) => row["op"] === "rewrap")?.["encrypted_credential"];
    expect((await look("encrypted_credential, key_version"))[1]).toEqual({
      encrypted_credential: Buffer.from(anew as Uint8Array),
      key_version: "2",
    });
    life.bench.clock.advance(2 * DAY);
    await life.sweep();
    expect((await look("encrypted_credential, is_active"))[1]).toEqual({
      encrypted_credential: null,
      is_active: false,
    });
  });

  test("a setup after a delete begins another one; the deleted one went out of use when it was deleted", async () => {
    await life.setUp("acme");
    await life.remove("acme");
    const deleted = await head();
    await life.setUp("acme");
    const now = await head();
    expect(await look("credential_id, is_active, updated_at, created_at")).toMatchObject([
      { credential_id: now.credential_id, is_active: true, created_at: now.created_at },
      { credential_id: deleted.credential_id, is_active: false, updated_at: deleted.updated_at, created_at: T0 },
    ]);
  });

  test("one that was stored without validation was PENDING and never validated", async () => {
    await life.setUp("acme", { skip_validation: true });
    await life.rotate("acme");
    expect((await look("validation_status, last_validated_at, last_checked_at"))[1]).toEqual({
      validation_status: "PENDING",
      last_validated_at: null,
      last_checked_at: null,
    });
  });

  test("a credential that never took effect is not shown, however often it was inserted", async () => {
    await life.setUp("acme");
    await life.dieHalfWay("acme");
    await life.dieHalfWay("acme");
    await life.rotate("acme");
    expect(await look("is_active")).toEqual([{ is_active: true }, { is_active: false }]);
  });

  test("no other pair's rows are taken for its own", async () => {
    await life.setUp("acme");
    await life.setUp("globex");
    await life.rotate("globex");
    expect(await look("org_slug, is_active")).toEqual([
      { org_slug: "acme", is_active: true },
      { org_slug: "globex", is_active: true },
      { org_slug: "globex", is_active: false },
    ]);
  });
});

describe("what is stored but was never read by an operation", () => {
  const row = (more: Given): Given => ({
    org_slug: "acme",
    provider: "OPENAI",
    seq: 1,
    event_id: "e1",
    secret_event_id: "e1",
    op: "setup",
    credential_id: "c1",
    credential_type: "api_key",
    credential_name: "n",
    key_version: "1",
    fingerprint: "0123abcd",
    metadata: {},
    enabled: true,
    validation_status: "VALID",
    consecutive_failures: 0,
    created_at: T0,
    updated_at: T0,
    created_by: "k",
    ...more,
  });
  const show = async (heads: Given[], more: Record<string, Given[]> = {}) => {
    await views.show({ heads, ...more });
    return await views.select("SELECT * FROM organizations.org_integration_credentials");
  };

  const version: Given = {
    ...row({}),
    prev_event_id: null,
    encrypted_credential: Buffer.from("sealed"),
    result: { status: 201, body: { validation_status: "VALID" }, etag: '"v1"' },
    request_id: "r",
    changed_at: T0,
    changed_by: "k",
  };

  test("of a version that stands there twice the ciphertext shows, whichever row still has it", async () => {
    const purged = { ...version, encrypted_credential: null };
    for (const versions of [
      [version, purged],
      [purged, version],
    ])
      expect(await show([row({})], { versions })).toMatchObject([{ encrypted_credential: Buffer.from("sealed") }]);
  });

  test("by today's clock a deactivation in the past is not active and one in 9999 is", async () => {
    const rows = await show([
      row({ deactivation_scheduled_at: T0 }),
      row({ provider: "GEMINI", deactivation_scheduled_at: "9999-01-01T00:00:00.000Z" }),
    ]);
    expect(Object.fromEntries(rows.map((one) => [one["provider"], one["is_active"]]))).toEqual({
      OPENAI: false,
      GEMINI: true,
    });
  });

  test("only a placeholder is no credential", async () => {
    expect(await show([row({ seq: 0, event_id: "placeholder", credential_id: "placeholder" })])).toEqual([]);
  });

  test("of two rows of a pair the one of the higher seq counts", async () => {
    const newer = row({ seq: 2, event_id: "e2", credential_name: "newer" });
    for (const heads of [
      [row({}), newer],
      [newer, row({})],
    ])
      expect(await show(heads)).toMatchObject([{ credential_name: "newer" }]);
  });

  test("a head whose version is missing is shown all the same, without ciphertext", async () => {
    expect(await show([row({})])).toMatchObject([
      { credential_id: "c1", encrypted_credential: null, created_at: T0, is_active: true },
    ]);
  });

  test("a refusal of no code has no message", async () => {
    const rows = await show([row({ verdict: verdict("valid") })]);
    expect(rows).toMatchObject([{ error_code: null, error_message: null }]);
  });

  test("a check that was recorded twice counts once", async () => {
    const check: Given = {
      event_id: "x1",
      credential_id: "c1",
      org_slug: "acme",
      provider: "OPENAI",
      checked_at: hour(1),
      outcome: "expired",
      status: "EXPIRED",
      error_code: "credential_rejected",
      verdict: verdict("expired"),
      checked_by: "scheduler",
    };
    const rows = await show([row({ seq: 2, event_id: "e2", secret_event_id: "e2", credential_id: "c2" })], {
      versions: [
        version,
        { ...version, event_id: "e2", prev_event_id: "e1", seq: 2, credential_id: "c2", changed_at: minute(90) },
      ],
      validations: [check, check],
    });
    expect(rows.filter((one) => one["credential_id"] === "c1")).toMatchObject([
      { validation_status: "EXPIRED", last_checked_at: hour(1), updated_at: minute(90), is_active: false },
    ]);
  });
});

describe("the queries of the runbooks run as they are written", () => {
  beforeEach(async () => {
    await life.setUp("acme", { credential_name: "first" });
    await life.rotate("acme", { credential_name: "second" });
    await life.setUp("globex");
    await views.show(life.rows(), life.now());
  });

  test("all credentials of an organisation, the newest of each provider first", async () => {
    const now = await head();
    const rows = await views.select(asked(allOfAnOrganisation, { org_slug: "acme" }));
    expect(
      rows.map(({ credential_name, is_active, validation_status }) => [credential_name, is_active, validation_status]),
    ).toEqual([
      ["second", true, "VALID"],
      ["first", false, "VALID"],
    ]);
    expect(rows[0]).toMatchObject({ credential_id: now.credential_id, provider: "FAKE" });
    expect(Object.keys(rows[0] ?? {})).toHaveLength(7);
  });

  test("providers with more than one active credential: none, ever", async () => {
    expect(await views.select(asked(moreThanOneActive, { org_slug: "acme" }))).toEqual([]);
    const counted = moreThanOneActive.replace("COUNT(*) > 1", "COUNT(*) = 1");
    expect(await views.select(asked(counted, { org_slug: "acme" }))).toEqual([{ provider: "FAKE", active_count: 1 }]);
  });

  test("the latest of a provider is the one in use", async () => {
    const { credential_id } = await head();
    expect(await views.select(asked(latestOfAProvider, { org_slug: "acme", provider: "FAKE" }))).toEqual([
      { credential_id },
    ]);
  });
});
