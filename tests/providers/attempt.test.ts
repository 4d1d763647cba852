import { describe, expect, test, vi } from "vitest";
import { Secret } from "../../shared/contract/secret.ts";
import type { Ask } from "../../shared/providers/ask.ts";
import { attempt } from "../../shared/providers/attempt.ts";
import type { Entry } from "../../shared/registry/entry.ts";
import { entryOf, fakeKey } from "../registry/the-registry.ts";
import {
  type Answer,
  attemptOf,
  credentialOf,
  deskOf,
  fakeClock,
  federation,
  nobody,
  reply,
  timedOut,
} from "./desk.ts";

const KEY = fakeKey("MISTRAL");
const good = reply(200, { data: [] });
const refused = reply(401, { detail: "Unauthorized" });

describe("an attempt asks", () => {
  test.each<[string, Answer[], string, number]>([
    ["once where the answer is good", [good], "valid", 1],
    ["once where the key is refused", [refused], "rejected", 1],
    ["once where it is asked too often", [reply(429, {})], "rate_limited", 1],
    ["once where the answer is strange", [reply(200, "<html>")], "unreachable", 1],
    ["once where it is redirected", [reply(302, "", { location: "/" })], "unreachable", 1],
    ["again after silence", [timedOut, good], "valid", 2],
    ["again after an outage", [reply(503, {}), good], "valid", 2],
    ["no third time", [reply(503, {})], "unreachable", 2],
    ["again, and takes a refusal then", [reply(503, {}), refused], "rejected", 2],
  ])("%s", async (_, answers, outcome, times) => {
    const { verdict, sent, slept } = await attemptOf("MISTRAL", KEY, ...answers);
    expect(verdict.outcome).toBe(outcome);
    expect(sent).toHaveLength(times);
    expect(slept).toEqual(times > 1 ? [500] : []);
  });
  test("no second time where the deadline leaves no room", async () => {
    const { ask, sent } = deskOf(timedOut);
    const clock = fakeClock();
    await attempt({ ...entryOf("MISTRAL"), deadline_ms: 400 }, credentialOf({ api_key: KEY }), nobody, {
      federation,
      ask,
      clock,
    });
    expect([sent.length, clock.slept]).toEqual([1, []]);
  });
  test("as often as the entry says", async () => {
    const { ask, sent } = deskOf(reply(500, {}));
    const entry: Entry = { ...entryOf("MISTRAL"), retry: { max: 3, backoff_ms: 10 } };
    await attempt(entry, credentialOf({ api_key: KEY }), nobody, { federation, ask, clock: fakeClock() });
    expect(sent).toHaveLength(4);
  });
});

const silent: Ask = Object.assign(() => new Promise<never>(() => {}), { fetch: () => new Promise<never>(() => {}) });
const realClock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  sleep: (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms)),
};

describe("an attempt ends", () => {
  test.each(["MISTRAL", "OPENAI", "ANTHROPIC"])("at its deadline even where %s's ask never does", async (code) => {
    const entry: Entry = { ...entryOf(code), deadline_ms: 150, timeout_ms: 100 };
    const start = performance.now();
    const verdict = await attempt(entry, credentialOf({ api_key: fakeKey(code) }), nobody, {
      federation,
      ask: silent,
      clock: realClock,
    });
    expect(verdict).toMatchObject({
      outcome: "unreachable",
      reason: "timeout",
      details: { connection: "failed", permissions: "unknown" },
    });
    expect(performance.now() - start).toBeLessThan(5_000);
  });
  test.each(["MISTRAL", "OPENAI", "ANTHROPIC"])(
    "without throwing where asking %s throws, and holds nothing of what was thrown",
    async (code) => {
      const loud: Ask = Object.assign(
        () => {
          throw new Error(`boom ${fakeKey(code)}`);
        },
        {
          fetch: () => {
            throw new Error("boom");
          },
        },
      );
      const verdict = await attempt(entryOf(code), credentialOf({ api_key: fakeKey(code) }), nobody, {
        federation,
        ask: loud,
        clock: fakeClock(),
      });
      expect(verdict.outcome).toBe("unreachable");
      expect(JSON.stringify(verdict)).not.toMatch(new RegExp(`boom|${fakeKey(code).slice(-10)}`));
    },
  );
  test("without throwing where the registry names a protocol that nobody speaks", async () => {
    const entry: Entry = { ...entryOf("OPENAI"), probe: { protocol: "constructor" } };
    expect(
      await attempt(entry, { api_key: new Secret(KEY) }, nobody, { federation, ask: silent, clock: fakeClock() }),
    ).toMatchObject({
      outcome: "unreachable",
      reason: "internal",
      code: "provider_unreachable",
    });
  });
  test("each request by the entry's own time", async () => {
    const signals: Array<AbortSignal | undefined> = [];
    const ask: Ask = Object.assign(
      async (question: Parameters<Ask>[0]) => {
        signals.push(question.signal);
        return { silence: "redirect" as const };
      },
      { fetch },
    );
    await attempt({ ...entryOf("MISTRAL"), timeout_ms: 100 }, credentialOf({ api_key: KEY }), nobody, {
      federation,
      ask,
      clock: fakeClock(),
    });
    expect(signals[0]?.aborted).toBe(true); // the attempt is over: nothing of it may linger
  });
});

