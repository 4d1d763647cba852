import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { assemble, type Parts, readPlan } from "../../functions/parts.ts";
import { Fault } from "../../shared/contract/fault.ts";
import { DEPRECATED_SINCE } from "../../shared/contract/older-shapes.ts";
import type { OrgKey } from "../../shared/contract/rows.ts";
import { Limiter } from "../../shared/http/limits.ts";
import type { AuditRecord } from "../../shared/ports/audit.ts";
import type { LogFields } from "../../shared/ports/log.ts";
import type { Pepper } from "../../shared/ports/secret-source.ts";
import { isLegacyKey, legacyKeyId, legacyKeyRow } from "../../shared/vault/legacy-key.ts";
import { hashOrgKey, mintOrgKey } from "../../shared/vault/org-key.ts";
import { openBackend, type TestBackend } from "../service/backend.ts";
import type { Reply } from "../service/harness.ts";
import { type InProcess, serveInProcess, withMethods } from "./in-process.ts";
import { expectProblem } from "./problem.ts";

const HOUR = 3_600_000;
let backend: TestBackend;
let parts: Parts;
let serial = 0;

beforeAll(async () => {
  backend = await openBackend(undefined);
  parts = await assemble(readPlan(null, { ...backend.env(), INTEGRATIONS_RATE_LIMIT: "0" }));
});
afterAll(async () => {
  parts.store.close();
  await backend.close();
});

/** A key and an organisation that no other test has. */
function fresh(): { key: string; org: string } {
  serial += 1;
  const org = `org${serial}`;
  return { org, key: `${org}_api_${"k".repeat(10)}${serial}A-_z` };
}

/** The service with an older table of its own, and a clock that is moved by hand. */
interface Older {
  rows: Map<string, string | null>;
  /** When the older table itself ends a key. */
  ends: Map<string, string>;
  /** Whole keys that it was asked for, in their order. */
  asked: string[];
  until: string;
  moved: number;
  logs: Array<{ event: string; fields: LogFields }>;
  audits: AuditRecord[];
  added: OrgKey[];
  send: InProcess["send"];
  /** Lists an organisation's integrations with this key. */
  list(org: string, key: string): Promise<Reply>;
  row(key: string, pepper?: Pepper): Promise<OrgKey | null>;
}
const open: InProcess[] = [];
afterEach(async () => {
  for (const one of open.splice(0)) await one.close();
});

async function serve(
  rows: Record<string, string | null>,
  more: Partial<Parts> & { closed?: boolean; find?: () => Promise<string | null> } = {},
): Promise<Older> {
  const { closed, find, ...replaced } = more;
  const older: Older = {
    rows: new Map(Object.entries(rows)),
    ends: new Map(),
    asked: [],
    until: new Date(Date.now() + 24 * HOUR).toISOString(),
    moved: 0,
    logs: [],
    audits: [],
    added: [],
    send: async () => Promise.reject(new Error("not yet")),
    list: async (org, key) => await older.send("GET", `/${org}`, { key }),
    row: async (key, pepper) => {
      const [newest] = await parts.secrets.peppers();
      return await parts.orgKeys.findKey(legacyKeyId(hashOrgKey((pepper ?? newest).bytes, key)));
    },
  };
  const { clock } = parts;
  const served: Parts = {
    ...parts,
    clock: withMethods(clock, {
      now: () => clock.now() + older.moved,
      monotonic: () => clock.monotonic() + older.moved,
    }),
    log: (_, event, fields = {}) => void older.logs.push({ event, fields }),
    audit: { write: (record) => void older.audits.push(record) },
    orgKeys: withMethods(parts.orgKeys, {
      addKey: async (row) => {
        older.added.push(row);
        await parts.orgKeys.addKey(row);
      },
    }),
    ...(closed
      ? {}
      : {
          legacy: {
            get until() {
              return older.until;
            },
            keys: {
              organisationOf: async (key) => {
                older.asked.push(key.reveal());
                const org_slug = find ? await find() : (older.rows.get(key.reveal()) ?? null);
                return org_slug === null ? null : { org_slug, expires_at: older.ends.get(key.reveal()) ?? null };
              },
            },
          },
        }),
    ...replaced,
  };
  const server = await serveInProcess(async () => served);
  open.push(server);
  older.send = server.send;
  return older;
}

