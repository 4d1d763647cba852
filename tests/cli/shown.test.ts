import { createServer } from "node:http";
import { describe, expect, test } from "vitest";
import { parse } from "../../shared/cli/arguments.ts";
import { commands } from "../../shared/cli/commands.ts";
import { dispatch } from "../../shared/cli/dispatch.ts";
import { fakeTerminal } from "./fake-terminal.ts";

/** What the tool prints where the service answers with `body`, whatever is asked. */
async function shownOf(args: string[], body: unknown): Promise<string> {
  const server = createServer((_, response) => response.writeHead(200).end(JSON.stringify(body)));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  const terminal = fakeTerminal(false);
  await dispatch(args, terminal, { INTEGRATIONS_API_KEY: "x", INTEGRATIONS_URL: `http://127.0.0.1:${port}` });
  server.close();
  return terminal.lines.join("\n");
}

const tables = [
  {
    setting: "billing_export_table",
    table: "acme.billing.export_1",
    kind: "standard",
    state: "stale",
    location: "EU",
    last_export_at: "2026-11-16T08:09:10.000Z",
  },
];
const details = { connection: "ok", permissions: "limited", tables };
const row = /^acme\.billing\.export_1 +billing_export_table +standard +stale +EU +2026-11-16 08:09Z$/m;

describe("the tables of a billing export stand in a table of their own", () => {
  test.each([
    ["validate", ["validate", "acme", "gcp"], { success: true, details }],
    ["get", ["get", "acme", "gcp"], { validation: { details } }],
    ["setup --dry-run", ["setup", "acme", "chatgpt_plus", "--dry-run"], subscriptionFace({ success: true, details })],
  ])("%s", async (_, args, body) => {
    const shown = await shownOf(args, body);
    expect(shown).toMatch(row);
    expect(shown).not.toContain("[object");
    expect(shown).not.toMatch(/^tables/m);
  });
  test("and there is none without them", async () => {
    const shown = await shownOf(["validate", "acme", "gcp"], { success: true, details: { connection: "ok" } });
    expect(shown).toMatch(/^connection +ok$/m);
    expect(shown).not.toContain("export table");
  });
});

/** An answer that is the list of providers as well: of one that takes no secret. */
function subscriptionFace(body: object): object {
  return {
    ...body,
    providers: [{ path: "chatgpt_plus", code: "CHATGPT_PLUS", credential_type: "none", metadata: [] }],
  };
}

describe("instructions", () => {
  const settings = [
    { name: "unit_price", label: "Unit price", kind: "decimal", required: true, example: "19.99", help: "Per seat." },
    { name: "cycle", label: "Cycle", kind: "text", required: true, example: "it's monthly", options: ["a", "b"] },
    { name: "plan", label: "Plan", kind: "text", required: false, example: "Team" },
    {
      name: "currency",
      label: "Currency",
      kind: "text",
      required: false,
      example: "USD",
      options: ["AED", "B", "C", "D", "E", "F", "G", "H", "ZWG"],
    },
  ];
  const lineOf = (shown: string): string => /^Then: (.*)$/m.exec(shown)?.[1] ?? "";

  test("show the settings, and a line that sets it up with those that are required", async () => {
    const shown = await shownOf(["instructions", "acme", "figma"], { display_name: "Figma", settings });
    expect(shown).toMatch(/^unit_price +required +decimal +19\.99 +Per seat\.$/m);
    expect(shown).toMatch(/^cycle +required +a, b +/m);
    expect(shown).toMatch(/^plan +optional +text +Team/m);
    expect(shown).toMatch(/^currency +optional +AED to ZWG +USD/m);
    expect(lineOf(shown)).toBe(
      "cloudact-integrations setup acme figma --metadata unit_price=19.99 --metadata 'cycle=it'\\''s monthly'",
    );
  });
  test("name a custom subscription, which is listed by its name", async () => {
    const shown = await shownOf(["instructions", "acme", "custom-miro"], { settings: settings.slice(0, 1) });
    const line = lineOf(shown);
    expect(line).toBe("cloudact-integrations setup acme custom-miro --name 'Its name' --metadata unit_price=19.99");
    const setup = commands.find(({ name }) => name === "setup");
    const words = ["acme", "custom-miro", "--name", "Its name", "--metadata", "unit_price=19.99"];
    expect(() => setup && parse(setup, words)).not.toThrow();
  });
  test.each([[undefined], [[]]])("add nothing where there are no settings: %j", async (none) => {
    const shown = await shownOf(["instructions", "acme", "openai"], { display_name: "OpenAI", settings: none });
    expect(lineOf(shown)).toBe("cloudact-integrations setup acme openai");
    expect(shown).not.toContain("setting");
  });
});
