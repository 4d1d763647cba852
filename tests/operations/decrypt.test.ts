import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { DecryptBody } from "../../shared/contract/bodies.ts";
import { decrypt, reportFailure } from "../../shared/operations/decrypt.ts";
import { HeadMemory } from "../../shared/operations/head-memory.ts";
import { remove } from "../../shared/operations/remove.ts";
import { update } from "../../shared/operations/update.ts";
import { validate } from "../../shared/operations/validate.ts";
import type { Works } from "../../shared/operations/works.ts";
import { Memory } from "../../shared/vault/memory.ts";
import { type Bench, faultOf, HOUR, MINUTE, openBench, SECOND } from "./bench.ts";

const RUN: DecryptBody = { pipeline: "genai.payg_usage", run_id: "run-1", as: "secret" };
const free = { ifMatch: null, createOnly: false };
let bench: Bench;
beforeEach(() => {
  bench = openBench();
});
afterEach(() => bench.close());

const subject = (org = "acme") => bench.subject(org);
const ask = (body: Partial<DecryptBody> = {}, works = bench.works) => decrypt(works, subject(), { ...RUN, ...body });
const put = (body: Parameters<typeof update>[1]["body"], works = bench.works) =>
  update(works, { ...subject(), body, message: "ok", idempotency: null, precondition: free });
/** The same store and keys, opened by another instance with memories of its own. */
const another = (): Works => ({
  ...bench.works,
  store: bench.watched.store,
  heads: new HeadMemory(bench.clock),
  memory: new Memory(bench.clock),
});

test("a pipeline is handed what was set up, and what is known of it", async () => {
  const head = await bench.setUp("acme", "unused", {
    credential: { api_key: "fake-key", region: "eu-1" },
    metadata: { label: "costs" },
  });
  const { body } = await ask();
  expect(body).toEqual({
    org_slug: "acme",
    provider: "FAKE",
    credential_id: head.credential_id,
    credential_type: "api_key",
    credential: { api_key: "fake-key", region: "eu-1" },
    metadata: { label: "costs", region: "eu-1" },
    fingerprint: head.fingerprint,
    key_version: "1",
    validation_status: "VALID",
    last_validated_at: head.last_validated_at,
    capabilities: [],
    pipelines: [{ id: "genai.payg_usage", ready: true, missing: [] }],
    expires_at: null,
    cache: "miss",
    cache_max_age_s: 300,
  });
});

const states: Array<[string, string, string, string | null]> = [
  ["VALID", "UPDATE heads SET validation_status = 'VALID'", "none", null],
  ["PENDING", "UPDATE heads SET validation_status = 'PENDING'", "none", null],
  ["past its expiry but not refused", "UPDATE heads SET expires_at = '2026-01-01T00:00:00.000Z'", "none", null],
  [
    "silent for a long time",
    "UPDATE heads SET consecutive_failures = 99, error_code = 'provider_unreachable'",
    "none",
    null,
  ],
  [
    "to be deactivated in a second",
    "UPDATE heads SET deactivation_scheduled_at = '2026-08-22T12:00:01.001Z'",
    "none",
    null,
  ],
  ["INVALID", "UPDATE heads SET validation_status = 'INVALID'", "credential_not_usable", "invalid"],
  ["EXPIRED", "UPDATE heads SET validation_status = 'EXPIRED'", "credential_not_usable", "expired"],
  ["disabled", "UPDATE heads SET enabled = 0", "credential_not_usable", "disabled"],
  [
    "due for deactivation this very moment",
    "UPDATE heads SET deactivation_scheduled_at = '2026-08-22T12:00:00.001Z'",
    "credential_not_usable",
    "deactivated",
  ],
  ["deleted", "UPDATE heads SET op = 'delete'", "not_configured", null],
];
describe.each([["secret"], ["none"]] as const)("as %s", (as) => {
  test.each(states)("a credential that is %s", async (_, sql, code, reason) => {
    await bench.setUp("acme", "fake-key");
    bench.database.exec(sql);
    const asked = ask({ as });
    expect(await faultOf(asked)).toBe(code);
    if (code === "none") expect((await asked).body.credential).toEqual(as === "none" ? null : { api_key: "fake-key" });
    else
      await expect(asked).rejects.toMatchObject({
        details: reason === null ? { remedy: expect.any(String) } : { reason, remedy: expect.any(String) },
      });
  });
});

test("nothing there is not_configured, an unknown pipeline is refused, and a token is more than this provider has", async () => {
  expect(await faultOf(ask())).toBe("not_configured");
  await bench.setUp("acme", "fake-key");
  expect(await faultOf(ask({ pipeline: "cloud.gcp.cost.billing" }))).toBe("request_malformed");
  expect(await faultOf(ask({ as: "token" }))).toBe("token_unsupported");
  bench.watched.calls.length = 0;
  expect(await faultOf(ask({ pipeline: "cloud.gcp.cost.billing" }))).toBe("request_malformed");
  expect(bench.watched.calls).toEqual([]);
});

