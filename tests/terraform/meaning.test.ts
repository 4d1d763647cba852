import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { cloudLog } from "../../shared/adapters/cloud/cloud-log.ts";
import { openStdoutAudit } from "../../shared/adapters/cloud/stdout-audit.ts";
import { systemClock } from "../../shared/adapters/system-clock.ts";
import { revalidateBody } from "../../shared/contract/bodies.ts";
import { routes } from "../../shared/contract/routes.ts";
import { evaluate } from "./evaluate.ts";
import { nested, readModule, terraform } from "./module.ts";

const clock = systemClock(0);

describe("the load balancer's routes", async () => {
  const front = await readModule("modules/front");
  const rule = z.object({
    function: z.string(),
    path: z.string(),
    method: z.string().optional(),
    asks: z.string().optional(),
  });
  const rules = z
    .array(rule)
    .parse(await evaluate(front.locals["routes"], { folder: front.folder, locals: front.locals, names: {} }));

  /** Which function the load balancer sends a request to: the first rule that matches. */
  function sentTo(method: string, path: string, asks: string | null = null): string {
    const found = rules.find((one) => {
      const given = one.path.split("/");
      const segments = path.split("/");
      const matches =
        given.length === segments.length && given.every((part, at) => part === "*" || part === segments[at]);
      return matches && (one.method ?? method) === method && (one.asks ?? asks) === asks;
    });
    return found?.function ?? "rest";
  }
  const at = (path: string) => `/api/v1/integrations${path.replace("{org}", "acme").replace("{provider}", "openai")}`;
  const open = routes.filter(({ caller }) => caller !== "pipeline" && caller !== "scheduler");

  test.each(open.map(({ method, path, fn }) => [method, path, fn] as const))("%s %s goes to %s", (method, path, fn) => {
    expect(sentTo(method, at(path))).toBe(fn);
    if (method === "GET") expect(sentTo("HEAD", at(path))).toBe(fn);
  });

  test("a browser's question goes where its request will go", () => {
    for (const { method, path, fn } of open)
      expect([path, method, sentTo("OPTIONS", at(path), method)]).toEqual([path, method, fn]);
  });

  test("what pipelines and the Scheduler call is not there", () => {
    for (const { method, path, fn } of routes.filter((route) => !open.includes(route)))
      expect([path, sentTo(method, at(path)) === fn]).toEqual([path, false]);
  });

  test("the registry's public face has its shorter path, and the host says that it is well", () => {
    expect(sentTo("GET", "/api/v1/providers")).toBe("list");
    expect(sentTo("GET", "/health")).toBe("list");
  });

  test("fixed paths are looked at before templates", () => {
    const kinds = rules.map(({ path }) => path.includes("*"));
    expect(kinds).toEqual([...kinds].sort());
  });

  test("a wrong method on a path of one function is that function's to refuse", () => {
    expect(sentTo("PUT", at("/{org}/{provider}/setup"))).toBe("setup");
    expect(sentTo("DELETE", at("/{org}"))).toBe("list");
    expect(sentTo("PATCH", at("/{org}/{provider}"))).toBe("get");
  });
});

