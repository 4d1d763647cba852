import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { anchor } from "../../scripts/provider-pages/markdown.ts";
import { PAGES, providerPages, shippedRegistry, stalePages } from "../../scripts/provider-pages.ts";
import { parse, refuseKeys } from "../../shared/cli/arguments.ts";
import { commands } from "../../shared/cli/commands.ts";
import { readBody, setupBody } from "../../shared/contract/bodies.ts";
import { pathOf } from "../../shared/registry/check.ts";
import { checkMetadata } from "../../shared/registry/check-metadata.ts";

const root = join(import.meta.dirname, "../..");
const registry = shippedRegistry();
const pages = providerPages(registry);
const titled = [...pages].map(([file, text]) => [file, text] as const);

/** A page without its blocks of code, whose own `#` and `[` are none of Markdown's. */
function withoutCode(text: string): string {
  return text.replaceAll(/^(`{3,})[\s\S]*?^\1$/gm, "");
}

function headingsOf(text: string): string[] {
  return [...withoutCode(text).matchAll(/^#{1,6} (.*)$/gm)].map(([, heading = ""]) => heading);
}

/** Blocks of code in a language. */
function blocksIn(text: string, language: string): string[] {
  return [...text.matchAll(/^(`{3,})(\w+)\n([\s\S]*?)\n\1$/gm)].flatMap(([, , of, inside = ""]) =>
    of === language ? [inside] : [],
  );
}

describe("the pages that are committed", () => {
  test.each(titled)("%s is what `npm run generate` writes", (file, text) => {
    expect(readFileSync(join(root, PAGES, file), "utf8")).toBe(text);
  });
  test("there is no page of a provider that is gone", () => {
    expect(stalePages(pages)).toEqual([]);
    const others = readdirSync(join(root, PAGES)).filter((file) => !pages.has(file));
    expect(others).toEqual([]);
  });
  test("a page whose provider is gone is seen", () => {
    const without = new Map([...pages].filter(([file]) => file !== "openai.md"));
    expect(stalePages(without)).toEqual(["openai.md"]);
  });
});

describe("every provider", () => {
  test("is listed with its page, and has one", () => {
    const index = pages.get("README.md") ?? "";
    for (const entry of registry.entries) {
      const file = entry.credential_type === "none" ? "subscriptions.md" : `${pathOf(entry)}.md`;
      expect(index).toContain(`[${entry.display_name}](${file})`);
      expect(pages.get(file)).toBeDefined();
    }
  });
  test("says in the index what it can deliver", () => {
    const index = pages.get("README.md")?.split("\n") ?? [];
    expect(index).toContain("| [OpenAI](openai.md) | API key | `genai.payg_usage` |");
    expect(index).toContain("| [Groq](groq.md) | API key | that the key works; no costs |");
    expect(index).toContain("| [Cursor](subscriptions.md) | none, a record that you keep | `saas.subscription_cost` |");
  });
  test.each(
    registry.entries.filter((entry) => entry.credential_type !== "none").map((entry) => [entry.code, entry] as const),
  )("%s: all that its entry says is on its page", (_, entry) => {
    const text = pages.get(`${pathOf(entry)}.md`) ?? "";
    const words = [
      ...entry.fields.map(({ name }) => name),
      ...entry.fields.flatMap(({ options }) => options ?? []),
      ...entry.metadata.flatMap(({ name, items }) => [name, ...(items ?? []).map((item) => item.name)]),
      ...entry.capabilities.map(({ id }) => id),
      ...entry.pipelines.map(({ id }) => id),
      ...Object.keys(entry.reasons),
    ];
    for (const word of words) expect(text).toContain(`\`${word}\``);
    for (const { title } of entry.snippets) expect(headingsOf(text)).toContain(title);
    const sections = text.split("\n## ");
    const linesOf = (heading: string, mark: RegExp): number => {
      const section = withoutCode(sections.find((one) => one.startsWith(heading)) ?? "");
      return section.split("\n").filter((line) => mark.test(line)).length;
    };
    expect(linesOf("Create it", /^\d+\. /)).toBe(entry.setup_help.length);
    expect(linesOf("What cannot be known", /^- /)).toBe(entry.cannot_know.length);
    if (entry.docs) expect(text).toContain(`<${entry.docs.url}>, on ${entry.docs.read}.`);
  });
  test("tells how to create a key, what a check cannot know, and where that was read", () => {
    for (const entry of registry.entries) {
      expect([entry.code, entry.setup_help.length > 0]).toEqual([entry.code, true]);
      expect([entry.code, entry.cannot_know.length > 0]).toEqual([entry.code, true]);
      if (entry.credential_type !== "none")
        expect([entry.code, entry.docs?.read]).toEqual([entry.code, expect.any(String)]);
    }
  });
});

