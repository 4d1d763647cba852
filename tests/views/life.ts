import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openKeyRing } from "../../shared/adapters/local/key-ring.ts";
import { type RevalidateBody, revalidateBody } from "../../shared/contract/bodies.ts";
import type { Head } from "../../shared/contract/rows.ts";
import { isConfigured, lifecycle } from "../../shared/operations/present.ts";
import { remove } from "../../shared/operations/remove.ts";
import { rewrap } from "../../shared/operations/rewrap.ts";
import { sweep } from "../../shared/operations/sweep.ts";
import { update } from "../../shared/operations/update.ts";
import { validate } from "../../shared/operations/validate.ts";
import { timestamp } from "../../shared/ports/clock.ts";
import { type Bench, DAY, faultOf, HOUR, MINUTE, openBench, seeded } from "../operations/bench.ts";
import type { Given } from "./insert.ts";
import { storedRows } from "./stored.ts";

const OPERATOR = { requestId: "00000000-0000-4000-8000-000000000002", actor: "operator:op" };
const SCHEDULER = { requestId: "00000000-0000-4000-8000-000000000003", actor: "scheduler" };
const free = { ifMatch: null, createOnly: false };
type Body = Parameters<typeof update>[1]["body"];

/** What happens to the integrations of one store, by the service's own operations. A minute passes after each step. */
export interface Life {
  bench: Bench;
  setUp(org: string, more?: Record<string, unknown>): Promise<void>;
  put(org: string, body: Body): Promise<void>;
  rotate(org: string, more?: Body): Promise<void>;
  /** Asks the provider about the stored credential, which answers with this status from then on. */
  check(org: string, status: number): Promise<void>;
  remove(org: string, at?: string | null): Promise<void>;
  sweep(body?: Partial<RevalidateBody>): Promise<void>;
  /** A new version of the key, and every current secret sealed with it. */
  rewrap(): Promise<void>;
  /** A rename that another change comes before: its version is there and has no effect. */
  loseRace(org: string): Promise<void>;
  /** A rename whose version is inserted twice, since the first insert's reply was lost. */
  repeatInsert(org: string): Promise<void>;
  /** A placeholder of somebody who saw no row, and inserted it after the first change was made. */
  latePlaceholder(org: string): Promise<void>;
  /** An instance that dies after inserting its version and before the head is moved. */
  dieHalfWay(org: string): Promise<void>;
  /** Every row, by table, for the views to read. */
  rows(): Record<string, Given[]>;
  /** Now by the clock of the history. */
  now(): string;
  close(): void;
}

