import { expect } from "vitest";
import type { TestBackend } from "./backend.ts";

/** One effective version of a pair. */
export interface Link {
  eventId: string;
  seq: number;
  op: string;
  credentialId: string;
  name: string;
}

/**
 * The effective versions of a pair, oldest first, read from behind while services work on it, after checking that they
 * are one unbroken line from the head to the first, that the pair has one current state only, and that no version of no
 * effect is pointed to.
 */
export async function historyOf(backend: TestBackend, org: string, provider: string): Promise<Link[]> {
  const pair = { org_slug: org, provider };
  const rowsOfHeads = (await backend.rows("heads", pair)).filter((row) => Number(row["seq"]) > 0);
  const current = [...new Map(rowsOfHeads.map((row) => [`${row["seq"]} ${row["event_id"]}`, row])).values()];
  const versions = await backend.rows("versions", pair);
  const top = Math.max(0, ...current.map((row) => Number(row["seq"])));
  expect(current.filter((row) => row["seq"] === top).length, "one current state").toBe(top === 0 ? 0 : 1);
  const rows = new Map(versions.map((row) => [String(row["event_id"]), row]));
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
}
