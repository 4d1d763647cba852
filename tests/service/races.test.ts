import { afterAll, beforeAll, expect, test } from "vitest";
import { canonical } from "../../shared/vault/binding.ts";
import { exampleKey, exampleKeys, type Simulators, startSimulators } from "../simulators/start.ts";
import { backendName } from "./backend.ts";
import { type Reply, type Service, startService } from "./harness.ts";
import { historyOf, type Link } from "./ledger.ts";

const RUN = { pipeline: "genai.payg_usage", run_id: "run-1" };
let simulators: Simulators;
let services: [Service, Service];
const keys = new Map<string, string>();
const tokens = new Map<string, string>();

beforeAll(async () => {
  simulators = await startSimulators();
  const first = await startService({ simulators });
  services = [first, await startService({ home: first.home, simulators })];
});
afterAll(async () => {
  await services[1].close();
  await services[0].close();
  await simulators.close();
});

async function organisation(name: string): Promise<string> {
  keys.set(name, await services[0].orgKey(name));
  // A subject of its own: grants are remembered for seconds.
  await services[0].grant(name, [name]);
  tokens.set(name, await services[0].token(name));
  return name;
}
const keyNo = (number: number) => exampleKey("OPENAI", [`n${number}`]);
const turnedAway: number[] = backendName === "gcp" ? [503] : [];
/** BigQuery changes the rows of a table two statements at a time and makes the others wait: half as many take as long. */
const crowd = (count: number): number => (backendName === "gcp" ? count / 2 : count);
const pick = (index: number): Service => services[index % 2] ?? services[0];

/** One request as its sender saw it. */
interface Event {
  kind: string;
  began: number;
  ended: number;
  reply: Reply;
  seq: number | null;
  secret: string | null;
}

async function act(org: string, kind: string, service: Service, number: number): Promise<Event> {
  const key = keys.get(org) ?? "";
  const secret = keyNo(number);
  const began = performance.now();
  const path = `/${org}/openai`;
  const reply = await {
    setup: () => service.send("POST", `${path}/setup`, { key, body: { credential: secret } }),
    create: () =>
      service.send("POST", `${path}/setup`, { key, body: { credential: secret }, headers: { "if-none-match": "*" } }),
    rotate: () => service.send("POST", `${path}/rotate`, { key, body: { new_credentials: secret } }),
    rename: () => service.send("PUT", path, { key, body: { credential_name: `Name ${number}` } }),
    delete: () => service.send("DELETE", path, { key }),
    schedule: () =>
      service.send("DELETE", `${path}?deactivation_scheduled_at=${new Date(Date.now() + 3_600_000).toISOString()}`, {
        key,
      }),
    read: () => service.send("GET", path, { key }),
  }[kind]!();
  const tag = /^"v(\d+)"$/.exec(reply.headers.get("etag") ?? "")?.[1];
  return { kind, began, ended: performance.now(), reply, seq: tag === undefined ? null : Number(tag), secret };
}

const ops: Record<string, string[]> = {
  setup: ["setup"],
  create: ["setup"],
  rotate: ["rotate"],
  rename: ["update"],
  schedule: ["schedule"],
  delete: ["delete"],
};

/**
 * Whether what every sender saw fits one order of changes, the one in the store: each acknowledged change stands in it
 * once, no refused one does, none stands before another that had ended when it began, 201 was said where nothing was
 * there, and every read shows a state that was current while it was read.
 */
