import type { Context } from "../command.ts";
import { ask } from "../http-client.ts";
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

/**
 * Sends rows in batches, each once: a batch has an Idempotency-Key that follows from what is in it, and the service
 * answers a repeated one with what it has stored. Rows that the service had no time for are sent again while that helps.
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
  const results = new Map<number, RowResult>();
  for (const { ready, digest } of all) {
    const before = progress?.done.get(digest);
    results.set(ready.row, {
      ...{ row: ready.row, provider: before?.provider ?? ready.provider },
      ...(before ? { status: "unchanged", credential_id: before.credential_id } : { status: "not_attempted" }),
    });
  }
  let batches = batchesOf(
    all.filter(({ digest }) => progress?.done.get(digest) === undefined),
    progress?.sent ?? [],
  );
  const count = () => [...results.values()].filter(({ status }) => status !== "not_attempted").length;
  advance(count(), all.length);
  while (batches.length > 0) {
    const again: Waiting[] = [];
    for (const batch of batches) {
      const digests = batch.map(({ digest }) => digest);
      try {
        if (!dryRun) progress?.sending(digests);
        const answered = await sendBatch(context, batch, options);
        for (const result of answered) results.set(result.row, result);
        const left = batch.filter(({ ready }) => results.get(ready.row)?.status === "not_attempted");
        if (left.length < batch.length) again.push(...left);
        progress?.answered(digests, doneOf(batch, results));
      } catch (error) {
        if (!(error instanceof Stop)) throw error;
        // A refusal changed nothing; of anything else nobody knows, and the next run asks with the same key.
        if (error.exit === 3) progress?.answered(digests, new Map());
        return { results: [...results.values()], stop: error };
      }
      advance(count(), all.length);
    }
    batches = batchesOf(again, []);
  }
  return { results: [...results.values()], stop: null };
}

/** Rows in batches that the service takes; what was sent together before is sent together again. */
function batchesOf(rows: readonly Waiting[], sent: readonly (readonly string[])[]): Waiting[][] {
  const byDigest = new Map(rows.map((one) => [one.digest, one]));
  const batches: Waiting[][] = [];
  for (const digests of sent) {
    const found = digests.flatMap((digest) => byDigest.get(digest) ?? []);
    if (found.length === 0 || found.length < digests.length) continue;
    batches.push(found);
    for (const digest of digests) byDigest.delete(digest);
  }
  let batch: Waiting[] = [];
  let bytes = 0;
  for (const one of byDigest.values()) {
    const size = Buffer.byteLength(JSON.stringify(one.ready.item)) + 1;
    if (batch.length === MOST_ITEMS || bytes + size > LARGEST_BODY - 64) {
      batches.push(batch);
      [batch, bytes] = [[], 0];
    }
    batch.push(one);
    bytes += size;
  }
  return batch.length > 0 ? [...batches, batch] : batches;
}

async function sendBatch(
  context: Context,
  batch: readonly Waiting[],
  { org, url, apiKey, dryRun }: { org: string; url: string; apiKey: string; dryRun: boolean },
): Promise<RowResult[]> {
  const items = batch.map(({ ready }) => ready.item);
  const until = performance.now() + PATIENCE_MS;
  for (;;) {
    try {
      const { body } = await ask(context, {
        method: "POST",
        path: `/${org}/import`,
        query: { dry_run: dryRun ? "true" : null },
        headers: dryRun ? {} : { "idempotency-key": digestOf(apiKey, { url, org }, items) },
        body: { items },
        timeoutMs: TIMEOUT_MS,
        as: "organisation",
      });
      const answers = new Map(listAt(body, "results").map((one) => [at(one, "index"), one]));
      return batch.map(({ ready }, index) => resultOf(ready, answers.get(index)));
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
