import { readFileSync } from "node:fs";
import { join } from "node:path";
import { createConfig, lintFromString } from "@redocly/openapi-core";
import { describe, expect, test } from "vitest";
import { answerExamples, requestExamples } from "../../scripts/openapi/examples.ts";
import { shapes } from "../../scripts/openapi/shapes.ts";
import { openapi } from "../../scripts/openapi.ts";
import { faults } from "../../shared/contract/fault.ts";
import { PREFIX } from "../../shared/contract/names.ts";
import { routes } from "../../shared/contract/routes.ts";

const committed = readFileSync(join(import.meta.dirname, "../../configs/openapi.json"), "utf8");
// biome-ignore lint/suspicious/noExplicitAny: tests look at members of the document
const document: any = JSON.parse(committed);

async function lint(text: string) {
  const config = await createConfig({ extends: ["recommended"] });
  const problems = await lintFromString({ source: text, absoluteRef: "openapi.json", config });
  return problems.map(({ ruleId, message, location }) => `${ruleId} ${location[0]?.pointer}: ${message}`);
}

describe("the committed document", () => {
  test("is what the contract says now", () => {
    expect(document).toEqual(JSON.parse(JSON.stringify(openapi())));
  });

  test("passes the linter's recommended rules without a warning, its examples against their schemas", async () => {
    expect(await lint(committed)).toEqual([]);
  });

  test("the linter does look: an example that does not fit is found", async () => {
    const wrong = structuredClone(document);
    wrong.paths[`${PREFIX}/{org}/{provider}/rotate`].post.requestBody.content[
      "application/json"
    ].examples.openai.value = {
      new_credentials: 5,
    };
    expect((await lint(JSON.stringify(wrong))).join("\n")).toContain("no-invalid-media-type-examples");
  });
});

describe("it leaves nothing out:", () => {
  test.each(routes.map((route) => [`${route.method} ${route.path}`, route] as const))("%s", (_, route) => {
    const operation = document.paths[`${PREFIX}${route.path}`]?.[route.method.toLowerCase()];
    expect(operation.description).toBe(route.description);
    const parameters: Array<{ in: string; name: string }> = operation.parameters.map(
      ({ $ref }: { $ref: string }) => document.components.parameters[$ref.split("/").at(-1) ?? ""],
    );
    const named = (where: string) => parameters.filter((one) => one.in === where).map(({ name }) => name);
    expect(named("query")).toEqual(route.query);
    expect(named("path")).toEqual([...route.path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name));
    expect(named("header")).toContain("X-Request-Id");
    expect(operation.requestBody?.required).toBe(route.body === "none" ? undefined : route.body === "required");
  });

  test("every route has an example of each answer, and every body one of each kind", () => {
    for (const { name, body } of routes) {
      expect([name, Object.keys(answerExamples[name])]).toEqual([name, Object.keys(shapes[name].answers)]);
      if (name !== "openapi")
        for (const byName of Object.values(answerExamples[name])) expect(Object.keys(byName)).not.toEqual([]);
      expect([name, requestExamples[name] !== undefined]).toEqual([name, body !== "none"]);
    }
  });

  test("every code has an example, with its status and title, and stands where it can occur", () => {
    const used = JSON.stringify(document.components.responses);
    for (const [code, { status, title }] of Object.entries(faults)) {
      expect(document.components.examples[code].value).toMatchObject({ code, status, title, success: false });
      expect(used).toContain(`#/components/examples/${code}"`);
    }
    expect(Object.keys(document["x-faults"])).toEqual(Object.keys(faults));
  });

  test("operations have different names", () => {
    const names = Object.values(document.paths).flatMap((path) =>
      Object.values(path as Record<string, { operationId: string }>).map(({ operationId }) => operationId),
    );
    expect(new Set(names).size).toBe(names.length);
    expect(names.length).toBe(routes.length + 1);
  });
});

test("nothing in it looks like somebody's secret", () => {
  const shapesOfSecrets = [
    /sk-[A-Za-z0-9]{40,}/,
    /T3BlbkFJ/,
    /AKIA[0-9A-Z]{16}/,
    /-----BEGIN [A-Z ]*PRIVATE KEY-----/,
    /AIza[0-9A-Za-z_-]{35}/,
    /gsk_[A-Za-z0-9]{52}/,
    /eyJ[A-Za-z0-9_-]{10,}\./,
    /cact_(?:live|test|local)_[0-9A-Za-z]{12}_/,
  ];
  for (const shape of shapesOfSecrets) expect(committed).not.toMatch(shape);
});