describe("what the alerts look for", async () => {
  const alerts = await readModule("modules/alerts");
  const event = z.object({
    filter: z.string(),
    severity: z.enum(["WARNING", "ERROR", "CRITICAL"]),
    text: z.string(),
    title: z.string(),
  });
  const names = { var: { key: "projects/p/locations/l/keyRings/r/cryptoKeys/k" } };
  const scope = { folder: alerts.folder, locals: alerts.locals, names };
  const events = z.record(z.string(), event).parse(await evaluate(alerts.locals["events"], scope));
  const late = await evaluate(alerts.resources["google_logging_metric.sweep"]?.["filter"], scope);
  const filters = [...Object.values(events).map(({ filter }) => filter), String(late)];
  const messages = filters.flatMap((filter) =>
    [...filter.matchAll(/jsonPayload\.message = "([^"]+)"/g)].map(([, name]) => String(name)),
  );

  test("status, expiry, incident, integrity, a refused key and a late sweep are looked for", () => {
    expect(Object.keys(events).sort()).toEqual([
      "expiring",
      "integrity",
      "kms_denied",
      "provider_incident",
      "status_invalid",
    ]);
    expect(messages.length).toBe(5);
  });

  test.each(messages)("the code logs %s", (name) => {
    const code = filesUnder(join(terraform, "../shared/operations")).map((file) => readFileSync(file, "utf8"));
    expect(code.some((text) => text.includes(`"${name}"`))).toBe(true);
  });

  test.each(messages)("a line of the log that says %s is what the filter names", (name) => {
    const lines: string[] = [];
    cloudLog({ write: (line) => lines.push(line) }, { clock, project: "p" })("WARNING", name, { status: "INVALID" });
    expect(JSON.parse(String(lines[0]))).toMatchObject({ message: name, status: "INVALID" });
  });

  test("only a status of INVALID wakes somebody, and only our key", () => {
    expect(events["status_invalid"]?.filter).toMatch(/jsonPayload\.status = "INVALID"$/);
    expect(events["kms_denied"]?.filter).toContain("projects/p/locations/l/keyRings/r/cryptoKeys/k");
  });
});

describe("what is sent", () => {
  test("the Scheduler's body is one that revalidate takes, and every shard is swept once", async () => {
    const scheduler = await readModule("modules/scheduler");
    const job = scheduler.resources["google_cloud_scheduler_job.sweep"] ?? {};
    const target = nested(job, "http_target");
    const bodies: unknown[] = [];
    for (const shards of [1, 3]) {
      const names = { var: { shards, timeout_s: 600, uri: "https://revalidate.example" } };
      const scope = { folder: scheduler.folder, locals: scheduler.locals, names };
      for (const key of z.array(z.string()).parse(await evaluate(job["for_each"], scope))) {
        const inner = { ...scope, names: { ...names, each: { key, value: key } } };
        const body = Buffer.from(String(await evaluate(target["body"], inner)), "base64").toString("utf8");
        bodies.push(revalidateBody.parse(JSON.parse(body)));
        expect(await evaluate(target["uri"], inner)).toBe("https://revalidate.example/revalidate");
        expect(await evaluate(job["attempt_deadline"], inner)).toBe("630s");
      }
    }
    expect(bodies).toEqual(["0/1", "0/3", "1/3", "2/3"].map((shard) => ({ limit: 10_000, max_seconds: 540, shard })));
  });

  test("the audit sink takes what the functions write, and its table has a column for all of it", async () => {
    const lines: Buffer[] = [];
    const audit = openStdoutAudit({
      clock,
      service: "integrations-list",
      write: (bytes) => lines.push(Buffer.from(bytes)) && bytes.length,
    });
    audit.write({
      request_id: "r",
      actor_type: "api_key",
      actor_id: "k",
      org_slug: "acme",
      provider: "OPENAI",
      operation: "get",
      decision: "allow",
      outcome: "ok",
      status: 200,
    });
    const line = z
      .object({ message: z.string(), audit: z.record(z.string(), z.unknown()) })
      .parse(JSON.parse(String(lines[0])));
    const { folder, locals } = await readModule("modules/audit");
    const filter = await evaluate(locals["filter"], { folder, locals, names: { var: { project: "p" } } });
    expect(filter).toContain(`jsonPayload.message = "${line.message}"`);
    expect(filter).toContain('logName = "projects/p/logs/run.googleapis.com%2Fstdout"');
    const schema = readFileSync(join(terraform, "../configs/setup/bootstrap/schemas/audit_log.json"), "utf8");
    const columns = z.array(z.object({ name: z.string() })).parse(JSON.parse(schema));
    const known = new Set(columns.map(({ name }) => name));
    expect(Object.keys(line.audit).filter((name) => !known.has(name))).toEqual([]);
  });
});

function filesUnder(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((one) => one.isFile() && one.name.endsWith(".ts"))
    .map((one) => join(one.parentPath, one.name));
}