async function expectLinear(org: string, events: Event[]): Promise<Link[]> {
  const history = await historyOf(services[0].backend, org, "OPENAI");
  const at = new Map(history.map((link) => [link.seq, link]));
  const writes = events.filter(({ kind }) => kind !== "read");
  const accepted = writes.filter(({ reply }) => reply.status < 300);
  // BigQuery takes 22 mutating statements of a table at a time: who is turned away is told 503, and may appear once.
  const unsure = writes.filter(({ reply }) => reply.status === 503).length;
  for (const { reply } of writes) expect([200, 201, 202, 404, 409, 412, ...turnedAway]).toContain(reply.status);
  // A deletion's answer has no tag: its place is found by elimination.
  const tagged = accepted.filter(({ seq }) => seq !== null);
  expect(new Set(tagged.map(({ seq }) => seq)).size, "each acknowledged change has a version of its own").toBe(
    tagged.length,
  );
  expect(history.length, "nothing is effective that was not acknowledged").toBeGreaterThanOrEqual(accepted.length);
  expect(history.length - accepted.length).toBeLessThanOrEqual(unsure);
  for (const { kind, seq, reply } of tagged) {
    const link = at.get(seq ?? 0);
    expect(ops[kind]).toContain(link?.op);
    if (reply.body.credential_id) expect(link?.credentialId).toBe(reply.body.credential_id);
    const before = at.get((seq ?? 0) - 1);
    if (kind === "setup" || kind === "create")
      expect(reply.status, "201 where nothing was configured").toBe(
        before === undefined || before.op === "delete" ? 201 : 200,
      );
    else expect(before?.op, "nothing but setup follows a deletion").not.toBe("delete");
  }
  const ordered = [...tagged].sort((left, right) => left.ended - right.ended);
  for (const one of tagged)
    for (const earlier of ordered) {
      if (earlier.ended >= one.began) break;
      expect(earlier.seq ?? 0, "what had ended before it began comes before it").toBeLessThan(one.seq ?? 0);
    }
  for (const read of events.filter(({ kind, reply }) => kind === "read" && reply.status === 200)) {
    const done = tagged.filter(({ ended }) => ended < read.began).map(({ seq }) => seq ?? 0);
    const begun = tagged.filter(({ began }) => began < read.ended).map(({ seq }) => seq ?? 0);
    expect(read.seq ?? 0).toBeGreaterThanOrEqual(Math.max(0, ...done));
    // A deletion in between carries no tag, so the newest begun change may be one further on.
    if (!events.some(({ kind }) => kind === "delete")) expect(read.seq ?? 0).toBeLessThanOrEqual(Math.max(0, ...begun));
    expect(read.reply.body.credential_id).toBe(at.get(read.seq ?? 0)?.credentialId);
  }
  return history;
}

test(`${crowd(64)} setups of one provider by two processes: one is told 201, each acknowledged one is in the history, none of the others is`, async () => {
  const org = await organisation("race-setup");
  const events = await Promise.all(
    Array.from({ length: crowd(64) }, (_, index) => act(org, "setup", pick(index), index)),
  );
  const history = await expectLinear(org, events);
  const count = (status: number) => events.filter(({ reply }) => reply.status === status).length;
  if (count(503) === 0) expect(count(201)).toBe(1);
  expect(count(201)).toBeLessThanOrEqual(1);
  expect(count(201) + count(200) + count(409) + count(503)).toBe(crowd(64));
  const current = await services[0].send("GET", `/${org}/openai`, { key: keys.get(org) ?? "" });
  expect(current.body.credential_id).toBe(history.at(-1)?.credentialId);
  const listed = await services[1].send("GET", `/${org}/openai/history?limit=200`, { key: keys.get(org) ?? "" });
  expect(listed.body.items.map((item: { credential_id: string }) => item.credential_id)).toEqual(
    history.map(({ credentialId }) => credentialId).reverse(),
  );
  for (const service of services) {
    const winner = events.find(({ reply }) => reply.body.credential_id === history.at(-1)?.credentialId);
    if (!winner) continue;
    const opened = await service.send("POST", `/${org}/openai/decrypt`, { token: tokens.get(org) ?? "", body: RUN });
    expect(opened.body).toMatchObject({
      credential_id: winner.reply.body.credential_id,
      credential: { api_key: winner.secret },
    });
  }
});

test(`${crowd(32)} create-only setups: exactly one creates, ${crowd(32) - 1} are told that it exists`, async () => {
  const org = await organisation("race-create");
  const events = await Promise.all(
    Array.from({ length: crowd(32) }, (_, index) => act(org, "create", pick(index), index)),
  );
  await expectLinear(org, events);
  const told = events.map(({ reply }) => reply.status).filter((status) => !turnedAway.includes(status));
  const created = told.filter((status) => status === 201).length;
  expect(created).toBeLessThanOrEqual(1);
  if (told.length === crowd(32)) expect(created).toBe(1);
  expect(told.filter((status) => status !== 201).every((status) => status === 412)).toBe(true);
});

const mixes: Array<[string, string[], number]> = [
  ["setup and rotate", ["setup", "rotate"], 48],
  ["rotate and rename", ["rotate", "rename"], 48],
  ["setup, rotate, rename and reads", ["setup", "rotate", "rename", "read"], 64],
  ["everything, deletions too", ["setup", "rotate", "rename", "delete", "schedule", "read"], 72],
];
test.each(mixes)("%s at once on two processes fit one order of changes", async (name, kinds, count) => {
  const org = await organisation(`race-${name.replaceAll(/[^a-z]+/g, "-")}`);
  const first = await act(org, "setup", services[0], 0);
  const events = await Promise.all(
    Array.from({ length: crowd(count) }, async (_, index) => {
      await new Promise((resolve) => setTimeout(resolve, (index * 37) % 150));
      return await act(org, kinds[index % kinds.length] ?? "", pick(index >> 1), index + 1);
    }),
  );
  const history = await expectLinear(org, [first, ...events]);
  expect(history.length).toBeGreaterThan(1);
});

