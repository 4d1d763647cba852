/** A view of the console, as its address names it. */
export type Place =
  | { view: "overview"; section: Section | null }
  | { view: "provider"; segment: string }
  | { view: "setup"; segment: string };

export type Section = "cloud" | "genai" | "saas";

/** Where an address leads: the organisation, where it names one, and the view. */
export interface Address {
  org: string | null;
  place: Place;
  /** Whether the address meant something that there is not; it then leads to the overview. */
  isUnknown: boolean;
}

const ROOT = "/console";
const ORG = /^[a-z0-9](?:[a-z0-9_-]{0,61}[a-z0-9])?$/;
const PROVIDER = /^(?:[a-z][a-z0-9_]{1,40}|custom-[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?)$/;

/** What each section is called in an address; the first is how this console writes it, the others are understood. */
const sections: Readonly<Record<Section, readonly string[]>> = {
  cloud: ["cloud-providers", "cloud"],
  genai: ["llm", "genai", "ai"],
  saas: ["subscriptions", "saas"],
};

/**
 * Reads a path under `/console`. Frontends that were there before have called the same views by several names, with
 * `settings/` before them or not, with the organisation first or not: all of them are understood.
 */
export function readAddress(path: string): Address {
  const segments = path.slice(ROOT.length).split("/").filter(Boolean);
  const { org, rest } = splitOrg(segments);
  const place = rest === null ? null : placeOf(rest);
  return { org, place: place ?? { view: "overview", section: null }, isUnknown: place === null };
}

/** The path of a view. */
export function writeAddress(org: string, place: Place, section: Section | null = null): string {
  const base = `${ROOT}/${org}/integrations`;
  if (place.view === "overview") return place.section === null ? base : `${base}/${sections[place.section][0]}`;
  const folder = section === null ? "" : `/${sections[section][0]}`;
  return `${base}${folder}/${place.segment}${place.view === "setup" ? "/setup" : ""}`;
}

/** The organisation before `integrations`, and what follows that; `null` where it is neither there nor left out. */
function splitOrg(segments: readonly string[]): { org: string | null; rest: readonly string[] | null } {
  const [first = "", second] = segments;
  if (segments.length === 0) return { org: null, rest: [] };
  if (first === "integrations" && second !== "integrations" && second !== "settings")
    return { org: null, rest: segments.slice(1) };
  if (first === "settings") return { org: null, rest: second === "integrations" ? segments.slice(2) : null };
  const org = ORG.test(first) ? first : null;
  if (second === undefined) return { org, rest: org === null ? null : [] };
  if (second === "integrations") return { org, rest: segments.slice(2) };
  if (second === "settings") return { org, rest: segments[2] === "integrations" ? segments.slice(3) : null };
  return { org, rest: null };
}

function placeOf(rest: readonly string[]): Place | null {
  const [first, ...further] = rest;
  if (first === undefined) return { view: "overview", section: null };
  const section = sectionNamed(first);
  if (section !== null && further.length === 0) return { view: "overview", section };
  const [segment = "", last, ...more] = section === null ? rest : further;
  if (!PROVIDER.test(segment) || more.length > 0) return null;
  if (last === undefined) return { view: "provider", segment };
  return last === "setup" ? { view: "setup", segment } : null;
}

function sectionNamed(name: string): Section | null {
  for (const section of ["cloud", "genai", "saas"] as const) if (sections[section].includes(name)) return section;
  return null;
}
