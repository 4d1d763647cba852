import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { openSqliteStore } from "../../../shared/adapters/local/sqlite-store.ts";
import { T0 } from "../../ports/stored-rows.ts";
import { freshHome, schemasFolder } from "./fresh-home.ts";

interface Acknowledged {
  provider: string;
  seq: number;
  event: string;
  previous: string | null;
}

describe("several processes on one SQLite file", () => {
  let home: string;
  let remove: () => void;
  beforeEach(() => {
    ({ home, remove } = freshHome());
  });
  afterEach(() => remove());

  const file = () => join(home, "store.db");
  function start(name: string, count: number, providers: string[], startAt: number = 0) {
    const acknowledgements = join(home, `${name}.jsonl`);
    const script = join(import.meta.dirname, "writer.ts");
    const child = spawn(
      process.execPath,
      [script, file(), schemasFolder, acknowledgements, String(count), ...providers],
      { stdio: ["ignore", "ignore", "pipe"], env: { ...process.env, START_AT: String(startAt) } },
    );
    let complaint = "";
    child.stderr.on("data", (chunk: Buffer) => {
      complaint += chunk.toString();
    });
    const read = (): Acknowledged[] =>
      existsSync(acknowledgements)
        ? readFileSync(acknowledgements, "utf8")
            .split("\n")
            .slice(0, -1)
            .map((line) => JSON.parse(line))
        : [];
    const ended = once(child, "exit").then(([code, signal]) => ({ code, signal, complaint }));
    return { child, read, ended };
  }

  /** No two states of one pair share a seq, and a pair's acknowledged changes stand one upon the other. */
  function statesOf(provider: string): Map<number, string> {
    const database = new DatabaseSync(file(), { timeout: 5_000 });
    const rows = database
      .prepare("SELECT DISTINCT seq, event_id FROM heads WHERE provider = ? AND seq > 0")
      .all(provider);
    database.close();
    expect(new Set(rows.map((row) => row["seq"])).size).toBe(rows.length);
    return new Map(rows.map((row) => [Number(row["seq"]), String(row["event_id"])]));
  }

  test("four of them make 200 changes each on the same and on different pairs, and none that was acknowledged is lost", async () => {
    const children = [1, 2, 3, 4].map((who) => start(`writer${who}`, 200, ["OPENAI", "GEMINI", `custom-${who}`]));
    for (const child of children) expect(await child.ended).toEqual({ code: 0, signal: null, complaint: "" });
    const all = children.flatMap((child) => child.read());
    expect(all).toHaveLength(800);

    const store = openSqliteStore({ file: file(), schemasFolder });
    for (const [provider, history] of Map.groupBy(all, (one) => one.provider)) {
      history.sort((a, b) => a.seq - b.seq);
      expect(history.map((one) => one.seq)).toEqual(history.map((_, index) => index + 1));
      expect(history.map((one) => one.previous)).toEqual([null, ...history.slice(0, -1).map((one) => one.event)]);
      const last = history.at(-1);
      expect(await store.readHead({ org_slug: "acme", provider })).toMatchObject({
        seq: last?.seq,
        event_id: last?.event,
      });
      expect([...statesOf(provider)]).toEqual([[last?.seq, last?.event]]);
      const asked = history.map((one) => ({
        org_slug: "acme",
        provider,
        idempotencyKeyHash: null,
        eventId: one.event,
      }));
      expect((await store.readOpenings(asked, T0)).every((opening) => opening.effective)).toBe(true);
    }
    store.close();
  }, 120_000);

  test("every change that was acknowledged before a kill -9 is there after it", async () => {
    for (let round = 0; round < 5; round += 1) {
      const killed = start(`killed${round}`, 1_000_000, ["OPENAI", "GEMINI"]);
      const other = start(`other${round}`, 60, ["OPENAI", "custom-1"]);
      while (killed.read().length < 20) await sleep(5);
      await sleep(round * 7);
      killed.child.kill("SIGKILL");
      expect(await killed.ended).toMatchObject({ signal: "SIGKILL" });
      expect(await other.ended).toEqual({ code: 0, signal: null, complaint: "" });

      const store = openSqliteStore({ file: file(), schemasFolder });
      for (const { provider, seq, event } of [...killed.read(), ...other.read()]) {
        const pair = { org_slug: "acme", provider };
        const opening = await store.readOpening(pair, { idempotencyKeyHash: null, eventId: event, now: T0 });
        expect(opening.effective).toBe(true);
        expect(opening.head?.seq).toBeGreaterThanOrEqual(seq);
        expect((await store.readSealed(pair))?.encrypted_credential).toHaveLength(48);
      }
      for (const provider of ["OPENAI", "GEMINI", "custom-1"]) expect(statesOf(provider).size).toBe(1);
      store.close();
    }
  }, 120_000);

  test("a writer whose disk is full is told store_unavailable, and what was acknowledged before is there", async () => {
    const acknowledgements = join(home, "full.jsonl");
    const writer = [
      join(import.meta.dirname, "writer.ts"),
      file(),
      schemasFolder,
      acknowledgements,
      "100000",
      "OPENAI",
    ];
    // A limit on the size of a file is what a full disk is to SQLite: a write that ends early.
    const limited = ["-c", 'trap "" XFSZ; ulimit -f 2500; exec "$0" "$@"', process.execPath, ...writer];
    const child = spawn("bash", limited, { stdio: ["ignore", "ignore", "pipe"] });
    let complaint = "";
    child.stderr.on("data", (chunk: Buffer) => {
      complaint += chunk.toString();
    });
    expect(await once(child, "exit")).toEqual([1, null]);
    expect(complaint).toContain("store_unavailable");

    const lines = readFileSync(acknowledgements, "utf8").split("\n").slice(0, -1);
    expect(lines.length).toBeGreaterThan(20);
    const store = openSqliteStore({ file: file(), schemasFolder });
    for (const line of lines) {
      const { event }: Acknowledged = JSON.parse(line);
      const asked = { idempotencyKeyHash: null, eventId: event, now: T0 };
      expect((await store.readOpening({ org_slug: "acme", provider: "OPENAI" }, asked)).effective).toBe(true);
    }
    store.close();
  }, 120_000);

  test("eight of them open a file that is not there yet, at once, and each makes its change", async () => {
    for (let round = 0; round < 3; round += 1) {
      const startAt = Date.now() + 1_000;
      const children = Array.from({ length: 8 }, (_, who) => start(`first${round}${who}`, 1, ["OPENAI"], startAt));
      for (const child of children) expect(await child.ended).toEqual({ code: 0, signal: null, complaint: "" });
      expect([...statesOf("OPENAI").keys()]).toEqual([8]);
      for (const name of readdirSync(home)) rmSync(join(home, name));
    }
  }, 120_000);
});
