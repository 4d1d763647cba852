import { execFile, spawn } from "node:child_process";
import { cpSync, existsSync, mkdirSync, renameSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { constants, setPriority } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { promisify } from "node:util";

/** The second judge: GoogleSQL's own analyzer over SQLite, in Go alone since 0.7. */
export const MODULE = "github.com/goccy/bigquery-emulator";
export const VERSION = "v0.8.1";
const OLDEST_GO = [1, 25] as const;

const run = promisify(execFile);

/** The judge cannot be had here; says why. Nothing is wrong with the SQL. */
export class Unavailable extends Error {
  override readonly name = "Unavailable";
}

/**
 * The emulator's binary: the one in the cache folder, or else one built there, which takes ten minutes, 4 GB of memory
 * and as much of the disk, most of which it gives back. Source and modules come through the Go module proxy, checked
 * against the module's own go.sum.
 *
 * @throws Unavailable where there is no Go, an older one, or the build fails
 */
export async function buildEmulator(cache: string, say: (line: string) => void): Promise<string> {
  const binary = join(cache, `bigquery-emulator-${VERSION}`);
  if (existsSync(binary)) return binary;
  await requireGo();
  mkdirSync(cache, { recursive: true });
  const env = {
    ...process.env,
    CGO_ENABLED: "0",
    GOFLAGS: "-buildvcs=false",
    GOMODCACHE: join(cache, "modules"),
    GOCACHE: join(cache, "objects"),
  };
  say(`building ${MODULE} ${VERSION} in ${cache}`);
  // Not `go install`: that asks the proxy for a list of all versions, which some proxies do not hand out.
  const found: unknown = JSON.parse(await go(["mod", "download", "-json", `${MODULE}@${VERSION}`], cache, env));
  const folder = typeof found === "object" && found !== null && "Dir" in found ? found.Dir : undefined;
  if (typeof folder !== "string") throw new Unavailable("the Go module proxy did not say where the module is");
  const source = join(cache, "source");
  rmSync(source, { recursive: true, force: true });
  cpSync(folder, source, { recursive: true });
  await run("chmod", ["-R", "u+w", source]);
  await go(["build", "-p", "1", "-o", `${binary}.new`, "./cmd/bigquery-emulator"], source, env);
  renameSync(`${binary}.new`, binary);
  await go(["clean", "-cache", "-modcache"], cache, env);
  for (const folder of ["source", "modules", "objects"]) rmSync(join(cache, folder), { recursive: true, force: true });
  return binary;
}

async function requireGo(): Promise<void> {
  const { stdout } = await run("go", ["env", "GOVERSION"]).catch(() => {
    throw new Unavailable(`there is no Go on the PATH: install Go ${OLDEST_GO.join(".")} or newer, or give --emulator`);
  });
  const [major = 0, minor = 0] = stdout.trim().replace(/^go/, "").split(".").map(Number);
  if (major < OLDEST_GO[0] || (major === OLDEST_GO[0] && minor < OLDEST_GO[1]))
    throw new Unavailable(`Go ${major}.${minor} is too old: the emulator needs ${OLDEST_GO.join(".")}`);
}

async function go(args: string[], cwd: string, env: NodeJS.ProcessEnv): Promise<string> {
  const working = run("go", args, { cwd, env, maxBuffer: 64 * 1024 * 1024 });
  // Whoever works on this machine comes first.
  if (working.child.pid !== undefined) setPriority(working.child.pid, constants.priority.PRIORITY_LOW);
  try {
    return (await working).stdout;
  } catch (error) {
    const said = error instanceof Error && "stderr" in error ? String(error.stderr).trim().split("\n").at(-1) : "";
    throw new Unavailable(`go ${args[0]} ${args[1]} failed: ${said}`);
  }
}

export interface Emulator {
  /** `http://127.0.0.1:PORT` */
  endpoint: string;
  close(): Promise<void>;
}

/** Starts the emulator on loopback, with one project and nothing in it. @throws Unavailable where it does not come up */
export async function startEmulator(binary: string, project: string): Promise<Emulator> {
  const [http, grpc] = [await freePort(), await freePort()];
  const args = ["--project", project, "--host", "127.0.0.1", "--port", `${http}`, "--grpc-port", `${grpc}`];
  const child = spawn(binary, args, { stdio: "ignore" });
  const life = { isOver: false };
  const ended = new Promise<void>((resolve) => {
    const end = () => {
      life.isOver = true;
      resolve();
    };
    child.once("exit", end).once("error", end);
  });
  const endpoint = `http://127.0.0.1:${http}`;
  // However this process ends, the emulator ends with it.
  process.once("exit", () => child.kill());
  try {
    await untilUp(endpoint, project, life);
  } catch (error) {
    child.kill();
    throw error;
  }
  return {
    endpoint,
    async close() {
      child.kill();
      await ended;
    },
  };
}

async function untilUp(endpoint: string, project: string, life: { isOver: boolean }): Promise<void> {
  for (let tries = 0; tries < 600; tries += 1) {
    if (life.isOver) break;
    const answer = await fetch(`${endpoint}/bigquery/v2/projects/${project}/datasets`).catch(() => null);
    if (answer?.ok) return;
    await setTimeout(100);
  }
  throw new Unavailable("the emulator did not come up");
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === "string") throw new Error("no port");
  return address.port;
}
