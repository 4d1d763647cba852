import { execFileSync } from "node:child_process";
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { formatOf, readRows } from "../../shared/cli/import/read-rows.ts";
import { noRoom } from "../../shared/operations/subscription.ts";
import { loadRegistry } from "../../shared/registry/load.ts";
import { exampleKeys, type Simulators, startSimulators } from "../simulators/start.ts";
import { cli, printed, root, startService, temporaryFolder } from "./run.ts";

const folder = temporaryFolder();
const home = join(folder.path, "home");
const openai = exampleKeys("OPENAI");
const anthropic = exampleKeys("ANTHROPIC");
const groq = exampleKeys("GROQ");
let simulators: Simulators;
let service: Awaited<ReturnType<typeof startService>>;
let env: Record<string, string>;
let serial = 0;

beforeAll(async () => {
  simulators = await startSimulators();
  env = { ...simulators.env, INTEGRATIONS_HOME: home, INTEGRATIONS_RATE_LIMIT: "0" };
  service = await startService(env);
  env["INTEGRATIONS_URL"] = service.url;
});
afterAll(async () => {
  await service?.stop();
  await simulators?.close();
  folder.remove();
});

/** A list in a file of its own, closed to others. */
function list(text: string, ending = "csv"): string {
  serial += 1;
  const path = join(folder.path, `list-${serial}.${ending}`);
  writeFileSync(path, text, { mode: 0o600 });
  return path;
}

/** A fresh organisation: its slug, and a run with its key. */
async function organisation(): Promise<{
  org: string;
  run: (args: string[], more?: Record<string, string>, stdin?: string) => ReturnType<typeof cli>;
}> {
  serial += 1;
  const org = `org-${serial}`;
  const made = await cli(["org-key", "create", org, "--scope", "manage"], env);
  const own = { ...env, INTEGRATIONS_API_KEY: made.stdout.trim() };
  return { org, run: (args, more = {}, stdin = "") => cli(args, { ...own, ...more }, stdin) };
}

let shared: ReturnType<typeof organisation> | null = null;
/** One that nothing is stored in. */
function anyOrganisation(): ReturnType<typeof organisation> {
  shared ??= organisation();
  return shared;
}

const audit = (): Array<Record<string, unknown>> =>
  readFileSync(join(home, "audit.jsonl"), "utf8")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));

