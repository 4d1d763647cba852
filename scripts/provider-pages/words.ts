import { awsAudience } from "../../shared/contract/names.ts";
import { pathOf } from "../../shared/registry/check.ts";
import type { Entry, Field, Setting } from "../../shared/registry/entry.ts";
import { render, type Values, valuesFor } from "../../shared/registry/render.ts";
import { anchor, code, either, prose } from "./markdown.ts";
import { shapeInWords } from "./shape-in-words.ts";

/** Stands on every page first. */
export const NOTICE =
  "<!-- Written by `npm run generate` from configs/system/providers.yml: change the texts there, not here. -->";

/** What a reader puts their own values in place of. */
export const YOUR_ORG = "YOUR_ORG";
const PLACEHOLDERS = { project: "CLOUDACT_PROJECT", subject: "CLOUDACT_SUBJECT" };

/** A snippet of the entry with placeholders where each organisation has its own values. */
export function snippetText(entry: Entry, text: string): string {
  const values: Values = valuesFor(entry, YOUR_ORG, PLACEHOLDERS);
  return render(text, values);
}

/** A text of the entry as Markdown; a snippet that it holds becomes a link to where that stands on the same page. */
export function entryProse(entry: Entry, text: string): string {
  const links: Record<string, string> = {
    org_slug: YOUR_ORG,
    aws_audience: awsAudience(PLACEHOLDERS, YOUR_ORG),
    aws_subject: PLACEHOLDERS.subject,
  };
  const parts = text.split(/(\{[a-z][a-z0-9_]*\})/);
  return parts
    .map((part) => {
      const name = /^\{(.+)\}$/.exec(part)?.[1] ?? "";
      const snippet = entry.snippets.find(({ id }) => id === name);
      if (snippet) return `[${prose(snippet.title)}](#${anchor(snippet.title)}).`;
      return prose(links[name] ?? part);
    })
    .join("")
    .replaceAll(/\)\.(?=[.,;)])/g, ")");
}

/** The file of an entry's page, from this folder. */
export function fileOf(entry: Entry): string {
  return takesNothing(entry) ? "subscriptions.md" : `${pathOf(entry)}.md`;
}

export function takesNothing(entry: Entry): boolean {
  return entry.credential_type === "none";
}

/** What kinds of credentials are called. */
export const credentialWords: Readonly<Record<Entry["credential_type"], string>> = {
  api_key: "API key",
  service_account: "service account key file",
  role_arn: "role ARN, no secret",
  access_key: "access key",
  service_principal: "service principal with a client secret",
  api_signing_key: "API signing key",
  none: "none, a record that you keep",
};

export const categoryWords: Readonly<Record<Entry["category"], string>> = {
  cloud: "Clouds",
  genai: "AI providers",
  saas: "Subscriptions",
};

/** What a field's value looks like, in words. */
export function fieldShape(field: Field): string {
  if (field.kind === "rsa_private_key") return "An RSA private key as PEM, 2048 to 4096 bits, without a passphrase.";
  if (field.options !== undefined) return `${optionWords(field.options)}.`;
  return `${patternWords(field.pattern, field.example)}.`;
}

/** What a setting's value is, in words. */
export function settingShape(setting: Omit<Setting, "items">): string {
  const { kind, min, max, options, pattern } = setting;
  if (options !== undefined) return optionWords(options);
  const range = rangeWords(min, max);
  switch (kind) {
    case "text":
      return pattern === undefined ? "a text" : patternWords(pattern, setting.example);
    case "date":
      return "a date, `YYYY-MM-DD`";
    case "decimal":
      return `a decimal number as text${range}`;
    case "integer":
      return `a whole number${range}`;
    case "boolean":
      return "`true` or `false`";
    case "list":
      return `a list${max === undefined ? "" : ` of at most ${max}`}`;
  }
}

function rangeWords(min: number | undefined, max: number | undefined): string {
  if (min !== undefined && max !== undefined) return `, ${min} to ${max}`;
  if (min !== undefined) return `, at least ${min}`;
  return max === undefined ? "" : `, at most ${max}`;
}

/** Lists longer than this are named by their ends. */
const MOST_OPTIONS = 60;

function optionWords(options: readonly string[]): string {
  const [first = "", last = ""] = [options[0], options.at(-1)];
  if (options.length > MOST_OPTIONS) return `one of ${options.length}, from ${code(first)} to ${code(last)}`;
  return options.length === 1 ? `always ${code(first)}` : `one of ${either(options.map(code))}`;
}

/** A shape of more steps than this is better shown than told. */
const MOST_STEPS = 3;

/** What a pattern asks for, in words where there are any and they help. */
function patternWords(pattern: string, example: string | undefined): string {
  const words = shapeInWords(pattern);
  const isLong = words === null || words.split(", then ").length > MOST_STEPS;
  if (isLong && example !== undefined) return "shaped like the example";
  return words ?? `fits the pattern ${code(pattern)}`;
}

/** How the registry writes a host of Oracle's, which stands for the same service in every region of every realm. */
const ONE_REGION = /\.us-ashburn-1\.oci\.oraclecloud\.com$/;

/** The hosts that a check may ask, in order, each once; `<region>` where there is one in every region. */
export function hostsOf(entry: Entry): string[] {
  const hosts = Object.values(entry.endpoints).map((url) => new URL(url).host);
  return [...new Set(hosts.map((host) => host.replace(ONE_REGION, ".<region>.oci.<realm's domain>")))];
}

/** Whether a key can be good for a pipeline at all: no, where what it needs is denied to every key. */
export type Reach = "yes" | "no" | "not_asked" | "unchecked";

/** Whether a check finds out about each key, so that some may have the capability and others not. */
export function isFoundOut(entry: Entry, { granted_when: condition }: Entry["capabilities"][number]): boolean {
  return condition !== undefined || (entry.probe !== undefined && "protocol" in entry.probe);
}

/** How far a capability can be had with the right key. */
export function reachOf(entry: Entry, id: string): Reach {
  const capability = entry.capabilities.find((one) => one.id === id);
  if (capability === undefined) return "unchecked";
  if (capability.reason === "not_asked") return "not_asked";
  if (isFoundOut(entry, capability) || takesNothing(entry)) return "yes";
  return capability.state === "granted" ? "yes" : capability.state === "denied" ? "no" : "unchecked";
}

/** How far a pipeline can run with the right key. */
export function pipelineReach(entry: Entry, pipeline: Entry["pipelines"][number]): Reach {
  const all = pipeline.all_of.map((id) => reachOf(entry, id));
  const any = pipeline.any_of.map((id) => reachOf(entry, id));
  if (all.includes("no") || (any.length > 0 && any.every((one) => one === "no"))) return "no";
  const anyHad = any.length === 0 || any.includes("yes");
  if (all.every((one) => one === "yes") && anyHad) return "yes";
  return all.includes("not_asked") || (!anyHad && any.includes("not_asked")) ? "not_asked" : "unchecked";
}

/** Whether this provider ever says that something has expired. */
export function tellsExpiry(entry: Entry): boolean {
  const { probe } = entry;
  const isRuled = probe !== undefined && !("protocol" in probe) && probe.rules.some((rule) => rule.then === "expired");
  return isRuled || entry.remedies.expired !== undefined;
}
