import fc from "fast-check";
import { expect, test } from "vitest";
import { Fault } from "../../shared/contract/fault.ts";
import { readJson } from "../../shared/contract/read-json.ts";

const forbidden = new Set(["__proto__", "constructor", "prototype"]);

/** Whether the strict reader promises to take it: by the platform's own parser, and by looking at what came out. */
function isClean(value: unknown, depth = 0): boolean {
  if (depth > 10) return false;
  if (typeof value === "string") return value.isWellFormed();
  if (typeof value === "number") return !Number.isInteger(value) || Number.isSafeInteger(value);
  if (Array.isArray(value)) return value.every((one) => isClean(one, depth + 1));
  if (typeof value !== "object" || value === null) return true;
  return Object.entries(value).every(
    ([name, one]) => !forbidden.has(name) && name.isWellFormed() && isClean(one, depth + 1),
  );
}

test("what it takes, it reads as the platform does", () => {
  fc.assert(
    fc.property(fc.json({ maxDepth: 6, stringUnit: "grapheme" }), (text) => {
      fc.pre(isClean(JSON.parse(text)));
      expect(readJson(Buffer.from(text))).toEqual(JSON.parse(text));
    }),
    { numRuns: 500 },
  );
});

test("whatever comes, it answers or refuses with a fault that repeats nothing", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
      try {
        readJson(Buffer.from(bytes));
      } catch (error) {
        expect(error).toBeInstanceOf(Fault);
        expect((error as Fault).message).toMatch(/^body: (?:must be UTF-8|[a-z0-9 A-Z,_-]+ \(character \d+\))$/);
      }
    }),
    { numRuns: 1_000 },
  );
});

test("128 KiB of the worst kinds blow nothing up", () => {
  const size = 131_072;
  for (const text of [
    '"'.padEnd(size, "\\"),
    '"'.padEnd(size, "a"),
    `"${'\\"'.repeat(size / 2 - 1)}"`,
    "[".repeat(size),
    "1".repeat(size),
    " ".repeat(size),
    `{"a":${"-".repeat(size)}`,
    `"${"\\u0041".repeat(size / 6)}"`,
  ]) {
    const startedAt = performance.now();
    try {
      readJson(Buffer.from(text));
    } catch (error) {
      expect(error).toBeInstanceOf(Fault);
    }
    expect(performance.now() - startedAt).toBeLessThan(2_000);
  }
});
