import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inspect, promisify } from "node:util";
import { build } from "esbuild";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { Fault } from "../../../shared/contract/fault.ts";
import { benchToken } from "../../platform/bearer.ts";
import { type Stand, standBefore, transports } from "../../platform/kms/stand.ts";
import { type KmsSim, startKms } from "../../platform/kms/start.ts";
import { bench, emailOf } from "../../platform/rights.ts";
import { type SecretManagerSim, startSecretManager } from "../../platform/secret-manager/start.ts";

const root = join(import.meta.dirname, "../../..");
const canary = `sk-canary-${randomBytes(18).toString("hex")}`;

/** Every way in which the bytes of a text can stand in another text. */
function formsOf(text: string): string[] {
  const bytes = Buffer.from(text);
  return [
    text,
    bytes.toString("hex"),
    bytes.toString("base64").replace(/=+$/, "").slice(0, -1),
    bytes.toString("base64url").slice(0, -1),
    [...bytes].join(","),
    [...bytes].join(", "),
    [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join(" "),
  ];
}

describe.each(transports)("what is said about a failure over %s", (transport) => {
  let stand: Stand;
  const aad = Buffer.from("CSV1 acme OPENAI");
  const plaintext = Buffer.from(canary);
  const printed: string[] = [];
  let ciphertext: Buffer;
  beforeAll(async () => {
    stand = await standBefore(transport);
    ({ ciphertext } = await stand.open().encrypt(plaintext, aad));
  });
  afterAll(async () => stand.close());
  beforeEach(() => {
    printed.length = 0;
    stand.lines.length = 0;
    stand.kms.faults.clear();
    for (const name of ["log", "info", "warn", "error", "debug"] as const)
      vi.spyOn(console, name).mockImplementation((...given) => printed.push(inspect(given)));
  });
  afterEach(() => vi.restoreAllMocks());

  test.each([
    "unavailable",
    "internal",
    "unauthenticated",
    "reset_before",
    "reset_mid_reply",
    "truncated_json",
    "html_502",
    "html_200",
    "redirect",
    "bit_flipped",
    "request_flipped",
    "checksum_missing",
    "other_key",
    "aad_unverified",
  ] as const)("names no secret: %s", async (fault) => {
    stand.kms.faults.always(fault);
    const key = stand.open();
    const thrown = await Promise.all([
      key.encrypt(plaintext, aad).catch((error: unknown) => error),
      key.decrypt(ciphertext, aad).catch((error: unknown) => error),
      key.decrypt(ciphertext, Buffer.from(canary)).catch((error: unknown) => error),
    ]);
    const failures = thrown.filter((one) => one instanceof Fault);
    expect(failures.length).toBeGreaterThan(0);
    const said = [
      ...failures.map((one) => `${inspect(one, { depth: null, showHidden: true })}${JSON.stringify(one)}${one.stack}`),
      ...stand.lines.map((line) => JSON.stringify(line)),
      ...printed,
    ].join("\n");
    for (const form of [...formsOf(canary), benchToken(emailOf("int-setup")), bench.key])
      expect(said).not.toContain(form);
  });

  test("keeps no call of the simulator's that says what it carried", async () => {
    const key = stand.open();
    await key.decrypt((await key.encrypt(plaintext, aad)).ciphertext, aad);
    const noted = inspect(stand.kms.calls(), { depth: null });
    for (const form of formsOf(canary)) expect(noted).not.toContain(form);
  });
});

describe("GOOGLE_SDK_NODE_LOGGING", () => {
  let kms: KmsSim;
  let secretManager: SecretManagerSim;
  const pepper = randomBytes(32).toString("hex");
  beforeAll(async () => {
    [kms, secretManager] = await Promise.all([startKms(), startSecretManager()]);
    secretManager.secret(bench.pepper).addVersion(Buffer.from(pepper));
  });
  afterAll(async () => {
    await Promise.all([kms.close(), secretManager.close()]);
  });

  const script = join(root, "tests/platform/kms/open-one.ts");
  const said = (how: "bare" | "plan" | "function") =>
    printedBy(script, [how, kms.endpoint, secretManager.endpoint, canary]);
  const holds = (text: string, secret: string) => formsOf(secret).some((form) => text.includes(form));

  // If this fails the clients have stopped printing, and the tests below prove nothing any more.
  test("left on, has Google's clients print what they send, what was opened, and the pepper", async () => {
    const text = await said("bare");
    expect(text).toContain(`done ${canary.length} ${pepper.length}`);
    expect([holds(text, canary), holds(text, pepper)]).toEqual([true, true]);
  });

  test.each(["plan", "function"] as const)("is gone before they are loaded, after %s", async (how) => {
    const text = await said(how);
    expect(text).toContain(`done ${canary.length} ${pepper.length}`);
    expect([holds(text, canary), holds(text, pepper)]).toEqual([false, false]);
    expect(text).not.toContain("cryptoKeys");
  });
});

describe("a bundle with kms-gax in place of google-gax", () => {
  let folder: string;
  let kms: KmsSim;
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "kms-bundle-"));
    kms = await startKms();
  });
  afterAll(async () => {
    rmSync(folder, { recursive: true });
    await kms.close();
  });

  test("holds no gRPC and no other service, works, and prints nothing of what it opens whatever it is told", async () => {
    const outfile = join(folder, "bundle.mjs");
    const contents = `
      import { connectKmsRest } from "./shared/adapters/cloud/kms-rest.ts";
      import { openCloudKms } from "./shared/adapters/cloud/cloud-kms.ts";
      import { systemClock } from "./shared/adapters/system-clock.ts";
      import { signedIn } from "./tests/platform/kms/sign-in.ts";
      const [how, apiEndpoint, , text] = process.argv.slice(2);
      const connect = () => connectKmsRest({ auth: signedIn("a@b.example"), apiEndpoint });
      const key = openCloudKms({ connect, key: "${bench.key}", clock: systemClock() });
      const aad = Buffer.from("CSV1");
      const opened = await key.decrypt((await key.encrypt(Buffer.from(text), aad)).ciphertext, aad);
      process.stdout.write(how + " " + opened.length, () => process.exit(0));`;
    const { metafile } = await build({
      stdin: { contents, resolveDir: root, loader: "ts" },
      bundle: true,
      outfile,
      metafile: true,
      platform: "node",
      target: "node24",
      format: "esm",
      alias: {
        "google-gax": join(root, "shared/adapters/cloud/kms-gax.ts"),
        "google-gax/fallback": "google-gax/fallback",
      },
      banner: { js: 'import { createRequire } from "node:module"; const require = createRequire(import.meta.url);' },
    });
    const inputs = Object.keys(metafile.inputs);
    expect(
      inputs.filter((file) => /grpc-js|autokey|ekm_service|hsm_management|protos\/protos\.js$/.test(file)),
    ).toEqual([]);
    expect(inputs.filter((file) => file.includes("key_management_service_client"))).not.toEqual([]);
    const text = await printedBy(outfile, ["bundle", kms.endpoint, "", canary]);
    expect(text).toContain(`bundle ${canary.length}`);
    expect(formsOf(canary).filter((form) => text.includes(form))).toEqual([]);
  });
});

/** Everything that a script prints while Google's libraries are told to print what they do. */
async function printedBy(script: string, given: readonly string[]): Promise<string> {
  const { stdout, stderr } = await promisify(execFile)(process.execPath, [script, ...given], {
    env: { PATH: process.env["PATH"], GOOGLE_SDK_NODE_LOGGING: "*" },
    maxBuffer: 64 * 1024 * 1024,
  });
  return `${stdout}${stderr}`;
}
