import { spawn } from "node:child_process";
import { mkdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterAll, afterEach, beforeEach, describe, expect, test } from "vitest";
import { assemble, type Parts, readPlan } from "../../functions/parts.ts";
import { type KeyRing, openKeyRing } from "../../shared/adapters/local/key-ring.ts";
import { nextSteps } from "../../shared/cli/commands/rewrap.ts";
import { Secret } from "../../shared/contract/secret.ts";
import type { RewrapReport } from "../../shared/operations/rewrap-report.ts";
import { open, readFields, seal } from "../../shared/vault/seal.ts";
import { headColumns, version } from "../ports/stored-rows.ts";
import { cli, environment, printed, root, temporaryFolder } from "./run.ts";

const folder = temporaryFolder();
let home: string;
let parts: Parts;
let ring: KeyRing;
let serial = 0;

afterAll(folder.remove);

const rewrap = (...args: string[]) => cli(["rewrap", ...args], { INTEGRATIONS_HOME: home });
const secretOf = (org: string) => `sk-proj-canary-${org}-0123456789`;
const orgs = (count: number) => Array.from({ length: count }, (_, at) => `org-${String(at).padStart(4, "0")}`);
const bindingOf = (org: string, credential_id: string) => ({
  ...{ org_slug: org, provider: "OPENAI", credential_id },
  ...{ credential_type: "api_key", bound: {} },
});

/** Credentials of many organisations, sealed with the newest version and stored in three statements. */
async function seed(names: readonly string[]): Promise<void> {
  const pairs = names.map((org_slug) => ({ org_slug, provider: "OPENAI" }));
  const made = await Promise.all(
    pairs.map(async (pair) => {
      const row = version(pair, { seq: 1, prev_event_id: null, metadata: {} });
      const binding = bindingOf(pair.org_slug, row.credential_id);
      const { ciphertext, keyVersion } = await seal(ring, binding, { api_key: new Secret(secretOf(pair.org_slug)) });
      return { ...row, encrypted_credential: ciphertext, key_version: keyVersion };
    }),
  );
  await parts.store.placeHeads(pairs, new Date().toISOString());
  await parts.store.appendVersions(made);
  await parts.store.advanceHeads(
    made.map(({ org_slug, provider, event_id, credential_id, key_version }) => ({
      ...{ org_slug, provider, expected_seq: 0, event_id },
      set: headColumns({ credential_id, key_version, secret_event_id: event_id, metadata: {} }),
    })),
  );
}

async function opened(org: string): Promise<string | undefined> {
  const sealed = await parts.store.readSealed({ org_slug: org, provider: "OPENAI" });
  const binding = bindingOf(org, sealed?.head.credential_id ?? "");
  return readFields(await open(ring, binding, sealed?.encrypted_credential ?? null))["api_key"];
}

function ask(sql: string): number {
  const database = new DatabaseSync(join(home, "integrations.sqlite"), { readOnly: true, timeout: 5_000 });
  const found = Number(database.prepare(sql).get()?.["n"]);
  database.close();
  return found;
}

