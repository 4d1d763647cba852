import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { GoogleAuth, OAuth2Client } from "google-auth-library";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { Failure, failureOf } from "../../../shared/adapters/cloud/bigquery-failure.ts";
import { Fault } from "../../../shared/contract/fault.ts";
import type { Head } from "../../../shared/contract/rows.ts";
import type { FaultKind, Match } from "../../platform/bigquery/faults.ts";
import { change, check, headColumns, T0, version } from "../../ports/stored-rows.ts";
import { type BigQueryBench, hastyClock, type Store, startBench } from "./bigquery-bench.ts";
import { nothing, pair } from "./bigquery-calls.ts";
import { Page, type Relay, startRelay } from "./bigquery-relay.ts";

let bench: BigQueryBench;
let relay: Relay;
let store: Store;
let relayed: Store;
let head: Head;
beforeAll(async () => {
  bench = await startBench();
  relay = await startRelay(bench.sim.endpoint);
  store = bench.open({ clock: hastyClock() });
  relayed = bench.open({ clock: hastyClock(), apiEndpoint: relay.endpoint });
});
beforeEach(async () => {
  head = await change(store, pair);
});
afterEach(async () => {
  await bench.sim.reset();
  relay.passed.length = 0;
  relay.silent = false;
  relay.reply = (body) => body;
});
afterAll(async () => {
  await relay.close();
  await bench.close();
});

/** One method of each kind, what of it arrives, and what must be so after it has answered. */
interface Cell {
  matches: Match & { table: string };
  call(on: Store): Promise<unknown>;
  answer: unknown;
  /** Rows that stand there afterwards. */
  stored?: { sql: string; rows: number };
}

const made = () => version(pair, { seq: 2, prev_event_id: head.event_id, event_id: "made" });
const cells: Record<string, () => Cell> = {
  readHead: () => ({
    matches: { kind: "SELECT", table: "integrations.heads" },
    call: (on) => on.readHead(pair),
    answer: head,
  }),
  readOpening: () => ({
    matches: { kind: "SELECT", table: "organizations.integration_versions" },
    call: (on) => on.readOpening(pair, { ...nothing, eventId: head.event_id }),
    answer: { head, replay: null, effective: true },
  }),
  appendVersions: () => ({
    matches: { kind: "INSERT", table: "integrations.versions" },
    call: (on) => on.appendVersions([made()]),
    answer: undefined,
    stored: { sql: "SELECT event_id FROM `integrations.versions` WHERE event_id = 'made'", rows: 1 },
  }),
  advanceHead: () => ({
    matches: { kind: "UPDATE", table: "integrations.heads" },
    call: (on) => on.advanceHead({ ...pair, expected_seq: 1, event_id: "made", set: headColumns() }),
    answer: 1,
    stored: { sql: "SELECT seq FROM `integrations.heads` WHERE seq = 2 AND event_id = 'made'", rows: 1 },
  }),
  recordChecks: () => ({
    matches: { kind: "UPDATE", table: "integrations.heads" },
    call: (on) => on.recordChecks([check(head)]),
    answer: 1,
    stored: {
      sql: "SELECT seq FROM `integrations.heads` WHERE last_checked_at > TIMESTAMP('2026-08-22T12:05:00Z')",
      rows: 1,
    },
  }),
};
const names = Object.keys(cells);
/** One of each kind: what passes is decided below the methods. */
const kindsOf = ["readOpening", "appendVersions", "advanceHead"];
const updates = ["advanceHead", "recordChecks"];
const cellOf = (name: string): Cell => {
  const cell = cells[name];
  if (cell === undefined) throw new Error(`there is no cell ${name}`);
  return cell();
};

/** How a call ended: what it answered, or the fault's code and reason. */
async function ended(work: Promise<unknown>): Promise<unknown> {
  try {
    return { answer: await work };
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    expect(JSON.stringify([error.message, error.details.reason, String(error.cause)])).not.toMatch(
      /SELECT|UPDATE|INSERT|acme|Bearer|ya29|https?:/,
    );
    return { code: error.code, reason: error.details.reason, retryAfterS: error.details.retryAfterS };
  }
}

