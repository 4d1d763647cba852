import { describe, expect, test } from "vitest";
import type { Capability } from "../../shared/contract/verdict.ts";
import type { Entry } from "../../shared/registry/entry.ts";
import { publicFace } from "../../shared/registry/public-face.ts";
import { readiness } from "../../shared/registry/readiness.ts";
import { entryOf, registry } from "./the-registry.ts";

type State = Capability["state"];
const pipelines: Entry["pipelines"] = [{ id: "p", all_of: ["a", "b"], any_of: ["x", "y"], session_actions: [] }];
const entry: Entry = { ...entryOf("OPENAI"), pipelines };

function ready(a: State, b: State, x: State, y: State): unknown {
  const states: Array<[string, State]> = [
    ["a", a],
    ["b", b],
    ["x", x],
    ["y", y],
  ];
  const [only] = readiness(
    entry,
    states.map(([id, state]) => ({ id, state })),
  );
  return [only?.ready, only?.missing];
}

describe("a pipeline that needs a, b and one of x, y is", () => {
  test.each<[string, [State, State, State, State], unknown]>([
    ["ready with all", ["granted", "granted", "granted", "granted"], [true, []]],
    ["ready with one of x, y", ["granted", "granted", "denied", "granted"], [true, []]],
    ["ready with one of x, y, the other unknown", ["granted", "granted", "unknown", "granted"], [true, []]],
    ["not ready without b", ["granted", "denied", "granted", "granted"], [false, ["b"]]],
    ["not ready without x and y", ["granted", "granted", "denied", "denied"], [false, ["x", "y"]]],
    [
      "not ready where one is denied and another unknown",
      ["unknown", "denied", "granted", "granted"],
      [false, ["a", "b"]],
    ],
    ["unknown where b is", ["granted", "unknown", "granted", "granted"], ["unknown", ["b"]]],
    ["unknown where y may still be granted", ["granted", "granted", "denied", "unknown"], ["unknown", ["x", "y"]]],
    ["unknown where nothing is known", ["unknown", "unknown", "unknown", "unknown"], ["unknown", ["a", "b", "x", "y"]]],
  ])("%s", (_, states, expected) => {
    expect(ready(...states)).toEqual(expected);
  });
  test("unknown where capabilities are not reported at all", () => {
    expect(readiness(entry, [])).toEqual([{ id: "p", ready: "unknown", missing: ["a", "b", "x", "y"] }]);
  });
});

describe("the public face of a provider", () => {
  test("is enough to draw its form", () => {
    expect(publicFace(entryOf("OPENAI"))).toMatchObject({
      code: "OPENAI",
      path: "openai",
      aliases: ["openai"],
      display_name: "OpenAI",
      category: "genai",
      credential_type: "api_key",
      fields: [
        { name: "api_key", label: "API key", secret: true, optional: false, example: "sk-admin-…" },
        { name: "organization_id", secret: false, optional: true },
        { name: "project_id", secret: false, optional: true },
      ],
      capabilities: [{ id: "models_read", label: "List models" }, { id: "usage_read" }, { id: "cost_read" }],
      pipelines: [{ id: "genai.payg_usage", any_of: ["usage_read", "cost_read"] }],
    });
  });
  test("says nothing of how it is asked", () => {
    const faces = JSON.stringify(registry.entries.map(publicFace));
    for (const { endpoints } of registry.entries)
      for (const url of Object.values(endpoints)) expect(faces).not.toContain(`"${url}"`);
    expect(faces).not.toMatch(/"(?:probe|endpoints|rules|remedies)"/);
  });
});
