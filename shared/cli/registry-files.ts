import { existsSync, readFileSync } from "node:fs";
import { relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import type { Registry, Source } from "../registry/load.ts";
import { exits, Stop } from "./stop.ts";

const registryFile = fileURLToPath(new URL("../../configs/system/providers.yml", import.meta.url));

/** The registry's files: the one of this checkout, `INTEGRATIONS_EXTRA_PROVIDERS`, and those named besides. */
export interface RegistryFiles {
  sources: Source[];
  /** Reads and checks them. @throws RegistryError */
  load(): Registry;
}

/** @throws Stop unavailable, where a file cannot be read */
export async function registryFiles(
  environment: Readonly<Record<string, string | undefined>>,
  further: readonly string[] = [],
): Promise<RegistryFiles> {
  const [{ readEnvironment }, { reachOfNone }, { loadRegistry }, { protocolNames }] = await Promise.all([
    import("../../functions/environment.ts"),
    import("../../functions/rights.ts"),
    import("../registry/load.ts"),
    import("../providers/protocol-names.ts"),
  ]);
  const { extraProviders, endpoints } = readEnvironment(environment, reachOfNone);
  const files = [registryFile, ...(extraProviders === null ? [] : [extraProviders]), ...further];
  const sources = [...new Set(files.map((file) => resolve(file)))].map(readSource);
  return { sources, load: () => loadRegistry(sources, endpoints, protocolNames) };
}

function readSource(file: string): Source {
  const short = relative(process.cwd(), file);
  const name = short.startsWith("..") ? file : short;
  try {
    return { name, text: readFileSync(file, "utf8") };
  } catch {
    throw new Stop(exits.unavailable, {
      message: `A registry file ${existsSync(file) ? "cannot be read" : "is not there"}: ${name}`,
      code: "environment_unusable",
    });
  }
}
