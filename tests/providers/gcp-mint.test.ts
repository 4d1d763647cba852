import { inspect } from "node:util";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { transportAnswers } from "../simulators/answers/transport.ts";
import { google } from "../simulators/clouds/google.ts";
import { googleAnswers } from "../simulators/clouds/google-answers.ts";
import { holdsKey, openStage, type Stage } from "./gcp-stage.ts";

let stage: Stage;
const pem = google.credential()["private_key"] ?? "";
beforeAll(async () => {
  stage = await openStage();
});
beforeEach(() => stage.simulators.reset());
afterAll(() => stage.simulators.close());

describe("a stand-in", () => {
  test("is an access token that may run jobs, for an hour", async () => {
    const minted = await stage.mint();
    if (minted === null || !("fields" in minted)) throw new Error("nothing was minted");
    expect(minted.type).toBe("access_token");
    expect(Object.keys(minted.fields)).toEqual(["access_token"]);
    expect(minted.fields["access_token"]?.reveal()).toMatch(/^ya29\./);
    const leftS = (Date.parse(minted.expires_at) - Date.now()) / 1_000;
    expect(leftS).toBeGreaterThan(3_500);
    expect(leftS).toBeLessThan(3_600);
    expect(inspect(minted) + JSON.stringify(minted)).not.toContain("ya29.");
    const [{ body = "" } = {}] = stage.requests("token");
    const [, claims = ""] = (new URLSearchParams(body).get("assertion") ?? "").split(".");
    expect(JSON.parse(Buffer.from(claims, "base64url").toString())).toMatchObject({
      scope: "https://www.googleapis.com/auth/bigquery",
    });
    expect(stage.asked()).toEqual(["token POST /"]);
  });

  test.each([
    ["cloud.gcp.api.compute_instances", "https://www.googleapis.com/auth/cloud-platform.read-only"],
    ["genai.payg.gcp_vertex", "https://www.googleapis.com/auth/bigquery"],
  ])("for %s has the scope %s and no other", async (pipeline, scope) => {
    await stage.mint({ pipeline });
    const [{ body = "" } = {}] = stage.requests("token");
    const [, claims = ""] = (new URLSearchParams(body).get("assertion") ?? "").split(".");
    expect(JSON.parse(Buffer.from(claims, "base64url").toString())).toMatchObject({ scope });
  });

  test.each<[string, object]>([
    ["dead", { outcome: "rejected", reason: "key_deleted" }],
    ["lapsed", { outcome: "expired" }],
    ["mixed", { outcome: "rejected", reason: "key_mixed" }],
    ["gone", { outcome: "rejected", reason: "account_not_found" }],
    ["skew", { outcome: "service_misconfigured", reason: "clock_skew" }],
    ["limited", { outcome: "rate_limited" }],
    ["barred", { outcome: "forbidden" }],
  ])("is refused to an account that is %s, as a probe would be", async (word, expected) => {
    expect(await stage.mint({ word })).toMatchObject(expected);
    expect(stage.asked().length).toBeLessThanOrEqual(2);
  });

  const others = [...googleAnswers.filter(({ endpoint }) => endpoint === "token"), ...transportAnswers];
  test.each(others.map((fixture) => [fixture.name, fixture] as const).filter(([name]) => name !== "granted"))(
    "is not made of %s",
    async (name, { reads, transport }) => {
      stage.simulators.force("GCP_SA", "token", name);
      const isEndless = transport === "hang" || transport === "drip";
      const minted = await stage.mint(isEndless ? { entry: { timeout_ms: 150 } } : {});
      expect(minted).toMatchObject({ outcome: reads?.outcome });
      expect(holdsKey(JSON.stringify(minted), pem)).toBe(false);
    },
  );
});
