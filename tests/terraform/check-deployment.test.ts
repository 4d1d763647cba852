import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { z } from "zod";
import { checkDeployment, type Outputs, readOutputs } from "../../scripts/check-deployment/check.ts";
import { type Allows, benchToken, identityOf } from "../platform/bearer.ts";
import { type KmsSim, startKms } from "../platform/kms/start.ts";
import { bench, emailOf, openRights, operator } from "../platform/rights.ts";
import { type SecretManagerSim, startSecretManager } from "../platform/secret-manager/start.ts";

const names = ["setup", "validate", "list", "get", "update", "delete", "decrypt", "revalidate"];
const PEPPER = Buffer.alloc(32, "p");

let kms: KmsSim;
let secretManager: SecretManagerSim;
let others: Server;
let url: string;
/** Grants beside those of configs/functions.yml, `int-list kms decrypt`, and those that are missing. */
const extra = new Set<string>();
const missing = new Set<string>();
/** Whether whoever checks may act as the functions. */
let mayActAs = true;
/** Whether Cloud KMS gives back something else than was sealed. */
let givesBackOther = false;
/** What a public function answers, and what it was asked. */
let answered: { status: number; body: unknown };
const asked: string[] = [];
const lines: string[] = [];

/** Permission → what it is called on the bench. */
const permissions: Record<string, string> = {
  "cloudkms.cryptoKeyVersions.useToEncrypt": "kms encrypt",
  "cloudkms.cryptoKeyVersions.useToDecrypt": "kms decrypt",
  "secretmanager.versions.access": "secretmanager access",
};

beforeAll(async () => {
  const rights = openRights();
  const may = (identity: string | null, service: string, action: string) => {
    const wanted = `${identity?.split("@")[0]} ${service} ${action}`;
    const resource = service === "kms" ? bench.key : bench.pepper;
    return extra.has(wanted) || (!missing.has(wanted) && rights.allows(identity, { service, resource, action }));
  };
  const allows: Allows = (identity, { service, action }) => may(identity, service, action);
  kms = await startKms({ allows, keys: [bench.key] });
  secretManager = await startSecretManager({ allows });
  secretManager.secret(bench.pepper).addVersion(PEPPER);

  // Tokens and permissions are answered here, keys and secrets by the bench, everything else as a function would.
  others = createServer((request, response) => {
    serve(request).then(
      ({ status, body }) => response.writeHead(status).end(JSON.stringify(body)),
      () => response.destroy(),
    );
  });
  async function serve(request: IncomingMessage): Promise<{ status: number; body: unknown }> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(Buffer.from(chunk));
    const sent = Buffer.concat(chunks).toString("utf8");
    const path = request.url ?? "";
    const { authorization = "" } = request.headers;
    const identity = identityOf(authorization);
    const [, account] = /serviceAccounts\/([^/:]+):generateAccessToken$/.exec(path) ?? [];
    if (account !== undefined)
      return mayActAs && identity === operator
        ? { status: 200, body: { accessToken: benchToken(account), expireTime: "2026-11-21T06:00:00Z" } }
        : { status: 403, body: { error: { code: 403, status: "PERMISSION_DENIED" } } };
    if (path.endsWith(":testIamPermissions")) {
      const wanted = z.object({ permissions: z.array(z.string()) }).parse(JSON.parse(sent)).permissions;
      const has = wanted.filter((one) => {
        const [service = "", action = ""] = (permissions[one] ?? "").split(" ");
        return service !== "" && may(identity, service, action);
      });
      return { status: 200, body: has.length === 0 ? {} : { permissions: has } };
    }
    const google = path.startsWith("/v1/") ? (path.includes("/secrets/") ? secretManager : kms) : null;
    if (google !== null) {
      const headers = { authorization, "content-type": "application/json" };
      const { method = "GET" } = request;
      const answer = await fetch(google.endpoint + path, { method, headers, ...(sent === "" ? {} : { body: sent }) });
      const body = z.record(z.string(), z.unknown()).parse(await answer.json());
      if (givesBackOther && "plaintext" in body) body["plaintext"] = "AAAA";
      return { status: answer.status, body };
    }
    asked.push(`${request.method} ${path} ${String(request.headers["x-api-key"]).slice(0, 10)}`);
    return answered;
  }
  await new Promise<void>((done) => others.listen(0, "127.0.0.1", done));
  url = `http://127.0.0.1:${(others.address() as AddressInfo).port}`;
});

afterAll(async () => {
  await Promise.all([kms.close(), secretManager.close(), new Promise((done) => others.close(done))]);
});

beforeEach(() => {
  extra.clear();
  missing.clear();
  mayActAs = true;
  givesBackOther = false;
  answered = { status: 401, body: { code: "org_key_invalid" } };
  asked.length = 0;
  lines.length = 0;
  kms.faults.clear();
  kms.forgetCalls();
});

function outputs(front: string | null = null): Outputs {
  const read = readOutputs(
    JSON.stringify({
      front: { value: front === null ? null : { url: front, address: "192.0.2.1" } },
      key: { value: bench.key },
      pepper: { value: bench.pepper },
      service_accounts: { value: Object.fromEntries(names.map((name) => [name, emailOf(`int-${name}`)])) },
      urls: { value: Object.fromEntries(names.map((name) => [name, `${url}/${name}`])) },
    }),
  );
  if (read === null) throw new Error("these are no outputs");
  return read;
}