describe("a list with wrong rows", () => {
  const row = (cells: Record<string, string>) => cells;
  const columns = [
    "provider",
    "credential",
    "credential_name",
    "api_key",
    "access_key_id",
    "secret_access_key",
    "metadata.team",
    "metadata.seats",
    "metadata.unit_price",
    "metadata.billing_cycle",
    "metadata.currency",
  ];
  const cases: Array<[string, Record<string, string>, string, string, string | null]> = [
    [
      "a provider that is none, the nearest named",
      row({ provider: "openia", credential: openai.good }),
      "provider",
      "is not a provider of this service",
      "Did you mean openai?",
    ],
    ["no provider", row({ credential: openai.good }), "provider", "is missing", "Name the provider, such as openai"],
    [
      "a key of another provider, the right one offered",
      row({ provider: "anthropic", credential: openai.good }),
      "credential",
      "looks like a key of OpenAI",
      "This looks like a key of OpenAI; set it up under /openai.",
    ],
    ["no credential", row({ provider: "groq" }), "credential", "is missing", "Its fields are: api_key"],
    [
      "a key that is cut off",
      row({ provider: "openai", credential: openai.good.slice(0, 12) }),
      "credential",
      "does not have the shape of this provider's",
      "Copy API key again from OpenAI and paste it whole. It looks like sk-admin-…",
    ],
    [
      "a masked key",
      row({ provider: "openai", credential: "sk-proj-abcd********wxyz" }),
      "credential",
      "is a masked value, not the credential itself",
      expect.stringContaining("Paste the whole credential"),
    ],
    [
      "a field of another provider",
      row({ provider: "groq", api_key: groq.good, access_key_id: "AKIAIOSFODNN7EXAMPLE" }),
      "access_key_id",
      "is no field of groq",
      "Its fields are: api_key",
    ],
    [
      "half of a credential",
      row({ provider: "aws", access_key_id: "AKIAIOSFODNN7EXAMPLE" }),
      "secret_access_key",
      "is missing",
      expect.stringContaining("Secret access key"),
    ],
    [
      "a credential twice",
      row({ provider: "groq", credential: groq.good, api_key: groq.good }),
      "credential",
      "stands beside columns of the provider's own fields",
      "Use the one or the others",
    ],
    [
      "a secret for a name",
      row({ provider: "openai", credential: openai.good, credential_name: openai.another }),
      "credential_name",
      "looks like a secret; send it in credential",
      null,
    ],
    [
      "a secret for a setting",
      row({ provider: "openai", credential: openai.good, "metadata.team": openai.another }),
      "metadata.team",
      "looks like a secret: secrets go inside `credential` only",
      null,
    ],
    [
      "a setting of the wrong kind",
      row({ provider: "figma", "metadata.seats": "five" }),
      "metadata.seats",
      "must be a whole number",
      null,
    ],
    [
      "a subscription without its price",
      row({ provider: "figma", "metadata.billing_cycle": "monthly", "metadata.currency": "USD" }),
      "metadata.unit_price",
      expect.stringContaining("is missing"),
      null,
    ],
    [
      "a key for a subscription",
      row({ provider: "figma", credential: openai.good }),
      "credential",
      "is not taken: a manual subscription has no secret",
      expect.stringContaining("Leave it empty"),
    ],
    [
      "a custom subscription without a name",
      row({
        provider: "custom-miro",
        "metadata.unit_price": "5",
        "metadata.billing_cycle": "monthly",
        "metadata.currency": "USD",
      }),
      "credential_name",
      expect.stringContaining("is missing"),
      null,
    ],
    [
      "a list that is none",
      row({ provider: "openai", credential: openai.good, "metadata.team": "[prod" }),
      "metadata.team",
      "begins like a list and is no JSON",
      expect.any(String),
    ],
  ];

  test("is told row by row, with field, reason and remedy, never with a value, and nothing of it is sent", async () => {
    const { org, run } = await organisation();
    const csv = [
      columns.join(","),
      ...cases.map(([, cells]) => columns.map((name) => `"${cells[name] ?? ""}"`).join(",")),
    ];
    const path = list([...csv, `openai,${openai.good}`, `openai,${openai.good}`].join("\n"));
    const before = audit().length;
    const done = await run(["import", org, path, "--json"]);
    expect(done.code).toBe(1);
    const answer = JSON.parse(done.stdout);
    expect(answer).toMatchObject({ success: false, sent: false, rows: cases.length + 2, wrong: cases.length + 1 });
    cases.forEach(([title, , field, message, remedy], index) => {
      const told = answer.problems.filter((one: { row: number }) => one.row === index + 2);
      expect(told, title).toContainEqual(
        expect.objectContaining({ field, message, ...(remedy === null ? {} : { remedy }) }),
      );
    });
    expect(answer.problems.at(-1)).toMatchObject({
      row: cases.length + 3,
      field: "provider",
      message: `stands in row ${cases.length + 2} already`,
    });
    expect(
      audit()
        .slice(before)
        .map(({ operation }) => operation),
    ).not.toContain("import");
    expect(existsSync(`${path}.import-progress`)).toBe(false);
    const shown = await run(["import", org, path]);
    expect(shown).toMatchObject({ code: 1, stderr: expect.stringContaining("rows wrong: nothing was sent") });
    for (const secret of [openai.good, openai.another, groq.good, openai.good.slice(0, 12), "AKIAIOSFODNN7EXAMPLE"])
      expect(shown.stdout + shown.stderr + done.stdout).not.toContain(secret);
  });

  test.each([
    [
      "a head that is missing is not repeated: it is a row of secrets",
      `openai,${openai.good}\n`,
      "csv",
      "has no column named provider",
    ],
    [
      "a column that is near another",
      `provider,credentail\nopenai,${openai.good}\n`,
      "csv",
      /row +1.*|Did you mean credential\?/,
    ],
    [
      "a head that is a row of secrets in part",
      `provider,${groq.good.slice(0, 30)}\nopenai,x\n`,
      "csv",
      /column 2 +is no column/,
    ],
    ["an open quote", `provider,credential\nopenai,"${openai.good}\n`, "csv", "is no CSV"],
    [
      "a line that is no JSON",
      `{"provider":"openai","credential":"${openai.good}"}\n{"provider":"groq", ${openai.another}\n`,
      "jsonl",
      "is no JSON object",
    ],
    ["broken YAML", `- provider: openai\n  credential: "${openai.good}\n`, "yaml", "is no YAML near line"],
    [
      "YAML with a key in braces, as templates write",
      `- provider: openai\n  credential: {{${openai.good}}}\n`,
      "yaml",
      /near line 2: a name is in braces[\s\S]*remedy: Remove the \{\{ \}\}/,
    ],
    [
      "YAML with a key for a name",
      `- provider: openai\n  credential: {${openai.good}}\n`,
      "yaml",
      "takes only: api_key",
    ],
    [
      "YAML that unfolds without end",
      "a: &a [x, x]\nitems: [{provider: *a}]\n",
      "yaml",
      "refers from one row to another",
    ],
    ["nothing", " \n", "csv", "The list is empty"],
    ["a head alone", "provider,credential\n", "csv", "The list has no rows"],
    [
      "a row with more cells than the head",
      `provider,credential\nopenai,${openai.good},${openai.another}\n`,
      "csv",
      "has more cells than the head has names",
    ],
    [
      "a date of expiry, which import does not take",
      `provider,credential,expires_at\nopenai,${openai.good},2027-01-01\n`,
      "csv",
      "is not taken by import",
    ],
  ])("%s", async (_, text, ending, told) => {
    const { org, run } = await anyOrganisation();
    const done = await run(["import", org, list(text, ending)]);
    expect([1, 2]).toContain(done.code);
    expect(done.stdout + done.stderr).toMatch(told);
    expect(done.stdout + done.stderr).not.toContain(openai.good);
    expect(done.stdout + done.stderr).not.toContain(openai.another);
    expect(done.stdout + done.stderr).not.toContain(groq.good.slice(0, 30).toLowerCase());
  });
});

