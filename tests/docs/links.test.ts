import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { fileOf, generated, needAccounts, readPage, root, written } from "./page.ts";

const known = ["sh", "json", "yaml", "js", "python", "text", ""];

test.each([...needAccounts])("%s says that it needs an account", (path, words) => {
  expect(readPage(path).text).toContain(words);
});

// Another language for a block of commands would keep it from being run.
test.each([...written, "CONTRIBUTING.md"])("each block of %s is of a kind that the tests know", (path) => {
  const unknown = readPage(path).blocks.filter((block) => !known.includes(block.info) && fileOf(block) === null);
  expect(unknown.map(({ line }) => line)).toEqual([]);
});

test("the guide shows the Python caller as it is", () => {
  const [shown] = readPage("docs/pipelines.md").blocks.filter(({ info }) => info === "python");
  expect(shown?.text).toBe(readFileSync(join(root, "examples/pipeline.py"), "utf8"));
});

test.each([...written, ...generated, "CONTRIBUTING.md", "SECURITY.md"])("every link of %s leads somewhere", (path) => {
  const { text } = readPage(path);
  const folder = join(root, path, "..");
  const broken = [...text.replaceAll(/```[\s\S]*?```/g, "").matchAll(/\]\((?!https?:|mailto:)([^)\s]*)\)/g)]
    .map((found) => found[1] ?? "")
    .filter((target) => !leads(folder, path, target));
  expect(broken).toEqual([]);
});

function leads(folder: string, path: string, target: string): boolean {
  const [file = "", anchor] = target.split("#");
  const at = file === "" ? join(root, path) : join(folder, file);
  try {
    if (anchor === undefined) return readFileSync(at).length > 0;
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "EISDIR";
  }
  const headings = readFileSync(at, "utf8").match(/^#+ .*$/gm) ?? [];
  const slugs: string[] = headings.map((line) =>
    line
      .replace(/^#+ /, "")
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\s_-]/gu, "")
      .replaceAll(" ", "-"),
  );
  return slugs.includes(anchor);
}
