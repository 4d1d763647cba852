import { randomBytes } from "node:crypto";
import { inspect } from "node:util";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { openSecretManager, type SecretClient } from "../../../shared/adapters/cloud/secret-manager.ts";
import { connectSecretManager } from "../../../shared/adapters/cloud/secret-rest.ts";
import { systemClock } from "../../../shared/adapters/system-clock.ts";
import { Fault } from "../../../shared/contract/fault.ts";
import type { Clock } from "../../../shared/ports/clock.ts";
import type { LogFields, Severity } from "../../../shared/ports/log.ts";
import type { SecretSource } from "../../../shared/ports/secret-source.ts";
import { signedIn } from "../../platform/kms/sign-in.ts";
import { bench, emailOf } from "../../platform/rights.ts";
import { type SecretManagerSim, type StoredSecret, startSecretManager } from "../../platform/secret-manager/start.ts";
import { type ManualClock, manualClock } from "../../ports/manual-clock.ts";

const MINUTE_MS = 60_000;
let sim: SecretManagerSim;
let stored: StoredSecret;
let client: SecretClient & { close(): Promise<void> };
let clock: ManualClock;
let secrets: SecretSource;
let lines: Array<{ severity: Severity; event: string; fields: LogFields }>;

beforeEach(async () => {
  sim = await startSecretManager();
  stored = sim.secret(bench.pepper);
  client = await connect();
  clock = manualClock();
  lines = [];
  secrets = open({ ...clock, sleep: async () => {} });
});
afterEach(async () => {
  await client.close();
  await sim.close();
});

function connect() {
  return connectSecretManager({ auth: signedIn(emailOf("int-list")), apiEndpoint: sim.endpoint });
}

function open(withClock: Clock): SecretSource {
  return openSecretManager({
    connect: async () => client,
    secret: bench.pepper,
    clock: withClock,
    log: (severity, event, fields = {}) => lines.push({ severity, event, fields }),
  });
}

const versions = async (wanted?: string) => (await secrets.peppers(wanted)).map(({ version }) => version);
const asked = () => sim.calls().map(({ name }) => name.split("/versions/")[1]);
const unavailable = { code: "key_unavailable" };

describe("the pepper in Secret Manager", () => {
  test("of a first version stands alone, and the version before it is not asked for", async () => {
    const bytes = randomBytes(32);
    stored.addVersion(bytes);
    expect(await secrets.peppers()).toEqual([{ version: "1", bytes }]);
    expect(asked()).toEqual(["latest"]);
  });

  test("is the latest version, with which new keys are hashed, then the one before it", async () => {
    const all = [32, 40, 64].map((length) => randomBytes(length));
    for (const bytes of all) stored.addVersion(bytes);
    expect(await secrets.peppers()).toEqual([
      { version: "3", bytes: all[2] },
      { version: "2", bytes: all[1] },
    ]);
    expect(asked()).toEqual(["latest", "2"]);
  });

  test.each(["disable", "destroy"] as const)("leaves out an older version after %s", async (act) => {
    stored.addVersion(randomBytes(32));
    stored.addVersion(randomBytes(32));
    stored[act](1);
    expect(await versions()).toEqual(["2"]);
    expect(lines).toEqual([]);
  });

  test("leaves out an older version that is not there", async () => {
    stored.addVersion(randomBytes(32));
    stored.addVersion(randomBytes(32));
    sim.faults.next({ slow: 0 });
    sim.faults.next("not_found");
    expect(await versions()).toEqual(["2"]);
  });

  test("leaves out an older version that is too short, and says so", async () => {
    stored.addVersion(randomBytes(31));
    stored.addVersion(randomBytes(32));
    expect(await versions()).toEqual(["2"]);
    expect(lines).toMatchObject([
      { severity: "WARNING", event: "pepper.too_short", fields: { key_version: "1", count: 31 } },
    ]);
  });

  test("is asked for by an identity, and by nothing but reading", async () => {
    stored.addVersion(randomBytes(32));
    await secrets.peppers();
    expect(sim.calls()).toEqual([
      { identity: emailOf("int-list"), name: `${bench.pepper}/versions/latest`, outcome: "OK" },
    ]);
  });
});

