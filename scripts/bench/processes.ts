import { type ChildProcess, spawn } from "node:child_process";
import { connect, createServer } from "node:net";
import { join } from "node:path";

const root = join(import.meta.dirname, "../..");
const framework = join(root, "node_modules/@google-cloud/functions-framework/build/src/main.js");

/** A request that a target must answer, whatever the status, once everything behind it is open. */
export interface First {
  method: string;
  path: string;
  headers: Record<string, string>;
  body?: string;
}

/** Starts a target by the framework's command line and waits for the answer to the first request. */
export async function startTarget(
  target: string,
  source: string,
  env: Record<string, string>,
  first: First,
): Promise<{ child: ChildProcess; url: string; ms: number }> {
  const port = await freePort();
  const startedAt = performance.now();
  const child = spawn(process.execPath, [framework, `--target=${target}`, `--source=${join(root, source)}`], {
    env: { PATH: process.env["PATH"] ?? "", NODE_ENV: "production", PORT: String(port), ...env },
    stdio: ["ignore", "ignore", "ignore"],
  });
  await accepts(port, child);
  const url = `http://127.0.0.1:${port}`;
  const response = await fetch(url + first.path, {
    method: first.method,
    headers: first.headers,
    ...(first.body === undefined ? {} : { body: first.body }),
  });
  await response.arrayBuffer();
  if (response.status >= 500 || response.status === 401) throw new Error(`${target} answered ${response.status}`);
  return { child, url, ms: performance.now() - startedAt };
}

/** Ends a process and waits for it. */
export async function end(child: ChildProcess): Promise<void> {
  const gone = new Promise((resolve) => child.once("exit", resolve));
  child.kill("SIGKILL");
  await gone;
}

async function accepts(port: number, child: ChildProcess): Promise<void> {
  for (;;) {
    if (child.exitCode !== null) throw new Error(`the target ended with ${child.exitCode}`);
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
