import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { askThrough } from "../../shared/providers/ask.ts";
import { attempt } from "../../shared/providers/attempt.ts";
import { adminKeys, entryOf, fakeKey, registry } from "../registry/the-registry.ts";
import {
  answers,
  type Fixture,
  type ProviderCode,
  providerCodes,
  type Simulators,
  startSimulators,
  transportAnswers,
} from "../simulators/start.ts";
import { credentialOf, fakeClock, federation, nobody } from "./desk.ts";

let simulators: Simulators;
beforeAll(async () => {
  simulators = await startSimulators();
});
afterAll(() => simulators.close());

/** An admin key where the answer is one that only admin keys are given. */
function keyFor(code: ProviderCode, answer: string): string {
  return code === "ANTHROPIC" && answer === "organization" ? adminKeys.ANTHROPIC : fakeKey(code);
}

/** One whole attempt over a socket, to a provider that answers everything so. */
async function verdictOn(
  code: ProviderCode,
  { name, transport }: Fixture,
): Promise<Awaited<ReturnType<typeof attempt>>> {
  const isEndless = transport === "hang" || transport === "drip";
  const entry = {
    ...entryOf(code),
    endpoints: { api: simulators.endpoints[`${code}_API`] ?? "" },
    ...(isEndless ? { timeout_ms: 100, retry: { max: 0, backoff_ms: 0 } } : {}),
  };
  simulators.always(code, name);
  const credential = credentialOf({ api_key: keyFor(code, name) });
  return await attempt(entry, credential, nobody, { federation, ask: askThrough(fetch, 10_000), clock: fakeClock() });
}

describe.each(providerCodes)("an answer of %s is read as it is documented, and leaves no trace of the key:", (code) => {
  const rows = [...answers[code], ...transportAnswers].map((fixture) => [fixture.name, fixture] as const);
  test.each(rows)("%s", async (name, fixture) => {
    const verdict = await verdictOn(code, fixture);
    if (fixture.reads !== null) {
      const { outcome, reason } = verdict;
      expect({ outcome, ...(fixture.reads.reason === undefined ? {} : { reason }) }).toEqual(fixture.reads);
    }
    if (verdict.code === "permission_missing") expect(verdict.remedy).not.toMatch(/may not do what is needed/);
    expect(JSON.stringify(verdict)).not.toContain(keyFor(code, name).slice(-8));
    expect(simulators.sinkRequests).toEqual([]);
  });
});

test("every provider of the registry has its documented answers", () => {
  expect(registry.entries.map(({ code }) => code).filter((code) => !(code in answers))).toEqual([]);
});
