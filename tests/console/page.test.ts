import { createHash } from "node:crypto";
import { get } from "node:http";
import { gunzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { readEnvironment } from "../../functions/environment.ts";
import { reachOf } from "../../functions/rights.ts";
import { expectProblem } from "../http/problem.ts";
import { type Reply, type Service, send, startService } from "../service/harness.ts";

const MOST_COMPRESSED = 60 * 1024;

let service: Service;
let page: Reply;

beforeAll(async () => {
  service = await startService({ inOneProcess: true });
  page = await at("GET", "/console");
});
afterAll(() => service.close());

const at = (method: string, path: string, headers: Record<string, string> = {}) =>
  send(`${service.origin}${path}`, method, { headers });

/** The bytes as they came over the wire. */
function raw(path: string, encoding: string): Promise<{ bytes: Buffer; encoding: string | undefined }> {
  return new Promise((resolve, reject) => {
    get(`${service.origin}${path}`, { headers: { "accept-encoding": encoding } }, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("end", () =>
        resolve({ bytes: Buffer.concat(chunks), encoding: response.headers["content-encoding"] }),
      );
    }).on("error", reject);
  });
}

describe("the console is one page", () => {
  test.each(["/console", "/console/", "/console/acme", "/console/acme/integrations/llm/openai", "/console/%41?y=1"])(
    "at %s",
    async (path) => {
      const reply = await at("GET", path);
      expect(reply.status).toBe(200);
      expect(reply.headers.get("content-type")).toBe("text/html; charset=utf-8");
      expect(reply.text).toBe(page.text);
    },
  );

  test("that HEAD tells of without sending it", async () => {
    const reply = await at("HEAD", "/console/acme");
    expect([reply.status, reply.text]).toEqual([200, ""]);
    expect(reply.headers.get("etag")).toBe(page.headers.get("etag"));
  });

  test.each(["POST", "PUT", "DELETE", "PATCH", "OPTIONS"])("that takes no %s", async (method) => {
    const reply = await at(method, "/console/acme", { origin: "https://example.com" });
    expectProblem(reply, 405, "method_not_allowed");
    expect(reply.headers.get("allow")).toBe("GET, HEAD");
    expect(reply.headers.get("access-control-allow-origin")).toBeNull();
  });

  test("that is sent once: who has it is told so", async () => {
    const etag = page.headers.get("etag") ?? "";
    expect(etag).toMatch(/^"[\w-]{27}"$/);
    const again = await at("GET", "/console/acme", { "if-none-match": `"other", W/${etag}` });
    expect([again.status, again.text]).toEqual([304, ""]);
    expect(again.headers.get("content-security-policy")).toBe(page.headers.get("content-security-policy"));
    expect((await at("GET", "/console", { "if-none-match": '"other"' })).status).toBe(200);
  });

  test("that is compressed for who takes it, and is then small", async () => {
    const packed = await raw("/console", "br, gzip;q=0.8");
    expect(packed.encoding).toBe("gzip");
    expect(gunzipSync(packed.bytes).toString()).toBe(page.text);
    expect(packed.bytes.length).toBeLessThanOrEqual(MOST_COMPRESSED);
    for (const encoding of ["identity", "gzip;q=0", "gzip; q=0.0, br"])
      expect((await raw("/console", encoding)).encoding).toBeUndefined();
  });

  test("that answers before the store is opened, and knows no caller", async () => {
    expect(page.headers.get("set-cookie")).toBeNull();
    expect(page.headers.get("x-request-id")).toMatch(/^[0-9a-f-]{36}$/);
    expect(await service.audit("console")).toEqual([]);
  });
});