describe("a pepper that cannot be had at the start", () => {
  const states: Array<[string, (secret: StoredSecret) => void, string]> = [
    ["there is none", () => {}, "NOT_FOUND"],
    ["it is disabled", (secret) => secret.disable(secret.addVersion(randomBytes(32))), "FAILED_PRECONDITION"],
    ["it is destroyed", (secret) => secret.destroy(secret.addVersion(randomBytes(32))), "FAILED_PRECONDITION"],
    ["it is empty", (secret) => secret.addVersion(Buffer.alloc(0)), "shorter than 32 bytes"],
    ["it has 31 bytes", (secret) => secret.addVersion(randomBytes(31)), "shorter than 32 bytes"],
  ];
  test.each(states)("is unavailable, never empty or short: %s", async (_, prepare, reason) => {
    prepare(stored);
    await expect(secrets.peppers()).rejects.toMatchObject(unavailable);
    expect(lines.at(-1)?.fields.reason).toBe(reason);
  });

  test("is asked for once where Secret Manager refuses, which is told as critical", async () => {
    await client.close();
    await sim.close();
    sim = await startSecretManager({ allows: () => false });
    client = await connect();
    await expect(secrets.peppers()).rejects.toMatchObject(unavailable);
    expect(sim.calls().map(({ outcome }) => outcome)).toEqual(["PERMISSION_DENIED"]);
    expect(lines).toMatchObject([
      { severity: "CRITICAL", event: "pepper.refused", fields: { reason: "PERMISSION_DENIED", count: 1 } },
    ]);
  });

  const passing = [
    "unavailable",
    "internal",
    "resource_exhausted",
    "deadline_exceeded",
    "reset_before",
    "reset_mid_reply",
    "truncated_json",
    "html_502",
    "html_400",
    "html_200",
    "redirect",
  ] as const;
  test.each(passing)("is asked for up to five times: %s", async (fault) => {
    stored.addVersion(randomBytes(32));
    sim.faults.next(fault, 4);
    expect(await versions()).toEqual(["1"]);
    expect(asked()).toHaveLength(5);
    sim.forgetCalls();
    sim.faults.always(fault);
    await expect(open({ ...clock, sleep: async () => {} }).peppers()).rejects.toMatchObject({
      ...unavailable,
      details: { retryAfterS: 5 },
    });
    expect(asked()).toHaveLength(5);
    expect(sim.followed()).toBe(0);
  });

  const unfit = ["bit_flipped", "checksum_missing", "checksum_wrong", "no_payload", "other_secret", "no_name"] as const;
  test.each(unfit)("is thrown away up to three times: %s", async (fault) => {
    stored.addVersion(randomBytes(32));
    sim.faults.next(fault, 2);
    expect(await versions()).toEqual(["1"]);
    sim.faults.next(fault, 3);
    sim.forgetCalls();
    await expect(open({ ...clock, sleep: async () => {} }).peppers()).rejects.toMatchObject(unavailable);
    expect(asked()).toHaveLength(3);
  });

  test("is not half there: where the version before it cannot be asked for, nothing is served", async () => {
    stored.addVersion(randomBytes(32));
    stored.addVersion(randomBytes(32));
    for (let count = 0; count < 6; count += 1) sim.faults.next(count === 0 ? { slow: 0 } : "unavailable");
    await expect(secrets.peppers()).rejects.toMatchObject(unavailable);
    expect(asked()).toEqual(["latest", "1", "1", "1", "1", "1"]);
    expect(await versions()).toEqual(["2", "1"]);
  });

  test("is not taken from another version than was asked for", async () => {
    stored.addVersion(randomBytes(32));
    stored.addVersion(randomBytes(32));
    sim.faults.next({ slow: 0 });
    sim.faults.next("other_version", 3);
    await expect(secrets.peppers()).rejects.toMatchObject(unavailable);
  });

  test("is had once it is there, without a start of ours", async () => {
    await expect(secrets.peppers()).rejects.toMatchObject(unavailable);
    stored.addVersion(randomBytes(32));
    expect(await versions()).toEqual(["1"]);
  });
});

