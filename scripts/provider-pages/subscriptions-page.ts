import { pathOf } from "../../shared/registry/check.ts";
import type { Entry } from "../../shared/registry/entry.ts";
import { bullets, code, either, page, prose, steps, table } from "./markdown.ts";
import { recordLines, settingsTables } from "./setup-lines.ts";
import { entryProse, NOTICE } from "./words.ts";

/** The one page of all subscriptions that nobody can be asked about: templates first, then those of one's own. */
export function subscriptionsPage(templates: readonly Entry[], custom: Entry | null): string {
  const all = [...templates, ...(custom === null ? [] : [custom])];
  const [first] = all;
  if (first === undefined) return "";
  return page(
    NOTICE,
    "# Subscriptions kept by hand",
    "Plans that no API reads, such as seats in a design tool. There is no key: you keep a record of plan, price and dates, and it counts among your costs. New here? [Before you start](README.md#before-you-start).",
    "## Which there are",
    table(
      ["Subscription", "In paths", "In answers"],
      [
        ...templates.map((entry) => [prose(entry.display_name), code(pathOf(entry)), code(entry.code)]),
        ...(custom === null
          ? []
          : [["Any other", "`custom-` and a name of your own, e.g. `custom-design-tool`", "the same"]]),
      ],
    ),
    custom === null ? "" : "A name of your own has up to 40 small letters, digits and inner hyphens.",
    "## What it is good for",
    table(
      ["Pipeline", "Needs"],
      pipelinesOf(all).map(([id, needs]) => [code(id), needs]),
    ),
    "## What to record",
    ...settingsOf(all),
    "Money is text, so that no cent is lost. Prices are yours to enter; none is known here.",
    "## Where to find it",
    steps(distinct(all.flatMap((entry) => entry.setup_help.map((text) => entryProse(entry, text))))),
    "## Set it up",
    recordLines(first, pathOf(first), null),
    ...(custom === null
      ? []
      : [
          "One of your own also needs a name to be listed by:",
          recordLines(custom, "custom-design-tool", "Design tool"),
        ]),
    "## What each verdict means",
    table(
      ["Status", "What it means", "What to do"],
      [
        [
          "`VALID`",
          "The record is complete and its term is not over.",
          "Nothing. Correct it when price, seats or dates change.",
        ],
        [
          "`PENDING`",
          `A required setting is missing, or it was stored with ${code("skip_validation")} and has not been checked yet.`,
          `Complete its ${code("metadata")}, or validate it.`,
        ],
        [
          "`EXPIRED`",
          "The recorded term is over: it counts from the day after.",
          "Enter the new dates, or delete the record.",
        ],
      ],
    ),
    "Nobody is asked, so there are neither outages nor limits. The status is worked out from the record whenever it is read.",
    table(
      ["Reason", "What to do"],
      distinctPairs(
        all.flatMap((entry) =>
          Object.entries(entry.reasons).map(([reason, text]): [string, string] => [
            code(reason),
            entryProse(entry, text),
          ]),
        ),
      ),
    ),
    "## What cannot be known",
    bullets(distinct(all.flatMap((entry) => entry.cannot_know.map((text) => entryProse(entry, text))))),
  );
}

/** What goes into the record: the settings of most, and how others differ where they do. */
function settingsOf(all: readonly Entry[]): string[] {
  const byShape = new Map<string, Entry[]>();
  for (const entry of all) {
    const shape = JSON.stringify(entry.metadata.map((setting) => ({ ...setting, required: null })));
    byShape.set(shape, [...(byShape.get(shape) ?? []), entry]);
  }
  return [...byShape.values()].flatMap((entries) => {
    const [shown, ...others] = entries;
    if (shown === undefined) return [];
    const differing = others.filter((entry) => namesRequired(entry).join() !== namesRequired(shown).join());
    const names = entries.length === all.length ? "All of them" : entries.map(nameOf).join(", ");
    return [
      `${names}, in ${code("metadata")}:`,
      settingsTables(shown),
      ...differing.map(
        (entry) => `For ${nameOf(entry)} only ${either(namesRequired(entry).map(code), "and")} are required.`,
      ),
    ];
  });
}

function namesRequired(entry: Entry): string[] {
  return entry.metadata.filter(({ required }) => required).map(({ name }) => name);
}

function nameOf(entry: Entry): string {
  return entry.custom ? "any other" : prose(entry.display_name);
}

function pipelinesOf(all: readonly Entry[]): Array<[string, string]> {
  const found = new Map<string, string>();
  for (const entry of all)
    for (const { id, all_of, any_of } of entry.pipelines) {
      const label = (capability: string): string =>
        `${prose(entry.capabilities.find((one) => one.id === capability)?.label ?? capability)} (${code(capability)})`;
      found.set(id, [...all_of, ...any_of].map(label).join(", "));
    }
  return [...found];
}

function distinct(texts: readonly string[]): string[] {
  return [...new Set(texts)];
}

function distinctPairs(pairs: ReadonlyArray<[string, string]>): string[][] {
  return [...new Map(pairs.map((pair) => [pair.join("\n"), [...pair]])).values()];
}
