import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

export const root = join(import.meta.dirname, "../..");

/** A fenced block of a page. */
export interface Block {
  /** What stands behind the fence: `sh`, `json`, `sh cloud`. */
  info: string;
  text: string;
  /** Line of the fence, from 1. */
  line: number;
  /** The last line of text between it and the block before. */
  before: string;
}

export interface Page {
  /** From the root, like `docs/http.md`. */
  path: string;
  text: string;
  blocks: Block[];
}

/** Needs an account from the first line to the last, and says so in these words. */
export const needAccounts: ReadonlyMap<string, string> = new Map([
  ["docs/deploy.md", "From an empty project to a first decrypted credential"],
  ["terraform/README.md", "Google Cloud"],
]);
/** Begins a block that needs a project there. */
const CLOUD = "# Google Cloud";
const INDEX = "docs/providers/README.md";

/** Pages that people write, and the index of the generated ones. */
export const written: readonly string[] = ["README.md", ...markdownIn("docs"), INDEX].filter(
  (path) => !needAccounts.has(path),
);
/** One page a provider. */
export const generated: readonly string[] = markdownIn("docs/providers").filter((path) => path !== INDEX);

function markdownIn(folder: string): string[] {
  return readdirSync(join(root, folder))
    .filter((name) => name.endsWith(".md"))
    .map((name) => `${folder}/${name}`);
}

/** Whether a block is to be run here. */
export function runnable(block: Block): boolean {
  return block.info === "sh" && !block.text.startsWith(CLOUD);
}

/** A page of the documentation, by its path from the root. */
export function readPage(path: string): Page {
  const text = readFileSync(join(root, path), "utf8");
  const blocks: Block[] = [];
  let open: Block | null = null;
  let before = "";
  for (const [index, line] of text.split("\n").entries()) {
    const fence = /^```(.*)$/.exec(line);
    if (open === null && fence) open = { info: (fence[1] ?? "").trim(), text: "", line: index + 1, before };
    else if (open !== null && fence) {
      blocks.push(open);
      open = null;
      before = "";
    } else if (open !== null) open.text += `${line}\n`;
    else if (line.trim() !== "") before = line;
  }
  return { path, text, blocks };
}

/** The file that a block is to be put into, as the line before it says: "Put this into `setup.json`". */
export function fileOf(block: Block): string | null {
  return /\binto `([a-z0-9._-]+\.[a-z]+)`/.exec(block.before)?.[1] ?? null;
}

/** Whether a documented answer fits a real one: every member that is shown is there; `…` stands for any text. */
export function fits(shown: unknown, real: unknown): boolean {
  if (typeof shown === "string" && shown.includes("…")) {
    const pattern = shown.split("…").map((part) => part.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&"));
    return new RegExp(`^${pattern.join("[\\s\\S]*")}$`).test(String(real));
  }
  if (Array.isArray(shown))
    return Array.isArray(real) && shown.length <= real.length && shown.every((one, index) => fits(one, real[index]));
  if (typeof shown === "object" && shown !== null) {
    if (typeof real !== "object" || real === null) return false;
    const members = new Map<string, unknown>(Object.entries(real));
    return Object.entries(shown).every(([name, one]) => members.has(name) && fits(one, members.get(name)));
  }
  return shown === real;
}
