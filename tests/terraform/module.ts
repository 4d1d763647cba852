import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "@cdktf/hcl2json";
import { z } from "zod";

/*
 * A folder of HCL as data. HashiCorp's own parser, as WebAssembly, makes JSON of it: a block is an array of one object a
 * repetition, an expression is a text "${…}".
 */

const block = z.record(z.string(), z.unknown());
export type Block = z.infer<typeof block>;
const labelled = z.record(z.string(), z.array(block));

const file = z.object({
  data: z.record(z.string(), labelled).default({}),
  locals: z.array(block).default([]),
  module: labelled.default({}),
  output: labelled.default({}),
  provider: labelled.default({}),
  resource: z.record(z.string(), labelled).default({}),
  terraform: z.array(block).default([]),
  variable: labelled.default({}),
});

/** Every block of a folder, by its labels. */
export interface Module {
  folder: string;
  /** The text of each `.tf` file by its name. */
  texts: Record<string, string>;
  locals: Block;
  modules: Record<string, Block>;
  outputs: Record<string, Block>;
  /** `type.name` → the resource. */
  resources: Record<string, Block>;
  variables: Record<string, Block>;
}

export const terraform = join(import.meta.dirname, "../../terraform");

/** Reads a folder below `terraform/`; "" is the root. */
export async function readModule(name: string): Promise<Module> {
  const folder = join(terraform, name);
  const module: Module = { folder, texts: {}, locals: {}, modules: {}, outputs: {}, resources: {}, variables: {} };
  for (const one of readdirSync(folder).filter((entry) => entry.endsWith(".tf"))) {
    const text = readFileSync(join(folder, one), "utf8");
    const read = file.parse(await parse(one, text));
    module.texts[one] = text;
    for (const locals of read.locals) Object.assign(module.locals, locals);
    Object.assign(module.modules, first(read.module));
    Object.assign(module.outputs, first(read.output));
    Object.assign(module.variables, first(read.variable));
    for (const [type, named] of Object.entries(read.resource))
      for (const [label, body] of Object.entries(first(named))) module.resources[`${type}.${label}`] = body;
  }
  return module;
}

/** The names of the modules, in order. */
export function moduleNames(): string[] {
  return readdirSync(join(terraform, "modules")).sort();
}

function first(named: Record<string, Block[]>): Record<string, Block> {
  return Object.fromEntries(
    Object.entries(named).map(([label, bodies]) => {
      const [body, ...more] = bodies;
      if (body === undefined || more.length > 0) throw new Error(`${label} stands there ${bodies.length} times`);
      return [label, body];
    }),
  );
}

/** The single nested block of that name. @throws Error where there is none or several */
export function nested(body: Block | undefined, name: string): Block {
  const [one, ...more] = z.array(block).parse(body?.[name] ?? []);
  if (one === undefined || more.length > 0) throw new Error(`there is not one block ${name}`);
  return one;
}
