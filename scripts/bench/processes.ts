import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import { join } from "node:path";

const root = join(import.meta.dirname, "../..");

/** A request that a target must answer, whatever the status, once everything behind it is open. */
export interface First {
  method: string;
  path: string;
  headers: Record<string, string>;
  body?: string;
}

/** A target that has answered. */
export interface Started {
  child: ChildProcess;
  url: string;
  /** From the start of the process to the end of its first answer, milliseconds. */
  ms: number;
  /** The same request once more, milliseconds. */
  againMs: number;
}

/** Starts a target by the framework's command line and waits for the answer to the first request. `source` is a folder, with the framework in it or not, or a file. */
export async function startTarget(
  target: string,
  source: string,
  env: Record<string, string>,
  first: First,
): Promise<Started> {
  const port = await freePort();
  const framework = [source, root]
    .map((folder) => join(folder, "node_modules/.bin/functions-framework"))
    .find((file) => existsSync(file));
  if (framework === undefined) throw new Error("the functions framework is not installed");
  const startedAt = performance.now();
  const child = spawn(process.execPath, [framework, `--target=${target}`, `--source=${source}`], {
    env: { PATH: process.env["PATH"] ?? "", NODE_ENV: "production", PORT: String(port), ...env },
    stdio: ["ignore", "ignore", "pipe"],
  });
  let said = "";
  child.stderr?.on("data", (chunk: Buffer) => {
    if (said.length < 2_000) said += chunk.toString();
  });
  await accepts(port, child, () => said);
  const url = `http://127.0.0.1:${port}`;
  const ask = async () => {
    const response = await fetch(url + first.path, {
      method: first.method,
      headers: first.headers,
      ...(first.body === undefined ? {} : { body: first.body }),
    });
    const text = await response.text();
    if (response.status >= 500 || response.status === 401)
      throw new Error(`${target} answered ${response.status}: ${text}`);
  };
  await ask();
  const answeredAt = performance.now();
  await ask();
  return { child, url, ms: answeredAt - startedAt, againMs: performance.now() - answeredAt };
}

/** The most memory that a process has held so far, MB; `null` where the system does not say. */
export function peakMb({ pid }: ChildProcess): number | null {
  try {
    const kilobytes = /VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
    return kilobytes === undefined ? null : Math.round(Number(kilobytes) / 1024);
  } catch {
    return null;
  }
}

/** Ends a process and waits for it. */
export async function end(child: ChildProcess): Promise<void> {
  const gone = new Promise((resolve) => child.once("exit", resolve));
  child.kill("SIGKILL");
  await gone;
}

async function accepts(port: number, child: ChildProcess, said: () => string): Promise<void> {
  for (;;) {
    if (child.exitCode !== null) throw new Error(`the target ended with ${child.exitCode}: ${said()}`);
    const open = await new Promise<boolean>((resolve) => {
      const socket = connect(port, "127.0.0.1", () => {
        socket.destroy();
        resolve(true);
      });
      socket.once("error", () => resolve(false));
    });
    if (open) return;
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === "object" && address !== null ? address.port : 0;
}

/** The middle of the numbers. */
export function median(numbers: number[]): number {
  const sorted = [...numbers].sort((left, right) => left - right);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}
