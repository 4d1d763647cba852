import { afterAll, afterEach, beforeEach, describe, expect, test } from "vitest";
import { Fault } from "../../shared/contract/fault.ts";
import type { Head } from "../../shared/contract/rows.ts";
import { type ChangeRequest, change, type Plan } from "../../shared/operations/change.ts";
import { remove } from "../../shared/operations/remove.ts";
import { setup } from "../../shared/operations/setup.ts";
import { settingsMark } from "../../shared/operations/shown.ts";
import { update } from "../../shared/operations/update.ts";
import type { CredentialStore, HeadColumns } from "../../shared/ports/credential-store.ts";
import { check, headColumns } from "../ports/stored-rows.ts";
import { type Bench, DAY, faultOf, HOUR, openBench, type Step, seeded } from "./bench.ts";

const pair = { org_slug: "acme", provider: "FAKE" };
const free = { ifMatch: null, createOnly: false };
let bench: Bench;

beforeEach(() => {
  bench = openBench();
});
afterEach(() => bench.close());

/** A change as its protocol sees it: setup and delete are repeated after a lost race, PUT and rotate are not. */
const kinds = {
  setup: { repeats: true, plan: (head: Head | null) => newCredential("setup", head === null ? 201 : 200) },
  rotate: { repeats: false, plan: () => newCredential("rotate", 200) },
  rename: { repeats: false, plan: (head: Head | null) => settings(head, { op: "update", credential_name: "Renamed" }) },
  delete: { repeats: true, plan: (head: Head | null) => settings(head, { op: "delete", next_due_at: null }) },
} as const;
type Kind = keyof typeof kinds;
const kindNames = Object.keys(kinds) as Kind[];

function newCredential(op: "setup" | "rotate", status: number): Plan {
  const columns: HeadColumns = headColumns({ op });
  const { credential_id, credential_type, key_version, fingerprint, credential_name, metadata } = columns;
  return {
    op,
    status,
    body: { credential_id },
    set: columns,
    version: {
      credential_id,
      credential_type,
      key_version,
      fingerprint,
      credential_name,
      metadata,
      encrypted_credential: Buffer.from(credential_id),
    },
  };
}

function settings(
  head: Head | null,
  set: { op: "update" | "delete"; credential_name?: string; next_due_at?: null },
): Plan {
  if (head === null || head.op === "delete") throw new Fault("not_configured");
  const { credential_id, credential_type, key_version, fingerprint, credential_name, metadata } = head;
  return {
    op: set.op,
    status: 200,
    body: { credential_id },
    set,
    version: {
      credential_id,
      credential_type,
      key_version,
      fingerprint,
      metadata,
      credential_name: set.credential_name ?? credential_name,
      encrypted_credential: null,
    },
  };
}

/** Runs a change on the watched store and tells how it ended and how often it was planned. */
async function run(kind: Kind, more: Partial<ChangeRequest> = {}, works = bench.works) {
  const seen: Array<number | null> = [];
  const request: ChangeRequest = {
    ...bench.subject("acme"),
    idempotency: null,
    precondition: free,
    repeats: kinds[kind].repeats,
    ...more,
  };
  try {
    const done = await change(works, request, async (head) => {
      seen.push(head?.seq ?? null);
      return kinds[kind].plan(head);
    });
    return { code: "none", done, planned: seen };
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    return { code: error.code, done: null, planned: seen };
  }
}

/** Someone else's whole change, through a store that nothing is wrong with. */
async function competitor(kind: "setup" | "rename" | "delete" = "setup"): Promise<void> {
  const { code } = await run(kind, { repeats: true }, { ...bench.works, store: bench.real });
  expect(code).toBe("none");
}

function loseAnswer(): never {
  throw new Fault("store_unavailable");
}

/** Invariants I1 and that every version of the chain follows on the one before. */
function wholeChain() {
  expect(new Set(bench.topEvents(pair)).size).toBe(1);
  const chain = bench.chain(pair);
  expect(chain.map(({ seq }) => seq)).toEqual(chain.map((_, index) => chain.length - index));
  return chain;
}