describe("the pages tell", () => {
  const textOf = (file: string): string => pages.get(file) ?? "";
  test("which members of a key file may be left out", () => {
    expect(textOf("gcp.md")).toContain("- `type`: always `service_account`. It must be there.");
    expect(textOf("gcp.md")).toContain("- `universe_domain`: always `googleapis.com`. It may be left out.");
  });
  test("what is never asked, and what hangs on it", () => {
    const lines = textOf("gcp.md").split("\n");
    const rowOf = (id: string): string => lines.find((line) => line.startsWith(`| \`${id}\` |`)) ?? "";
    expect(rowOf("billing_accounts_read")).toContain("| not asked | see `not_asked` below |");
    expect(rowOf("cloud.gcp.api.billing_accounts")).toContain("not known: the check does not ask");
    expect(rowOf("compute_read")).toContain("yes; the check finds out");
    expect(rowOf("not_asked")).toContain("gcloud billing accounts add-iam-policy-binding");
  });
  test("that the host follows the region where it does", () => {
    expect(textOf("oci.md")).toContain("`identity.<region>.oci.<realm's domain>`");
    expect(textOf("oci.md")).not.toContain("identity.us-ashburn-1");
    expect(textOf("aws_iam.md")).toContain("`sts.us-east-1.amazonaws.com`");
    expect(textOf("aws_iam.md")).not.toContain("<region>");
  });
  test("the statuses that a subscription's record can have", () => {
    const statuses = [...textOf("subscriptions.md").matchAll(/^\| `([A-Z]+)` \|/gm)].map(([, status]) => status);
    expect(statuses).toEqual(["VALID", "PENDING", "EXPIRED"]);
  });
});

describe("Markdown", () => {
  test.each(titled)("%s: every link within the repository leads somewhere", (_, text) => {
    const targets = [...withoutCode(text).matchAll(/\]\(([^)\s]+)\)/g)].map(([, target = ""]) => target);
    expect(targets.length).toBeGreaterThan(0);
    for (const target of targets.filter((one) => !one.startsWith("https://"))) {
      const [path = "", fragment] = target.split("#");
      const page = path === "" ? text : (pages.get(path) ?? fileAt(path));
      expect([target, page !== null]).toEqual([target, true]);
      if (fragment !== undefined)
        expect([target, headingsOf(page ?? "").map(anchor)]).toEqual([target, expect.arrayContaining([fragment])]);
    }
  });
  test.each(titled)("%s: headings are unlike each other, so that a link means one of them", (_, text) => {
    const anchors = headingsOf(text).map(anchor);
    expect(new Set(anchors).size).toBe(anchors.length);
  });
  test.each(titled)("%s: every row of a table has as many cells as its head", (_, text) => {
    const tables = withoutCode(text).match(/^\|.*(?:\n\|.*)+$/gm) ?? [];
    for (const table of tables) {
      const counts = table.split("\n").map((line) => line.replaceAll("\\|", "").split("|").length);
      expect([table.slice(0, 80), new Set(counts).size]).toEqual([table.slice(0, 80), 1]);
    }
  });
  test.each(titled)("%s: no placeholder of the registry is left, and no HTML", (_, text) => {
    const placeholders = new Set([
      ...registry.entries.flatMap(({ snippets }) => snippets.map(({ id }) => `{${id}}`)),
      ...["{org_slug}", "{aws_audience}", "{aws_subject}", "{provider}"],
    ]);
    for (const placeholder of placeholders) expect(text).not.toContain(placeholder);
    const [, ...lines] = withoutCode(text).split("\n");
    const outside = lines.join("\n").replaceAll(/(`+)[^`]+\1/g, "");
    expect(outside).not.toMatch(/undefined|\[object|(?<!\\)<(?!https:\/\/[^\s>]+>)/);
  });
});

function fileAt(path: string): string | null {
  const file = join(root, PAGES, path);
  return existsSync(file) ? readFileSync(file, "utf8") : null;
}

describe("what the pages tell to type", () => {
  test.each(titled)("%s: the command line takes every line of it", (_, text) => {
    const lines = blocksIn(text, "sh").flatMap((block) =>
      [...block.replaceAll(/ \\\n\s*/g, " ").matchAll(/npm run --silent cli -- ([^\n)]+)/g)].map(
        ([, line = ""]) => line,
      ),
    );
    expect(lines.length).toBeGreaterThan(0);
    for (const line of lines) {
      const words = line.replaceAll("YOUR_ORG", "acme").match(/(?:'[^']*'|[^\s'])+/g) ?? [];
      const argv = words.map((word) => word.replaceAll("'", ""));
      const command = commands.find(({ name }) => line.startsWith(name));
      expect([line, command?.name]).toEqual([line, expect.any(String)]);
      refuseKeys(argv);
      if (command) parse(command, argv.slice(command.name.split(" ").length));
    }
  });
  test.each(titled.filter(([file]) => file !== "README.md"))(
    "%s: setup takes the example's shape and settings",
    (_, text) => {
      const section = `\n${text.split("\n## ").find((one) => one.startsWith("Set it up")) ?? ""}`;
      const paths = [...section.matchAll(/\$B\/YOUR_ORG\/([a-z0-9_-]+)\/setup/g)].map(([, path = ""]) => path);
      const bodies = blocksIn(section, "json").map((block): unknown => JSON.parse(block));
      const printed = [...section.matchAll(/printf '(.*)' "/g)].map(([, format = ""]): unknown =>
        JSON.parse(format.replace("%s", "e30=").replaceAll("%%", "%")),
      );
      const examples = [...bodies, ...printed];
      expect(examples.length).toBe(paths.length);
      for (const [index, example] of examples.entries()) {
        const entry = registry.byPath(paths[index] ?? "");
        const { metadata = {}, credential_name: name } = readBody(setupBody, example);
        if (entry === null) throw new Error(`${paths[index]} is no provider`);
        if (entry.custom) expect(name).toEqual(expect.any(String));
        const given = Object.keys(checkMetadata(registry, entry, metadata));
        expect(given).toEqual(
          expect.arrayContaining(entry.metadata.filter(({ required }) => required).map(({ name }) => name)),
        );
      }
    },
  );
});
