import type { Capability, Readiness } from "../contract/verdict.ts";
import type { Entry } from "./entry.ts";

/**
 * Whether each of the provider's pipelines can run on these capabilities: `true` where all it needs is granted, `false`
 * where something it needs is denied, else `"unknown"`. `missing` names what is needed and not granted.
 */
export function readiness(entry: Entry, capabilities: readonly Capability[]): Readiness[] {
  const stateOf = (id: string): Capability["state"] => capabilities.find((one) => one.id === id)?.state ?? "unknown";
  return entry.pipelines.map(({ id, all_of, any_of }) => {
    const anyGranted = any_of.length === 0 || any_of.some((one) => stateOf(one) === "granted");
    const missing = [...all_of.filter((one) => stateOf(one) !== "granted"), ...(anyGranted ? [] : any_of)];
    const denied =
      all_of.some((one) => stateOf(one) === "denied") ||
      (!anyGranted && any_of.every((one) => stateOf(one) === "denied"));
    return { id, ready: denied ? false : missing.length === 0 ? true : "unknown", missing };
  });
}