describe("a pepper that is remembered", () => {
  beforeEach(async () => {
    stored.addVersion(randomBytes(32));
    await secrets.peppers();
    sim.forgetCalls();
  });

  test("serves all others at once while one of them asks", async () => {
    clock.advance(10 * MINUTE_MS);
    sim.faults.next({ slow: 300 });
    const order: string[] = [];
    const note = (who: string) => async (served: string[]) => order.push(`${who} ${served}`);
    await Promise.all([
      versions().then(note("first")),
      versions().then(note("second")),
      versions().then(note("third")),
    ]);
    expect(order).toEqual(["second 1", "third 1", "first 1"]);
  });

  test("is not asked for again for ten minutes, then by one of many", async () => {
    clock.advance(10 * MINUTE_MS - 1);
    await secrets.peppers();
    expect(asked()).toEqual([]);
    clock.advance(1);
    const all = await Promise.all(Array.from({ length: 20 }, () => versions()));
    expect(asked()).toEqual(["latest"]);
    expect(all).toEqual(Array(20).fill(["1"]));
  });

  test("is joined by a new version, and old keys still verify", async () => {
    const [old] = await secrets.peppers();
    stored.addVersion(randomBytes(32));
    clock.advance(10 * MINUTE_MS);
    const [newest, older] = await secrets.peppers();
    expect([newest.version, older]).toEqual(["2", old]);
  });

  test("is asked for at once where a key names a newer version, however lately it was asked for, by one of many", async () => {
    stored.addVersion(randomBytes(32));
    expect(await versions("1")).toEqual(["1"]);
    expect(await versions("old")).toEqual(["1"]);
    expect(asked()).toEqual([]);
    const all = await Promise.all(Array.from({ length: 5 }, () => versions("2")));
    expect(all).toEqual(Array(5).fill(["2", "1"]));
    expect(asked()).toEqual(["latest", "1"]);
  });

  test("is asked for at once for each version that is named, and then twice a minute at most", async () => {
    for (const wanted of ["2", "3", "2", "3", "3"]) expect(await versions(wanted)).toEqual(["1"]);
    expect(asked()).toEqual(["latest", "latest"]);
    clock.advance(29_999);
    expect(await versions("3")).toEqual(["1"]);
    expect(asked()).toHaveLength(2);
    clock.advance(1);
    expect(await versions("3")).toEqual(["1"]);
    expect(await versions("2")).toEqual(["1"]);
    expect(asked()).toHaveLength(3);
  });

  test("is asked for anew for a version that was named while an answer from before it was on its way", async () => {
    clock.advance(10 * MINUTE_MS);
    sim.faults.next({ slow: 300 });
    const [before, joined] = [versions(), versions("2")];
    expect(await Promise.all([before, joined])).toEqual([["1"], ["1"]]);
    stored.addVersion(randomBytes(32));
    expect(await versions("2")).toEqual(["2", "1"]);
  });

  test("is asked for once for a version that is named while Secret Manager cannot be asked", async () => {
    sim.faults.always("unavailable");
    for (let sent = 0; sent < 5; sent += 1) expect(await versions("2")).toEqual(["1"]);
    expect(asked()).toEqual(["latest", "latest"]);
    sim.faults.clear();
    stored.addVersion(randomBytes(32));
    clock.advance(30_000);
    expect(await versions("2")).toEqual(["2", "1"]);
  });

  test("serves for an hour while Secret Manager cannot be asked, which is tried twice a minute", async () => {
    sim.faults.always("unavailable");
    clock.advance(10 * MINUTE_MS);
    expect(await versions()).toEqual(["1"]);
    expect(asked()).toEqual(["latest", "latest"]);
    expect(lines).toMatchObject([{ severity: "WARNING", event: "pepper.unavailable" }]);
    clock.advance(29_999);
    expect(await versions()).toEqual(["1"]);
    expect(asked()).toHaveLength(2);
    clock.advance(1);
    expect(await versions()).toEqual(["1"]);
    expect(asked()).toHaveLength(4);
    clock.advance(50 * MINUTE_MS - 30_001);
    expect(await versions()).toEqual(["1"]);
    clock.advance(1);
    await expect(secrets.peppers()).rejects.toMatchObject(unavailable);
    sim.faults.clear();
    expect(await versions()).toEqual(["1"]);
  });

  test.each([
    ["disabled", () => stored.disable(1)],
    ["followed by one that is too short", () => stored.addVersion(randomBytes(8))],
  ])("is not dropped at once where it is %s, and not taken for more than an hour", async (_, act) => {
    act();
    clock.advance(10 * MINUTE_MS);
    expect(await versions()).toEqual(["1"]);
    clock.advance(50 * MINUTE_MS);
    await expect(secrets.peppers()).rejects.toMatchObject(unavailable);
  });
});