describe("a verdict", () => {
  test.each<[string, Answer, object]>([
    [
      "of a good key",
      good,
      {
        outcome: "valid",
        code: null,
        message: "Integration validated successfully",
        remedy: null,
        details: { connection: "ok", permissions: "limited" },
      },
    ],
    [
      "of a dead key",
      refused,
      {
        outcome: "rejected",
        code: "credential_rejected",
        message: "Mistral AI API key is invalid or expired",
        remedy: expect.stringContaining("console.mistral.ai"),
        details: { connection: "ok", permissions: "unknown" },
      },
    ],
    [
      "of a limit, with the registry's wait where the provider names none",
      reply(429, {}),
      {
        outcome: "rate_limited",
        code: "provider_rate_limited",
        message: "Mistral AI rate limit exceeded during validation",
        retry_after_s: 60,
        remedy: expect.stringMatching(/^Mistral AI limits/),
      },
    ],
    ["of a limit, with the provider's wait", reply(429, {}, { "retry-after": "7" }), { retry_after_s: 7 }],
    [
      "of an outage",
      reply(500, {}),
      {
        outcome: "unreachable",
        code: "provider_unreachable",
        message: "Unable to connect to Mistral AI",
        reason: "unavailable",
        remedy: expect.stringMatching(/status page/),
        details: { connection: "failed", permissions: "unknown" },
      },
    ],
  ])("%s says what holds and what to do", async (_, answer, verdict) => {
    expect((await attemptOf("MISTRAL", KEY, answer)).verdict).toMatchObject(verdict);
  });
  test("names the remedy of the reason before that of the outcome", async () => {
    const { verdict } = await attemptOf(
      "OPENAI",
      fakeKey("OPENAI"),
      reply(401, { error: { code: "ip_not_authorized" } }),
    );
    expect(verdict).toMatchObject({
      outcome: "forbidden",
      code: "permission_missing",
      reason: "ip_allowlist",
      remedy: expect.stringMatching(/outgoing addresses/),
      details: { permissions: "missing" },
    });
  });
  test("of an expired key is a refused one with its own remedy", async () => {
    const { verdict } = await attemptOf(
      "GEMINI",
      fakeKey("GEMINI"),
      reply(400, { error: { message: "API key expired.", details: [{ reason: "API_KEY_INVALID" }] } }),
    );
    expect(verdict).toMatchObject({
      outcome: "expired",
      code: "credential_rejected",
      remedy: expect.stringMatching(/expired/),
    });
  });
  test("of our own mistake does not blame the key", async () => {
    const { verdict } = await attemptOf(
      "ANTHROPIC",
      fakeKey("ANTHROPIC"),
      reply(400, { error: { message: "anthropic-version: header is required" } }),
    );
    expect(verdict).toMatchObject({
      outcome: "service_misconfigured",
      code: "provider_unreachable",
      reason: "api_version",
      remedy: expect.stringMatching(/fault of this service/),
    });
  });
  test("lists every declared capability, unknown unless the key is proven", async () => {
    const { verdict } = await attemptOf("GEMINI", fakeKey("GEMINI"), reply(503, {}));
    expect(verdict.capabilities).toEqual(
      ["models_read", "usage_read", "cost_read"].map((id) => ({ id, state: "unknown" })),
    );
  });
  test("of a key without a required capability is forbidden, with that capability's remedy", async () => {
    const { ask } = deskOf(good);
    const entry: Entry = {
      ...entryOf("MISTRAL"),
      capabilities: [{ id: "cost_read", state: "denied", required: true, reason: "too_narrow", remedy: "Widen it." }],
    };
    const verdict = await attempt(entry, credentialOf({ api_key: KEY }), nobody, {
      federation,
      ask,
      clock: fakeClock(),
    });
    expect(verdict).toMatchObject({
      outcome: "forbidden",
      code: "permission_missing",
      reason: "too_narrow",
      remedy: "Widen it.",
      details: { permissions: "missing" },
    });
  });
  test("of a key without several required capabilities names each that is missing", async () => {
    const { ask } = deskOf(good);
    const entry: Entry = {
      ...entryOf("MISTRAL"),
      capabilities: [
        { id: "cost_read", label: "Read costs", state: "denied", required: true },
        { id: "usage_read", state: "denied", required: true, reason: "billing" },
        { id: "models_read", state: "denied", required: false, remedy: "Not this." },
      ],
    };
    const verdict = await attempt(entry, credentialOf({ api_key: KEY }), nobody, {
      federation,
      ask,
      clock: fakeClock(),
    });
    expect(verdict).toMatchObject({
      code: "permission_missing",
      remedy: `Grant the key this permission at Mistral AI, then validate again: Read costs. ${entry.reasons["billing"]}`,
    });
  });
});

