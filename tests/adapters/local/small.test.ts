import { appendFileSync, chmodSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { jsonLog } from "../../../shared/adapters/json-log.ts";
import { openAuditFile } from "../../../shared/adapters/local/audit-file.ts";
import { openLocalSecrets } from "../../../shared/adapters/local/local-secrets.ts";
import { openTokenIssuer, openTokenVerifier } from "../../../shared/adapters/local/local-tokens.ts";
import { systemClock } from "../../../shared/adapters/system-clock.ts";
import type { AuditRecord } from "../../../shared/ports/audit.ts";
import { manualClock } from "../../ports/manual-clock.ts";
import { freshHome } from "./fresh-home.ts";

let home: string;
let remove: () => void;
beforeEach(() => {
  ({ home, remove } = freshHome());
});
afterEach(() => remove());

describe("the audit file", () => {
  const clock = manualClock();
  const file = () => join(home, "audit.jsonl");
  const open = () => openAuditFile(file(), { clock, service: "integrations-gateway" });
  const lines = (): Array<Record<string, unknown>> =>
    readFileSync(file(), "utf8")
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line));
  const record = (changed: Partial<AuditRecord> = {}): AuditRecord => ({
    request_id: "4a7c1c39-9d11-4f7a-8a41-0d0c1c8f1a11",
    actor_type: "service_account",
    actor_id: "pipeline@x.iam.gserviceaccount.com",
    org_slug: "acme",
    provider: "OPENAI",
    operation: "decrypt",
    decision: "allow",
    outcome: "ok",
    status: 200,
    ...changed,
  });

  test("a record is one line with time, event id, number and service, in a file for its owner alone", () => {
    const audit = open();
    audit.write(record({ cache: "hit", pipeline: "genai.payg_usage", run_id: "run/2026-08-22:1" }));
    audit.write(record({ actor_id: null }));
    expect(statSync(file()).mode & 0o777).toBe(0o600);
    const [first, second] = lines();
    expect(first).toEqual({
      ...record({ cache: "hit", pipeline: "genai.payg_usage", run_id: "run/2026-08-22:1" }),
      event_id: expect.stringMatching(/^[0-9a-f-]{36}$/),
      time: "2026-08-22T12:00:00.000Z",
      seq: 1,
      service: "integrations-gateway",
    });
    expect([second?.["seq"], second?.["actor_id"], second?.["event_id"] === first?.["event_id"]]).toEqual([
      2,
      null,
      false,
    ]);
  });

  test("a name that no record has is not written, and a value that is no identifier is written as invalid", () => {
    const audit = open();
    const wide = record({
      run_id: 'x","decision":"deny',
      pipeline: "a\nb",
      provider: "ü",
      org_slug: "",
      operation: "a b",
      reason_code: "x".repeat(201),
      status: 1.5,
    });
    Reflect.set(wide, "credential", "canary");
    Reflect.set(wide, "fingerprint", { canary: 1 });
    audit.write(wide);
    expect(lines()).toHaveLength(1);
    const names = ["run_id", "pipeline", "provider", "org_slug", "operation", "reason_code", "fingerprint", "status"];
    expect(names.map((name) => lines()[0]?.[name])).toEqual(names.map(() => "invalid"));
    expect(readFileSync(file(), "utf8")).not.toContain("canary");
  });

  test("a record that cannot be written is audit_unavailable", () => {
    symlinkSync("/dev/full", file());
    expect(() => open().write(record())).toThrow(expect.objectContaining({ code: "audit_unavailable" }));
    rmSync(file());
    expect(() => openAuditFile(join(home, "none", "audit.jsonl"), { clock, service: "s" })).toThrow(
      expect.objectContaining({ code: "audit_unavailable" }),
    );
  });

  test("half a line that a crash left does not swallow the next record", () => {
    open().write(record());
    appendFileSync(file(), '{"event_id":"torn');
    open().write(record({ operation: "list" }));
    const all = readFileSync(file(), "utf8").split("\n");
    expect(all).toHaveLength(4);
    expect(JSON.parse(all[2] ?? "")).toMatchObject({ operation: "list" });
  });

  test("records of two processes stand beside each other, and a file that was removed is made anew", () => {
    const [one, two] = [open(), open()];
    for (let index = 0; index < 50; index += 1) (index % 2 ? one : two).write(record());
    expect(lines()).toHaveLength(50);
    rmSync(file());
    one.write(record());
    expect(lines()).toHaveLength(1);
    one.close();
    two.close();
  });
});