test("more custom subscriptions than an organisation has room for are told before anything is sent", async () => {
  const { org, run } = await anyOrganisation();
  const subscriptions = (count: number) =>
    [
      "provider,credential_name,metadata.unit_price,metadata.billing_cycle,metadata.currency",
      ...Array.from({ length: count }, (_, at) => `custom-tool-${at},Tool ${at},1.50,monthly,EUR`),
    ].join("\n");
  const text = readFileSync(join(root, "configs/system/providers.yml"), "utf8");
  const entry = loadRegistry([{ name: "providers.yml", text }]).byPath("custom-tool");
  if (entry === null) throw new Error("custom-tool has no entry");
  // The service's own words, with its number.
  const done = await run(["import", org, list(subscriptions(203)), "--dry-run", "--json"]);
  expect(done.code).toBe(1);
  expect(JSON.parse(done.stdout)).toMatchObject({
    sent: false,
    problems: [
      {
        row: 202,
        provider: "custom-tool-200",
        field: "provider",
        message: noRoom(entry).message,
        remedy: "Take 3 rows out of the list, or delete subscriptions that are no longer needed",
      },
    ],
  });
}, 60_000);

test("what is wrong with very many rows is one line for people", async () => {
  const { org, run } = await anyOrganisation();
  const rows = Array.from({ length: 40 }, (_, at) => `custom-tool-${at},Tool ${at},1.50,EUR`);
  const path = list(["provider,credential_name,metadata.unit_price,metadata.currency", ...rows].join("\n"));
  const done = await run(["import", org, path]);
  expect(done.code).toBe(1);
  expect(done.stdout).toMatch(/^2-41 +40 rows +metadata\.billing_cycle +is missing/m);
  expect(done.stdout.trim().split("\n").length).toBeLessThan(4);
  expect(JSON.parse((await run(["import", org, path, "--json"])).stdout).problems).toHaveLength(40);
});

test("a key that may only read is told which one to make, and that nothing was sent", async () => {
  const { org, run } = await anyOrganisation();
  const reads = (await cli(["org-key", "create", org, "--scope", "read"], env)).stdout.trim();
  const path = list(`provider,credential\nopenai,${openai.good}\n`);
  const done = await run(["import", org, path], { INTEGRATIONS_API_KEY: reads });
  expect(done).toMatchObject({ code: 3, stdout: "" });
  expect(done.stderr).toContain(`org-key create ${org} --scope manage`);
  expect(done.stderr).not.toContain("Correct those rows");
  const told = await run(["import", org, path, "--json"], { INTEGRATIONS_API_KEY: reads });
  expect(JSON.parse(told.stdout)).toMatchObject({ success: false, sent: false, not_attempted: 1 });
});

