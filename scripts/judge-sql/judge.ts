import type { AuditRecord } from "../../shared/ports/audit.ts";
import { startViews } from "../../tests/views/bench.ts";
import { allOfAnOrganisation, asked, latestOfAProvider, moreThanOneActive } from "../../tests/views/debug-selects.ts";
import { datasets, exampleOf, project, views } from "../../tests/views/files.ts";
import { liveThrough, openLife } from "../../tests/views/life.ts";
import { decrypted, printedLines, sunk } from "../../tests/views/sink.ts";
import { everyStatement } from "../../tests/views/store-story.ts";
import { judgeUpdate } from "./as-select.ts";
import { difference, isOrdered } from "./compare.ts";
import { reasonFor } from "./explained.ts";
import { recordStory } from "./record.ts";
import { openSecond, type Second } from "./second.ts";
import { outcomeOf, Refused } from "./wire.ts";

/** What came of one statement or view, over all that it was run with. */
export interface Finding {
  kind: "statement" | "view" | "query";
  name: string;
  /** How often it was run. */
  runs: number;
  /** How many rows were compared in all: those that it answered, or that stood in the table afterwards. */
  rows: number;
  verdict: "same" | "same as SELECT" | "differs" | "not supported" | "nothing compared";
  /** The first difference: first judge / second judge, or what the second one said. */
  said: string | null;
  /** Why that is no fault of ours; null where nobody knows yet. */
  reason: string | null;
}

/** Runs everything on both. */
export async function judgeAll(endpoint: string, say: (line: string) => void): Promise<Finding[]> {
  const second = await openSecond(endpoint);
  say("the store's statements");
  const statements = await judgeStatements(second);
  say("the views");
  return [...statements, ...(await judgeViews(second))];
}

class Findings {
  readonly #found = new Map<string, Finding>();

  /** Notes one run. What stands is the worst that was found, an unexplained one before one that is explained. */
  note({ kind, name }: Pick<Finding, "kind" | "name">, run: Pick<Finding, "rows" | "verdict" | "said">): void {
    const { verdict, said } = run;
    const reason = said === null ? null : reasonFor(name, said);
    const before = this.#found.get(name);
    const runs = (before?.runs ?? 0) + (verdict === "nothing compared" ? 0 : 1);
    const rows = (before?.rows ?? 0) + run.rows;
    const isWorse =
      before === undefined || (said !== null && (before.said === null || (before.reason !== null && reason === null)));
    this.#found.set(name, isWorse ? { kind, name, runs, rows, verdict, said, reason } : { ...before, runs, rows });
  }

  /** What was found, and as "nothing compared" whatever of `names` was never run or never had a row. */
  all(kind: Finding["kind"], names: readonly string[]): Finding[] {
    const idle = "it was not run, or there was not one row to compare";
    for (const name of names)
      if ((this.#found.get(name)?.rows ?? 0) === 0)
        this.note({ kind, name }, { rows: 0, verdict: "nothing compared", said: idle });
    return [...this.#found.values()];
  }
}

/** Every statement, in the order and on the data of the story. */
async function judgeStatements(second: Second): Promise<Finding[]> {
  const findings = new Findings();
  for (const told of await recordStory()) {
    const { name, question, outcome, wrote } = told;
    const rows = (wrote?.outcome ?? outcome).rows.length;
    const note = (verdict: Finding["verdict"], said: string | null) =>
      findings.note({ kind: "statement", name }, { rows, verdict, said });
    try {
      const said = await judgeUpdate(second, told);
      if (said !== undefined) note(said === null ? "same as SELECT" : "differs", said);
      else {
        const found = difference(outcome, await second.ask(question), isOrdered(question.query));
        const stands = wrote === null ? null : difference(wrote.outcome, await second.table(wrote.table), false);
        const worst = stands === null ? found : `${wrote?.table} then: ${stands}`;
        note(worst === null ? "same" : "differs", worst);
      }
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      note("not supported", error.message);
    }
    // What comes next is judged on the same rows, whatever this one did to them.
    if (wrote !== null) await second.fill(wrote.table, wrote.rows);
  }
  return findings.all("statement", Object.keys(everyStatement()));
}

const SEEDS = [1, 2, 3];
const names = { org_slug: "acme", provider: "FAKE" };
const runbook = {
  "runbook: all of an organisation": asked(allOfAnOrganisation, names),
  "runbook: more than one active": asked(moreThanOneActive, names),
  "runbook: latest of a provider": asked(latestOfAProvider, names),
};

/** Every view and the runbooks' queries, over long histories. */
async function judgeViews(second: Second): Promise<Finding[]> {
  const findings = new Findings();
  const first = await startViews();
  try {
    for (const seed of SEEDS) {
      const life = openLife();
      try {
        await liveThrough(life, { seed, orgs: ["acme", "globex"], steps: 60 });
        const { credential_id, cache, ...bare } = decrypted;
        const failed: AuditRecord = { ...bare, outcome: "error", status: 503, reason_code: "key_unavailable" };
        const audit = printedLines([decrypted, failed, { ...decrypted, operation: "get" }]).map(sunk);
        const rows = { ...life.rows(), audit: [...audit, ...audit] };
        await first.show(rows);
        for (const [table, given] of Object.entries(rows)) await second.fill(table, given);
      } finally {
        life.close();
      }
      const compare = async (kind: Finding["kind"], name: string, query: string) => {
        const outcome = outcomeOf(await first.reply(query));
        try {
          const said = difference(outcome, await second.ask({ query }), isOrdered(query));
          const verdict = said === null ? "same" : "differs";
          findings.note({ kind, name }, { rows: outcome.rows.length, verdict, said });
        } catch (error) {
          if (!(error instanceof Refused)) throw error;
          const said = second.refusedViews.get(name) ?? error.message;
          findings.note({ kind, name }, { rows: 0, verdict: "not supported", said });
        }
      };
      for (const view of views)
        await compare("view", view, `SELECT * FROM \`${project}.${datasets.organizations}.${view}\``);
      // Of these it counts that they are understood: they ask about other rows.
      for (const view of views) await compare("query", `example of ${view}`, exampleOf(view));
      for (const [name, query] of Object.entries(runbook)) await compare("query", name, query);
    }
  } finally {
    await first.close();
  }
  return findings.all("view", [...views, ...Object.keys(runbook)]);
}
