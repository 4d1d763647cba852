import { randomBytes, randomUUID } from "node:crypto";
import type { Grant, Head, OrgKey } from "../../../shared/contract/rows.ts";
import { check, headColumns, hour, T0, validation, version } from "../../ports/stored-rows.ts";
import type { Store } from "./bigquery-bench.ts";

export const pair = { org_slug: "acme", provider: "OPENAI" };
export const nothing = { idempotencyKeyHash: null, eventId: null, now: T0 };

export function orgKey(changed: Partial<OrgKey> = {}): OrgKey {
  return {
    key_id: "k",
    org_slug: "acme",
    environment: "live",
    scope: "read",
    name: null,
    key_hmac: randomBytes(32),
    pepper_version: "1",
    legacy: false,
    created_at: T0,
    created_by: "o",
    expires_at: null,
    revoked_at: null,
    revoked_by: null,
    ...changed,
  };
}

export function grant(changed: Partial<Grant> = {}): Grant {
  return {
    grant_id: "g",
    subject: "s",
    org_slugs: ["acme"],
    providers: ["*"],
    created_at: T0,
    created_by: "o",
    expires_at: hour(1),
    revoked_at: null,
    revoked_by: null,
    ...changed,
  };
}

/** A call of every method, by the name of its statement, on a store that holds this head of `pair`. */
export function callsOf(store: Store, head: Head): Array<[string, () => Promise<unknown>]> {
  const many = Array.from({ length: 100 }, (_, index) => ({ org_slug: "acme", provider: `custom-${index}` }));
  const made = version(pair, { seq: head.seq + 1, prev_event_id: head.event_id });
  const set = headColumns();
  return [
    ["read_head", () => store.readHead(pair)],
    ["read_heads", () => store.readHeads("acme")],
    ["read_holders", () => store.readHolders("OPENAI", "0a1b2c3d")],
    ["read_sealed", () => store.readSealed(pair)],
    ["read_opening", () => store.readOpening(pair, { ...nothing, idempotencyKeyHash: "k", eventId: "e" })],
    [
      "read_openings",
      () =>
        store.readOpenings(
          many.map((one) => ({ ...one, idempotencyKeyHash: "k", eventId: "e" })),
          T0,
        ),
    ],
    ["place_heads", () => store.placeHeads(many, T0)],
    [
      "append_versions",
      () => store.appendVersions([made, ...many.map((one) => version(one, { seq: 1, prev_event_id: null }))]),
    ],
    ["advance_head", () => store.advanceHead({ ...pair, expected_seq: head.seq, event_id: made.event_id, set })],
    [
      "advance_heads",
      () => store.advanceHeads(many.map((one) => ({ ...one, expected_seq: 0, event_id: randomUUID(), set }))),
    ],
    ["read_history", () => store.readHistory(pair, { limit: 10, before: null })],
    ["read_due", () => store.readDue({ now: T0, limit: 10, org: null, shard: { index: 0, count: 2 }, after: null })],
    ["append_validations", () => store.appendValidations([validation(head), validation(head)])],
    ["record_checks", () => store.recordChecks([check(head), check(head, { credential_id: "other" })])],
    ["read_taken", () => store.readTaken([check(head), check(head, { credential_id: "other" })])],
    ["mark_reported", () => store.markReported(head.credential_id, T0)],
    ["read_due_deactivations", () => store.readDueDeactivations(T0, 10, null)],
    ["purge_deleted", () => store.purgeDeleted()],
    ["purge_superseded", () => store.purgeSuperseded(T0)],
    ["count_by_key_version", () => store.countByKeyVersion()],
    ["read_sealed_elsewhere", () => store.readSealedElsewhere({ keyVersion: "2", limit: 10, after: null })],
    ["add_key", () => store.addKey(orgKey())],
    ["find_key", () => store.findKey("k")],
    ["list_keys", () => store.listKeys("acme")],
    ["revoke_key", () => store.revokeKey("k", T0, "o")],
    ["add_grant", () => store.addGrant(grant())],
    ["grants_of", () => store.grantsOf("s")],
    ["list_grants", () => store.listGrants("acme")],
    ["revoke_grant", () => store.revokeGrant("g", T0, "o")],
  ];
}