test("a mistake on the command line is a document too where JSON is asked for", async () => {
  const done = await cli(["import", "Acme!", "list.csv", "--json"], env);
  expect(done).toMatchObject({ code: 2, stderr: "" });
  expect(JSON.parse(done.stdout)).toMatchObject({ success: false, error: expect.any(String) });
});

describe("what a list may look like", () => {
  const rows = [
    ["openai", "k1", "5", "true"],
    ["groq", "00123", "", ""],
  ];
  const expected = [
    { provider: "openai", credential: "k1", "metadata.seats": "5", "metadata.auto_renew": "true" },
    { provider: "groq", credential: "00123" },
  ];
  const head = ["provider", "credential", "metadata.seats", "metadata.auto_renew"];
  const csv = (sign: string, end: string) => [head, ...rows].map((cells) => cells.join(sign)).join(end) + end;
  test.each([
    ["commas", "a.csv", csv(",", "\n")],
    ["semicolons, as spreadsheets of many countries write", "a.csv", csv(";", "\r\n")],
    ["tabs", "a.tsv", csv("\t", "\n")],
    ["a first line that names the separator, as spreadsheets write", "a.csv", `sep=;\r\n${csv(";", "\r\n")}`],
    [
      "a byte order mark and capitals in the head",
      "a.csv",
      `\uFEFF${csv(",", "\n").replace("provider,credential", "Provider, Credential ")}`,
    ],
    ["no name, which the text tells", "-", csv(",", "\n")],
    ["a JSON object a line", "a.jsonl", expected.map((one) => JSON.stringify(one)).join("\n\n")],
    ["a JSON array", "a.json", JSON.stringify(expected, null, 2)],
    ["the body of a request", "-", JSON.stringify({ items: expected })],
    [
      "YAML, where a key of digits stays text",
      "a.yaml",
      expected
        .map(
          (one) =>
            `- ${Object.entries(one)
              .map(([name, value]) => `${name}: ${value}`)
              .join("\n  ")}`,
        )
        .join("\n"),
    ],
    [
      "YAML under items",
      "-",
      `items:\n${expected
        .map(
          (one) =>
            `  - ${Object.entries(one)
              .map(([name, value]) => `${name}: ${value}`)
              .join("\n    ")}`,
        )
        .join("\n")}`,
    ],
    [
      "YAML documents",
      "a.yml",
      expected
        .map(
          (one) =>
            `---\n${Object.entries(one)
              .map(([name, value]) => `${name}: ${value}`)
              .join("\n")}\n`,
        )
        .join(""),
    ],
  ])("%s", (_, path, text) => {
    const read = readRows(text, formatOf(path, text));
    expect(read.problems).toEqual([]);
    expect(read.rows.map(({ cells }) => Object.fromEntries(cells))).toEqual(expected);
  });

  test("rows count as a spreadsheet counts them, over empty rows and lines within cells", () => {
    const text = 'provider,credential\nopenai,"a\nb"\n,\n\ngroq,=1+1\n';
    expect(readRows(text, "csv").rows.map(({ row, cells }) => [row, cells.get("credential")])).toEqual([
      [2, "a\nb"],
      [5, "=1+1"],
    ]);
  });
});

