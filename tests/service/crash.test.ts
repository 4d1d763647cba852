import { createHash, randomUUID } from "node:crypto";
import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openKeyRing } from "../../shared/adapters/local/key-ring.ts";
import { freshHome } from "../adapters/local/fresh-home.ts";
import { seeded } from "../operations/bench.ts";
import { exampleKey, type Simulators, startSimulators } from "../simulators/start.ts";
import { openBackend } from "./backend.ts";
import { type Reply, type Service, startService } from "./harness.ts";
import { historyOf } from "./ledger.ts";

const RUN = { pipeline: "genai.payg_usage", run_id: "run-1" };
const { home } = freshHome();
let simulators: Simulators;
beforeAll(async () => {
  simulators = await startSimulators();
});
afterAll(async () => {
  await simulators.close();
  rmSync(home, { recursive: true, force: true });
});

/** What is certain about a pair, and what its writer was never told. */
interface Pair {
  org: string;
  key: string;
  token: string;
  /** The last acknowledged credential, or the one that was seen after a crash. */
  sure: { credentialId: string; secret: string } | null;
  /** Sent, and never answered. */
  open: { secret: string; send: (service: Service) => Promise<Reply> } | null;
  acknowledged: Set<string>;
}

let number = 0;
function freshKey(): string {
  number += 1;
  return exampleKey("OPENAI", [`n${number}`]);
}

/** One change after the other until the process is gone. */
async function keepChanging(service: Service, pair: Pair, random: () => number, requestIds: string[]): Promise<void> {
  for (;;) {
    const secret = freshKey();
    const headers = { "idempotency-key": randomUUID(), "x-request-id": randomUUID() };
    const rotates = pair.sure !== null && random() < 0.6;
    const send = (to: Service) =>
      rotates
        ? to.send("POST", `/${pair.org}/openai/rotate`, { key: pair.key, headers, body: { new_credentials: secret } })
        : to.send("POST", `/${pair.org}/openai/setup`, { key: pair.key, headers, body: { credential: secret } });
    pair.open = { secret, send };
    let reply: Reply;
    try {
      reply = await send(service);
    } catch {
      return;
    }
    pair.open = null;
    expect([200, 201]).toContain(reply.status);
    pair.sure = { credentialId: reply.body.credential_id, secret };
    pair.acknowledged.add(reply.body.credential_id);
    requestIds.push(headers["x-request-id"]);
  }
}

/** After a crash: the old credential or the new one, whole; and the request that was not answered can be repeated. */
async function expectWhole(service: Service, pair: Pair): Promise<"old" | "new" | "none"> {
  const opened = await service.send("POST", `/${pair.org}/openai/decrypt`, { token: pair.token, body: RUN });
  let found: "old" | "new" | "none" = "none";
  if (opened.status === 404) {
    expect(pair.sure, "an acknowledged credential is there").toBeNull();
  } else {
    expect(opened.status, opened.text).toBe(200);
    const secret: string = opened.body.credential.api_key;
    expect([pair.sure?.secret, pair.open?.secret], "the old one or the new one").toContain(secret);
    found = secret === pair.sure?.secret ? "old" : "new";
    if (found === "old") expect(opened.body.credential_id).toBe(pair.sure?.credentialId);
    else expect(pair.acknowledged.has(opened.body.credential_id)).toBe(false);
    expect(opened.body.fingerprint, "its own fingerprint").toBe(
      createHash("sha256").update(secret).digest("hex").slice(0, 8),
    );
    const shown = await service.send("GET", `/${pair.org}/openai`, { key: pair.key });
    expect(shown.body).toMatchObject({
      credential_id: opened.body.credential_id,
      fingerprint: opened.body.fingerprint,
      status: "VALID",
    });
    pair.sure = { credentialId: opened.body.credential_id, secret };
  }
  if (pair.open !== null) {
    const again = await pair.open.send(service);
    expect([200, 201]).toContain(again.status);
    // What had taken effect is answered from the store, as it would have been; the rest happens now.
    if (found === "new") expect(again.body.credential_id).toBe(pair.sure?.credentialId);
    pair.sure = { credentialId: again.body.credential_id, secret: pair.open.secret };
    pair.acknowledged.add(again.body.credential_id);
    pair.open = null;
  }
  return found;
}

/** Each moment at which a change has done something and not yet all: which request, when the process dies, what is there then. */
const moments: Array<[how: "setup" | "rotate", when: string, left: "none" | "old" | "new"]> = [
  ["setup", "before statement 1", "none"],
  ["setup", "after statement 1", "none"],
  ["setup", "after statement 2", "none"],
  ["setup", "after statement 3", "new"],
  ["rotate", "before statement 1", "old"],
  ["rotate", "after statement 1", "old"],
  ["rotate", "before statement 2", "old"],
  ["rotate", "after statement 2", "new"],
  ["rotate", "before audit", "new"],
  ["rotate", "after audit", "new"],
];

