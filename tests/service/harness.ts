import { type ChildProcess, spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { createServer } from "node:net";
import { join } from "node:path";
import { assemble, type Parts, readPlan } from "../../functions/parts.ts";
import { targets } from "../../scripts/build/targets.ts";
import type { Scope } from "../../shared/contract/rows.ts";
import { hashOrgKey, mintOrgKey } from "../../shared/vault/org-key.ts";
import { startTogether } from "../artifacts/all-together.ts";
import { startArtifact } from "../artifacts/start-artifact.ts";
import { type Simulators, startSimulators } from "../simulators/start.ts";
import { openBackend, type TestBackend } from "./backend.ts";

const root = join(import.meta.dirname, "../..");

/** What came back, body parsed where it is JSON. */
export interface Reply {
  status: number;
  headers: Headers;
  // biome-ignore lint/suspicious/noExplicitAny: tests look at members of every answer
  body: any;
  text: string;
}

// biome-ignore lint/suspicious/noExplicitAny: tests look at members of every record
export type AuditLine = Record<string, any>;

export interface Service {
  /** `http://127.0.0.1:P` */
  origin: string;
  /** The origin with the prefix. */
  base: string;
  /** What a further service is given that shall stand on the same backend. */
  home: string;
  backend: TestBackend;
  simulators: Simulators;
  /** The same backend, opened by this process too. */
  parts: Parts;
  /** The gateway's process, or a function's; `null` where the functions run as artifacts, several processes. */
  child: ChildProcess | null;
  /** Everything the process has printed. */
  output(): { stdout: string; stderr: string };
  orgKey(org: string, scope?: Scope, change?: { expires_at?: string; revoked_at?: string }): Promise<string>;
  grant(
    subject: string,
    orgs: string[],
    providers?: string[],
    change?: { expires_at?: string; revoked_at?: string },
  ): Promise<string>;
  token(subject: string, audience?: string): Promise<string>;
  /**
   * The audit records that hold a text, a request's id mostly, or all of them, oldest first. What a process has written
   * may reach its parent a little later than its answer: one that holds the text is waited for.
   */
  audit(about?: string | null): Promise<AuditLine[]>;
  /** One request; `path` stands under the prefix unless it is absolute. */
  send(
    method: string,
    path: string,
    options?: { key?: string; token?: string; headers?: Record<string, string>; body?: unknown; raw?: string | Buffer },
  ): Promise<Reply>;
  /**
   * To be called where decrypt has to see what another process has changed: it may remember a credential for a while.
   * On Google Cloud its instance ends and the next request gets a new one; in one process it knows by itself.
   */
  freshDecrypt(): Promise<void>;
  /** Ends the process with a signal and resolves with its exit code. */
  stop(signal?: NodeJS.Signals): Promise<number | null>;
  close(): Promise<void>;
}

export interface ServiceOptions {
  env?: Record<string, string>;
  /** A function alone. */
  target?: string;
  /** Of another service, with which this one shares its backend. */
  home?: string;
  simulators?: Simulators;
  /** The gateway from source, on every backend: for what is true of one process only. */
  inOneProcess?: boolean;
}

/**
 * Starts the real service on a free port, with simulated providers and a home of its own. On one machine that is one
 * process: `npm start`'s, or the framework's CLI with a function's target. On Google Cloud's simulators it is the built
 * artifacts, one process a function, each with its own identity.
 */
export async function startService(options: ServiceOptions = {}): Promise<Service> {
  const backend = await openBackend(options.home);
  const simulators = options.simulators ?? (await startSimulators());
  const given = { INTEGRATIONS_RATE_LIMIT: "0", ...simulators.env, ...options.env };
  const started = await start(backend, options, given);
  const parts = await assemble(readPlan(null, { ...given, ...backend.env(), PORT: "0" }));
  const base = `${started.origin}/api/v1/integrations`;
  const now = () => new Date().toISOString();
  const later = () => new Date(Date.now() + 86_400_000).toISOString();
  return {
    ...started,
    base,
    home: backend.home,
    backend,
    simulators,
    parts,
    orgKey: async (org, scope = "manage", change = {}) => {
      const { key, keyId } = mintOrgKey(parts.keyEnvironment);
      const [pepper] = await parts.secrets.peppers();
      await parts.orgKeys.addKey({
        key_id: keyId,
        org_slug: org,
        environment: parts.keyEnvironment,
        scope,
        name: null,
        key_hmac: hashOrgKey(pepper.bytes, key.reveal()),
        pepper_version: pepper.version,
        legacy: false,
        created_at: now(),
        created_by: "test",
        expires_at: null,
        revoked_at: null,
        revoked_by: null,
        ...change,
      });
      return key.reveal();
    },
    grant: async (subject, orgs, providers = ["*"], change = {}) => {
      const grantId = randomUUID();
      await parts.grants.addGrant({
        grant_id: grantId,
        subject,
        org_slugs: orgs,
        providers,
        created_at: now(),
        created_by: "test",
        expires_at: later(),
        revoked_at: null,
        revoked_by: null,
        ...change,
      });
      return grantId;
    },
    token: (subject, audience) => backend.token(subject, parts.clock.now(), audience),
    audit: async (about = "") => {
      for (let tries = 0; ; tries += 1) {
        const found = backend
          .audit(started.output().stdout)
          .filter((record) => JSON.stringify(record).includes(String(about)));
        if ((found.length > 0 && about !== "") || tries === 40) return found;
        await new Promise((resolve) => setTimeout(resolve, about === "" ? 1 : 25));
      }
    },
    send: (method, path, request = {}) => send(path.startsWith("http") ? path : `${base}${path}`, method, request),
    close: async () => {
      await started.stop("SIGKILL");
      parts.store.close();
      if (!options.simulators) await simulators.close();
      await backend.close();
    },
  };
}

type Started = Pick<Service, "origin" | "child" | "output" | "freshDecrypt" | "stop">;

async function start(
  backend: TestBackend,
  { target, inOneProcess = false }: ServiceOptions,
  given: Record<string, string>,
): Promise<Started> {
  const envOf = (name?: string) => ({ ...backend.env(name), ...given });
  const freshDecrypt = async () => {};
  if (backend.name === "gcp" && !inOneProcess) {
    const one = targets.find((name) => name === target);
    if (one !== undefined) return { freshDecrypt, ...(await startArtifact(one, envOf(one))) };
    const all = await startTogether(envOf);
    return { child: null, ...all, freshDecrypt: () => all.renew("decrypt") };
  }
  const env = { PATH: process.env["PATH"] ?? "", ...envOf(target) };
  return { freshDecrypt, ...(target === undefined ? await startGateway(env) : await startTarget(target, env)) };
}

type Process = Omit<Started, "freshDecrypt">;

async function startGateway(env: Record<string, string>): Promise<Process> {
  const child = spawn(process.execPath, ["functions/start.ts"], {
    cwd: root,
    env: { ...env, PORT: "0" },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const output = record(child);
  const stop = stopper(child);
  const origin = await until(
    child,
    output,
    () => /ready (http:\/\/127\.0\.0\.1:\d+)\//.exec(output().stdout)?.[1] ?? null,
  );
  return { origin, child, output, stop };
}

/** As the cloud starts it: the framework's own command line, told which function to serve. */
async function startTarget(target: string, env: Record<string, string>): Promise<Process> {
  const port = await freePort();
  const cli = join(root, "node_modules/@google-cloud/functions-framework/build/src/main.js");
  const child = spawn(process.execPath, [cli, `--target=${target}`, `--source=functions/${target}.ts`], {
    cwd: root,
    env: { ...env, PORT: String(port), NODE_ENV: "production" },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const output = record(child);
  const stop = stopper(child);
  const origin = `http://127.0.0.1:${port}`;
  await until(child, output, async () => ((await fetch(`${origin}/health`).catch(() => null))?.ok ? origin : null));
  return { origin, child, output, stop };
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === "object" && address !== null ? address.port : 0;
}

function stopper(child: ChildProcess): Started["stop"] {
  const exited = new Promise<number | null>((resolve) => child.once("exit", (code) => resolve(code)));
  return async (signal = "SIGTERM") => {
    child.kill(signal);
    return await exited;
  };
}

function record(child: ChildProcess): () => { stdout: string; stderr: string } {
  const chunks = { stdout: "", stderr: "" };
  child.stdout?.on("data", (chunk: Buffer) => (chunks.stdout += chunk.toString()));
  child.stderr?.on("data", (chunk: Buffer) => (chunks.stderr += chunk.toString()));
  return () => chunks;
}

async function until(
  child: ChildProcess,
  output: () => { stdout: string; stderr: string },
  look: () => string | null | Promise<string | null>,
): Promise<string> {
  for (let tries = 0; tries < 600; tries += 1) {
    const found = await look();
    if (found !== null) return found;
    if (child.exitCode !== null) throw new Error(`the service ended with ${child.exitCode}: ${output().stderr}`);
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  throw new Error(`the service did not start: ${output().stderr}`);
}

export async function send(
  url: string,
  method: string,
  { key, token, headers = {}, body, raw }: NonNullable<Parameters<Service["send"]>[2]>,
): Promise<Reply> {
  const payload = raw ?? (body === undefined ? undefined : JSON.stringify(body));
  const response = await fetch(url, {
    method,
    headers: {
      ...(key === undefined ? {} : { "x-api-key": key }),
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...(payload === undefined ? {} : { "content-type": "application/json" }),
      // The next request may be for another function's process.
      connection: "close",
      ...headers,
    },
    ...(payload === undefined ? {} : { body: typeof payload === "string" ? payload : new Uint8Array(payload) }),
  });
  const text = await response.text();
  let parsed: unknown = null;
  try {
    parsed = JSON.parse(text);
  } catch {
    parsed = null;
  }
  return { status: response.status, headers: response.headers, body: parsed, text };
}