async function expectStored(cell: Cell): Promise<void> {
  if (cell.stored) expect(await bench.sim.admin(cell.stored.sql)).toHaveLength(cell.stored.rows);
}

const table = (kinds: readonly FaultKind[], methods: readonly string[]) =>
  kinds.flatMap((kind) => methods.map((name) => [kind, name] as const));

describe("a fault that passes", () => {
  const passing: FaultKind[] = [
    "unavailable",
    "internal",
    "html",
    "reset_before",
    "reset_after",
    "truncated",
    "garbage",
  ];
  const also: FaultKind[] = [
    "slow",
    "pending",
    "job_error",
    "rate_limit_403",
    "job_rate_limit_400",
    "no_job_reference",
  ];
  const cellsOf = [
    ...table([...passing, ...also], kindsOf),
    ...table(["unavailable", "reset_after"], names),
    ...table(["missing_rows"], ["readHead", "readOpening"]),
    ...table(["serialization", "too_many_dml"], updates),
  ];
  test.each(cellsOf)("%s: %s answers what it would have answered, and has taken effect once", async (kind, name) => {
    const cell = cellOf(name);
    bench.sim.faults.next(cell.matches, kind);
    expect(await ended(cell.call(store))).toEqual({ answer: cell.answer });
    expect(bench.sim.faults.struck().map((one) => one.kind)).toEqual([kind]);
    await expectStored(cell);
  });

  test.each(table(["unavailable", "reset_after", "truncated"], kindsOf))(
    "%s three times: %s answers all the same",
    async (kind, name) => {
      const cell = cellOf(name);
      bench.sim.faults.next(cell.matches, kind, 3);
      expect(await ended(cell.call(store))).toEqual({ answer: cell.answer });
      await expectStored(cell);
    },
  );

  test("a reply that never comes is given up, its connection is cut, and the statement is sent again", async () => {
    const reported = await change(store, { ...pair, provider: "GEMINI" });
    const startedAt = performance.now();
    relay.silent = true;
    const read = ended(relayed.readHead(pair));
    await expect.poll(() => relay.passed.length).toBe(1);
    relay.silent = false;
    const calls: Array<[RegExp, (on: Store) => Promise<unknown>, unknown]> = [
      [/^INSERT INTO \S+versions/, cellOf("appendVersions").call, undefined],
      [/^UPDATE[\s\S]*expected_seq/, (on) => cellOf("advanceHead").call(on), 1],
      [/^UPDATE[\s\S]*reported_at = TIMESTAMP/, (on) => on.markReported(reported.credential_id, T0), 1],
    ];
    for (const [sql] of calls) bench.sim.faults.next(sql, "timeout_after_commit");
    const writes = calls.map(([, call, answer]) => [ended(call(store)), { answer }] as const);
    for (const [call, answer] of writes) expect(await call).toEqual(answer);
    expect(await read).toMatchObject({ answer: { org_slug: "acme" } });
    expect(performance.now() - startedAt).toBeLessThan(25_000);
    expect(bench.sim.faults.struck()).toHaveLength(3);
    for (const name of ["appendVersions", "advanceHead"]) await expectStored(cellOf(name));
    expect(relay.connections()).toBe(1);
  });
});

