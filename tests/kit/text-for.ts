import fc from "fast-check";
import { pattern, SEARCHED } from "../../shared/registry/linear.ts";

/** The same at every run. */
const SEED = 20_261_120;

/**
 * Texts that match a pattern of the registry, the shortest first; none where fast-check cannot make any. A word boundary
 * is tried as nothing and as a blank.
 */
export function textsFor(source: string, flags: "" | "i" = "i", count = 20): string[] {
  const variants = source.includes("\\b") ? [source.replaceAll("\\b", ""), source.replaceAll("\\b", " ")] : [source];
  const made = variants.flatMap((variant) => samples(variant, count));
  const fitting = made.filter((text) => pattern(source, flags).test(text.slice(0, SEARCHED)));
  return [...new Set(fitting)].sort((one, other) => one.length - other.length);
}

function samples(source: string, count: number): string[] {
  try {
    return fc.sample(fc.stringMatching(new RegExp(source)), { numRuns: count, seed: SEED });
  } catch {
    return [];
  }
}
