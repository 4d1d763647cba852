import { type ChildProcess, spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { root } from "./page.ts";

/** A shell in a folder of its own, in which a page's blocks are run one after the other, as a reader would. */
export interface Shell {
  /** Runs a block. @returns what it printed. @throws Error with both outputs where a command of it fails */
  run(text: string): Promise<string>;
  write(file: string, text: string): void;
  close(): Promise<void>;
}

/**
 * `npm run cli -- …` works as in the repository, on files of the shell's own folder. `npm start` stays behind, is waited
 * for and replaces the one before; the demo ends after its walk. What a test stands on was installed by `npm ci`.
 */
const PRELUDE = `set -euo pipefail
npm() {
  case "$*" in
    ci) ;;
    start)
      [ -z "\${service:-}" ] || { kill "$service"; wait "$service" || true; }
      "$NODE" "$REPOSITORY/functions/start.ts" >start.log 2>&1 &
      service=$!
      for _ in $(seq 200); do grep -q ready start.log && return 0; sleep 0.1; done
      cat start.log >&2; return 1 ;;
    "run demo"*) PORT=0 "$NODE" "$REPOSITORY/scripts/demo.ts" --once ;;
    "run --silent cli -- "*) shift 4; "$NODE" "$REPOSITORY/shared/cli/main.ts" "$@" ;;
    "run cli -- "*) shift 3; "$NODE" "$REPOSITORY/shared/cli/main.ts" "$@" ;;
    *) echo "the documentation's npm $1 $2 is not run here" >&2; return 1 ;;
  esac
}
trap 'kill $(jobs -p) 2>/dev/null' EXIT
`;

export function openShell(environment: Readonly<Record<string, string>>): Shell {
  const folder = mkdtempSync(join(tmpdir(), "cloudact-docs-"));
  for (const name of ["examples", "configs", "docs", "node_modules", "package.json"])
    symlinkSync(join(root, name), join(folder, name));
  const child: ChildProcess = spawn("bash", ["--noprofile", "--norc"], {
    cwd: folder,
    env: {
      PATH: `${join(process.execPath, "..")}:${process.env["PATH"] ?? ""}`,
      HOME: folder,
      NODE: process.execPath,
      REPOSITORY: root,
      NO_COLOR: "1",
      ...environment,
    },
    stdio: ["pipe", "pipe", "pipe"],
  });
  let stdout = "";
  let stderr = "";
  child.stdout?.setEncoding("utf8").on("data", (text: string) => (stdout += text));
  child.stderr?.setEncoding("utf8").on("data", (text: string) => (stderr += text));
  child.stdin?.on("error", () => {}); // it has ended: what it printed tells why
  child.stdin?.write(PRELUDE);
  return {
    run: async (text) => {
      const end = `end-${randomUUID()}`;
      stdout = "";
      stderr = "";
      // From a file: a command that reads its input must not find the next commands there.
      writeFileSync(join(folder, ".block.sh"), text);
      child.stdin?.write(`. ./.block.sh </dev/null\necho "${end}"\n`);
      while (!stdout.includes(end)) {
        if (child.exitCode !== null) throw new Error(`a command failed\n${stdout}\n${stderr}`);
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
      return stdout.slice(0, stdout.indexOf(end));
    },
    write: (file, text) => {
      mkdirSync(join(folder, file, ".."), { recursive: true });
      writeFileSync(join(folder, file), text, { mode: 0o600 });
    },
    close: async () => {
      const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
      child.stdin?.end();
      if (child.exitCode === null) await ended;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
