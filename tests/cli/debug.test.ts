import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openKeyRing } from "../../shared/adapters/local/key-ring.ts";
import { exampleKeys, type Simulators, startSimulators } from "../simulators/start.ts";
import { cli, printed, startService, temporaryFolder } from "./run.ts";

const DAY_S = 86_400;
const folder = temporaryFolder();
const home = join(folder.path, "home");
const openai = exampleKeys("OPENAI");
const groq = exampleKeys("GROQ");
const gemini = exampleKeys("GEMINI");
let simulators: Simulators;
let service: Awaited<ReturnType<typeof startService>>;
let env: Record<string, string>;
const run = (...args: string[]) => cli(args, env);
const feed = (secret: string, ...args: string[]) => cli(args, env, `${secret}\n`);
/** As it looks so many days from now. */
const later = (days: number, ...args: string[]) =>
  cli(args, { ...env, INTEGRATIONS_CLOCK_OFFSET_S: String(days * DAY_S) });

interface Finding {
  state: string;
  provider: string | null;
  what: string;
  since: string | null;
  why: string | null;
  remedy: string | null;
}

async function findings(days: number, ...args: string[]): Promise<Finding[]> {
  const done = await later(days, "debug", "acme", ...args, "--json");
  expect(done.stderr).toBe("");
  return JSON.parse(done.stdout).findings;
}

beforeAll(async () => {
  simulators = await startSimulators();
  env = { ...simulators.env, INTEGRATIONS_HOME: home, INTEGRATIONS_RATE_LIMIT: "0" };
  service = await startService(env);
  env["INTEGRATIONS_URL"] = service.url;
  const key = await run("org-key", "create", "acme", "--scope", "manage", "--expires", "100d");
  env["INTEGRATIONS_API_KEY"] = key.stdout.trim();
  await run("grant", "create", "--subject", "p1", "--org", "acme", "--provider", "openai,gemini");
  env["INTEGRATIONS_TOKEN"] = (await run("token", "--subject", "p1")).stdout.trim();
  await feed(openai.admin ?? "", "setup", "acme", "openai", "--expires", "40d");
  await feed(groq.good, "setup", "acme", "groq", "--skip-validation");
  await feed(gemini.another, "setup", "acme", "gemini");
  await run(
    "setup",
    "acme",
    "figma",
    ...[
      "unit_price=10",
      "billing_cycle=annual",
      "currency=USD",
      "notice_period_days=30",
      "auto_renew=true",
      `renewal_date=${new Date(Date.now() + 50 * DAY_S * 1_000).toISOString().slice(0, 10)}`,
    ].flatMap((one) => ["--metadata", one]),
  );
  // A caller without a grant for it, and a provider that refuses what it has taken before.
  await run("decrypt", "acme", "groq", "--pipeline", "genai.payg_usage", "--run-id", "run-1");
  await run("decrypt", "beta", "groq", "--pipeline", "genai.payg_usage", "--run-id", "run-1");
  simulators.revoke(gemini.another);
  await run("validate", "acme", "gemini");
});
afterAll(async () => {
  await service?.stop();
  await simulators?.close();
  folder.remove();
});

