import { cpSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { build, type Metafile } from "esbuild";
import { allRights } from "../../functions/rights.ts";
import { protocolNames } from "../../shared/providers/protocol-names.ts";
import { loadRegistry } from "../../shared/registry/load.ts";
import { buildConsole } from "./console.ts";
import { FRAMEWORK, packageFiles } from "./framework.ts";
import { slimGoogleClients } from "./google-clients.ts";
import { leaveOut } from "./left-out.ts";
import { slimPackages } from "./slim-packages.ts";
import { limitsOf, root, type Target } from "./targets.ts";

/** What became of one target. */
export interface Artifact {
  target: Target;
  folder: string;
  bundleBytes: number;
  /** What the bundle consists of, as esbuild says. */
  metafile: Metafile;
  /** Which files and packages it does not hold. */
  leftOut: string[];
}

/**
 * Builds one artifact: the bundle and its loader, the configuration that it reads, what the platform installs and runs.
 * Source maps go to `maps/<target>` beside it.
 */
export async function buildArtifact(target: Target, dist: string): Promise<Artifact> {
  const folder = join(dist, target);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(join(folder, "configs/system"), { recursive: true });
  const { metafile, leftOut } = await bundle(target, dist);

  const runtime = join(root, "scripts/build/runtime");
  cpSync(join(runtime, "loader.cjs"), join(folder, `functions/${target}.cjs`));
  cpSync(join(runtime, "gcp-build.cjs"), join(folder, "gcp-build.cjs"));
  writeFileSync(join(folder, "configs/system/registry.json"), compileRegistry());
  writeFileSync(join(folder, "configs/functions.json"), JSON.stringify(allRights()));
  if (target === "gateway") await buildConsole(folder);
  const { manifest, lock } = packageFiles(target);
  writeFileSync(join(folder, "package.json"), `${JSON.stringify(manifest, null, 2)}\n`);
  writeFileSync(join(folder, "package-lock.json"), `${JSON.stringify(lock, null, 2)}\n`);
  const bundleBytes = statSync(join(folder, `functions/${target}.bundle.js`)).size;
  return { target, folder, bundleBytes, metafile, leftOut };
}

/** One file, a function of `require` and `__filename` for the loader: one file is one code cache. */
async function bundle(target: Target, dist: string): Promise<Pick<Artifact, "metafile" | "leftOut">> {
  const leftOut = new Set<string>();
  const limits = limitsOf(target);
  const outfile = join(dist, target, `functions/${target}.bundle.js`);
  const { metafile, outputFiles } = await build({
    absWorkingDir: root,
    write: false,
    entryPoints: [`functions/${target}.ts`],
    outfile,
    bundle: true,
    format: "cjs",
    platform: "node",
    target: "node24",
    minifySyntax: true,
    minifyWhitespace: true,
    lineLimit: 160,
    legalComments: "none",
    sourcemap: "external",
    sourcesContent: false,
    external: [FRAMEWORK],
    // What is loaded late lies in the same file, and what lies outside is loaded by `require`.
    supported: { "dynamic-import": false },
    define: { "import.meta.url": "__bundle_url" },
    banner: {
      js: '(function (require, __filename) { const module = { exports: {} }, { exports } = module; const __bundle_url = require("node:url").pathToFileURL(__filename).href;',
    },
    footer: { js: "})" },
    plugins: [leaveOut(limits, leftOut), slimPackages, slimGoogleClients],
    logLevel: "warning",
    metafile: true,
  });
  const maps = join(dist, "maps", target);
  for (const folder of [dirname(outfile), maps]) mkdirSync(folder, { recursive: true });
  for (const { path, text } of outputFiles)
    if (path.endsWith(".map")) writeFileSync(join(maps, basename(path)), text);
    else writeFileSync(path, ascii(text));
  return { metafile, leftOut: [...leftOut] };
}

/**
 * One character that is not ASCII makes the whole source twice as large in memory and tens of milliseconds slower to
 * read. The bundler escapes those in strings; what is left stands in regular expressions, where the escape means the same.
 */
function ascii(text: string): string {
  return text.replace(/[^\x00-\x7f]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

/** Every entry, checked, with its defaults, as `openRegistry` takes them. */
function compileRegistry(): string {
  const yaml = { name: "providers.yml", text: readFileSync(join(root, "configs/system/providers.yml"), "utf8") };
  const registry = loadRegistry([yaml], new Map(), protocolNames);
  return JSON.stringify([...registry.entries, ...(registry.custom ? [registry.custom] : [])]);
}
