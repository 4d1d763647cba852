import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { describe, expect, test } from "vitest";

const root = join(import.meta.dirname, "..");

/** One file of the house, by its path from the root. */
interface File {
  path: string;
  text: string;
}

const files = ["functions", "shared", "scripts", "configs", "tests"].flatMap((folder) => filesUnder(folder));

function filesUnder(folder: string): File[] {
  return readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter((one) => one.isFile() && /\.(?:tsx?|yml|yaml|json|sql|html|css|js)$/.test(one.name))
    .map((one) => join(one.parentPath, one.name))
    .filter((path) => !/\/(?:node_modules|dist)\//.test(path))
    .map((path) => ({ path: relative(root, path), text: readFileSync(path, "utf8") }));
}

/** The rooms and what each may import from; a room may always import from itself. What is not listed has no room. */
const floors: Record<string, readonly string[]> = {
  "shared/contract": [],
  "shared/ports": ["shared/contract"],
  "shared/registry": ["shared/contract"],
  "shared/providers": ["shared/contract", "shared/registry", "shared/ports"],
  "shared/vault": ["shared/contract", "shared/ports"],
  "shared/operations": ["shared/contract", "shared/ports", "shared/registry", "shared/providers", "shared/vault"],
  "shared/http": ["shared/contract", "shared/ports", "shared/vault"],
  "shared/adapters": ["shared/contract", "shared/ports"],
  "shared/client": ["shared/contract"],
  "shared/console": ["shared/client", "shared/contract"],
  functions: [
    "shared/contract",
    "shared/ports",
    "shared/registry",
    "shared/providers",
    "shared/vault",
    "shared/operations",
    "shared/http",
    "configs",
  ],
};

/** Where a floor may be left, file by file, and why. */
const exceptions: Record<string, readonly string[]> = {
  "functions/backends/local.ts": ["shared/adapters"], // the composition root, by backend
  "functions/backends/cloud.ts": ["shared/adapters"],
};

const LINE = /\b(?:from|import)\s*\(?\s*"(\.{1,2}\/[^"]+)"/g;

function roomOf(path: string): string {
  const [first = "", second = ""] = path.split("/");
  return first === "shared" ? `shared/${second}` : first;
}

function importsOf(file: File): string[] {
  return [...file.text.matchAll(LINE)].map((found) => join(dirname(file.path), found[1] ?? ""));
}

/** What a file imports and may not, a line each. */
function brokenFloors(file: File): string[] {
  const room = roomOf(file.path);
  const allowed = floors[room];
  if (allowed === undefined) return [];
  const open = new Set([room, ...allowed, ...(exceptions[file.path] ?? [])]);
  return importsOf(file)
    .filter((target) => !open.has(roomOf(target)))
    .map((target) => `${file.path} imports ${target}`);
}

