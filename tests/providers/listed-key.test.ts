import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { listedExpiry } from "../../shared/providers/listed-key.ts";
import { adminKeys, entryOf } from "../registry/the-registry.ts";
import { NOW } from "./desk.ts";
import { probeByPath } from "./desk-by-path.ts";
import { json, probeBy } from "./desk-by-question.ts";

/** As many elements as 256 KiB hold, and more than a call takes arguments. */
const CROWD = `{"data":[${"1,".repeat(130_799)}1],"has_more":false}`;
const KEY = "sk-admin-0123456789abcdef";

const kinds = {
  OPENAI: {
    key: adminKeys.OPENAI,
    list: "/v1/organization/admin_api_keys",
    proof: "/v1/organization/costs",
    good: (asked: URL) => json(200, asked.pathname.includes("_keys") ? {} : { object: "page", data: [] }),
    paths: ["/v1/organization/costs", "/v1/organization/usage/completions"],
  },
  ANTHROPIC: {
    key: adminKeys.ANTHROPIC,
    list: "/v1/organizations/api_keys",
    proof: "/v1/organizations/me",
    good: (asked: URL) =>
      json(200, asked.pathname.endsWith("/me") ? { id: "org", type: "organization" } : { data: [], has_more: false }),
    paths: ["/v1/organizations/me", "/v1/organizations/cost_report", "/v1/organizations/usage_report/messages"],
  },
} as const;

const unhandled: unknown[] = [];
const note = (reason: unknown): void => {
  unhandled.push(reason);
};
beforeEach(() => {
  unhandled.length = 0;
  process.on("unhandledRejection", note);
});
afterEach(() => {
  process.off("unhandledRejection", note);
});

const soon = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 60));

describe.each(["OPENAI", "ANTHROPIC"] as const)("%s: the search for a key's expiry decides nothing:", (code) => {
  const { key, list, proof, good, paths } = kinds[code];

  test.each([
    ["before what proves the key", proof],
    ["after it", list],
  ])("130800 keys at once, told %s", async (_, late) => {
    const answers = Object.fromEntries([...paths, list].map((path) => [path, good]));
    const crowd = (): Response => new Response(CROWD);
    const held = (answer: (asked: URL) => Response) => async (asked: URL) => {
      await soon();
      return answer(asked);
    };
    const { found } = await probeByPath(code, key, {
      ...answers,
      [list]: late === list ? held(crowd) : crowd,
      ...(late === proof ? { [proof]: held(good) } : {}),
    });
    await soon();
    expect(found).toMatchObject({ outcome: "valid", expires_at: null });
    expect(unhandled).toEqual([]);
  });

  test.each([
    ["is valid", 200, "valid"],
    ["is not known", 503, "unreachable"],
  ])("a fault of our own in it, where the key %s", async (_, status, outcome) => {
    const entry = entryOf(code);
    // The first question of the search is the last that looks for its address.
    let questions = 0;
    const broken = {
      ...entry,
      get endpoints() {
        questions += 1;
        if (questions > paths.length) throw new Error("a fault of our own");
        return entry.endpoints;
      },
    };
    const answer = ({ url }: { url: URL }): Response => (status === 200 ? good(url) : json(status, {}));
    const found = await probeBy(code, { api_key: key }, answer, { entry: broken });
    await soon();
    expect(questions).toBe(paths.length + 1);
    expect(found).toMatchObject({ outcome, expires_at: null });
    expect(unhandled).toEqual([]);
  });
});

test("the expiry of a key among 300000 is found", async () => {
  const own = { shown: "sk-admin-01***def", expires_at: "2027-01-01T00:00:00Z" };
  const body = { data: [...Array.from({ length: 300_000 }, () => 1), own] };
  const list = {
    page: async () => ({ status: 200, headers: new Headers(), body }),
    redactedAt: "shown",
    leastShown: 4,
    isPossible: () => true,
  };
  expect(await listedExpiry(KEY, list, NOW)).toBe("2027-01-01T00:00:00.000Z");
});
