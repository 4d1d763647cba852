import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";
import { root } from "./targets.ts";

const ENTRY = "shared/client/client.ts";

export interface ClientPackage {
  folder: string;
  /** Of the readable module that is published. */
  bytes: number;
  /** As it reaches a browser: minified and compressed. */
  compressedBytes: number;
}

/** Builds the package of the typed client: one module for Node and browsers, its declarations, nothing to install. */
export async function buildClient(folder: string): Promise<ClientPackage> {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const module = await bundle(false);
  declare(folder);
  writeFileSync(join(folder, "client.js"), module);
  writeFileSync(join(folder, "package.json"), `${JSON.stringify(manifest(), null, 2)}\n`);
  return { folder, bytes: module.length, compressedBytes: gzipSync(await bundle(true), { level: 9 }).length };
}

/** Node 18 and browsers of its age; an import of anything but its own files is an error. */
async function bundle(minify: boolean): Promise<Uint8Array> {
  const { outputFiles } = await build({
    absWorkingDir: root,
    entryPoints: [ENTRY],
    bundle: true,
    write: false,
    format: "esm",
    platform: "browser",
    target: "es2022",
    minify,
    logLevel: "warning",
  });
  return outputFiles[0]?.contents ?? new Uint8Array();
}

function declare(folder: string): void {
  const work = mkdtempSync(join(folder, ".types-"));
  const config = {
    extends: join(root, "tsconfig.json"),
    files: [join(root, ENTRY)],
    include: [],
    compilerOptions: {
      noEmit: false,
      declaration: true,
      emitDeclarationOnly: true,
      rootDir: join(root, "shared"),
      outDir: join(folder, "types"),
      typeRoots: [join(root, "node_modules/@types")],
    },
  };
  writeFileSync(join(work, "tsconfig.json"), JSON.stringify(config));
  execFileSync(join(root, "node_modules/.bin/tsc"), ["-p", work], { stdio: "inherit" });
  rmSync(work, { recursive: true });
}

function manifest(): object {
  const { name, version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  return {
    name,
    version,
    description: "Calls the CloudAct integrations service, from servers, pipelines and browsers.",
    type: "module",
    sideEffects: false,
    engines: { node: ">=18" },
    exports: { "./client": { types: "./types/client/client.d.ts", default: "./client.js" } },
  };
}
