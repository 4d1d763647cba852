import { describe, expect, test } from "vitest";
import { checkMetadata } from "../../shared/registry/check-metadata.ts";
import { loadRegistry, RegistryError } from "../../shared/registry/load.ts";
import { publicFace } from "../../shared/registry/public-face.ts";
import { registry } from "./the-registry.ts";

const BASE = `providers:
  - code: BASE
    display_name: Base
    category: saas
    credential_type: none
    aliases: [basic]
    metadata:
      - { name: price, label: Price, kind: decimal, example: "1.00", required: true }
      - { name: currency, label: Currency, options: [EUR, USD], example: EUR }
    capabilities: [{ id: current }]
    pipelines: [{ id: saas.cost, all_of: [current] }]
    reasons: { ended: It has ended. }
    setup_help: [Look at the invoice.]
    cannot_know: [The price.]
    revalidate: { interval_hours: 48 }
`;
const other = (more: string) =>
  `${BASE}  - { code: OTHER, display_name: Other, category: saas, credential_type: none${more} }\n`;

function problemsOf(...texts: string[]): string[] {
  try {
    loadRegistry(texts.map((text, index) => ({ name: `file${index}.yml`, text })));
    return [];
  } catch (error) {
    if (!(error instanceof RegistryError)) throw error;
    return error.message.split("\n").slice(1);
  }
}
function load(...texts: string[]) {
  const entry = loadRegistry(texts.map((text, index) => ({ name: `file${index}.yml`, text }))).byCode("OTHER");
  if (entry === null) throw new Error("no OTHER");
  return entry;
}

describe("an entry that is like another", () => {
  test("takes over what it leaves out, and only that", () => {
    const base = loadRegistry([{ name: "a", text: BASE }]).byCode("BASE");
    const { metadata, capabilities, pipelines, remedies, reasons, setup_help, cannot_know } = base ?? {};
    expect(load(other(", like: BASE"))).toMatchObject({
      ...{ metadata, capabilities, pipelines, remedies, reasons, setup_help, cannot_know },
      code: "OTHER",
      display_name: "Other",
      aliases: [],
      revalidate: { interval_hours: 24 },
    });
    expect(load(other(", like: BASE, cannot_know: [Anything.], metadata: []"))).toMatchObject({
      cannot_know: ["Anything."],
      metadata: [],
      setup_help: ["Look at the invoice."],
    });
  });
  test("may require what the other leaves open, and changes nothing there", () => {
    const both = loadRegistry([{ name: "a", text: other(", like: BASE, requires: [currency]") }]);
    const required = (code: string) => both.byCode(code)?.metadata.map((one) => one.required);
    expect(required("OTHER")).toEqual([true, true]);
    expect(required("BASE")).toEqual([true, false]);
    const face = both.byCode("OTHER");
    expect(face && publicFace(face).metadata[1]).toMatchObject({ name: "currency", required: true });
  });
  test("may be like one that is like a third, and like one of an earlier file", () => {
    const third = "  - { code: THIRD, display_name: Third, category: saas, credential_type: none, like: OTHER }\n";
    const { entries } = loadRegistry([{ name: "a", text: other(", like: BASE") + third }]);
    expect(entries.map(({ pipelines }) => pipelines.length)).toEqual([1, 1, 1]);
    const extra =
      "providers:\n  - { code: OTHER, display_name: Other, category: saas, credential_type: none, like: BASE }\n";
    expect(load(BASE, extra).pipelines).toMatchObject([{ id: "saas.cost" }]);
  });
  test.each([
    [", like: NOBODY", /file0\.yml:16 providers\[1\]\.like: names no entry that stands above/],
    [", like: OTHER", /file0\.yml:16 providers\[1\]\.like: names no entry/],
    [", like: 7", /file0\.yml:16 providers\[1\]\.like: names no entry/],
    [", like: BASE, requires: [vat]", /file0\.yml:16 providers\[1\]\.requires\[0\]: `vat` is no setting/],
    [
      ", like: BASE, metadata: [], requires: [price]",
      /file0\.yml:16 providers\[1\]\.requires\[0\]: `price` is no setting/,
    ],
    [", like: BASE, capabilities: []", /file0\.yml:16 .*capability `current` is not declared/],
    [", like: BASE, fields: [{ name: api_key }]", /file0\.yml:16 providers\[1\]\.fields: must be left out/],
  ])("wrongly%s is told with its line", (more, problem) => {
    const problems = problemsOf(other(more));
    expect(problems).toHaveLength(1);
    expect(problems[0]).toMatch(problem);
  });
  test("must stand below it", () => {
    const text =
      BASE.replace("    reasons:", "    like: LATER\n    reasons:") +
      other("").split("\n").at(-2)?.replace("OTHER", "LATER");
    expect(problemsOf(text)).toEqual([expect.stringMatching(/file0\.yml:\d+ providers\[0\]\.like: names no entry/)]);
  });
  test("of what is wrong itself is one problem more, not a crash", () => {
    expect(problemsOf(other(", like: BASE").replace("kind: decimal", "kind: money"))).toHaveLength(2);
    expect(problemsOf("providers:\n  - \n  - like\n  - { like: }\n").length).toBeGreaterThan(0);
  });
});