describe("time and silence", () => {
  test("at the start it is given up after eight seconds; with something remembered, after three", async () => {
    stored.addVersion(randomBytes(32));
    await secrets.peppers();
    clock.advance(10 * MINUTE_MS);
    sim.faults.always("hang");
    const startedAt = performance.now();
    const elapsed = () => performance.now() - startedAt;
    const halfway = await startSecretManager();
    for (let count = 0; count < 2; count += 1) halfway.secret(bench.pepper).addVersion(randomBytes(32));
    halfway.faults.next({ slow: 2_500 });
    halfway.faults.always("hang");
    const half = openSecretManager({
      connect: () => connectSecretManager({ auth: signedIn(emailOf("int-list")), apiEndpoint: halfway.endpoint }),
      secret: bench.pepper,
      clock: systemClock(),
    });
    const [cold, warm, late] = await Promise.all([
      open(systemClock())
        .peppers()
        .catch((error: unknown) => error)
        .then((error) => ({ error, ms: elapsed() })),
      versions().then((served) => ({ served, ms: elapsed() })),
      half
        .peppers()
        .catch((error: unknown) => error)
        .then((error) => ({ error, ms: elapsed() })),
    ]);
    await halfway.close();
    expect(late.error).toMatchObject(unavailable);
    expect(late.ms).toBeLessThan(10_000);
    expect(cold.error).toMatchObject(unavailable);
    expect(cold.ms).toBeLessThan(10_000);
    expect(warm.served).toEqual(["1"]);
    expect(warm.ms).toBeLessThan(7_000);
  });
});

describe("what is said about it", () => {
  test.each(["bit_flipped", "truncated_json", "other_secret", "unavailable", "html_502"] as const)(
    "names neither the pepper nor the token: %s",
    async (fault) => {
      const text = `pepper-${randomBytes(20).toString("hex")}`;
      stored.addVersion(Buffer.from(text));
      sim.faults.always(fault);
      const error: unknown = await secrets.peppers().catch((thrown: unknown) => thrown);
      expect(error).toBeInstanceOf(Fault);
      const said = `${inspect(error, { depth: null, showHidden: true })}${JSON.stringify(lines)}${inspect(sim.calls())}`;
      for (const form of [text, Buffer.from(text).toString("base64").slice(0, -2), "ya29"])
        expect(said).not.toContain(form);
    },
  );

  test.each([
    "",
    "integrations-pepper",
    "projects/p/secrets/",
    "projects/p/secrets/s/versions/1",
    "projects/p/secrets/a b",
  ])("the name %j of a secret is refused", (secret) => {
    const make = () => openSecretManager({ connect, secret, clock: systemClock() });
    expect(make).toThrow(/^the name of the secret is not projects\/…/);
  });
});
