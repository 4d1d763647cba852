import { randomUUID } from "node:crypto";
import { isDeepStrictEqual } from "node:util";
import type { Context } from "../command.ts";
import { type Answer, ask } from "../http-client.ts";
import { at, listAt, textAt } from "../read.ts";
import { Stop } from "../stop.ts";
import { columnOf, LARGEST_BODY, type ReadyRow } from "./preflight.ts";
import { digestOf, type ProgressFile } from "./progress-file.ts";

/** The service takes 100; fewer show progress, and less is open when a run is cut off. */
const MOST_ITEMS = 25;
/** The service checks for a minute, then stores. */
const TIMEOUT_MS = 120_000;
/** How long a busy service is waited for, in all. */
const PATIENCE_MS = 180_000;

/** What became of a row. */
export interface RowResult {
  row: number;
  provider: string;
  /** `unchanged`: an earlier run has stored this row already. */
  status: "completed" | "unchanged" | "failed" | "not_attempted";
  code?: string;
  error?: string;
  fields?: Array<{ field: string; message: string }>;
  remedy?: string;
  credential_id?: string;
}

export interface Sent {
  results: RowResult[];
  /** Why it ended before its end; `null` where it did not. */
  stop: Stop | null;
}

/** A row with its digest. */
interface Waiting {
  ready: ReadyRow;
  digest: string;
}

interface Batch {
  /** Its Idempotency-Key: its own, since what was stored and deleted since must be stored again. */
  key: string;
  rows: Waiting[];
}

/**
 * Sends rows in batches, each once: a batch has an Idempotency-Key that is noted before it is sent, and the service
 * answers a repeated one with what it has stored. What an earlier run has stored is not sent again. Rows that the service
 * had no time for are sent again while that helps.
 *
 * @param progress remembers what is done; `null` where nothing is to be remembered
 */
export async function sendRows(
  context: Context,
  rows: readonly ReadyRow[],
  options: {
    org: string;
    url: string;
    apiKey: string;
    dryRun: boolean;
    progress: ProgressFile | null;
    advance: (done: number, total: number) => void;
  },
): Promise<Sent> {
  const { org, url, apiKey, dryRun, progress, advance } = options;
  const all = rows.map((ready): Waiting => ({ ready, digest: digestOf(apiKey, { url, org }, ready.item) }));
  const results = new Map<number, RowResult>(
    rows.map(({ row, provider }) => [row, { row, provider, status: "not_attempted" }]),
  );
  const count = () => [...results.values()].filter(({ status }) => status !== "not_attempted").length;
  let batches: Batch[];
  try {
    batches = progress?.isResumed ? await resume(context, all, { org, progress, results }) : batchesOf(all);
  } catch (error) {
    if (!(error instanceof Stop)) throw error;
    return { results: [...results.values()], stop: error };
  }
  advance(count(), all.length);
  while (batches.length > 0) {
    const again: Waiting[] = [];
    for (const batch of batches) {
      try {
        if (!dryRun) progress?.sending({ key: batch.key, rows: batch.rows.map(({ digest }) => digest) });
        const answered = await sendBatch(context, batch, options);
        for (const result of answered) results.set(result.row, result);
        const left = batch.rows.filter(({ ready }) => results.get(ready.row)?.status === "not_attempted");
        if (left.length < batch.rows.length) again.push(...left);
        progress?.answered(batch.key, doneOf(batch.rows, results));
      } catch (error) {
        if (!(error instanceof Stop)) throw error;
        // A refusal changed nothing; of anything else nobody knows, and the next run asks with the same key.
        if (error.exit === 3) progress?.answered(batch.key, new Map());
        return { results: [...results.values()], stop: error };
      }
      advance(count(), all.length);
    }
    batches = batchesOf(again);
  }
  return { results: [...results.values()], stop: null };
}

/**
 * What is left of an earlier run. What was sent together, unanswered, is sent together again. Of any other row the
 * service is asked, since an unanswered batch may have been stored: by another key or address its rows look like others.
 * What was stored and deleted since is sent.
 */
async function resume(
  context: Context,
  all: readonly Waiting[],
  { org, progress, results }: { org: string; progress: ProgressFile; results: Map<number, RowResult> },
): Promise<Batch[]> {
  const left = new Map<string, Waiting>();
  const unchanged = ({ row }: ReadyRow, provider: string, id: string): void =>
    void results.set(row, { row, provider, status: "unchanged", credential_id: id });
  for (const one of all) {
    const before = one.ready.replaces ? progress.done.get(one.digest) : undefined;
    if (before) unchanged(one.ready, before.provider, before.credential_id);
    else left.set(one.digest, one);
  }
  const batches: Batch[] = [];
  for (const { key, rows: digests } of progress.sent) {
    const rows = digests.flatMap((digest) => left.get(digest) ?? []);
    if (rows.length === 0 || rows.length < digests.length) continue;
    batches.push({ key, rows });
    for (const digest of digests) left.delete(digest);
  }
  for (const [digest, { ready }] of left) {
    const id = await storedId(context, org, ready);
    if (id === null) continue;
    unchanged(ready, ready.provider, id);
    left.delete(digest);
  }
  return [...batches, ...batchesOf([...left.values()])];
}

