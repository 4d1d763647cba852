import { createHash } from "node:crypto";
import { existsSync, readdirSync, statSync } from "node:fs";
import { basename, join } from "node:path";
import type { Environment } from "../../../functions/environment.ts";
import type { RegistryFiles } from "../registry-files.ts";
import { type Check, fail, ok, skip, warn } from "./check.ts";

const LEAST_NODE = 24;

/** The Node that runs this. */
export function node(version: string): Check {
  const major = Number(version.split(".")[0]);
  return major >= LEAST_NODE
    ? ok("node", version)
    : fail("node", `${version}: needs ${LEAST_NODE} or newer`, "npm ci installs the right one; run through npm or npx");
}

/** All that is wrong with the variables, a line each. */
export function environmentChecks(environment: Environment | null, problems: readonly string[]): Check[] {
  if (environment === null || problems.length > 0)
    return problems.map((problem) => {
      const [line = "", ...more] = problem.split("\n");
      return fail("environment", [line, ...more].join(" "), "Set the variable as the README's tables say");
    });
  const where =
    environment.cloud === null ? `local, ${environment.home}` : `Google Cloud, project ${environment.cloud.project}`;
  return [
    ok("environment", where),
    ...(environment.clockOffsetS === 0
      ? []
      : [
          warn(
            "environment",
            `INTEGRATIONS_CLOCK_OFFSET_S moves the clock by ${environment.clockOffsetS} s`,
            "Unset it outside of trials",
          ),
        ]),
  ];
}

/** The provider registry: whether it is right, how large, and a digest to compare installations by. */
export async function registryCheck(files: RegistryFiles): Promise<Check> {
  const { RegistryError } = await import("../../registry/load.ts");
  const digest = createHash("sha256")
    .update(files.sources.map(({ text }) => text).join("\0"))
    .digest("hex")
    .slice(0, 12);
  try {
    const { entries } = files.load();
    return ok(
      "registry",
      `${entries.length} providers in ${files.sources.map(({ name }) => name).join(", ")}, digest ${digest}`,
    );
  } catch (error) {
    if (!(error instanceof RegistryError)) throw error;
    const count = error.problems.length;
    return fail(
      "registry",
      `${count} ${count === 1 ? "problem" : "problems"} in ${files.sources.map(({ name }) => name).join(", ")}`,
      "cloudact-integrations providers check names them with file and line",
    );
  }
}

/**
 * Whether the local home is there and whole, and who else may read its files. Writes nothing.
 *
 * @returns `opens`: whether opening it would make nothing that is missing
 */
export async function homeCheck({ home, cloud }: Environment): Promise<{ check: Check; opens: boolean }> {
  if (cloud !== null)
    return { check: skip("home", "nothing is kept on this machine but what operators did"), opens: true };
  if (!existsSync(home))
    return {
      check: warn(
        "home",
        `${home} is not there yet`,
        "npm start and every command that writes make it; INTEGRATIONS_HOME names another",
      ),
      opens: false,
    };
  const { homeFiles } = await import("../../../functions/backends/local.ts");
  const incomplete = statSync(home).isDirectory()
    ? incompleteness(home, Object.values(homeFiles(home)))
    : fail("home", `${home} is not a folder`, "INTEGRATIONS_HOME names the folder of the store and its keys");
  return incomplete === null ? { check: openness(home), opens: true } : { check: incomplete, opens: false };
}

/** `null` where all files that belong together are there. */
function incompleteness(home: string, together: readonly string[]): Check | null {
  const missing = together.filter((path) => !existsSync(path)).map((path) => basename(path));
  if (missing.length === 0) return null;
  if (missing.length === together.length)
    return warn("home", `${home} holds no store yet`, "npm start and every command that writes make one");
  const names = missing.join(" and ");
  return fail(
    "home",
    `${names} is not there beside the rest of ${home}`,
    `Restore ${names} from the backup that belongs to the rest; where nothing was stored yet, npm start makes it`,
  );
}

function openness(home: string): Check {
  const mode = (path: string): number => statSync(path, { throwIfNoEntry: false })?.mode ?? 0;
  const files = readdirSync(home).map((name) => ({ name, path: join(home, name) }));
  const open = [
    ...(mode(home) & 0o022 ? [home] : []),
    // What the local issuer publishes is meant to be read.
    ...files.filter(({ name, path }) => mode(path) & (name === "jwks.json" ? 0o022 : 0o077)).map(({ path }) => path),
  ];
  return open.length === 0
    ? ok("home", `the files in ${home} are closed to others`)
    : fail(
        "home",
        `open to others: ${open.join(", ")}`,
        `chmod 700 ${home}, chmod 600 the files, and replace what others may have read`,
      );
}