const withoutId = (reply: Reply) => reply.text.replace(String(reply.headers.get("x-request-id")), "");
const deprecation = (reply: Reply) => reply.headers.get("deprecation");

describe("a key of the older kind, while the window is open", () => {
  test("is looked up once by the whole of it, hashed into ours, flagged, and answered with Deprecation on every use", async () => {
    const { key, org } = fresh();
    const older = await serve({ [key]: org });
    for (let use = 0; use < 3; use += 1) {
      const reply = await older.list(org, key);
      expect([reply.status, deprecation(reply)]).toEqual([200, DEPRECATED_SINCE]);
      older.moved += 40_000;
    }
    expect(older.asked).toEqual([key]);
    expect(older.added).toHaveLength(1);
    const [pepper] = await parts.secrets.peppers();
    const row = await older.row(key);
    expect(row).toMatchObject({
      org_slug: org,
      scope: "manage",
      environment: parts.keyEnvironment,
      legacy: true,
      pepper_version: pepper.version,
      expires_at: older.until,
      created_by: "legacy",
      revoked_at: null,
    });
    expect(row?.key_id).toMatch(/^[0-9A-Za-z]{12}$/);
    expect(row?.key_hmac).toEqual(hashOrgKey(pepper.bytes, key));
    expect(older.logs.filter(({ event }) => event === "org_key.taken_over")).toEqual([
      { event: "org_key.taken_over", fields: { org_slug: org, subject: row?.key_id } },
    ]);
  });

  test("is found again without the older table, also by an instance that never had one", async () => {
    const { key, org } = fresh();
    await (await serve({ [key]: org })).list(org, key);
    const [emptied, without] = [await serve({}), await serve({}, { closed: true })];
    for (const instance of [emptied, without]) {
      const reply = await instance.list(org, key);
      expect([reply.status, deprecation(reply)]).toEqual([200, DEPRECATED_SINCE]);
      expect(instance.asked).toEqual([]);
    }
  });

  test("two instances that take it over make the same row", async () => {
    const { key, org } = fresh();
    const [one, two] = [await serve({ [key]: org }), await serve({ [key]: org })];
    await one.list(org, key);
    const hidden = withMethods(parts.orgKeys, {
      findKey: async () => null,
      listKeys: async () => [],
      addKey: async (row) => void two.added.push(row),
    });
    const blind = await serve({ [key]: org }, { orgKeys: hidden });
    await blind.list(org, key);
    expect(two.added.map(({ key_id, key_hmac }) => [key_id, key_hmac])).toEqual(
      one.added.map(({ key_id, key_hmac }) => [key_id, key_hmac]),
    );
    expect((await parts.orgKeys.listKeys(org)).length).toBe(1);
  });

  test("of fifty first requests at once one looks it up and one writes its row", async () => {
    const { key, org } = fresh();
    const rest = Promise.withResolvers<void>();
    const older = await serve({}, { find: () => rest.promise.then(() => org) });
    const replies = Array.from({ length: 50 }, () => older.list(org, key));
    await new Promise((resolve) => setTimeout(resolve, 200));
    rest.resolve();
    expect((await Promise.all(replies)).map(({ status }) => status)).toEqual(Array.from({ length: 50 }, () => 200));
    expect(older.asked).toHaveLength(1);
    expect(older.added).toHaveLength(1);
  });

  const uses: Array<[string, string, string, unknown, number]> = [
    ["a list", "GET", "/{org}", undefined, 200],
    ["what is not configured", "GET", "/{org}/openai", undefined, 404],
    ["a body that does not fit", "POST", "/{org}/openai/setup", { credential: 5 }, 400],
    ["a query that is not known", "GET", "/{org}?nonsense=1", undefined, 400],
    ["a deletion of nothing", "DELETE", "/{org}/openai", undefined, 404],
  ];
  test.each(uses)(
    "may do what a key of the scope manage may, and hears Deprecation with %s",
    async (_, method, path, body, status) => {
      const { key, org } = fresh();
      const older = await serve({ [key]: org });
      const reply = await older.send(method, path.replace("{org}", org), {
        key,
        ...(body === undefined ? {} : { body }),
      });
      expect([reply.status, deprecation(reply)]).toEqual([status, DEPRECATED_SINCE]);
      expect(older.audits.at(-1)).toMatchObject({
        actor_type: "api_key",
        actor_id: (await older.row(key))?.key_id,
        org_slug: org,
      });
    },
  );

  test("is forbidden for another organisation, whatever its own name says, with the same words as any key", async () => {
    const { key, org } = fresh();
    const older = await serve({ [key]: "elsewhere" });
    const reply = await older.list(org, key);
    expectProblem(reply, 403, "forbidden");
    expect(deprecation(reply)).toBe(DEPRECATED_SINCE);
    const { key: minted, keyId } = mintOrgKey(parts.keyEnvironment);
    const [pepper] = await parts.secrets.peppers();
    const own = legacyKeyRow(minted.reveal(), {
      ...{ org: "third", environment: parts.keyEnvironment, pepper },
      ...{ now: new Date().toISOString(), until: older.until, by: "test" },
    });
    await parts.orgKeys.addKey({ ...own, key_id: keyId, legacy: false });
    const same = await older.list(org, minted.reveal());
    expect(withoutId(same)).toBe(withoutId(reply));
    expect(deprecation(same)).toBeNull();
    expect((await older.list("elsewhere", key)).status).toBe(200);
  });

  test("is never written down: not in the audit, not in the log, not where things lie at rest", async () => {
    const [known, unknown] = [fresh(), fresh()];
    const older = await serve({ [known.key]: known.org });
    const replies = [await older.list(known.org, known.key), await older.list(unknown.org, unknown.key)];
    const rest = [...(await backend.atRest()).values()].map((bytes) => bytes.toString("latin1"));
    const said = [JSON.stringify([older.logs, older.audits]), ...replies.map(({ text }) => text), ...rest].join("\n");
    for (const { key } of [known, unknown]) expect(said).not.toContain(key);
    expect(said).toContain((await older.row(known.key))?.key_id);
  });
});

