import type { Plugin } from "esbuild";

/** Files of packages that no run of ours reaches, and what stands in their place. */
const unused: ReadonlyArray<[file: RegExp, contents: string]> = [
  // Only for Nodes without web streams.
  [/\/web-streams-polyfill\/dist\/[\w.]+\.js$/, "module.exports = {};"],
];

/** Packages that some import and others require, each into a copy of its own: all get the one that is required. */
const once = /^@opentelemetry\/api$/;
const RESOLVING = Symbol("resolving");

/** Leaves out what packages hold for other runtimes and languages, and what they would bring twice. */
export const slimPackages: Plugin = {
  name: "slim-packages",
  setup(bundler) {
    bundler.onLoad({ filter: /\/node_modules\/.*\.js$/ }, ({ path }) => {
      const contents = unused.find(([file]) => file.test(path))?.[1];
      return contents === undefined ? null : { contents, loader: "js" };
    });
    bundler.onResolve({ filter: once }, async ({ path, resolveDir, kind, pluginData }) =>
      pluginData === RESOLVING || kind === "require-call"
        ? null
        : await bundler.resolve(path, { resolveDir, kind: "require-call", pluginData: RESOLVING }),
    );
    // Messages in fifty languages, of which the package sets English by itself.
    bundler.onResolve({ filter: /\/locales\/index\.js$/ }, async ({ importer, path, resolveDir }) =>
      /\/node_modules\/zod\//.test(importer)
        ? await bundler.resolve(path.replace("index.js", "en.js"), { resolveDir, kind: "import-statement" })
        : null,
    );
  },
};
