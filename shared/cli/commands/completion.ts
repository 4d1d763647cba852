import { unlessUnusable } from "../backend.ts";
import type { Command } from "../command.ts";
import { completionFor, shells } from "../completion/script.ts";
import { registryFiles } from "../registry-files.ts";
import { exits } from "../stop.ts";

/** The command that prints completion for all of them, itself included. */
export const completionOf = (all: () => readonly Command[]): Command => ({
  name: "completion",
  group: "operations",
  summary: "A script that completes commands, options, providers and files",
  arguments: [{ name: "shell", help: "bash, zsh or fish", choices: shells }],
  options: {},
  example: "source <(cloudact-integrations completion bash)",
  notes: [
    "For every shell from now on: put that line into ~/.bashrc or ~/.zshrc (with zsh), or",
    "  cloudact-integrations completion fish > ~/.config/fish/completions/cloudact-integrations.fish",
  ],
  async run({ given, terminal, json, environment }) {
    const [{ pathOf }, { load }] = await Promise.all([import("../../registry/check.ts"), registryFiles(environment)]);
    const shell = shells.find((one) => one === given.argument("shell")) ?? "bash";
    const { entries } = await unlessUnusable(load);
    const script = completionFor(shell, all(), entries.map(pathOf));
    terminal.print(json ? JSON.stringify({ shell, script }) : script.trimEnd());
    return exits.ok;
  },
});
