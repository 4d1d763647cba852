import { execFile } from "node:child_process";
import {
  cpSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { builtinModules } from "node:module";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { FRAMEWORK } from "../../scripts/build/framework.ts";
import { root, type Target, targets } from "../../scripts/build/targets.ts";
import { onCloudRun } from "./environment.ts";
import { type Prepared, prepareArtifacts } from "./prepared.ts";

/** What tells that something is in a bundle: packages, files of ours, words that only its code holds. */
interface Sign {
  packages?: readonly string[];
  files?: readonly string[];
  words?: readonly string[];
}

const operation = (name: string): Sign => ({ files: [`shared/operations/${name}.ts`] });
const signs = {
  kms: { packages: ["@google-cloud/kms"], words: ["cloudkms."] },
  pepper: {
    packages: ["@google-cloud/secret-manager"],
    files: ["shared/adapters/cloud/bigquery-legacy.ts"],
    words: ["secretmanager."],
  },
  gax: { packages: ["google-gax", "protobufjs"] },
  tokens: { packages: ["jose"], files: ["shared/adapters/cloud/google-tokens.ts"] },
  aws: { words: ["/v1/projects/-/serviceAccounts/${"] },
  openai: { packages: ["openai"] },
  anthropic: { packages: ["@anthropic-ai/sdk"] },
  awsSdk: { packages: ["@aws-sdk/client-sts", "@smithy/core"] },
  prove: operation("prove"),
  import: operation("import"),
  update: operation("update"),
  delete: operation("remove"),
  judge: operation("judge"),
  decrypt: operation("decrypt"),
  sweep: operation("sweep"),
  read: operation("read"),
  openapi: { files: ["configs/openapi.json"] },
} as const satisfies Record<string, Sign>;
type Part = keyof typeof signs;

const providers: readonly Part[] = ["aws", "openai", "anthropic", "awsSdk"];
/** What each artifact holds, by hand. What it does not hold, it must not. */
const holds: Readonly<Record<Target, readonly Part[]>> = {
  setup: ["kms", "pepper", "gax", ...providers, "prove", "import"],
  validate: ["kms", "pepper", "gax", ...providers, "judge"],
  list: ["pepper", "gax", "read", "openapi"],
  get: ["pepper", "gax", "read"],
  update: ["kms", "pepper", "gax", ...providers, "prove", "update"],
  delete: ["pepper", "gax", "delete"],
  decrypt: ["kms", "gax", "tokens", "aws", "awsSdk", "decrypt"],
  revalidate: ["kms", "gax", "tokens", ...providers, "judge", "delete", "sweep"],
  gateway: Object.keys(signs).filter((name): name is Part => name in signs),
};

/** What no artifact may hold. */
const nowhere: readonly RegExp[] = [
  /\/node_modules\/(?:yaml|vitest|esbuild|typescript|@grpc|@cdktf|bigquery-local|sql-parser-cst|fast-check)\//,
  /^(?:tests|scripts|shared\/cli)\//,
  /^shared\/registry\/(?:entry|complaints)\.ts$/,
  /^shared\/adapters\/(?:local\/|cloud\/(?:bigquery-older|kms-grpc)\.ts$)/,
  /^configs\/(?!openapi\.json)/,
];

/** Single files that both kinds of modules of their package load. */
const ofBothKinds = ["/fetch-blob/streams.cjs", "/openai/internal/auth/x509-transport-state.js"];

let prepared: Prepared;

beforeAll(async () => {
  prepared = await prepareArtifacts();
}, 240_000);
afterAll(() => prepared.close());

const built = (target: Target) => prepared.artifactOf(target);
const textOf = (target: Target) =>
  readFileSync(join(prepared.folderOf(target), `functions/${target}.bundle.js`), "latin1");

/** What a bundle consists of: paths from the root, of what has left anything in it and was not replaced. */
function inputsOf(target: Target): string[] {
  const { metafile, leftOut } = built(target);
  const [output] = Object.values(metafile.outputs).filter(({ entryPoint }) => entryPoint !== undefined);
  return Object.entries(output?.inputs ?? {})
    .filter(
      ([path, { bytesInOutput }]) => bytesInOutput > 0 && !path.startsWith("left-out:") && !leftOut.includes(path),
    )
    .map(([path]) => `${path.startsWith("..") ? "/" : ""}${path}`);
}

const packageOf = (path: string): string | null =>
  /^.*\/node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(path.startsWith("/") ? path : `/${path}`)?.[1] ?? null;

describe.each(targets)("the artifact of %s", (target) => {
  test.each(Object.entries(signs) as Array<[Part, Sign]>)("holds what it needs and no more: %s", (part, sign) => {
    const inputs = inputsOf(target);
    const packages = new Set(inputs.map(packageOf));
    const text = textOf(target);
    const found = [
      ...(sign.packages ?? []).filter((name) => packages.has(name)),
      ...(sign.files ?? []).filter((file) => inputs.includes(file)),
      ...(sign.words ?? []).filter((word) => text.includes(word)),
    ];
    const looked = [...(sign.packages ?? []), ...(sign.files ?? []), ...(sign.words ?? [])];
    expect(found).toEqual(holds[target].includes(part) ? looked : []);
  });

  test("holds nothing of the build, the tests, the command line or one machine", () => {
    const inputs = inputsOf(target).map((path) => (path.includes("/node_modules/") ? path : path.replace(/^\//, "")));
    expect(inputs.filter((path) => nowhere.some((pattern) => pattern.test(path)))).toEqual([]);
    expect(inputs.length).toBeGreaterThan(100);
    const { imports } = Object.values(built(target).metafile.outputs).find(({ entryPoint }) => entryPoint) ?? {
      imports: [],
    };
    const outside = new Set(imports.map(({ path }) => path.replace(/^node:/, "")));
    expect([...outside].filter((path) => /sqlite|inspector|repl/.test(path))).toEqual([]);
    expect([...outside].filter((path) => !builtinModules.includes(path))).toEqual([FRAMEWORK]);
  });

  test("holds no package twice, in another version or in another kind of module", () => {
    const { metafile } = built(target);
    const places = new Map<string, Set<string>>();
    for (const path of inputsOf(target)) {
      const name = packageOf(path);
      const format = metafile.inputs[path.replace(/^\/(?=\.\.)/, "")]?.format;
      if (name === null || format === undefined || ofBothKinds.some((file) => path.endsWith(file))) continue;
      const place = `${path.slice(0, path.lastIndexOf(`node_modules/${name}/`))} ${format}`;
      places.set(name, (places.get(name) ?? new Set()).add(place));
    }
    expect(places.size).toBeGreaterThan(20);
    expect([...places].filter(([, where]) => where.size > 1).map(([name, where]) => [name, ...where])).toEqual([]);
  });

  test("holds of Google's message tables what it sends, and none of other services", () => {
    const text = textOf(target);
    for (const word of ["CreateCryptoKeyVersionRequest", "ListSecretsRequest", "TestIamPermissionsRequest"])
      expect(text).not.toContain(word);
    expect(text.includes('"EncryptResponse"') || text.includes("EncryptResponse:")).toBe(holds[target].includes("kms"));
  });

  test("is these files and no others: no schema, no YAML, no source map, and a page for people at the gateway alone", () => {
    const folder = prepared.folderOf(target);
    const files = readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((one) => one.isFile())
      .map((one) => relative(folder, join(one.parentPath, one.name)))
      .filter((file) => !/^(?:\.compile-cache|node_modules)\//.test(file));
    const cache = files.filter((file) => file.endsWith(".cache"));
    expect(cache).toHaveLength(1);
    expect(files.filter((file) => !cache.includes(file)).sort()).toEqual(
      [
        "configs/functions.json",
        "configs/system/registry.json",
        `functions/${target}.bundle.js`,
        `functions/${target}.cjs`,
        "gcp-build.cjs",
        "package-lock.json",
        "package.json",
        ...(target === "gateway" ? ["configs/console.html"] : []),
      ].sort(),
    );
    expect(textOf(target)).not.toContain("sourceMappingURL");
  });

  test("is ASCII, so that it takes half the memory, and names neither this machine nor a registry", () => {
    const text = textOf(target);
    expect(/[^\x00-\x7f]/.test(text)).toBe(false);
    expect(text).not.toContain(root);
    const lock = readFileSync(join(prepared.folderOf(target), "package-lock.json"), "utf8");
    expect(lock).not.toContain("resolved");
  });

  test("has its source map beside the artifacts, not inside", () => {
    const map = JSON.parse(
      readFileSync(join(built(target).folder, `../maps/${target}/${target}.bundle.js.map`), "utf8"),
    );
    expect(map.sources.some((source: string) => source.endsWith(`functions/${target}.ts`))).toBe(true);
    expect(map.mappings.length).toBeGreaterThan(1_000);
  });
});

describe("what the platform installs", () => {
  const lock = JSON.parse(readFileSync(join(root, "package-lock.json"), "utf8"));

  test.each(targets)("%s asks for the framework in the version that is tested, and for nothing else", (target) => {
    const read = (file: string) => JSON.parse(readFileSync(join(prepared.folderOf(target), file), "utf8"));
    const framework = lock.packages[""].dependencies["@google-cloud/functions-framework"];
    expect(read("package.json")).toEqual({
      name: `integrations-${target}`,
      version: lock.packages[""].version,
      private: true,
      main: `functions/${target}.cjs`,
      scripts: { "gcp-build": "node gcp-build.cjs" },
      dependencies: { "@google-cloud/functions-framework": framework },
      engines: { node: "24" },
    });
    const packages = Object.entries<{ version: string; integrity: string }>(read("package-lock.json").packages).slice(
      1,
    );
    expect(packages.length).toBeGreaterThan(50);
    for (const [place, { version, integrity }] of packages)
      expect({ version, integrity }).toEqual({
        version: lock.packages[place].version,
        integrity: expect.stringMatching(/^sha512-/),
      });
  });

  test("the lock file fits: npm takes it as it is", async () => {
    const folder = mkdtempSync(join(tmpdir(), "integrations-lock-"));
    for (const file of ["package.json", "package-lock.json"])
      cpSync(join(prepared.folderOf("list"), file), join(folder, file));
    const npm = promisify(execFile)("npm", ["ci", "--dry-run", "--offline", "--ignore-scripts", "--no-audit"], {
      cwd: folder,
      env: { PATH: process.env["PATH"] ?? "", HOME: folder },
    });
    await expect(npm).resolves.toBeDefined();
    rmSync(folder, { recursive: true });
  });
});

describe("the compiled code", () => {
  const start = `const { script, cache } = require(process.argv[1]); process.stdout.write("rejected " + script.cachedDataRejected + " " + cache)`;
  const run = async (folder: string, options: Record<string, string> = {}): Promise<string> => {
    const env = { PATH: process.env["PATH"] ?? "", ...onCloudRun("list"), ...options };
    const loader = join(folder, "functions/list.cjs");
    const { stdout } = await promisify(execFile)(process.execPath, ["-e", start, loader], { cwd: folder, env });
    return /rejected \S+/.exec(stdout)?.[0] ?? stdout;
  };
  const cacheIn = (folder: string) => {
    const [name = ""] = readdirSync(join(folder, "functions")).filter((one) => one.endsWith(".cache"));
    return join(folder, "functions", name);
  };
  let folder: string;

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "integrations-cache-"));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  const copied = (name: string): string => {
    const copy = join(folder, name);
    cpSync(prepared.folderOf("list"), copy, { recursive: true, filter: (from) => !from.endsWith("node_modules") });
    symlinkSync(join(prepared.folderOf("list"), "node_modules"), join(copy, "node_modules"));
    return copy;
  };

  test("is taken where bundle and Node are those that it was made for", async () => {
    expect(await run(copied("same"))).toBe("rejected false");
  });

  test("is taken under the limit of memory that the platform gives to Node", async () => {
    expect(await run(copied("limited"), { NODE_OPTIONS: "--max-old-space-size=448" })).toBe("rejected false");
  });

  test("is not even looked at where the bundle has changed, by one character of the same length too", async () => {
    const copy = copied("changed");
    const bundle = join(copy, "functions/list.bundle.js");
    const text = readFileSync(bundle, "latin1");
    rmSync(bundle);
    writeFileSync(bundle, text.replace("this artifact holds no YAML parser", "this artifact holds no YAML purser"));
    expect(await run(copy)).toBe("rejected undefined");
  });

  test("is not looked at on another version of Node", async () => {
    const copy = copied("version");
    renameSync(cacheIn(copy), cacheIn(copy).replace(process.version, "v24.0.1"));
    expect(await run(copy)).toBe("rejected undefined");
  });

  test("is refused where it is damaged, and the function starts all the same", async () => {
    const copy = copied("damaged");
    const file = cacheIn(copy);
    const data = readFileSync(file);
    rmSync(file);
    writeFileSync(file, Buffer.concat([Buffer.from([data[0] === 0 ? 1 : 0]), data.subarray(1)]));
    expect(await run(copy)).toBe("rejected true");
  });
});
