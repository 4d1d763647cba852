import type { Query } from "@google-cloud/bigquery";
import { describe, expect, test } from "vitest";
import { cas, HEADS, INSERT, insert, KEYS, PATIENT, read, type Seen, useBigQuery } from "./bench.ts";
import type { Kind } from "./statement.ts";

const bench = useBigQuery();
const { ask, headsOf } = bench;

describe("statements held between their snapshot and their commit", () => {
  /** The next statement of that kind is sent and stopped there; `end` lets it go on and tells what came of it. */
  async function held(kind: Kind, query: Query): Promise<{ end(): Promise<Seen> }> {
    const hold = bench.sim.faults.hold({ kind });
    const asked = ask(query);
    await hold.arrived;
    return {
      async end() {
        hold.release();
        await hold.done;
        return asked;
      },
    };
  }

  test("two UPDATEs that compare and set: the one held first finds the row changed, and only one is acknowledged", async () => {
    await ask(insert("acme", 0, "e0"));
    const first = await held("UPDATE", cas("acme", 0, "first"));
    expect(await ask(cas("acme", 0, "second"))).toMatchObject({ affected: 1 });
    expect(await first.end()).toMatchObject({ affected: 0 });
    expect(await headsOf("acme")).toMatchObject([{ seq: 1, event_id: "second" }]);
  });

  test("two UPDATEs held at once: whichever commits first is the only one acknowledged", async () => {
    await ask(insert("acme", 0, "e0"));
    const first = await held("UPDATE", cas("acme", 0, "first"));
    const second = await held("UPDATE", cas("acme", 0, "second"));
    expect(await second.end()).toMatchObject({ affected: 1 });
    expect(await first.end()).toMatchObject({ affected: 0 });
    expect(await headsOf("acme")).toMatchObject([{ event_id: "second" }]);
  });

  test("a change of another row of the table is a conflict too: the statement runs anew and succeeds", async () => {
    await ask(insert("acme", 0, "e0"));
    await ask(insert("globex", 0, "e0"));
    const first = await held("UPDATE", cas("acme", 0, "first"));
    expect(await ask(cas("globex", 0, "other"))).toMatchObject({ affected: 1 });
    await ask(insert("acme", 0, "late")); // seen by the second run, which takes the table as it is
    expect(await first.end()).toMatchObject({ affected: 2 });
  });

  test("an UPDATE does not see rows that were inserted after its snapshot, and they are there afterwards", async () => {
    await ask(insert("acme", 0, "e0"));
    const first = await held("UPDATE", cas("acme", 0, "first"));
    expect(await ask(insert("acme", 0, "late"))).toMatchObject({ affected: 1 });
    expect(await ask(insert("acme", 9, "later"))).toMatchObject({ affected: 1 });
    expect(await first.end()).toMatchObject({ affected: 1 });
    expect(await headsOf("acme")).toMatchObject([{ event_id: "late" }, { event_id: "first" }, { event_id: "later" }]);
  });

  test("an UPDATE that changed nothing is no conflict for one that is held", async () => {
    await ask(insert("acme", 0, "e0"));
    const first = await held("UPDATE", cas("acme", 0, "first"));
    expect(await ask(cas("acme", 7, "none"))).toMatchObject({ affected: 0 });
    await ask(insert("acme", 5, "late"));
    expect(await first.end()).toMatchObject({ affected: 1 }); // MAX(seq) as it was at its snapshot
  });

  test("an UPDATE reads other tables as they were at its snapshot", async () => {
    await ask(insert("acme", 0, "e0"));
    const query = `UPDATE ${HEADS} SET consecutive_failures = (SELECT COUNT(*) FROM ${KEYS}) WHERE org_slug = @org`;
    const first = await held("UPDATE", { query, params: { org: "acme" } });
    await bench.sim.admin(
      "INSERT INTO `integrations.org_keys` SELECT 'k', 'o', 'live', 'read', 'n', FROM_BASE64(''), '1', FALSE, CURRENT_TIMESTAMP(), 'k', NULL, NULL, NULL",
    );
    expect(await first.end()).toMatchObject({ affected: 1 });
    expect(await bench.sim.admin("SELECT consecutive_failures AS n FROM `integrations.heads`")).toEqual([{ n: 0 }]);
    expect(await bench.sim.admin("SELECT COUNT(*) AS n FROM `integrations.org_keys`")).toEqual([{ n: 1 }]);
  });

  test("a DELETE that conflicts runs anew; one that does not spares what was inserted since", async () => {
    const remove: Query = { query: `DELETE FROM ${HEADS} WHERE org_slug = @org`, params: { org: "acme" } };
    await ask(insert("acme", 0, "e0"));
    const first = await held("DELETE", remove);
    await ask(insert("acme", 0, "late"));
    expect(await first.end()).toMatchObject({ affected: 1 });
    expect(await headsOf("acme")).toMatchObject([{ event_id: "late" }]);
    const second = await held("DELETE", remove);
    await ask(cas("acme", 0, "changed"));
    await ask(insert("acme", 0, "later"));
    expect(await second.end()).toMatchObject({ affected: 2 });
    expect(await headsOf("acme")).toEqual([]);
  });

  test("INSERT … WHERE MAX(seq) = @n is broken: two writers who expect the same are both acknowledged", async () => {
    const append = (event: string): Query => ({
      query: `${INSERT.replace("@seq", "@seq + 1")} FROM (SELECT MAX(seq) AS last FROM ${HEADS} WHERE org_slug = @org) WHERE last = @seq`,
      params: { org: "acme", seq: 0, event },
    });
    await ask(insert("acme", 0, "e0"));
    const first = await held("INSERT", append("first"));
    expect(await ask(append("second"))).toMatchObject({ affected: 1 });
    expect(await first.end()).toMatchObject({ affected: 1 });
    expect(await headsOf("acme")).toMatchObject([{ seq: 0 }, { seq: 1 }, { seq: 1 }]);
    expect(await ask(append("third"))).toMatchObject({ affected: 0 }); // one after the other it would have held
  });

  test("an INSERT conflicts with nothing: it writes what it evaluated, whatever has changed since", async () => {
    await ask(insert("acme", 0, "e0"));
    const copy = `${INSERT} FROM ${HEADS} h WHERE h.org_slug = 'acme' AND h.seq = 0`;
    const first = await held("INSERT", { query: copy, params: { org: "globex", seq: 5, event: "copied" } });
    expect(await ask(cas("acme", 0, "e1"))).toMatchObject({ affected: 1 });
    expect(await first.end()).toMatchObject({ affected: 1 });
    expect(await headsOf("globex")).toMatchObject([{ seq: 5, event_id: "copied" }]);
    expect(await headsOf("acme")).toMatchObject([{ seq: 1 }]);
  });

  const merge = (event: string): Query => ({
    query: `MERGE ${HEADS} h USING (SELECT @org AS org, @event AS event) s ON h.org_slug = s.org
      WHEN MATCHED THEN UPDATE SET event_id = s.event
      WHEN NOT MATCHED THEN INSERT (org_slug, provider, seq, event_id, op, credential_id, credential_type, credential_name,
        metadata, enabled, validation_status, consecutive_failures, created_at, updated_at, created_by)
        VALUES (org, 'OPENAI', 1, event, 'setup', 'c', 'api_key', 'n', PARSE_JSON('{}'), TRUE, 'PENDING', 0,
        CURRENT_TIMESTAMP(), CURRENT_TIMESTAMP(), 'k')`,
    params: { org: "acme", event },
  });

  test("two concurrent first MERGEs both insert", async () => {
    const first = await held("MERGE", merge("first"));
    const second = await held("MERGE", merge("second"));
    expect(await second.end()).toMatchObject({
      affected: 1,
      reply: { dmlStats: { insertedRowCount: "1", updatedRowCount: "0" } },
    });
    expect(await first.end()).toMatchObject({ affected: 1 });
    expect(await headsOf("acme")).toMatchObject([{ event_id: "first" }, { event_id: "second" }]);
  });

  test("a MERGE that only inserts conflicts with nothing, not even with a change of its table", async () => {
    await ask(insert("globex", 0, "e0"));
    const first = await held("MERGE", merge("first"));
    expect(await ask(merge("second"))).toMatchObject({ affected: 1 });
    expect(await ask(cas("globex", 0, "changed"))).toMatchObject({ affected: 1 });
    expect(await first.end()).toMatchObject({ affected: 1, reply: { dmlStats: { insertedRowCount: "1" } } });
    expect(await headsOf("acme")).toMatchObject([{ event_id: "first" }, { event_id: "second" }]);
    expect(await headsOf("globex")).toMatchObject([{ event_id: "changed" }]);
  });

  test("a MERGE that updates conflicts as an UPDATE does, and one after the other they do not insert twice", async () => {
    await ask(merge("zero"));
    const first = await held("MERGE", merge("first"));
    expect(await ask(merge("second"))).toMatchObject({
      affected: 1,
      reply: { dmlStats: { insertedRowCount: "0", updatedRowCount: "1" } },
    });
    expect(await first.end()).toMatchObject({ affected: 1, reply: { dmlStats: { updatedRowCount: "1" } } });
    expect(await headsOf("acme")).toMatchObject([{ event_id: "first" }]);
    const update = await held("UPDATE", cas("acme", 1, "third"));
    await ask(merge("fourth"));
    expect(await update.end()).toMatchObject({ affected: 1 });
    expect(await headsOf("acme")).toMatchObject([{ seq: 2, event_id: "third" }]);
  });

  test("a SELECT answers what it read when it was held", async () => {
    await ask(insert("acme", 0, "e0"));
    const first = await held("SELECT", read("acme"));
    await ask(cas("acme", 0, "e1"));
    expect(await first.end()).toMatchObject({ rows: [{ seq: 0 }] });
  });

  test("a statement that fails when it is held fails when it is released, and leaves nothing", async () => {
    await ask(insert("acme", 0, "e0"));
    const first = await held("INSERT", { query: `INSERT INTO ${HEADS} (org_slug) SELECT 'acme'` });
    await ask(insert("acme", 1, "e1"));
    expect(await first.end()).toMatchObject({ code: 400, reason: "invalidQuery" });
    const second = await held("UPDATE", { query: `UPDATE ${HEADS} SET op = NULL WHERE TRUE` });
    await ask(insert("acme", 2, "e2"));
    expect(await second.end()).toMatchObject({ code: 400 });
    expect(await headsOf("acme")).toHaveLength(3);
  });

  test.each([
    ["arrival", 0, 1],
    ["reply", 1, 1],
  ] as const)("one held at its %s has changed %i rows by then", async (at, whileHeld, afterwards) => {
    const hold = bench.sim.faults.hold({ kind: "INSERT" }, at);
    const asked = ask(insert("acme", 0, "e0"));
    await hold.arrived;
    expect(await headsOf("acme")).toHaveLength(whileHeld);
    hold.release();
    expect(await asked).toMatchObject({ affected: 1 });
    expect(await headsOf("acme")).toHaveLength(afterwards);
  });

  test("two mutating statements run at once on a table, twenty wait, the next is refused; INSERTs never wait", async () => {
    await ask(insert("acme", 0, "e0"));
    const holds = [await held("UPDATE", cas("acme", 0, "a")), await held("UPDATE", cas("acme", 0, "b"))];
    const waiting = Array.from({ length: 20 }, (_, at) => ask(cas("acme", 0, `w${at}`)));
    await expect.poll(() => bench.sim.statements().length, PATIENT).toBe(23);
    expect(await ask(cas("acme", 0, "late"))).toMatchObject({
      code: 400,
      reason: "invalidQuery",
      message: expect.stringContaining("Too many DML statements outstanding"),
    });
    expect(await ask(insert("globex", 0, "e0"))).toMatchObject({ affected: 1 });
    const ended = await Promise.all([...holds.map((one) => one.end()), ...waiting]);
    expect(ended.map((one) => one.affected).sort()).toEqual([...Array.from({ length: 21 }, () => 0), 1]);
  });

  test("clearing lets held statements go on, and tells who waits that none has arrived", async () => {
    const never = bench.sim.faults.hold({ kind: "DELETE" });
    const first = await held("INSERT", insert("acme", 0, "e0"));
    bench.sim.faults.clear();
    expect(await first.end()).toMatchObject({ affected: 1 });
    await expect(never.arrived).rejects.toThrow("no statement had arrived");
  });
});
