import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { calendarOf, type Occasion } from "../../shared/cli/calendar.ts";
import { occasionsOf } from "../../shared/cli/occasions.ts";
import { exampleKeys, type Simulators, startSimulators } from "../simulators/start.ts";
import { cli, startService, temporaryFolder } from "./run.ts";

const NOW = Date.parse("2026-11-21T08:30:00.000Z");
const occasion = (more: Partial<Occasion> = {}): Occasion => ({
  ...{
    org: "acme",
    provider: "OPENAI",
    kind: "expiry",
    at: "2027-01-31T10:20:30.000Z",
    summary: "Credential expires",
    description: "Rotate it",
  },
  ...more,
});

/** Lines as a reader puts them together again. */
function linesOf(text: string): string[] {
  expect(text.endsWith("\r\n")).toBe(true);
  expect(text.replaceAll("\r\n", "")).not.toMatch(/[\r\n]/);
  return text.replaceAll("\r\n ", "").split("\r\n").slice(0, -1);
}

describe("a calendar file", () => {
  test("holds an event with a time, and reminders 14 days and a day before", () => {
    expect(linesOf(calendarOf("Integrations of acme", [occasion()], NOW))).toEqual([
      "BEGIN:VCALENDAR",
      "VERSION:2.0",
      "PRODID:-//CloudAct//Integrations//EN",
      "CALSCALE:GREGORIAN",
      "METHOD:PUBLISH",
      "X-WR-CALNAME:Integrations of acme",
      "BEGIN:VEVENT",
      expect.stringMatching(/^UID:[0-9a-f]{32}@cloudact-integrations$/),
      "DTSTAMP:20261121T083000Z",
      "DTSTART:20270131T102030Z",
      "SUMMARY:Credential expires",
      "DESCRIPTION:Rotate it",
      "CATEGORIES:expiry",
      "STATUS:CONFIRMED",
      "TRANSP:TRANSPARENT",
      ...[
        "BEGIN:VALARM",
        "ACTION:DISPLAY",
        "DESCRIPTION:Credential expires (in 14 days)",
        "TRIGGER:-P14D",
        "END:VALARM",
      ],
      ...["BEGIN:VALARM", "ACTION:DISPLAY", "DESCRIPTION:Credential expires (in a day)", "TRIGGER:-P1D", "END:VALARM"],
      "END:VEVENT",
      "END:VCALENDAR",
    ]);
  });

  test("has whole days, over the ends of months and years", () => {
    const lines = linesOf(calendarOf("x", [occasion({ at: "2026-12-31" })], NOW));
    expect(lines).toContain("DTSTART;VALUE=DATE:20261231");
    expect(lines).toContain("DTEND;VALUE=DATE:20270101");
  });

  test("names an event alike in every file, whatever its date and words, and each thing by its own name", () => {
    const uidOf = (more: Partial<Occasion>) =>
      linesOf(calendarOf("x", [occasion(more)], NOW + Number(more.at?.length ?? 0))).find((line) =>
        line.startsWith("UID:"),
      );
    expect(uidOf({ at: "2028-01-01", summary: "Other", description: "Other" })).toBe(uidOf({}));
    const uids = [{}, { org: "beta" }, { provider: "GROQ" }, { kind: "deletion" as const }].map(uidOf);
    expect(new Set(uids).size).toBe(4);
  });

  test("escapes what a name may hold, and no name makes a line of its own", () => {
    const summary = 'Figma; seats, "a\\b"\r\nBEGIN:VALARM\nX:1\u2028\u0007';
    const lines = linesOf(calendarOf(summary, [occasion({ summary })], NOW));
    expect(lines).toContain('SUMMARY:Figma\\; seats\\, "a\\\\b"\\nBEGIN:VALARM\\nX:1  ');
    expect(lines.filter((line) => line === "BEGIN:VALARM")).toHaveLength(2);
  });

  test.each([
    ["a", 200],
    ["ü", 100],
    ["€", 70],
    ["😀", 50],
  ])("folds %s after 75 octets at most, and cuts no character", (letter, count) => {
    const summary = letter.repeat(count);
    const text = calendarOf("x", [occasion({ summary })], NOW);
    for (const line of text.split("\r\n")) expect(Buffer.byteLength(line)).toBeLessThanOrEqual(75);
    expect(linesOf(text)).toContain(`SUMMARY:${summary}`);
  });
});

