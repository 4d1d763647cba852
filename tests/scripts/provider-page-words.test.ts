import { describe, expect, test } from "vitest";
import { anchor, block, prose, table } from "../../scripts/provider-pages/markdown.ts";
import { conditionInWords, shapeInWords } from "../../scripts/provider-pages/shape-in-words.ts";
import { entryProse, pipelineReach, snippetText } from "../../scripts/provider-pages/words.ts";
import { providerPages } from "../../scripts/provider-pages.ts";
import { pattern } from "../../shared/registry/linear.ts";
import { loadRegistry, type Registry } from "../../shared/registry/load.ts";

describe("a pattern in words", () => {
  test.each([
    ["^sk-[A-Za-z0-9_-]{20,300}$", "`sk-`, then 20 to 300 letters, digits, `_` or `-`"],
    ["^AKIA[A-Z0-9]{16}$", "`AKIA`, then 16 capital letters or digits"],
    ["^[0-9a-f]{32}$", "32 hexadecimal digits"],
    ["^\\d{12}$", "12 digits"],
    ["^[\\x21-\\x7e]{8,8192}$", "8 to 8192 printable characters without spaces"],
    ["^AIza", "`AIza`, and whatever follows"],
    ["^[a-z][a-z0-9]*$", "one small letter, then any number of small letters or digits"],
    ["^a+$", "one or more `a`"],
    ["^x?[0-9]{1,}$", "`x` or nothing, then one or more digits"],
    ["^(?:AIza[A-Z]{3}|AQ\\.[a-z]{2,4})$", "`AIza`, then 3 capital letters; or `AQ.`, then 2 to 4 small letters"],
    ["^ex-(?:one|two)$", "`ex-`, then (`one` or `two`)"],
    ["^[A-Za-z0-9._~/?#-]{1,9}$", "1 to 9 letters, digits or any of `._~/?#-`"],
    [
      "^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$",
      "a UUID: 32 hexadecimal digits in groups of 8, 4, 4, 4 and 12",
    ],
  ])("%s: %s", (source, words) => {
    expect(shapeInWords(source)).toBe(words);
  });
  test.each(["[0-9]", "^[^a-z]$", "^a.b$", "^[b-k]{3}$", "^\\w+$", "^[2-7A-Z]+$", "^(a)$", "^a|$"])(
    "%s has none, rather than wrong ones",
    (source) => {
      expect(shapeInWords(source)).toBeNull();
      expect(pattern(source)).toBeInstanceOf(RegExp);
    },
  );
  test.each([
    ["^AIza", "it begins with `AIza`"],
    ["^sk-[a-z0-9]{32}$", "it is `sk-`, then 32 small letters or digits"],
    ["[^0-9a-fA-F-]", "it holds anything but hexadecimal digits or `-`"],
    ["^\\w+$", "it fits the pattern `^\\w+$`"],
  ])("as a condition, %s: where %s", (source, words) => {
    expect(conditionInWords(source)).toBe(words);
  });
});

describe("text as Markdown", () => {
  test.each([
    ["a*b*c [x](y) <script>", "a\\*b\\*c \\[x\\](y) \\<script>"],
    ["left `a*b <c>` alone", "left `a*b <c>` alone"],
    ["Secrets & more, &lt; too", "Secrets & more, &amp;lt; too"],
    ["two\nlines", "two lines"],
    ["Open console.x.ai, then", "Open [console.x.ai](https://console.x.ai), then"],
    [
      "Look at openrouter.ai/settings/keys.",
      "Look at [openrouter.ai/settings/keys](https://openrouter.ai/settings/keys).",
    ],
    ["See https://example.com.", "See [example.com](https://example.com)."],
    [
      "cloudact@p.iam.gserviceaccount.com and bigquery.googleapis.com",
      "cloudact@p.iam.gserviceaccount.com and bigquery.googleapis.com",
    ],
    ["pipeline genai.payg_usage of accounts.google.com", "pipeline genai.payg_usage of accounts.google.com"],
  ])("%s", (text, markdown) => {
    expect(prose(text)).toBe(markdown);
  });
  test("a cell holds its `|`, in code too", () => {
    expect(table(["a"], [["x|y `p|q`"]])).toBe("| a |\n| --- |\n| x\\|y `p\\|q` |");
  });
  test("a fence is longer than any inside", () => {
    expect(block("text", "```\nx\n```\n")).toBe("````text\n```\nx\n```\n````");
  });
  test("a heading's fragment is GitHub's", () => {
    expect(anchor("Trust policy (paste it), for `role`")).toBe("trust-policy-paste-it-for-role");
  });
});

