import { describe, expect, test } from "vitest";
import { adminKeys, fakeKey, registry } from "../registry/the-registry.ts";
import { answers } from "../simulators/answers/all.ts";
import { transportAnswers } from "../simulators/answers/transport.ts";
import { exampleContext, type Fixture, render } from "../simulators/fixture.ts";
import { type ProviderCode, providerCodes } from "../simulators/profiles.ts";
import { type Answer, probe } from "./desk.ts";

/** A simulator's answer without the socket: how it travels is proven in ask.test.ts. */
function answerOf(fixture: Fixture, key: string): Answer {
  const { status, headers, body } = render(fixture, { ...exampleContext, key });
  return () => new Response(status === 204 ? null : body, { status, headers });
}

/** An admin key where the answer is one that only admin keys are given. */
function keyFor(code: ProviderCode, answer: string): string {
  return code === "ANTHROPIC" && answer === "organization" ? adminKeys.ANTHROPIC : fakeKey(code);
}

const isAnswer = (fixture: Fixture): boolean => fixture.transport === "plain" || fixture.transport === "redirect";

describe.each(providerCodes)("the documented answers of %s are read as documented:", (code: ProviderCode) => {
  const rows = [...answers[code], ...transportAnswers.filter(isAnswer)].map(
    (fixture) => [fixture.name, fixture] as const,
  );
  test.each(rows.filter(([, { reads }]) => reads !== null))("%s", async (_, fixture) => {
    const { found } = await probe(code, keyFor(code, fixture.name), answerOf(fixture, fakeKey(code)));
    expect({ outcome: found.outcome, ...(fixture.reads?.reason ? { reason: found.reason } : {}) }).toEqual(
      fixture.reads,
    );
  });
  test.each(rows)("%s leaves no trace of the key", async (_, fixture) => {
    const { found } = await probe(code, fakeKey(code), answerOf(fixture, fakeKey(code)));
    expect(JSON.stringify(found)).not.toContain(fakeKey(code).slice(-8));
  });
});

test("every provider of the registry has its documented answers", () => {
  expect(registry.entries.map(({ code }) => code).filter((code) => !(code in answers))).toEqual([]);
});
