import type { Entry } from "../../shared/registry/entry.ts";
import { cloudCodes, providerCodes, type Simulators } from "../simulators/start.ts";

/** Has a simulated provider give these answers from now on: by endpoint where it has several, else to every question. */
export function force(
  simulators: Simulators,
  code: string,
  answers: Readonly<Record<string, string>>,
  times = Number.POSITIVE_INFINITY,
): void {
  const cloud = cloudCodes.find((one) => one === code);
  const provider = providerCodes.find((one) => one === code);
  for (const [endpoint, name] of Object.entries(answers)) {
    if (cloud !== undefined) simulators.force(cloud, endpoint, name, times);
    else if (provider === undefined) throw new Error(`nothing simulates ${code}`);
    else if (Number.isFinite(times)) simulators.next(provider, name, times);
    else simulators.always(provider, name);
  }
}

/** The entry at the simulators. @throws Error where an endpoint would stay the provider's own: no check may leave this machine. */
export function simulated(entry: Entry, simulators: Simulators): Entry {
  const endpoints = Object.keys(entry.endpoints).map((name): [string, string] => {
    const base = simulators.endpoints[`${entry.code}_${name.toUpperCase()}`];
    if (base === undefined) throw new Error(`${entry.code} has no simulated endpoint ${name}`);
    return [name, base];
  });
  return { ...entry, endpoints: Object.fromEntries(endpoints) };
}
