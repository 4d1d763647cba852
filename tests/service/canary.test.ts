import { type ChildProcess, spawn } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { deflateSync, gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { markerIn, providerCodes } from "../simulators/start.ts";
import { backendName } from "./backend.ts";
import { type Reply, type Service, startService } from "./harness.ts";

const root = join(import.meta.dirname, "../..");
const RUN = { pipeline: "genai.payg_usage", run_id: "run-1" };

/** A fake secret that stands in one place only. `core` is the random part that nothing else can hold. */
interface Canary {
  place: string;
  core: string;
  text: string;
}

function freshCore(length = 24, alphabet = "ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz23456789"): string {
  for (;;) {
    const core = [...randomBytes(length)].map((byte) => alphabet[byte % alphabet.length]).join("");
    if (markerIn(core) === null && /[0-9]/.test(core)) return core;
  }
}

/** Every form in which a leak of it could be written. */
function formsOf({ core, text }: Canary): Map<string, Buffer> {
  const forms = new Map<string, Buffer>();
  const bytes = Buffer.from(text, "utf8");
  const add = (name: string, form: string | Buffer) => void forms.set(name, Buffer.from(form));
  add("as it is", core);
  add("its first characters", core.slice(0, 10));
  add("its last characters", core.slice(-10));
  add("reversed", [...core].reverse().join(""));
  add("UTF-16", Buffer.from(core, "utf16le"));
  add("hex", Buffer.from(core).toString("hex"));
  add("HEX", Buffer.from(core).toString("hex").toUpperCase());
  add("lower case", core.toLowerCase());
  add("upper case", core.toUpperCase());
  add("URL-encoded", encodeURIComponent(text));
  add("JSON-escaped", JSON.stringify(text).slice(1, -1));
  add("its whole digest", createHash("sha256").update(bytes).digest("hex").slice(0, 16));
  for (const shift of [0, 1, 2]) {
    // What surrounds it in a longer text decides the first and last characters: they are left out.
    const encoded = Buffer.concat([Buffer.alloc(shift), Buffer.from(core)]).toString("base64");
    const inner = encoded.slice(shift === 0 ? 0 : 4, -4);
    add(`base64, shifted by ${shift}`, inner);
    add(`base64url, shifted by ${shift}`, inner.replaceAll("+", "-").replaceAll("/", "_"));
  }
  return forms;
}

/** Where in these texts any form of any of them stands. */
function leaks(canaries: readonly Canary[], sinks: ReadonlyMap<string, Buffer>): string[] {
  const found: string[] = [];
  for (const canary of canaries)
    for (const [form, bytes] of formsOf(canary))
      for (const [sink, content] of sinks)
        if (content.includes(bytes)) found.push(`${canary.place}, ${form}, in ${sink}`);
  return found;
}

describe("the scanner", () => {
  let child: ChildProcess | null = null;
  const folder = mkdtempSync(join(tmpdir(), "integrations-plain-"));
  afterAll(() => {
    child?.kill("SIGKILL");
    rmSync(folder, { recursive: true, force: true });
  });

  test("finds what the framework as it comes prints of a malformed body", async () => {
    writeFileSync(join(folder, "plain.mjs"), 'export const plain = (_request, response) => response.send("ok");\n');
    const port = 20_000 + (process.pid % 20_000);
    child = spawn(
      process.execPath,
      [
        join(root, "node_modules/@google-cloud/functions-framework/build/src/main.js"),
        "--target=plain",
        `--source=${join(folder, "plain.mjs")}`,
      ],
      {
        env: { PATH: process.env["PATH"] ?? "", PORT: String(port), NODE_ENV: "production" },
        stdio: ["ignore", "pipe", "pipe"],
      },
    );
    let stderr = "";
    child.stderr?.on("data", (chunk: Buffer) => (stderr += chunk.toString()));
    const url = `http://127.0.0.1:${port}/`;
    for (let tries = 0; tries < 200 && !(await fetch(url).catch(() => null)); tries += 1)
      await new Promise((resolve) => setTimeout(resolve, 25));
    const core = freshCore();
    const canary = { place: "a malformed body", core, text: `sk-proj-${core}` };
    await fetch(url, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: `{"credential":"${canary.text}",`,
    });
    for (let tries = 0; tries < 80 && !stderr.includes(core); tries += 1)
      await new Promise((resolve) => setTimeout(resolve, 25));
    expect(leaks([canary], new Map([["stderr", Buffer.from(stderr)]]))).toContain(
      "a malformed body, as it is, in stderr",
    );
  });

  test("finds every form it knows, at any place", () => {
    const core = freshCore();
    const canary = { place: "here", core, text: `sk-"${core}/+` };
    const ways: Array<(text: string) => string | Buffer> = [
      (text) => text,
      (text) => JSON.stringify({ text }),
      (text) => Buffer.from(`x${text}x`).toString("base64"),
      (text) => Buffer.from(`xx${text}`).toString("base64url"),
      (text) => Buffer.from(text).toString("hex"),
      (text) => encodeURIComponent(text),
      (text) => Buffer.from(text, "utf16le"),
      (text) => [...text].reverse().join(""),
      (text) => text.toUpperCase(),
      () => `${core.slice(0, 10)}…`,
      (text) => createHash("sha256").update(text).digest("hex"),
    ];
    for (const way of ways)
      expect(
        leaks(
          [canary],
          new Map([["sink", Buffer.concat([randomBytes(50), Buffer.from(way(canary.text)), randomBytes(50)])]]),
        ).length,
      ).toBeGreaterThan(0);
    expect(leaks([canary], new Map([["sink", randomBytes(100_000)]]))).toEqual([]);
  });
});

