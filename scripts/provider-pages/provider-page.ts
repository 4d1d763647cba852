import { pathOf } from "../../shared/registry/check.ts";
import type { Entry, Field } from "../../shared/registry/entry.ts";
import { block, bullets, code, either, page, prose, steps, table } from "./markdown.ts";
import { settingsTables, setupLines } from "./setup-lines.ts";
import { conditionInWords } from "./shape-in-words.ts";
import { verdicts } from "./verdicts.ts";
import {
  credentialWords,
  entryProse,
  fieldShape,
  hostsOf,
  isFoundOut,
  NOTICE,
  pipelineReach,
  type Reach,
  reachOf,
  snippetText,
  YOUR_ORG,
} from "./words.ts";

/** The page of one provider that takes a credential: all that a new user needs, from its registry entry alone. */
export function providerPage(entry: Entry): string {
  return page(
    NOTICE,
    `# ${entry.display_name}`,
    intro(entry),
    "## What it is good for",
    uses(entry),
    "## What it needs",
    needs(entry),
    "## Create it, with the fewest rights",
    creation(entry),
    "## Set it up",
    setupLines(entry),
    "## What each verdict means",
    verdicts(entry),
    "## How it is checked",
    checks(entry),
    "## What cannot be known",
    unknowns(entry),
    source(entry),
  );
}

function intro(entry: Entry): string {
  const names = [...new Set([pathOf(entry), ...entry.aliases, entry.code.toLowerCase()])];
  const family =
    entry.family === undefined
      ? ""
      : ` ${code(entry.family)} works too: it chooses by the shape of what you send, and later by what is configured.`;
  return page(
    `Credential: ${credentialWords[entry.credential_type]}. In paths it is called ${either(names.map(code))}, in answers ${code(entry.code)}.${family}`,
    "New here? [Before you start](README.md#before-you-start) says where to send this, and with which key of your own.",
  ).trimEnd();
}

function uses(entry: Entry): string {
  const pipelines = entry.pipelines.map((pipeline) => {
    const parts = [
      ...(pipeline.all_of.length > 0 ? [either(pipeline.all_of.map(code), "and")] : []),
      ...(pipeline.any_of.length > 0 ? [`at least one of ${either(pipeline.any_of.map(code), "and")}`] : []),
    ];
    const needed = parts.join("; ") || "nothing but a valid credential";
    return [code(pipeline.id), needed, PIPELINE_REACH[pipelineReach(entry, pipeline)]];
  });
  const capabilities = entry.capabilities.map((one) => {
    const reach = reachOf(entry, one.id);
    const isEverybodys = reach === "yes" && !isFoundOut(entry, one);
    const otherwise = reach === "yes" && !isEverybodys ? "the answer says what to do" : "-";
    return [
      code(one.id),
      prose(one.label ?? one.id),
      one.required ? "yes: without it the credential is refused" : "no",
      isEverybodys ? "yes: every key that works has it" : CAPABILITY_REACH[reach],
      one.remedy ? entryProse(entry, one.remedy) : reach === "not_asked" ? `see ${code("not_asked")} below` : otherwise,
    ];
  });
  const isHopeless = pipelines.length > 0 && entry.pipelines.every((one) => pipelineReach(entry, one) === "no");
  return page(
    isHopeless
      ? `${entry.display_name} lets no key read what a pipeline needs. Connecting proves that the key works, and watches that it goes on working.`
      : "What works is not always what can deliver costs. Every answer says which pipelines can run on yours, and what is missing.",
    pipelines.length > 0
      ? table(["Pipeline", "Capabilities that it needs", "Can it run?"], pipelines)
      : "No pipeline reads this provider yet.",
    capabilities.length > 0
      ? table(["Capability", "What it is", "Required?", "Can it be had?", "Where it is denied"], capabilities)
      : "",
  ).trimEnd();
}

const PIPELINE_REACH: Readonly<Record<Reach, string>> = {
  yes: "yes, with these capabilities",
  no: "no: the provider gives no key what it needs",
  not_asked: "not known: the check does not ask for all that it needs",
  unchecked: "not known: the check cannot tell",
};
const CAPABILITY_REACH: Readonly<Record<Reach, string>> = {
  yes: "yes; the check finds out",
  no: "no",
  not_asked: "not asked",
  unchecked: "the check cannot tell",
};

function needs(entry: Entry): string {
  const document = entry.document
    ? "The credential is the JSON key file as it was downloaded. It may be sent as an object, as text, or as base64. These are its members:"
    : "";
  const settings =
    entry.metadata.length > 0
      ? `Settings are no secrets and go into ${code("metadata")}. They can be changed without sending the credential again.`
      : `There are no settings of its own. The [general ones](README.md#settings-that-every-provider-takes) go into ${code("metadata")}.`;
  const fields = bullets(entry.fields.map((field) => fieldLine(entry, field)));
  return page(document, fields, settings, settingsTables(entry)).trimEnd();
}