describe("rewrap", () => {
  beforeEach(async () => {
    serial += 1;
    home = join(folder.path, `home-${serial}`);
    parts = await assemble(readPlan(null, { INTEGRATIONS_HOME: home }));
    ring = openKeyRing(join(home, "keyring.json"));
  });
  afterEach(() => parts.store.close());

  test("shows what every version holds, what was moved, and what is to be done next", async () => {
    await seed(orgs(3));
    ring.rotate();
    const dry = await rewrap("--dry-run");
    expect(dry).toMatchObject({ code: 0, stdout: expect.stringContaining("3 would be sealed anew with version 2") });
    expect(ask("SELECT COUNT(*) AS n FROM heads WHERE key_version = '1'")).toBe(3);
    const ran = await rewrap();
    expect(ran.code).toBe(0);
    expect(ran.stdout).toMatch(
      /^key version +current +to be purged +was current +state\n1 +0 +3 +3 +superseded\n2 +3 +0 +0 +primary$/m,
    );
    expect(ran.stdout).toContain("3 sealed anew with version 2.");
    expect(ran.stderr).toContain("Only superseded ciphertext is left under 1");
    for (const org of orgs(3)) expect(await opened(org)).toBe(secretOf(org));
    const audits = readFileSync(join(home, "audit.jsonl"), "utf8")
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(audits.map(({ operation }) => operation)).toEqual([
      ...["rewrap.dry_run", "rewrap.dry_run", "rewrap.dry_run", "rewrap.dry_run"],
      ...["rewrap", "rewrap", "rewrap", "rewrap.run"],
    ]);
  });

  test("ends with 4 where a version is disabled or destroyed, and names what it sealed", async () => {
    await seed(["acme"]);
    ring.rotate();
    await seed(["beta"]);
    ring.rotate();
    await seed(["gamma"]);
    ring.rotate();
    ring.disable("1");
    ring.destroy("3");
    const ran = await rewrap();
    expect(ran.code).toBe(4);
    expect(ran.stdout).toMatch(/^acme +OPENAI +\S+ +0123abcd +1 +key_unavailable$/m);
    expect(ran.stdout).toMatch(/^gamma +OPENAI +\S+ +0123abcd +3 +key_unavailable$/m);
    expect(ran.stdout).toContain("1 sealed anew with version 4.");
    expect(ran.stderr).toContain("enable it and run this again");
    ring.enable("1");
    const json = await rewrap("--json");
    expect(json.code).toBe(4);
    expect(JSON.parse(json.stdout)).toMatchObject({
      key_version: "4",
      moved: 1,
      unmoved: [{ org_slug: "gamma", provider: "OPENAI", key_version: "3", code: "key_unavailable" }],
      may_be_destroyed: [],
    });
    expect(await opened("acme")).toBe(secretOf("acme"));
  });

  test("ends with 4 where a head cannot be read, and names its pair", async () => {
    await seed(["acme", "beta"]);
    const database = new DatabaseSync(join(home, "integrations.sqlite"));
    database.exec("UPDATE heads SET metadata = '{' WHERE org_slug = 'beta'");
    database.close();
    ring.rotate();
    const ran = await rewrap();
    expect(ran.code).toBe(4);
    expect(ran.stdout).toMatch(/^beta +OPENAI +- +- +- +integrity$/m);
    expect(ran.stdout).toMatch(/^1 +1 +1 +2 +in use$/m);
    expect(ran.stdout).toContain("1 sealed anew with version 2.");
  });

  test("killed half-way it has lost nothing, and the next run moves the rest", async () => {
    const names = orgs(3_000);
    await seed(names);
    ring.rotate();
    const child = spawn(process.execPath, [join(root, "shared/cli/main.ts"), "rewrap"], {
      cwd: root,
      env: environment({ INTEGRATIONS_HOME: home }),
      stdio: "ignore",
    });
    const ended = new Promise<NodeJS.Signals | null>((resolve) => child.once("exit", (_, signal) => resolve(signal)));
    const moved = () => ask("SELECT COUNT(*) AS n FROM heads WHERE op = 'rewrap'");
    while (moved() < 200 && child.exitCode === null) await new Promise((resolve) => setTimeout(resolve, 5));
    child.kill("SIGKILL");
    expect(await ended).toBe("SIGKILL");
    const before = moved();
    expect(before).toBeGreaterThanOrEqual(200);
    expect(before).toBeLessThan(3_000);
    for (const org of [names[0], names[before - 1], names[before], names[2_999]])
      expect(await opened(org ?? "")).toBe(secretOf(org ?? ""));
    const ran = await rewrap("--json");
    expect(ran.code).toBe(0);
    expect(JSON.parse(ran.stdout)).toMatchObject({ moved: 3_000 - before, unmoved: [], overtaken: 0 });
    expect(await parts.store.countByKeyVersion()).toMatchObject([
      { key_version: "1", current: 0 },
      { key_version: "2", current: 3_000 },
    ]);
    expect(ask("SELECT COUNT(*) AS n FROM (SELECT 1 FROM heads GROUP BY org_slug, provider HAVING COUNT(*) > 1)")).toBe(
      0,
    );
    for (const org of [names[0], names[before - 1], names[before], names[2_999]])
      expect(await opened(org ?? "")).toBe(secretOf(org ?? ""));
  });

  test("where it cannot be audited nothing is sealed anew", async () => {
    await seed(["acme"]);
    ring.rotate();
    rmSync(join(home, "audit.jsonl"), { force: true });
    mkdirSync(join(home, "audit.jsonl"), { mode: 0o700 });
    expect(await rewrap()).toMatchObject({ code: 4 });
    expect(ask("SELECT COUNT(*) AS n FROM heads WHERE key_version = '1'")).toBe(1);
  });

  test("takes no argument", async () => {
    expect(await rewrap("now")).toMatchObject({ code: 2, stdout: "" });
  });

  test("nothing that was ever printed holds a secret", () => {
    expect(printed.join("\n")).not.toContain("canary");
  });
});

