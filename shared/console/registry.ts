import type { IntegrationSummary, Provider, ProviderField, ProviderSetting } from "../client/answers.ts";
import { fits } from "./pattern.ts";
import { lowered } from "./words.ts";

/** A provider of the registry. */
export type Face = Provider;

/** Providers that are one to a customer, and several to the service: AWS by a role or by keys. */
export interface Family {
  /** What it is called, and its segment in an address. */
  name: string;
  segment: string;
  members: readonly Face[];
}

/** Whose credential it is, without the kind in brackets: `AWS (IAM role)` and `AWS (access key)` are both AWS. */
export function vendorOf(face: Face): string {
  return face.display_name.split(" (")[0] ?? face.display_name;
}

/** What tells a member of a family from the others. */
export function kindOf(face: Face): string {
  const kind = /\((.*)\)$/.exec(face.display_name)?.[1] ?? face.display_name;
  return kind.charAt(0).toUpperCase() + kind.slice(1);
}

/** The family of a provider; one of its own where it stands alone. */
export function familyOf(faces: readonly Face[], face: Face): Family {
  const { family } = face;
  if (family === null) return { name: face.display_name, segment: face.path, members: [face] };
  return { name: vendorOf(face), segment: family, members: faces.filter((one) => one.family === family) };
}

/** What an address's segment means: a provider, by any of its names, and the code under which it is listed. */
export function findFace(faces: readonly Face[], segment: string): { face: Face; code: string } | null {
  if (segment.startsWith("custom-")) {
    const face = customFace(faces);
    return face === null ? null : { face, code: segment };
  }
  const face =
    faces.find(
      ({ path, aliases, code }) => path === segment || aliases.includes(segment) || code.toLowerCase() === segment,
    ) ?? faces.find((one) => familyOf(faces, one).segment === segment);
  return face === undefined ? null : { face, code: face.code };
}

/** The pattern of all custom subscriptions. */
export function customFace(faces: readonly Face[]): Face | null {
  return faces.find(({ path }) => path.startsWith("custom-")) ?? null;
}

/** Settings without which an account works and tells no costs: a form shows them at once. */
const forCosts = new Set(["billing_export_table", "billing_dataset"]);
/** Settings that are another name of one beside them. */
const otherNames = new Set(["billing_dataset_id"]);

export function isForCosts({ name }: ProviderSetting): boolean {
  return forCosts.has(name);
}

/** The settings that a form shows; another name of one only where something stands under it. */
export function settingsOf(face: Face, entered: Readonly<Record<string, unknown>> = {}): ProviderSetting[] {
  return face.metadata
    .filter(({ name }) => !otherNames.has(name) || entered[name] !== undefined)
    .map((one) =>
      // A subscription of a vendor that nobody knows has no currency of its own.
      one.name === "currency" && face.path.startsWith("custom-") ? { ...one, required: true } : one,
    );
}

/** Another provider, whose key the text clearly is. */
export function recognise(faces: readonly Face[], own: Face, text: string): Face | null {
  const isOf = (face: Face) => face.recognise.some((shape) => fits(shape, text));
  return isOf(own) ? null : (faces.find((face) => face !== own && isOf(face)) ?? null);
}

/** The segment under which an integration of the list is found. */
export function segmentOf(faces: readonly Face[], summary: Pick<IntegrationSummary, "provider">): string {
  return faces.find(({ code }) => code === summary.provider)?.path ?? summary.provider.toLowerCase();
}

/** Pasted text without what surrounds it by accident; the service repairs it the same way, this is for the form's checks. */
export function repaired(text: string): string {
  const trimmed = text
    .trim()
    .replace(/^(["'`])([\s\S]*)\1$/, "$2")
    .trim();
  return trimmed.replace(/^(?:authorization: *)?bearer +/i, "");
}

/** What is wrong with a field's value before anybody is asked; `null` where nothing is. */
export function fieldComplaint(field: ProviderField, provider: string, text: string): string | null {
  const value = repaired(text);
  if (value === "") return field.optional ? null : `${field.label} is needed.`;
  if (/\*{3}|[•…]/.test(value)) return `This is a masked value. Paste the whole ${lowered(field.label)}.`;
  if (field.kind !== "rsa_private_key" && /\s/.test(value))
    return "There is a space or a line break in it. Copy it again, whole and alone.";
  if (field.pattern !== null && !fits(field.pattern, value)) {
    const example = field.example === null ? "" : ` It looks like ${field.example}`;
    return `This does not have the shape of ${provider}’s ${lowered(field.label)}.${example}`;
  }
  return null;
}
