import { type ChildProcess, spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { setTimeout } from "node:timers/promises";
import { afterEach, describe, expect, test } from "vitest";
import { cloudLog } from "../../../shared/adapters/cloud/cloud-log.ts";
import { openStdoutAudit } from "../../../shared/adapters/cloud/stdout-audit.ts";
import type { AuditRecord } from "../../../shared/ports/audit.ts";
import { manualClock } from "../../ports/manual-clock.ts";
import { schemasFolder } from "../local/fresh-home.ts";

const clock = manualClock();

const record: AuditRecord = {
  request_id: "4a7c1c39-9d11-4f7a-8a41-0d0c1c8f1a11",
  actor_type: "service_account",
  actor_id: "117263548901234567890",
  org_slug: "acme",
  provider: "OPENAI",
  operation: "decrypt",
  decision: "allow",
  outcome: "ok",
  status: 200,
};

/** A record that uses every name there is. */
const full: Required<AuditRecord> = {
  ...record,
  reason_code: "grant_missing",
  credential_id: "0b0e7a4c-5a62-4d5e-9b3f-0a6f2f1d2c3b",
  target_id: "k1",
  fingerprint: "1f3a9c00",
  key_version: "projects/p/locations/us-central1/keyRings/r/cryptoKeys/k/cryptoKeyVersions/3",
  cache: "miss",
  pipeline: "genai.payg_usage",
  run_id: "run/2026-08-22:1",
};

/** An audit whose writes end up here. */
function kept() {
  const written: Buffer[] = [];
  const write = (bytes: Uint8Array) => {
    written.push(Buffer.from(bytes));
    return bytes.length;
  };
  const audit = openStdoutAudit({ clock, service: "integrations-decrypt", write });
  return { audit, written, entries: () => written.map((one) => JSON.parse(one.toString("utf8"))) };
}

function failing(...outcomes: Array<number | string>) {
  const taken: string[] = [];
  let calls = 0;
  const write = (bytes: Uint8Array) => {
    calls += 1;
    const outcome = outcomes.shift() ?? bytes.length;
    if (typeof outcome === "string") throw Object.assign(new Error(`${outcome}: write canary`), { code: outcome });
    taken.push(Buffer.from(bytes.subarray(0, outcome)).toString("utf8"));
    return outcome;
  };
  return { audit: openStdoutAudit({ clock, service: "s", write }), text: () => taken.join(""), calls: () => calls };
}

describe("the audit on standard output", () => {
  test("a record is one write of one line in Cloud Logging's fields", () => {
    const { audit, written, entries } = kept();
    audit.write(full);
    expect(written).toHaveLength(1);
    expect(written[0]?.toString("utf8").indexOf("\n")).toBe((written[0]?.length ?? 0) - 1);
    const [entry] = entries();
    expect(entry).toEqual({
      severity: "NOTICE",
      message: "audit",
      time: "2026-08-22T12:00:00.000Z",
      "logging.googleapis.com/insertId": entry.audit.event_id,
      audit: {
        event_id: expect.stringMatching(/^[0-9a-f]{8}-[0-9a-f-]{27}$/),
        time: "2026-08-22T12:00:00.000Z",
        seq: 1,
        service: "integrations-decrypt",
        ...full,
      },
    });
  });

  test("records of one process are counted, each under an id of its own", () => {
    const { audit, entries } = kept();
    for (let index = 0; index < 3; index += 1) audit.write(record);
    expect(entries().map(({ audit: { seq } }) => seq)).toEqual([1, 2, 3]);
    expect(new Set(entries().map(({ audit: { event_id } }) => event_id)).size).toBe(3);
  });

  test.each([
    ["allow", "ok", "NOTICE"],
    ["allow", "error", "WARNING"],
    ["deny", "denied", "WARNING"],
    ["deny", "error", "WARNING"],
  ] as const)("%s and %s is a %s", (decision, outcome, severity) => {
    const { audit, entries } = kept();
    audit.write({ ...record, decision, outcome });
    expect(entries()[0].severity).toBe(severity);
  });

  test("the line has exactly the columns of the schema file, each of its type", () => {
    const columns: Array<{ name: string; type: string; mode: string }> = JSON.parse(
      readFileSync(join(schemasFolder, "audit_log.json"), "utf8"),
    );
    const { audit, entries } = kept();
    audit.write(full);
    const types: Record<string, string> = { string: "STRING", number: "FLOAT" };
    const written = Object.entries<unknown>(entries()[0].audit).map(([name, value]) => [name, types[typeof value]]);
    expect(Object.fromEntries(written)).toEqual(Object.fromEntries(columns.map(({ name, type }) => [name, type])));
    expect(columns.filter(({ mode }) => mode !== "NULLABLE")).toEqual([]);
  });

  test("what nobody knows is left out, so that no column sees two types", () => {
    const { audit, entries } = kept();
    audit.write({ ...record, actor_id: null, org_slug: null, provider: null, status: Number.NaN });
    expect(Object.keys(entries()[0].audit)).toEqual([
      "event_id",
      "time",
      "seq",
      "service",
      "request_id",
      "actor_type",
      "operation",
      "decision",
      "outcome",
    ]);
  });

  test("a name that no record has is not written, and a value that is no identifier is written as invalid", () => {
    const { audit, written, entries } = kept();
    const wide = {
      ...full,
      run_id: 'x","decision":"deny',
      pipeline: "a\nb",
      provider: "ü",
      reason_code: "x".repeat(201),
    };
    Reflect.set(wide, "credential", "canary");
    Reflect.set(wide, "fingerprint", { canary: 1 });
    audit.write(wide);
    expect(entries()[0].audit).toMatchObject({
      run_id: "invalid",
      pipeline: "invalid",
      provider: "invalid",
      reason_code: "invalid",
      fingerprint: "invalid",
      decision: "allow",
    });
    expect(Buffer.concat(written).toString()).not.toContain("canary");
  });

  test("the longest line is one that a pipe takes whole", () => {
    const { audit, written } = kept();
    const long = Object.fromEntries(Object.keys(full).map((name) => [name, "x".repeat(200)]));
    openStdoutAudit({
      clock,
      service: "x".repeat(200),
      write: (bytes) => written.push(Buffer.from(bytes)) && bytes.length,
    }).write({ ...full, ...long, status: Number.MAX_SAFE_INTEGER });
    audit.write(full);
    expect(written[0]?.length).toBeLessThanOrEqual(4_096);
    expect(written[0]?.length).toBeGreaterThan(3_000);
  });

  test("a reader that is behind is waited for, and the line is neither lost nor written twice", () => {
    const { audit, text: all, calls } = failing("EAGAIN", "EINTR", 10, "EAGAIN", 20);
    audit.write(record);
    expect(calls()).toBe(6);
    expect(all().split("\n")).toHaveLength(2);
    expect(JSON.parse(all())).toMatchObject({ message: "audit", audit: { seq: 1 } });
  });

  test.each(["EPIPE", "EBADF", "ENOSPC", "EIO"])("%s is audit_unavailable at once, in our words", (code) => {
    const { audit, calls } = failing(code);
    let thrown: unknown;
    try {
      audit.write(record);
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toMatchObject({ code: "audit_unavailable" });
    expect(String((thrown as Error).cause)).not.toContain("canary");
    expect(calls()).toBe(1);
  });

  test("a line that broke off is closed before the next, which keeps its number", () => {
    const { audit, text: all } = failing(30, "EPIPE");
    expect(() => audit.write(record)).toThrow(expect.objectContaining({ code: "audit_unavailable" }));
    audit.write({ ...record, operation: "list" });
    const [torn, whole, rest] = all().split("\n");
    expect(torn).toHaveLength(30);
    expect(JSON.parse(whole ?? "")).toMatchObject({ audit: { operation: "list", seq: 1 } });
    expect(rest).toBe("");
  });

  test("a record that could not be written at all leaves nothing behind", () => {
    const { audit, text: all } = failing("EPIPE");
    expect(() => audit.write(record)).toThrow(expect.objectContaining({ code: "audit_unavailable" }));
    audit.write(record);
    expect(all().startsWith("{")).toBe(true);
  });
});

describe("a process whose standard output is a pipe", () => {
  let child: ChildProcess;
  afterEach(() => {
    child.kill("SIGKILL");
  });

  /** Node gives its children sockets for pipes; behind a shell there is a real one, whose reader sleeps first. */
  function start(count: number, kind: "socket" | "pipe" = "socket") {
    const words = [process.execPath, join(import.meta.dirname, "audit-writer.ts"), String(count)];
    const [command = "", ...given] =
      kind === "pipe" ? ["sh", "-c", '"$0" "$@" | { sleep 0.2; cat; }', ...words] : words;
    const started = spawn(command, given, { stdio: ["ignore", "pipe", "pipe"] });
    child = started;
    const told = text(started.stderr).then((said): { written: number; failed: string; longestMs: number } =>
      JSON.parse(said),
    );
    return { stdout: started.stdout, told };
  }

  test.each(["socket", "pipe"] as const)(
    "loses no record and splits none, however slowly it is read: %s",
    async (kind) => {
      const { stdout, told } = start(3_000, kind);
      const chunks: Buffer[] = [];
      for await (const chunk of stdout) {
        chunks.push(chunk);
        await setTimeout(5);
      }
      const lines = Buffer.concat(chunks).toString("utf8").trimEnd().split("\n");
      expect(await told).toMatchObject({ written: 3_000, failed: "none" });
      expect(lines.map((line) => JSON.parse(line).audit.request_id)).toEqual(
        Array.from({ length: 3_000 }, (_, index) => `r-${index}`),
      );
    },
  );

  test("says so after a second where nobody reads, and what it said to be written is there", async () => {
    const { stdout, told } = start(100_000);
    stdout.pause();
    const { written, failed, longestMs } = await told;
    expect(failed).toBe("audit_unavailable");
    expect(longestMs).toBeGreaterThan(500);
    expect(longestMs).toBeLessThan(10_000);
    const lines = (await text(stdout)).split("\n");
    expect(lines.slice(0, written).map((line) => JSON.parse(line).audit.seq)).toEqual(
      Array.from({ length: written }, (_, index) => index + 1),
    );
  });

  test("says so where the other end is closed", async () => {
    const { stdout, told } = start(100_000);
    stdout.once("data", () => stdout.destroy());
    expect(await told).toMatchObject({ failed: "audit_unavailable" });
  });
});

describe("the log on Google Cloud", () => {
  test("names the trace as Cloud Logging knows it", () => {
    const lines: string[] = [];
    const log = cloudLog({ write: (line: string) => lines.push(line) }, { clock, project: "cloudact-testing-1" });
    log("INFO", "request", { trace: "4bf92f3577b34da6a3ce929d0e0e4736", status: 200 });
    log("ERROR", "stray");
    expect(lines.map((line) => JSON.parse(line))).toEqual([
      {
        severity: "INFO",
        message: "request",
        time: "2026-08-22T12:00:00.000Z",
        status: 200,
        "logging.googleapis.com/trace": "projects/cloudact-testing-1/traces/4bf92f3577b34da6a3ce929d0e0e4736",
      },
      { severity: "ERROR", message: "stray", time: "2026-08-22T12:00:00.000Z" },
    ]);
  });
});
