import { generalMetadata } from "../../shared/registry/check-metadata.ts";
import type { Entry } from "../../shared/registry/entry.ts";
import { block, bullets, code, page, prose, table } from "./markdown.ts";
import { categoryWords, credentialWords, fileOf, NOTICE, pipelineReach, takesNothing, YOUR_ORG } from "./words.ts";

/** The way in: every provider by category, and what holds for all of them. */
export function indexPage(entries: readonly Entry[], custom: Entry | null): string {
  const categories = [...new Set(entries.map(({ category }) => category))];
  return page(
    NOTICE,
    "# Providers",
    "What can be connected, and what each connection can deliver. Each page tells everything that is needed to connect.",
    "A pipeline is a job that reads a provider on schedule, such as its costs of the day before. Which can run on a credential depends on its rights, so the pages say which to give it.",
    ...categories.flatMap((category) => [`## ${categoryWords[category]}`, providerTable(entries, category, custom)]),
    "## Before you start",
    `You need the address of the service and an organisation's API key with the scope ${code("manage")}. On your own machine, as the [README](../../README.md#run-it) says:`,
    block(
      "sh",
      [
        "npm start",
        "# in another terminal",
        "B=http://127.0.0.1:8000/api/v1/integrations",
        `export INTEGRATIONS_API_KEY=$(npm run --silent cli -- org-key create ${YOUR_ORG} --scope manage)`,
      ].join("\n"),
    ),
    `${code(YOUR_ORG)} is your organisation's slug. For a service that runs elsewhere, ${code("B")} and ${code("INTEGRATIONS_URL")} are its address, and its operator gives you the key.`,
    "## What happens at setup",
    bullets([
      "The credential's shape is checked before anybody is asked. What is wrong is told by field, with what to do.",
      "The provider is asked. Only what it has accepted is encrypted and stored; a refusal stores nothing.",
      `The answer says what the credential can do (${code("capabilities")}) and which pipelines can run on it (${code("pipelines")}). What is missing comes with a remedy.`,
      `It is asked again from time to time. ${code(`GET /${YOUR_ORG}`)} shows all connections at a glance.`,
    ]),
    "Later, from the terminal:",
    block(
      "sh",
      [
        `npm run --silent cli -- status ${YOUR_ORG}`,
        `npm run --silent cli -- validate ${YOUR_ORG} openai`,
        `npm run --silent cli -- rotate ${YOUR_ORG} openai --file new-key.txt`,
        `npm run --silent cli -- delete ${YOUR_ORG} openai --yes`,
      ].join("\n"),
    ),
    "Deleting here does not revoke a key at its provider: do that as well.",
    "## Settings that every provider takes",
    `They go into ${code("metadata")} beside the provider's own, are never secret, and are only for your own use.`,
    table(
      ["Setting", "What it is"],
      Object.entries(generalMetadata).map(([name, kind]) => [
        code(name),
        kind === "tags" ? "a list of up to 20 short texts" : "a text of up to 200 characters",
      ]),
    ),
    "## Reasons that any provider can have",
    table(["Reason", "What it means", "What to do"], [...COMMON_REASONS]),
  );
}

function providerTable(entries: readonly Entry[], category: Entry["category"], custom: Entry | null): string {
  const rows = entries
    .filter((entry) => entry.category === category)
    .map((entry) => [
      `[${prose(entry.display_name)}](${fileOf(entry)})`,
      credentialWords[entry.credential_type],
      deliveryOf(entry),
    ]);
  const own =
    custom !== null && custom.category === category
      ? [["[Any other subscription](subscriptions.md)", credentialWords.none, deliveryOf(custom)]]
      : [];
  return table(["Provider", "Credential", "What it can deliver"], [...rows, ...own]);
}

/** More pipelines than this are counted. */
const MOST_NAMED = 3;

/** What a connection is good for, in a cell. */
function deliveryOf(entry: Entry): string {
  const named = (reach: ReturnType<typeof pipelineReach>): string[] =>
    entry.pipelines.filter((one) => pipelineReach(entry, one) === reach).map(({ id }) => code(id));
  const [yes, unchecked] = [named("yes"), [...named("unchecked"), ...named("not_asked")]];
  if (yes.length > MOST_NAMED) return `${yes[0]} and ${yes.length - 1} more`;
  if (yes.length > 0) return yes.join(", ");
  if (unchecked.length > 0) return `${unchecked.join(", ")}, which the check cannot promise`;
  return takesNothing(entry) ? "a record" : "that the key works; no costs";
}

/** What no entry has to explain, since it is the same everywhere. */
const COMMON_REASONS: ReadonlyArray<readonly string[]> = [
  ["`timeout`", "The provider did not answer in time.", "Wait; it is asked again by itself."],
  [
    "`connection`",
    "No connection to the provider came about.",
    "Wait; if it stays, tell the operator of this service.",
  ],
  [
    "`unavailable`",
    "The provider says that it is out of order.",
    "Look at its status page; it is asked again by itself.",
  ],
  [
    "`unexpected_response`",
    "An answer that is not known, such as a proxy's page. It never counts against a credential.",
    "Validate again later; if it stays, tell the operator of this service.",
  ],
  ["`busy`", "Too many checks of this provider are under way here.", "Try again in a minute."],
  ["`internal`", "A fault of this service.", "Tell its operator."],
  [
    "`masked`",
    "What was pasted is a masked value, with dots or asterisks.",
    "Paste the whole credential, or leave it out to keep the stored one.",
  ],
  [
    "`other_provider`",
    "What was pasted looks like another provider's key.",
    "Set it up under the provider that the answer names.",
  ],
  [
    "`not_an_option`",
    "A field that takes only certain values has another.",
    "Choose one of those that the answer names.",
  ],
  ["`not_a_document`", "The credential should be a JSON key file, and is not.", "Send the file as it was downloaded."],
];
