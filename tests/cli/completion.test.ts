import { spawn, spawnSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { commands } from "../../shared/cli/commands.ts";
import { completionFor } from "../../shared/cli/completion/script.ts";
import { cli, environment, ran, root, temporaryFolder } from "./run.ts";

const folder = temporaryFolder();
const script = join(folder.path, "completion.bash");

beforeAll(async () => {
  const done = await cli(["completion", "bash"], {});
  expect(done).toMatchObject({ code: 0, stderr: "" });
  writeFileSync(script, done.stdout);
  mkdirSync(join(folder.path, "lists"));
  writeFileSync(join(folder.path, "lists/keys.csv"), "");
});
afterAll(folder.remove);

/** What a real bash offers behind these words, the last being begun. */
async function offered(...words: string[]): Promise<string[]> {
  const lines = [
    `source ${script}`,
    `COMP_WORDS=(cloudact-integrations "$@")`,
    "COMP_CWORD=$#",
    "_cloudact_integrations",
    `printf '%s\\n' "\${COMPREPLY[@]}"`,
  ];
  const done = await ran(
    spawn("bash", ["--norc", "-u", "-c", lines.join("\n"), "bash", ...words], { cwd: folder.path, env: environment() }),
  );
  expect(done).toMatchObject({ code: 0, stderr: "" });
  return done.stdout.split("\n").filter((line) => line !== "");
}

describe("in a real bash", () => {
  test.each<[string, string[], unknown]>([
    [
      "the first words of all commands",
      [""],
      expect.arrayContaining(["setup", "import", "org-key", "doctor", "completion", "--help"]),
    ],
    ["a begun command", ["deb"], ["debug"]],
    ["the second words of a group", ["org-key", ""], ["create", "list", "revoke", "import"]],
    [
      "a command's options, and those of every command",
      ["status", "acme", "--"],
      ["--category", "--configured", "--expiring-within", "--ics", "--json", "--help"],
    ],
    ["an option's choices", ["status", "acme", "--category", ""], ["cloud", "genai", "saas"]],
    ["the choices of a command of two words", ["org-key", "create", "acme", "--scope", "m"], ["manage"]],
    ["providers where one stands", ["setup", "acme", "anth"], ["anthropic"]],
    [
      "providers, over options and their values before them",
      ["setup", "--name", "Main", "--dry-run", "acme", "anth"],
      ["anthropic"],
    ],
    ["no provider where the organisation stands", ["setup", ""], []],
    ["providers of an option", ["grant", "create", "--provider", "anth"], ["anthropic"]],
    ["files of an option", ["setup", "acme", "openai", "--file", "lists/k"], ["lists/keys.csv"]],
    ["files of an argument", ["import", "acme", "lists/"], ["lists/keys.csv"]],
    ["shells", ["completion", ""], ["bash", "zsh", "fish"]],
    ["nothing behind a command that is none", ["nonsense", ""], []],
  ])("%s", async (_, words, expected) => {
    expect(await offered(...words)).toEqual(expected);
  });

  test("is registered for the tool's name", async () => {
    const lines = `source ${script}; complete -p cloudact-integrations`;
    const done = await ran(spawn("bash", ["--norc", "-c", lines], { cwd: root, env: environment() }));
    expect(done.stdout).toContain("-F _cloudact_integrations cloudact-integrations");
  });
});

test.each(["bash", "zsh", "fish"] as const)("%s is told every command and every option", (shell) => {
  const text = completionFor(shell, commands, ["openai"]);
  for (const { name, options } of commands) {
    expect(text).toContain(name.split(" ").at(-1));
    for (const option of Object.keys(options)) expect(text).toContain(option);
  }
  expect(text).not.toMatch(/@[A-Z]+@/);
});

test.each(["zsh", "fish"])("%s takes the script, where it is on the machine", (shell) => {
  const text = completionFor(shell === "zsh" ? "zsh" : "fish", commands, ["openai"]);
  const there = spawnSync(shell, ["-c", "exit 0"]).status === 0;
  expect(there ? spawnSync(shell, ["-n"], { input: text }).status : 0).toBe(0);
});
