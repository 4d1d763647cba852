import { randomUUID } from "node:crypto";
import { statements } from "../../shared/adapters/cloud/bigquery-store.ts";
import type { Head } from "../../shared/contract/rows.ts";
import type { CredentialStore, HeadChange, Pair } from "../../shared/ports/credential-store.ts";
import type { GrantStore, OrgKeyStore } from "../../shared/ports/key-registry.ts";
import { change, check, headColumns, hour, minute, T0, validation, verdict, version } from "../ports/stored-rows.ts";
import { datasets, project } from "./files.ts";

/*
 * A story that makes a store send each of its statements, with what the service sends them and with what is awkward:
 * quotes, other alphabets, empty and null, rows that are there twice, races that are lost.
 */

/** Every statement of the store in BigQuery, by name. */
export function everyStatement(): Record<string, string> {
  return statements({ project, ledgerDataset: datasets.integrations, viewsDataset: datasets.organizations });
}

type Store = CredentialStore & OrgKeyStore & GrantStore;

const acme: Pair = { org_slug: "acme", provider: "OPENAI" };
const custom: Pair = { org_slug: "acme", provider: "custom-größe-7".replace("ö", "o").replace("ß", "ss") };
const globex: Pair = { org_slug: "globex-2", provider: "GCP_SA" };

export async function tellStory(store: Store): Promise<void> {
  await store.readHead(acme);
  await store.readSealed(acme);
  await credentials(store);
  await races(store);
  await many(store);
  await looks(store);
  await sweeping(store);
  await registry(store);
}

/** Changes of every kind, one after the other. */
async function credentials(store: Store): Promise<void> {
  const first = await change(store, acme, { head: { secret_event_id: null } });
  await change(store, acme, {
    version: { op: "update", changed_at: minute(1) },
    head: { credential_name: 'it\'s "7" \\ `x` 🗝️' },
  });
  await change(store, acme, {
    version: { op: "disable", changed_at: minute(2), metadata: { nested: { list: [1, 2.5, "two", null, true] } } },
    head: { enabled: false, metadata: { nested: { list: [1, 2.5, "two", null, true] } } },
  });
  await change(store, acme, { version: { op: "enable", changed_at: minute(3) }, head: { enabled: true } });
  await change(store, acme, {
    version: {
      op: "rotate",
      changed_at: minute(4),
      key_version: "2",
      idempotency_key_hash: "k1",
      idempotency_body_hash: "b1",
      result: { status: 200, body: { validation_status: "VALID" }, etag: '"v5"' },
    },
    head: { key_version: "2", fingerprint: "89abcdef", expires_at: hour(50), expires_at_declared: hour(60) },
  });
  await change(store, custom, {
    version: {
      encrypted_credential: null,
      credential_type: "none",
      key_version: null,
      fingerprint: null,
      credential_name: "",
    },
    head: {
      credential_type: "none",
      key_version: null,
      fingerprint: null,
      metadata: {},
      verdict: null,
      next_due_at: null,
    },
  });
  await change(store, globex, { head: { fingerprint: "89abcdef", created_at: minute(7), next_due_at: minute(30) } });
  await change(store, globex, {
    version: { op: "schedule", changed_at: minute(8) },
    head: { deactivation_scheduled_at: hour(3) },
  });
  if (first.seq !== 1) throw new Error("the story begins in an empty store");
}

/** What two writers leave behind. */
async function races(store: Store): Promise<void> {
  const before = await must(store, acme);
  const lost = version(acme, { seq: before.seq, prev_event_id: null, changed_at: minute(9) });
  await store.appendVersions([lost]);
  const set: HeadChange["set"] = { op: "update", credential_name: "too late", updated_at: minute(9) };
  await store.advanceHead({ ...acme, expected_seq: before.seq - 1, event_id: lost.event_id, set });
  const twice = version(acme, {
    seq: before.seq + 1,
    prev_event_id: before.event_id,
    op: "update",
    encrypted_credential: null,
    credential_id: before.credential_id,
    changed_at: minute(10),
  });
  await store.appendVersions([twice]);
  await store.appendVersions([twice]);
  await store.advanceHead({
    ...acme,
    expected_seq: before.seq,
    event_id: twice.event_id,
    set: { ...set, expires_at: null },
  });
  await store.placeHeads([acme, globex], minute(11));
  await store.readOpening(acme, { idempotencyKeyHash: null, eventId: twice.event_id, now: minute(11) });
  await store.readOpening(acme, { idempotencyKeyHash: "k1", eventId: lost.event_id, now: minute(11) });
  await store.readOpening(globex, { idempotencyKeyHash: "k1", eventId: null, now: minute(11) });
}

/** An import: several pairs in one statement. */
async function many(store: Store): Promise<void> {
  const pairs = ["ANTHROPIC", "GEMINI", "DEEPSEEK"].map((provider) => ({ org_slug: "acme", provider }));
  await store.placeHeads(pairs, minute(12));
  const versions = pairs.map((pair) =>
    version(pair, {
      seq: 1,
      prev_event_id: null,
      changed_at: minute(12),
      idempotency_key_hash: "k2",
      idempotency_body_hash: "b2",
    }),
  );
  await store.appendVersions(versions);
  await store.advanceHeads(
    versions.map(({ event_id, credential_id, org_slug, provider }, place) => ({
      org_slug,
      provider,
      expected_seq: place === 2 ? 7 : 0,
      event_id,
      set: headColumns({
        credential_id,
        secret_event_id: event_id,
        created_at: minute(12 + place),
        next_due_at: minute(20 + place),
        fingerprint: `0000000${place}`,
        credential_name: `n${place}`,
      }),
    })),
  );
  await store.readOpenings(
    [...pairs, globex].map((pair, place) => ({
      ...pair,
      idempotencyKeyHash: "k2",
      eventId: versions[place]?.event_id ?? null,
    })),
    minute(13),
  );
}