describe("what is to be done next", () => {
  const report: RewrapReport = {
    dry_run: false,
    key_version: "3",
    moved: 0,
    would_move: 0,
    overtaken: 0,
    unmoved: [],
    versions: [],
    may_be_destroyed: [],
  };
  const none = { current: 0, other: 0 };
  const unmoved = (
    code: "key_unavailable" | "integrity" | "conflict" | "key_version_unchanged",
    transient = false,
  ) => ({
    ...{ org_slug: "acme", provider: "OPENAI", credential_id: "c", fingerprint: null, key_version: "1" },
    ...{ code, transient },
  });
  const cases: Array<[string, Partial<RewrapReport>, RegExp[]]> = [
    ["nothing", {}, []],
    ["somebody was first", { overtaken: 2 }, [/^2 were changed by somebody else/]],
    [
      "a version cannot be used",
      { unmoved: [unmoved("key_unavailable")] },
      [/enable it and run this again/, /is lost/, /roles\/cloudkms\.cryptoKeyDecrypter/],
    ],
    [
      "no answer",
      { unmoved: [unmoved("key_unavailable", true)] },
      [/^Cloud KMS did not answer for 1: run this again\.$/],
    ],
    [
      "no answer for some, and others whose version cannot be used",
      { unmoved: [unmoved("key_unavailable", true), unmoved("key_unavailable"), unmoved("key_unavailable", true)] },
      [/did not answer for 2/, /enable it/, /is lost/, /the right to open/],
    ],
    ["integrity", { unmoved: [unmoved("integrity")] }, [/integrity checks/]],
    ["busy", { unmoved: [unmoved("conflict")] }, [/run this again\.$/]],
    [
      "not yet rotated everywhere, or an older primary",
      { unmoved: [unmoved("key_version_unchanged")] },
      [/older version than 3: wait three hours .* made primary on purpose, make a new version/],
    ],
    [
      "superseded",
      { versions: [{ key_version: "1", before: none, after: { current: 0, other: 4 }, state: "superseded" }] },
      [/left under 1: a sweep purges it 24 hours after/],
    ],
    [
      "empty",
      { may_be_destroyed: ["1", "2"] },
      [/^Nothing is left under 1, 2: three hours after the rotation disable/],
    ],
  ];
  test.each(cases)("%s", (_, more, expected) => {
    const steps = nextSteps({ ...report, ...more });
    expect(steps).toHaveLength(expected.length);
    for (const [at, pattern] of expected.entries()) expect(steps[at]).toMatch(pattern);
  });
});