describe("a change that the store answers badly", () => {
  const faults: Array<[string, Step[]]> = [
    ["fails once", ["fails"]],
    ["fails three times", ["fails", "fails", "fails"]],
    ["takes effect and its answer is lost", ["takes effect, then fails"]],
    ["takes effect, its answer is lost, and the repetition fails", ["takes effect, then fails", "fails"]],
    ["takes effect twice and both answers are lost", ["takes effect, then fails", "takes effect, then fails"]],
  ];
  const cells = kindNames.flatMap((kind) =>
    (["placeHeads", "appendVersions", "advanceHead"] as const)
      .filter((method) => method !== "placeHeads" || kind === "setup")
      .flatMap((method) => faults.map(([what, steps]) => [kind, method, what, steps] as const)),
  );

  test.each(cells)("%s is acknowledged and effective exactly once where %s %s", async (kind, method, _, steps) => {
    if (kind !== "setup") await competitor();
    const before = bench.chain(pair).length;
    bench.watched.next(method, ...steps);
    const { code, done } = await run(kind);
    expect(code).toBe("none");
    const chain = wholeChain();
    expect(chain).toHaveLength(before + 1);
    expect(done?.etag).toBe(`"v${before + 1}"`);
    expect(chain[0]).toMatchObject({
      op: kind === "rename" ? "update" : kind,
      credential_id: done?.body["credential_id"],
    });
  });

  test.each(kindNames)("%s waits for the reads that settle it, and one event id is all it ever uses", async (kind) => {
    if (kind !== "setup") await competitor();
    bench.watched.next("advanceHead", "takes effect, then fails");
    bench.watched.next("readOpening", null, "fails", "fails", "takes effect, then fails");
    expect(await run(kind)).toMatchObject({ code: "none", planned: [kind === "setup" ? null : 1] });
    wholeChain();
    const rows = bench.database.prepare("SELECT COUNT(DISTINCT event_id) AS n FROM versions").get();
    expect(rows?.["n"]).toBe(kind === "setup" ? 1 : 2);
  });

  const unknown: Array<[string, Partial<Record<keyof CredentialStore, Step>>, boolean]> = [
    ["the decision never arrives and the head stays", { advanceHead: "fails" }, false],
    ["the version can never be appended", { appendVersions: "fails" }, false],
    ["the version is appended and no answer ever says so", { appendVersions: "takes effect, then fails" }, false],
  ];
  test.each(unknown)("503 store_unavailable, and it is not there, where %s", async (_, steps, there) => {
    await competitor();
    for (const [method, step] of Object.entries(steps)) bench.watched.always(method as keyof CredentialStore, step);
    const startedAt = bench.clock.monotonic();
    expect((await run("setup")).code).toBe("store_unavailable");
    expect(bench.clock.monotonic() - startedAt).toBeGreaterThan(9_000);
    expect(bench.clock.monotonic() - startedAt).toBeLessThan(12_000);
    expect(wholeChain()).toHaveLength(there ? 2 : 1);
  });

  test("503 store_unavailable where nothing can be read after it took effect: it appears, once", async () => {
    await competitor();
    bench.watched.always("advanceHead", "takes effect, then fails");
    bench.watched.next("readOpening", null);
    bench.watched.always("readOpening", "fails");
    expect((await run("setup")).code).toBe("store_unavailable");
    expect(wholeChain()).toHaveLength(2);
  });

  test("503 store_unavailable at once where the first read fails, and nothing is written", async () => {
    bench.watched.next("readOpening", "fails");
    expect((await run("setup")).code).toBe("store_unavailable");
    expect(bench.watched.calls).toEqual(["readOpening"]);
    expect(bench.clock.slept).toEqual([]);
  });

  const turnedAway = (reason: string) => ({
    before: () => {
      throw new Fault("store_unavailable", { reason });
    },
  });
  test.each(["quota", "denied", "missing", "streaming_buffer"])(
    "503 store_unavailable at once where the store has refused for certain: %s",
    async (reason) => {
      await competitor();
      for (const method of ["appendVersions", "advanceHead"] as const) {
        bench.watched.calls.splice(0);
        bench.watched.next(method, turnedAway(reason));
        expect((await run("setup")).code).toBe("store_unavailable");
        expect(bench.watched.calls.filter((call) => call === method)).toHaveLength(1);
      }
      expect(bench.clock.slept).toEqual([]);
      expect(wholeChain()).toHaveLength(1);
    },
  );

  test("a refusal after an unknown outcome settles nothing: it is looked for, and found", async () => {
    await competitor();
    bench.watched.next("advanceHead", "takes effect, then fails", turnedAway("quota"));
    bench.watched.next("readOpening", null, "fails");
    expect((await run("setup")).code).toBe("none");
    expect(wholeChain()).toHaveLength(2);
  });

  test("what it costs: one read and two writes, three for a first credential", async () => {
    await run("setup");
    expect(bench.watched.calls.splice(0)).toEqual(["readOpening", "placeHeads", "appendVersions", "advanceHead"]);
    for (const kind of ["rotate", "rename", "delete"] as const) {
      await run(kind);
      expect(bench.watched.calls.splice(0)).toEqual(["readOpening", "appendVersions", "advanceHead"]);
    }
  });
});

