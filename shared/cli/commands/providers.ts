import { existsSync, readFileSync } from "node:fs";
import { relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import type { Command } from "../command.ts";
import { type Cell, table } from "../show.ts";
import { exits, Stop } from "../stop.ts";
import { plain } from "../terminal.ts";

const registryFile = fileURLToPath(new URL("../../../configs/system/providers.yml", import.meta.url));

export const checkProviders: Command = {
  name: "providers check",
  group: "operations",
  summary: "Check the provider registry: what is wrong, with file and line, or all providers",
  arguments: [
    {
      name: "file",
      help: "Further registry files, checked with the main one",
      optional: true,
      many: true,
      opaque: true,
    },
  ],
  options: {},
  example: "cloudact-integrations providers check my-providers.yml",
  notes: ["INTEGRATIONS_EXTRA_PROVIDERS is checked too. Exit code 1 where something is wrong."],
  async run({ given, terminal, json, environment }) {
    const { readEnvironment } = await import("../../../functions/environment.ts");
    const { reachOfNone } = await import("../../../functions/rights.ts");
    const { loadRegistry, RegistryError } = await import("../../registry/load.ts");
    const { pathOf } = await import("../../registry/check.ts");
    const { protocolNames } = await import("../../providers/protocol-names.ts");
    const { extraProviders, endpoints } = readEnvironment(environment, reachOfNone);
    const files = [registryFile, ...(extraProviders === null ? [] : [extraProviders]), ...given.arguments("file")];
    const sources = [...new Set(files.map((file) => resolve(file)))].map(readSource);
    try {
      const { entries } = loadRegistry(sources, endpoints, protocolNames);
      const rows = entries.map((entry) => ({
        code: entry.code,
        path: pathOf(entry),
        display_name: entry.display_name,
        category: entry.category,
        credential_type: entry.credential_type,
        pipelines: entry.pipelines.map(({ id }) => id),
        probe:
          entry.probe === undefined
            ? "-"
            : "protocol" in entry.probe
              ? `protocol ${entry.probe.protocol}`
              : "HTTP rules",
      }));
      if (json) terminal.print(JSON.stringify({ problems: [], providers: rows }));
      else {
        const cells = rows.map((row): Cell[] => [
          { text: row.code, tone: "strong" },
          row.path,
          row.display_name,
          row.category,
          row.credential_type,
          row.probe,
          row.pipelines.join(", ") || "-",
        ]);
        terminal.print(
          table(terminal, ["code", "path", "name", "category", "credential", "asked by", "pipelines"], cells),
        );
        terminal.note(`${rows.length} providers in ${sources.map(({ name }) => name).join(", ")}: nothing is wrong`);
      }
      return exits.ok;
    } catch (error) {
      if (!(error instanceof RegistryError)) throw error;
      const { problems } = error;
      if (json) terminal.print(JSON.stringify({ problems }));
      for (const { source, line, path, message } of json ? [] : problems) {
        const where = `${plain(source)}${line > 0 ? `:${line}` : ""}`;
        terminal.print(`${terminal.tone("bad", where)} ${plain(path ? `${path}: ${message}` : message)}`);
      }
      terminal.note(`${problems.length} ${problems.length === 1 ? "problem" : "problems"}`);
      return exits.negative;
    }
  },
};

function readSource(file: string): { name: string; text: string } {
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
