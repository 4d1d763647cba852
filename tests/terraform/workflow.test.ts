import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { z } from "zod";

const folder = join(import.meta.dirname, "../../.github/workflows");
const step = z.object({
  name: z.string(),
  uses: z.string().optional(),
  run: z.string().optional(),
  env: z.record(z.string(), z.string()).optional(),
});
const workflow = z.object({
  on: z.unknown(),
  permissions: z.record(z.string(), z.string()),
  jobs: z.record(
    z.string(),
    z.object({
      needs: z.string().optional(),
      environment: z.string().optional(),
      permissions: z.record(z.string(), z.string()),
      steps: z.array(step),
    }),
  ),
});

const files = readdirSync(folder).map((file) => ({ file, text: readFileSync(join(folder, file), "utf8") }));

describe.each(files)("$file", ({ text }) => {
  const read = workflow.parse(parse(text));
  const steps = Object.values(read.jobs).flatMap((job) => job.steps);

  test("pins every action by its hash and says which version that is", () => {
    const used = [...text.matchAll(/uses: (.+)$/gm)].map(([, action]) => action);
    expect(used.length).toBe(steps.filter(({ uses }) => uses !== undefined).length);
    expect(used.filter((action) => !/^[\w-]+\/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/.test(String(action)))).toEqual([]);
  });

  test("has no right but those that a job names", () => {
    expect(read.permissions).toEqual({});
    for (const job of Object.values(read.jobs)) expect(Object.keys(job.permissions).length).toBeGreaterThan(0);
  });

  test("runs no text that came from outside", () => {
    expect(steps.filter(({ run }) => run?.includes("${{")).map(({ name }) => name)).toEqual([]);
  });
});

describe("the deployment", () => {
  const text = readFileSync(join(folder, "deploy.yml"), "utf8");
  const { on, jobs } = workflow.parse(parse(text));
  const deploy = jobs["deploy"];
  const place = (part: string) => deploy?.steps.findIndex(({ run }) => run?.includes(part)) ?? -1;

  test("takes main to stage and tags to prod, and nothing from a pull request", () => {
    expect(on).toEqual({ push: { branches: ["main"], tags: ["v*"] } });
    expect(deploy?.environment).toContain("github.ref_type == 'tag' && 'prod' || 'stage'");
  });

  test("waits for the gate, which refuses a tag that is not on main", () => {
    expect(deploy?.needs).toBe("gate");
    const runs = jobs["gate"]?.steps.map(({ run }) => run ?? "") ?? [];
    expect(runs.some((run) => run.includes("merge-base --is-ancestor"))).toBe(true);
    expect(runs.some((run) => run.includes(".ci/run"))).toBe(true);
  });

  test("signs in as nobody's key", () => {
    expect(text).not.toContain("secrets.");
    expect(text).not.toContain("credentials_json");
    expect(deploy?.permissions).toEqual({ contents: "read", "id-token": "write" });
  });

  test("applies the plan that was looked at, and then sees that the key works", () => {
    const order = [
      "npm run build",
      "terraform plan",
      "tests/terraform/plan.test.ts",
      "terraform apply",
      "scripts/check-deployment.ts",
    ];
    const places = order.map(place);
    expect(places).not.toContain(-1);
    expect(places).toEqual([...places].sort((one, other) => one - other));
    expect(deploy?.steps[place("terraform apply")]?.run).toContain("deploy.tfplan");
    expect(deploy?.steps[place("tests/terraform/plan.test.ts")]?.env).toEqual({
      TERRAFORM_PLAN_JSON: "terraform/deploy.tfplan.json",
    });
  });
});
