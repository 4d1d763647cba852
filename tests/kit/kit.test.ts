import { afterAll, describe, expect, test } from "vitest";
import { registry } from "../registry/the-registry.ts";
import { checksOf } from "./kit.ts";
import { openRunner } from "./run.ts";

const runner = await openRunner();
afterAll(() => runner.close());

/** What broke instead of saying what is wrong must not end the run before its own test. */
async function outcomeOf(run: () => Promise<string[]>): Promise<string[]> {
  return await run().catch((error: unknown) => [`broke: ${String(error)}`]);
}

/** All checks of all providers begin at once, as far as there is room; each test waits for its own. */
const kits = await Promise.all(
  [...registry.entries, ...(registry.custom ? [registry.custom] : [])].map(async (entry) => {
    const checks = await checksOf(registry, entry, runner);
    return { code: entry.code, rows: checks.map(({ name, run }) => [name, outcomeOf(run)] as const) };
  }),
);

describe.each(kits)("$code", ({ rows }) => {
  test.each(rows)("%s", async (_, faults) => {
    expect(await faults).toEqual([]);
  });
});
