import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { expect } from "vitest";

/** One effective version of a pair. */
export interface Link {
  eventId: string;
  seq: number;
  op: string;
  credentialId: string;
  name: string;
}

/** The store's file, read from behind while services work on it. */
export function openLedger(home: string) {
  const database = new DatabaseSync(join(home, "integrations.sqlite"), { readOnly: true, timeout: 5_000 });
  const heads = database.prepare(
    "SELECT DISTINCT seq, event_id, secret_event_id, credential_id, op FROM heads WHERE org_slug = ? AND provider = ? AND seq > 0",
  );
  const versions = database.prepare("SELECT * FROM versions WHERE org_slug = ? AND provider = ?");
  return {
    /**
     * The effective versions, oldest first, after checking that they are one unbroken line from the head to the first,
     * that the pair has one current state only, and that no version of no effect is pointed to.
     */
    history(org: string, provider: string): Link[] {
      const current = heads.all(org, provider);
      const top = Math.max(0, ...current.map((row) => Number(row["seq"])));
      expect(current.filter((row) => row["seq"] === top).length, "one current state").toBe(top === 0 ? 0 : 1);
      const rows = new Map(versions.all(org, provider).map((row) => [String(row["event_id"]), row]));
      const links: Link[] = [];
      let at: unknown = current.find((row) => row["seq"] === top)?.["event_id"] ?? null;
      while (at !== null) {
        const row = rows.get(String(at));
        if (row === undefined) throw new Error("a head or version points to nothing");
        links.unshift({
          eventId: String(at),
          seq: Number(row["seq"]),
          op: String(row["op"]),
          credentialId: String(row["credential_id"]),
          name: String(row["credential_name"]),
        });
        at = row["prev_event_id"] ?? null;
      }
      expect(
        links.map(({ seq }) => seq),
        "an unbroken line",
      ).toEqual(links.map((_, index) => index + 1));
      const pointedTo = [...rows.values()].map((row) => row["prev_event_id"]).filter((id) => id !== null);
      const effective = new Set(links.map(({ eventId }) => eventId));
      // Losers take their predecessor from a head, so whatever is pointed to was current once.
      for (const id of pointedTo) expect(effective.has(String(id)), "only what was current is built upon").toBe(true);
      const last = current.find((row) => row["seq"] === top);
      if (last && last["op"] !== "delete")
        expect(
          rows.get(String(last["secret_event_id"]))?.["credential_id"],
          "the head's ciphertext is its credential's",
        ).toBe(last["credential_id"]);
      return links;
    },
    close: () => database.close(),
  };
}