/** What is asked without changing anything. */
async function looks(store: Store): Promise<void> {
  for (const pair of [acme, custom, globex, { org_slug: "nobody", provider: "OPENAI" }]) {
    await store.readHead(pair);
    await store.readSealed(pair);
  }
  await store.readHeads("acme");
  await store.readHeads("nobody");
  await store.readHolders("GCP_SA", "89abcdef");
  await store.readHolders("OPENAI", "0000000a");
  const page = await store.readHistory(acme, { limit: 3, before: null });
  await store.readHistory(acme, { limit: 3, before: page.next });
  await store.countByKeyVersion();
  const walk = await store.readSealedElsewhere({ keyVersion: "2", limit: 1, after: null });
  await store.readSealedElsewhere({ keyVersion: "2", limit: 5, after: walk.next });
}

/** Two sweeps: checks and their history, reports, deactivations, purge. */
async function sweeping(store: Store): Promise<void> {
  const heads = (await store.readHeads("acme")).heads.concat(await must(store, globex));
  const due = { now: hour(30), limit: 2, org: null, shard: null, after: null };
  const page = await store.readDue(due);
  await store.readDue({ ...due, after: page.next });
  await store.readDue({ ...due, org: "acme", shard: { index: 1, count: 3 } });
  await store.readDue({ ...due, now: T0 });
  const rows = heads.map((head, place) =>
    check(head, {
      checked_at: minute(40 + place),
      ...(place === 0
        ? {
            status: "INVALID" as const,
            error_code: "credential_rejected",
            next_due_at: null,
            verdict: verdict("rejected"),
          }
        : {}),
      ...(place === 1
        ? {
            status: null,
            failed: true,
            error_code: "provider_unreachable",
            verdict: verdict("unreachable"),
            seq: head.seq + 1,
          }
        : {}),
      ...(place === 2 ? { discovered_expires_at: hour(40), notified_days: 7 } : {}),
    }),
  );
  await store.appendValidations(
    rows.map(({ checked_at, verdict: said, status }, place) => {
      const head = heads[place];
      if (head === undefined) throw new Error("a check without a head");
      return validation(head, {
        checked_at,
        verdict: said,
        outcome: said.outcome,
        status: status ?? head.validation_status,
      });
    }),
  );
  await store.recordChecks(rows);
  await store.recordChecks(rows.slice(0, 1).map((row) => ({ ...row, checked_at: minute(5), status: "VALID" })));
  await store.readTaken(rows.map(({ credential_id, checked_at }) => ({ credential_id, checked_at })));
  const reported = heads[2];
  if (reported === undefined) throw new Error("nothing to report");
  await store.markReported(reported.credential_id, minute(50));
  await store.markReported(reported.credential_id, minute(51));
  await store.markReported(randomUUID(), minute(51));
  await store.recordChecks([check(reported, { checked_at: minute(49), next_due_at: hour(90) })]);
  await store.recordChecks([check(reported, { checked_at: minute(55), next_due_at: hour(91) })]);
  await store.readDueDeactivations(hour(2), 10, null);
  await store.readDueDeactivations(hour(4), 10, "globex-2");
  await change(store, globex, { version: { op: "delete", changed_at: hour(4) }, head: { next_due_at: null } });
  await store.purgeDeleted();
  await store.purgeDeleted();
  await store.purgeSuperseded(hour(20));
  await store.purgeSuperseded(hour(60));
  await store.readHistory(globex, { limit: 50, before: null });
  await store.readSealed(globex);
  await store.countByKeyVersion();
}

/** Organisation keys and grants. */
async function registry(store: Store): Promise<void> {
  const key = {
    key_id: "kid000000001",
    org_slug: "acme",
    environment: "test",
    scope: "manage" as const,
    name: "it's ours",
    key_hmac: Buffer.from([0, 255, 1, 254]),
    pepper_version: "1",
    legacy: false,
    created_at: T0,
    created_by: "operator:op",
    expires_at: null,
    revoked_at: null,
    revoked_by: null,
  };
  await store.addKey(key);
  await store.addKey(key);
  await store.addKey({
    ...key,
    key_id: "kid000000002",
    name: null,
    legacy: true,
    expires_at: hour(24),
    created_at: minute(1),
  });
  await store.findKey(key.key_id);
  await store.findKey("nobody");
  await store.revokeKey(key.key_id, hour(1), "operator:op");
  await store.revokeKey(key.key_id, hour(2), "operator:op");
  await store.listKeys("acme");
  const grant = {
    grant_id: "g1",
    subject: "113774321234567890123",
    org_slugs: ["acme", "globex-2"],
    providers: ["*"],
    created_at: T0,
    created_by: "operator:op",
    expires_at: hour(24 * 90),
    revoked_at: null,
    revoked_by: null,
  };
  await store.addGrant(grant);
  await store.addGrant(grant);
  await store.addGrant({
    ...grant,
    grant_id: "g2",
    org_slugs: ["acme"],
    providers: ["OPENAI", "GEMINI"],
    created_at: minute(1),
  });
  await store.grantsOf(grant.subject);
  await store.listGrants("globex-2");
  await store.revokeGrant("g1", hour(1), "operator:op");
  await store.listGrants(null);
}

async function must(store: Store, pair: Pair): Promise<Head> {
  const head = await store.readHead(pair);
  if (head === null) throw new Error("the story has lost a head");
  return head;
}
