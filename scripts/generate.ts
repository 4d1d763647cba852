import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { registrySchemaText } from "./generate-registry-schema.ts";
import { openapi } from "./openapi.ts";
import { PAGES, providerPages, shippedRegistry, stalePages } from "./provider-pages.ts";
import { readmes } from "./terraform-readme.ts";

function at(file: string): string {
  return fileURLToPath(new URL(`../${file}`, import.meta.url));
}

const pages = providerPages(shippedRegistry());
const files: Record<string, string> = {
  "configs/openapi.json": `${JSON.stringify(openapi(), null, 1)}\n`,
  "configs/system/providers.schema.json": registrySchemaText(),
  ...Object.fromEntries([...(await readmes())].map(([file, text]) => [`terraform/${file}`, text])),
  ...Object.fromEntries([...pages].map(([file, text]) => [`${PAGES}/${file}`, text])),
};

mkdirSync(at(PAGES), { recursive: true });
for (const [file, text] of Object.entries(files)) {
  writeFileSync(at(file), text);
  console.log(`generated ${file}`);
}
for (const file of stalePages(pages)) {
  rmSync(at(`${PAGES}/${file}`));
  console.log(`removed ${PAGES}/${file}, whose provider is gone`);
}