describe("the subscriptions that ship", () => {
  const records = registry.entries.filter(({ credential_type }) => credential_type === "none");
  test("are recorded alike, and the templates require a currency", () => {
    expect(records).toHaveLength(12);
    const names = registry.custom?.metadata.map(({ name }) => name);
    for (const entry of records) {
      expect(
        entry.metadata.map(({ name }) => name),
        entry.code,
      ).toEqual(names);
      expect(entry.metadata.filter(({ required }) => required).map(({ name }) => name)).toEqual([
        "unit_price",
        "currency",
        "billing_cycle",
      ]);
      expect(
        entry.pipelines.map(({ id }) => id),
        entry.code,
      ).toEqual(["saas.subscription_cost"]);
      expect(entry.endpoints, entry.code).toEqual({});
    }
    expect(registry.custom?.metadata.filter(({ required }) => required).map(({ name }) => name)).toEqual([
      "unit_price",
      "billing_cycle",
    ]);
  });
  test("hold no price of anybody", () => {
    const texts = JSON.stringify([...records, registry.custom].map((entry) => ({ ...entry, metadata: [] })));
    expect(texts).not.toMatch(/[$€£]\s?\d|\d+[.,]\d\d\b/);
  });
  test("take every currency that is one, as the platform knows them", () => {
    const options = registry.custom?.metadata.find(({ name }) => name === "currency")?.options ?? [];
    const known = new Set(Intl.supportedValuesOf("currency"));
    // Not in the platform's list: the digital form of the Venezuelan bolívar, ISO 4217 since 2021.
    expect(options.filter((code) => !known.has(code))).toEqual(["VED"]);
    expect(options).toEqual([...new Set(options)].sort());
    for (const code of [
      "USD",
      "EUR",
      "GBP",
      "JPY",
      "CHF",
      "INR",
      "BRL",
      "CNY",
      "AUD",
      "CAD",
      "SEK",
      "PLN",
      "XOF",
      "XCG",
    ])
      expect(options).toContain(code);
    // Withdrawn: the guilders, the lev, the kuna, the convertible peso, the old leone, the old dollar. No tender: XDR, XSU.
    const others = ["ANG", "BGN", "CUC", "HRK", "SLL", "XDR", "XSU", "ZWL"];
    expect([...known].filter((code) => !options.includes(code) && !others.includes(code))).toEqual([]);
  });
  test("give examples that they would take themselves", () => {
    for (const entry of records)
      for (const { name, kind, example } of entry.metadata) {
        const value = kind === "integer" ? Number(example) : kind === "boolean" ? example === "true" : example;
        expect(checkMetadata(registry, entry, { [name]: value }), name).toEqual({ [name]: value });
      }
  });
});
