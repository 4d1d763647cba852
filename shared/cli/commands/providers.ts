import type { Command } from "../command.ts";
import { registryFiles } from "../registry-files.ts";
import { type Cell, table } from "../show.ts";
import { exits } from "../stop.ts";
import { plain } from "../terminal.ts";

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
    const { RegistryError } = await import("../../registry/load.ts");
    const { pathOf } = await import("../../registry/check.ts");
    const { sources, load } = await registryFiles(environment, given.arguments("file"));
    try {
      const { entries } = load();
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
