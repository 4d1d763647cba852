import { readFileSync } from "node:fs";
import { type Command, everywhere, type Option } from "../command.ts";

export const shells = ["bash", "zsh", "fish"] as const;
export type Shell = (typeof shells)[number];

const TOOL = "cloudact-integrations";

/** What completes an argument or an option's value. */
type Words = readonly string[] | "file" | null;

/**
 * A script that completes commands, options, choices, providers and files, for a shell to read. It stands alone: a tab
 * starts nothing. `providers` are the registry's names as they are typed.
 */
export function completionFor(shell: Shell, commands: readonly Command[], providers: readonly string[]): string {
  const tables = commands.map((command) => tableOf(command, providers));
  switch (shell) {
    case "bash":
      return bash(tables);
    case "zsh":
      // zsh runs the same function through its own bridge.
      return `#compdef ${TOOL}\nautoload -U +X bashcompinit && bashcompinit\n${bash(tables)}`;
    case "fish":
      return fish(tables);
  }
}

interface Table {
  name: string;
  summary: string;
  /** Each argument in turn; the last is taken again where it takes many. */
  places: Words[];
  options: Array<{ name: string; help: string; words: Words; takesValue: boolean }>;
}

function tableOf(command: Command, providers: readonly string[]): Table {
  const options = Object.entries({ ...command.options, ...everywhere });
  return {
    name: command.name,
    summary: command.summary,
    places: command.arguments.map(({ name, choices }) => wordsOf(name, choices, providers)),
    options: options.map(([name, option]) => ({
      name,
      help: option.help,
      words: optionWords(name, option, providers),
      takesValue: option.value !== undefined,
    })),
  };
}

function wordsOf(name: string, choices: readonly string[] | undefined, providers: readonly string[]): Words {
  if (choices !== undefined) return choices;
  if (name === "provider") return providers;
  return name === "file" ? "file" : null;
}

function optionWords(name: string, { choices, value }: Option, providers: readonly string[]): Words {
  if (choices !== undefined) return choices;
  if (name === "provider") return providers;
  return /path|file/.test(value ?? "") ? "file" : null;
}

function bash(tables: readonly Table[]): string {
  const firsts = [...new Set(tables.map(({ name }) => name.split(" ")[0] ?? ""))];
  const complete = (words: Words): string => {
    if (words === "file") return 'compgen -f -- "$cur"';
    return words === null ? ":" : `compgen -W ${quoted(words.join(" "))} -- "$cur"`;
  };
  const groups = firsts.flatMap((first) => {
    const seconds = tables.flatMap(({ name }) => (name.startsWith(`${first} `) ? [name.slice(first.length + 1)] : []));
    if (seconds.length === 0) return [];
    const reply = `if [ "$COMP_CWORD" -eq 2 ]; then _cloudact_reply ${quoted(complete(seconds))}; return; fi`;
    return [`    ${first}) ${reply}; command="$first $second" start=3 ;;`];
  });
  const cases = tables.flatMap(({ name, options, places }) => {
    const valued = options.filter(({ takesValue }) => takesValue);
    const names = (ones: Table["options"]) => ones.map((option) => `--${option.name}`).join(" ");
    return [
      `    ${quoted(name)})`,
      `      flags=${quoted(names(options))} valued=${quoted(` ${names(valued)} `)}`,
      '      case "$prev" in',
      ...valued.map(({ name, words }) => `        --${name}) _cloudact_reply ${quoted(complete(words))}; return ;;`),
      "      esac",
      '      case "$cur" in -*) _cloudact_reply "compgen -W \\"$flags\\" -- \\"$cur\\""; return ;; esac',
      '      _cloudact_place "$valued" "$start"',
      '      case "$place" in',
      ...places.map((words, index) => `        ${index}) _cloudact_reply ${quoted(complete(words))} ;;`),
      "      esac ;;",
    ];
  });
  return filled("completion.bash", {
    FIRST: quoted(complete([...firsts, "--help", "--version"])),
    GROUPS: groups.join("\n"),
    COMMANDS: cases.join("\n"),
  });
}

function fish(tables: readonly Table[]): string {
  const firsts = Map.groupBy(tables, ({ name }) => name.split(" ")[0] ?? "");
  const line = (condition: string, ...rest: string[]): string =>
    [`complete -c ${TOOL} -n ${fishQuoted(condition)}`, ...rest].join(" ");
  const lines = [
    ...[...firsts].map(([first, ones]) => {
      const told = ones.length === 1 ? (ones[0]?.summary ?? "") : `${first} …`;
      return line("__cloudact_none", `-a ${fishQuoted(first)} -d ${fishQuoted(told)}`);
    }),
    ...tables.flatMap(({ name, summary, options, places }) => {
      const [first = "", second] = name.split(" ");
      const isAt = `__cloudact_at ${name}`;
      const valued = options.filter(({ takesValue }) => takesValue).map((option) => `--${option.name}`);
      return [
        ...(second === undefined
          ? []
          : [line(`__cloudact_second ${first}`, `-a ${fishQuoted(second)} -d ${fishQuoted(summary)}`)]),
        ...options.map(({ name, help, words, takesValue }) =>
          line(
            isAt,
            `-l ${name} -d ${fishQuoted(help)}`,
            ...(takesValue ? [words === "file" ? "-r -F" : "-x"] : []),
            ...(words === "file" || words === null ? [] : [`-a ${fishQuoted(words.join(" "))}`]),
          ),
        ),
        ...places.flatMap((words, index) => {
          if (words === null) return [];
          const place = ["__cloudact_place", name.split(" ").length, index, ...valued].join(" ");
          return [line(`${isAt}; and ${place}`, words === "file" ? "-F" : `-a ${fishQuoted(words.join(" "))}`)];
        }),
      ];
    }),
  ];
  return filled("completion.fish", { COMMANDS: lines.join("\n") });
}

/** A script that stands beside this file, with its gaps filled. */
function filled(file: string, gaps: Readonly<Record<string, string>>): string {
  const text = readFileSync(new URL(file, import.meta.url), "utf8");
  return text.replace(/@([A-Z]+)@/g, (_, name: string) => gaps[name] ?? "");
}

/** A word that a POSIX shell takes whole. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

/** A word that fish takes whole. */
function fishQuoted(text: string): string {
  return `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;
}
