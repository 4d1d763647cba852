import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { importMany } from "../../shared/operations/import.ts";
import type { CredentialStore } from "../../shared/ports/credential-store.ts";
import { type Bench, openBench } from "./bench.ts";

let bench: Bench;
beforeEach(() => {
  bench = openBench();
});
afterEach(() => {
  vi.useRealTimers();
  bench.close();
});

const items = [
  { provider: "slow", credential: "slow-good" },
  { provider: "fake", credential: "fake-good" },
  { provider: "dear", credential: "dear-good" },
];
const idempotency = { keyHash: "k", bodyHash: "b" };
const bulk = (works = bench.works) =>
  importMany(works, { ...bench.subject("acme"), body: { items }, dryRun: false, idempotency });
const configured = async () => {
  const { heads } = await bench.real.readHeads("acme");
  return heads.filter(({ seq }) => seq > 0).map(({ provider }) => provider);
};

describe("an import whose checks take longer than a minute", () => {
  /** One item's key cannot be encrypted until it is let go. */
  async function outwaited(meanwhile: (silence: PromiseWithResolvers<void>) => void = () => {}) {
    const silence = Promise.withResolvers<void>();
    const { keys } = bench.works;
    const slow: typeof keys = {
      ...keys,
      encrypt: async (plaintext, aad) => {
        if (plaintext.toString().includes("slow-good")) await silence.promise;
        return await keys.encrypt(plaintext, aad);
      },
    };
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    const running = bulk({ ...bench.works, keys: slow });
    await vi.waitFor(() => expect(bench.asked).toHaveLength(3));
    meanwhile(silence);
    await vi.advanceTimersByTimeAsync(60_000);
    return { silence, ...(await running) };
  }

  test("stores what passed, and says of the rest that it was not attempted, why and what to do", async () => {
    const { success, results } = await outwaited();
    expect(success).toBe(false);
    expect(results).toEqual([
      {
        index: 0,
        provider: "SLOW",
        status: "not_attempted",
        error: "Checking it did not fit into this import's 60 s; nothing of it was stored",
        remedy: "Send this item again",
      },
      { index: 1, provider: "FAKE", status: "completed", credential_id: expect.any(String) },
      { index: 2, provider: "DEAR", status: "completed", credential_id: expect.any(String) },
    ]);
    expect((await configured()).sort()).toEqual(["DEAR", "FAKE"]);
  });

  test("does not call an item completed whose check ends while the others are stored", async () => {
    const { results } = await outwaited((silence) =>
      bench.watched.next("placeHeads", {
        before: async () => {
          silence.resolve();
          await new Promise((resolve) => setImmediate(resolve));
        },
      }),
    );
    expect(results.map(({ status }) => status)).toEqual(["not_attempted", "completed", "completed"]);
    expect((await configured()).sort()).toEqual(["DEAR", "FAKE"]);
  });

  test("stores nothing more when the check ends after all, and completes what was left when it is sent again", async () => {
    const { silence, results } = await outwaited();
    silence.resolve();
    await vi.advanceTimersByTimeAsync(1_000);
    expect((await configured()).sort()).toEqual(["DEAR", "FAKE"]);
    const again = await bulk();
    expect(again).toMatchObject({ success: true, results: [{ status: "completed" }, results[1], results[2]] });
  });
});

describe("a store that fails half-way", () => {
  const methods: Array<[keyof CredentialStore, "fails" | "takes effect, then fails"]> = [
    ["placeHeads", "fails"],
    ["appendVersions", "fails"],
    ["appendVersions", "takes effect, then fails"],
    ["advanceHeads", "fails"],
    ["advanceHeads", "takes effect, then fails"],
  ];
  test.each(methods)(
    "at %s (%s) fails the import aloud, and the same request again completes it once",
    async (method, step) => {
      bench.watched.always(method, step);
      await expect(bulk()).rejects.toMatchObject({
        code: "store_unavailable",
        details: { remedy: expect.stringContaining("same Idempotency-Key"), retryAfterS: 5 },
      });
      bench.watched.always(method, null);
      const { success, results } = await bulk();
      expect({ success, ids: results.every(({ credential_id }) => credential_id !== undefined) }).toEqual({
        success: true,
        ids: true,
      });
      for (const provider of ["DEAR", "FAKE", "SLOW"])
        expect(bench.chain({ org_slug: "acme", provider })).toHaveLength(1);
    },
  );

  test("and cannot say in the end what took effect, says just that", async () => {
    bench.watched.next("readOpenings", null, "fails");
    await expect(bulk()).rejects.toMatchObject({
      code: "store_unavailable",
      details: { remedy: expect.stringContaining("same Idempotency-Key") },
    });
    expect(await bulk()).toMatchObject({ success: true });
    expect(bench.chain({ org_slug: "acme", provider: "FAKE" })).toHaveLength(1);
  });
});
