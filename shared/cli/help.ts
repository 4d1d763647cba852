import { usageLine } from "./arguments.ts";
import { type Command, everywhere, type Option } from "./command.ts";
import { commands } from "./commands.ts";
import { type Cell, flowing, table } from "./show.ts";
import type { Terminal } from "./terminal.ts";

const groups: ReadonlyArray<readonly [Command["group"], string]> = [
  ["integrations", "Integrations, over HTTP (INTEGRATIONS_URL, INTEGRATIONS_API_KEY, INTEGRATIONS_TOKEN)"],
  ["access", "Who may call, directly on the backend (INTEGRATIONS_HOME)"],
  ["operations", "Running it, directly on the backend"],
];

/** The help for everything. */
export function overview(terminal: Terminal): string {
  return [
    "Usage: cloudact-integrations <command> [options]",
    ...groups.flatMap(([group, title]) => [
      "",
      terminal.tone("strong", title),
      ...rows(
        terminal,
        commands.filter((command) => command.group === group).map(({ name, summary }) => [name, summary]),
      ),
    ]),
    "",
    terminal.tone("strong", "Everywhere"),
    ...rows(terminal, [...optionRows(everywhere), ["--version", "Show the version"]]),
    "",
    "Secrets come from stdin, a file or a hidden prompt, never from the command line.",
    "Exit codes: 0 ok, 1 negative verdict, 2 usage, 3 refused, 4 unavailable.",
    "Example: KEY=$(cloudact-integrations org-key create acme --scope manage)",
  ].join("\n");
}

/** The help for one command. */
export function helpFor(terminal: Terminal, command: Command): string {
  return [
    `${command.summary}.`,
    "",
    `Usage: ${usageLine(command)}`,
    ...(command.arguments.length > 0
      ? [
          "",
          ...rows(
            terminal,
            command.arguments.map(({ name, help }) => [`<${name}>`, help]),
          ),
        ]
      : []),
    "",
    ...rows(terminal, optionRows({ ...command.options, ...everywhere })),
    ...(command.notes ? ["", ...noteLines(terminal, command.notes)] : []),
    "",
    `Example: ${command.example}`,
  ].join("\n");
}

/** Notes as they stand, or on a terminal that is too narrow broken anew; a line that is indented stays alone. */
function noteLines(terminal: Terminal, lines: readonly string[]): string[] {
  if (terminal.columns === null || lines.every((line) => line.length <= (terminal.columns ?? 0))) return [...lines];
  const found: string[] = [];
  for (const line of lines) {
    const before = found.at(-1);
    const goesOn = before !== undefined && !/[.:]$/.test(before) && !before.startsWith(" ") && !line.startsWith(" ");
    if (goesOn) found.push(`${found.pop()} ${line}`);
    else found.push(line);
  }
  return found.map((line) => (line.startsWith(" ") ? line : flowing(terminal, line)));
}

function optionRows(options: Readonly<Record<string, Option>>): Array<[string, string]> {
  return Object.entries(options).map(([name, { value, help, required }]) => [
    `--${name}${value === undefined ? "" : ` ${value}`}`,
    required ? `${help} (required)` : help,
  ]);
}

/** Rows without a head, two spaces in. */
function rows(terminal: Terminal, cells: readonly Cell[][]): string[] {
  return table(terminal, ["", ""], cells, 2)
    .split("\n")
    .slice(1)
    .map((line) => `  ${line}`);
}
