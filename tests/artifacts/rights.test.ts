import { readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { build } from "esbuild";
import { beforeAll, describe, expect, test } from "vitest";
import { allRights, type Rights } from "../../functions/rights.ts";
import { type CallerKind, type FunctionName, routes } from "../../shared/contract/routes.ts";
import type { CredentialStore } from "../../shared/ports/credential-store.ts";
import type { KeyManagement } from "../../shared/ports/key-management.ts";
import type { GrantStore, OrgKeyStore } from "../../shared/ports/key-registry.ts";
import type { LegacyKeys } from "../../shared/ports/legacy-keys.ts";
import type { SecretSource } from "../../shared/ports/secret-source.ts";
import type { TokenVerifier } from "../../shared/ports/tokens.ts";

/*
 * configs/functions.yml against what the code can do: each function is bundled without its adapters, what is never called
 * falls out, and whatever method of a port is still named there must be covered, and nothing else may be.
 */

const root = join(import.meta.dirname, "../..");
const ACCESS = "terraform/modules/access/main.tf";

type Method =
  | Exclude<keyof CredentialStore, "close">
  | keyof OrgKeyStore
  | keyof GrantStore
  | keyof KeyManagement
  | keyof SecretSource
  | keyof TokenVerifier
  | keyof LegacyKeys
  | "identityToken";
type Action = "read" | "append" | "change";
/** What a method needs: tables with what is done to them, or one of the other columns. */
type Need = Readonly<Record<string, readonly Action[]>> | "encrypt" | "decrypt" | "pepper" | "aws" | "tokens";

const read = ["read"] as const;
const ofTheOperator = { "nothing, it is the operator's": ["change"] } as const;

const needs = {
  readHead: { heads: read },
  readHeads: { heads: read },
  readHolders: { heads: read },
  readSealed: { heads: read, versions: read },
  readOpening: { heads: read, integration_versions: read },
  readOpenings: { heads: read, integration_versions: read },
  placeHeads: { heads: ["append"] },
  appendVersions: { versions: ["append"] },
  advanceHead: { heads: ["read", "change"] },
  advanceHeads: { heads: ["read", "change"] },
  readHistory: { heads: read, integration_versions: read, validations: read },
  readDue: { heads: read, versions: read },
  appendValidations: { validations: ["append"] },
  recordChecks: { heads: ["read", "change"] },
  readTaken: { heads: read },
  markReported: { heads: ["read", "change"] },
  readDueDeactivations: { heads: read },
  purgeDeleted: { heads: read, versions: ["read", "change"] },
  purgeSuperseded: { heads: read, versions: ["read", "change"] },
  countByKeyVersion: ofTheOperator,
  readSealedElsewhere: ofTheOperator,
  findKey: { org_keys: read },
  listKeys: { org_keys: read },
  addKey: { org_keys: ["append"] },
  revokeKey: ofTheOperator,
  grantsOf: { decrypt_grants: read },
  listGrants: ofTheOperator,
  addGrant: ofTheOperator,
  revokeGrant: ofTheOperator,
  organisationOf: { org_api_keys: read },
  encrypt: "encrypt",
  decrypt: "decrypt",
  peppers: "pepper",
  identityToken: "aws",
  verify: "tokens",
} as const satisfies Record<Method, Need>;
const methods = Object.keys(needs).filter((name): name is Method => name in needs);

/** Names that others use too: they count only where a port stands before them. */
const ambiguous: ReadonlySet<string> = new Set(["encrypt", "decrypt", "verify"]);

/** What takes over an organisation's older key at its first use, in every function that knows organisations' keys. */
const takesOver: readonly Method[] = ["addKey", "organisationOf"];

/** What a file of many functions names for the callers of some alone; the rest never get there. */
const shared: Readonly<Record<string, (callers: ReadonlySet<CallerKind>, method: Method) => boolean>> = {
  // Three doors in one file: by key, by token, by the Scheduler's token.
  "shared/http/authorise.ts": (callers, method) => {
    if (takesOver.includes(method)) return false;
    if (method === "grantsOf") return callers.has("pipeline");
    if (method === "verify") return callers.has("pipeline") || callers.has("scheduler");
    return callers.has("read") || callers.has("manage");
  },
  // A remembered head is a pipeline's; everybody else's is read without its ciphertext.
  "shared/operations/family.ts": (callers, method) => method !== "readSealed" || callers.has("pipeline"),
};

/** What a function may be held to do: the same columns as a line of the table. */
type Held = Pick<Rights, "invoker" | "key" | "aws" | "egress"> & {
  shows_aws: boolean;
  secrets: string[];
  tables: Record<string, Action>;
};

const functions = [...new Set(routes.map(({ fn }) => fn))];
const texts = new Map<FunctionName, string>();
const rights = allRights();

beforeAll(async () => {
  await Promise.all(
    functions.map(async (name) => {
      const { outputFiles } = await build({
        absWorkingDir: root,
        entryPoints: [`functions/${name}.ts`],
        bundle: true,
        write: false,
        outdir: "out",
        format: "esm",
        platform: "node",
        target: "node24",
        packages: "external",
        external: ["./backends/*", "*.json"],
      });
      texts.set(name, outputFiles[0]?.text ?? "");
    }),
  );
}, 60_000);

/** Which methods of ports each file of a function's bundle names. */
function named(name: FunctionName): Array<{ file: string; method: Method }> {
  const parts = (texts.get(name) ?? "").split(/^\/\/ ((?:functions|shared)\/\S+)$/m);
  const found: Array<{ file: string; method: Method }> = [];
  for (let index = 1; index < parts.length; index += 2) {
    const file = relative(root, join(root, parts[index] ?? ""));
    const text = parts[index + 1] ?? "";
    for (const method of methods) {
      const before = ambiguous.has(method) ? "\\b(?:keys|tokens)" : "";
      if (new RegExp(`${before}\\??\\.${method}\\b`).test(text)) found.push({ file, method });
    }
  }
  return found;
}

function held(name: FunctionName): Held {
  const callers = new Set(routes.filter(({ fn }) => fn === name).map(({ caller }) => caller));
  const reached = named(name).filter(({ file, method }) => shared[file]?.(callers, method) ?? true);
  const wanted = reached.map(({ method }): Need => needs[method]);
  return {
    invoker: callers.has("scheduler") ? "scheduler" : callers.has("pipeline") ? "pipelines" : "everyone",
    key: wanted.includes("encrypt") ? "encrypt" : wanted.includes("decrypt") ? "decrypt" : "none",
    tables: tablesOf(wanted),
    secrets: wanted.includes("pepper") ? ["pepper"] : [],
    aws: wanted.includes("aws"),
    shows_aws: !wanted.includes("aws") && /\bfederation\.subject\b/.test(texts.get(name) ?? ""),
    egress: /^\/\/ shared\/providers\/index\.ts$/m.test(texts.get(name) ?? "") ? "providers" : "google",
  };
}

/** Tables with the least level that covers all that is needed of them. */
function tablesOf(wanted: readonly Need[]): Record<string, Action> {
  const actions = new Map<string, Set<Action>>();
  for (const need of wanted)
    if (typeof need === "object")
      for (const [table, some] of Object.entries(need))
        actions.set(table, new Set([...(actions.get(table) ?? []), ...some]));
  return Object.fromEntries([...actions].map(([table, some]) => [table, levelOf(some)]));
}

/** The least of the three levels that covers these. */
function levelOf(actions: ReadonlySet<Action>): Action {
  const [only] = actions;
  return actions.size === 1 && only !== undefined ? only : "change";
}

describe("configs/functions.yml", () => {
  test.each(functions)("gives %s what it names and nothing else", (name) => {
    const { invoker, key, tables, secrets, aws, shows_aws = false, egress } = rights[name];
    expect({ invoker, key, tables, secrets, aws, shows_aws, egress }).toEqual(held(name));
  });

  test("has a line for each function that has routes, and no other", () => {
    expect(Object.keys(rights).sort()).toEqual([...functions].sort());
  });

  test("leaves to Terraform what is granted while older keys are taken, and that is what taking them over needs", () => {
    for (const name of functions)
      for (const { file, method } of named(name))
        if (takesOver.includes(method)) expect(file).toBe("shared/http/authorise.ts");
    const granted = /\blegacy\s*=\s*\{([^}]*)\}/.exec(readFileSync(join(root, ACCESS), "utf8"))?.[1] ?? "";
    expect(
      Object.fromEntries([...granted.matchAll(/(\w+)\s*=\s*"(\w+)"/g)].map(([, table, action]) => [table, action])),
    ).toEqual(tablesOf(takesOver.map((method): Need => needs[method])));
  });

  test("lets nobody encrypt and decrypt", () => {
    for (const name of functions) {
      const both = named(name).filter(({ method }) => method === "encrypt" || method === "decrypt");
      expect([...new Set(both.map(({ method }) => method))].length).toBeLessThan(2);
    }
  });
});

describe("the check sees what it is for", () => {
  test("each file that is only partly a function's is still there, and names what is taken from it", () => {
    for (const file of Object.keys(shared)) {
      const refused = functions.flatMap((name) => {
        const callers = new Set(routes.filter(({ fn }) => fn === name).map(({ caller }) => caller));
        return named(name).filter((one) => one.file === file && !shared[file]?.(callers, one.method));
      });
      expect(refused.length).toBeGreaterThan(0);
    }
  });

  test("every method of the store is named by some function, or is the operator's", () => {
    const all = new Set(functions.flatMap((name) => named(name).map(({ method }) => method)));
    const never = methods.filter((method) => !all.has(method));
    expect(never.filter((method) => needs[method] !== ofTheOperator)).toEqual([]);
    expect(never.length).toBeGreaterThan(0);
  });

  test("no port is reached but by its methods' names", () => {
    for (const text of texts.values()) expect(text).not.toMatch(/\b(?:store|keys|orgKeys|grants|secrets)\[/);
  });
});
