import { Fault } from "../contract/fault.ts";
import { type Precondition, unconditional } from "../contract/precondition.ts";
import type { Head } from "../contract/rows.ts";
import { timestamp } from "../ports/clock.ts";
import { type ChangeRequest, change, configuredHead, type Done, type Plan, requirePrecondition } from "./change.ts";
import { requireFuture } from "./schedule.ts";
import type { Requester, Subject, Works } from "./works.ts";

export interface RemoveRequest extends Subject, Requester {
  /** When to delete; `null` means now. */
  at: string | null;
  precondition: Precondition;
}

/**
 * Deletes an integration now, or schedules it. Its ciphertext goes at the next sweep, its history stays.
 *
 * @throws Fault `not_configured`, whatever version is named: who repeats a deletion learns that it is done;
 * `precondition_failed`, `request_malformed` (a time in the past or more than a year ahead)
 */
export async function remove(works: Works, request: RemoveRequest): Promise<Done> {
  requireFuture("query:deactivation_scheduled_at", request.at, works.clock.now(), 1);
  const asked = { ...request, precondition: unconditional, idempotency: null, repeats: true };
  return await change(works, asked, async (found) => {
    const head = configuredHead(found, works, request.entry);
    requirePrecondition(head, request, timestamp(works.clock.now()));
    return request.at === null ? deletion(works, head) : schedule(works, head, request.at);
  });
}

/** Deletes a pair whose scheduled time has passed, if it is still scheduled so. @returns false where that has changed meanwhile */
export async function removeDue(
  works: Works,
  request: Requester & Pick<ChangeRequest, "org" | "entry">,
): Promise<boolean> {
  try {
    await change(works, { ...request, idempotency: null, precondition: unconditional, repeats: true }, async (head) => {
      const due =
        head !== null &&
        head.seq > 0 &&
        head.op !== "delete" &&
        head.deactivation_scheduled_at !== null &&
        head.deactivation_scheduled_at <= timestamp(works.clock.now());
      if (!due) throw new Fault("not_configured");
      return deletion(works, head);
    });
    return true;
  } catch (error) {
    if (error instanceof Fault && error.code === "not_configured") return false;
    throw error;
  }
}

function deletion(works: Works, head: Head): Plan {
  return {
    op: "delete",
    status: 200,
    body: { success: true, message: "Integration deleted successfully" },
    set: { op: "delete", next_due_at: null, updated_at: timestamp(works.clock.now()) },
    version: sameCredential(head),
  };
}

function schedule(works: Works, head: Head, at: string): Plan {
  return {
    op: "schedule",
    status: 202,
    body: { success: true, message: "Deletion scheduled", deactivation_scheduled_at: at },
    set: { op: "schedule", deactivation_scheduled_at: at, updated_at: timestamp(works.clock.now()) },
    version: sameCredential(head),
  };
}

function sameCredential(head: Head): Plan["version"] {
  const { credential_id, credential_type, key_version, fingerprint, credential_name, metadata } = head;
  return {
    credential_id,
    credential_type,
    encrypted_credential: null,
    key_version,
    fingerprint,
    credential_name,
    metadata,
  };
}
