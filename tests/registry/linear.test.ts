import { describe, expect, test } from "vitest";
import { isLinear } from "../../shared/registry/linear.ts";
import { registry } from "./the-registry.ts";

/** Texts of 8 KiB that make a pattern try everything. */
const worst = [`${"a".repeat(8_191)}!`, `${"@".repeat(8_191)}!`, "ab".repeat(4_096), "0".repeat(8_192)];

describe("a pattern that may be slow is refused:", () => {
  test.each([
    ["optional parts in a row", `^${"a?".repeat(28)}a{28}$`],
    ["optional parts, counted", `^${"a{0,1}".repeat(28)}a{28}$`],
    ["optional groups in a row", `^${"(?:a)?".repeat(28)}b`],
    ["alternatives that mean the same, in a row", `^${"(?:a|a)".repeat(28)}b`],
    ["an anchor that holds for the first alternative only", "^x|[a-z]+[a-z]+y"],
    ["an anchor behind which groups hide alternatives", "^(a)|(b)[a-z]{0,4000}[a-z]{0,900}y"],
    ["two wide ranges", "^[a-z]{1,7000}[a-z]{1,7000}y"],
    ["a long part at every character", "[a-z]{4000}[a-z]{4000}y"],
    ["a wide range at every character", "[a-z]{0,4000}y"],
    ["three open ends", "^[a-z]+[a-z]+[a-z]+y"],
    ["two open ends at every character", "[a-z]+[a-z]+y"],
    ["open ranges", "^[a-z]{1,}[a-z]{1,}[a-z]{1,}y"],
    ["two open ends and a choice", "^(?:a|b)[a-z]+[a-z]+y"],
    ["lazy ones", `^${"a{0,8}?".repeat(9)}b`],
    ["a very long part", "a{999999}"],
    ["a quantified group", "^([a-z]+)+$"],
    ["lookahead", "^(?=a)a"],
    ["a back-reference", "^(a)\\1"],
  ])("%s", (_, source) => {
    expect(isLinear(source)).toBe(false);
  });
});

describe("a pattern that is taken is quick on 8 KiB:", () => {
  const shipped = registry.entries.flatMap((entry) => [
    ...entry.recognise,
    ...entry.fields.map((field) => field.pattern),
    ...(entry.probe === undefined || "protocol" in entry.probe
      ? []
      : entry.probe.rules.flatMap(({ matches }) => matches ?? [])),
  ]);
  test.each([
    ...new Set(shipped),
    "^[a-z]+@[a-z]+$",
    "ip .* not allowed",
    "[a-z]+x",
    "[a-z]{900}y",
    "^[a-z]{1,900}a{7000}b",
    "^[a-z0-9-]{6,30}\\.[A-Za-z0-9_]{1,200}\\.[A-Za-z0-9_-]{1,200}$",
    `^${"(?:a|a|a|a)".repeat(11)}b`,
    `${"a??".repeat(9)}b`,
  ])("%s", (source) => {
    expect(isLinear(source)).toBe(true);
    const regexp = new RegExp(source, "i");
    const fastest = worst.map((text) => Math.min(...[1, 2, 3].map(() => timeOf(() => regexp.test(text)))));
    expect(Math.max(...fastest)).toBeLessThan(1_000);
  });
});

function timeOf(run: () => void): number {
  const from = performance.now();
  run();
  return performance.now() - from;
}