test("killed at each step of a setup and of a rotation, it has the old credential or the new one, and the same Idempotency-Key ends it once", async () => {
  const own = freshHome().home;
  const dying = { NODE_OPTIONS: `--import=${new URL("./die-at.ts", import.meta.url).href}` };
  let before: { left: string; pair: Pair } | null = null;
  const orgs: string[] = [];
  for (const [how, when, left] of [...moments, null].map((moment) => moment ?? (["setup", "never", "none"] as const))) {
    const service = await startService({ home: own, simulators, env: { ...dying, TEST_DIE_AT: when } });
    if (before !== null) {
      expect(await expectWhole(service, before.pair)).toBe(before.left);
      const again = await service.send("GET", `/${before.pair.org}/openai`, { key: before.pair.key });
      expect(again.body.credential_id).toBe(before.pair.sure?.credentialId);
    }
    if (when !== "never") {
      const org = `moment${orgs.length}`;
      orgs.push(org);
      await service.grant(org, [org]);
      const pair: Pair = {
        org,
        key: await service.orgKey(org),
        token: await service.token(org),
        sure: null,
        open: null,
        acknowledged: new Set(),
      };
      if (how === "rotate") {
        const secret = freshKey();
        const { body } = await service.send("POST", `/${org}/openai/setup`, {
          key: pair.key,
          body: { credential: secret },
        });
        pair.sure = { credentialId: body.credential_id, secret };
        pair.acknowledged.add(body.credential_id);
      }
      service.child?.kill("SIGUSR2");
      await new Promise((resolve) => setTimeout(resolve, 30));
      const secret = freshKey();
      const headers = { "idempotency-key": randomUUID() };
      const send = (to: Service) =>
        how === "rotate"
          ? to.send("POST", `/${org}/openai/rotate`, { key: pair.key, headers, body: { new_credentials: secret } })
          : to.send("POST", `/${org}/openai/setup`, { key: pair.key, headers, body: { credential: secret } });
      pair.open = { secret, send };
      await expect(send(service), "it died before it answered").rejects.toThrow();
      before = { left, pair };
    }
    await service.close();
  }
  const backend = await openBackend(own);
  for (const [index, [how]] of moments.entries())
    expect((await historyOf(backend, `moment${index}`, "OPENAI")).map(({ op }) => op)).toEqual(
      how === "rotate" ? ["setup", "rotate"] : ["setup"],
    );
  await backend.close();
  rmSync(own, { recursive: true, force: true });
}, 60_000);

const KILLS = 14;
test(`after each of ${KILLS} kills the old credential or the new one is there, acknowledged ones are, and all files can be read`, async () => {
  const random = seeded(20_260_822);
  const pairs: Pair[] = [];
  const requestIds: string[] = [];
  const seen = { old: 0, new: 0, none: 0 };
  let unanswered = 0;
  for (let kill = 0; kill <= KILLS; kill += 1) {
    const service = await startService({ home, simulators });
    for (const pair of pairs) {
      if (pair.open !== null) unanswered += 1;
      seen[await expectWhole(service, pair)] += 1;
    }
    if (kill === KILLS) {
      await service.close();
      break;
    }
    // New pairs as well as old ones: a first setup is killed as often as a rotation.
    for (let index = 0; index < (kill === 0 ? 4 : 1); index += 1) {
      const org = `crash${pairs.length}`;
      await service.grant(org, [org]);
      pairs.push({
        org,
        key: await service.orgKey(org),
        token: await service.token(org),
        sure: null,
        open: null,
        acknowledged: new Set(),
      });
    }
    const active = pairs.slice(-5);
    simulators.latency("OPENAI", kill % 4 === 3 ? 15 : 0);
    const asked = simulators.requests.length;
    const told = requestIds.length;
    const working = Promise.all(active.map((pair) => keepChanging(service, pair, random, requestIds)));
    const until = async (ready: () => boolean) => {
      while (!ready()) await new Promise((resolve) => setImmediate(resolve));
    };
    // At random · while a provider is asked · so many ms after it answered · the moment a change is acknowledged
    if (kill % 4 === 0) await new Promise((resolve) => setTimeout(resolve, random() * 60));
    else if (kill % 4 === 3) await until(() => simulators.requests.length > asked + (kill % 7));
    else if (kill % 4 === 1) {
      await until(() => simulators.requests.length > asked + 3 + kill);
      await new Promise((resolve) => setTimeout(resolve, (kill >> 2) % 6));
    } else await until(() => requestIds.length > told + kill);
    await service.stop("SIGKILL");
    service.parts.store.close();
    await working;
  }

  const backend = await openBackend(home);
  for (const pair of pairs) {
    const history = await historyOf(backend, pair.org, "OPENAI");
    const effective = history.map(({ credentialId }) => credentialId);
    expect(new Set(effective).size, "each at most once").toBe(effective.length);
    for (const id of pair.acknowledged) expect(effective).toContain(id);
    expect(effective.at(-1) ?? null).toBe(pair.sure?.credentialId ?? null);
  }
  await backend.close();
  const database = new DatabaseSync(join(home, "integrations.sqlite"), { readOnly: true });
  expect(database.prepare("PRAGMA integrity_check").all()).toEqual([{ integrity_check: "ok" }]);
  database.close();
  expect(openKeyRing(join(home, "keyring.json")).versions()).toMatchObject([
    { version: "1", state: "enabled", primary: true },
  ]);
  const audit = readFileSync(join(home, "audit.jsonl"), "utf8")
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));
  const audited = new Set(audit.map(({ request_id }) => request_id));
  for (const id of requestIds) expect(audited.has(id), "what was acknowledged was audited before").toBe(true);
  expect(requestIds.length).toBeGreaterThan(20);
  expect(unanswered, "the kills hit something").toBeGreaterThan(20);
  expect(seen.old).toBeGreaterThan(0);
}, 60_000);