describe("the log", () => {
  const clock = manualClock();
  const written: string[] = [];
  const log = jsonLog({ write: (line: string) => written.push(line) }, clock, "INFO");
  beforeEach(() => {
    written.length = 0;
  });

  test("a line is one JSON object with Cloud Logging's fields", () => {
    log("WARNING", "provider.incident", {
      provider: "OPENAI",
      count: 7,
      trace: "projects/p/traces/t",
      latency_ms: 1.5,
    });
    expect(written).toHaveLength(1);
    expect(written[0]?.endsWith("}\n")).toBe(true);
    expect(JSON.parse(written[0] ?? "")).toEqual({
      severity: "WARNING",
      message: "provider.incident",
      time: "2026-08-22T12:00:00.000Z",
      provider: "OPENAI",
      count: 7,
      latency_ms: 1.5,
      "logging.googleapis.com/trace": "projects/p/traces/t",
    });
  });

  test("names that are not listed are left out, strings are cut at 200 and lose their control characters", () => {
    const fields = { reason: `a\nb\u001b[31m\u2028${"x".repeat(300)}`, code: `x${"😀".repeat(101)}` };
    Reflect.set(fields, "credential", "canary");
    Reflect.set(fields, "subject", { canary: true });
    log("ERROR", "line\nbreak", { ...fields, count: Number.NaN });
    const line = JSON.parse(written[0] ?? "");
    expect(Object.keys(line).sort()).toEqual(["code", "message", "reason", "severity", "time"]);
    expect(line.message).toBe("linebreak");
    expect(line.reason).toMatch(/^ab\[31mx{190,}$/);
    expect(line.reason.length).toBeLessThanOrEqual(200);
    expect(line.code.isWellFormed()).toBe(true);
    expect(written.join("")).not.toContain("canary");
    expect(written.join("").split("\n")).toHaveLength(2);
  });

  test("what is below the least severity is not written, and a stream that fails fails no request", () => {
    log("DEBUG", "quiet");
    expect(written).toEqual([]);
    const broken = jsonLog(
      {
        write: () => {
          throw new Error("EPIPE");
        },
      },
      clock,
    );
    expect(() => broken("INFO", "event")).not.toThrow();
  });
});

describe("local secrets", () => {
  const file = () => join(home, "peppers.json");

  test("a pepper is 32 random bytes in a file for its owner alone, the same at every opening", async () => {
    const [first] = await openLocalSecrets(file()).peppers();
    expect([first.version, first.bytes.length, statSync(file()).mode & 0o777]).toEqual(["1", 32, 0o600]);
    expect(await openLocalSecrets(file()).peppers()).toEqual([first]);
  });

  test("after a rotation the new pepper comes first and the older one still verifies, in every process", async () => {
    const [here, there] = [openLocalSecrets(file()), openLocalSecrets(file())];
    const [old] = await here.peppers();
    expect(there.rotate()).toBe("2");
    const peppers = await here.peppers();
    expect(peppers.map((pepper) => pepper.version)).toEqual(["2", "1"]);
    expect(peppers[1]).toEqual(old);
  });

  test("there is never an empty pepper: a file that is gone, open or broken is unavailable", async () => {
    const secrets = openLocalSecrets(file());
    for (const content of [
      "",
      "{}",
      '{"format":1,"peppers":[]}',
      '{"format":1,"peppers":[{"version":"1","bytes":""}]}',
    ]) {
      writeFileSync(file(), content);
      expect(() => openLocalSecrets(file())).toThrow(/holds no peppers/);
      await expect(secrets.peppers()).rejects.toMatchObject({ code: "key_unavailable" });
    }
    rmSync(file());
    await expect(secrets.peppers()).rejects.toMatchObject({ code: "key_unavailable" });
    openLocalSecrets(file());
    chmodSync(file(), 0o644);
    expect(() => openLocalSecrets(file())).toThrow(/open to others/);
  });
});

describe("local tokens", () => {
  const clock = manualClock();

  test("a token that was issued is accepted by its audience and by no other", async () => {
    const token = await openTokenIssuer(home, { clock }).issue("scheduler");
    expect(await openTokenVerifier(home, { clock }).verify(token)).toEqual({
      caller: { subject: "scheduler", email: "scheduler@local" },
    });
    expect(await openTokenVerifier(home, { clock, audience: "other" }).verify(token)).toEqual({ refused: "audience" });
    const payload = JSON.parse(Buffer.from(token.split(".")[1] ?? "", "base64url").toString());
    expect(payload).toMatchObject({
      iss: "https://cloudact-integrations.local",
      aud: "cloudact-integrations-decrypt",
      sub: "scheduler",
      exp: payload.iat + 3_600,
    });
  });

  test("a verifier that was there before the key takes the first token, and makes no key itself", async () => {
    const verifier = openTokenVerifier(home, { clock });
    expect(await verifier.verify(`${Buffer.from('{"alg":"RS256"}').toString("base64url")}.e30.AAAA`)).toEqual({
      refused: "signature",
    });
    expect(statSync(join(home, "token-key.json"), { throwIfNoEntry: false })).toBeUndefined();
    expect(await verifier.verify(await openTokenIssuer(home, { clock }).issue("pipeline"))).toHaveProperty("caller");
  });

  test("a token accepted before is refused once its key was replaced", async () => {
    const verifier = openTokenVerifier(home, { clock });
    const token = await openTokenIssuer(home, { clock }).issue("pipeline");
    expect(await verifier.verify(token)).toHaveProperty("caller");
    rmSync(join(home, "token-key.json"));
    const fresh = await openTokenIssuer(home, { clock }).issue("pipeline");
    expect(await verifier.verify(token)).toEqual({ refused: "signature" });
    expect(await verifier.verify(fresh)).toHaveProperty("caller");
  });

  test("the published half holds nothing private", async () => {
    await openTokenIssuer(home, { clock }).issue("pipeline");
    const { keys } = JSON.parse(readFileSync(join(home, "jwks.json"), "utf8"));
    expect(Object.keys(keys[0]).sort()).toEqual(["alg", "e", "kid", "kty", "n", "use"]);
  });

  test.each(["", "a b", "x".repeat(65), "a/b"])("no token is issued for the subject %j", async (subject) => {
    await expect(openTokenIssuer(home, { clock }).issue(subject)).rejects.toMatchObject({ code: "request_malformed" });
  });

  test("a published file that cannot be read is unavailable, not a refusal", async () => {
    const token = await openTokenIssuer(home, { clock }).issue("pipeline");
    writeFileSync(join(home, "jwks.json"), "{broken");
    await expect(openTokenVerifier(home, { clock }).verify(token)).rejects.toMatchObject({ code: "key_unavailable" });
  });
});

describe("the clock", () => {
  test("an offset shifts what is stored and leaves durations alone", async () => {
    const clock = systemClock(86_400);
    expect(Math.abs(clock.now() - Date.now() - 86_400_000)).toBeLessThan(1_000);
    const before = clock.monotonic();
    await clock.sleep(5);
    expect(clock.monotonic() - before).toBeGreaterThanOrEqual(4);
    expect(clock.monotonic() - before).toBeLessThan(5_000);
  });
});