describe("a change that someone else comes before", () => {
  const lost: Array<[Kind, Partial<ChangeRequest>, string, Array<number | null>]> = [
    ["setup", {}, "none", [1, 2]],
    ["delete", {}, "none", [1, 2]],
    ["rotate", {}, "conflict", [1]],
    ["rename", {}, "conflict", [1]],
    ["rotate", { precondition: { ifMatch: "any", createOnly: false } }, "conflict", [1]],
    ["setup", { precondition: { ifMatch: [1], createOnly: false } }, "precondition_failed", [1]],
    ["delete", { precondition: { ifMatch: [1], createOnly: false } }, "precondition_failed", [1]],
    ["rotate", { precondition: { ifMatch: [1], createOnly: false } }, "precondition_failed", [1]],
    ["rename", { precondition: { ifMatch: [1], createOnly: false } }, "precondition_failed", [1]],
  ];
  const ways: Array<[string, (act: () => Promise<void>) => Step]> = [
    ["between its read and its decision", (act) => ({ before: act })],
    ["while its own decision gets lost", (act) => ({ before: () => act().then(loseAnswer) })],
  ];
  const cells = ways.flatMap(([way, step]) =>
    lost.map(([kind, more, code, planned]) => [kind, JSON.stringify(more), way, code, more, planned, step] as const),
  );
  test.each(cells)("%s %s, overtaken %s, ends with %s", async (kind, _, __, code, more, planned, step) => {
    await competitor();
    bench.watched.next(
      "advanceHead",
      step(() => competitor()),
    );
    const ended = await run(kind, more);
    expect(ended).toMatchObject({ code, planned });
    expect(wholeChain()).toHaveLength(code === "none" ? 3 : 2);
  });

  test("If-None-Match: * loses to another first setup with already_exists, and the winner stands", async () => {
    bench.watched.next("advanceHead", { before: () => competitor() });
    const ended = await run("setup", { precondition: { ifMatch: null, createOnly: true } });
    expect(ended).toMatchObject({ code: "already_exists", planned: [null] });
    expect(wholeChain()).toHaveLength(1);
  });

  test("If-None-Match: * creates where the pair was deleted, and is refused where it is only disabled", async () => {
    await competitor();
    const createOnly = { precondition: { ifMatch: null, createOnly: true } } as const;
    bench.database.exec("UPDATE heads SET enabled = 0");
    expect((await run("setup", createOnly)).code).toBe("already_exists");
    await competitor("delete");
    expect((await run("setup", createOnly)).code).toBe("none");
  });

  const preconditions: Array<[string, Head["seq"][] | "any", "none" | "precondition_failed"]> = [
    ["the current version", [1], "none"],
    ["a list with the current version", [7, 1], "none"],
    ["any version", "any", "none"],
    ["an older version", [0], "precondition_failed"],
    ["a tag that is none of ours", [-1], "precondition_failed"],
  ];
  test.each(preconditions)("If-Match with %s: %s → %s", async (_, ifMatch, code) => {
    await competitor();
    expect((await run("rename", { precondition: { ifMatch, createOnly: false } })).code).toBe(code);
  });

  test("If-Match cannot hold where nothing is configured, neither before nor after a deletion", async () => {
    const request = { precondition: { ifMatch: "any", createOnly: false } } as const;
    expect((await run("setup", request)).code).toBe("precondition_failed");
    await competitor();
    await competitor("delete");
    expect((await run("setup", request)).code).toBe("precondition_failed");
  });

  test("a deletion that finds the pair deleted by another is not_configured", async () => {
    await competitor();
    bench.watched.next("advanceHead", { before: () => competitor("delete") });
    expect(await run("delete")).toMatchObject({ code: "not_configured", planned: [1, 2] });
  });

  test("setup gives up with conflict after five repetitions, and no version of it is effective", async () => {
    bench.watched.always("advanceHead", { before: () => competitor() });
    const ended = await run("setup");
    expect(ended).toMatchObject({ code: "conflict", planned: [null, 1, 2, 3, 4, 5] });
    expect(wholeChain()).toHaveLength(6);
    expect(bench.clock.slept).toHaveLength(5);
  });

  test("a change whose answer was lost is acknowledged although another was already made on top of it", async () => {
    await competitor();
    bench.watched.next("advanceHead", {
      after: () => competitor().then(loseAnswer),
    });
    const { code, done } = await run("rotate");
    expect({ code, etag: done?.etag }).toEqual({ code: "none", etag: '"v2"' });
    expect(wholeChain().map(({ seq, credential_id }) => [seq, credential_id])[1]).toEqual([
      2,
      done?.body["credential_id"],
    ]);
  });
});

