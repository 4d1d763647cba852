import type { Fault, FieldError } from "../contract/fault.ts";
import type { Status } from "../contract/verdict.ts";
import type { OlderCredential } from "../ports/older-credentials.ts";
import type { Choice, Skip } from "./migrate-choose.ts";
import type { Settings } from "./migrate-read.ts";

/** What has become of one row of the older table. Holds no value of it but identifiers, checked to be such. */
export interface Migrated {
  org_slug: string | null;
  provider: string | null;
  /** As the older table has it. */
  old_credential_id: string | null;
  outcome: "taken_over" | "would_take_over" | "skipped" | "failed";
  /** Why it was skipped, or what is wrong. */
  code?: string;
  message?: string;
  errors?: FieldError[];
  remedy?: string;
  credential_id?: string;
  fingerprint?: string;
  status?: Status;
  /** Settings that were left behind, by name. */
  settings_dropped?: string[];
  /** Settings whose value does not fit. */
  settings_refused?: FieldError[];
  /** Whether its name was replaced by the default one. */
  renamed?: boolean;
}

/** Of a row only what has the form of an identifier is told. */
export function lineOf(
  row: OlderCredential,
  org: string | null,
  provider: string | null,
  outcome: Migrated["outcome"],
): Migrated {
  return { org_slug: org, provider, old_credential_id: idOf(row.credential_id), outcome };
}

/** A UUID, or a short name with a number: nothing that a secret could be. */
function idOf(text: string | null): string | null {
  return text !== null && /^(?:[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|[a-z]{2,12}[_-]\d{1,12})$/i.test(text)
    ? text
    : null;
}

function wordOf(text: string | null): string | null {
  return text !== null && /^[A-Za-z][A-Za-z_-]{0,40}$/.test(text) ? text : null;
}

/** The lines of rows that nothing is done with. */
export function leftLines({ skipped, refused }: Choice): Migrated[] {
  return [
    ...skipped.map(({ row, org, provider, why }) => ({ ...lineOf(row, org, provider, "skipped"), code: why })),
    ...refused.map(({ row, why }) => ({
      ...lineOf(row, why === "provider_unknown" ? row.org_slug : null, wordOf(row.provider), "failed"),
      code: why,
      message:
        why === "provider_unknown" ? "Its provider is not in the registry" : "Its organisation is not a valid slug",
    })),
  ];
}

/** Notes why a row could not be taken over, in our words. */
export function fail(line: Migrated, fault: Fault): void {
  const { errors, remedy } = fault.details;
  Object.assign(line, {
    outcome: "failed",
    code: fault.code,
    message: fault.message,
    ...(errors ? { errors } : {}),
    ...(remedy ? { remedy } : {}),
  });
}

/** What is told beside a row that is taken over. */
export function notesOf({ dropped, nameless, refused }: Settings, renamed: boolean): Partial<Migrated> {
  const names = [...dropped, ...(nameless > 0 ? [`${nameless} more`] : [])];
  return {
    ...(names.length > 0 ? { settings_dropped: names } : {}),
    ...(refused.length > 0 ? { settings_refused: refused } : {}),
    ...(renamed ? { renamed } : {}),
  };
}

/** Notes that a row is left where it is although nothing is wrong with it. */
export function skip(line: Migrated, code: Skip): void {
  Object.assign(line, { outcome: "skipped", code });
  delete line.credential_id;
  delete line.fingerprint;
}