test.each([
  ["run-1", true],
  ["manual__2026-01-01T00:00:00.000Z", true],
  ["0f8fad5bd9cb469fa16570867728950e", true],
  ["0f8fad5b-d9cb-469f-a165-70867728950e", true],
  ["01J5Z3NDEKTSV4RRFFQ69G5FAV", true],
  ["sk-0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a", false],
  ["cact_local_0000000000Ab_0000000000", false],
  ["AKIAABCDEFGHIJKLMNOP", false],
  ["key:gX0gX0gX0gX0gX0gX0gX0gX0gX0gX0gX0", false],
])("the run %s may go into the audit: %s", async (run_id, taken) => {
  await bench.setUp("acme", "fake-key");
  expect(await faultOf(ask({ run_id }))).toBe(taken ? "none" : "request_malformed");
});

test("a hit asks neither store nor key, a miss costs one query", async () => {
  await bench.setUp("acme", "fake-key");
  bench.watched.calls.length = 0;
  expect((await ask()).body.cache).toBe("miss");
  expect(bench.watched.calls).toEqual(["readSealed"]);
  bench.clock.advance(9 * SECOND);
  expect((await ask()).body.cache).toBe("hit");
  expect(bench.watched.calls).toEqual(["readSealed"]);
  bench.clock.advance(SECOND);
  expect((await ask()).body.cache).toBe("hit");
  expect(bench.watched.calls).toEqual(["readSealed", "readSealed"]);
  bench.clock.advance(5 * MINUTE);
  expect((await ask()).body.cache).toBe("miss");
});

test("while the store is away a remembered head serves for ten seconds, then nothing does", async () => {
  await bench.setUp("acme", "fake-key");
  await ask();
  bench.watched.always("readSealed", "fails");
  bench.clock.advance(9_900);
  expect((await ask()).body.cache).toBe("hit");
  bench.clock.advance(100);
  expect(await faultOf(ask())).toBe("store_unavailable");
});

const changes: Array<[string, () => Promise<unknown>, string, string | null]> = [
  ["rotated", () => put({ credential: "fake-new" }), "none", "fake-new"],
  ["set up anew", () => bench.setUp("acme", "fake-new"), "none", "fake-new"],
  ["disabled", () => put({ enabled: false }), "credential_not_usable", null],
  ["deleted", () => remove(bench.works, { ...subject(), at: null, precondition: free }), "not_configured", null],
  [
    "found invalid",
    async () => {
      bench.answers("fake-key", 401);
      await validate(bench.works, subject());
    },
    "credential_not_usable",
    null,
  ],
];
test.each(changes)(
  "a credential %s by this process is shown so at once, although the old one is remembered",
  async (_, change, code, secret) => {
    await bench.setUp("acme", "fake-key");
    await ask();
    bench.clock.advance(SECOND);
    await change();
    const asked = ask();
    expect(await faultOf(asked)).toBe(code);
    if (secret !== null) expect((await asked).body).toMatchObject({ credential: { api_key: secret }, cache: "miss" });
  },
);

test.each(changes)(
  "a credential %s while it is being opened is not handed out as it was",
  async (_, change, code, secret) => {
    await bench.setUp("acme", "fake-key");
    let opened = 0;
    const keys = {
      ...bench.works.keys,
      decrypt: async (ciphertext: Buffer, aad: Buffer) => {
        opened += 1;
        if (opened === 1) {
          bench.clock.advance(SECOND);
          await change();
        }
        return await bench.works.keys.decrypt(ciphertext, aad);
      },
    };
    const asked = ask({}, { ...bench.works, keys });
    expect(await faultOf(asked)).toBe(code);
    if (secret !== null) expect((await asked).body.credential).toEqual({ api_key: secret });
  },
);

test("a credential that changes faster than it can be opened is a conflict, never an old secret", async () => {
  await bench.setUp("acme", "fake-key");
  const keys = {
    ...bench.works.keys,
    decrypt: async (ciphertext: Buffer, aad: Buffer) => {
      bench.works.heads.drop({ org_slug: "acme", provider: "FAKE" });
      bench.works.memory.forget("acme\u0000");
      return await bench.works.keys.decrypt(ciphertext, aad);
    },
  };
  expect(await faultOf(ask({}, { ...bench.works, keys }))).toBe("conflict");
});

