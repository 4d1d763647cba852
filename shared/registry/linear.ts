/** Longest text a pattern is run over. */
const LONGEST = 8192;
/** Steps that one match may take at worst, about 2 ns each. */
const MOST_STEPS = 10_000_000;

/**
 * Whether a regular expression compiles and takes less than 50 ms on any text of 8 KiB: no lookaround, no back-reference,
 * no inline flags, no quantified group, and all the ways to try it stay within a budget of steps.
 */
export function isLinear(source: string): boolean {
  if (/\(\?(?!:)|\\[1-9]|\\k/.test(source)) return false;
  const bare = source
    .replace(/\\./g, "x")
    .replace(/\[[^\]]*\]/g, "x")
    .replace(/\(\?:/g, "(");
  if (/\)[*+{]/.test(bare) || stepsOf(bare) > MOST_STEPS) return false;
  try {
    new RegExp(source);
    return true;
  } catch {
    return false;
  }
}

/** A quantifier with the mark of a lazy one: its symbol, or its least, comma and most. */
const QUANTIFIER = /(?:([*+?])|\{(\d+)(,?)(\d*)\})\??/g;

/**
 * Steps at worst of a pattern without classes and escapes: its ways, each as long as its counted parts. Open ends and an
 * open beginning walk the whole text; two of them share it, half a square of quick steps, and bear nothing beside.
 */
function stepsOf(bare: string): number {
  const { ways, onTop } = alternativesIn(bare);
  let steps = ways;
  let length = 1;
  let open = bare.startsWith("^") && onTop === 1 ? 0 : 1;
  for (const [, symbol, least, comma, most] of bare.matchAll(QUANTIFIER)) {
    length += Number(least ?? 0);
    if (symbol === "?") steps *= 2;
    else if (symbol !== undefined || (comma !== "" && most === "")) open++;
    else if (comma !== "") steps *= Math.max(1, Number(most) - Number(least) + 1);
  }
  return steps * length * ([1, LONGEST, MOST_STEPS][open] ?? Number.POSITIVE_INFINITY);
}

/** In how many ways the alternatives can be combined, as groups multiply, and how many stand outside of groups. */
function alternativesIn(bare: string): { ways: number; onTop: number } {
  const outer: number[] = [];
  let ways = 1;
  let count = 1;
  for (const sign of bare) {
    if (sign === "|") count++;
    else if (sign === "(") {
      outer.push(count);
      count = 1;
    } else if (sign === ")") {
      ways *= count;
      count = outer.pop() ?? 1;
    }
  }
  return { ways: ways * count, onTop: count };
}

const compiled = new Map<string, RegExp>();

/** The compiled pattern, remembered: the registry holds a few dozen, so the memory is bounded by it. */
export function pattern(source: string, flags: "" | "i" | "g" = ""): RegExp {
  const key = `${flags}/${source}`;
  let regexp = compiled.get(key);
  if (regexp === undefined) {
    regexp = new RegExp(source, flags);
    compiled.set(key, regexp);
  }
  return regexp;
}
