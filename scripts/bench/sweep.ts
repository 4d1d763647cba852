import { join } from "node:path";
import { unconditional } from "../../shared/contract/precondition.ts";
import { headChange, versionOf } from "../../shared/operations/change.ts";
import { Lanes } from "../../shared/operations/lanes.ts";
import { prove, sealProven } from "../../shared/operations/prove.ts";
import { defaultName, setupPlan } from "../../shared/operations/setup.ts";
import type { Entry } from "../../shared/registry/entry.ts";
import { prepareArtifacts } from "../../tests/artifacts/prepared.ts";
import { exampleKeys, type Simulators } from "../../tests/simulators/start.ts";
import type { Google } from "./google.ts";
import { end, peakMb, startTarget } from "./processes.ts";

const PROVIDERS = [
  "GEMINI",
  "DEEPSEEK",
  "MISTRAL",
  "GROQ",
  "XAI",
  "COHERE",
  "OPENROUTER",
  "TOGETHER",
  "FIREWORKS",
] as const;
const keys = new Map<string, string>(PROVIDERS.map((code) => [code, exampleKeys(code).good]));
const LATENCY_MS = 50;
const BATCH = 500;
const TOGETHER = 50;

/**
 * One sweep of so many credentials by the artifact of revalidate, with providers that take 50 ms for an answer: what it
 * sends, what it holds, and how long it takes against what the providers' places allow.
 */
export async function sweepOf(
  credentials: number,
  google: Google,
  simulators: Simulators,
): Promise<Array<Record<string, string | number>>> {
  const { platform, operator, scheduler } = google;
  const entries = PROVIDERS.map((code) => operator.registry.byCode(code)).filter((entry) => entry !== null);
  await fill(google, entries, credentials);
  for (const code of PROVIDERS) simulators.latency(code, LATENCY_MS);
  const prepared = await prepareArtifacts();
  const source = prepared.folderOf("revalidate");
  const env = {
    ...platform.env("revalidate"),
    ...simulators.env,
    NODE_COMPILE_CACHE: join(source, ".compile-cache"),
    NODE_OPTIONS: "--max-old-space-size=448",
  };
  const health = { method: "GET", path: "/health", headers: {} };
  const { child, url } = await startTarget("revalidate", source, env, health);
  const before = { statements: platform.bigquery.statements().length, kms: platform.kms.calls().length };
  const startedAt = performance.now();
  const response = await fetch(`${url}/revalidate`, {
    method: "POST",
    headers: { "content-type": "application/json", authorization: `Bearer ${scheduler}` },
    body: JSON.stringify({ limit: credentials, max_seconds: 540 }),
    signal: AbortSignal.timeout(560_000),
  });
  const answer: { checked: number; valid: number; inconclusive: number; remaining: number } = JSON.parse(
    await response.text(),
  );
  const wallMs = performance.now() - startedAt;
  const sent = platform.bigquery.statements().slice(before.statements);
  const kms = platform.kms.calls().length - before.kms;
  const mb = peakMb(child);
  await end(child);
  prepared.close();
  for (const code of PROVIDERS) simulators.latency(code, 0);
  const allowedMs = Math.max(
    ...entries.map(({ concurrency }) => (Math.ceil(credentials / entries.length) / concurrency) * LATENCY_MS),
  );
  return [
    {
      credentials,
      checked: answer.checked,
      valid: answer.valid,
      remaining: answer.remaining,
      statements: sent.length,
      "of at most": budgetOf(credentials),
      "KMS calls": kms,
      "peak MB": mb ?? "unknown",
      "wall s": Number((wallMs / 1_000).toFixed(1)),
      "providers allow s": Number((allowedMs / 1_000).toFixed(1)),
      "credentials/s": Math.round(answer.checked / (wallMs / 1_000)),
    },
  ];
}

/** A page is 500, a batch of results 1,000 in two writes; besides that two to purge and one for due deactivations. */
function budgetOf(credentials: number): number {
  return Math.ceil(credentials / 500) + 2 * Math.ceil(credentials / 1_000) + 3;
}

/** Credentials of many organisations that are valid, are due, and will still be valid. */
async function fill(
  { operator: works, platform }: Google,
  entries: readonly Entry[],
  credentials: number,
): Promise<void> {
  const now = new Date(works.clock.now()).toISOString();
  for (let from = 0; from < credentials; from += BATCH) {
    const lanes = new Lanes();
    const made: Array<Awaited<ReturnType<typeof sealedChange>>> = [];
    for (let index = from; index < Math.min(from + BATCH, credentials); index += 1)
      lanes.add("seal", TOGETHER, async () => {
        const entry = entries[index % entries.length];
        if (entry) made.push(await sealedChange(entry, `org-${Math.floor(index / entries.length)}`));
      });
    await lanes.idle();
    await works.store.placeHeads(
      made.map(({ change: { org_slug, provider } }) => ({ org_slug, provider })),
      now,
    );
    await works.store.appendVersions(made.map(({ version }) => version));
    await works.store.advanceHeads(made.map(({ change }) => change));
  }
  await platform.bigquery.admin(
    "UPDATE `integrations.heads` SET validation_status = 'VALID' WHERE org_slug LIKE 'org-%' AND seq > 0",
  );

  async function sealedChange(entry: Entry, org: string) {
    const subject = { org, entry, requestId: "bench", actor: "bench" };
    const submitted = keys.get(entry.code);
    const proven = await prove(works, { ...subject, submitted, metadata: {}, skipValidation: true });
    const sealed = await sealProven(works, subject, proven, {});
    const plan = setupPlan(works, subject, { credential_name: defaultName(entry) }, null, proven, sealed);
    const request = { ...subject, idempotency: null, precondition: unconditional };
    const version = versionOf(works, request, plan, null);
    const set = { ...plan.set, secret_event_id: version.event_id };
    return { version, change: { ...headChange(plan, version), set } };
  }
}