describe("what to do about a capability", () => {
  const declared = { id: "cost_read", required: false, remedy: "Use the export of {org_slug}." };
  const told = async (state: "denied" | "granted", reason: string) => {
    const { ask } = deskOf(good);
    const entry: Entry = {
      ...entryOf("MISTRAL"),
      reasons: { too_narrow: "Widen it for {org_slug}." },
      capabilities: [{ ...declared, state, reason }],
    };
    const parts = { federation, ask, clock: fakeClock() };
    return (await attempt(entry, credentialOf({ api_key: KEY }), nobody, parts)).capabilities[0]?.remedy;
  };
  test("is told by the text of its reason, for this organisation", async () => {
    expect(await told("denied", "too_narrow")).toBe("Widen it for acme.");
  });
  test("is what the entry says of every denial where the reason has no text", async () => {
    expect(await told("denied", "else")).toBe("Use the export of acme.");
  });
  test("is nothing where it is granted", async () => {
    expect(await told("granted", "too_narrow")).toBeUndefined();
  });
});

test("an SDK is loaded only when its provider is asked", async () => {
  const sdks = ["openai", "@anthropic-ai/sdk", "@aws-sdk/client-sts", "@google-cloud/bigquery", "google-auth-library"];
  vi.resetModules();
  const loaded: string[] = [];
  for (const sdk of sdks)
    vi.doMock(sdk, () => {
      loaded.push(sdk);
      return { default: class {} };
    });
  const { providerOf } = await import("../../shared/providers/index.ts");
  const afterAsking = async (code: string): Promise<string[]> => {
    loaded.length = 0;
    await providerOf(entryOf(code));
    return loaded.toSorted();
  };
  for (const code of ["MISTRAL", "AZURE", "OCI"]) expect(await afterAsking(code), code).toEqual([]);
  expect(await afterAsking("ANTHROPIC")).toEqual(["@anthropic-ai/sdk"]);
  expect(await afterAsking("AWS_IAM")).toEqual(["@aws-sdk/client-sts"]);
  expect(await afterAsking("GCP_SA")).toEqual(["@google-cloud/bigquery", "google-auth-library"]);
  for (const sdk of sdks) vi.doUnmock(sdk);
  vi.resetModules();
});
