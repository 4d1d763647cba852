import { cpSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { build } from "esbuild";
import { protocolNames } from "../shared/providers/protocol-names.ts";
import { loadRegistry } from "../shared/registry/load.ts";

/*
 * One artifact per deployed target in dist/<target>: the bundle, the configuration it reads, the registry checked and
 * compiled, and a package.json that asks for the functions framework, which the platform starts.
 */

const root = join(import.meta.dirname, "..");
const targets = ["setup", "validate", "list", "get", "update", "delete", "decrypt", "revalidate", "gateway"];
const read = (file: string): Record<string, Record<string, string>> =>
  JSON.parse(readFileSync(join(root, file), "utf8"));
const framework = "@google-cloud/functions-framework";
const version = read("package.json")["dependencies"]?.[framework] ?? "";

const yaml = { name: "providers.yml", text: readFileSync(join(root, "configs/system/providers.yml"), "utf8") };
const registry = loadRegistry([yaml], new Map(), protocolNames);
const compiled = [...registry.entries, ...(registry.custom ? [registry.custom] : [])];

rmSync(join(root, "dist"), { recursive: true, force: true });
for (const target of targets) {
  const folder = join(root, "dist", target);
  mkdirSync(join(folder, "functions"), { recursive: true });
  const result = await build({
    entryPoints: [join(root, "functions", `${target}.ts`)],
    outdir: join(folder, "functions"),
    outExtension: { ".js": ".mjs" },
    bundle: true,
    splitting: true,
    format: "esm",
    platform: "node",
    target: "node24",
    minifySyntax: true,
    legalComments: "none",
    external: [framework, "body-parser"],
    banner: {
      js: 'import { createRequire as __createRequire } from "node:module"; const require = __createRequire(import.meta.url);',
    },
    logLevel: "warning",
    metafile: true,
  });
  cpSync(join(root, "configs"), join(folder, "configs"), { recursive: true });
  writeFileSync(join(folder, "configs/system/registry.json"), JSON.stringify(compiled));
  writeFileSync(
    join(folder, "package.json"),
    `${JSON.stringify({ name: `integrations-${target}`, version: "0.1.0", private: true, type: "module", main: `functions/${target}.mjs`, engines: { node: ">=24" }, dependencies: { [framework]: version } }, null, 2)}\n`,
  );
  const bytes = Object.keys(result.metafile.outputs).reduce(
    (sum, file) => sum + statSync(join(root, file.startsWith("/") ? "" : "", file)).size,
    0,
  );
  console.log(`dist/${target.padEnd(10)} ${(bytes / 1024).toFixed(0).padStart(6)} kB`);
}
