import { writeFileSync } from "node:fs";
import { z } from "zod";
import { registrySchema } from "../shared/registry/entry.ts";

/** The JSON Schema of a registry file as text, for editors that complete and check it while it is written. */
export function registrySchemaText(): string {
  const schema = z.toJSONSchema(registrySchema, { io: "input", target: "draft-7" });
  return `${JSON.stringify({ title: "CloudAct provider registry", ...schema }, null, 2)}\n`;
}

if (import.meta.main) {
  writeFileSync(new URL("../configs/system/providers.schema.json", import.meta.url), registrySchemaText());
}