describe("a fault that stays", () => {
  const staying: FaultKind[] = ["unavailable", "html", "reset_before", "rate_limit_403", "job_error", "garbage"];
  test.each(table(staying, kindsOf))("%s: %s is store_unavailable within its time", async (kind, name) => {
    const cell = cellOf(name);
    bench.sim.faults.next(cell.matches, kind, 1_000);
    const startedAt = performance.now();
    expect(await ended(cell.call(store))).toMatchObject({
      code: "store_unavailable",
      retryAfterS: expect.toSatisfy((seconds) => seconds === 5 || seconds === 10),
    });
    expect(performance.now() - startedAt, "all of it waits").toBeLessThan(20_000);
    expect(bench.sim.faults.struck().length).toBeGreaterThan(2);
    expect(bench.sim.faults.struck().length, "no storm").toBeLessThan(40);
  });

  test.each(table(["serialization", "too_many_dml"], updates))(
    "%s: %s is store_unavailable, contended",
    async (kind, name) => {
      const cell = cellOf(name);
      bench.sim.faults.next(cell.matches, kind, 1_000);
      expect(await ended(cell.call(store))).toMatchObject({ code: "store_unavailable", reason: "contended" });
    },
  );

  test.each(kindsOf)("a job that never ends: %s is store_unavailable, still running", async (name) => {
    const cell = cellOf(name);
    bench.sim.faults.next(cell.matches, "pending_forever");
    expect(await ended(cell.call(store))).toEqual({
      code: "store_unavailable",
      reason: "still_running",
      retryAfterS: 10,
    });
  });

  test.each([
    ["quota_403", "readHead", "quota", 60],
    ["quota_403", "appendVersions", "quota", 60],
    ["quota_403", "advanceHead", "quota", 60],
    ["streaming_buffer", "advanceHead", "streaming_buffer", 1_800],
    ["streaming_buffer", "recordChecks", "streaming_buffer", 1_800],
  ] as const)(
    "%s: %s is store_unavailable, %s, at once and without another try",
    async (kind, name, reason, retryAfterS) => {
      const cell = cellOf(name);
      bench.sim.faults.next(cell.matches, kind, 5);
      expect(await ended(cell.call(store))).toEqual({ code: "store_unavailable", reason, retryAfterS });
      expect(bench.sim.faults.struck()).toHaveLength(1);
    },
  );
});

describe("what is told of a repetition", () => {
  const forgetful = (first: unknown) => {
    let asked = 0;
    relay.reply = (body) => {
      asked += 1;
      return asked === 1 ? first : { ...body, numDmlAffectedRows: "0" };
    };
  };
  const lost = { kind: "bigquery#queryResponse", jobComplete: true };

  test("a decision that may have been taken before is never told as not taken", async () => {
    const calls: Array<() => Promise<unknown>> = [
      () => cellOf("advanceHead").call(relayed),
      () => relayed.markReported(head.credential_id, T0),
      () => relayed.revokeKey("k", T0, "ann"),
      () => relayed.revokeGrant("g", T0, "ann"),
    ];
    for (const call of calls) {
      forgetful(lost);
      expect(await ended(call())).toMatchObject({ code: "store_unavailable", reason: "no_answer" });
      relay.reply = (body) => ({ ...body, numDmlAffectedRows: "0" });
      expect(await ended(call()), "without a doubt").toEqual({
        answer: expect.toSatisfy((count) => count === 0 || count === false),
      });
    }
  });

  test("what may take effect twice ends well, with what was left to do", async () => {
    const calls: Array<[() => Promise<unknown>, unknown]> = [
      [() => cellOf("recordChecks").call(relayed), 0],
      [() => relayed.purgeDeleted(), 0],
      [() => relayed.purgeSuperseded(T0), 0],
      [() => relayed.appendVersions([made()]), undefined],
      [() => relayed.advanceHeads([{ ...pair, expected_seq: 1, event_id: "made", set: headColumns() }]), undefined],
    ];
    for (const [call, answer] of calls) {
      forgetful(lost);
      expect(await ended(call())).toEqual({ answer });
    }
  });

  test("a write keeps its id while its outcome is unknown, takes another after a refusal, and a read has one each time", async () => {
    const ids = () => relay.passed.filter(({ method }) => method === "POST").map(({ body }) => body["requestId"]);
    for (const [name, kind, distinct] of [
      ["advanceHead", "reset_after", 1],
      ["appendVersions", "unavailable", 1],
      ["advanceHead", "serialization", 3],
      ["appendVersions", "job_rate_limit_400", 3],
      ["readHead", "unavailable", 3],
    ] as const) {
      relay.passed.length = 0;
      const cell = cellOf(name);
      bench.sim.faults.next(cell.matches, kind, 2);
      await cell.call(relayed);
      expect(ids()).toHaveLength(3);
      expect(new Set(ids()).size, `${name} ${kind}`).toBe(distinct);
      await bench.sim.reset();
      head = await change(store, pair);
    }
  });
});

