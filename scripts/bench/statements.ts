import { unconditional } from "../../shared/contract/precondition.ts";
import { decrypt } from "../../shared/operations/decrypt.ts";
import { get, history, list } from "../../shared/operations/read.ts";
import { remove } from "../../shared/operations/remove.ts";
import { setup } from "../../shared/operations/setup.ts";
import { sweep } from "../../shared/operations/sweep.ts";
import { update } from "../../shared/operations/update.ts";
import { validate } from "../../shared/operations/validate.ts";
import { exampleKeys } from "../../tests/simulators/start.ts";
import type { Google } from "./google.ts";

/** What one operation costs at most: statements of BigQuery, besides the look-up of key or grant, and calls of Cloud KMS. */
interface Budget {
  statements: number;
  kms: number;
}

/** What arrives at the simulators of BigQuery and Cloud KMS for each operation, against its budget. */
export async function statements({
  platform,
  operator: works,
}: Google): Promise<Array<Record<string, string | number>>> {
  const entry = works.registry.byCode("ANTHROPIC");
  if (!entry) throw new Error("ANTHROPIC is not in the registry");
  const { good, another } = exampleKeys("ANTHROPIC");
  const subject = { org: "budget", entry, requestId: "bench", actor: "bench" };
  const change = { ...subject, idempotency: null, precondition: unconditional };
  const body = (credential: string) => ({ credential, skip_validation: false });
  const run = { pipeline: "genai.payg_usage", run_id: "bench", as: "secret" } as const;
  const steps: Array<[string, Budget, () => Promise<unknown>]> = [
    ["setup, first credential", { statements: 4, kms: 1 }, () => setup(works, { ...change, body: body(good) })],
    ["setup, replacement", { statements: 3, kms: 1 }, () => setup(works, { ...change, body: body(another) })],
    ["update (rename)", { statements: 3, kms: 0 }, () => rename()],
    ["rotate", { statements: 3, kms: 1 }, () => update(works, { ...change, body: { credential: good }, message: "" })],
    ["get", { statements: 1, kms: 0 }, () => get(works, subject)],
    ["history", { statements: 1, kms: 0 }, () => history(works, subject, { limit: 50, before: null })],
    [
      "list",
      { statements: 1, kms: 0 },
      () => list(works, "budget", { category: null, configured: null, expiringWithinDays: null }),
    ],
    ["decrypt, miss", { statements: 1, kms: 1 }, () => decrypt(works, subject, run)],
    ["decrypt, hit", { statements: 0, kms: 0 }, () => decrypt(works, subject, run)],
    ["validate", { statements: 3, kms: 1 }, () => validate(works, subject)],
    [
      "sweep, 1 due",
      { statements: 6, kms: 1 },
      () => sweep(works, subject, { limit: 10_000, max_seconds: 60, org: "budget" }),
    ],
    ["delete", { statements: 3, kms: 0 }, () => remove(works, { ...subject, at: null, precondition: unconditional })],
  ];
  function rename(): Promise<unknown> {
    return update(works, { ...change, body: { credential_name: "Renamed" }, message: "" });
  }
  const rows = [];
  for (const [operation, budget, step] of steps) {
    if (operation.startsWith("sweep"))
      await works.store.markReported((await get(works, subject)).head.credential_id, new Date().toISOString());
    const before = { statements: platform.bigquery.statements().length, kms: platform.kms.calls().length };
    await step();
    const sent = platform.bigquery.statements().slice(before.statements);
    const calls = platform.kms.calls().length - before.kms;
    rows.push({
      operation,
      statements: sent.length,
      "of at most": budget.statements,
      "KMS calls": calls,
      "at most": budget.kms,
      within: sent.length <= budget.statements && calls <= budget.kms ? "yes" : "NO",
      what: sent
        .map(({ kind, tables }) => `${kind} ${[...new Set(tables.map(({ name }) => name))].join("+")}`)
        .join(", "),
    });
  }
  return rows;
}
