import { beforeEach, expect, test } from "vitest";
import { HeadMemory } from "../../shared/operations/head-memory.ts";
import type { SealedHead } from "../../shared/ports/credential-store.ts";
import { headColumns } from "../ports/stored-rows.ts";
import { type TestClock, testClock } from "./bench.ts";

const pair = { org_slug: "acme", provider: "FAKE" };
let clock: TestClock;
let heads: HeadMemory;
beforeEach(() => {
  clock = testClock();
  heads = new HeadMemory(clock);
});

function sealed(name: string, bytes = 100): SealedHead {
  const head = { ...headColumns({ credential_name: name }), ...pair, seq: 1, event_id: name };
  return { head, encrypted_credential: Buffer.alloc(bytes) };
}
const nameOf = (one: SealedHead | null) => one?.head.credential_name ?? null;
const never = () => Promise.reject(new Error("asked again"));

test.each([
  [0, true],
  [9_900, true],
  [9_999, true],
  [10_000, false],
  [10_100, false],
])("a head that was asked for %i ms ago is used again: %s", async (ms, used) => {
  await heads.read(pair, async () => sealed("old"));
  clock.advance(ms);
  const { seen, remembered } = await heads.read(pair, async () => sealed("new"));
  expect([remembered, nameOf(seen.sealed)]).toEqual([used, used ? "old" : "new"]);
});

test("the ten seconds begin when the question is sent, not when it is answered", async () => {
  await heads.read(pair, async () => {
    clock.advance(9_000);
    return sealed("slow");
  });
  clock.advance(900);
  expect((await heads.read(pair, never)).remembered).toBe(true);
  clock.advance(100);
  expect((await heads.read(pair, async () => sealed("new"))).remembered).toBe(false);
});

test("an answer that took ten seconds is not remembered, and is not current", async () => {
  const { seen } = await heads.read(pair, async () => {
    clock.advance(10_000);
    return sealed("late");
  });
  expect(heads.isCurrent(pair, seen)).toBe(false);
  expect((await heads.read(pair, async () => sealed("new"))).remembered).toBe(false);
});

test("a drop while the answer is on its way makes that answer worthless", async () => {
  const gate = Promise.withResolvers<void>();
  const reading = heads.read(pair, async () => {
    await gate.promise;
    return sealed("before the change");
  });
  heads.drop(pair);
  gate.resolve();
  const { seen } = await reading;
  expect(heads.isCurrent(pair, seen)).toBe(false);
  expect(nameOf((await heads.read(pair, async () => sealed("after"))).seen.sealed)).toBe("after");
});

test("a drop concerns its pair alone", async () => {
  const others = [
    { ...pair, org_slug: "acme2" },
    { ...pair, provider: "FAKE2" },
    { org_slug: "acme\u0000", provider: "FAKE" },
  ];
  for (const one of [pair, ...others]) await heads.read(one, async () => sealed("x"));
  heads.drop(pair);
  for (const one of others) expect((await heads.read(one, never)).remembered).toBe(true);
  expect((await heads.read(pair, async () => sealed("y"))).remembered).toBe(false);
});

test("a drop still counts when many other pairs are dropped after it", async () => {
  const gate = Promise.withResolvers<void>();
  const reading = heads.read(pair, async () => {
    await gate.promise;
    return sealed("before");
  });
  heads.drop(pair);
  for (let index = 0; index < 5_000; index += 1) heads.drop({ ...pair, org_slug: `o${index}` });
  clock.advance(9_900);
  gate.resolve();
  expect(heads.isCurrent(pair, (await reading).seen)).toBe(false);
});

test("that nothing is configured is remembered too, and dropped like the rest", async () => {
  await heads.read(pair, async () => null);
  expect((await heads.read(pair, never)).seen.sealed).toBeNull();
  heads.drop(pair);
  expect(nameOf((await heads.read(pair, async () => sealed("new"))).seen.sealed)).toBe("new");
});

test("a failed question is remembered by nobody", async () => {
  await expect(heads.read(pair, () => Promise.reject(new Error("busy")))).rejects.toThrow("busy");
  expect((await heads.read(pair, async () => sealed("x"))).remembered).toBe(false);
});

test.each([
  ["2,000 heads", 2_001, 100],
  ["8 MiB", 130, 64 * 1024],
])("no more than %s are held, and the oldest goes first", async (_, count, bytes) => {
  for (let index = 0; index < count; index += 1)
    await heads.read({ ...pair, org_slug: `o${index}` }, async () => sealed("x", bytes));
  expect((await heads.read({ ...pair, org_slug: `o${count - 1}` }, never)).remembered).toBe(true);
  expect((await heads.read({ ...pair, org_slug: "o0" }, async () => sealed("x"))).remembered).toBe(false);
});