describe("debug", () => {
  test("tells what is wrong, since when, why and what to do, the worst first", async () => {
    const [worst, ...rest] = await findings(0);
    expect(worst).toEqual({
      state: "bad",
      provider: "GEMINI",
      what: "is INVALID: pipelines are refused",
      since: expect.stringMatching(/^\d{4}-\d\d-\d\dT/),
      why: expect.stringContaining("Google Gemini API key is invalid or expired"),
      remedy: expect.stringContaining("Then: cloudact-integrations rotate acme gemini"),
    });
    expect(rest).toContainEqual(
      expect.objectContaining({
        provider: "GROQ",
        what: "has never been proven",
        remedy: expect.stringContaining("validate"),
      }),
    );
    expect(rest).toContainEqual(
      expect.objectContaining({
        provider: null,
        what: "No pipeline can read FIGMA, GROQ",
        remedy: expect.stringContaining("--provider FIGMA,GROQ"),
      }),
    );
    expect(rest).toContainEqual({
      ...{ state: "warn", provider: null, what: "p1 was refused GROQ once", why: "forbidden" },
      since: expect.any(String),
      remedy: "cloudact-integrations grant create --subject p1 --org acme --provider GROQ",
    });
    expect(rest.filter(({ what }) => what.includes("was refused"))).toHaveLength(1);
    expect(rest.map(({ provider }) => provider)).not.toContain("OPENAI");
  });

  test.each<[string, number, Partial<Finding>]>([
    [
      "an expiry that is near",
      15,
      { state: "warn", provider: "OPENAI", what: expect.stringMatching(/^expires in 25 days, /), why: "As declared" },
    ],
    [
      "an expiry that has passed",
      41,
      { state: "bad", provider: "OPENAI", what: expect.stringMatching(/^passed its expiry /) },
    ],
    [
      "a last day to cancel",
      10,
      {
        state: "warn",
        provider: "FIGMA",
        what: expect.stringMatching(/^must be cancelled by \d{4}-\d\d-\d\d, or it renews \d{4}/),
      },
    ],
    [
      "sweeps that do not run",
      3,
      { state: "warn", provider: "OPENAI", what: "is overdue for its check", why: "No sweep has run since" },
    ],
    [
      "a key that is about to end",
      90,
      {
        state: "warn",
        provider: null,
        what: expect.stringMatching(/^Organisation key \w{12} \(manage\) ends in 10 days/),
      },
    ],
    [
      "an organisation that nobody can manage any more",
      101,
      { state: "warn", provider: null, what: "No organisation key can manage it" },
    ],
    ["grants that have ended", 91, { provider: null, what: "No pipeline can read FIGMA, GEMINI, GROQ, OPENAI" }],
  ])("names %s", async (_, days, finding) => {
    expect(await findings(days)).toContainEqual(expect.objectContaining(finding));
  });

  test("names what a person has done: disabled, to be deleted, an older key version", async () => {
    await run("update", "acme", "openai", "--disable", "--deactivate-at", "20d");
    openKeyRing(join(home, "keyring.json")).rotate();
    const found = await findings(0, "openai");
    await run("update", "acme", "openai", "--enable", "--deactivate-at", "none");
    expect(found.map(({ what }) => what)).toEqual([
      "is disabled: pipelines are refused",
      expect.stringMatching(/^will be deleted \d{4}/),
      "Sealed with an older key version than 2: OPENAI",
    ]);
    expect(found.map(({ remedy }) => remedy)).toEqual([
      "cloudact-integrations update acme openai --enable",
      "To keep it: cloudact-integrations update acme openai --deactivate-at none",
      "cloudact-integrations rewrap",
    ]);
  });

  test("shows all of it on one screen, and one provider in full", async () => {
    const all = await run("debug", "acme");
    expect(all.code).toBe(1);
    expect(all.stdout).toMatch(/^acme: \d things need a look/);
    expect(all.stdout).toMatch(
      /^✗ GEMINI is INVALID: pipelines are refused\n {2}since {2}.* ago\n {2}why {4}.*\n {2}do {5}/m,
    );
    expect(all.stdout).toMatch(/^GEMINI +INVALID /m);
    expect(all.stdout.split("\n").length).toBeLessThan(50);
    const one = await run("debug", "acme", "gemini");
    expect(one.stdout).toMatch(/^last success +\d{4}.*\nlast attempt +\d{4}.*\nwithout an answer +0 in a row$/m);
    expect(one.stdout).toMatch(/^next check +not until it changes or a person asks$/m);
    expect(one.stdout).toMatch(/^read by +p1 until /m);
  });

  test.each([
    ["nothing configured is nothing wrong", ["debug", "empty"], 0, "empty has configured nothing"],
    ["a provider that is none: the nearest is named", ["debug", "acme", "opnai"], 2, "Did you mean openai?"],
    ["a provider that is not configured", ["debug", "acme", "xai"], 3, "acme has not configured XAI"],
  ])("%s", async (_, args, code, told) => {
    const done = await run(...args);
    expect(done.code).toBe(code);
    expect(done.stdout + done.stderr).toContain(told);
  });

  test("shows no secret", () => {
    const all = printed.join("\n");
    for (const secret of [openai.admin ?? "", groq.good, gemini.another]) expect(all).not.toContain(secret);
  });
});
