import { createRequire } from "node:module";
import { relative } from "node:path";
import { pathToFileURL } from "node:url";
import { build, type Plugin } from "esbuild";
import type { Provider } from "../../shared/providers/provider.ts";
import { type Limits, root } from "./targets.ts";

/** Modules that an artifact does not hold, and the sentence that whoever calls one of them all the same is told. */
interface Rule {
  /** Of files, by their path from the root. */
  files?: RegExp;
  /** Of a package, by its name. */
  package?: string;
  isLeftOut: (limits: Limits) => boolean;
  because: string;
  /** What stands in its place; `null` leaves it in after all. Otherwise the same exports, which throw. */
  instead?: (path: string, because: string) => Promise<string | null>;
}

const always = () => true;

const rules: readonly Rule[] = [
  {
    files: /^functions\/backends\/local\.ts$/,
    isLeftOut: always,
    because: "this artifact holds no local backend: set INTEGRATIONS_BACKEND to gcp",
  },
  {
    files: /^shared\/registry\/(?:entry|complaints)\.ts$/,
    isLeftOut: always,
    because: "this artifact's registry is compiled in: no other is read",
  },
  {
    files: /^functions\/console-page\.ts$/,
    isLeftOut: always,
    because: "this artifact's console is compiled in",
  },
  { package: "yaml", isLeftOut: always, because: "this artifact holds no YAML parser" },
  {
    files: /^shared\/adapters\/cloud\/kms-grpc\.ts$/,
    isLeftOut: always,
    because: "this artifact holds no gRPC: Cloud KMS is called over REST",
  },
  {
    files: /^shared\/adapters\/cloud\/(?:cloud-kms|kms-rest|kms-breaker)\.ts$/,
    isLeftOut: ({ key }) => key === "none",
    because: "this function may neither encrypt nor decrypt",
  },
  {
    files: /^shared\/adapters\/cloud\/(?:secret-[a-z]+|bigquery-legacy)\.ts$/,
    isLeftOut: ({ secrets }) => !secrets.includes("pepper"),
    because: "this function knows no organisation's keys",
  },
  {
    files: /^shared\/adapters\/cloud\/bigquery-older\.ts$/,
    isLeftOut: always,
    because: "older tables are taken over by an operator, from the command line",
  },
  {
    files: /^shared\/adapters\/(?:tokens\/.*|cloud\/google-(?:tokens|certificates))\.ts$/,
    isLeftOut: ({ invoker }) => invoker === "everyone",
    because: "this function verifies no identity tokens",
  },
  {
    files: /^shared\/adapters\/cloud\/aws-identity\.ts$/,
    isLeftOut: ({ aws }) => !aws,
    because: "this function has no identity towards AWS",
  },
  {
    files: /^shared\/providers\/(?:openai|anthropic|gcp|aws-role|aws-keys|azure|oci)\.ts$/,
    isLeftOut: ({ target }) => target === "decrypt",
    because: "this function checks no credential",
    instead: withoutProbe,
  },
];

/** Decrypt asks a provider for stand-ins only: of one that makes none it needs to know just that. */
async function withoutProbe(path: string, because: string): Promise<string | null> {
  const provided: Record<string, Partial<Provider>> = await import(path);
  const [[name, provider] = []] = Object.entries(provided);
  if (name === undefined || provider === undefined || provider.mint !== undefined) return null;
  return `export const ${name} = { probe() { throw new Error(${JSON.stringify(because)}); } };\n`;
}

/**
 * Replaces what an artifact with these limits must not hold by modules of the same exports that throw when used. The
 * files and packages that were met go to `done`.
 */
export function leaveOut(limits: Limits, done: Set<string>): Plugin {
  const applying = rules.filter(({ isLeftOut }) => isLeftOut(limits));
  const byPackage = new Map(applying.map((rule) => [rule.package, rule.because]));
  return {
    name: "leave-out",
    setup(bundler) {
      bundler.onResolve({ filter: /^[a-z@][\w./@-]*$/ }, ({ path }) => {
        if (!byPackage.has(path)) return null;
        done.add(path);
        return { path, namespace: "left-out" };
      });
      bundler.onLoad({ filter: /.*/, namespace: "left-out" }, async ({ path }) => ({
        contents: refusing(await exportsOfPackage(path), byPackage.get(path) ?? ""),
      }));
      bundler.onLoad({ filter: /\.ts$/ }, async ({ path }) => {
        const file = relative(root, path);
        const rule = applying.find(({ files }) => files?.test(file));
        if (rule === undefined) return null;
        const { because, instead } = rule;
        const contents = instead ? await instead(path, because) : refusing(await exportsOfFile(path), because);
        if (contents !== null) done.add(file);
        return contents === null ? null : { contents };
      });
    },
  };
}

/** A module whose exports throw this sentence, whatever is done with them. */
function refusing(names: readonly string[], because: string): string {
  const exported = names.filter((name) => name !== "default").map((name) => `refused as ${name}`);
  return `const refuse = () => { throw new Error(${JSON.stringify(because)}); };
const refused = new Proxy(function () {}, { get: refuse, apply: refuse, construct: refuse });
export { ${exported.join(", ")} };\n`;
}

async function exportsOfFile(path: string): Promise<string[]> {
  const { metafile } = await build({ entryPoints: [path], format: "esm", write: false, metafile: true, outdir: "." });
  return Object.values(metafile.outputs).flatMap((output) => output.exports);
}

async function exportsOfPackage(name: string): Promise<string[]> {
  const found: object = await import(pathToFileURL(createRequire(import.meta.url).resolve(name)).href);
  return Object.keys(found).filter((key) => /^[A-Za-z_$][\w$]*$/.test(key));
}