/** The id of the credential that is stored exactly as the row asks; `null` where none is, or it cannot be told. */
async function storedId(context: Context, org: string, ready: ReadyRow): Promise<string | null> {
  const { replaces, stored, item, provider } = ready;
  if (!replaces || stored === null) return null;
  const path = `/${org}/${provider.toLowerCase()}`;
  const { body } = await patiently(() => ask(context, { method: "GET", path, as: "organisation" }));
  const isSame =
    at(body, "fingerprint") === stored.fingerprint &&
    (item.credential_name === undefined || at(body, "credential_name") === item.credential_name) &&
    Object.entries(stored.metadata).every(([name, value]) => isDeepStrictEqual(at(body, "metadata", name), value));
  const id = at(body, "credential_id");
  return isSame && typeof id === "string" ? id : null;
}

/** Rows in batches that the service takes. */
function batchesOf(rows: readonly Waiting[]): Batch[] {
  const batches: Batch[] = [];
  let batch: Waiting[] = [];
  let bytes = 0;
  const close = (): void => void batches.push({ key: randomUUID(), rows: batch });
  for (const one of rows) {
    const size = Buffer.byteLength(JSON.stringify(one.ready.item)) + 1;
    if (batch.length === MOST_ITEMS || bytes + size > LARGEST_BODY - 64) {
      close();
      [batch, bytes] = [[], 0];
    }
    batch.push(one);
    bytes += size;
  }
  if (batch.length > 0) close();
  return batches;
}

async function sendBatch(
  context: Context,
  { key, rows }: Batch,
  { org, dryRun }: { org: string; dryRun: boolean },
): Promise<RowResult[]> {
  const { body } = await patiently(() =>
    ask(context, {
      method: "POST",
      path: `/${org}/import`,
      query: { dry_run: dryRun ? "true" : null },
      headers: dryRun ? {} : { "idempotency-key": key },
      body: { items: rows.map(({ ready }) => ready.item) },
      timeoutMs: TIMEOUT_MS,
      as: "organisation",
    }),
  );
  const answers = new Map(listAt(body, "results").map((one) => [at(one, "index"), one]));
  return rows.map(({ ready }, index) => resultOf(ready, answers.get(index)));
}

/** Asks again while the service says that it is at it still, or has had too much. */
async function patiently(question: () => Promise<Answer>): Promise<Answer> {
  const until = performance.now() + PATIENCE_MS;
  for (;;) {
    try {
      return await question();
    } catch (error) {
      const waitMs = error instanceof Stop ? waitFor(error) : null;
      if (waitMs === null || performance.now() + waitMs > until) throw error;
      await new Promise((resolve) => setTimeout(resolve, waitMs));
    }
  }
}

/** How long to wait before asking again: where the service is at it still, or has had too much; `null` where it is no use. */
function waitFor({ problem }: Stop): number | null {
  if (problem.code === "in_flight") return (problem.retryAfterS ?? 2) * 1_000;
  if (problem.code === "too_many_requests") return (problem.retryAfterS ?? 10) * 1_000;
  return null;
}

function resultOf({ row, provider }: ReadyRow, answer: unknown): RowResult {
  const status = at(answer, "status");
  if (status !== "completed" && status !== "failed") return { row, provider, status: "not_attempted" };
  const named = textAt(answer, "provider");
  const text = (name: string) => (typeof at(answer, name) === "string" ? { [name]: textAt(answer, name) } : {});
  const fields = listAt(answer, "errors").map((one) => ({
    field: columnOf(textAt(one, "field")),
    message: textAt(one, "message"),
  }));
  return {
    row,
    provider: named === "-" || named === "UNKNOWN" ? provider : named,
    status,
    ...text("code"),
    ...text("error"),
    ...(fields.length > 0 ? { fields } : {}),
    ...text("remedy"),
    ...text("credential_id"),
  };
}

function doneOf(batch: readonly Waiting[], results: ReadonlyMap<number, RowResult>) {
  return new Map(
    batch.flatMap(({ ready, digest }) => {
      const result = results.get(ready.row);
      return result?.status === "completed" && result.credential_id !== undefined
        ? [[digest, { provider: result.provider, credential_id: result.credential_id }] as const]
        : [];
    }),
  );
}