describe("a key of the older kind is refused like any unknown one", () => {
  const refused: Array<[string, (older: Older, key: string, org: string) => void]> = [
    ["that no table has", () => {}],
    ["that stands there for several organisations", (older, key) => void older.rows.set(key, null)],
    ["whose organisation can be none", (older, key) => void older.rows.set(key, "Not A Slug")],
    ["whose organisation is a reserved word", (older, key) => void older.rows.set(key, "providers")],
  ];
  test.each(refused)("%s", async (_, prepare) => {
    const { key, org } = fresh();
    const older = await serve({});
    prepare(older, key, org);
    const reply = await older.list(org, key);
    expectProblem(reply, 401, "org_key_invalid");
    expect(withoutId(reply)).toBe(withoutId(await older.list(org, mintOrgKey(parts.keyEnvironment).key.reveal())));
    expect(deprecation(reply)).toBeNull();
    expect(older.audits[0]).toMatchObject({ actor_type: "anonymous", actor_id: null, org_slug: null });
    expect(older.added).toEqual([]);
  });

  test("once the window has closed, and the older table is not asked any more", async () => {
    const [used, unused] = [fresh(), fresh()];
    const older = await serve({ [used.key]: used.org, [unused.key]: unused.org });
    expect((await older.list(used.org, used.key)).status).toBe(200);
    older.moved += 24 * HOUR;
    for (const { key, org } of [used, unused]) expectProblem(await older.list(org, key), 401, "org_key_invalid");
    expect(older.asked).toEqual([used.key]);
  });

  test("at the very millisecond, and not before", async () => {
    const { key, org } = fresh();
    const older = await serve({ [key]: org });
    const still = withMethods(parts.clock, { now: () => Date.parse(older.until) + older.moved });
    const exact = await serve({ [key]: org }, { clock: still });
    exact.until = older.until;
    older.moved = -1;
    expect((await exact.list(org, key)).status).toBe(200);
    older.moved = 0;
    expectProblem(await exact.list(org, key), 401, "org_key_invalid");
  });

  test("where it was revoked, within half a minute, and the older table does not bring it back", async () => {
    const { key, org } = fresh();
    const older = await serve({ [key]: org });
    await older.list(org, key);
    const id = (await older.row(key))?.key_id ?? "";
    expect(await parts.orgKeys.revokeKey(id, new Date().toISOString(), "test")).toBe(true);
    older.moved += 30_001;
    expectProblem(await older.list(org, key), 401, "org_key_invalid");
    expectProblem(await (await serve({ [key]: org })).list(org, key), 401, "org_key_invalid");
    expect(older.asked).toHaveLength(1);
  });

  test("once the older table itself says so, after it was taken over as before", async () => {
    const [soon, over] = [fresh(), fresh()];
    const older = await serve({ [soon.key]: soon.org, [over.key]: over.org });
    older.ends.set(soon.key, new Date(Date.now() + HOUR).toISOString());
    older.ends.set(over.key, new Date(Date.now() - 1).toISOString());
    expect((await older.list(soon.org, soon.key)).status).toBe(200);
    expect((await older.row(soon.key))?.expires_at).toBe(older.ends.get(soon.key));
    older.moved = HOUR;
    expectProblem(await older.list(soon.org, soon.key), 401, "org_key_invalid");
    expectProblem(await older.list(over.org, over.key), 401, "org_key_invalid");
    expect(await older.row(over.key)).toBeNull();
  });

  test("where its row is of another environment", async () => {
    const { key, org } = fresh();
    const [pepper] = await parts.secrets.peppers();
    const until = new Date(Date.now() + HOUR).toISOString();
    const now = new Date().toISOString();
    await parts.orgKeys.addKey(legacyKeyRow(key, { org, environment: "other", pepper, now, until, by: "test" }));
    expectProblem(await (await serve({ [key]: org })).list(org, key), 401, "org_key_invalid");
  });

  test("where a row stands under its id that is not its own", async () => {
    const { key, org } = fresh();
    const [pepper] = await parts.secrets.peppers();
    const until = new Date(Date.now() + HOUR).toISOString();
    const of = { org, environment: parts.keyEnvironment, pepper, now: new Date().toISOString(), until, by: "test" };
    const row = legacyKeyRow(`${key}x`, of);
    await parts.orgKeys.addKey({ ...row, key_id: legacyKeyRow(key, of).key_id });
    expectProblem(await (await serve({ [key]: org })).list(org, key), 401, "org_key_invalid");
  });

  test("where it was sent twice", async () => {
    const { key, org } = fresh();
    const older = await serve({ [key]: org });
    expectProblem(
      await older.send("GET", `/${org}`, { headers: { "x-api-key": `${key}, ${key}` } }),
      401,
      "org_key_invalid",
    );
    expect(older.asked).toEqual([]);
  });
});

