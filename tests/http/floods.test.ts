import { readFileSync } from "node:fs";
import { createGzip } from "node:zlib";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Service, startService } from "../service/harness.ts";
import { exampleKeys } from "../simulators/start.ts";
import { serveInProcess } from "./in-process.ts";
import { exchange, request } from "./raw.ts";

const SETUP = "/api/v1/integrations/acme/openai/setup";
let service: Service;
let key: string;

beforeAll(async () => {
  service = await startService({ target: "setup" });
  key = await service.orgKey("acme");
  await isWell();
});
afterAll(() => service.close());

async function isWell(): Promise<void> {
  const credential = exampleKeys("OPENAI").good;
  const reply = await service.send("POST", "/acme/openai/setup", { key, body: { credential } });
  expect(reply.body).toMatchObject({ success: true });
}

/** The largest that the process has been, MiB. */
function peakMiB(): number {
  const status = readFileSync(`/proc/${service.child?.pid}/status`, "utf8");
  return Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1]) / 1024;
}

async function bomb(megabytes: number): Promise<Buffer> {
  const gzip = createGzip({ level: 9 });
  const chunks: Buffer[] = [];
  gzip.on("data", (chunk: Buffer) => chunks.push(chunk));
  const zeros = Buffer.alloc(1024 * 1024);
  for (let written = 0; written < megabytes; written += 1)
    if (!gzip.write(zeros)) await new Promise((resolve) => gzip.once("drain", resolve));
  gzip.end();
  await new Promise((resolve) => gzip.once("end", resolve));
  return Buffer.concat(chunks);
}

test("a gzip bomb of 1 MB for 1 GB is refused at once and costs no memory, from anybody", async () => {
  const bytes = await bomb(1_000);
  const before = peakMiB();
  const startedAt = performance.now();
  const lines = ["Content-Type: application/json", "Content-Encoding: gzip"];
  const replies = await Promise.all(
    Array.from({ length: 8 }, () => exchange(service.origin, request("POST", SETUP, lines, bytes))),
  );
  expect(performance.now() - startedAt).toBeLessThan(8_000);
  for (const reply of replies) expect(reply).toMatchObject({ status: 415, body: { code: "media_type" } });
  expect(peakMiB() - before).toBeLessThan(32);
});

test("a small gzip body is named for what it is", async () => {
  const reply = await exchange(
    service.origin,
    request("POST", SETUP, ["Content-Type: application/json", "Content-Encoding: gzip"], await bomb(20)),
  );
  expect(reply).toMatchObject({ status: 415, body: { code: "media_type" } });
});

test("a chunked body is counted as it comes, and cut off behind 128 KiB", async () => {
  const before = peakMiB();
  const chunk = `8000\r\n${"x".repeat(32_768)}\r\n`;
  const reply = await exchange(
    service.origin,
    request("POST", SETUP, ["Content-Type: application/json", "Transfer-Encoding: chunked"]),
    {
      pieces: [...Array.from({ length: 1_000 }, () => chunk), "0\r\n\r\n"],
    },
  );
  expect([0, 413]).toContain(reply.status); // 0: cut off while we still sent
  expect(peakMiB() - before).toBeLessThan(32);
  const justOver = await exchange(
    service.origin,
    request("POST", SETUP, ["Content-Type: application/json", "Transfer-Encoding: chunked"]),
    {
      pieces: [...Array.from({ length: 5 }, () => chunk), "0\r\n\r\n"],
    },
  );
  expect(justOver).toMatchObject({ status: 413, body: { code: "payload_too_large" } });
});

test("a chunked body without an end is answered as soon as it is too much, not when the sender tires", async () => {
  const lines = ["Content-Type: application/json", "Transfer-Encoding: chunked"];
  const startedAt = performance.now();
  const reply = await exchange(service.origin, request("POST", SETUP, lines), {
    pieces: Array.from({ length: 40 }, () => `8000\r\n${"x".repeat(32_768)}\r\n`),
  });
  expect([0, 413]).toContain(reply.status); // 0: cut off while we still sent
  expect(performance.now() - startedAt).toBeLessThan(8_000);
});

test("a body that claims to be larger than 128 KiB is refused before it is sent", async () => {
  const reply = await exchange(
    service.origin,
    request("POST", SETUP, ["Content-Type: application/json", "Content-Length: 1073741824"]),
  );
  expect(reply).toMatchObject({ status: 413, headers: { connection: "close" }, body: { code: "payload_too_large" } });
});

test("headers of 64 KiB are refused, and 12 KiB are not", async () => {
  expect((await exchange(service.origin, request("GET", "/health", [`X-Padding: ${"x".repeat(65_536)}`]))).status).toBe(
    431,
  );
  expect((await exchange(service.origin, request("GET", "/health", [`X-Padding: ${"x".repeat(12_288)}`]))).status).toBe(
    200,
  );
  expect((await exchange(service.origin, request("GET", `/${"x".repeat(65_536)}`))).status).toBe(431);
});

test("who sends a body or headers slower than 10 s is cut off", async () => {
  const slow = await serveInProcess(async () => service.parts);
  expect(slow.server).toMatchObject({ requestTimeout: 10_000, headersTimeout: 10_000 });
  Object.assign(slow.server, { requestTimeout: 500, headersTimeout: 500 }); // the same, without the wait
  const startedAt = performance.now();
  const lines = ["Content-Type: application/json", "Content-Length: 100"];
  const [body, headers] = await Promise.all([
    exchange(slow.origin, request("POST", SETUP, lines), { pieces: ["{"] }),
    exchange(slow.origin, "POST / HTTP/1.1\r\nHost: x\r\n"),
  ]);
  expect(performance.now() - startedAt).toBeLessThan(8_000);
  expect([body.status, headers.status]).toEqual([408, 408]);
  await slow.close();
});

test("the service is as well as before", async () => {
  await isWell();
  expect(service.child?.exitCode).toBeNull();
  expect(service.output().stderr).not.toMatch(/^\s+at /m);
});