describe("an import", () => {
  const providers = (): string[] => [
    "provider,credential,credential_name,metadata.team,metadata.unit_price,metadata.billing_cycle,metadata.currency,metadata.seats",
    `OpenAI,${openai.good},"=Main, of +all",fin,,,,`,
    `anthropic,${anthropic.good},,,,,,`,
    `groq,${groq.revoked},,,,,,`,
    "figma,,,,19.99,monthly,USD,3",
  ];

  test("stores what passes, says of each row what became of it, and a further run sends only what was corrected", async () => {
    const { org, run } = await organisation();
    const path = list(providers().join("\n"));
    const dry = await run(["import", org, path, "--dry-run", "--json"]);
    expect(dry.code).toBe(1);
    expect(JSON.parse(dry.stdout)).toMatchObject({ success: false, dry_run: true, completed: 3, failed: 1 });
    expect(JSON.parse((await run(["status", org, "--json", "--configured"])).stdout).integrations).toEqual({});

    const first = await run(["import", org, path]);
    expect(first).toMatchObject({ code: 1, stderr: expect.stringContaining("what is stored is not sent twice") });
    expect(first.stdout).toMatch(/^2 +OPENAI +completed +new$/m);
    expect(first.stdout).toMatch(/^4 +GROQ +failed +new +Groq API key is invalid or expired +Create a new key/m);
    expect(first.stdout).toContain("3 set up, 1 failed");

    const progress = `${path}.import-progress`;
    expect(statSync(progress).mode & 0o777).toBe(0o600);
    for (const secret of [openai.good, anthropic.good, groq.revoked, "fin", "19.99"])
      expect(readFileSync(progress, "utf8")).not.toContain(secret);

    writeFileSync(path, providers().join("\n").replace(groq.revoked, groq.good));
    const second = await run(["import", org, path, "--json"]);
    expect(second.code, second.stdout).toBe(0);
    expect(JSON.parse(second.stdout)).toMatchObject({ success: true, completed: 1, unchanged: 3, failed: 0 });
    expect(existsSync(progress)).toBe(false);
    const got = JSON.parse((await run(["get", org, "openai", "--json"])).stdout);
    expect(got).toMatchObject({ credential_name: "=Main, of +all", metadata: { team: "fin" } });
    expect(JSON.parse((await run(["get", org, "figma", "--json"])).stdout).metadata).toMatchObject({
      seats: 3,
      unit_price: "19.99",
    });
    for (const provider of ["openai", "anthropic", "figma"]) expect(await versions(run, org, provider)).toBe(1);
  });

  test("from stdin keeps no file, and names what it replaces", async () => {
    const { org, run } = await organisation();
    const line = (key: string) => `{"provider":"openai","credential":{"api_key":"${key}"}}\n`;
    expect(await run(["import", org, "-"], {}, line(openai.good))).toMatchObject({ code: 0 });
    const again = await run(["import", org, "-"], {}, line(openai.another));
    expect(again).toMatchObject({ code: 0, stdout: expect.stringMatching(/OPENAI +completed +replaces/) });
  });

  test("of aws is of the kind whose fields are there", async () => {
    const { org, run } = await organisation();
    const done = await run([
      "import",
      org,
      list(
        "provider,access_key_id,secret_access_key,role_arn\naws,AKIAIOSFODNN7EXAMPLE,short,\naws_iam,,,arn:aws:iam::1:role/x\n",
      ),
      "--json",
    ]);
    expect(
      JSON.parse(done.stdout).problems.map(({ provider, field }: Record<string, string>) => [provider, field]),
    ).toEqual([
      ["AWS_KEYS", "secret_access_key"],
      ["AWS_IAM", "role_arn"],
    ]);
  });

  test("of a file that others can read says so", async () => {
    const { org, run } = await organisation();
    const path = list(`provider,credential\nopenai,${openai.good}\n`);
    chmodSync(path, 0o644);
    expect(await run(["import", org, path, "--dry-run"])).toMatchObject({
      code: 0,
      stderr: expect.stringContaining("can be read by others on this machine: chmod 600 it"),
    });
  });

  test.each([
    ["a key typed as the file", [openai.good], 2, "Secrets are never taken from the command line"],
    ["a file that is not there", ["/none.csv"], 2, "cannot be read (ENOENT)"],
    [
      "another format, the nearest named",
      ["-", "--format", "jsnl"],
      2,
      "must be one of: csv, jsonl, yaml; did you mean jsonl?",
    ],
  ])("%s", async (_, args, code, told) => {
    const { org, run } = await anyOrganisation();
    expect(await run(["import", org, ...args])).toMatchObject({
      code,
      stdout: "",
      stderr: expect.stringContaining(told),
    });
  });
});