export function openLife(): Life {
  const bench = openBench();
  const folder = mkdtempSync(join(tmpdir(), "integrations-views-"));
  const ring = openKeyRing(join(folder, "keyring.json"), bench.clock);
  bench.works.keys = ring;
  let keys = 0;
  const key = () => {
    keys += 1;
    return `fake-key-${keys}`;
  };
  const put = async (org: string, body: Body) => {
    await update(bench.works, { ...bench.subject(org), body, message: "ok", idempotency: null, precondition: free });
  };
  const rename = async (org: string) => {
    keys += 1;
    await put(org, { credential_name: `name ${keys}` });
  };
  const step =
    <Given extends unknown[]>(work: (...given: Given) => Promise<unknown>) =>
    async (...given: Given) => {
      await work(...given);
      bench.clock.advance(MINUTE);
    };
  return {
    bench,
    setUp: step((org: string, more?: Record<string, unknown>) => bench.setUp(org, key(), more)),
    put: step(put),
    rotate: step((org: string, more?: Body) => put(org, { ...more, credential: key() })),
    check: step(async (org: string, status: number) => {
      bench.usually.answer = () => status;
      await validate(bench.works, bench.subject(org));
      bench.usually.answer = () => 200;
    }),
    remove: step((org: string, at?: string | null) =>
      remove(bench.works, { ...bench.subject(org), at: at ?? null, precondition: free }),
    ),
    sweep: step((body?: Partial<RevalidateBody>) => sweep(bench.works, SCHEDULER, revalidateBody.parse(body ?? {}))),
    rewrap: step(async () => {
      ring.rotate();
      await rewrap(bench.works, { ...OPERATOR, dryRun: false });
    }),
    loseRace: step(async (org: string) => {
      bench.watched.next("advanceHead", { before: () => rename(org) });
      await faultOf(rename(org));
    }),
    repeatInsert: step(async (org: string) => {
      bench.watched.next("appendVersions", "takes effect, then fails");
      await rename(org);
    }),
    latePlaceholder: step((org: string) =>
      bench.real.placeHeads([{ org_slug: org, provider: "FAKE" }], timestamp(bench.clock.now())),
    ),
    dieHalfWay: step(async (org: string) => {
      const death = () => Promise.reject(new Error("the process is gone"));
      bench.watched.next("advanceHead", { before: death });
      await bench.setUp(org, key()).catch(() => undefined);
    }),
    rows: () => storedRows(bench.database),
    now: () => timestamp(bench.clock.now()),
    close() {
      bench.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** What the service said of an integration at a time. */
export interface Sample {
  org: string;
  at: string;
  status: string;
  lifecycle: string;
  credential_id: string | null;
  /** Whether a scheduled deactivation had passed that no sweep had applied yet. */
  lapsed: boolean;
  head: Head | null;
}

export async function sampleOf({ bench }: Life, org: string): Promise<Sample> {
  const at = timestamp(bench.clock.now());
  const head: Head | null = await bench.real.readHead({ org_slug: org, provider: "FAKE" });
  const lapsed = head !== null && head.op !== "delete";
  if (!isConfigured(head, at)) {
    return { org, at, status: "NOT_CONFIGURED", lifecycle: "not_configured", credential_id: null, lapsed, head };
  }
  const { validation_status: status, credential_id } = head;
  return { org, at, status, lifecycle: lifecycle(head), credential_id, lapsed: false, head };
}

/**
 * A long history of a few organisations: whatever may happen in whatever order, the same for the same seed.
 *
 * @returns what the service said of each organisation before each step and after the last
 */
export async function liveThrough(
  life: Life,
  options: { seed: number; orgs: string[]; steps: number },
): Promise<Sample[]> {
  const random = seeded(options.seed);
  const pick = <Item>(items: readonly Item[]): Item => {
    const found = items[Math.floor(random() * items.length)];
    if (found === undefined) throw new RangeError("nothing to pick from");
    return found;
  };
  const { bench } = life;
  const later = (ms: number) => timestamp(bench.clock.now() + ms);
  const configured: Array<(org: string) => Promise<void>> = [
    (org) => life.setUp(org),
    (org) => life.put(org, { credential_name: `name ${Math.floor(random() * 1000)}` }),
    (org) => life.put(org, { metadata: { label: pick(["costs", "other costs"]) } }),
    (org) => life.rotate(org),
    (org) => life.rotate(org, { credential_name: "both at once" }),
    (org) => life.put(org, { enabled: false }),
    (org) => life.put(org, { enabled: true }),
    (org) => life.put(org, { expires_at: later(40 * DAY) }),
    (org) => life.put(org, { deactivation_scheduled_at: later(300 * DAY) }),
    (org) => life.put(org, { deactivation_scheduled_at: null }),
    (org) => life.remove(org, later(2 * HOUR)),
    (org) => life.remove(org),
    (org) => life.check(org, pick([200, 401, 403, 410, 429, 460, 500])),
    (org) => life.check(org, pick([200, 401])),
    (org) => life.loseRace(org),
    (org) => life.repeatInsert(org),
    (org) => life.latePlaceholder(org),
    (org) => life.dieHalfWay(org),
    () => life.sweep(),
    () => life.rewrap(),
  ];
  const samples: Sample[] = [];
  for (let step = 0; step < options.steps; step += 1) {
    const org = pick(options.orgs);
    bench.clock.advance(pick([0, MINUTE, HOUR, 3 * HOUR, DAY]));
    for (const one of options.orgs) samples.push(await sampleOf(life, one));
    bench.clock.advance(1);
    const head = await bench.real.readHead({ org_slug: org, provider: "FAKE" });
    if (isConfigured(head, timestamp(bench.clock.now()))) await pick(configured)(org);
    else if (random() < 0.3) await life.sweep();
    else await life.setUp(org, random() < 0.3 ? { skip_validation: true } : {});
  }
  for (const one of options.orgs) samples.push(await sampleOf(life, one));
  return samples;
}
