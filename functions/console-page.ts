import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const folder = fileURLToPath(new URL("../shared/console", import.meta.url));

/**
 * Compiles the console's sources into one HTML document with one inline script and one inline style. Needs esbuild, which
 * is there for development only: an artifact holds the document instead of this file.
 */
export async function compileConsole(): Promise<string> {
  const { build } = await import("esbuild");
  const { outputFiles } = await build({
    absWorkingDir: folder,
    entryPoints: ["main.tsx", "style/page.css"],
    outdir: "out",
    entryNames: "[name]",
    write: false,
    bundle: true,
    minify: true,
    format: "iife",
    platform: "browser",
    target: ["chrome123", "firefox120", "safari17.5"],
    charset: "utf8",
    legalComments: "none",
    logLevel: "silent",
  });
  const textOf = (ending: string) => outputFiles.find(({ path }) => path.endsWith(ending))?.text.trim() ?? "";
  const [script, style] = [textOf(".js"), textOf(".css")];
  if (/<\/script|<!--/i.test(script) || /<\/style/i.test(style))
    throw new Error("the page cannot stand in one document");
  return readFileSync(`${folder}/page.html`, "utf8")
    .replace("/* style */", () => style)
    .replace("/* script */", () => script);
}
