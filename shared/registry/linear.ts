/** Longest text a pattern is run over; a single unbounded quantifier may walk it once. */
const LONGEST = 8192;

/**
 * Whether a regular expression compiles and stays cheap on any text of 8 KiB: no lookaround, no back-reference, no
 * inline flags, no quantified group, and what its quantifiers can do together is at most a square of the length.
 */
export function isLinear(source: string): boolean {
  if (/\(\?(?!:)|\\[1-9]|\\k/.test(source)) return false;
  const bare = source.replace(/\\./g, "x").replace(/\[[^\]]*\]/g, "x");
  if (/\)[*+{]/.test(bare)) return false;
  let steps = bare.startsWith("^") ? 1 : LONGEST;
  for (const [quantifier, most] of bare.matchAll(/[*+]|\{\d+,?(\d*)\}/g)) {
    if (/^\{\d+\}$/.test(quantifier)) continue;
    steps *= most ? Number(most) : LONGEST;
  }
  if (steps > LONGEST * LONGEST) return false;
  try {
    new RegExp(source);
    return true;
  } catch {
    return false;
  }
}

const compiled = new Map<string, RegExp>();

/** The compiled pattern, remembered: the registry holds a few dozen, so the memory is bounded by it. */
export function pattern(source: string, flags: "" | "i" = ""): RegExp {
  const key = `${flags}/${source}`;
  let regexp = compiled.get(key);
  if (regexp === undefined) {
    regexp = new RegExp(source, flags);
    compiled.set(key, regexp);
  }
  return regexp;
}
