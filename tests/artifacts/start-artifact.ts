import { type ChildProcess, spawn } from "node:child_process";
import { accessSync, constants, statSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Target } from "../../scripts/build/targets.ts";
import { prepareArtifacts } from "./prepared.ts";

/** An artifact that runs. */
export interface Running {
  /** `http://127.0.0.1:P` */
  origin: string;
  child: ChildProcess;
  /** Everything that it has printed. */
  output(): { stdout: string; stderr: string };
  /** Hosts other than loopback that it wanted to reach; none of them was. */
  outgoing(): readonly string[];
  /** Ends it with a signal and resolves with its exit code. */
  stop(signal?: NodeJS.Signals): Promise<number | null>;
}

/**
 * Starts an artifact in its own folder by the framework's command line, as the platform does, with this environment and
 * nothing of ours, as a user who may write there nothing.
 *
 * @throws Error with what it printed, where it ends before it listens
 */
export async function startArtifact(target: Target, env: Record<string, string>): Promise<Running> {
  const running = await spawnArtifact(target, env);
  const port = await new Promise<number | null>((resolve) => {
    running.child.on("message", (message: Message) => message.listening !== undefined && resolve(message.listening));
    running.child.once("close", () => resolve(null));
  });
  if (port === null) throw new Error(`${target} did not start: ${running.output().stderr}`);
  return { origin: `http://127.0.0.1:${port}`, ...running };
}

/** What the recorder tells. */
interface Message {
  listening?: number;
  outgoing?: string;
}

/** The same without waiting for anything, for artifacts that must not start. */
export async function spawnArtifact(target: Target, env: Record<string, string>): Promise<Omit<Running, "origin">> {
  const { folderOf } = await prepareArtifacts();
  const folder = folderOf(target);
  const child = spawn(process.execPath, [join(folder, "node_modules/.bin/functions-framework")], {
    cwd: folder,
    env: {
      PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
      HOME: "/nonexistent",
      PORT: "0",
      NODE_ENV: "production",
      FUNCTION_TARGET: target,
      FUNCTION_SIGNATURE_TYPE: "http",
      NODE_OPTIONS: `--require=${join(import.meta.dirname, "recorder.cjs")}`,
      ...env,
    },
    stdio: ["ignore", "pipe", "pipe", "ipc"],
    ...nobody(),
  });
  const chunks = { stdout: "", stderr: "" };
  const outgoing: string[] = [];
  child.stdout?.on("data", (chunk: Buffer) => (chunks.stdout += chunk.toString()));
  child.stderr?.on("data", (chunk: Buffer) => (chunks.stderr += chunk.toString()));
  child.on("message", (message: Message) => message.outgoing !== undefined && outgoing.push(message.outgoing));
  const exited = new Promise<number | null>((resolve) => child.once("close", (code) => resolve(code)));
  return {
    child,
    output: () => ({ ...chunks }),
    outgoing: () => outgoing,
    stop: async (signal = "SIGTERM") => {
      child.kill(signal);
      return await exited;
    },
  };
}

/** Root may write where nobody may: the process runs as somebody else, where that user could start Node at all. */
function nobody(): { uid?: number; gid?: number } {
  if (process.getuid?.() !== 0) return {};
  for (const file of [process.execPath, import.meta.filename]) {
    for (let folder = dirname(file); ; folder = dirname(folder)) {
      if ((statSync(folder).mode & 0o005) !== 0o005) return {};
      if (folder === dirname(folder)) break;
    }
  }
  accessSync(process.execPath, constants.X_OK);
  return { uid: 65_534, gid: 65_534 };
}
