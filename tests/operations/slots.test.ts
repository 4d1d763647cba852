import { expect, test } from "vitest";
import { Slots } from "../../shared/providers/slots.ts";

const turn = () => new Promise((resolve) => setImmediate(resolve));

test("a provider's places are never more than its limit, are given in the order of asking, and come back from what fails", async () => {
  const slots = new Slots();
  const begun: number[] = [];
  let open = 0;
  let most = 0;
  const work = (index: number) => async () => {
    begun.push(index);
    open += 1;
    most = Math.max(most, open);
    await turn();
    open -= 1;
    if (index % 3 === 0) throw new Error("failed");
    return index;
  };
  const ended = await Promise.allSettled(
    Array.from({ length: 20 }, (_, index) => slots.within("FAKE", 3, 1_000, work(index))),
  );
  expect(ended.map((one) => (one.status === "fulfilled" ? one.value?.result : -1))).toEqual(
    Array.from({ length: 20 }, (_, index) => (index % 3 === 0 ? -1 : index)),
  );
  expect(begun).toEqual(Array.from({ length: 20 }, (_, index) => index));
  expect(most).toBe(3);
  expect(await slots.within("FAKE", 1, 0, async () => "free again")).toEqual({ result: "free again" });
});

test("a provider whose places are all taken holds no other one", async () => {
  const slots = new Slots();
  const gate = Promise.withResolvers<void>();
  const held = slots.within("SLOW", 1, 1_000, () => gate.promise);
  const waiting = slots.within("SLOW", 1, 1_000, async () => "waited");
  expect(await slots.within("FAKE", 1, 1_000, async () => "at once")).toEqual({ result: "at once" });
  gate.resolve();
  await held;
  expect(await waiting).toEqual({ result: "waited" });
});

test("who finds no place in time does not begin, leaves the queue, and costs nobody a turn", async () => {
  const slots = new Slots();
  const gate = Promise.withResolvers<void>();
  const held = slots.within("SLOW", 1, 1_000, () => gate.promise);
  let begun = 0;
  const late = Array.from({ length: 5 }, () =>
    slots.within("SLOW", 1, 20, async () => {
      begun += 1;
    }),
  );
  expect(await Promise.all(late)).toEqual([null, null, null, null, null]);
  const patient = slots.within("SLOW", 1, 1_000, async () => "next");
  gate.resolve();
  await held;
  expect(await patient).toEqual({ result: "next" });
  expect(begun).toBe(0);
});