describe("what a look-up costs", () => {
  const shapes: Array<[string, string, boolean]> = [
    ["the sources' own example", "acmecorp_api_xxxxxxxx", true],
    ["an organisation with a date", "acme_inc_01032026_api_AbCd1234EfGh5678", true],
    ["an organisation with a hyphen", "acme-inc_api_0123456789abcdef", true],
    ["an organisation of 63 characters", `${"a".repeat(63)}_api_12345678`, true],
    ["an organisation of 64 characters", `${"a".repeat(64)}_api_12345678`, false],
    ["eight characters", "a_api_12345678", true],
    ["seven characters", "a_api_1234567", false],
    ["128 characters", `a_api_${"b".repeat(128)}`, true],
    ["129 characters", `a_api_${"b".repeat(129)}`, false],
    ["no organisation", "_api_12345678", false],
    ["an organisation in upper case", "Acme_api_12345678", false],
    ["an organisation that begins with a hyphen", "-acme_api_12345678", false],
    ["no _api_ at all", "acme-12345678", false],
    ["a quote", "acme_api_1234'678", false],
    ["a space", "acme_api_1234 678", false],
    ["a dot", "acme_api_1234.678", false],
    ["a line break behind it", "acme_api_12345678\n", false],
    ["a letter that is not ASCII", "acme_api_1234567é", false],
    ["a megabyte", `acme_api_${"c".repeat(1_000_000)}`, false],
    ["a key of today", mintOrgKey("local").key.reveal(), false],
  ];
  test.each(shapes)("%s: has the shape or has it not", (_, text, expected) => {
    expect(isLegacyKey(text)).toBe(expected);
  });

  test.each(["acme_api_short", "acme_api_1234.5678", "ACME_api_12345678", `acme_api_${"d".repeat(4_000)}`])(
    "what has not the shape costs none",
    async (key) => {
      let looked = 0;
      const orgKeys = withMethods(parts.orgKeys, {
        findKey: async () => {
          looked += 1;
          return null;
        },
      });
      const older = await serve({ [key]: "acme" }, { orgKeys });
      expectProblem(await older.list("acme", key), 401, "org_key_invalid");
      expect([looked, older.asked]).toEqual([0, []]);
    },
  );

  test("an unknown one is remembered for 10 s, and looked for again after that", async () => {
    const { key, org } = fresh();
    const older = await serve({});
    for (let sent = 0; sent < 5; sent += 1) await older.list(org, key);
    older.moved += 9_000;
    await older.list(org, key);
    expect(older.asked).toHaveLength(1);
    older.rows.set(key, org);
    older.moved += 1_001;
    expect((await older.list(org, key)).status).toBe(200);
    expect(older.asked).toHaveLength(2);
  });

  test("the twenty-first unknown one of an address in a minute is 429, before anything is looked up", async () => {
    const older = await serve({}, { limiter: new Limiter(parts.clock, 1) });
    const guesses = Array.from({ length: 25 }, fresh);
    const statuses: number[] = [];
    for (const { key, org } of guesses) statuses.push((await older.list(org, key)).status);
    expect(statuses).toEqual([...Array.from({ length: 20 }, () => 401), ...Array.from({ length: 5 }, () => 429)]);
    expect(older.asked).toHaveLength(20);
  });

  test("the path, the method and the body come first, as for every key", async () => {
    const { key, org } = fresh();
    const older = await serve({ [key]: org });
    expectProblem(await older.send("GET", `/${org}/openai/nonsense`, { key }), 404, "route_unknown");
    expectProblem(await older.send("PATCH", `/${org}`, { key }), 405, "method_not_allowed");
    expectProblem(await older.send("POST", `/${org}/openai/setup`, { key, raw: "{" }), 400, "request_malformed");
    expect(older.asked).toEqual([]);
  });
});

