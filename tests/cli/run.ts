import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

export const root = fileURLToPath(new URL("../..", import.meta.url));
const main = join(root, "shared/cli/main.ts");

export interface Ran {
  code: number | null;
  stdout: string;
  stderr: string;
}

/** Everything that any run printed, for looking for secrets in it. */
export const printed: string[] = [];

/** A clean environment: nothing of the developer's own. */
export function environment(more: Record<string, string> = {}): Record<string, string> {
  return { PATH: process.env["PATH"] ?? "", HOME: process.env["HOME"] ?? "", ...more };
}

/** Runs the tool as a person does: a process of its own. `stdin` is piped; without it stdin is at its end. */
export function cli(args: string[], env: Record<string, string>, stdin = ""): Promise<Ran> {
  return ran(spawn(process.execPath, [main, ...args], { cwd: root, env: environment(env) }), stdin);
}

export function ran(child: ChildProcess, stdin = ""): Promise<Ran> {
  const out: Ran = { code: null, stdout: "", stderr: "" };
  child.stdout?.setEncoding("utf8").on("data", (text: string) => {
    out.stdout += text;
  });
  child.stderr?.setEncoding("utf8").on("data", (text: string) => {
    out.stderr += text;
  });
  child.stdin?.on("error", () => {});
  child.stdin?.end(stdin);
  return new Promise((resolve) => {
    child.on("close", (code) => {
      printed.push(out.stdout, out.stderr);
      resolve({ ...out, code });
    });
  });
}

/** A folder that goes away. */
export function temporaryFolder(): { path: string; remove: () => void } {
  const path = mkdtempSync(join(tmpdir(), "cloudact-cli-"));
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}

/** The real service as a child, on a port of its own. */
export async function startService(env: Record<string, string>): Promise<{ url: string; stop: () => Promise<void> }> {
  const child = spawn(process.execPath, [join(root, "functions/start.ts")], {
    cwd: root,
    env: environment({ ...env, PORT: "0" }),
    stdio: ["ignore", "pipe", "ignore"],
  });
  const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  const url = await new Promise<string>((resolve, reject) => {
    let text = "";
    child.stdout.setEncoding("utf8").on("data", (piece: string) => {
      text += piece;
      const found = /ready (\S+)/.exec(text)?.[1];
      if (found) resolve(found);
    });
    child.once("exit", (code) => reject(new Error(`the service ended with ${code}`)));
  });
  return {
    url,
    async stop() {
      child.kill("SIGTERM");
      await ended;
    },
  };
}
