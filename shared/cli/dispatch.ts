import packageFile from "../../package.json" with { type: "json" };
import { parse, refuseKeys } from "./arguments.ts";
import type { Command } from "./command.ts";
import { commands } from "./commands.ts";
import { helpFor, overview } from "./help.ts";
import { nearest } from "./nearest.ts";
import { problemJson, showProblem } from "./problem.ts";
import { type Exit, exits, Stop, usage } from "./stop.ts";
import type { Terminal } from "./terminal.ts";

/** Runs one command line. It always ends with an exit code, and never with a stack trace. */
export async function dispatch(
  argv: readonly string[],
  terminal: Terminal,
  environment: Readonly<Record<string, string | undefined>>,
): Promise<Exit> {
  const json = argv.includes("--json");
  try {
    refuseKeys(argv);
    return await run(argv, terminal, environment);
  } catch (error) {
    if (error instanceof Stop) {
      if (json) terminal.print(problemJson(error));
      else showProblem(terminal, error.problem);
      return error.exit;
    }
    const name = error instanceof Error ? error.name : typeof error;
    const unexpected = new Stop(exits.unavailable, { message: `This should not happen: ${name}`, code: "internal" });
    if (json) terminal.print(problemJson(unexpected));
    else showProblem(terminal, unexpected.problem);
    return unexpected.exit;
  }
}

async function run(
  argv: readonly string[],
  terminal: Terminal,
  environment: Readonly<Record<string, string | undefined>>,
): Promise<Exit> {
  const asksHelp = argv.includes("--help") || argv.includes("-h") || argv[0] === "help";
  const words = argv.filter((word, index) => !(index === 0 && word === "help") && word !== "-h");
  const first = words.findIndex((word) => !word.startsWith("-"));
  if (first === -1) {
    if (argv.includes("--version")) {
      terminal.print(packageFile.version);
      return exits.ok;
    }
    if (argv.length > 0 && !asksHelp) throw usage("There is no command", "See: cloudact-integrations --help");
    if (argv.length === 0) {
      terminal.note(overview(terminal));
      return exits.usage;
    }
    terminal.print(overview(terminal));
    return exits.ok;
  }
  const [before, rest] = [words.slice(0, first), words.slice(first)];
  if (before.some((word) => word !== "--json" && word !== "--help"))
    throw usage("Options stand behind the command", "See: cloudact-integrations --help");
  const command = commandOf(rest);
  if (command === null) {
    const within = commands.filter(({ name }) => name.startsWith(`${rest[0]} `));
    if (asksHelp && within.length > 0) {
      terminal.print(within.map((one) => helpFor(terminal, one)).join("\n\n"));
      return exits.ok;
    }
    throw unknownCommand(rest, within);
  }
  if (asksHelp) {
    terminal.print(helpFor(terminal, command));
    return exits.ok;
  }
  const given = parse(command, [...before, ...rest.slice(command.name.split(" ").length)]);
  return await command.run({ given, terminal, json: given.flag("json"), environment });
}

function commandOf(words: readonly string[]): Command | null {
  return (
    commands.find(({ name }) => name === words.slice(0, 2).join(" ")) ??
    commands.find(({ name }) => name === words[0]) ??
    null
  );
}

function unknownCommand(words: readonly string[], within: readonly Command[]): Stop {
  const [one = "", two = ""] = words;
  const help = "See: cloudact-integrations --help";
  const showable = (text: string): boolean => /^[a-z][a-z-]{0,20}$/i.test(text);
  if (within.length > 0) {
    const meant = showable(two)
      ? nearest(
          `${one} ${two}`,
          within.map(({ name }) => name),
        )
      : null;
    return usage(
      two === "" || !showable(two) ? `${one} needs a second word` : `There is no command "${one} ${two}"`,
      `${meant ? `Did you mean "${meant}"? ` : ""}One of: ${within.map(({ name }) => name).join(", ")}. ${help}`,
    );
  }
  const names = commands.map(({ name }) => name);
  const meant = showable(one)
    ? (nearest(one, [...names, ...names.map((name) => name.split(" ")[0] ?? name)]) ??
      (showable(two) ? nearest(`${one} ${two}`, names) : null))
    : null;
  return usage(
    showable(one) ? `There is no command "${one}"` : "There is no such command",
    `${meant ? `Did you mean "${meant}"? ` : ""}${help}`,
  );
}