/** The command line and the scripts stand outside the rooms, but adapters reach them through the composition root only. */
function borrowedAdapters(file: File): string[] {
  if (/^(?:tests|shared\/adapters)\//.test(file.path) || file.path.startsWith("functions/backends/")) return [];
  return importsOf(file)
    .filter((target) => target.startsWith("shared/adapters/"))
    .map((target) => `${file.path} imports ${target}`);
}

const BLOCKED =
  "❌ BLOCKED: Don't use cloud_provider_integrations table. Use API which stores in BigQuery. See /integration-setup";
const forbidden: readonly RegExp[] = [
  /\bcloud_provider_integrations\b/,
  /\bintegration_[a-z0-9]+(?:_[a-z0-9]+)*_(?:status|configured_at)\b/,
  /\bcreateServiceRoleClient\b/,
  /\bsave[A-Za-z]*IntegrationStatus\b/,
];

/** The sources' guard: an integration's state lives behind the API and nowhere else. */
function blocked(file: File): string[] {
  return file.text
    .split("\n")
    .flatMap((line, index) =>
      forbidden.some((word) => word.test(line)) ? [`${file.path}:${index + 1} ${BLOCKED}`] : [],
    );
}

const sources = files.filter(({ path }) => !path.startsWith("tests/"));
const code = files.filter(({ path }) => /\.tsx?$/.test(path));

describe("the house as it stands", () => {
  test("each room imports from the floors below it only", () => {
    expect(code.flatMap(brokenFloors)).toEqual([]);
  });

  test("adapters are named by the composition root and by tests only", () => {
    expect(code.flatMap(borrowedAdapters)).toEqual([]);
  });

  test("every room has its floor", () => {
    const rooms = new Set(
      sources.filter(({ path }) => /^(?:shared\/|functions\/)/.test(path)).map(({ path }) => roomOf(path)),
    );
    expect([...rooms].filter((room) => !(room in floors) && room !== "shared/cli")).toEqual([]);
  });

  test("nothing outside reaches what the command line and the tests are made of", () => {
    const reached = code
      .filter(({ path }) => !/^(?:tests|shared\/cli|scripts)\//.test(path))
      .flatMap((file) =>
        importsOf(file)
          .filter((target) => /^(?:tests|shared\/cli|scripts)\//.test(target))
          .map((target) => `${file.path} imports ${target}`),
      );
    expect(reached).toEqual([]);
  });

  test("an import names a file as it is called", () => {
    const vague = code.flatMap((file) =>
      importsOf(file)
        .filter((target) => !/\.(?:tsx?|json)$/.test(target))
        .map((target) => `${file.path} imports ${target}`),
    );
    expect(vague).toEqual([]);
  });

  test("no folder is called utils, helpers, common, lib or misc", () => {
    const names = new Set(files.flatMap(({ path }) => dirname(path).split("/")));
    expect([...names].filter((name) => /^(?:utils?|helpers?|common|lib|misc)$/i.test(name))).toEqual([]);
  });

  test("files are called in kebab case", () => {
    const odd = code
      .map(({ path }) => path)
      .filter((path) => !/^(?:[a-z0-9-]+\/)+[a-z0-9]+(?:[.-][a-z0-9]+)*\.tsx?$/.test(path));
    expect(odd).toEqual([]);
  });

  test("nothing writes an integration's state past the API", () => {
    expect(sources.flatMap(blocked)).toEqual([]);
  });

  test("every function imports quiet.ts first, so that no framework is built before it", () => {
    const functions = code.filter(({ path, text }) => path.startsWith("functions/") && /^(?:http|serve)\(/m.test(text));
    expect(functions.length).toBe(9);
    for (const { path, text } of functions)
      expect([path, /^import\s.*$/m.exec(text)?.[0]]).toEqual([path, 'import "./quiet.ts";']);
  });

  test("the environment is read in one place", () => {
    const readers = code
      .filter(({ path, text }) => /^(?:functions|shared)\//.test(path) && /\bprocess\??\.env\b/.test(text))
      .map(({ path }) => path);
    const others = ["functions/parts.ts", "shared/client/environment.ts"]; // the service's, and its callers'
    expect(readers.filter((path) => !others.includes(path) && !path.startsWith("shared/cli/"))).toEqual([]);
  });

  test("nothing compiles a pattern or code from text but where it is proven to be linear", () => {
    const dynamic = code
      .filter(
        ({ path, text }) =>
          /^(?:functions|shared)\//.test(path) && /\bnew RegExp\(|\beval\(|\bnew Function\(/.test(text),
      )
      .map(({ path }) => path);
    // In a browser the registry's patterns, which were proven when they were read; a slow one would hold up its own page alone.
    expect(dynamic).toEqual(["shared/console/pattern.ts", "shared/registry/linear.ts"]);
  });
});

describe("the checks themselves see what they are for", () => {
  const broken: Array<[string, string, string]> = [
    ["http imports an operation", "shared/http/endpoint.ts", 'import { setup } from "../operations/setup.ts";'],
    ["an operation imports http", "shared/operations/setup.ts", 'import type { Request } from "../http/request.ts";'],
    [
      "an operation imports an adapter",
      "shared/operations/setup.ts",
      'import { systemClock } from "../adapters/system-clock.ts";',
    ],
    ["the vault imports the registry", "shared/vault/seal.ts", 'import type { Entry } from "../registry/entry.ts";'],
    ["the contract imports a port", "shared/contract/rows.ts", 'import { timestamp } from "../ports/clock.ts";'],
    [
      "a port imports an adapter, later on",
      "shared/ports/clock.ts",
      'const late = await import("../adapters/system-clock.ts");',
    ],
    [
      "a function imports an adapter",
      "functions/setup.ts",
      'import { openHome } from "../shared/adapters/local/home.ts";',
    ],
    ["the registry hands a provider on", "shared/registry/entry.ts", 'export { ask } from "../providers/ask.ts";'],
    ["a function imports the command line", "functions/setup.ts", 'import { main } from "../shared/cli/main.ts";'],
  ];
  test.each(broken)("%s", (_, path, text) => {
    expect(brokenFloors({ path, text })).toHaveLength(1);
  });

  test("what is allowed is let through", () => {
    expect(
      brokenFloors({
        path: "functions/backends/local.ts",
        text: 'await import("../../shared/adapters/local/home.ts")',
      }),
    ).toEqual([]);
    expect(
      brokenFloors({
        path: "shared/http/authorise.ts",
        text: 'import { z } from "zod"; import { a } from "./limits.ts"; import { b } from "../vault/org-key.ts";',
      }),
    ).toEqual([]);
  });

  test("the command line imports an adapter", () => {
    expect(
      borrowedAdapters({ path: "shared/cli/main.ts", text: 'import { openHome } from "../adapters/local/home.ts";' }),
    ).toHaveLength(1);
  });

  test.each([
    'await supabase.from("cloud_provider_integrations").select()',
    "UPDATE organizations SET integration_openai_status = 'VALID'",
    "integration_claude_pro_configured_at TIMESTAMP",
    "const client = createServiceRoleClient();",
    "export async function saveIntegrationStatus(org: string) {}",
    "await saveOpenaiIntegrationStatus(org)",
  ])("%s is blocked, and told why", (line) => {
    expect(blocked({ path: "shared/x.ts", text: `// fine\n${line}\n` })).toEqual([`shared/x.ts:2 ${BLOCKED}`]);
  });

  test.each([
    "getIntegrationStatus(org)",
    "org_integration_credentials",
    "validation_status",
    "integration.status_changed",
  ])("%s is not", (line) => {
    expect(blocked({ path: "shared/x.ts", text: line })).toEqual([]);
  });
});