describe("placeholders", () => {
  test("two placeholders become one state, and later changes move both", async () => {
    bench.watched.next("placeHeads", {
      before: () => bench.real.placeHeads([pair], new Date(bench.clock.now()).toISOString()),
    });
    expect((await run("setup")).code).toBe("none");
    expect(bench.topEvents(pair)).toHaveLength(2);
    expect((await run("rotate")).code).toBe("none");
    expect(wholeChain()).toHaveLength(2);
  });

  test("a placeholder that comes too late stays behind for ever", async () => {
    const late = () => bench.real.placeHeads([pair], new Date(bench.clock.now()).toISOString());
    bench.watched.next("advanceHead", { after: late }, { before: late }, { before: late });
    for (const kind of ["setup", "rotate", "delete", "setup"] as const) expect((await run(kind)).code).toBe("none");
    expect(wholeChain()).toHaveLength(4);
    expect(bench.topEvents(pair)).toHaveLength(1);
    const behind = bench.database.prepare("SELECT DISTINCT seq FROM heads ORDER BY seq").all();
    expect(behind.map((row) => row["seq"])).toEqual([0, 4]);
  });

  test("a placeholder alone is nothing: not configured, and the next setup creates", async () => {
    await bench.real.placeHeads([pair], new Date(bench.clock.now()).toISOString());
    expect((await run("rename")).code).toBe("not_configured");
    expect(await run("setup", { precondition: { ifMatch: null, createOnly: true } })).toMatchObject({
      done: { status: 201 },
      planned: [null],
    });
  });
});

describe("an Idempotency-Key", () => {
  const idempotency = { keyHash: "key-1", bodyHash: "body-1" };

  test("gives the earlier answer again, with its status and tag, and makes no second version", async () => {
    const first = await run("setup", { idempotency });
    await competitor();
    const again = await run("setup", { idempotency });
    expect(again).toEqual({ code: "none", planned: [], done: { ...first.done, replayed: true } });
    expect(wholeChain()).toHaveLength(2);
  });

  test("with another body is refused, and nothing changes", async () => {
    await run("setup", { idempotency });
    expect((await run("setup", { idempotency: { ...idempotency, bodyHash: "body-2" } })).code).toBe(
      "idempotency_reuse",
    );
    expect(wholeChain()).toHaveLength(1);
  });

  test("that is still running in this process is refused as in_flight, and runs again once it has ended", async () => {
    const rest = Promise.withResolvers<void>();
    bench.watched.next("advanceHead", { before: () => rest.promise });
    const first = run("setup", { idempotency });
    expect((await run("setup", { idempotency })).code).toBe("in_flight");
    rest.resolve();
    expect((await first).code).toBe("none");
    expect((await run("setup", { idempotency })).done?.replayed).toBe(true);
  });

  test("of a failed request is free again", async () => {
    bench.watched.next("readOpening", "fails");
    expect((await run("setup", { idempotency })).code).toBe("store_unavailable");
    expect((await run("setup", { idempotency })).code).toBe("none");
  });

  test("is forgotten after 24 hours", async () => {
    await run("setup", { idempotency });
    bench.clock.advance(DAY - 1_000);
    expect((await run("setup", { idempotency })).done?.replayed).toBe(true);
    bench.clock.advance(2_000);
    expect((await run("setup", { idempotency })).done?.replayed).toBe(false);
  });

  test.each(kindNames.filter((kind) => kind !== "delete"))(
    "of %s that the same request on another instance has just won is answered with that one's result",
    async (kind) => {
      await competitor();
      const other = { ...bench.works, store: bench.real, inFlight: new Set<string>() };
      let won: unknown;
      bench.watched.next("advanceHead", {
        before: async () => {
          won = (await run(kind, { idempotency }, other)).done;
        },
      });
      const ended = await run(kind, { idempotency });
      expect(ended.done).toEqual({ ...(won as object), replayed: true });
      expect(wholeChain()).toHaveLength(2);
    },
  );
});

