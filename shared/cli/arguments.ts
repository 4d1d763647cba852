import { parseArgs } from "node:util";
import { isOrgSlug, PROVIDER_SLUG } from "../contract/names.ts";
import { type Argument, type Command, everywhere, type Given, type Option } from "./command.ts";
import { nearest } from "./nearest.ts";
import { looksLikeKey, looksRandom } from "./secret-shapes.ts";
import { type Stop, usage } from "./stop.ts";

/** The organisation, as the first argument of most commands. */
export const orgArgument: Argument = {
  name: "org",
  help: "The organisation's slug",
  check: (text) =>
    isOrgSlug(text) ? null : "must be an organisation: 1-63 characters of a-z, 0-9, _ and -, in lower case",
};

/** The provider, in any case. */
export const providerArgument: Argument = {
  name: "provider",
  help: "A provider, such as openai (all: providers check)",
  check: (text) => (PROVIDER_SLUG.test(text.toLowerCase()) ? null : "must be a provider, such as openai"),
};

/** @throws Stop naming no value, where an argument holds what has the form of a secret */
export function refuseKeys(argv: readonly string[]): void {
  if (argv.some(looksLikeKey)) throw secretGiven();
}

/**
 * Reads what stands behind the command's name. Complaints name the place and the remedy, never what was typed there.
 *
 * @throws Stop
 */
export function parse(command: Command, argv: readonly string[]): Given {
  const options: Record<string, Option> = { ...command.options, ...everywhere };
  const { tokens } = parseArgs({
    args: [...argv],
    options: Object.fromEntries(
      Object.entries(options).map(([name, { value }]) => [name, { type: value === undefined ? "boolean" : "string" }]),
    ),
    strict: false,
    allowPositionals: true,
    tokens: true,
  });
  const words: string[] = [];
  const values = new Map<string, string[]>();
  for (const token of tokens) {
    if (token.kind === "positional") words.push(token.value);
    if (token.kind !== "option") continue;
    const option = Object.hasOwn(options, token.name) ? options[token.name] : undefined;
    if (option === undefined) throw unknownOption(command, token.name, Object.keys(options));
    const value = readOption(command, token.name, option, token);
    const before = values.get(token.name) ?? [];
    if (before.length > 0 && option.value !== undefined && !option.many)
      throw usage(`--${token.name} is given twice`, helpOf(command));
    values.set(token.name, [...before, value]);
  }
  const byName = readWords(command, words);
  for (const [name, option] of Object.entries(options))
    if (option.required && !values.has(name))
      throw usage(`--${name} is missing: ${option.help}`, `Write --${name} ${option.value ?? ""}. ${helpOf(command)}`);
  return givenOf(command, options, byName, values);
}

function readOption(
  command: Command,
  name: string,
  option: Option,
  token: { value?: string | undefined; inlineValue?: boolean | undefined },
): string {
  const { value } = token;
  if (option.value === undefined) {
    if (value === undefined) return "";
    if (command.takesSecret && name === "credential") throw secretGiven();
    throw usage(`--${name} takes no value`, helpOf(command));
  }
  if (value === undefined || value === "" || (token.inlineValue !== true && /^--?[a-z]/.test(value)))
    throw usage(`--${name} needs a value: ${option.help}`, `Write --${name} ${option.value}`);
  if (!option.opaque && looksRandom(value)) throw secretGiven();
  const complaint = choiceComplaint(option, value) ?? option.check?.(value) ?? null;
  if (complaint !== null) throw usage(`--${name} ${complaint}`, helpOf(command));
  return value;
}

/** The choice that was meant is named, never what was typed. */
function choiceComplaint({ choices }: Pick<Option, "choices">, text: string): string | null {
  if (choices === undefined || choices.includes(text)) return null;
  const meant = nearest(text, choices);
  return `must be one of: ${choices.join(", ")}${meant === null ? "" : `; did you mean ${meant}?`}`;
}

function readWords(command: Command, words: readonly string[]): Map<string, string[]> {
  const byName = new Map<string, string[]>();
  let next = 0;
  for (const argument of command.arguments) {
    const taken = words.slice(next, argument.many ? undefined : next + 1);
    next += taken.length;
    if (taken.length === 0 && !argument.optional)
      throw usage(`<${argument.name}> is missing: ${argument.help}`, `Write: ${usageLine(command)}`);
    for (const text of taken) {
      if (!argument.opaque && looksRandom(text)) throw secretGiven();
      const complaint =
        text === "" ? "must not be empty" : (choiceComplaint(argument, text) ?? argument.check?.(text) ?? null);
      if (complaint !== null) throw usage(`<${argument.name}> ${complaint}`, helpOf(command));
    }
    byName.set(argument.name, taken);
  }
  if (next < words.length) {
    if (command.takesSecret) throw secretGiven();
    throw usage(
      `There is one argument too many: ${command.name} takes ${command.arguments.length || "none"}`,
      `Write: ${usageLine(command)} (a * needs quotes: '*')`,
    );
  }
  return byName;
}

function givenOf(
  command: Command,
  options: Readonly<Record<string, Option>>,
  byName: ReadonlyMap<string, string[]>,
  values: ReadonlyMap<string, string[]>,
): Given {
  const wordsOf = (name: string): string[] => {
    const words = byName.get(name);
    if (words === undefined) throw new Error(`${command.name} has no argument ${name}`);
    return words;
  };
  const valuesOf = (name: string): string[] => {
    if (!Object.hasOwn(options, name)) throw new Error(`${command.name} has no option --${name}`);
    return values.get(name) ?? [];
  };
  return {
    argument: (name) => wordsOf(name)[0] ?? "",
    optionalArgument: (name) => wordsOf(name)[0] ?? null,
    arguments: (name) => [...wordsOf(name)],
    flag: (name) => valuesOf(name).length > 0,
    text: (name) => valuesOf(name)[0] ?? null,
    texts: (name) => [...valuesOf(name)],
  };
}

/** `cloudact-integrations setup <org> <provider> [options]`. */
export function usageLine(command: Command): string {
  const words = command.arguments.map(({ name, optional, many }) => {
    const word = `<${name}>${many ? "…" : ""}`;
    return optional ? `[${word}]` : word;
  });
  const required = Object.entries(command.options)
    .filter(([, option]) => option.required)
    .map(([name, { value }]) => `--${name} ${value}`);
  return ["cloudact-integrations", command.name, ...words, ...required, "[options]"].join(" ");
}

function unknownOption(command: Command, name: string, known: readonly string[]): Stop {
  if (command.takesSecret && /key|secret|credential|token|password/i.test(name)) return secretGiven();
  const showable = /^[a-z][a-z-]{0,30}$/.test(name);
  const meant = showable ? nearest(name, known) : null;
  return usage(
    showable ? `${command.name} has no option --${name}` : `${command.name} has no such option`,
    meant === null ? helpOf(command) : `Did you mean --${meant}? ${helpOf(command)}`,
  );
}

function secretGiven(): Stop {
  return usage(
    "Secrets are never taken from the command line: it is kept in the shell's history and seen by every process",
    "Pipe it (… < key.txt), name a file (--file key.txt), or leave it out and type it when asked. Replace a key that was typed here. The tool's own key and token are read from INTEGRATIONS_API_KEY and INTEGRATIONS_TOKEN",
  );
}

function helpOf(command: Command): string {
  return `See: cloudact-integrations ${command.name} --help`;
}
