import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Module, moduleNames, readModule, terraform } from "../tests/terraform/module.ts";

/*
 * The parts of terraform's READMEs that say again what the HCL says: the example and the tables of inputs and outputs.
 * `node scripts/terraform-readme.ts` writes them between their markers; a test compares.
 */

/** Path below `terraform/` of each README, and what it should read. */
export async function readmes(): Promise<Map<string, string>> {
  const made = new Map<string, string>();
  for (const name of ["", ...moduleNames().map((one) => `modules/${one}`)]) {
    const file = join(name, "README.md");
    const module = await readModule(name);
    const written = readFileSync(join(terraform, file), "utf8");
    const tables = between(written, "tables", `${inputs(module)}\n\n${outputs(module)}`);
    made.set(file, name === "" ? tables : between(tables, "usage", usage(module)));
  }
  return made;
}

/** @throws Error where the markers are missing */
function between(text: string, name: string, inside: string): string {
  const [begin, end] = [`<!-- ${name} -->`, `<!-- /${name} -->`];
  const from = text.indexOf(begin);
  const to = text.indexOf(end);
  if (from < 0 || to < from) throw new Error(`a README of terraform has no markers ${begin} and ${end}`);
  return `${text.slice(0, from + begin.length)}\n${inside}\n${text.slice(to)}`;
}

function usage({ folder }: Module): string {
  const example = readFileSync(join(folder, "examples/basic/main.tf"), "utf8");
  // Which provider a root needs is not what the example is for.
  return ["```hcl", example.replace(/^terraform \{[\s\S]*?\n\}\n+/, "").trim(), "```"].join("\n");
}

function inputs({ variables }: Module): string {
  const rows = Object.entries(variables)
    .sort(byName)
    .map(([name, body]) => {
      const type = shown(String(body["type"]).replace(/^\$\{([\s\S]*)\}$/, "$1"));
      const fallback = "default" in body ? shown(JSON.stringify(body["default"])) : "required";
      return `| \`${name}\` | ${cell(body["description"])} | ${type} | ${fallback} |`;
    });
  return ["| input | what it is | type | default |", "|---|---|---|---|", ...rows].join("\n");
}

function outputs({ outputs: given }: Module): string {
  const rows = Object.entries(given)
    .sort(byName)
    .map(([name, body]) => `| \`${name}\` | ${cell(body["description"])} |`);
  return ["| output | what it is |", "|---|---|", ...rows].join("\n");
}

function shown(code: string): string {
  const line = code
    .replace(/\s*\n\s*/g, ", ")
    .replaceAll("({, ", "({ ")
    .replaceAll(", })", " })")
    .replace(/ +=/g, " =");
  return `\`${line.replaceAll("|", "\\|")}\``;
}

function cell(text: unknown): string {
  return String(text).replaceAll("|", "\\|");
}

function byName([one]: readonly [string, unknown], [other]: readonly [string, unknown]): number {
  return one < other ? -1 : 1;
}

if (import.meta.main)
  for (const [file, text] of await readmes()) {
    writeFileSync(join(terraform, file), text);
    console.log(`generated terraform/${file}`);
  }
