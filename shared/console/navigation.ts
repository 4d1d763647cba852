import { useEffect, useState } from "preact/hooks";
import { type Address, type Place, readAddress, type Section, writeAddress } from "./places.ts";

const listeners = new Set<() => void>();
let carried: { segment: string; text: string } | null = null;

/** The address that the browser shows, followed as it changes. */
export function useAddress(): Address {
  const [address, setAddress] = useState(() => readAddress(location.pathname));
  useEffect(() => {
    const follow = () => setAddress(readAddress(location.pathname));
    listeners.add(follow);
    addEventListener("popstate", follow);
    return () => {
      listeners.delete(follow);
      removeEventListener("popstate", follow);
    };
  }, []);
  return address;
}

/** Goes to a view, without a request. */
export function go(org: string, place: Place, section: Section | null = null, replace = false): void {
  const path = writeAddress(org, place, section);
  if (path !== location.pathname) history[replace ? "replaceState" : "pushState"](null, "", path);
  for (const listener of listeners) listener();
  if (!replace) scrollTo(0, 0);
}

/** Takes a pasted credential along to another provider's form, in memory and once. */
export function carry(segment: string, text: string): void {
  carried = { segment, text };
}

/** What was carried to this form, if anything. */
export function takeCarried(segment: string): string | null {
  const found = carried?.segment === segment ? carried.text : null;
  carried = null;
  return found;
}
