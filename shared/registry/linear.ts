/** Longest value of a field that a pattern is run over. */
const LONGEST = 8192;
/** How much of a provider's text a rule looks at; errors say what they mean at their beginning. */
export const SEARCHED = 512;
/** Steps that one match may take at worst, about 2 ns each; those of open ends that share a text are quicker. */
const MOST_STEPS = 10_000_000;
const MOST_QUICK_STEPS = 34_000_000;

/**
 * Whether a regular expression compiles and takes less than 50 ms on any text of that length: no lookaround, no back-reference,
 * no inline flags, no quantified group, and all the ways to try it stay within a budget of steps.
 */
export function isLinear(source: string, longest: number = LONGEST): boolean {
  if (/\(\?(?!:)|\\[1-9]|\\k/.test(source)) return false;
  const bare = source
    .replace(/\\./g, "x")
    .replace(/\[[^\]]*\]/g, "x")
    .replace(/\(\?:/g, "(");
  if (/\)[*+{]/.test(bare) || !isQuick(bare, longest)) return false;
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
 * Whether a pattern without classes and escapes keeps to the budget: its ways, each as long as its counted parts. Open
 * ends and an open beginning walk the whole text; several share it, so two take half a square, three a sixth of a cube.
 */
function isQuick(bare: string, longest: number): boolean {
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
  if (open <= 1) return steps * length * longest ** open <= MOST_STEPS;
  return open <= 3 && steps * length * (longest ** open / (open === 2 ? 2 : 6)) <= MOST_QUICK_STEPS;
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