function fieldLine(entry: Entry, field: Field): string {
  const { name, label, secret, optional, fixed, unique, example, help } = field;
  if (fixed !== undefined)
    return `${code(name)}: always ${code(fixed)}. ${optional ? "It may be left out." : "It must be there."}`;
  const kind = [secret ? "secret" : "not secret", optional ? "may be left out" : "required"].join(", ");
  const shape = fieldShape(field);
  const notes = [
    `**${prose(label ?? name)}** (${code(name)}), ${kind}. ${shape.charAt(0).toUpperCase()}${shape.slice(1)}`,
    ...(example === undefined ? [] : [`Example: ${code(example)}.`]),
    ...(help === undefined ? [] : [prose(help)]),
    ...(unique ? ["Refused where another organisation has stored the same one."] : []),
  ];
  const shapes = [
    ...field.warn.map((one) => ({ ...one, verb: "Taken with a warning" })),
    ...field.refuse.map((one) => ({ ...one, verb: "Refused" })),
  ].map(({ verb, pattern, reason }) => {
    const remedy = entryProse(entry, entry.reasons[reason] ?? reason);
    return `  - ${verb} where ${conditionInWords(pattern)}. ${remedy}`;
  });
  return [notes.join(" "), ...shapes].join("\n");
}

function creation(entry: Entry): string {
  const path = pathOf(entry);
  const snippets = entry.snippets.flatMap(({ title, language, text }) => [
    `### ${title}`,
    block(language, snippetText(entry, text)),
  ]);
  const ours = entry.snippets.some(({ text }) => /\{aws_(?:audience|subject)\}/.test(text));
  const placeholders = ours
    ? either([YOUR_ORG, "CLOUDACT_PROJECT", "CLOUDACT_SUBJECT"].map(code), "and")
    : code(YOUR_ORG);
  const note =
    snippets.length > 0
      ? [
          `The texts below are examples: where they hold ${placeholders}, yours have the real values. Take yours from ${code(`GET /${YOUR_ORG}/${path}/instructions`)}, in one of these ways:`,
          block(
            "sh",
            [
              `curl -s "$B/${YOUR_ORG}/${path}/instructions" -H "X-API-Key: $INTEGRATIONS_API_KEY"`,
              `npm run --silent cli -- instructions ${YOUR_ORG} ${path}`,
            ].join("\n"),
          ),
        ]
      : [];
  return page(steps(entry.setup_help.map((step) => entryProse(entry, step))), ...note, ...snippets).trimEnd();
}

function checks(entry: Entry): string {
  const { probe, cost, revalidate, rate_limit, timeout_ms, deadline_ms, confirm_after_ms, retry } = entry;
  const isRuled = probe !== undefined && !("protocol" in probe);
  const call = isRuled ? (probe.get ?? probe.post) : undefined;
  const url = call === undefined ? "" : `${entry.endpoints[call.endpoint] ?? ""}${call.path}`;
  const asked = isRuled
    ? `It asks one question: ${code(`${probe.post ? "POST" : "GET"} ${url}`)}.`
    : `It asks no other hosts than ${either(hostsOf(entry).map(code), "and")}: one question for each capability at most, at the same time where it can.${regionNote(entry)}`;
  const again = retry.max === 1 ? "once" : `${retry.max} times`;
  return bullets([
    asked,
    cost === "free"
      ? "Nothing that it asks is charged for."
      : "What it asks is charged for; it is asked on demand only.",
    `A check takes at most ${seconds(deadline_ms)}, one question at most ${seconds(timeout_ms)}. Where nobody answers, it is ${retry.max === 0 ? "not asked again" : `asked again ${again}`}.`,
    `A valid credential is checked again every ${revalidate.interval_hours === 1 ? "hour" : `${revalidate.interval_hours} hours`}. Where it is refused, it is asked once more after ${seconds(confirm_after_ms)} before its status changes.`,
    `Where ${entry.display_name} asks to wait and does not say how long, it waits ${rate_limit.retry_after_seconds} seconds.`,
    "INVALID and EXPIRED ones are not asked again until you change or validate them.",
  ]);
}

/** What the placeholders in the hosts of a provider in many regions stand for. */
function regionNote(entry: Entry): string {
  if (!hostsOf(entry).some((host) => host.includes("<region>"))) return "";
  return ` ${code("<region>")} is the credential's; the domain is that of the region's realm, ${code("oraclecloud.com")} for most.`;
}

function seconds(ms: number): string {
  return `${ms / 1_000} ${ms === 1_000 ? "second" : "seconds"}`;
}

function unknowns(entry: Entry): string {
  return entry.cannot_know.length > 0
    ? bullets(entry.cannot_know.map((text) => entryProse(entry, text)))
    : "Nothing is known to be hidden from a check.";
}

function source(entry: Entry): string {
  if (entry.docs === undefined) return "";
  return page("## Where this was read", `<${entry.docs.url}>, on ${entry.docs.read}.`).trimEnd();
}