async function run(given: { patienceMs?: number; front?: string } = {}): Promise<number> {
  return await checkDeployment({
    outputs: outputs(given.front ?? null),
    keyEnvironment: "live",
    token: benchToken(operator),
    endpoints: { iamCredentials: url, kms: url, secretManager: url },
    patienceMs: given.patienceMs ?? 0,
    pauseMs: 20,
    say: (line) => lines.push(line),
  });
}

const failures = () => lines.filter((line) => line.startsWith("FAILED"));

describe("the check after a deployment", () => {
  test("passes where everyone may do what configs/functions.yml says", async () => {
    expect([await run(), failures()]).toEqual([0, []]);
    expect(lines.length).toBe(2 + 3 + 8 + 3 + 6);
  });

  test("asks each public function once, with a key of this environment that nobody was given", async () => {
    await run();
    expect(asked.map((line) => line.replace(/ cact_live_$/, " key")).sort()).toEqual([
      "DELETE /delete/api/v1/integrations/deployment-check/openai key",
      "GET /get/api/v1/integrations/deployment-check/openai key",
      "GET /list/api/v1/integrations/deployment-check key",
      "POST /setup/api/v1/integrations/deployment-check/openai/setup key",
      "POST /validate/api/v1/integrations/deployment-check/openai/validate key",
      "PUT /update/api/v1/integrations/deployment-check/openai key",
    ]);
  });

  test("asks the load balancer where there is one, since nothing else is reached", async () => {
    await run({ front: `${url}/front/api/v1/integrations` });
    expect(asked.filter((line) => !line.includes(" /front/api/v1/integrations/"))).toEqual([]);
    expect(asked.length).toBe(6);
  });

  test.each([
    [
      "a function that must seal cannot",
      () => missing.add("int-setup kms encrypt"),
      "setup seals: Cloud KMS answered 403",
    ],
    [
      "a function that must open cannot",
      () => missing.add("int-decrypt kms decrypt"),
      "decrypt opens what was sealed: Cloud KMS answered 403",
    ],
    [
      "a function may open that must not",
      () => extra.add("int-list kms decrypt"),
      "list may do no more with the key: it may, by cloudkms.cryptoKeyVersions.useToDecrypt",
    ],
    [
      "a function may seal that must not",
      () => extra.add("int-decrypt kms encrypt"),
      "decrypt may do no more with the key: it may, by cloudkms.cryptoKeyVersions.useToEncrypt",
    ],
    [
      "decrypt may read the pepper",
      () => extra.add("int-decrypt secretmanager access"),
      "decrypt cannot read the pepper: it may, by secretmanager.versions.access",
    ],
    [
      "a table or the pepper cannot be read",
      () => {
        answered = { status: 503, body: { code: "store_unavailable" } };
      },
      "list refuses a key that nobody was given: it answered 503 store_unavailable",
    ],
    [
      "a function lets everyone in",
      () => {
        answered = { status: 200, body: {} };
      },
      "get refuses a key that nobody was given: it answered 200",
    ],
    [
      "whoever checks may not act as the functions",
      () => {
        mayActAs = false;
      },
      `setup seals: no token of ${emailOf("int-setup")} (403); is roles/iam.serviceAccountTokenCreator granted on it?`,
    ],
  ])("fails where %s", async (_, breakIt, line) => {
    breakIt();
    expect(await run()).toBeGreaterThan(0);
    expect(failures()).toContain(`FAILED  ${line}`);
  });

  test("fails where something else comes out than was sealed", async () => {
    givesBackOther = true;
    expect([await run(), failures()[0]]).toEqual([3, "FAILED  decrypt opens what was sealed: something else came out"]);
  });

  test("fails where the pepper is too short to be one", async () => {
    secretManager.secret(bench.pepper).addVersion(Buffer.alloc(31, "p"));
    const failed = await run();
    secretManager.secret(bench.pepper).addVersion(PEPPER);
    expect([failed, failures()]).toEqual([
      1,
      ["FAILED  the pepper has a version, and setup reads it: it has 31 bytes and needs 32"],
    ]);
  });

  test("waits for a grant that does not hold everywhere yet", async () => {
    missing.add("int-setup kms encrypt");
    setTimeout(() => missing.clear(), 200).unref();
    expect([await run({ patienceMs: 10_000 }), failures()]).toEqual([0, []]);
  });

  test("is refused nothing at the key, so that no alert is raised", async () => {
    await run();
    expect(kms.calls().filter(({ outcome }) => outcome !== "OK")).toEqual([]);
    expect(kms.calls().length).toBe(5);
  });

  test("prints no token, no key and nothing that Google answered", async () => {
    extra.add("int-decrypt secretmanager access");
    await run();
    for (const secret of [benchToken(operator), "ya29", "cact_live_", PEPPER.toString("base64")])
      expect(lines.filter((line) => line.includes(secret))).toEqual([]);
  });

  test.each(["", "{}", "null", '{"key":{"value":"k"}}'])("takes no outputs from %j", (text) => {
    expect(readOutputs(text)).toBeNull();
  });
});
