import { execFile } from "node:child_process";
import { chmodSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { createOnce, openHome, readPrivateFile, replaceFile, withLock } from "../../../shared/adapters/local/home.ts";
import { openKeyRing } from "../../../shared/adapters/local/key-ring.ts";
import { openLocalSecrets } from "../../../shared/adapters/local/local-secrets.ts";
import { openTokenVerifier } from "../../../shared/adapters/local/local-tokens.ts";
import { systemClock } from "../../../shared/adapters/system-clock.ts";
import { freshHome } from "./fresh-home.ts";

const run = promisify(execFile);
const modeOf = (path: string) => statSync(path).mode & 0o777;

describe("the home of the local adapters", () => {
  let home: string;
  let remove: () => void;
  beforeEach(() => {
    ({ home, remove } = freshHome());
  });
  afterEach(() => remove());

  const processes = (turn: string) =>
    Promise.all(
      Array.from(
        { length: 8 },
        async (): Promise<{ ciphertext: string; pepper: string; token: string; rotated: string[] }> => {
          const { stdout } = await run(process.execPath, [join(import.meta.dirname, "create-once.ts"), home, turn]);
          return JSON.parse(stdout);
        },
      ),
    );

  test("it is created for its owner alone", () => {
    expect(modeOf(openHome(join(home, "deep", "er")))).toBe(0o700);
    expect(openHome(home)).toBe(home);
  });

  test.each([
    ["where nothing can be made", "/proc/nope", /\/proc\/nope cannot be made \(E[A-Z]+\): INTEGRATIONS_HOME must name/],
    ["under a file", join(import.meta.filename, "home"), /cannot be made \(E[A-Z]+\): INTEGRATIONS_HOME must name/],
    ["that is a file", import.meta.filename, /is not a folder/],
  ])("a home %s is refused at once", async (_, place, told) => {
    const script = `import { openHome } from ${JSON.stringify(join(import.meta.dirname, "../../../shared/adapters/local/home.ts"))}; openHome(${JSON.stringify(place)})`;
    // A process of its own: what never ends would hold up the test as well.
    const done = await run(process.execPath, ["--input-type=module", "-e", script], { timeout: 10_000 }).catch(
      (error: unknown) => error,
    );
    expect(done).toMatchObject({ killed: false, stderr: expect.stringMatching(told) });
  });

  test("a home that others can write to is refused", () => {
    const open = join(home, "open");
    mkdirSync(open);
    for (const mode of [0o720, 0o702, 0o777]) {
      chmodSync(open, mode);
      expect(() => openHome(open)).toThrow(/chmod 700/);
    }
    chmodSync(open, 0o755);
    expect(openHome(open)).toBe(open);
  });

  test("a file is created once, whole, with its mode whatever the umask, and leaves no draft", () => {
    const umask = process.umask(0);
    try {
      createOnce(join(home, "a"), "first");
      createOnce(join(home, "a"), "second");
      replaceFile(join(home, "b"), "public", 0o644);
      replaceFile(join(home, "b"), "public 2", 0o644);
    } finally {
      process.umask(umask);
    }
    expect([readFileSync(join(home, "a"), "utf8"), modeOf(join(home, "a"))]).toEqual(["first", 0o600]);
    expect([readFileSync(join(home, "b"), "utf8"), modeOf(join(home, "b"))]).toEqual(["public 2", 0o644]);
    expect(readdirSync(home).sort()).toEqual(["a", "b"]);
  });

  test.each([0o640, 0o604, 0o660, 0o666])("a private file of mode %o is not read", (mode) => {
    const file = join(home, "a");
    writeFileSync(file, "canary");
    chmodSync(file, mode);
    expect(() => readPrivateFile(file)).toThrow(/open to others .*chmod 600/);
    chmodSync(file, 0o600);
    expect(readPrivateFile(file)).toBe("canary");
  });

  test("a lock ends with its work, also where the work fails", () => {
    const lock = join(home, "lock");
    expect(() =>
      withLock(lock, () => {
        throw new Error("work");
      }),
    ).toThrow("work");
    expect(withLock(lock, () => 7)).toBe(7);
    expect(modeOf(lock)).toBe(0o600);
  });

  test("eight processes that start at once on an empty home share one key ring, one pepper and one token key", async () => {
    const found = await processes("open");
    const ring = openKeyRing(join(home, "key-ring.json"));
    const verifier = openTokenVerifier(home, { clock: systemClock() });
    for (const one of found) {
      expect((await ring.decrypt(Buffer.from(one.ciphertext, "hex"), Buffer.from("aad"))).toString()).toBe("secret");
      expect(await verifier.verify(one.token)).toEqual({ caller: { subject: "pipeline", email: "pipeline@local" } });
    }
    expect(new Set(found.map((one) => one.pepper)).size).toBe(1);
    expect(ring.versions()).toHaveLength(1);
    const modes = readdirSync(home).map((name) => [name, modeOf(join(home, name))]);
    expect(modes.sort()).toEqual([
      ["jwks.json", 0o644],
      ["key-ring.json", 0o600],
      ["peppers.json", 0o600],
      ["token-key.json", 0o600],
    ]);
  }, 60_000);

  test("eight processes that rotate at once lose no key: what each sealed still opens", async () => {
    const ring = openKeyRing(join(home, "key-ring.json"));
    const secrets = openLocalSecrets(join(home, "peppers.json"));
    const found = await processes("rotate");
    for (const one of found) {
      expect((await ring.decrypt(Buffer.from(one.ciphertext, "hex"), Buffer.from("aad"))).toString()).toBe("secret");
    }
    const rotated = ["2", "3", "4", "5", "6", "7", "8", "9"];
    expect(found.map((one) => one.rotated[0]).sort()).toEqual(rotated);
    expect(found.map((one) => one.rotated[1]).sort()).toEqual(rotated);
    const known = (await secrets.peppers()).map((pepper) => pepper.bytes.toString("hex"));
    expect(known).toHaveLength(9);
    for (const one of found) expect(known).toContain(one.pepper);
  }, 60_000);
});
