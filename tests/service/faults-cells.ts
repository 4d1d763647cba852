import { randomUUID } from "node:crypto";
import { expect } from "vitest";
import { statements } from "../../shared/adapters/cloud/bigquery-store.ts";
import { expectProblem } from "../http/problem.ts";
import { bench } from "../platform/rights.ts";
import type { Platform } from "../platform/start.ts";
import { type Cell, decrypt, freshSecret, type Operation, providers } from "./faults-operations.ts";
import { type Reply, type Service, startService } from "./harness.ts";
import { historyOf } from "./ledger.ts";

/** A service of its own on simulators of its own, and integrations for its cells. */
export interface Bench {
  service: Service;
  platform: Platform;
  /** Everything that was answered, save what decrypt released. */
  answers: string[];
  /** So many integrations for an operation, none of which another cell has. */
  cells(operation: Operation, count: number): Promise<Cell[]>;
}

const MOST_ORGANISATIONS = 1_000;

export async function startBench(): Promise<Bench> {
  const service = await startService();
  const platform = service.backend.platform;
  if (platform === null) throw new Error("the faults are those of Google Cloud's simulators");
  const orgs = Array.from({ length: MOST_ORGANISATIONS }, (_, index) => `faults-${index + 1}`);
  await service.grant("pipeline", orgs);
  const [token, scheduler] = [await service.token("pipeline"), await service.token("scheduler")];
  let used = 0;

  /** The integrations of one organisation: of each provider one, set up in one request where it shall be there. */
  async function organisation(isConfigured: boolean): Promise<Cell[]> {
    const org = orgs[used];
    if (org === undefined) throw new Error("more organisations than there are grants for");
    used += 1;
    const key = await service.orgKey(org);
    const secrets = providers.map((provider) => freshSecret(provider));
    const items = providers.map((provider, index) => ({
      provider: provider.toLowerCase(),
      credential: secrets[index],
    }));
    const made = isConfigured ? await service.send("POST", `/${org}/import`, { key, body: { items } }) : null;
    if (made !== null) expect(made.body).toMatchObject({ success: true });
    return providers.map((provider, index) => ({
      service,
      org,
      provider,
      path: `/${org}/${provider.toLowerCase()}`,
      key,
      token,
      scheduler,
      before:
        made === null
          ? null
          : { secret: secrets[index] ?? "", credentialId: String(made.body.results[index].credential_id) },
      versions: made === null ? 0 : 1,
      secret: freshSecret(provider),
      idempotencyKey: randomUUID(),
    }));
  }

  return {
    service,
    platform,
    answers: [],
    async cells(operation, count) {
      const made: Cell[] = [];
      while (made.length < count) made.push(...(await organisation(operation.on === "something")));
      return made.slice(0, count);
    },
  };
}

/** Takes one of the cells that were made for a table of tests. */
export function taken(cells: Cell[]): Cell {
  const cell = cells.pop();
  if (cell === undefined) throw new Error("too few cells");
  return cell;
}

const texts = statements({ project: bench.project, ledgerDataset: bench.ledger, viewsDataset: bench.views });

/** Finds a statement of the store by its name. */
export function sqlOf(name: string): RegExp {
  const text = texts[name];
  if (text === undefined) throw new Error(`the store has no statement ${name}`);
  return new RegExp(`^${text.replaceAll(/[^\w\s]/g, "\\$&")}$`);
}

export function kindOf(name: string): "SELECT" | "INSERT" | "UPDATE" {
  const text = texts[name] ?? "";
  return text.startsWith("INSERT") ? "INSERT" : text.startsWith("UPDATE") ? "UPDATE" : "SELECT";
}

/** How an operation may end under a fault. */
export type End =
  /** As if nothing had been. */
  | "well"
  /** 503 and when to come back. */
  | "refused"
  /** The same, for want of the key. */
  | "refused without the key"
  /** Well, or refused by the store. */
  | "either"
  /** 503 until an operator has mended something. */
  | "refused until mended"
  /** 409, since what it was made from is no longer there. */
  | "overtaken";

export interface Befall {
  /** Arranges the fault. */
  begin(): void | Promise<void>;
  /** Takes it away again, once the answer is there. */
  end(): void | Promise<void>;
  ends: End;
  /** Until it must have answered: an order of magnitude, since machines are shared. */
  withinMs: number;
}

