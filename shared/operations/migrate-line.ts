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
  /** Columns whose time cannot be read: it is taken over without them. */
  times_dropped?: string[];
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
export function notesOf(
  { dropped, nameless, refused }: Settings,
  unread: readonly string[],
  renamed: boolean,
): Partial<Migrated> {
  const names = [...dropped, ...(nameless > 0 ? [`${nameless} more`] : [])];
  return {
    ...(names.length > 0 ? { settings_dropped: names } : {}),
    ...(refused.length > 0 ? { settings_refused: refused } : {}),
    ...(unread.length > 0 ? { times_dropped: [...unread] } : {}),
    ...(renamed ? { renamed } : {}),
  };
}

/** Notes that a row is left where it is although nothing is wrong with it. */
export function skip(line: Migrated, code: Skip): void {
  withdraw(line);
  Object.assign(line, { outcome: "skipped", code });
}

const refusals = {
  newer_unopened: {
    message: "A newer active row failed that may hold this provider's credential",
    remedy: "Run this again when that row opens; one that never will: set its is_active to FALSE in the older table",
  },
  created_at_unreadable: {
    message: "Several active rows of this provider, of which one says no readable time of creation",
    remedy: "Write created_at as a time, or set is_active to FALSE in all but the right one, then run this again",
  },
  deactivation_unreadable: {
    message: "When it is to be deactivated cannot be read as a time",
    remedy: "Write deactivation_scheduled_at as a time, or NULL for never, then run this again",
  },
  conflict: {
    message: "Another organisation of the older table has the same one, which may belong to one only",
    remedy: "Ask this organisation to create one of its own and to set it up here",
  },
} as const;

/** Notes that a row is not taken over for what stands beside it, or for a time that cannot be read. */
export function refuse(line: Migrated, code: keyof typeof refusals): void {
  withdraw(line);
  Object.assign(line, { outcome: "failed", code, ...refusals[code] });
}

/** Forgets what was planned. */
function withdraw(line: Migrated): void {
  delete line.credential_id;
  delete line.fingerprint;
  delete line.status;
  delete line.settings_dropped;
  delete line.settings_refused;
  delete line.times_dropped;
  delete line.renamed;
}
