/*
 * A process that changes pairs by the whole protocol and writes a line for each change that was acknowledged.
 * START_AT=<ms> node writer.ts <database> <schemas> <acknowledgements> <count> <provider>…
 */
import { appendFileSync } from "node:fs";
import { openSqliteStore } from "../../../shared/adapters/local/sqlite-store.ts";
import { headColumns, T0, version } from "../../ports/stored-rows.ts";

const [file = "", schemasFolder = "", acknowledgements = "", count = "0", ...providers] = process.argv.slice(2);
// All of them open the file in the same millisecond, however long each took to start.
while (Date.now() < Number(process.env["START_AT"] ?? 0));
const store = openSqliteStore({ file, schemasFolder });

for (let made = 0; made < Number(count); ) {
  const pair = { org_slug: "acme", provider: providers[made % providers.length] ?? "" };
  const { head } = await store.readOpening(pair, { idempotencyKeyHash: null, eventId: null, now: T0 });
  if (!head) await store.placeHeads([pair], T0);
  const seq = head?.seq ?? 0;
  const next = version(pair, { seq: seq + 1, prev_event_id: head && seq > 0 ? head.event_id : null });
  await store.appendVersions([next]);
  const set = headColumns({ secret_event_id: next.event_id, credential_id: next.credential_id });
  if ((await store.advanceHead({ ...pair, expected_seq: seq, event_id: next.event_id, set })) === 0) continue;
  const { provider } = pair;
  appendFileSync(
    acknowledgements,
    `${JSON.stringify({ provider, seq: seq + 1, event: next.event_id, previous: next.prev_event_id })}\n`,
  );
  made += 1;
}
