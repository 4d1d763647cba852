import { awsAudience } from "../contract/names.ts";
import type { Entry } from "./entry.ts";

/** What stands for each placeholder in texts of the registry. */
export type Values = Readonly<Record<string, string>>;

/** The values for one organisation, the entry's rendered snippets by their id included. */
export function valuesFor(entry: Entry, org: string, federation: { project: string; subject: string }): Values {
  const values: Record<string, string> = {
    org_slug: org,
    aws_audience: awsAudience(federation, org),
    aws_subject: federation.subject,
  };
  for (const { id, text } of entry.snippets) values[id] = render(text, values);
  return values;
}

/** The text with every known `{placeholder}` replaced; any other brace stays, since JSON is full of them. */
export function render(text: string, values: Values): string {
  return text.replace(/\{([a-z][a-z0-9_]*)\}/g, (whole, name: string) =>
    Object.hasOwn(values, name) ? (values[name] ?? whole) : whole,
  );
}
