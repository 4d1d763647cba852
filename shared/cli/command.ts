import type { Exit } from "./stop.ts";
import type { Terminal } from "./terminal.ts";

/** A word on the command line that stands by its place. */
export interface Argument {
  name: string;
  help: string;
  optional?: boolean;
  /** Takes all further words. Only for the last. */
  many?: boolean;
  choices?: readonly string[];
  /** @returns what is wrong with the text, `null` where nothing is; never the text itself */
  check?: (text: string) => string | null;
  /** May hold long random text that is no secret: an id, a path. */
  opaque?: boolean;
}

/** `--name`, with a value or without. */
export interface Option {
  /** Stands for the value in the help; left out where the option takes none. */
  value?: string;
  help: string;
  many?: boolean;
  required?: boolean;
  choices?: readonly string[];
  check?: (text: string) => string | null;
  opaque?: boolean;
}

/** Options that every command takes. */
export const everywhere: Readonly<Record<string, Option>> = {
  json: { help: "JSON on stdout, for programs" },
  help: { help: "Show this" },
};

/** What was given to a command, checked. Asking for a name that the command does not have is a bug. */
export interface Given {
  argument(name: string): string;
  /** `null` where it was left out. */
  optionalArgument(name: string): string | null;
  arguments(name: string): string[];
  flag(name: string): boolean;
  /** `null` where it was left out. */
  text(name: string): string | null;
  texts(name: string): string[];
}

/** What a command runs in. */
export interface Context {
  given: Given;
  terminal: Terminal;
  json: boolean;
  environment: Readonly<Record<string, string | undefined>>;
}

/** One row of the table that drives dispatch, help and completion. */
export interface Command {
  /** One or two words. */
  name: string;
  group: "integrations" | "access" | "operations";
  summary: string;
  arguments: readonly Argument[];
  options: Readonly<Record<string, Option>>;
  example: string;
  /** Further lines for its help. */
  notes?: readonly string[];
  /** Takes a secret from stdin, a file or a prompt. */
  takesSecret?: boolean;
  run(context: Context): Promise<Exit>;
}