describe("a reply that is not BigQuery's", () => {
  type Cells = Array<{ f: Array<{ v?: unknown }> }>;
  /** The reply with one cell of its first row changed, by the place of the column. */
  const cell = (column: string, value: unknown) => (body: Record<string, unknown>) => {
    const { rows, schema } = structuredClone(body) as { rows: Cells; schema: { fields: Array<{ name: string }> } };
    const place = schema.fields.findIndex(({ name }) => name === column);
    rows[0]?.f.splice(place, 1, ...(value === undefined ? [] : [{ v: value }]));
    return { ...body, rows };
  };
  const without =
    (name: string) =>
    ({ [name]: _, ...body }: Record<string, unknown>) =>
      body;
  const spoilt: Array<[string, (body: Record<string, unknown>) => unknown]> = [
    ["bytes that are no base64", cell("encrypted_credential", "*no*")],
    ["a flag that is neither", cell("enabled", "maybe")],
    ["a number that is none", cell("seq", "1.5")],
    ["a time of another format", cell("created_at", "1.787400000E9")],
    ["a text that is a number", cell("org_slug", 7)],
    ["a value that is missing", cell("provider", undefined)],
    ["no columns", without("schema")],
    ["no rows", without("rows")],
    ["rows that are none", (body) => ({ ...body, rows: [7] })],
    ["no number of rows", without("totalRows")],
    ["fewer rows than it says", (body) => ({ ...body, totalRows: "2" })],
    ["not whether it is complete", without("jobComplete")],
    ["incomplete, and no job to ask about", (body) => ({ ...without("jobReference")(body), jobComplete: false })],
    [
      "a job that would lead elsewhere",
      (body) => ({ ...body, jobComplete: false, jobReference: { jobId: "../../x?y" } }),
    ],
    ["a list", () => []],
    ["null", () => null],
    ["a page with status 200", () => new Page(200)],
    ["a page with status 400", () => new Page(400)],
    ["a page with status 429", () => new Page(429)],
    ["a page with status 304", () => new Page(304)],
  ];

  test.each(spoilt)("%s: what was read is asked for again, and nothing of it is believed", async (_, spoil) => {
    let replies = 0;
    relay.reply = (body) => {
      replies += 1;
      return replies === 1 ? spoil(body) : body;
    };
    expect(await ended(relayed.readSealed(pair))).toMatchObject({ answer: { head } });
    expect(relay.passed.map(({ method }) => method)).toEqual(["POST", "POST"]);
  });

  test.each([
    ["how many rows it changed is missing", without("numDmlAffectedRows"), ["POST", "POST"]],
    ["how many rows it changed is no number", (body) => ({ ...body, numDmlAffectedRows: -1 }), ["POST", "POST"]],
  ] as Array<[string, (body: Record<string, unknown>) => unknown, string[]]>)(
    "%s: a write is sent again under its id",
    async (_, spoil, methods) => {
      let replies = 0;
      relay.reply = (body) => {
        replies += 1;
        return replies === 1 ? spoil(body) : body;
      };
      expect(await ended(cellOf("advanceHead").call(relayed))).toEqual({ answer: 1 });
      expect(relay.passed.map(({ method }) => method)).toEqual(methods);
      await expectStored(cellOf("advanceHead"));
    },
  );
});