/** A registry of one entry, with what is given here beside what an entry needs. */
function registryWith(more: string, rules = "[{ status: 401, at: code, equals: old, then: expired }]"): Registry {
  const text = `
providers:
  - code: EXAMPLE
    display_name: Example
    category: genai
    credential_type: api_key
    fields: [{ name: api_key, example: "ex_…", pattern: "^ex_[a-z|]{3,9}$" }]
    endpoints: { api: "https://api.example.com" }
    probe:
      get: { endpoint: api, path: /v1/me, headers: { authorization: "Bearer {api_key}" } }
      success: { status: 200, has: id }
      rules: ${rules}
${more}`;
  return loadRegistry([{ name: "test", text }]);
}

describe("a page of an entry", () => {
  const { entries, custom } = registryWith(`
    snippets:
      - { id: policy, title: The policy, language: json, text: '{"org": "{org_slug}", "aud": "{aws_audience}"}' }
      - { id: both, title: Both, language: bash, text: "echo '{policy}'" }
    reasons: { narrow: "Install this for {org_slug}: {policy} Then try <again> | once." }
    capabilities: [{ id: cost_read, required: true, remedy: "Use {policy}" }]
    pipelines: [{ id: genai.payg_usage, all_of: [cost_read] }]
    setup_help: ["Run {both}"]
    metadata: [{ name: region, label: Region, example: "it's me", required: true }]
`);
  const [entry] = entries;
  const page = providerPages({ ...registryWith(""), entries, custom }).get("example.md") ?? "";

  test("a snippet in a text is a link to it, and stands rendered with placeholders of the reader's", () => {
    expect(page).toContain("Install this for YOUR_ORG: [The policy](#the-policy). Then try \\<again> \\| once.");
    expect(page).toContain('{"org": "YOUR_ORG", "aud": "cloudact-integrations:CLOUDACT_PROJECT:YOUR_ORG"}');
    expect(page).toContain("1. Run [Both](#both).");
    if (entry) {
      expect(entryProse(entry, "Use {policy}.")).toBe("Use [The policy](#the-policy).");
      expect(snippetText(entry, "{both}")).toContain('echo \'{"org": "YOUR_ORG"');
    }
  });
  test("tells what is asked, what it costs, and where the fields go", () => {
    expect(page).toContain("It asks one question: `GET https://api.example.com/v1/me`.");
    expect(page).toContain("Nothing that it asks is charged for.");
    expect(page).toContain("`ex_`, then 3 to 9 small letters or `|`");
  });
  test("quotes what a shell would not leave whole", () => {
    expect(page).toContain("--metadata 'region=it'\\''s me'");
  });
  test("says EXPIRED only where the provider does, and that a required capability counts", () => {
    expect(page).toContain("Example has said that the credential has expired.");
    expect(page).toContain("or a required capability is denied");
    const silent = providerPages(registryWith("    rate_limit: {}", "[]")).get("example.md");
    expect(silent).toContain("Example does not tell an expired credential from a refused one");
    expect(silent).not.toContain("or a required capability is denied");
  });
});

describe("whether a pipeline can run", () => {
  const reachWith = (capabilities: string, needs: string): string | null => {
    const [entry] = registryWith(
      `    capabilities: ${capabilities}\n    pipelines: [{ id: genai.payg_usage, ${needs} }]`,
    ).entries;
    const [pipeline] = entry?.pipelines ?? [];
    return entry && pipeline ? pipelineReach(entry, pipeline) : null;
  };
  test.each([
    ["what all keys have", "[{ id: a, state: granted }]", "all_of: [a]", "yes"],
    ["what the answer tells", "[{ id: a, granted_when: { at: x } }]", "all_of: [a]", "yes"],
    ["what no key has", "[{ id: a, state: denied }]", "all_of: [a]", "no"],
    [
      "one of two, neither of which a key has",
      "[{ id: a, state: denied }, { id: b, state: denied }]",
      "any_of: [a, b]",
      "no",
    ],
    ["one of two", "[{ id: a, state: denied }, { id: b, state: granted }]", "any_of: [a, b]", "yes"],
    ["what nobody asks for", "[{ id: a }]", "all_of: [a]", "unchecked"],
    ["nothing", "[{ id: a }]", "all_of: []", "yes"],
    ["what a check leaves out", "[{ id: a, reason: not_asked }]", "all_of: [a]", "not_asked"],
    [
      "one of two, the other left out",
      "[{ id: a, reason: not_asked }, { id: b, state: granted }]",
      "any_of: [a, b]",
      "yes",
    ],
    [
      "one of two, of which one is left out",
      "[{ id: a, reason: not_asked }, { id: b, state: denied }]",
      "any_of: [a, b]",
      "not_asked",
    ],
    [
      "what a check leaves out and what no key has",
      "[{ id: a, reason: not_asked }, { id: b, state: denied }]",
      "all_of: [a, b]",
      "no",
    ],
  ])("that needs %s", (_, capabilities, needs, reach) => {
    expect(reachWith(capabilities, needs)).toBe(reach);
  });
});