/**
 * Sends the operation under a fault, then again without, and holds it to what every cell promises: it ends well or is
 * refused for now, in time; what was acknowledged stands in the store, and what was refused at most once; the
 * credential's status is what it was; the same request again ends well, with one version for both; and what is released
 * then is what was acknowledged last.
 */
export async function expectCell(
  { answers }: Pick<Bench, "answers">,
  operation: Operation,
  cell: Cell,
  fault: Befall,
): Promise<Reply> {
  await operation.arrange?.(cell);
  await fault.begin();
  const startedAt = performance.now();
  const first = await operation.send(cell);
  const tookMs = performance.now() - startedAt;
  await fault.end();
  note(answers, first);
  expectEnd(operation, cell, first, fault.ends);
  expect(tookMs, "answered in time").toBeLessThan(fault.withinMs);
  const isWell = endedWell(operation, first);
  const isDone = operation.makes !== null && (await made(operation, cell)) > 0;
  if (operation.makes !== null && isWell && !operation.shrugsOff) expect(isDone, "acknowledged is durable").toBe(true);

  const expected = isDone ? operation.repeated : operation.success;
  const last = expected === null ? first : await operation.send(cell);
  if (expected !== null) {
    note(answers, last);
    expect(last.status, `the same again: ${last.text}`).toBe(expected);
    if (last.status === operation.success) operation.check?.(last, cell);
  }
  expect(await made(operation, cell), "versions").toBe(operation.makes === null ? 0 : 1);
  if (isWell && operation.brings) expect(idIn(last), "the first answer again").toBe(idIn(first));
  await expectReleased(operation, cell, last);
  return first;
}

function expectEnd(operation: Operation, cell: Cell, reply: Reply, end: End): void {
  const isKeyGone = end === "refused without the key" || end === "refused until mended";
  if (isKeyGone && operation.checkWithoutKey) {
    expect(reply.status).toBe(operation.success);
    operation.checkWithoutKey(reply);
    return;
  }
  if (endedWell(operation, reply) && (end === "well" || end === "either")) {
    operation.check?.(reply, cell);
    return;
  }
  expect(end, `ended with ${reply.status} ${reply.text}`).not.toBe("well");
  if (end === "overtaken") {
    expectProblem(reply, 409, "conflict");
    return;
  }
  const codes = isKeyGone ? ["encryption_failed", "key_unavailable"] : ["store_unavailable"];
  expect(codes, reply.text).toContain(reply.body.code);
  expectProblem(reply, 503, reply.body.code);
  if (end !== "refused until mended") expect(Number(reply.headers.get("retry-after"))).toBeGreaterThanOrEqual(1);
}

function endedWell({ success }: Operation, { status, body }: Reply): boolean {
  const results: ReadonlyArray<{ status: string }> = body?.results ?? [];
  return status === success && results.every((result) => result.status === "completed");
}

async function expectReleased(operation: Operation, cell: Cell, last: Reply): Promise<void> {
  const reply = await decrypt(cell);
  if (operation.makes === "delete") return expectProblem(reply, 404, "not_configured");
  expect(reply.status, reply.text).toBe(200);
  expect(reply.body).toMatchObject({
    credential: { api_key: operation.brings ? cell.secret : cell.before?.secret },
    credential_id: operation.brings ? idIn(last) : cell.before?.credentialId,
    validation_status: "VALID",
  });
}

/** How many versions the operation has made of the pair, one at most, whose status is untouched. */
async function made({ makes }: Operation, { service, org, provider, versions }: Cell): Promise<number> {
  const links = await historyOf(service.backend, org, provider);
  const added = links.slice(versions).map(({ op }) => op);
  expect(added, "one version at most").toEqual(added.length === 0 ? [] : [makes]);
  // Of what is not deleted decrypt tells the status.
  if (makes !== "delete") return added.length;
  for (const head of await service.backend.rows("heads", { org_slug: org, provider }))
    expect(head["validation_status"]).toBe("VALID");
  return added.length;
}

function idIn({ body }: Reply): unknown {
  return body.credential_id ?? body.results?.[0]?.credential_id;
}

function note(answers: string[], reply: Reply): void {
  if (!reply.body?.credential) answers.push(reply.text, JSON.stringify([...reply.headers]));
}
