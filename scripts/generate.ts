import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { registrySchemaText } from "./generate-registry-schema.ts";
import { openapi } from "./openapi.ts";

const files: Record<string, () => string> = {
  "configs/openapi.json": () => `${JSON.stringify(openapi(), null, 1)}\n`,
  "configs/system/providers.schema.json": registrySchemaText,
};

for (const [file, make] of Object.entries(files)) {
  writeFileSync(fileURLToPath(new URL(`../${file}`, import.meta.url)), make());
  console.log(`generated ${file}`);
}