describe("when something fails", () => {
  test("an older table that cannot be asked is 503, is no failed key, and the next request asks it again", async () => {
    const { key, org } = fresh();
    let down = true;
    const older = await serve(
      {},
      {
        limiter: new Limiter(parts.clock, 0.05),
        find: async () => {
          if (down) throw new Fault("store_unavailable");
          return org;
        },
      },
    );
    for (let sent = 0; sent < 3; sent += 1) expectProblem(await older.list(org, key), 503, "store_unavailable");
    down = false;
    expect((await older.list(org, key)).status).toBe(200);
    expect(older.asked).toHaveLength(4);
  });

  test("where the row cannot be written the customer is let in, it is told, and the next look-up tries again", async () => {
    const { key, org } = fresh();
    let down = true;
    const orgKeys = withMethods(parts.orgKeys, {
      addKey: async (row) => {
        if (down) throw new Fault("store_unavailable");
        await parts.orgKeys.addKey(row);
      },
    });
    const older = await serve({ [key]: org }, { orgKeys });
    const reply = await older.list(org, key);
    expect([reply.status, deprecation(reply)]).toEqual([200, DEPRECATED_SINCE]);
    expect(older.logs.map(({ event }) => event)).toContain("org_key.not_taken_over");
    expect(await older.row(key)).toBeNull();
    down = false;
    older.moved += 30_001;
    expect((await older.list(org, key)).status).toBe(200);
    expect(await older.row(key)).toMatchObject({ org_slug: org, legacy: true });
  });

  test("a pepper that cannot be had is 503, and nothing is looked up", async () => {
    const { key, org } = fresh();
    const secrets = { peppers: () => Promise.reject(new Fault("key_unavailable")) };
    const older = await serve({ [key]: org }, { secrets });
    expectProblem(await older.list(org, key), 503, "key_unavailable");
    expect(older.asked).toEqual([]);
  });
});