describe("a secret", () => {
  let service: Service;
  let key: string;
  let token: string;
  let scheduler: string;
  const canaries: Canary[] = [];
  const replies = new Map<string, Buffer>();
  const statuses = new Map<string, number>();

  type Send = (text: string, core: string) => Promise<Reply | undefined>;
  const setup = (body: unknown, options: object = {}, path = "/acme/openai/setup") =>
    service.send("POST", path, { key, body, ...options });
  const withHeader = (name: string) => (text: string) =>
    service.send("POST", "/acme/openai/setup", {
      key,
      headers: { [name]: text },
      body: { credential: `sk-proj-${freshCore()}` },
    });
  const raw = (bytes: string) =>
    new Promise<undefined>((resolve) => {
      const socket = connect(Number(new URL(service.origin).port), "127.0.0.1", () => socket.end(bytes));
      let answer = "";
      socket.on("data", (chunk) => (answer += chunk.toString()));
      socket.on("error", () => {});
      socket.on("close", () => {
        replies.set(`raw ${replies.size}`, Buffer.from(answer));
        resolve(undefined);
      });
    });
  const nested = (depth: number, inside: string): string =>
    depth === 0 ? JSON.stringify(inside) : `{"a":${nested(depth - 1, inside)}}`;

  /** A key of OpenAI's shape, unless said otherwise. */
  const openai = (core: string) => `sk-proj-${core}`;
  const long = (length: number) => (core: string) => `sk-admin-${core}`.padEnd(length, "x");
  const places: Array<[place: string, send: Send, shape?: (core: string) => string]> = [
    // what is stored, and comes back by decrypt alone
    ["the credential as text", (text) => setup({ credential: text })],
    ["a field of the credential", (text) => setup({ credential: { api_key: text } })],
    ["a credential with quotes and blanks around it", (text) => setup({ credential: `  "${text}"  ` })],
    ["a credential that is not validated", (text) => setup({ credential: text, skip_validation: true })],
    ["a dry run's credential", (text) => setup({ credential: text }, {}, "/acme/openai/setup?dry_run=true")],
    ["the older shape credentials.api_key", (text) => setup({ credentials: { api_key: text } })],
    ["the older shape api_key", (text) => setup({ api_key: text })],
    ["rotate's body", (text) => service.send("POST", "/acme/openai/rotate", { key, body: { new_credentials: text } })],
    ["PUT's credential", (text) => service.send("PUT", "/acme/openai", { key, body: { credential: text } })],
    [
      "an item of an import",
      (text) =>
        service.send("POST", "/acme/import", { key, body: { items: [{ provider: "openai", credential: text }] } }),
    ],
    // what a provider refuses, or does not answer
    ["a revoked key", (text) => setup({ credential: text }), (core) => `sk-proj-revoked-${core}`],
    ["a key of a provider that is down", (text) => setup({ credential: text }), (core) => `sk-proj-outage-${core}`],
    ["a key that is answered with HTML", (text) => setup({ credential: text }), (core) => `sk-proj-html-${core}`],
    [
      "a key that is answered with a redirect",
      (text) => setup({ credential: text }),
      (core) => `sk-proj-redirect-${core}`,
    ],
    ["a key that is answered with 5 MB", (text) => setup({ credential: text }), (core) => `sk-proj-huge-${core}`],
    [
      "a rotated key that is refused",
      (text) => service.send("POST", "/acme/openai/rotate", { key, body: { new_credentials: text } }),
      (core) => `sk-proj-revoked-${core}`,
    ],
    [
      "another provider's key",
      (text) => setup({ credential: text }),
      (core) => `sk-ant-api03-${core}${"x".repeat(60)}`,
    ],
    [
      "an import's key of another provider",
      (text) =>
        service.send("POST", "/acme/import", { key, body: { items: [{ provider: "anthropic", credential: text }] } }),
    ],
    // the wrong place in a body
    ["credential_name", (text) => setup({ credential: openai(freshCore()), credential_name: text })],
    [
      "a sentence in credential_name",
      (text) => setup({ credential: openai(freshCore()), credential_name: `my key is ${text}` }),
    ],
    ["a metadata key", (text) => setup({ credential: openai(freshCore()), metadata: { [text]: "x" } })],
    [
      "a metadata key of 108 characters",
      (text) => setup({ credential: openai(freshCore()), metadata: { [text]: "x" } }),
      long(108),
    ],
    [
      "a metadata key of 133 characters",
      (text) => setup({ credential: openai(freshCore()), metadata: { [text]: "x" } }),
      long(133),
    ],
    [
      "PUT's metadata key of 108 characters",
      (text) => service.send("PUT", "/acme/openai", { key, body: { metadata: { [text]: "x" } } }),
      long(108),
    ],
    [
      "PUT's config key of 133 characters",
      (text) => service.send("PUT", "/acme/openai", { key, body: { config: { [text]: null } } }),
      long(133),
    ],
    [
      "an import's metadata key of 108 characters",
      (text) =>
        service.send("POST", "/acme/import", {
          key,
          body: { items: [{ provider: "openai", credential: openai(freshCore()), metadata: { [text]: "x" } }] },
        }),
      long(108),
    ],
    ["a metadata value", (text) => setup({ credential: openai(freshCore()), metadata: { team: text } })],
    ["a metadata tag", (text) => setup({ credential: openai(freshCore()), metadata: { tags: ["a", text] } })],
    [
      "a nested metadata value",
      (text) => setup({ credential: openai(freshCore()), metadata: { team: { deep: text } } }),
    ],
    ["an unknown key's name", (text) => setup({ credential: openai(freshCore()), [text]: 1 })],
    ["an unknown key's value", (text) => setup({ credential: openai(freshCore()), secret: text })],
    [
      "the name of a credential's field",
      (text) => setup({ credential: { api_key: openai(freshCore()), [text]: "x" } }),
    ],
    ["a credential's unknown field", (text) => setup({ credential: { token: text } })],
    ["a list instead of a credential", (text) => setup({ credential: [text] })],
    ["an expiry", (text) => setup({ credential: openai(freshCore()), expires_at: text })],
    ["skip_validation", (text) => setup({ credential: openai(freshCore()), skip_validation: text })],
    ["PUT's config", (text) => service.send("PUT", "/acme/openai", { key, body: { config: { team: text } } })],
    [
      "PUT's deactivation_scheduled_at",
      (text) => service.send("PUT", "/acme/openai", { key, body: { deactivation_scheduled_at: text } }),
    ],
    ["PUT's enabled", (text) => service.send("PUT", "/acme/openai", { key, body: { enabled: text } })],
    ["validate's body", (text) => service.send("POST", "/acme/openai/validate", { key, body: { credential: text } })],
    [
      "the provider of an import",
      (text) => service.send("POST", "/acme/import", { key, body: { items: [{ provider: text }] } }),
    ],
    [
      "an unknown key of an import",
      (text) => service.send("POST", "/acme/import", { key, body: { items: [{ provider: "openai", [text]: text }] } }),
    ],
    // bodies that are no JSON, or too much of it
    ["a body cut off", (text) => setup(undefined, { raw: `{"credential":"${text}",` })],
    ["a body with a stray character", (text) => setup(undefined, { raw: `{"credential":"${text}"}#` })],
    ["a bare word in a body", (text) => setup(undefined, { raw: `{"credential":${text}}` })],
    ["a key that stands twice", (text) => setup(undefined, { raw: `{"credential":"${text}","credential":"${text}"}` })],
    ["a name that stands twice", (text) => setup(undefined, { raw: `{"${text}":1,"${text}":2}` })],
    ["a bad escape", (text) => setup(undefined, { raw: `{"credential":"${text}\\x"}` })],
    ["a lone surrogate", (text) => setup(undefined, { raw: `{"credential":"${text}\\ud800"}` })],
    [
      "bytes that are not UTF-8",
      (text) =>
        setup(undefined, {
          raw: Buffer.concat([Buffer.from(`{"credential":"${text}`), Buffer.from([0xff, 0x22, 0x7d])]),
        }),
    ],
    ["JSON 200 deep", (text) => setup(undefined, { raw: nested(200, text) })],
    ["a text instead of an object", (text) => setup(undefined, { raw: JSON.stringify(text) })],
    [
      "a gzip body",
      (text) =>
        setup(undefined, { raw: gzipSync(`{"credential":"${text}"}`), headers: { "content-encoding": "gzip" } }),
    ],
    [
      "a deflated body",
      (text) =>
        setup(undefined, { raw: deflateSync(`{"credential":"${text}"}`), headers: { "content-encoding": "deflate" } }),
    ],
    [
      "a body that is not gzip but says so",
      (text) => setup(undefined, { raw: `{"credential":"${text}"}`, headers: { "content-encoding": "gzip" } }),
    ],
    [
      "a form",
      (text) =>
        setup(undefined, {
          raw: `credential=${text}`,
          headers: { "content-type": "application/x-www-form-urlencoded" },
        }),
    ],
    ["a plain text", (text) => setup(undefined, { raw: text, headers: { "content-type": "text/plain" } })],
    [
      "an octet stream",
      (text) => setup(undefined, { raw: text, headers: { "content-type": "application/octet-stream" } }),
    ],
    [
      "a multipart form",
      (text) =>
        setup(undefined, {
          raw: `--x\r\ncontent-disposition: form-data; name="credential"\r\n\r\n${text}\r\n--x--`,
          headers: { "content-type": "multipart/form-data; boundary=x" },
        }),
    ],
    [
      "a body of 200 KiB",
      (text) => setup(undefined, { raw: `{"credential":"${text}${"x".repeat(200_000)}"}` }).catch(() => undefined),
    ],
    ["a credential of 100 KiB", (text) => setup({ credential: `${text}${"x".repeat(100_000)}` })],
    [
      "a body where none is read",
      (text) => service.send("DELETE", "/acme/nothing", { key, body: { credential: text } }),
    ],
    // paths and queries
    ["the path's organisation", (text) => service.send("GET", `/${text}`, { key })],
    [
      "the path's organisation with a provider",
      (text) => service.send("POST", `/${text}/openai/setup`, { key, body: { credential: "x" } }),
    ],
    ["the path's provider", (text) => service.send("GET", `/acme/${text}`, { key })],
    [
      "the path's provider, in lower case",
      (text) => service.send("GET", `/acme/${text.toLowerCase().replaceAll("-", "_")}`, { key }),
    ],
    ["the path's action", (text) => service.send("POST", `/acme/openai/${text}`, { key, body: {} })],
    ["an escaped path", (text) => service.send("GET", `/acme/${text}%2f%00%zz`, { key })],
    ["a path outside the prefix", (text) => service.send("GET", `${service.origin}/${text}`, { key })],
    ["a query's name", (text) => service.send("GET", `/acme?${text}=1`, { key })],
    ["a query's value", (text) => service.send("GET", `/acme?category=${text}`, { key })],
    ["an unknown query", (text) => service.send("GET", `/acme?api_key=${text}`, { key })],
    ["dry_run", (text) => setup({ credential: "x" }, {}, `/acme/openai/setup?dry_run=${text}`)],
    ["a cursor", (text) => service.send("GET", `/acme/openai/history?cursor=${text}`, { key })],
    ["a limit", (text) => service.send("GET", `/acme/openai/history?limit=${text}`, { key })],
    ["expiring_within", (text) => service.send("GET", `/acme?expiring_within=${text}`, { key })],
    ["a deletion's time", (text) => service.send("DELETE", `/acme/openai?deactivation_scheduled_at=${text}`, { key })],
    // headers
    ["X-API-Key, not of the shape", (text) => service.send("GET", "/acme", { key: text })],
    [
      "X-API-Key, of the shape",
      (text) => service.send("GET", "/acme", { key: text }),
      (core) => `cact_local_0000000000Ab_${core}${core}x`.slice(0, 73),
    ],
    ["X-API-Key twice", (text) => service.send("GET", "/acme", { key: `${key}, ${text}` })],
    ["Authorization where an organisation's key belongs", (text) => service.send("GET", "/acme", { token: text })],
    ["Authorization, no JWT", (text) => service.send("POST", "/acme/openai/decrypt", { token: text, body: RUN })],
    [
      "Authorization, Basic",
      (text) =>
        service.send("POST", "/acme/openai/decrypt", { headers: { authorization: `Basic ${text}` }, body: RUN }),
    ],
    [
      "the subject of a forged token",
      (_, core) =>
        service.send("POST", "/acme/openai/decrypt", {
          token: `${Buffer.from('{"alg":"none"}').toString("base64url")}.${Buffer.from(JSON.stringify({ sub: core })).toString("base64url")}.`,
          body: RUN,
        }),
    ],
    [
      "the key id of a forged token",
      (_, core) =>
        service.send("POST", "/acme/openai/decrypt", {
          token: `${Buffer.from(JSON.stringify({ alg: "RS256", kid: core })).toString("base64url")}.e30.AAAA`,
          body: RUN,
        }),
    ],
    ["Idempotency-Key", withHeader("idempotency-key")],
    ["If-Match", withHeader("if-match")],
    ["If-Match, as a tag", (text) => withHeader("if-match")(`"${text}"`)],
    ["If-None-Match", withHeader("if-none-match")],
    ["X-Request-Id", withHeader("x-request-id")],
    ["traceparent", withHeader("traceparent")],
    ["tracestate", withHeader("tracestate")],
    ["X-Cloud-Trace-Context", withHeader("x-cloud-trace-context")],
    ["User-Agent", withHeader("user-agent")],
    ["Cookie", withHeader("cookie")],
    ["Referer", withHeader("referer")],
    ["Origin", withHeader("origin")],
    ["X-Forwarded-For", withHeader("x-forwarded-for")],
    ["Content-Type", withHeader("content-type")],
    ["a charset", (text) => withHeader("content-type")(`application/json; charset=${text}`)],
    ["Accept", withHeader("accept")],
    ["a header of its own", withHeader("x-secret")],
    ["function-execution-id", withHeader("function-execution-id")],
    [
      "a preflight",
      (text) =>
        service.send("OPTIONS", "/acme/openai/setup", {
          headers: { origin: `https://${text}.example`, "access-control-request-headers": text },
        }),
    ],
    // what is no HTTP
    ["a request line", (text) => raw(`${text} / HTTP/1.1\r\n\r\n`)],
    [
      "an absolute request line",
      (text) => raw(`GET http://${text}@x/ HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n`),
    ],
    ["a header line", (text) => raw(`GET /health HTTP/1.1\r\n${text}\r\n\r\n`)],
    ["a header of 40 KiB", (text) => raw(`GET /health HTTP/1.1\r\nhost: x\r\nx-long: ${text.repeat(1_000)}\r\n\r\n`)],
    [
      "a chunk",
      (text) =>
        raw(
          `POST /api/v1/integrations/acme/openai/setup HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n${text}\r\n`,
        ),
    ],
    // pipelines and the Scheduler
    ["a run_id", (text) => service.send("POST", "/acme/openai/decrypt", { token, body: { ...RUN, run_id: text } })],
    [
      "a report's run_id",
      (text) =>
        service.send("POST", "/acme/openai/failures", {
          token,
          body: { ...RUN, credential_id: "00000000-0000-4000-8000-000000000001", run_id: text },
        }),
    ],
    ["a pipeline", (text) => service.send("POST", "/acme/openai/decrypt", { token, body: { ...RUN, pipeline: text } })],
    [
      "a pipeline of its shape",
      (text) => service.send("POST", "/acme/openai/decrypt", { token, body: { ...RUN, pipeline: text } }),
      () => "",
    ],
    [
      "a report's pipeline of its shape",
      (text) =>
        service.send("POST", "/acme/openai/failures", {
          token,
          body: { ...RUN, credential_id: "00000000-0000-4000-8000-000000000001", pipeline: text },
        }),
      () => "",
    ],
    ["as", (text) => service.send("POST", "/acme/openai/decrypt", { token, body: { ...RUN, as: text } })],
    [
      "an unknown key of decrypt",
      (text) => service.send("POST", "/acme/openai/decrypt", { token, body: { ...RUN, [text]: text } }),
    ],
    [
      "a report's credential_id",
      (text) => service.send("POST", "/acme/openai/failures", { token, body: { ...RUN, credential_id: text } }),
    ],
    [
      "a report's http_status",
      (text) =>
        service.send("POST", "/acme/openai/failures", {
          token,
          body: { ...RUN, credential_id: "00000000-0000-4000-8000-000000000001", http_status: text },
        }),
    ],
    ["a sweep's shard", (text) => service.send("POST", "/revalidate", { token: scheduler, body: { shard: text } })],
    [
      "a sweep's organisation",
      (text) => service.send("POST", "/revalidate", { token: scheduler, body: { org: text } }),
    ],
    [
      "an unknown key of a sweep",
      (text) => service.send("POST", "/revalidate", { token: scheduler, body: { [text]: text } }),
    ],
  ];
  /** Echoed by the provider in its body and its headers. */
  const echoing: Record<string, (core: string) => string> = {
    OPENAI: (core) => `sk-proj-echo-${core}`,
    ANTHROPIC: (core) => `sk-ant-api03-echo-${core}${"x".repeat(60)}`,
    GEMINI: (core) => `AQ.echo${core}${"x".repeat(30)}`,
    DEEPSEEK: (core) => `sk-echo${core}`,
    MISTRAL: (core) => `echo${core}x2x2`,
    GROQ: (core) => `gsk_echo${core}${core}`,
    XAI: (core) => `xai-echo${core}${"x".repeat(52)}`,
    COHERE: (core) => `echo${core}${"x".repeat(12)}`,
    PERPLEXITY: (core) => `pplx-echo${core}${"x".repeat(20)}`,
    OPENROUTER: () => "",
    TOGETHER: (core) => `tgp_v1_echo${core}${"x".repeat(15)}`,
    FIREWORKS: (core) => `fw_echo${core}`,
  };

  beforeAll(async () => {
    service = await startService({ env: { INTEGRATIONS_RATE_LIMIT: "0" } });
    key = await service.orgKey("acme");
    await service.grant("pipeline", ["acme"]);
    token = await service.token("pipeline");
    scheduler = await service.token("scheduler");
    await setup({ credential: `sk-proj-${freshCore()}`, metadata: { team: "finops" } });
  });
  afterAll(() => service.close());

  async function place(name: string, send: Send, shape: (core: string) => string = openai): Promise<void> {
    let core = freshCore();
    let text = shape(core);
    if (text === "") {
      core = freshCore(28, "abcdefghjkmnpqrstuvwxyz23456789");
      text = name.includes("pipeline") ? `gsk_${core}` : `sk-or-v1-echo${core}${"0".repeat(32)}`;
    }
    canaries.push({ place: name, core, text });
    const reply = await send(text, core);
    if (!reply) return;
    statuses.set(name, reply.status);
    if (!(name.startsWith("decrypt") && reply.status === 200))
      replies.set(`the answer to ${name}`, Buffer.from(JSON.stringify([...reply.headers]) + reply.text));
  }

  test.each(places)("sent as %s is answered without it", async (name, send, shape) => {
    await place(name, send, shape);
    const own = canaries.filter((canary) => canary.place === name);
    expect(leaks(own, new Map([...replies].filter(([sink]) => sink === `the answer to ${name}`)))).toEqual([]);
    expect(statuses.get(name) ?? 400, "an answer of ours, not a crash").not.toBe(500);
  });

  const unwelcome: Array<[string, () => { key?: string; token?: string }, string, string, number]> = [
    ["nobody", () => ({}), "GET", "", 401],
    ["nobody, with a provider", () => ({}), "POST", "/openai/setup", 401],
    ["another organisation's key", () => ({ key }), "GET", "", 403],
    ["another organisation's key, with a provider", () => ({ key }), "PUT", "/openai", 403],
    ["a pipeline without a grant", () => ({ token }), "POST", "/openai/decrypt", 403],
  ];
  test.each(unwelcome)(
    "sent as the path's organisation in the shape of one by %s is recorded nowhere, as org_slug neither",
    async (who, presents, method, rest, status) => {
      const core = freshCore(28, "abcdefghjkmnpqrstuvwxyz23456789");
      const text = `sk-proj-${core}`;
      const own = { place: `the path's organisation, by ${who}`, core, text };
      canaries.push(own);
      const body = method === "GET" ? {} : { body: rest.endsWith("decrypt") ? RUN : { credential: "x" } };
      const reply = await service.send(method, `/${text}${rest}`, { ...presents(), ...body });
      expect(reply.status).toBe(status);
      const id = String(reply.headers.get("x-request-id"));
      const audit = await service.audit(id);
      expect(audit).toEqual([expect.objectContaining({ org_slug: null, decision: "deny" })]);
      await expect.poll(() => service.output().stderr.includes(id)).toBe(true);
      const sinks = {
        answer: reply.text,
        audit: JSON.stringify(await service.audit()),
        stderr: service.output().stderr,
      };
      expect(
        leaks([own], new Map(Object.entries(sinks).map(([sink, content]) => [sink, Buffer.from(content)]))),
      ).toEqual([]);
    },
  );

  test.each(providerCodes)("that %s echoes in its body and headers is answered without it", async (code) => {
    const send: Send = (text) => setup({ credential: text }, {}, `/acme/${code.toLowerCase()}/setup`);
    await place(`a key that ${code} echoes`, send, echoing[code]);
    expect(statuses.get(`a key that ${code} echoes`)).toBeGreaterThanOrEqual(200);
    expect(
      service.simulators.requests.some(
        ({ provider, headers, path }) => provider === code && (JSON.stringify(headers) + path).includes("echo"),
      ),
      "the provider was asked",
    ).toBe(true);
  });

  test("is handed out by decrypt, and is nowhere else: no answer, no output, no file, no log holds any form of any of them", async () => {
    await place("the last credential", (text) => setup({ credential: text }));
    const last = canaries.at(-1);
    const opened = await service.send("POST", "/acme/openai/decrypt", { token, body: RUN });
    expect(opened.body.credential.api_key).toBe(last?.text);
    const { credential_id } = opened.body;
    for (const path of [
      "/acme",
      "/acme/openai",
      "/acme/openai/history?limit=200",
      "/acme/openai/instructions",
      "/providers",
      "/openapi.json",
    ])
      await place(path, () => service.send("GET", path, { key }));
    await service.send("POST", "/acme/openai/failures", { token, body: { ...RUN, credential_id, http_status: 401 } });
    service.simulators.revoke(last?.text ?? "");
    await place("a validation that refuses it", () => service.send("POST", "/acme/openai/validate", { key }));
    await place("a sweep", () => service.send("POST", "/revalidate", { token: scheduler, body: {} }));
    await place("a refused decrypt", () => service.send("POST", "/acme/openai/decrypt", { token, body: RUN }));

    // Ours are secrets too: what stands before the last part of a key is its public id.
    canaries.push({ place: "the organisation's own key", core: key.slice(-49, -6), text: key });
    for (const [name, own] of [
      ["the pipeline's token", token],
      ["the Scheduler's token", scheduler],
    ] as const)
      canaries.push({ place: name, core: own.split(".")[2]?.slice(0, 60) ?? "", text: own });

    const sinks = async () =>
      new Map<string, Buffer>([
        ["stdout", Buffer.from(service.output().stdout)],
        ["stderr", Buffer.from(service.output().stderr)],
        ...(await service.backend.atRest()),
        ...replies,
      ]);
    const running = await sinks();
    const full =
      backendName === "gcp" ? ["versions", "statements", "stdout"] : ["integrations.sqlite-wal", "audit.jsonl"];
    for (const sink of full) expect([sink, Number(running.get(sink)?.length) > 10_000]).toEqual([sink, true]);
    expect(canaries.length).toBeGreaterThan(100);
    expect(leaks(canaries, running)).toEqual([]);
    await service.stop();
    expect(leaks(canaries, await sinks())).toEqual([]);
  });

  test("leaves a log in which every line is one JSON object; besides, only who starts it by hand is told where it listens", () => {
    const { stdout, stderr } = service.output();
    const said = stdout
      .trimEnd()
      .split("\n")
      .filter((line) => !line.startsWith('{"'));
    expect(said).toHaveLength(backendName === "gcp" ? 0 : 1);
    const lines = stderr.trimEnd().split("\n");
    expect(lines.length).toBeGreaterThan(50);
    for (const line of lines)
      expect(JSON.parse(line)).toMatchObject({
        severity: expect.any(String),
        message: expect.any(String),
        time: expect.any(String),
      });
  });

  test("leaves an audit in which every line is one JSON object of ours, one for each request that was recognised", async () => {
    const records = await service.audit();
    for (const record of records)
      expect(record).toMatchObject({
        event_id: expect.any(String),
        time: expect.any(String),
        operation: expect.any(String),
        decision: expect.stringMatching(/^(allow|deny)$/),
      });
    expect(new Set(records.map(({ event_id }) => event_id)).size).toBe(records.length);
    expect(records.filter(({ operation, outcome }) => operation === "decrypt" && outcome === "ok")).toHaveLength(1);
  });
});