test("what was rotated elsewhere is served for ten seconds at most, what was deactivated on time not at all", async () => {
  await bench.setUp("acme", "fake-key");
  await put({ deactivation_scheduled_at: new Date(bench.clock.now() + HOUR).toISOString() });
  await ask();
  await put({ credential: "fake-new" }, another());
  bench.clock.advance(9 * SECOND);
  expect((await ask()).body.credential).toEqual({ api_key: "fake-key" });
  bench.clock.advance(SECOND);
  expect((await ask()).body.credential).toEqual({ api_key: "fake-new" });
  bench.clock.advance(HOUR - 12 * SECOND);
  await ask();
  bench.clock.advance(3 * SECOND);
  expect(await faultOf(ask())).toBe("credential_not_usable");
});

test("a hundred pipelines at once cost one opening", async () => {
  await bench.setUp("acme", "fake-key");
  let opened = 0;
  const keys = {
    ...bench.works.keys,
    decrypt: async (...given: [Buffer, Buffer]) => {
      opened += 1;
      return await bench.works.keys.decrypt(...given);
    },
  };
  const all = await Promise.all(Array.from({ length: 100 }, () => ask({}, { ...bench.works, keys })));
  expect(opened).toBe(1);
  expect(new Set(all.map(({ body }) => body.credential?.["api_key"]))).toEqual(new Set(["fake-key"]));
});

test("no organisation, provider or row ever gets what was sealed for another", async () => {
  for (const org of ["acme", "acme2", "other"]) await bench.setUp(org, `fake-of-${org}`);
  bench.database.exec(
    "UPDATE versions SET encrypted_credential = (SELECT v.encrypted_credential FROM versions v WHERE v.org_slug = 'other')",
  );
  for (const org of ["acme", "acme2"]) expect(await faultOf(decrypt(bench.works, subject(org), RUN))).toBe("integrity");
  expect((await decrypt(bench.works, subject("other"), RUN)).body.credential).toEqual({ api_key: "fake-of-other" });
});

describe("a pipeline's report that the provider refused", () => {
  const report = (credential_id: string, works = bench.works) =>
    reportFailure(works, subject(), { credential_id, pipeline: RUN.pipeline, run_id: "run-1", http_status: 401 });

  test("makes the current credential due at once, once, and is logged", async () => {
    const { credential_id } = await bench.setUp("acme", "fake-key");
    bench.clock.advance(SECOND);
    const at = new Date(bench.clock.now()).toISOString();
    expect(await report(credential_id)).toBe(true);
    expect(await bench.head("acme")).toMatchObject({ reported_at: at, next_due_at: at, validation_status: "VALID" });
    bench.watched.calls.length = 0;
    expect(await report(credential_id)).toBe(false);
    expect(await report(credential_id, another())).toBe(false);
    expect(bench.watched.calls.filter((name) => name === "markReported")).toEqual([]);
    expect(bench.events("integration.failure_reported")).toHaveLength(1);
  });

  test("about another credential than the current one is ignored", async () => {
    const { credential_id } = await bench.setUp("acme", "fake-old");
    await bench.setUp("acme", "fake-new");
    const before = await bench.head("acme");
    expect(await report(credential_id)).toBe(false);
    expect(await report("00000000-0000-4000-8000-000000000009")).toBe(false);
    expect(await bench.head("acme")).toEqual(before);
  });

  test.each([401, 410])("about a credential that is known to be dead (%i) does not make it due", async (answer) => {
    const { credential_id } = await bench.setUp("acme", "fake-key");
    bench.answers("fake-key", answer);
    bench.clock.advance(SECOND);
    await validate(bench.works, subject());
    const before = await bench.head("acme");
    expect(before.next_due_at).toBeNull();
    bench.watched.calls.length = 0;
    expect(await report(credential_id)).toBe(false);
    expect(await report(credential_id, another())).toBe(false);
    expect(bench.watched.calls).not.toContain("markReported");
    expect(await bench.real.markReported(credential_id, before.updated_at), "nor does the store take it").toBe(0);
    expect(await bench.head("acme")).toEqual(before);
  });

  test("is taken and logged where the store is busy, and may be repeated", async () => {
    const { credential_id } = await bench.setUp("acme", "fake-key");
    bench.watched.next("markReported", "fails");
    expect(await report(credential_id)).toBe(false);
    expect(bench.events("integration.failure_report_lost")).toMatchObject([
      { credential_id, code: "store_unavailable" },
    ]);
    expect(await report(credential_id)).toBe(true);
  });

  test("is sent to the store once a minute at most", async () => {
    const { credential_id } = await bench.setUp("acme", "fake-key");
    await report(credential_id);
    bench.database.exec("UPDATE heads SET reported_at = NULL");
    bench.clock.advance(59 * SECOND);
    expect(await report(credential_id)).toBe(false);
    bench.clock.advance(2 * SECOND);
    expect(await report(credential_id)).toBe(true);
  });
});
