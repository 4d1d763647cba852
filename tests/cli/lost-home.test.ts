import { spawn } from "node:child_process";
import { cpSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Check } from "../../shared/cli/doctor/check.ts";
import { exampleKeys, type Simulators, startSimulators } from "../simulators/start.ts";
import { cli, environment, ran, root, startService, temporaryFolder } from "./run.ts";

const folder = temporaryFolder();
const used = join(folder.path, "used");
const openai = exampleKeys("OPENAI");
let simulators: Simulators;
let env: Record<string, string>;
let serial = 0;

beforeAll(async () => {
  simulators = await startSimulators();
  env = { ...simulators.env, INTEGRATIONS_HOME: used };
  const service = await startService(env);
  const key = (await cli(["org-key", "create", "acme", "--scope", "manage"], env)).stdout.trim();
  const own = { ...env, INTEGRATIONS_URL: service.url, INTEGRATIONS_API_KEY: key };
  expect(await cli(["setup", "acme", "openai"], own, openai.good)).toMatchObject({ code: 0 });
  await service.stop();
});
afterAll(async () => {
  await simulators?.close();
  folder.remove();
});

/** A copy of the used home without the files that begin so. */
function without(prefix: string | null): string {
  serial += 1;
  const home = join(folder.path, `copy-${serial}`);
  cpSync(used, home, { recursive: true });
  for (const name of readdirSync(home)) if (prefix !== null && name.startsWith(prefix)) rmSync(join(home, name));
  return home;
}

/** All but what processes that have the store open share with each other. */
const contents = (home: string) =>
  Object.fromEntries(
    readdirSync(home)
      .filter((name) => !name.endsWith("-shm"))
      .map((name) => [name, readFileSync(join(home, name)).toString("base64")]),
  );

const start = (home: string) =>
  ran(
    spawn(process.execPath, [join(root, "functions/start.ts")], {
      cwd: root,
      timeout: 15_000,
      env: environment({ ...env, PORT: "0", INTEGRATIONS_HOME: home }),
    }),
  );

async function doctor(home: string): Promise<{ code: number | null; found: Check[] }> {
  const { code, stdout } = await cli(["doctor", "--json"], { ...env, INTEGRATIONS_HOME: home });
  return { code, found: JSON.parse(stdout).checks };
}

describe.each([
  ["keyring.json", "integrations.sqlite"],
  ["pepper.json", "integrations.sqlite"],
  ["integrations.sqlite", "keyring.json"],
])("a used home that has lost its %s", (lost, beside) => {
  const told = new RegExp(`${lost} is not there beside ${beside}: restore .*from the backup that belongs to`, "i");

  test("is not started on, nor worked on by any command, and nothing is written", async () => {
    const home = without(lost);
    const before = contents(home);
    expect(await start(home)).toMatchObject({ code: 1, stdout: "", stderr: expect.stringMatching(told) });
    for (const args of [
      ["org-key", "create", "acme", "--scope", "manage"],
      ["debug", "acme"],
      ["rewrap", "--dry-run"],
      ["token", "--subject", "p1"],
    ])
      expect(await cli(args, { ...env, INTEGRATIONS_HOME: home }), args.join(" ")).toMatchObject({
        code: 4,
        stdout: "",
        stderr: expect.stringMatching(told),
      });
    expect(contents(home)).toEqual(before);
  });

  test("fails its examination, which writes nothing either", async () => {
    const home = without(lost);
    const before = contents(home);
    const { code, found } = await doctor(home);
    expect(code).toBe(1);
    expect(found.find(({ name }) => name === "home")).toMatchObject({
      state: "fail",
      message: expect.stringContaining(`${lost} is not there`),
      remedy: expect.stringMatching(/^Restore .* from the backup that belongs to/),
    });
    expect(found.find(({ name }) => name === "key")).toBeUndefined();
    expect(contents(home)).toEqual(before);
  });
});

test("a key ring of another home beside a used store fails the examination: what is stored does not open", async () => {
  const other = join(folder.path, "other");
  expect(
    await cli(["org-key", "create", "acme", "--scope", "read"], { ...env, INTEGRATIONS_HOME: other }),
  ).toMatchObject({ code: 0 });
  const home = without(null);
  cpSync(join(other, "keyring.json"), join(home, "keyring.json"));
  const { code, found } = await doctor(home);
  expect(code).toBe(1);
  expect(found.find(({ name }) => name === "key")).toMatchObject({
    state: "fail",
    message: expect.stringMatching(/what is stored/),
    remedy: expect.stringMatching(/^Restore keyring\.json/),
  });
});

test("a whole home is well, and says that what is stored opens", async () => {
  const { code, found } = await doctor(without(null));
  expect(code).toBe(0);
  expect(found.find(({ name }) => name === "key")?.message).toMatch(/seals and opens.*opens what is stored/);
});

test("commands that start at once on a fresh home make one key ring and all work", async () => {
  const home = join(folder.path, "fresh");
  const made = await Promise.all(
    ["a1", "b1", "c1", "d1", "e1", "f1"].map((org) =>
      cli(["org-key", "create", `org-${org}`, "--scope", "read"], { ...env, INTEGRATIONS_HOME: home }),
    ),
  );
  expect(made.map(({ code, stderr }) => [code, stderr.includes("cannot be opened")])).toEqual(
    made.map(() => [0, false]),
  );
  expect(existsSync(join(home, "keyring.json"))).toBe(true);
});

test("a first start that died before its key ring was made goes on", async () => {
  const half = join(folder.path, "half");
  expect(await cli(["org-key", "list", "acme"], { ...env, INTEGRATIONS_HOME: half })).toMatchObject({ code: 0 });
  rmSync(join(half, "keyring.json"));
  rmSync(join(half, "pepper.json"));
  expect(
    await cli(["org-key", "create", "acme", "--scope", "read"], { ...env, INTEGRATIONS_HOME: half }),
  ).toMatchObject({ code: 0 });
});

test("a store that is no database, or a home that is no folder, is named with what to do", async () => {
  const home = without(null);
  for (const name of readdirSync(home)) if (name.startsWith("integrations.sqlite")) rmSync(join(home, name));
  writeFileSync(join(home, "integrations.sqlite"), "no database\n".repeat(1_000), { mode: 0o600 });
  const garbage = await doctor(home);
  expect(garbage.code).toBe(1);
  expect(garbage.found.find(({ name }) => name === "backend")).toMatchObject({
    state: "fail",
    message: expect.stringMatching(/integrations\.sqlite is no store, or a damaged one: restore/),
  });
  const file = await doctor(join(home, "keyring.json"));
  expect(file.code).toBe(1);
  expect(file.found.find(({ name }) => name === "home")).toMatchObject({
    state: "fail",
    message: expect.stringContaining("is not a folder"),
  });
});

test("what only reads makes no home in a mistyped place", async () => {
  const home = join(folder.path, "mistyped");
  expect(await cli(["debug", "acme"], { ...env, INTEGRATIONS_HOME: home })).toMatchObject({
    code: 4,
    stdout: "",
    stderr: expect.stringContaining(`INTEGRATIONS_HOME ${home} is not there`),
  });
  expect(existsSync(home)).toBe(false);
});