describe("what goes into it", () => {
  const info = {
    provider: "FIGMA",
    display_name: "Figma",
    credential_name: "Seats",
    credential_type: "none",
    expires_at: "2027-03-31T23:59:59.000Z",
    deactivation_scheduled_at: "2027-02-01T10:00:00.000Z",
    validation: { details: { next_renewal_date: "2027-01-31", cancellation_deadline: "2027-01-01" } },
  };
  test("the end, the renewal, the last day to cancel and the deletion of an integration", () => {
    expect(occasionsOf("acme", info).map(({ kind, at }) => [kind, at])).toEqual([
      ["expiry", "2027-03-31"],
      ["renewal", "2027-01-31"],
      ["cancellation", "2027-01-01"],
      ["deletion", "2027-02-01T10:00:00.000Z"],
    ]);
  });
  test.each([
    [{}],
    [{ ...info, expires_at: null, deactivation_scheduled_at: null, validation: { details: null } }],
    [{ ...info, expires_at: "soon\r\nX:1", deactivation_scheduled_at: 7, validation: {} }],
  ])("nothing where there is no date: %j", (none) => {
    expect(occasionsOf("acme", none)).toEqual([]);
  });
});

describe("status --ics", () => {
  const folder = temporaryFolder();
  const key = exampleKeys("OPENAI").good;
  let simulators: Simulators;
  let service: Awaited<ReturnType<typeof startService>>;
  let env: Record<string, string>;

  beforeAll(async () => {
    simulators = await startSimulators();
    env = { ...simulators.env, INTEGRATIONS_HOME: join(folder.path, "home") };
    service = await startService(env);
    env["INTEGRATIONS_URL"] = service.url;
    env["INTEGRATIONS_API_KEY"] = (await cli(["org-key", "create", "acme", "--scope", "manage"], env)).stdout.trim();
    await cli(["setup", "acme", "openai", "--expires", "2030-01-31", "--name", "Main; one"], env, key);
    await cli(["setup", "acme", "groq"], env, exampleKeys("GROQ").good);
    await cli(["update", "acme", "groq", "--deactivate-at", "30d"], env);
  });
  afterAll(async () => {
    await service?.stop();
    await simulators?.close();
    folder.remove();
  });

  test("writes a file of what is configured", async () => {
    const file = join(folder.path, "acme.ics");
    const done = await cli(["status", "acme", "--configured", "--ics", file], env);
    expect(done).toMatchObject({
      code: 0,
      stderr: `2 events in ${file}\n`,
      stdout: "",
    });
    const text = readFileSync(file, "utf8");
    const lines = linesOf(text);
    expect(lines.filter((line) => line === "BEGIN:VEVENT")).toHaveLength(2);
    expect(lines).toContain("DTSTART;VALUE=DATE:20300131");
    expect(lines).toContain(
      "DESCRIPTION:OPENAI (Main\\; one) of acme. Create the next one at the provider\\, then: cloudact-integrations rotate acme openai",
    );
    expect(text).not.toContain(key);
    expect(text).not.toContain(key.slice(0, 12));
    const json = await cli(["status", "acme", "--ics", file, "--json"], env);
    expect(JSON.parse(json.stdout)).toEqual({ file, events: 2 });
  });

  test("goes with the filters, and to stdout whole", async () => {
    const done = await cli(["status", "acme", "--category", "saas", "--ics", "-"], env);
    expect(done).toMatchObject({ code: 0, stderr: "" });
    expect(linesOf(done.stdout)).toEqual(expect.arrayContaining(["BEGIN:VCALENDAR", "END:VCALENDAR"]));
    expect(done.stdout).not.toContain("VEVENT");
  });

  test.each([
    ["two things on stdout", ["--ics", "-", "--json"], "both print to stdout"],
    ["a folder that is not there", ["--ics", "/none/a.ics"], "cannot be written (ENOENT)"],
  ])("refuses %s", async (_, args, told) => {
    const done = await cli(["status", "acme", ...args], env);
    expect(done.code).toBe(2);
    expect(done.stdout + done.stderr).toContain(told);
  });
});
