import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Plugin } from "esbuild";
import { root } from "./targets.ts";

/** A protobuf namespace as `protos.json` of Google's generated clients writes it. */
interface Namespace {
  options?: object;
  nested?: Record<string, Namespace>;
  fields?: Record<string, { type: string; rule?: string }>;
  methods?: Record<string, { requestType: string; responseType: string }>;
}

/**
 * Of each generated client the methods that an adapter calls. Beside them stays what the clients' constructors look up
 * by name (@google-cloud/kms 6.3.0 and @google-cloud/secret-manager 7.2.0, read 2026-11-21).
 */
const used: Readonly<Record<string, { service: string; methods: readonly string[]; lookedUp: readonly string[] }>> = {
  kms: {
    service: "google.cloud.kms.v1.KeyManagementService",
    methods: ["Encrypt", "Decrypt"],
    lookedUp: [
      "google.protobuf.Empty",
      "google.cloud.kms.v1.DeleteCryptoKeyMetadata",
      "google.cloud.kms.v1.DeleteCryptoKeyVersionMetadata",
    ],
  },
  "secret-manager": {
    service: "google.cloud.secretmanager.v1.SecretManagerService",
    methods: ["AccessSecretVersion"],
    lookedUp: [],
  },
};

/** Of google-gax what no call of ours reaches: three services of other APIs, and their messages as code. */
const unused: ReadonlyArray<[file: RegExp, contents: string]> = [
  [/\/google-gax\/build\/protos\/(?:iam_service|locations|operations)\.js$/, "module.exports = {};"],
  [/\/google-gax\/build\/src\/iamService\.js$/, "exports.IamClient = class { initialize() {} close() {} };"],
  [/\/google-gax\/build\/src\/locationService\.js$/, "exports.LocationsClient = class { initialize() {} close() {} };"],
  [
    /\/google-gax\/build\/src\/operationsClient\.js$/,
    "exports.OperationsClient = class {}; exports.OperationsClientBuilder = class { operationsClient() { return { close() {} }; } };",
  ],
];

/**
 * Google's generated clients without gRPC and without what they load for other APIs: the message tables alone cost tens
 * of milliseconds at a client's construction.
 */
export const slimGoogleClients: Plugin = {
  name: "slim-google-clients",
  setup(bundler) {
    const gax = join(root, "shared/adapters/cloud/kms-gax.ts");
    bundler.onResolve({ filter: /^google-gax$/ }, () => ({ path: gax }));
    bundler.onLoad({ filter: /\/google-gax\/build\/(?:src|protos)\/\w+\.js$/ }, ({ path }) => {
      const contents = unused.find(([file]) => file.test(path))?.[1];
      return contents === undefined ? null : { contents, loader: "js" };
    });
    bundler.onLoad({ filter: /\/@google-cloud\/[a-z-]+\/build\/protos\/protos\.json$/ }, ({ path }) => {
      const wanted = used[/\/@google-cloud\/([a-z-]+)\//.exec(path)?.[1] ?? ""];
      if (wanted === undefined) return null;
      const all: Namespace = JSON.parse(readFileSync(path, "utf8"));
      return { contents: JSON.stringify(pruned(all, wanted)), loader: "json" };
    });
  },
};

/** The same tree with this service's methods, the types that they reach and those looked up by name, and nothing else. */
export function pruned(
  all: Namespace,
  { service, methods, lookedUp }: { service: string; methods: readonly string[]; lookedUp: readonly string[] },
): Namespace {
  const kept = new Set<string>();
  const keep = (name: string): void => {
    if (kept.has(name)) return;
    kept.add(name);
    const found = at(all, name);
    if (found === null) throw new Error(`${name} is not in the client's protos any more`);
    const scope = found.methods ? name.slice(0, name.lastIndexOf(".")) : name;
    const types = [
      ...Object.values(found.fields ?? {}).map(({ type }) => type),
      ...methods.flatMap((method) => {
        const called = found.methods?.[method];
        if (found.methods && called === undefined) throw new Error(`${name} has no method ${method} any more`);
        return called ? [called.requestType, called.responseType] : [];
      }),
    ];
    for (const type of types) {
      const full = resolve(all, scope, type);
      if (full !== null) keep(full);
    }
  };
  for (const name of [service, ...lookedUp]) keep(name);

  const copy = (node: Namespace, path: string): Namespace => {
    const { nested = {}, methods: own, ...rest } = node;
    const inside = Object.entries(nested).flatMap(([name, child]): Array<[string, Namespace]> => {
      const full = path === "" ? name : `${path}.${name}`;
      return [...kept].some((one) => one === full || one.startsWith(`${full}.`)) ? [[name, copy(child, full)]] : [];
    });
    return {
      ...rest,
      ...(own ? { methods: Object.fromEntries(Object.entries(own).filter(([name]) => methods.includes(name))) } : {}),
      ...(inside.length > 0 ? { nested: Object.fromEntries(inside) } : {}),
    };
  };
  return copy(all, "");
}

function at(all: Namespace, name: string): Namespace | null {
  let node: Namespace | undefined = all;
  for (const part of name.split(".")) node = node?.nested?.[part];
  return node ?? null;
}

/** The full name of a type as written in a scope, by protobuf's rule: the innermost that exists. `null` for scalars. */
function resolve(all: Namespace, scope: string, type: string): string | null {
  if (type.startsWith(".")) return type.slice(1);
  const outer = scope.split(".");
  for (let depth = outer.length; depth >= 0; depth -= 1) {
    const full = [...outer.slice(0, depth), type].join(".");
    if (at(all, full) !== null) return full;
  }
  return null;
}