test.each(["setup", "rotate", "PUT"])(
  "the same Idempotency-Key 20 times at once on two processes makes one version of %s",
  async (how) => {
    const org = await organisation(`race-idempotent-${how.toLowerCase()}`);
    const key = keys.get(org) ?? "";
    if (how !== "setup") await act(org, "setup", services[0], 0);
    const before = (await historyOf(services[0].backend, org, "OPENAI")).length;
    const once = (service: Service) => {
      const headers = { "idempotency-key": "once" };
      if (how === "setup")
        return service.send("POST", `/${org}/openai/setup`, { key, headers, body: { credential: keyNo(1) } });
      if (how === "rotate")
        return service.send("POST", `/${org}/openai/rotate`, { key, headers, body: { new_credentials: keyNo(1) } });
      return service.send("PUT", `/${org}/openai`, {
        key,
        headers,
        body: { credential: keyNo(1), credential_name: "Once" },
      });
    };
    const replies = await Promise.all(Array.from({ length: 20 }, (_, index) => once(pick(index))));
    const answered = replies.filter(({ status }) => status < 300);
    expect(answered.length).toBeGreaterThan(0);
    expect(
      new Set(answered.map(({ status, body, headers }) => `${status} ${headers.get("etag")} ${canonical(body)}`)).size,
      "all are told the same",
    ).toBe(1);
    for (const { status, body } of replies.filter(({ status }) => status >= 300))
      expect([status, body.code]).toEqual([409, "in_flight"]);
    expect(await historyOf(services[0].backend, org, "OPENAI")).toHaveLength(before + 1);
    const later = await Promise.all(services.map(once));
    for (const reply of later) expect(reply.body).toEqual(answered[0]?.body);
    expect(await historyOf(services[0].backend, org, "OPENAI")).toHaveLength(before + 1);
  },
);

test("renames and a disabling during a sweep never undo the INVALID that it finds", async () => {
  const org = await organisation("race-sweep");
  const key = keys.get(org) ?? "";
  const secret = exampleKeys("OPENAI").another;
  await services[0].send("POST", `/${org}/openai/setup`, { key, body: { credential: secret } });
  const { body: head } = await services[0].send("GET", `/${org}/openai`, { key });
  simulators.revoke(secret);
  await services[0].send("POST", `/${org}/openai/failures`, {
    token: tokens.get(org) ?? "",
    body: { ...RUN, credential_id: head.credential_id, http_status: 401 },
  });
  const scheduler = await services[0].token("scheduler");
  let sweeping = true;
  const swept = services[0]
    .send("POST", "/revalidate", { token: scheduler, body: { org } })
    .finally(() => (sweeping = false));
  const renamed: number[] = [];
  for (let number = 1; sweeping; number += 1) {
    const { reply } = await act(org, "rename", pick(number), number);
    expect(reply.status).toBe(200);
    renamed.push(number);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  expect((await swept).body).toMatchObject({ checked: 1, invalid: 1 });
  expect(renamed.length).toBeGreaterThan(crowd(20));
  const last = await act(org, "rename", services[1], 99);
  await services[1].send("PUT", `/${org}/openai`, { key, body: { enabled: false } });
  for (const service of services) {
    const { body } = await service.send("GET", `/${org}/openai`, { key });
    expect(body).toMatchObject({
      status: "INVALID",
      lifecycle: "disabled",
      credential_name: "Name 99",
      validation: { code: "credential_rejected" },
    });
  }
  expect(last.reply.status).toBe(200);
  expect(
    (await services[0].send("POST", "/revalidate", { token: scheduler, body: { org } })).body,
    "and nobody asks again",
  ).toMatchObject({ checked: 0 });
});

test("one process shows its own changes at once: after each acknowledged rotation decrypt has the new secret", async () => {
  const org = await organisation("race-own");
  const own = await startService({ home: services[0].home, simulators, inOneProcess: true });
  await act(org, "setup", own, 0);
  for (let number = 1; number <= 25; number += 1) {
    const readers = Array.from({ length: 4 }, () =>
      own.send("POST", `/${org}/openai/decrypt`, { token: tokens.get(org) ?? "", body: RUN }),
    );
    const { reply } = await act(org, "rotate", own, number);
    const opened = await own.send("POST", `/${org}/openai/decrypt`, {
      token: tokens.get(org) ?? "",
      body: RUN,
    });
    expect(opened.body).toMatchObject({
      credential_id: reply.body.credential_id,
      credential: { api_key: keyNo(number) },
    });
    for (const { body } of await Promise.all(readers))
      expect([keyNo(number - 1), keyNo(number)]).toContain(body.credential.api_key);
  }
  expect((await act(org, "delete", own, 0)).reply.status).toBe(200);
  expect((await own.send("POST", `/${org}/openai/decrypt`, { token: tokens.get(org) ?? "", body: RUN })).status).toBe(
    404,
  );
  await own.close();
});