describe("the page may do nothing but what stands in it", () => {
  const policy = () =>
    Object.fromEntries(
      (page.headers.get("content-security-policy") ?? "").split("; ").map((part) => {
        const [name = "", ...values] = part.split(" ");
        return [name, values.join(" ")];
      }),
    );
  const hashOf = (element: string) => {
    const blocks = [...page.text.matchAll(new RegExp(`<${element}>([\\s\\S]*?)</${element}>`, "g"))];
    expect(blocks).toHaveLength(1);
    return `'sha256-${createHash("sha256")
      .update(blocks[0]?.[1] ?? "")
      .digest("base64")}'`;
  };

  test("its policy", () => {
    expect(policy()).toEqual({
      "default-src": "'none'",
      "script-src": hashOf("script"),
      "style-src": hashOf("style"),
      "connect-src": "'self'",
      "img-src": "data:",
      "base-uri": "'none'",
      "form-action": "'none'",
      "frame-ancestors": "'none'",
      "require-trusted-types-for": "'script'",
      "trusted-types": "'none'",
    });
  });

  test.each([
    ["x-content-type-options", "nosniff"],
    ["x-frame-options", "DENY"],
    ["referrer-policy", "no-referrer"],
    ["cross-origin-opener-policy", "same-origin"],
    ["cross-origin-resource-policy", "same-origin"],
    ["cache-control", "no-cache"],
    ["vary", "Accept-Encoding"],
  ])("%s is %s", (name, value) => {
    expect(page.headers.get(name)).toBe(value);
  });

  test("no address of anybody else stands in it", () => {
    const addresses = [...page.text.matchAll(/(?:https?:)?\/\/[a-z0-9.-]+\.[a-z]{2,}/gi)].map(([address]) => address);
    expect([...new Set(addresses)].filter((address) => !/^https?:\/\/www\.w3\.org$/.test(address))).toEqual([]);
  });

  test.each([
    "localStorage",
    "sessionStorage",
    "indexedDB",
    "document.cookie",
    "window.name",
    "serviceWorker",
    "sendBeacon",
    "WebSocket",
  ])("it does not know %s", (word) => {
    expect(page.text).not.toContain(word);
  });
});

describe("the console is where it is wanted", () => {
  test.each(["/consoles", "/console.html", "/Console", "/api/v1/integrations/console", "/api/console"])(
    "%s is no page",
    async (path) => {
      const reply = await at("GET", path);
      expect([401, 404]).toContain(reply.status);
      expect(reply.headers.get("content-type")).toBe("application/problem+json");
      expect(reply.headers.get("content-security-policy")).toBeNull();
    },
  );

  test("INTEGRATIONS_CONSOLE=off takes it away", async () => {
    const off = await startService({ inOneProcess: true, env: { INTEGRATIONS_CONSOLE: "off" } });
    try {
      for (const path of ["/console", "/console/acme"])
        expectProblem(await send(`${off.origin}${path}`, "GET", {}), 404, "route_unknown");
    } finally {
      await off.close();
    }
  });

  test("a function alone has none", async () => {
    const list = await startService({ target: "list" });
    try {
      expectProblem(await send(`${list.origin}/console/acme`, "GET", {}), 404, "route_unknown");
    } finally {
      await list.close();
    }
  });

  const cloud = {
    INTEGRATIONS_BACKEND: "gcp",
    GOOGLE_CLOUD_PROJECT: "acme-vault",
    KMS_KEY: "projects/acme-vault/locations/us/keyRings/r/cryptoKeys/k",
    PEPPER_SECRET: "projects/acme-vault/secrets/pepper",
    BIGQUERY_LOCATION: "US",
    BIGQUERY_DATASET: "organizations",
    BIGQUERY_LEDGER_DATASET: "integrations",
    INTEGRATIONS_KEY_ENV: "test",
    AWS_FEDERATION_SUBJECT: "100000000000000000001",
  };
  test.each([
    ["on this machine it is there", {}, true],
    ["unless it is switched off", { INTEGRATIONS_CONSOLE: "off" }, false],
    ["an empty value is none", { INTEGRATIONS_CONSOLE: "" }, true],
    ["in the cloud it is not", cloud, false],
    ["unless it is switched on", { ...cloud, INTEGRATIONS_CONSOLE: "on" }, true],
  ])("%s", (_, given, expected) => {
    expect(readEnvironment(given, reachOf(null))).toMatchObject({ environment: { console: expected }, problems: [] });
  });

  test("any other value stops the start, and says what it may be", () => {
    expect(readEnvironment({ INTEGRATIONS_CONSOLE: "yes" }, reachOf(null)).problems).toEqual([
      "INTEGRATIONS_CONSOLE: must be on or off",
    ]);
  });
});