describe("an import that is cut off", () => {
  /** A row that its provider refuses, and so many that it takes. */
  const many = (count: number) =>
    [
      "provider,credential,credential_name,metadata.unit_price,metadata.billing_cycle,metadata.currency",
      `groq,${groq.revoked},,,,`,
      ...Array.from({ length: count }, (_, at) => `custom-tool-${at},,Tool ${at},1.50,monthly,EUR`),
    ].join("\n");

  test("goes on where it was, and makes no second version of what was stored and never answered", async () => {
    const { org, run } = await organisation();
    const path = list(many(60));
    // The second batch arrives, is stored, and its answer is lost.
    const between = await forwarding(service.url, (count) => count !== 2);
    const cut = await run(["import", org, path, "--json"], { INTEGRATIONS_URL: between.url });
    expect(cut.code).toBe(4);
    expect(JSON.parse(cut.stdout)).toMatchObject({
      ...{ success: false, completed: 24, failed: 1, not_attempted: 36 },
      problem: { code: "service_unreachable" },
    });
    const done = await run(["import", org, path, "--json"], { INTEGRATIONS_URL: between.url });
    await between.close();
    expect(done.code, done.stdout).toBe(1);
    expect(JSON.parse(done.stdout)).toMatchObject({ completed: 36, unchanged: 24, failed: 1, not_attempted: 0 });
    const counts = await Promise.all([0, 23, 24, 48, 49, 59].map((at) => versions(run, org, `custom-tool-${at}`)));
    expect(counts).toEqual([1, 1, 1, 1, 1, 1]);
  });

  const mixed = (groqKey: string) =>
    [
      "provider,credential,credential_name,metadata.unit_price,metadata.billing_cycle,metadata.currency,metadata.team",
      `groq,${groqKey},,,,,`,
      `openai,${openai.good},Main,,,,fin`,
      ...Array.from({ length: 4 }, (_, at) => `custom-tool-${at},,Tool ${at},1.50,monthly,EUR,`),
    ].join("\n");
  const stored = ["openai", "custom-tool-0", "custom-tool-3"];

  test("makes no second version of what was stored and never answered, also where a row of it was corrected since", async () => {
    const { org, run } = await organisation();
    const path = list(mixed(groq.revoked));
    const between = await forwarding(service.url, (count) => count !== 1);
    const cut = await run(["import", org, path], { INTEGRATIONS_URL: between.url });
    await between.close();
    expect(cut.code).toBe(4);
    writeFileSync(path, mixed(groq.good));
    const done = await run(["import", org, path, "--json"]);
    expect(JSON.parse(done.stdout)).toMatchObject({ success: true, completed: 1, unchanged: 5 });
    expect(await Promise.all(stored.map((provider) => versions(run, org, provider)))).toEqual([1, 1, 1]);
  });

  test.each<[string, (own: Record<string, string>) => Record<string, string>]>([
    ["another key of the organisation", ({ other = "" }) => ({ INTEGRATIONS_API_KEY: other })],
    ["another spelling of the address", () => ({ INTEGRATIONS_URL: service.url.replace("127.0.0.1", "localhost") })],
  ])("goes on under %s, and makes no second version", async (_, more) => {
    const { org, run } = await organisation();
    const path = list(mixed(groq.revoked));
    expect(await run(["import", org, path])).toMatchObject({ code: 1 });
    writeFileSync(path, mixed(groq.good));
    const other = (await cli(["org-key", "create", org, "--scope", "manage"], env)).stdout.trim();
    const done = await run(["import", org, path, "--json"], more({ other }));
    expect(JSON.parse(done.stdout), done.stdout).toMatchObject({ success: true, completed: 1, unchanged: 5 });
    expect(await Promise.all(stored.map((provider) => versions(run, org, provider)))).toEqual([1, 1, 1]);
  });

  test("stores a row again that was deleted since, and one that was changed since it was lost", async () => {
    const { org, run } = await organisation();
    const path = list(mixed(groq.revoked));
    expect(await run(["import", org, path])).toMatchObject({ code: 1 });
    expect(await run(["delete", org, "openai", "--yes"])).toMatchObject({ code: 0 });
    const again = await run(["import", org, path, "--json"]);
    expect(JSON.parse(again.stdout)).toMatchObject({ completed: 1, unchanged: 4, failed: 1 });
    expect(await run(["get", org, "openai"])).toMatchObject({ code: 0 });
  });

  test("a list that was finished, and of which a row was deleted since, is stored anew", async () => {
    const { org, run } = await organisation();
    const path = list(`provider,credential\nopenai,${openai.good}\n`);
    expect(await run(["import", org, path])).toMatchObject({ code: 0 });
    expect(await run(["delete", org, "openai", "--yes"])).toMatchObject({ code: 0 });
    expect(await run(["import", org, path])).toMatchObject({ code: 0 });
    expect(await run(["get", org, "openai"])).toMatchObject({ code: 0 });
  });

  test("of a pipe works as from stdin; beside a list in a folder that is closed it stops before anything is sent", async () => {
    const { org, run } = await organisation();
    const path = list(mixed(groq.good));
    // A folder in the place of the progress file cannot be replaced by one, whoever asks.
    mkdirSync(`${path}.import-progress`);
    const closed = await run(["import", org, path, "--json"]);
    expect(closed).toMatchObject({ code: 2 });
    expect(JSON.parse(closed.stdout)).toMatchObject({
      success: false,
      error: expect.stringMatching(/^The progress file .* cannot be written \(E[A-Z]+\)$/),
      remedy: expect.stringContaining("or use - for stdin"),
    });
    expect(JSON.parse((await run(["status", org, "--json", "--configured"])).stdout).integrations).toEqual({});
    const pipe = join(folder.path, "pipe");
    execFileSync("mkfifo", [pipe]);
    const writer = writeFile(pipe, mixed(groq.good));
    expect(await run(["import", org, pipe])).toMatchObject({ code: 0 });
    await writer;
    expect(existsSync(`${pipe}.import-progress`)).toBe(false);
  });

  test("replaces a progress file, and writes through no link", async () => {
    const { org, run } = await organisation();
    const path = list(mixed(groq.revoked));
    const target = join(folder.path, "target");
    writeFileSync(target, "kept", { mode: 0o644 });
    symlinkSync(target, `${path}.import-progress`);
    expect(await run(["import", org, path])).toMatchObject({ code: 1 });
    expect(readFileSync(target, "utf8")).toBe("kept");
    expect(lstatSync(`${path}.import-progress`).isFile()).toBe(true);
    expect(statSync(`${path}.import-progress`).mode & 0o777).toBe(0o600);
  });
});

