import { randomBytes } from "node:crypto";
import { inspect } from "node:util";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { crc32c } from "../../shared/adapters/cloud/crc32c.ts";
import { connectSecretManager } from "../../shared/adapters/cloud/secret-rest.ts";
import { signedIn } from "./kms/sign-in.ts";
import { bench, emailOf } from "./rights.ts";
import { type SecretManagerSim, type StoredSecret, startSecretManager } from "./secret-manager/start.ts";

const once = { retry: null, timeout: 3_000 };
const NAMED = /^projects\/123456789012\/secrets\/integrations-pepper\/versions\/(\d+)$/;

describe("the bench's Secret Manager, to Google's own client", () => {
  let sim: SecretManagerSim;
  let secret: StoredSecret;
  let client: Awaited<ReturnType<typeof connectSecretManager>>;
  beforeEach(async () => {
    sim = await startSecretManager();
    secret = sim.secret(bench.pepper);
    client = await connectSecretManager({ auth: signedIn(emailOf("int-get")), apiEndpoint: sim.endpoint });
  });
  afterEach(async () => {
    await client.close();
    await sim.close();
  });

  const access = async (which: string, name: string = bench.pepper) =>
    (await client.accessSecretVersion({ name: `${name}/versions/${which}` }, once))[0];

  test("answers with the version by the project's number, its bytes and their checksum as text", async () => {
    const bytes = randomBytes(40);
    expect([secret.addVersion(randomBytes(32)), secret.addVersion(bytes)]).toEqual([1, 2]);
    for (const which of ["latest", "2"]) {
      const reply = await access(which);
      expect(NAMED.exec(String(reply.name))?.[1]).toBe("2");
      expect(Buffer.from(reply.payload?.data ?? "").equals(bytes)).toBe(true);
      expect(reply.payload?.dataCrc32c).toBe(String(crc32c(bytes)));
    }
  });

  test("latest is the version made last, whatever its state", async () => {
    secret.addVersion(randomBytes(32));
    secret.disable(secret.addVersion(randomBytes(32)));
    await expect(access("latest")).rejects.toMatchObject({
      code: 9,
      message: expect.stringMatching(/^Secret Version \[.*\/versions\/2\] is in DISABLED state\.$/),
    });
    expect(NAMED.exec(String((await access("1")).name))?.[1]).toBe("1");
    secret.enable(2);
    expect(NAMED.exec(String((await access("latest")).name))?.[1]).toBe("2");
    secret.destroy(2);
    await expect(access("2")).rejects.toMatchObject({ code: 9, message: expect.stringContaining("DESTROYED") });
  });

  test.each([
    ["latest", bench.pepper, /not found or has no versions/],
    ["1", bench.pepper, /Secret Version \[.*\] not found/],
    ["latest", "projects/cloudact-testing-1/secrets/other", /\[projects\/123456789012\/secrets\/other\] not found/],
  ])("version %s of %s is not found", async (which, name, message) => {
    await expect(access(which, name)).rejects.toMatchObject({ code: 5, message: expect.stringMatching(message) });
  });

  test.each([
    ["bit_flipped", { payload: { dataCrc32c: expect.stringMatching(/^\d+$/) } }],
    ["checksum_wrong", { payload: { dataCrc32c: expect.stringMatching(/^\d+$/) } }],
    ["other_secret", { name: expect.stringMatching(/\/secrets\/integrations-pepper-2\/versions\/1$/) }],
    ["other_version", { name: expect.stringMatching(/\/versions\/2$/) }],
    ["no_name", { name: "" }],
    ["no_payload", { payload: null }],
  ] as const)("can answer what Google's client does not mind: %s", async (fault, expected) => {
    const bytes = randomBytes(32);
    secret.addVersion(bytes);
    sim.faults.next(fault);
    const reply = await access("latest");
    expect(reply).toMatchObject(expected);
    if (fault === "bit_flipped") expect(Buffer.from(reply.payload?.data ?? "").equals(bytes)).toBe(false);
    if (fault === "checksum_wrong") expect(reply.payload?.dataCrc32c).not.toBe(String(crc32c(bytes)));
  });

  test("can leave the checksum out", async () => {
    secret.addVersion(randomBytes(32));
    sim.faults.next("checksum_missing");
    expect((await access("latest")).payload?.dataCrc32c ?? null).toBeNull();
  });

  test.each([
    ["unavailable", 14],
    ["internal", 13],
    ["resource_exhausted", 8],
    ["unauthenticated", 16],
    ["reset_before", 14],
    ["html_502", 13],
  ] as const)("can fail: %s is code %d", async (fault, code) => {
    secret.addVersion(randomBytes(32));
    sim.faults.next(fault);
    await expect(access("latest")).rejects.toMatchObject({ code });
    expect((await access("latest")).name).toMatch(NAMED);
  });

  test("notes who asked for what, and nothing of what it held", async () => {
    const text = randomBytes(24).toString("hex");
    secret.addVersion(Buffer.from(text));
    await access("latest");
    await access("7").catch(() => {});
    expect(sim.calls()).toEqual([
      { identity: emailOf("int-get"), name: `${bench.pepper}/versions/latest`, outcome: "OK" },
      { identity: emailOf("int-get"), name: `${bench.pepper}/versions/7`, outcome: "NOT_FOUND" },
    ]);
    expect(inspect(sim.calls())).not.toContain(text);
    sim.forgetCalls();
    expect(sim.calls()).toEqual([]);
  });

  test("asks whether a caller may, by the secret's name, and refuses as Google does", async () => {
    const seen: unknown[] = [];
    const guarded = await startSecretManager({
      allows: (identity, right) => {
        seen.push({ identity, ...right });
        return false;
      },
    });
    const other = await connectSecretManager({ auth: signedIn(emailOf("int-decrypt")), apiEndpoint: guarded.endpoint });
    await expect(other.accessSecretVersion({ name: `${bench.pepper}/versions/latest` }, once)).rejects.toMatchObject({
      code: 7,
      reason: "IAM_PERMISSION_DENIED",
      message: `Permission 'secretmanager.versions.access' denied for resource '${bench.pepper}/versions/latest' (or it may not exist).`,
    });
    expect(seen).toEqual([
      { identity: emailOf("int-decrypt"), service: "secretmanager", resource: bench.pepper, action: "access" },
    ]);
    expect((await fetch(`${guarded.endpoint}/v1/${bench.pepper}/versions/latest:access`)).status).toBe(401);
    await other.close();
    await guarded.close();
  });

  test.each([
    ["POST", `${bench.pepper}/versions/latest:access`],
    ["GET", bench.pepper],
    ["GET", `${bench.pepper}/versions`],
  ])("serves nothing else: %s %s", async (method, path) => {
    secret.addVersion(randomBytes(32));
    expect((await fetch(`${sim.endpoint}/v1/${path}`, { method })).status).toBe(404);
  });
});
