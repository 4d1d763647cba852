import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { assemble, type Parts, readPlan } from "../../functions/parts.ts";
import { decrypt } from "../../shared/operations/decrypt.ts";
import { remove } from "../../shared/operations/remove.ts";
import { rewrap } from "../../shared/operations/rewrap.ts";
import { setup } from "../../shared/operations/setup.ts";
import { sweep } from "../../shared/operations/sweep.ts";
import { update } from "../../shared/operations/update.ts";
import type { AuditRecord } from "../../shared/ports/audit.ts";
import type { FaultKind } from "../platform/bigquery/faults.ts";
import { type Platform, startPlatform } from "../platform/start.ts";
import { fakeKey } from "../registry/the-registry.ts";
import { DAY, faultOf } from "./bench.ts";

const REQUEST = { requestId: "00000000-0000-4000-8000-000000000005", actor: "operator:op", dryRun: false };
const free = { ifMatch: null, createOnly: false };
const ORGS = ["acme", "beta", "gamma", "delta"];
let platform: Platform;
let parts: Parts;
let aheadMs = 0;
const audits: AuditRecord[] = [];

beforeAll(async () => {
  platform = await startPlatform();
  const env = platform.env("operator");
  // Google's clients look for their identity here.
  for (const name of ["GCE_METADATA_HOST", "METADATA_SERVER_DETECTION"]) process.env[name] = env[name] ?? "";
  const opened = await assemble(readPlan(null, env));
  const { clock } = opened;
  parts = {
    ...opened,
    clock: { ...clock, now: () => clock.now() + aheadMs },
    log: () => {},
    audit: { write: (record) => void audits.push(record) },
  };
});
beforeEach(async () => {
  await platform.reset();
  // What a run leaves behind is the oldest of the next.
  aheadMs = 0;
  audits.length = 0;
  parts.heads.drop({ org_slug: "acme", provider: "OPENAI" });
  parts.memory.forget("");
});
afterAll(async () => {
  parts?.store.close();
  await platform?.close();
});

const subject = (org: string) => {
  const entry = parts.registry.byCode("OPENAI");
  if (entry === null) throw new Error("OPENAI");
  return { org, entry, requestId: REQUEST.requestId, actor: "kid000000001" };
};
const secretOf = (org: string) => fakeKey("OPENAI").replace("a1a1", `${org}0`);
const setUp = (org: string, secret = secretOf(org)) =>
  setup(parts, {
    ...subject(org),
    body: { credential: secret, skip_validation: true },
    idempotency: null,
    precondition: free,
  });
const opened = async (org: string) => {
  parts.heads.drop({ org_slug: org, provider: "OPENAI" });
  parts.memory.forget("");
  const { body } = await decrypt(parts, subject(org), { pipeline: "genai.payg_usage", run_id: "r", as: "secret" });
  return body.credential?.["api_key"];
};
const run = () => rewrap(parts, REQUEST);
const newest = () => String(platform.kms.key.primary);
const older = (by: number) => String(platform.kms.key.primary - by);
const heads = (org: string) =>
  platform.bigquery.admin(`SELECT * FROM \`integrations.heads\` WHERE org_slug = '${org}'`);