test.each([
  ["Latin-1", Buffer.from("provider,credential,credential_name\nopenai,x,B\u00fcro\n", "latin1"), "is not UTF-8"],
  ["UTF-16", Buffer.from("\uFEFFprovider,credential\nopenai,x\n", "utf16le"), "is UTF-16"],
])("a list in %s is refused with what to save it as", async (_, bytes, told) => {
  const { org, run } = await anyOrganisation();
  const path = list("");
  writeFileSync(path, bytes);
  expect(await run(["import", org, path])).toMatchObject({
    code: 2,
    stderr: expect.stringMatching(new RegExp(`The list ${told}[\\s\\S]*Save it as UTF-8`)),
  });
});

async function versions(
  run: (args: string[]) => ReturnType<typeof cli>,
  org: string,
  provider: string,
): Promise<number> {
  const { items } = JSON.parse((await run(["history", org, provider, "--json"])).stdout);
  return items.filter(({ type }: { type: string }) => type !== "check").length;
}

/** Stands between the tool and the service; of the imports that `answers` says no to, by their number, the answer is lost. */
async function forwarding(
  url: string,
  answers: (count: number) => boolean,
): Promise<{ url: string; close: () => Promise<void> }> {
  let count = 0;
  const server: Server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(Buffer.from(chunk));
    const isImport = request.url?.endsWith("/import") === true;
    if (isImport) count += 1;
    const number = count;
    const { host: _, connection: __, "content-length": ___, ...headers } = request.headers;
    const answer = await fetch(new URL(request.url ?? "/", url), {
      method: request.method ?? "GET",
      headers: Object.entries(headers).flatMap(([name, value]) =>
        typeof value === "string" ? [[name, value] as [string, string]] : [],
      ),
      ...(chunks.length > 0 ? { body: Buffer.concat(chunks) } : {}),
    });
    const text = await answer.text();
    if (isImport && !answers(number)) return void request.socket.destroy();
    response.writeHead(answer.status, { "content-type": "application/json" }).end(text);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  const port = typeof address === "object" && address ? address.port : 0;
  return {
    url: `http://127.0.0.1:${port}/api/v1/integrations`,
    close: () => new Promise((resolve) => server.close(() => resolve())),
  };
}

test("nothing that was printed holds a secret", () => {
  const all = printed.join("\n");
  for (const keys of [openai, anthropic, groq])
    for (const secret of Object.values(keys)) expect(all).not.toContain(secret);
});