describe("what changes while such keys are in use", () => {
  test("one that was taken over under an older pepper is found under it, and not taken over twice", async () => {
    const { key, org } = fresh();
    const older = await serve({ [key]: org });
    await older.list(org, key);
    const before = await parts.secrets.peppers();
    const newer: Pepper = { version: "next", bytes: Buffer.alloc(32, 9) };
    const rotated = await serve({ [key]: org }, { secrets: { peppers: async () => [newer, ...before] } });
    expect((await rotated.list(org, key)).status).toBe(200);
    expect([rotated.asked, rotated.added]).toEqual([[], []]);
  });

  const third: Pepper = { version: "9003", bytes: Buffer.alloc(32, 3) };
  const second: Pepper = { version: "9002", bytes: Buffer.alloc(32, 2) };
  const first: Pepper = { version: "9001", bytes: Buffer.alloc(32, 1) };
  const holding = (...peppers: [Pepper, ...Pepper[]]) => ({ secrets: { peppers: async () => peppers } });
  const revoke = async (key: string, pepper: Pepper) =>
    await parts.orgKeys.revokeKey(legacyKeyId(hashOrgKey(pepper.bytes, key)), new Date().toISOString(), "test");

  test("one that was revoked under a pepper that is gone does not come back, nor does what may be it", async () => {
    const { key, org } = fresh();
    await (await serve({ [key]: org }, holding(first))).list(org, key);
    expect(await revoke(key, first)).toBe(true);
    const later = await serve({ [key]: org, [`${key}2`]: org }, holding(third, second));
    for (const one of [key, `${key}2`]) expectProblem(await later.list(org, one), 401, "org_key_invalid");
    expect(later.added).toEqual([]);
    expect(later.logs.filter(({ event }) => event === "org_key.not_taken_over")).toEqual(
      [1, 2].map(() => ({ event: "org_key.not_taken_over", fields: { org_slug: org, reason: "revoked_before" } })),
    );
  });

  test("one that is live under a pepper that is gone, or beside an own one that was revoked, is taken over again", async () => {
    const [one, two] = [fresh(), fresh()];
    const before = await serve({ [one.key]: one.org, [two.key]: two.org, [`${two.key}2`]: two.org }, holding(second));
    await (await serve({ [one.key]: one.org }, holding(first))).list(one.org, one.key);
    await before.list(two.org, two.key);
    await revoke(two.key, second);
    const later = await serve({ [one.key]: one.org, [`${two.key}2`]: two.org }, holding(third, second));
    expect((await later.list(one.org, one.key)).status).toBe(200);
    expect((await later.list(two.org, `${two.key}2`)).status).toBe(200);
    expect(later.added).toHaveLength(2);
  });

  test("one that is here under two peppers is refused as soon as either was revoked", async () => {
    for (const revoked of [first, second]) {
      const { key, org } = fresh();
      await (await serve({ [key]: org }, holding(first))).list(org, key);
      await (await serve({ [key]: org }, holding(second))).list(org, key);
      expect((await parts.orgKeys.listKeys(org)).length).toBe(2);
      await revoke(key, revoked);
      const later = await serve({ [key]: org }, holding(second, first));
      expectProblem(await later.list(org, key), 401, "org_key_invalid");
      const live = legacyKeyId(hashOrgKey((revoked === first ? second : first).bytes, key));
      expect(later.logs.filter(({ event }) => event === "org_key.revoked_in_part")).toEqual([
        { event: "org_key.revoked_in_part", fields: { org_slug: org, subject: live } },
      ]);
    }
  });

  test("while the pepper of its row cannot be had it is 503, nothing is taken over, and it is no failed key", async () => {
    const { key, org } = fresh();
    await (await serve({ [key]: org }, holding(second))).list(org, key);
    const late = await serve({ [key]: org }, { ...holding(first), limiter: new Limiter(parts.clock, 0.05) });
    for (let sent = 0; sent < 3; sent += 1) {
      const reply = await late.list(org, key);
      expectProblem(reply, 503, "key_unavailable");
      expect(Number(reply.headers.get("retry-after"))).toBeGreaterThan(0);
    }
    expect(late.added).toEqual([]);
    expect((await parts.orgKeys.listKeys(org)).length).toBe(1);
  });

  test("its pepper is asked for once a request where it is among those that are known", async () => {
    const { key, org } = fresh();
    await (await serve({ [key]: org }, holding(first))).list(org, key);
    let asked = 0;
    const peppers = async (): Promise<[Pepper, ...Pepper[]]> => {
      asked += 1;
      return [second, first];
    };
    const older = await serve({ [key]: org }, { secrets: { peppers } });
    for (let sent = 0; sent < 3; sent += 1) expect((await older.list(org, key)).status).toBe(200);
    expect(asked).toBe(3);
  });

  const ends: Array<[string, number[], number, number]> = [
    ["has ended is not taken over again", [-HOUR], 401, 0],
    ["ends sooner ends then, taken over again", [HOUR], 200, HOUR],
    ["ends later ends with the window, taken over again", [48 * HOUR], 200, 24 * HOUR],
    ["is one of several ends with the last of them, taken over again", [-HOUR, 2 * HOUR, HOUR], 200, 2 * HOUR],
  ];
  test.each(ends)("one that may be here under a pepper that is gone and %s", async (_, rows, status, end) => {
    const { key, org } = fresh();
    const now = Date.now();
    const at = (ms: number) => new Date(now + ms).toISOString();
    for (const [index, ms] of rows.entries()) {
      const of = { org, environment: parts.keyEnvironment, pepper: first, now: at(-48 * HOUR), by: "test" };
      await parts.orgKeys.addKey(legacyKeyRow(`${key}${index || ""}`, { ...of, until: at(ms) }));
    }
    // Neither a key of today nor one under a pepper that is here may be it.
    const others = [
      { ...legacyKeyRow(`${key}8`, { org, environment: "local", pepper: first, now: at(0), until: at(0), by: "" }) },
      { ...legacyKeyRow(`${key}9`, { org, environment: "local", pepper: second, now: at(0), until: at(0), by: "" }) },
    ];
    for (const row of others) {
      const legacy = row.pepper_version === second.version;
      await parts.orgKeys.addKey({ ...row, legacy, expires_at: at(100 * HOUR) });
    }
    const later = await serve({ [key]: org }, holding(third, second));
    later.until = at(24 * HOUR);
    expect((await later.list(org, key)).status).toBe(status);
    expect(later.added.map(({ expires_at }) => expires_at)).toEqual(status === 200 ? [at(end)] : []);
    const told = later.logs.filter(({ event }) => event === "org_key.not_taken_over").map(({ fields }) => fields);
    expect(told).toEqual(status === 200 ? [] : [{ org_slug: org, reason: "ended_before" }]);
  });

  test.each([
    ["lets it in where it lives", false, 200],
    ["refuses it where it was revoked", true, 401],
  ])(
    "an instance that does not know the newest pepper asks for it before it takes a key over, and %s",
    async (_, revoked, status) => {
      const { key, org } = fresh();
      await (await serve({ [key]: org }, holding(second, first))).list(org, key);
      if (revoked) await revoke(key, second);
      const wanted: Array<string | undefined> = [];
      let held: [Pepper, ...Pepper[]] = [first];
      const secrets = {
        peppers: async (version?: string) => {
          wanted.push(version);
          if (version === second.version) held = [second, first];
          return held;
        },
      };
      const late = await serve({ [key]: org }, { secrets });
      expect((await late.list(org, key)).status).toBe(status);
      expect(wanted).toContain(second.version);
      expect(late.added).toEqual([]);
    },
  );

  test("the date that is moved further away does not lengthen those taken over already", async () => {
    const { key, org } = fresh();
    const older = await serve({ [key]: org });
    await older.list(org, key);
    const extended = await serve({ [key]: org });
    extended.until = new Date(Date.now() + 72 * HOUR).toISOString();
    expect((await extended.list(org, key)).status).toBe(200);
    extended.moved = 48 * HOUR;
    expectProblem(await extended.list(org, key), 401, "org_key_invalid");
    expect(extended.asked).toEqual([]);
  });

  test("the date that is moved nearer ends them then", async () => {
    const { key, org } = fresh();
    const older = await serve({ [key]: org });
    await older.list(org, key);
    const shortened = await serve({ [key]: org });
    shortened.until = new Date(Date.now() - HOUR).toISOString();
    expectProblem(await shortened.list(org, key), 401, "org_key_invalid");
  });

  test("without a date they live as long as their rows say", async () => {
    const { key, org } = fresh();
    const older = await serve({ [key]: org });
    await older.list(org, key);
    const without = await serve({}, { closed: true });
    expect((await without.list(org, key)).status).toBe(200);
    without.moved = 24 * HOUR;
    expectProblem(await without.list(org, key), 401, "org_key_invalid");
  });

  test("one without an end, and without a date, is refused: none of them lives for ever", async () => {
    const { key, org } = fresh();
    const [pepper] = await parts.secrets.peppers();
    const of = { org, environment: parts.keyEnvironment, pepper, now: new Date().toISOString(), until: "", by: "test" };
    await parts.orgKeys.addKey({ ...legacyKeyRow(key, of), expires_at: null });
    expectProblem(await (await serve({}, { closed: true })).list(org, key), 401, "org_key_invalid");
  });
});