describe("on Google Cloud", () => {
  test("three versions, one disabled, one destroyed: what can be opened is moved, the rest is named", async () => {
    for (const org of ["acme", "beta", "gamma"]) {
      await setUp(org);
      platform.kms.key.rotate();
    }
    await setUp("delta");
    platform.kms.key.disable(Number(older(3)));
    platform.kms.key.destroy(Number(older(1)));
    const report = await run();
    expect(report).toMatchObject({
      key_version: newest(),
      moved: 1,
      overtaken: 0,
      may_be_destroyed: expect.any(Array),
    });
    expect(report.unmoved.map(({ org_slug, key_version, code }) => [org_slug, key_version, code])).toEqual([
      ["acme", older(3), "key_unavailable"],
      ["gamma", older(1), "key_unavailable"],
    ]);
    expect(
      report.versions.slice(-4).map(({ key_version, after, state }) => [key_version, after.current, state]),
    ).toEqual([
      [older(3), 1, "in_use"],
      [older(2), 0, "superseded"],
      [older(1), 1, "in_use"],
      [newest(), 2, "primary"],
    ]);
    expect(await opened("beta")).toBe(secretOf("beta"));
    platform.kms.key.enable(Number(older(3)));
    expect(await run()).toMatchObject({ moved: 1, unmoved: [{ org_slug: "gamma" }] });
    expect(await opened("acme")).toBe(secretOf("acme"));
    expect(platform.refusals()).toEqual([]);
    expect(JSON.stringify(audits)).not.toContain("sk-");
  });

  test("one whose head cannot be read is reported as such, and the others are moved", async () => {
    for (const org of ["acme", "beta"]) await setUp(org);
    platform.kms.key.rotate();
    await platform.bigquery.admin(
      "UPDATE `integrations.heads` SET consecutive_failures = 9007199254740993 WHERE org_slug = 'beta'",
    );
    expect(await run()).toMatchObject({
      moved: 1,
      unmoved: [{ org_slug: "beta", provider: "OPENAI", credential_id: null, code: "integrity" }],
    });
  });

  test("the primary version is found without a right to read about keys: by encrypt and decrypt alone", async () => {
    await setUp("acme");
    platform.kms.key.rotate();
    platform.kms.forgetCalls();
    await run();
    expect(platform.kms.calls().map(({ method }) => method)).toEqual(["encrypt", "decrypt", "encrypt", "encrypt"]);
  });

  test("a day later the sweep has purged the old ciphertext, and the version may be destroyed", async () => {
    for (const org of ORGS) await setUp(org);
    const before = newest();
    platform.kms.key.rotate();
    expect((await run()).versions.find(({ key_version }) => key_version === before)).toMatchObject({
      after: { current: 0, other: 4 },
      state: "superseded",
    });
    aheadMs = DAY + 1_000;
    await sweep(
      parts,
      { requestId: REQUEST.requestId, actor: "scheduler" },
      { limit: 1, max_seconds: 30, org: "nobody" },
    );
    expect((await run()).may_be_destroyed).toContain(before);
    platform.kms.key.destroy(Number(before));
    for (const org of ORGS) expect(await opened(org)).toBe(secretOf(org));
  });

  const acts: Array<[string, () => Promise<unknown>, Record<string, unknown>, number]> = [
    ["a setup", () => setUp("acme", secretOf("newer")), { op: "setup" }, 3],
    [
      "a deletion",
      () => remove(parts, { ...subject("acme"), at: null, precondition: free }),
      { op: "delete", key_version: expect.any(String) },
      3,
    ],
    [
      "a rename",
      () =>
        update(parts, {
          ...subject("acme"),
          body: { credential_name: "Renamed" },
          message: "ok",
          idempotency: null,
          precondition: free,
        }),
      { op: "rewrap", credential_name: "Renamed" },
      4,
    ],
  ];
  test.each(acts)(
    "%s while the rewrap's update is held before its snapshot is never undone",
    async (_, act, expected, moved) => {
      for (const org of ORGS) await setUp(org);
      platform.kms.key.rotate();
      const held = platform.bigquery.faults.hold({ kind: "UPDATE", table: "integrations.heads" }, "arrival");
      const running = run();
      await held.arrived;
      await act();
      held.release();
      expect(await running).toMatchObject({ moved, overtaken: 4 - moved, unmoved: [] });
      const [head, ...others] = await heads("acme");
      expect(others).toEqual([]);
      expect(head).toMatchObject(expected);
      if (expected["op"] === "delete") expect(await faultOf(opened("acme"))).toBe("not_configured");
      else expect(await opened("acme")).toBe(expected["op"] === "setup" ? secretOf("newer") : secretOf("acme"));
      for (const org of ORGS.slice(1)) expect(await opened(org)).toBe(secretOf(org));
    },
  );

  const faults: FaultKind[] = [
    ...(["unavailable", "internal", "html", "reset_before", "reset_after", "truncated"] as const),
    ...([
      "serialization",
      "too_many_dml",
      "rate_limit_403",
      "job_rate_limit_400",
      "no_job_reference",
      "pending",
    ] as const),
  ];
  test.each(faults.flatMap((fault) => (["INSERT", "UPDATE"] as const).map((kind) => [fault, kind] as const)))(
    "%s on its %s: all are moved exactly once",
    async (fault, kind) => {
      for (const org of ORGS) await setUp(org);
      platform.kms.key.rotate();
      platform.bigquery.faults.next(
        { kind, table: kind === "INSERT" ? "integrations.versions" : "integrations.heads" },
        fault,
      );
      expect(await run()).toMatchObject({ moved: 4, unmoved: [] });
      expect(platform.bigquery.faults.waiting()).toBe(0);
      for (const org of ORGS) {
        expect(await heads(org)).toMatchObject([{ seq: 2, op: "rewrap", key_version: newest() }]);
        expect(await opened(org)).toBe(secretOf(org));
      }
    },
  );

  test.each(["unavailable", "reset_mid_reply", "bit_flipped", "plaintext_unverified"] as const)(
    "a KMS that answers %s twice: all are moved, and none to what does not open",
    async (fault) => {
      for (const org of ORGS) await setUp(org);
      platform.kms.key.rotate();
      platform.kms.faults.next(fault, 2);
      expect(await run()).toMatchObject({ moved: 4, unmoved: [] });
      for (const org of ORGS) expect(await opened(org)).toBe(secretOf(org));
    },
  );
});
