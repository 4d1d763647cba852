import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { createGzip, gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Ask, askThrough, type Question } from "../../shared/providers/ask.ts";

/** A provider on a real socket that misbehaves by path, and a sink that must never be reached. */
let provider: Server;
let sink: Server;
let sinkHits = 0;
const seen: IncomingMessage[] = [];
let base = "";
let sinkUrl = "";

async function listen(server: Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const routes: Record<string, (response: ServerResponse, request: IncomingMessage) => void> = {
  "/json": (response) =>
    response
      .writeHead(200, { "content-type": "application/json", "set-cookie": "a=b", "x-request-id": "req_1" })
      .end('{"data":[]}'),
  "/blank-lines": (response) => response.end('\n\n \n{"data":[]}'),
  "/html": (response) => response.writeHead(200, { "content-type": "text/html" }).end("<html>"),
  "/empty": (response) => response.end(),
  "/204": (response) => response.writeHead(204).end(),
  "/error": (response) => response.writeHead(529).end('{"type":"error"}'),
  "/strange": (response) => response.writeHead(999).end("{}"),
  "/hang": () => {},
  "/drip": (response) => {
    response.writeHead(200);
    const timer = setInterval(() => response.write(" "), 20);
    response.on("close", () => clearInterval(timer));
  },
  "/cut": (response) => {
    response.writeHead(200, { "content-length": "100" });
    response.write('{"data":');
    setTimeout(() => response.destroy(), 20);
  },
  "/reset": (response) => response.destroy(),
  "/5mb": (response) => response.end(`["${"a".repeat(5_000_000)}"]`),
  "/bomb": (response) =>
    response.writeHead(200, { "content-encoding": "gzip" }).end(gzipSync(Buffer.alloc(50_000_000, 0x20))),
  "/endless": (response) => {
    response.writeHead(200, { "content-encoding": "gzip" });
    const zip = createGzip();
    zip.pipe(response);
    let open = true;
    response.on("close", () => {
      open = false;
      zip.destroy();
    });
    const more = (): void => {
      if (open) zip.write(Buffer.alloc(65_536, 0x20), () => setImmediate(more));
    };
    more();
  },
  "/exactly": (response) => response.end(`"${"a".repeat(256 * 1024 - 2)}"`),
  "/one-more": (response) => response.end(`"${"a".repeat(256 * 1024 - 1)}"`),
};

beforeAll(async () => {
  sink = createServer((_, response) => {
    sinkHits++;
    response.end('{"data":[]}');
  });
  sinkUrl = await listen(sink);
  provider = createServer((request, response) => {
    seen.push(request);
    const redirect = /^\/redirect\/(\d+)/.exec(request.url ?? "");
    if (redirect) response.writeHead(Number(redirect[1]), { location: `${sinkUrl}/v1/models` }).end();
    else routes[request.url ?? ""]?.(response, request);
  });
  base = await listen(provider);
});
afterAll(() => {
  for (const server of [provider, sink]) {
    server.closeAllConnections();
    server.close();
  }
});

const ask: Ask = askThrough((url, init) => fetch(url, init), 400);
function get(path: string, more: Partial<Question> = {}): Question {
  return {
    method: "GET",
    url: base + path,
    headers: { authorization: "Bearer canary", "x-api-key": "canary" },
    ...more,
  };
}

describe("asking over a socket,", () => {
  test.each<[string, string, object]>([
    ["JSON is parsed", "/json", { status: 200, body: { data: [] } }],
    ["JSON behind blank lines is parsed", "/blank-lines", { status: 200, body: { data: [] } }],
    ["HTML is no body", "/html", { status: 200, body: undefined }],
    ["an empty answer is no body", "/empty", { status: 200, body: undefined }],
    ["204 is no body", "/204", { status: 204, body: undefined }],
    ["an error's body is read", "/error", { status: 529, body: { type: "error" } }],
    ["a status nobody knows is passed on", "/strange", { status: 999, body: {} }],
    ["a server that hangs ends by the clock", "/hang", { silence: "timeout" }],
    ["a body that drips ends by the same clock", "/drip", { silence: "timeout" }],
    ["a body cut off is no body", "/cut", { silence: "body" }],
    ["a reset is no connection", "/reset", { silence: "connection" }],
    ["5 MB are not read", "/5mb", { silence: "body" }],
    ["50 MB in 50 KB of gzip are not unpacked", "/bomb", { silence: "body" }],
    ["an endless body ends at the cap", "/endless", { silence: "body" }],
    ["256 KiB are read", "/exactly", { status: 200 }],
    ["one byte more is not", "/one-more", { silence: "body" }],
  ])("%s", async (_, path, answer) => {
    const start = performance.now();
    expect(await ask(get(path))).toMatchObject(answer);
    expect(performance.now() - start).toBeLessThan(6_000);
  });

  test.each([300, 301, 302, 303, 304, 307, 308])(
    "a %i is not followed: the sink sees no request and no key",
    async (status) => {
      expect(await ask(get(`/redirect/${status}`))).toEqual({ silence: "redirect" });
      expect(await ask(get(`/redirect/${status}`, { method: "POST", body: "{}" }))).toEqual({ silence: "redirect" });
      await expect(
        ask.fetch(`${base}/redirect/${status}`, { redirect: "follow", headers: { "x-api-key": "canary" } }),
      ).rejects.toThrow(/^silence: redirect$/);
      expect(sinkHits).toBe(0);
    },
  );
  test("a refused connection is no connection", async () => {
    const gone = createServer();
    const url = await listen(gone);
    await new Promise((resolve) => gone.close(resolve));
    expect(await ask({ method: "GET", url, headers: {} })).toEqual({ silence: "connection" });
  });
  test("a name that does not resolve is no connection", async () => {
    expect(await ask({ method: "GET", url: "http://no-such-host.invalid/", headers: {} })).toEqual({
      silence: expect.stringMatching(/^(?:connection|timeout)$/),
    });
  });
  test("TLS that is none is no connection", async () => {
    expect(await ask({ method: "GET", url: base.replace("http:", "https:"), headers: {} })).toEqual({
      silence: "connection",
    });
  });
  test("a caller's signal ends it early", async () => {
    const start = performance.now();
    expect(await ask(get("/hang", { signal: AbortSignal.timeout(50) }))).toEqual({ silence: "timeout" });
    expect(performance.now() - start).toBeLessThan(3_000);
    expect(await ask(get("/json", { signal: AbortSignal.abort() }))).toEqual({ silence: "timeout" });
  });
  test("our name is told, and neither origin, referrer nor cookie", async () => {
    seen.length = 0;
    await ask(
      get("/json", {
        headers: { origin: "https://a.example", referer: "https://a.example", cookie: "a=b", "user-agent": "me" },
      }),
    );
    await ask(get("/json"));
    for (const { headers } of seen) {
      expect(headers["user-agent"]).toMatch(/^CloudAct\/\d/);
      expect(Object.keys(headers)).not.toEqual(expect.arrayContaining(["cookie"]));
      for (const name of ["cookie", "origin", "referer"]) expect(headers).not.toHaveProperty(name);
    }
  });
  test("a header that cannot be sent is silence without its value", async () => {
    for (const value of ["sk-canary\r\nX-Evil: 1", "sk-“canary”", "sk-\u0000"]) {
      expect(await ask(get("/json", { headers: { authorization: value } }))).toEqual({ silence: "connection" });
      const error: unknown = await ask
        .fetch(`${base}/json`, { headers: { authorization: value } })
        .catch((thrown: unknown) => thrown);
      expect(error).toBeInstanceOf(Error);
      expect(String(error)).toBe("Error: silence: connection");
    }
  });
});

describe("behind the shape of fetch,", () => {
  test("the answer is a Response with the body read whole", async () => {
    const response = await ask.fetch(`${base}/json`);
    expect([response.status, response.headers.get("x-request-id"), await response.json()]).toEqual([
      200,
      "req_1",
      { data: [] },
    ]);
    expect(response.headers.get("set-cookie")).toBeNull();
  });
  test("a Request and a URL are taken like a text", async () => {
    seen.length = 0;
    expect((await ask.fetch(new URL(`${base}/json`))).status).toBe(200);
    expect(
      (await ask.fetch(new Request(`${base}/json`, { method: "POST", body: "{}", headers: { "x-a": "b" } }))).status,
    ).toBe(200);
    expect(seen.map(({ method, headers }) => [method, headers["x-a"]])).toEqual([
      ["GET", undefined],
      ["POST", "b"],
    ]);
  });
  test("204 and a status nobody knows still make a Response", async () => {
    expect((await ask.fetch(`${base}/204`)).status).toBe(204);
    expect((await ask.fetch(`${base}/strange`)).status).toBe(599);
  });
  test.each([
    ["/hang", "timeout"],
    ["/drip", "timeout"],
    ["/reset", "connection"],
    ["/cut", "body"],
    ["/5mb", "body"],
  ])("%s rejects with the word %s alone", async (path, word) => {
    const error: unknown = await ask.fetch(base + path).catch((thrown: unknown) => thrown);
    expect(String(error)).toBe(`Error: silence: ${word}`);
    expect(error).not.toHaveProperty("cause");
  });
});

test("a fetch that ignores its signal and never answers still ends by the clock", async () => {
  const deaf = askThrough(() => new Promise(() => {}), 50);
  expect(await deaf({ method: "GET", url: "http://x.example", headers: {} })).toEqual({ silence: "timeout" });
});
test("a fetch that throws at once, with the key in its text, is silence", async () => {
  const loud = askThrough(() => {
    throw new TypeError("Bearer canary is not a header");
  }, 50);
  expect(await loud({ method: "GET", url: "http://x.example", headers: {} })).toEqual({ silence: "connection" });
});
test("an opaque redirect is a redirect", async () => {
  const opaque = new Response(null);
  Object.defineProperty(opaque, "type", { value: "opaqueredirect" });
  expect(await askThrough(async () => opaque, 50)({ method: "GET", url: "http://x.example", headers: {} })).toEqual({
    silence: "redirect",
  });
});
test("a body that ignores the signal and never ends still ends by the clock", async () => {
  const dripping = askThrough(async () => new Response(new ReadableStream({ pull: () => new Promise(() => {}) })), 50);
  expect(await dripping({ method: "GET", url: "http://x.example", headers: {} })).toEqual({ silence: "timeout" });
});
test("nothing of a request outlives its answer", async () => {
  const signals: Array<AbortSignal | null | undefined> = [];
  const redirecting = askThrough(async (_, init) => {
    signals.push(init.signal);
    return new Response(null, { status: 302 });
  }, 5_000);
  await redirecting({ method: "GET", url: "http://x.example", headers: {} });
  expect(signals.map((signal) => signal?.aborted)).toEqual([true]);
});
