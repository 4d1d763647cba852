import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { isDefinite, type Outcome } from "../../shared/contract/verdict.ts";
import { attempt } from "../../shared/providers/attempt.ts";
import type { Condition, Entry, ProbeRules } from "../../shared/registry/entry.ts";
import { deskOf, fakeClock, federation, nobody, reply } from "../providers/desk.ts";
import { registry } from "../registry/the-registry.ts";
import { bodiesFor, conditionsOf, successBodies } from "./body-for.ts";
import { credentialFor } from "./credential-for.ts";

/** Runs per provider. */
const RUNS = 600;

type Http = Entry & { probe: ProbeRules };
const asked = registry.entries.filter(
  (entry): entry is Http => entry.probe !== undefined && !("protocol" in entry.probe),
);

/** Every value at a path, found without the reader's own code: each way through the body is written out as a path. */
function valuesAt(body: unknown, path: string): unknown[] {
  const roots: unknown[] = Array.isArray(body) ? body : [body];
  return roots.flatMap((root) => [...leaves(root, "")].filter(([at]) => at === path).map(([, value]) => value));
}

function* leaves(value: unknown, at: string): Generator<[string, unknown]> {
  if (value === null || value === undefined) return;
  if (at !== "") yield [at, value];
  if (typeof value !== "object" || Array.isArray(value)) return;
  for (const [name, member] of Object.entries(value)) {
    const path = at === "" ? name : `${at}.${name}`;
    yield* leaves(member, path);
    if (Array.isArray(member)) for (const element of member) yield* leaves(element, `${path}[]`);
  }
}

function fits({ at, equals, matches }: Condition, body: unknown): boolean {
  return valuesAt(body, at).some(
    (value) =>
      (equals === undefined || value === equals) &&
      (matches === undefined || (typeof value === "string" && new RegExp(matches, "i").test(value))),
  );
}

/** What the entry says in so many words about an answer: its first rule that fits, else its success, else nothing. */
function declared({ probe }: Http, status: number, body: unknown): Outcome | null {
  const rule = probe.rules.find(
    (one) => [one.status].flat().includes(status) && conditionsOf(one).every((condition) => fits(condition, body)),
  );
  if (rule !== undefined) return rule.then;
  const { has, is } = probe.success;
  const isShape = (value: unknown) => is === undefined || is === (Array.isArray(value) ? "array" : typeof value);
  return status === probe.success.status && valuesAt(body, has).some(isShape) ? "valid" : null;
}

/** Whether any text in the body could be about a key at all. */
function speaksOfKeys(body: unknown): boolean {
  return /key|token|credential|auth|invalid|revoked/i.test(JSON.stringify(body));
}

/** Statuses and bodies of this provider's own words, put together at random, and any others. */
function answersOf({ probe }: Http): fc.Arbitrary<{ status: number; body: unknown }> {
  const conditions = probe.rules.flatMap(conditionsOf);
  const paths = ["data", "id", "error.message", "code", "status", probe.success.has, ...conditions.map(({ at }) => at)];
  const name = fc.constantFrom(...new Set(paths.flatMap((path) => path.replaceAll("[]", "").split("."))));
  const words = conditions
    .flatMap((one) => bodiesFor([one]).slice(0, 3))
    .flatMap((body) => [...leaves(body, "")].flatMap(([, value]) => (typeof value === "object" ? [] : [value])));
  const value = fc.oneof(
    { weight: 3, arbitrary: fc.constantFrom(...words, true, false, 401, "Unauthorized", "invalid api key", "") },
    { weight: 1, arbitrary: fc.oneof(fc.string(), fc.integer(), fc.constant(null)) },
  );
  const { node } = fc.letrec((tie) => ({
    node: fc.oneof(
      { depthSize: "small" },
      value,
      fc.dictionary(name, tie("node"), { maxKeys: 4 }),
      fc.array(tie("node"), { maxLength: 3 }),
    ),
  }));
  const meant = [
    ...successBodies(probe.success).map((body) => ({ status: probe.success.status, body })),
    ...probe.rules.flatMap((rule) =>
      [rule.status].flat().flatMap((status) =>
        bodiesFor(conditionsOf(rule))
          .slice(0, 2)
          .map((body) => ({ status, body })),
      ),
    ),
  ];
  const status = fc.oneof(
    fc.constantFrom(401, ...meant.map((one) => one.status)),
    fc.integer({ min: 200, max: 599 }).filter((one) => ![204, 205, 304].includes(one)),
  );
  return fc.oneof(
    fc.record({ status, body: fc.dictionary(name, node, { maxKeys: 4 }) }),
    fc.record({ status, body: fc.oneof(fc.jsonValue(), node) }),
    // What is meant, with members gone wrong or with another status.
    fc
      .tuple(fc.constantFrom(...meant), fc.dictionary(name, node, { maxKeys: 2 }), fc.option(status))
      .map(([one, other, another]) => ({ status: another ?? one.status, body: { ...one.body, ...other } })),
  );
}

describe("whatever a provider may answer, only its success makes a key valid, and only its rules and a 401 that speaks of keys condemn one:", () => {
  test.each(asked.map((entry) => [entry.code, entry] as const))("%s", async (_, entry) => {
    const credential = credentialFor(registry, entry);
    const seen = new Set<Outcome>();
    await fc.assert(
      fc.asyncProperty(answersOf(entry), async ({ status, body }) => {
        fc.pre(typeof body !== "string"); // `reply` sends a text as HTML
        const { ask } = deskOf(reply(status, body));
        const { outcome } = await attempt(entry, credential, nobody, { ask, clock: fakeClock(), federation });
        seen.add(outcome);
        const said = declared(entry, status, body);
        if (said !== null) expect(outcome).toBe(said);
        else if (status === 401 && speaksOfKeys(body)) expect(["rejected", "unreachable"]).toContain(outcome);
        else expect(isDefinite(outcome)).toBe(false);
      }),
      { numRuns: RUNS, seed: 20_261_120 },
    );
    expect([...seen], "what was tried holds all kinds").toEqual(
      expect.arrayContaining(["valid", "rejected", "unreachable"]),
    );
  });
});

test("the runs are as many as they claim to be", () => {
  expect(asked.length * RUNS).toBeGreaterThanOrEqual(2_000);
});
