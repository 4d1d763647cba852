import { beforeEach, describe, expect, test } from "vitest";
import { Fault } from "../../shared/contract/fault.ts";
import { Memory } from "../../shared/vault/memory.ts";
import { type TestClock, testClock } from "../operations/bench.ts";

let clock: TestClock;
let memory: Memory;
beforeEach(() => {
  clock = testClock();
  memory = new Memory(clock);
});

const asText = (plaintext: Buffer) => plaintext.toString();
/** Opens `text` and keeps the buffer, to look at it later. */
function opener(text: string) {
  const buffers: Buffer[] = [];
  const opens = async () => {
    const buffer = Buffer.from(text);
    buffers.push(buffer);
    return buffer;
  };
  return { buffers, opens };
}
const isZero = (buffer: Buffer | undefined) => buffer?.every((byte) => byte === 0) === true;

test.each([
  [0, true],
  [299_900, true],
  [299_999, true],
  [300_000, false],
  [86_400_000, false],
])("after %i ms a plaintext is remembered: %s", async (ms, hit) => {
  const { opens, buffers } = opener("secret");
  expect(await memory.with("a", opens, asText)).toEqual({ result: "secret", hit: false });
  clock.advance(ms);
  expect(await memory.with("a", opens, asText)).toEqual({ result: "secret", hit });
  expect(buffers).toHaveLength(hit ? 1 : 2);
  if (!hit) expect(isZero(buffers[0])).toBe(true);
});

test("the wall clock may jump without making anything older or younger", async () => {
  let wall = 0;
  const own = new Memory({ ...clock, now: () => wall });
  const { opens } = opener("secret");
  await own.with("a", opens, asText);
  wall = 86_400_000;
  expect((await own.with("a", opens, asText)).hit).toBe(true);
  wall = -86_400_000;
  clock.advance(300_000);
  expect((await own.with("a", opens, asText)).hit).toBe(false);
});

test("a use does not make it live longer", async () => {
  const { opens } = opener("secret");
  for (const hit of [false, true, true, false]) {
    expect((await memory.with("a", opens, asText)).hit).toBe(hit);
    clock.advance(100_000);
  }
});

test("fifty at once open it once, and all get it", async () => {
  const gate = Promise.withResolvers<void>();
  let opened = 0;
  const opens = async () => {
    opened += 1;
    await gate.promise;
    return Buffer.from("secret");
  };
  const all = Array.from({ length: 50 }, () => memory.with("a", opens, asText));
  gate.resolve();
  const results = await Promise.all(all);
  expect(opened).toBe(1);
  expect(results.map(({ hit }) => hit).filter((hit) => !hit)).toHaveLength(1);
  expect(new Set(results.map(({ result }) => result))).toEqual(new Set(["secret"]));
});

test("a failure is shared by those who wait and remembered by nobody", async () => {
  const gate = Promise.withResolvers<void>();
  let opened = 0;
  const fails = async () => {
    opened += 1;
    await gate.promise;
    throw new Fault("key_unavailable");
  };
  const all = Array.from({ length: 20 }, () => memory.with("a", fails, asText).catch((error: Fault) => error.code));
  gate.resolve();
  expect(new Set(await Promise.all(all))).toEqual(new Set(["key_unavailable"]));
  expect(opened).toBe(1);
  expect(memory.size).toBe(0);
  expect((await memory.with("a", opener("secret").opens, asText)).hit).toBe(false);
});

describe("what leaves is overwritten", () => {
  test("when it is forgotten, and only what the prefix names", async () => {
    const names = ["acme\u0000A\u00001", "acme\u0000A\u00002", "acme\u0000AB\u00001", "acme2\u0000A\u00001"];
    const all = names.map(() => opener("secret"));
    for (const [index, name] of names.entries()) await memory.with(name, all[index]!.opens, asText);
    memory.forget("acme\u0000A\u0000");
    expect(all.map(({ buffers }) => isZero(buffers[0]))).toEqual([true, true, false, false]);
    expect(memory.size).toBe(2);
  });

  test("when it is forgotten while it is being opened, however many wait for it", async () => {
    const gates = [Promise.withResolvers<void>(), Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const buffers: Buffer[] = [];
    let open = 0;
    let most = 0;
    const opens = async () => {
      open += 1;
      most = Math.max(most, open);
      await gates[buffers.length]?.promise;
      open -= 1;
      const buffer = Buffer.from("secret");
      buffers.push(buffer);
      return buffer;
    };
    const all = [1, 2, 3].map(() => memory.with("pair\u0000a", opens, asText));
    memory.forget("pair\u0000");
    gates[0]?.resolve();
    await all[0];
    await new Promise((resolve) => setImmediate(resolve));
    memory.forget("pair\u0000");
    gates[1]?.resolve();
    await new Promise((resolve) => setImmediate(resolve));
    memory.forget("pair\u0000");
    gates[2]?.resolve();
    await Promise.all(all);
    expect(buffers).toHaveLength(3);
    expect(most, "one opening at a time").toBe(1);
    expect(buffers.map(isZero)).toEqual([true, true, true]);
    expect(memory.size).toBe(0);
  });

  test("the 501st of 500: the oldest goes", async () => {
    const all = Array.from({ length: 501 }, (_, index) => ({ name: `n${index}`, ...opener(`secret ${index}`) }));
    for (const { name, opens } of all) await memory.with(name, opens, asText);
    expect(memory.size).toBe(500);
    expect(all.map(({ buffers }) => isZero(buffers[0])).filter(Boolean)).toHaveLength(1);
    expect(isZero(all[0]?.buffers[0])).toBe(true);
  });

  test("4 MiB are the most that is held", async () => {
    const big = Array.from({ length: 65 }, (_, index) => {
      const buffer = Buffer.alloc(64 * 1024, 1);
      return { name: `n${index}`, buffer };
    });
    for (const { name, buffer } of big)
      await memory.with(
        name,
        async () => buffer,
        () => null,
      );
    expect(memory.size).toBe(64);
    expect(isZero(big[0]?.buffer)).toBe(true);
    expect(isZero(big[1]?.buffer)).toBe(false);
  });

  test("what is larger than all that may be held is used and overwritten at once", async () => {
    const huge = Buffer.alloc(4 * 1024 * 1024 + 1, 1);
    expect(
      await memory.with(
        "a",
        async () => huge,
        (plaintext) => plaintext[0],
      ),
    ).toEqual({ result: 1, hit: false });
    expect(memory.size).toBe(0);
    expect(isZero(huge)).toBe(true);
  });

  test("whatever is too old goes when something new comes", async () => {
    const old = opener("old");
    await memory.with("old", old.opens, asText);
    clock.advance(300_000);
    await memory.with("new", opener("new").opens, asText);
    expect(isZero(old.buffers[0])).toBe(true);
    expect(memory.size).toBe(1);
  });
});

test("names apart by one character never see each other's plaintext", async () => {
  const names = [
    "o\u0000p\u0000c\u0000e\u00001",
    "o\u0000p\u0000c\u0000e\u000011",
    "o\u0000p\u0000c\u0000e2\u00001",
    "o2\u0000p\u0000c\u0000e\u00001",
  ];
  for (const name of names) await memory.with(name, async () => Buffer.from(name), asText);
  for (const name of names)
    expect(await memory.with(name, () => Promise.reject(new Error("opened again")), asText)).toEqual({
      result: name,
      hit: true,
    });
});
