import { readFileSync } from "node:fs";
import { join } from "node:path";
import { root, type Target } from "./targets.ts";

/** The one package that an artifact leaves to be installed: the platform starts its command line. */
export const FRAMEWORK = "@google-cloud/functions-framework";

interface Locked {
  version: string;
  dev?: boolean;
  dependencies?: Record<string, string>;
  optionalDependencies?: Record<string, string>;
}

const lock: { lockfileVersion: number; packages: Record<string, Locked> } = JSON.parse(
  readFileSync(join(root, "package-lock.json"), "utf8"),
);

/** What the framework consists of, by its place under node_modules, as the repository's own lock file has it. */
export function frameworkPackages(): Map<string, Locked> {
  const found = new Map<string, Locked>();
  const walk = (name: string, from: string): void => {
    const place = placeOf(name, from);
    const locked = lock.packages[place];
    if (locked === undefined) throw new Error(`${name} is not in package-lock.json`);
    if (found.has(place)) return;
    found.set(place, locked);
    for (const needed of Object.keys(locked.dependencies ?? {})) walk(needed, place);
  };
  walk(FRAMEWORK, "");
  return new Map([...found].sort(([one], [other]) => (one < other ? -1 : 1)));
}

/** Where Node finds a package from another's place: the nearest node_modules that holds it. */
function placeOf(name: string, from: string): string {
  for (let place = from; ; place = place.slice(0, Math.max(0, place.lastIndexOf("/node_modules/")))) {
    const candidate = place === "" ? `node_modules/${name}` : `${place}/node_modules/${name}`;
    if (candidate in lock.packages || place === "") return candidate;
  }
}

/** `package.json` and `package-lock.json` of an artifact: the framework in the versions that the tests ran with. */
export function packageFiles(target: Target): { manifest: object; lock: object } {
  const version = lock.packages[`node_modules/${FRAMEWORK}`]?.version ?? "";
  const own = { name: `integrations-${target}`, version: lock.packages[""]?.version ?? "0.0.0" };
  const needs = { dependencies: { [FRAMEWORK]: version }, engines: { node: "24" } };
  return {
    manifest: {
      ...own,
      private: true,
      main: `functions/${target}.cjs`,
      scripts: { "gcp-build": "node gcp-build.cjs" },
      ...needs,
    },
    lock: {
      ...own,
      lockfileVersion: lock.lockfileVersion,
      requires: true,
      packages: { "": { ...own, ...needs }, ...Object.fromEntries(frameworkPackages()) },
    },
  };
}