describe("what a change remembers and keeps", () => {
  test.each(kindNames)("%s drops what this process knew of the pair before it is acknowledged", async (kind) => {
    if (kind !== "setup") await competitor();
    const seen = await bench.works.heads.read(pair, () => bench.real.readSealed(pair));
    await bench.works.memory.with(
      "acme\u0000FAKE\u0000x",
      async () => Buffer.from("secret"),
      () => null,
    );
    await run(kind);
    expect(bench.works.heads.isCurrent(pair, seen.seen)).toBe(false);
    expect(bench.works.memory.size).toBe(0);
  });

  test("it drops it too where the outcome stayed unknown", async () => {
    await competitor();
    const seen = await bench.works.heads.read(pair, () => bench.real.readSealed(pair));
    bench.watched.always("advanceHead", "takes effect, then fails");
    bench.watched.next("readOpening", null);
    bench.watched.always("readOpening", "fails");
    expect((await run("rotate")).code).toBe("store_unavailable");
    expect(bench.works.heads.isCurrent(pair, seen.seen)).toBe(false);
  });

  const subject = () => bench.subject("acme");
  const put = (body: Parameters<typeof update>[1]["body"]) =>
    update(bench.works, { ...subject(), body, message: "ok", idempotency: null, precondition: free });

  test("a rename that was planned before a check leaves everything that the check has found", async () => {
    const before = await bench.setUp("acme", "fake-good", { expires_at: "2026-12-01T00:00:00.000Z" });
    const found = check(before, {
      checked_at: new Date(bench.clock.now() + 1_000).toISOString(),
      status: "INVALID",
      error_code: "credential_rejected",
      next_due_at: null,
      discovered_expires_at: "2026-10-01T00:00:00.000Z",
      notified_days: 30,
    });
    bench.watched.next("advanceHead", { before: () => bench.real.recordChecks([found]) });
    await put({ credential_name: "Renamed", metadata: { team: "costs" } });
    expect(await bench.head("acme")).toMatchObject({
      credential_name: "Renamed",
      metadata: { team: "costs" },
      validation_status: "INVALID",
      error_code: "credential_rejected",
      last_checked_at: found.checked_at,
      next_due_at: null,
      expires_at: "2026-10-01T00:00:00.000Z",
      notified_days: 30,
    });
  });

  test.each([{ credential_name: "Renamed" }, { enabled: false }, { metadata: { team: "costs" } }])(
    "PUT %j does not take back that a pipeline's report made the credential due",
    async (body) => {
      const { credential_id } = await bench.setUp("acme", "fake-good");
      const at = new Date(bench.clock.now() + 1_000).toISOString();
      bench.watched.next("advanceHead", { before: () => bench.real.markReported(credential_id, at) });
      await put(body);
      expect(await bench.head("acme")).toMatchObject({ reported_at: at, next_due_at: at });
    },
  );

  test("a setting that a check reads makes the credential due, a general one or the same value does not", async () => {
    const { next_due_at: due } = await bench.setUp("acme", "fake-good", { metadata: { label: "costs" } });
    await put({ metadata: { team: "finops", label: "costs" } });
    expect((await bench.head("acme")).next_due_at).toBe(due);
    await put({ metadata: { label: "usage" } });
    expect((await bench.head("acme")).next_due_at).toBe(new Date(bench.clock.now()).toISOString());
    expect(due).not.toBe((await bench.head("acme")).next_due_at);
  });

  test("what was refused is asked again where a person changes what it is asked with, and by nothing else", async () => {
    await bench.setUp("acme", "fake-good", { metadata: { label: "costs" } });
    bench.database.exec("UPDATE heads SET validation_status = 'INVALID', next_due_at = NULL");
    await put({ metadata: { team: "finops", label: "costs" }, credential_name: "Renamed" });
    expect((await bench.head("acme")).next_due_at).toBeNull();
    await put({ metadata: { label: "usage" } });
    expect((await bench.head("acme")).next_due_at).toBe(new Date(bench.clock.now()).toISOString());
  });

  test("a setup without the optional bound field that was there before is opened with what it was sealed with", async () => {
    const { decrypt } = await import("../../shared/operations/decrypt.ts");
    await bench.setUp("acme", "unused", {
      credential: { api_key: "fake-old", region: "eu-1" },
      metadata: { label: "costs" },
    });
    expect((await bench.head("acme")).metadata).toEqual({ label: "costs", region: "eu-1" });
    await bench.setUp("acme", "fake-new");
    expect((await bench.head("acme")).metadata).toEqual({ label: "costs" });
    const { body } = await decrypt(bench.works, subject(), { pipeline: "genai.payg_usage", run_id: "r", as: "secret" });
    expect(body.credential).toEqual({ api_key: "fake-new" });
  });

  test("a setup repeated after a lost race keeps the winner's metadata and can be opened, and is proven once", async () => {
    const { decrypt } = await import("../../shared/operations/decrypt.ts");
    await bench.setUp("acme", "fake-first");
    const other = { ...bench.works, store: bench.real };
    bench.watched.next("advanceHead", {
      before: () =>
        setup(other, {
          ...subject(),
          body: {
            credential: { api_key: "fake-second", region: "eu-2" },
            metadata: { team: "theirs" },
            skip_validation: false,
          },
          idempotency: null,
          precondition: free,
        }),
    });
    bench.asked.length = 0;
    await bench.setUp("acme", "fake-third", { credential_name: "Third" });
    expect(bench.asked).toEqual(["fake-third", "fake-second"]);
    expect(await bench.head("acme")).toMatchObject({ seq: 3, metadata: { team: "theirs" }, credential_name: "Third" });
    const { body } = await decrypt(bench.works, subject(), { pipeline: "genai.payg_usage", run_id: "r", as: "secret" });
    expect(body.credential).toEqual({ api_key: "fake-third" });
  });

  test("a setup repeated after a lost race is proven again where the winner changed a setting that a check reads", async () => {
    await bench.setUp("acme", "fake-first");
    const other = { ...bench.works, store: bench.real };
    const settings = { ...subject(), body: { metadata: { label: "theirs" } }, message: "ok", idempotency: null };
    bench.watched.next("advanceHead", { before: () => update(other, { ...settings, precondition: free }) });
    bench.asked.length = 0;
    const head = await bench.setUp("acme", "fake-third");
    expect(bench.asked).toEqual(["fake-third", "fake-third"]);
    expect(head.verdict?.settings).toBe(settingsMark(subject().entry, { label: "theirs" }));
  });

  test("a setup keeps name, metadata and declared expiry that were not sent, enables, and clears a scheduled deactivation", async () => {
    const expires_at = new Date(bench.clock.now() + 90 * DAY).toISOString();
    const first = await bench.setUp("acme", "fake-first", {
      credential_name: "Costs",
      metadata: { label: "costs" },
      expires_at,
    });
    await put({ enabled: false, deactivation_scheduled_at: new Date(bench.clock.now() + HOUR).toISOString() });
    const second = await bench.setUp("acme", "fake-second");
    expect(second).toMatchObject({
      seq: 3,
      credential_name: "Costs",
      metadata: { label: "costs" },
      expires_at_declared: expires_at,
      enabled: true,
      deactivation_scheduled_at: null,
      created_at: first.created_at,
    });
    expect(second.credential_id).not.toBe(first.credential_id);
  });

  const garbage = ["not json", "[]", "{}", '{"outcome":"nonsense"}', ""];
  test.each(garbage)("a verdict that reads %j stops neither a new setup nor a deletion", async (verdict) => {
    const corrupt = () => bench.database.prepare("UPDATE heads SET verdict = ?").run(verdict);
    await bench.setUp("acme", "fake-old");
    corrupt();
    expect(await bench.setUp("acme", "fake-new")).toMatchObject({ seq: 2, verdict: { outcome: "valid" } });
    corrupt();
    await remove(bench.works, { ...subject(), at: null, precondition: free });
    expect(wholeChain().map(({ op }) => op)).toEqual(["delete", "setup", "setup"]);
  });

  test("nothing of a deleted integration, nor of one past its deactivation, is kept by the next setup", async () => {
    await bench.setUp("acme", "fake-first", { credential_name: "Costs", metadata: { label: "costs" } });
    await remove(bench.works, { ...subject(), at: null, precondition: free });
    expect(await bench.setUp("acme", "fake-second")).toMatchObject({ credential_name: "Fake API Key", metadata: {} });
    await put({
      metadata: { label: "costs" },
      deactivation_scheduled_at: new Date(bench.clock.now() + HOUR).toISOString(),
    });
    bench.clock.advance(HOUR);
    expect(await bench.setUp("acme", "fake-third")).toMatchObject({ metadata: {}, deactivation_scheduled_at: null });
  });

  test("a refused credential, an unanswered one and a lost key leave the old one current and nothing appended", async () => {
    await bench.setUp("acme", "fake-old");
    bench.answers("fake-bad", 401);
    bench.answers("fake-mute", 500);
    const rotate = (credential: string, works = bench.works) =>
      faultOf(
        update(works, { ...subject(), body: { credential }, message: "ok", idempotency: null, precondition: free }),
      );
    expect(await rotate("fake-bad")).toBe("credential_rejected");
    expect(await rotate("fake-mute")).toBe("provider_unreachable");
    const keys = { ...bench.works.keys, encrypt: () => Promise.reject(new Fault("encryption_failed")) };
    expect(await rotate("fake-new", { ...bench.works, keys })).toBe("encryption_failed");
    expect(wholeChain()).toHaveLength(1);
    expect(bench.database.prepare("SELECT COUNT(*) AS n FROM versions").get()?.["n"]).toBe(1);
  });
});

