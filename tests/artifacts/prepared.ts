import { execFile } from "node:child_process";
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { promisify } from "node:util";
import { type Artifact, buildArtifact } from "../../scripts/build/artifact.ts";
import { FRAMEWORK, frameworkPackages } from "../../scripts/build/framework.ts";
import { root, type Target, targets } from "../../scripts/build/targets.ts";
import { removeArtifacts, SHARED_FOLDER, visit } from "./folders.ts";

/** Artifacts as the platform has them: each in its own folder outside the repository, built, and read-only from then on. */
export interface Prepared {
  artifactOf(target: Target): Artifact;
  /** Where it is to be run, with `node_modules`. */
  folderOf(target: Target): string;
  /** What its build script has printed. */
  printedBy(target: Target): string;
  close(): void;
}

interface Made {
  artifact: Artifact;
  printed: string;
}

let prepared: Promise<Prepared> | null = null;

/** Builds all artifacts once a process, or once a run of the tests where that has named a folder for them. */
export function prepareArtifacts(): Promise<Prepared> {
  prepared ??= prepare();
  return prepared;
}

async function prepare(): Promise<Prepared> {
  const shared = process.env[SHARED_FOLDER] ?? "";
  const base = shared === "" ? mkdtempSync(join(tmpdir(), "integrations-artifacts-")) : shared;
  const made = shared === "" || isFirst(shared) ? await make(base) : await madeByAnother(base);
  const found = (target: Target): Made => {
    const one = made.find(({ artifact }) => artifact.target === target);
    if (one === undefined) throw new Error(`${target} was not built`);
    return one;
  };
  return {
    artifactOf: (target) => found(target).artifact,
    folderOf: (target) => join(base, "run", target),
    printedBy: (target) => found(target).printed,
    close: () => {
      prepared = null;
      if (shared === "") removeArtifacts(base);
    },
  };
}

function isFirst(folder: string): boolean {
  return mkdirSync(folder, { recursive: true }) !== undefined;
}

async function madeByAnother(base: string): Promise<Made[]> {
  for (let tries = 0; tries < 2_400; tries += 1) {
    if (existsSync(join(base, "made.json"))) return JSON.parse(readFileSync(join(base, "made.json"), "utf8"));
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error("another test file was to build the artifacts, and has not");
}

async function make(base: string): Promise<Made[]> {
  chmodSync(base, 0o755);
  const framework = installFramework(base);
  const made: Made[] = [];
  for (const target of targets) {
    const artifact = await buildArtifact(target, join(base, "dist"));
    const folder = join(base, "run", target);
    cpSync(artifact.folder, folder, { recursive: true });
    symlinkSync(framework, join(folder, "node_modules"));
    const { stdout } = await runBuildScript(folder);
    visit(folder, (path, isFolder) => chmodSync(path, isFolder ? 0o555 : 0o444));
    made.push({ artifact, printed: stdout });
  }
  writeFileSync(join(base, "making.json"), JSON.stringify(made));
  renameSync(join(base, "making.json"), join(base, "made.json"));
  return made;
}

/** Runs an artifact's `gcp-build` in its folder. @throws what `execFile` rejects with where it fails */
export async function runBuildScript(
  folder: string,
  env: Record<string, string> = {},
): Promise<{ stdout: string; stderr: string }> {
  return await promisify(execFile)(process.execPath, ["gcp-build.cjs"], { cwd: folder, env });
}

/** The framework and what it needs, copied, so that nothing else can be found from there. */
function installFramework(base: string): string {
  for (const place of frameworkPackages().keys())
    cpSync(join(root, place), join(base, "framework", place), {
      recursive: true,
      filter: (from) => basename(from) !== "node_modules",
    });
  const modules = join(base, "framework/node_modules");
  mkdirSync(join(modules, ".bin"));
  symlinkSync(join("..", FRAMEWORK, "build/src/main.js"), join(modules, ".bin/functions-framework"));
  return modules;
}
