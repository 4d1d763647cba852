import { Fault } from "../../../shared/contract/fault.ts";
import type { Head } from "../../../shared/contract/rows.ts";
import { change, type Done, type Plan } from "../../../shared/operations/change.ts";
import type { Works } from "../../../shared/operations/works.ts";
import { entryOf } from "../../operations/bench.ts";
import { headColumns } from "../../ports/stored-rows.ts";

/** Changes as the operations make them: setup and delete are repeated after a lost race, rotate and rename are not. */
export const kinds = {
  setup: { repeats: true, plan: () => newCredential("setup") },
  rotate: { repeats: false, plan: () => newCredential("rotate") },
  rename: { repeats: false, plan: (head: Head | null) => settings(head, { op: "update", credential_name: "Renamed" }) },
  delete: { repeats: true, plan: (head: Head | null) => settings(head, { op: "delete", next_due_at: null }) },
} as const;
export type Kind = keyof typeof kinds;
export const kindNames: readonly Kind[] = ["setup", "rotate", "rename", "delete"];

function newCredential(op: "setup" | "rotate"): Plan {
  const set = headColumns({ op });
  const { credential_id, credential_type, key_version, fingerprint, credential_name, metadata } = set;
  const sealed = { credential_type, key_version, fingerprint, credential_name, metadata };
  const encrypted_credential = Buffer.from(credential_id);
  return { op, status: 200, body: { credential_id }, set, version: { credential_id, encrypted_credential, ...sealed } };
}

function settings(
  head: Head | null,
  set: { op: "update" | "delete"; credential_name?: string; next_due_at?: null },
): Plan {
  if (head === null || head.op === "delete") throw new Fault("not_configured");
  const { credential_id, credential_type, key_version, fingerprint, metadata } = head;
  const credential_name = set.credential_name ?? head.credential_name;
  const kept = { credential_id, credential_type, key_version, fingerprint, credential_name, metadata };
  return {
    op: set.op,
    status: 200,
    body: { credential_id },
    set,
    version: { ...kept, encrypted_credential: null },
  };
}

/** How a change ended: its answer or the fault's code, and the new credential that it tried to bring last. */
export interface Ended {
  kind: Kind;
  code: string;
  done: Done | null;
  brought: string | null;
}

/** The whole protocol for one integration, by the operations' own code. */
export async function write(works: Works, org: string, kind: Kind): Promise<Ended> {
  let brought: string | null = null;
  const request = {
    org,
    entry: entryOf("FAKE"),
    requestId: "00000000-0000-4000-8000-000000000001",
    actor: "kid000000001",
    idempotency: null,
    precondition: { ifMatch: null, createOnly: false },
    repeats: kinds[kind].repeats,
  };
  try {
    const done = await change({ ...works, inFlight: new Set() }, request, async (head) => {
      const plan = kinds[kind].plan(head);
      if (plan.version.encrypted_credential !== null) brought = plan.version.credential_id;
      return plan;
    });
    return { kind, code: "none", done, brought };
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    return { kind, code: error.code, done: null, brought };
  }
}