/*
 * Three writers on one pair, their statements in every order that chance gives, each able to lose an answer or to die
 * at any await. What must hold afterwards is checked against the store behind them.
 */
describe("three writers in any order", () => {
  const SCHEDULES = 4_000;
  const shared = openBench();
  const current = shared.database.prepare(
    "SELECT DISTINCT event_id, credential_id, validation_status, seq FROM heads WHERE org_slug = ? AND seq > 0 AND seq = (SELECT MAX(seq) FROM heads WHERE org_slug = ?)",
  );
  afterAll(() => shared.close());

  interface Ended {
    kind: string;
    code: string;
    credentialId: string | null;
    etag: string | null;
  }

  async function explore(seed: number): Promise<void> {
    const random = seeded(seed);
    const org = `org${seed}`;
    const at = { org_slug: org, provider: "FAKE" };
    const waiting: Array<() => void> = [];
    const turn = () => new Promise<void>((resolve) => waiting.push(resolve));
    const errorRate = seed % 3 === 0 ? 0 : 0.12;
    const dying = seed % 4 === 0 ? Math.floor(random() * 30) : Number.POSITIVE_INFINITY;
    let steps = 0;
    let most = 0;
    const store = (writer: number) =>
      new Proxy(shared.real, {
        get(target, name) {
          const method: unknown = Reflect.get(target, name);
          if (typeof method !== "function") return method;
          return async (...given: unknown[]) => {
            await turn();
            steps += 1;
            if (writer === 0 && steps > dying) return await new Promise(() => {});
            const fate = random();
            if (fate < errorRate / 2) throw new Fault("store_unavailable");
            const result: unknown = await method(...given);
            // I1 holds at every moment, not only in the end.
            if (name === "advanceHead") most = Math.max(most, current.all(org, org).length);
            await turn();
            if (fate < errorRate) throw new Fault("store_unavailable");
            return result;
          };
        },
      });
    const clock = { ...shared.clock, sleep: async () => turn() };
    const ended: Ended[] = [];
    const writer = async (index: number, kind: Kind) => {
      const works = { ...shared.works, clock, store: store(index), inFlight: new Set<string>() };
      const request = { ...shared.subject(org), idempotency: null, precondition: free, repeats: kinds[kind].repeats };
      let credentialId: string | null = null;
      // Some begin later, so that a first setup's second placeholder can come between two changes of another.
      for (let rests = random() < 0.5 ? Math.floor(random() * 12) : 0; rests > 0; rests -= 1) await turn();
      try {
        const done = await change(works, request, async (head) => {
          const plan = kinds[kind].plan(head);
          if (kind === "setup" || kind === "rotate") credentialId = plan.version.credential_id;
          return plan;
        });
        ended.push({ kind, code: "none", credentialId: String(done.body["credential_id"]), etag: done.etag });
      } catch (error) {
        if (!(error instanceof Fault)) throw error;
        ended.push({ kind, code: error.code, credentialId, etag: null });
      }
    };
    const choose = () => kindNames[Math.floor(random() * kindNames.length)] ?? "setup";
    const preset = random();
    if (preset < 0.6)
      await change(
        { ...shared.works, inFlight: new Set() },
        { ...shared.subject(org), idempotency: null, precondition: free, repeats: true },
        async (head) => kinds.setup.plan(head),
      );
    const first = preset < 0.6 ? await shared.head(org) : null;

    // A check of the credential that was current at the beginning: it may speak of no other.
    const checker = async () => {
      if (first === null) return;
      await turn();
      const row = check(first, {
        checked_at: "2027-01-01T00:00:00.000Z",
        status: "INVALID",
        error_code: "credential_rejected",
        next_due_at: null,
      });
      await store(3)
        .recordChecks([row])
        .catch(() => 0);
    };
    const all = [
      writer(0, preset < 0.6 ? choose() : "setup"),
      writer(1, preset < 0.6 ? choose() : "setup"),
      writer(2, preset < 0.6 ? choose() : random() < 0.7 ? "rename" : choose()),
      checker(),
    ];
    let alive = true;
    void Promise.all(all).then(
      () => (alive = false),
      () => (alive = false),
    );
    for (let quiet = 0; alive && quiet < 2; ) {
      await new Promise((resolve) => setImmediate(resolve));
      const chosen = waiting.splice(Math.floor(random() * waiting.length), 1)[0];
      quiet = chosen === undefined ? quiet + 1 : 0;
      chosen?.();
      if (steps > 600) shared.clock.advance(11_000);
    }

    const tops = current.all(org, org);
    expect(Math.max(most, tops.length), "I1: one current state").toBeLessThanOrEqual(1);
    const chain = tops.length === 0 ? [] : shared.chain(at);
    expect(chain.map(({ seq }) => seq)).toEqual(chain.map((_, index) => chain.length - index));
    const bySeq = new Map(chain.map((link) => [`"v${link.seq}"`, link]));
    for (const one of ended) {
      const times = chain.filter(
        (link) => link.credential_id === one.credentialId && (link.op === "setup" || link.op === "rotate"),
      ).length;
      if (one.code === "none")
        expect(bySeq.get(one.etag ?? "")?.credential_id, "I2: an acknowledged change is in the history").toBe(
          one.credentialId,
        );
      else if (one.kind === "setup" || one.kind === "rotate")
        expect(times, "I3: a refused change is not there, an unknown one at most once").toBeLessThanOrEqual(
          one.code === "store_unavailable" ? 1 : 0,
        );
    }
    const acknowledged = ended.filter(({ code }) => code === "none").map(({ etag }) => etag);
    expect(new Set(acknowledged).size, "no two are told the same version").toBe(acknowledged.length);
    const [top] = tops;
    if (top && top["credential_id"] !== first?.credential_id)
      expect(top["validation_status"], "I6: a check of one credential never marks another").toBe("VALID");
  }

  test(`${SCHEDULES} schedules keep one current state, every acknowledged change, and no check on the wrong credential`, async () => {
    for (let seed = 1; seed <= SCHEDULES; seed += 1) {
      await explore(seed).catch((error: unknown) => {
        throw new Error(`seed ${seed}`, { cause: error });
      });
    }
  });
});