describe("a job that is asked about", () => {
  /** Replies to the questions about a job, one after the other; then what BigQuery says. */
  const answering = (...replies: unknown[]) => {
    relay.reply = (body, url) => (/\/queries\/./.test(url) ? (replies.shift() ?? body) : body);
    bench.sim.faults.next(cellOf("advanceHead").matches, { kind: "pending", polls: 1 });
  };
  const error = (code: number, reason: string, message: string) => ({
    error: { code, message, errors: [{ reason, message, domain: "global" }] },
  });

  test("is asked again where the question was not answered", async () => {
    answering({}, error(503, "backendError", "x"), error(403, "rateLimitExceeded", "Exceeded rate limits"), {
      jobComplete: false,
    });
    expect(await ended(cellOf("advanceHead").call(relayed))).toEqual({ answer: 1 });
    expect(relay.passed.map(({ method }) => method)).toEqual(["POST", "GET", "GET", "GET", "GET", "GET"]);
    expect(relay.passed[1]?.url).toMatch(
      /\/queries\/[\w-]+\?location=US&timeoutMs=\d+&formatOptions.useInt64Timestamp=true/,
    );
  });

  test.each([
    [404, "notFound", "Not found: Job"],
    [403, "accessDenied", "Access Denied: Job"],
    [403, "quotaExceeded", "Quota exceeded"],
  ])(
    "%i %s about it says nothing of what became of it: the statement is sent again under its id",
    async (code, reason, message) => {
      answering(error(code, reason, message));
      expect(await ended(cellOf("advanceHead").call(relayed))).toEqual({ answer: 1 });
      const posts = relay.passed.filter(({ method }) => method === "POST");
      expect(posts.map(({ body }) => body["requestId"])).toEqual([
        posts[0]?.body["requestId"],
        posts[0]?.body["requestId"],
      ]);
      await expectStored(cellOf("advanceHead"));
    },
  );

  test("that was undone is sent anew", async () => {
    answering(error(400, "invalidQuery", "Could not serialize access to table x due to concurrent update"));
    relay.passed.length = 0;
    const outcome = await ended(cellOf("advanceHead").call(relayed));
    expect(outcome).toEqual({ answer: 0 }); // the simulator had not undone it
    expect(
      new Set(relay.passed.filter(({ method }) => method === "POST").map(({ body }) => body["requestId"])).size,
    ).toBe(2);
  });
});

describe("the way there", () => {
  test("connections are kept and used again", async () => {
    for (let calls = 0; calls < 10; calls += 1) await relayed.readHead(pair);
    expect(relay.connections()).toBe(1);
  });

  test("a store that is closed cuts what it waits for and is store_unavailable from then on, and may be closed again", async () => {
    const own = bench.open({ apiEndpoint: relay.endpoint });
    relay.silent = true;
    const waiting = [
      ended(own.readHead(pair)),
      ended(own.advanceHead({ ...pair, expected_seq: 1, event_id: "e", set: headColumns() })),
    ];
    await expect.poll(() => relay.passed.length).toBe(2);
    const startedAt = performance.now();
    own.close();
    own.close();
    expect(await Promise.all(waiting)).toEqual([
      { code: "store_unavailable", reason: "closed", retryAfterS: 5 },
      { code: "store_unavailable", reason: "no_answer", retryAfterS: 5 },
    ]);
    expect(performance.now() - startedAt).toBeLessThan(3_000);
    expect(await ended(own.readHead(pair))).toMatchObject({ code: "store_unavailable", reason: "closed" });
    expect(relay.passed).toHaveLength(2);
  });

  test("where nobody listens, nothing was sent, and a write says so", async () => {
    const probe = createServer().listen(0, "127.0.0.1");
    await once(probe, "listening");
    const { port } = probe.address() as AddressInfo;
    await new Promise((resolve) => probe.close(resolve));
    const nowhere = bench.open({ clock: hastyClock(), apiEndpoint: `http://127.0.0.1:${port}` });
    for (const name of names)
      expect(await ended(cellOf(name).call(nowhere))).toEqual({
        code: "store_unavailable",
        reason: "not_sent",
        retryAfterS: 5,
      });
  });

  test.each([new Failure("no_answer"), { code: 404, errors: [{ reason: "notFound" }] }, { code: "ECONNRESET" }, null])(
    "a call that ends before a request was begun has sent nothing, whatever ended it (%#)",
    (error) => {
      expect(failureOf(error, false).fault(false)).toMatchObject({ details: { reason: "not_sent" } });
    },
  );

  test("without a token nothing is sent, and nothing of the token server's answer is told", async () => {
    const auth = new GoogleAuth({ authClient: new Tokenless() });
    const mute = bench.open({ clock: hastyClock(), apiEndpoint: relay.endpoint, auth });
    expect(await ended(mute.readHead(pair))).toEqual({ code: "store_unavailable", reason: "not_sent", retryAfterS: 5 });
    expect(relay.passed).toEqual([]);
  });
});

/** A service account whose tokens cannot be had. */
class Tokenless extends OAuth2Client {
  override async getRequestHeaders(): Promise<Headers> {
    throw new Error("canary: metadata.google.internal answered 500 for acme");
  }
}
