import { isOrgSlug } from "../../contract/names.ts";
import { audited, onBackend } from "../backend.ts";
import type { Command } from "../command.ts";
import { progressBar } from "../progress.ts";
import { type Cell, moment, pairs, table } from "../show.ts";
import { exits } from "../stop.ts";

const number = (low: number, high: number) => (text: string) =>
  /^\d{1,6}$/.test(text) && Number(text) >= low && Number(text) <= high
    ? null
    : `must be a whole number from ${low} to ${high}`;

const shard = (text: string): string | null => {
  const found = /^(\d{1,3})\/([1-9]\d{0,2})$/.exec(text);
  return found && Number(found[1]) < Number(found[2]) ? null : "must be i/n with i from 0 to n - 1";
};

export const runSweep: Command = {
  name: "sweep",
  group: "operations",
  summary: "Check every credential that is due, as the Scheduler does",
  arguments: [],
  options: {
    limit: { value: "<n>", help: "At most so many (10000)", check: number(1, 100_000) },
    "max-seconds": { value: "<n>", help: "Stop cleanly before (540)", check: number(1, 3_600) },
    shard: { value: "<i/n>", help: "Only this share of all credentials, i from 0", check: shard },
    org: {
      value: "<org>",
      help: "Only this organisation",
      check: (text) => (isOrgSlug(text) ? null : "must be an organisation in lower case"),
    },
  },
  example: "cloudact-integrations sweep --limit 1000",
  async run(context) {
    const { given, terminal, json } = context;
    const { readBody, revalidateBody } = await import("../../contract/bodies.ts");
    const { sweep } = await import("../../operations/sweep.ts");
    const numberOf = (name: string) => (given.text(name) === null ? undefined : Number(given.text(name)));
    const body = readBody(revalidateBody, {
      limit: numberOf("limit"),
      max_seconds: numberOf("max-seconds"),
      shard: given.text("shard") ?? undefined,
      org: given.text("org") ?? undefined,
    });
    return await onBackend(context, async (backend) => {
      const { parts, operator } = backend;
      const progress = progressBar(terminal, "checked");
      const works = {
        ...parts,
        log: (...line: Parameters<typeof parts.log>) => progress.above(() => parts.log(...line)),
      };
      const orgs = body.org === undefined ? [] : [body.org];
      const result = await audited(backend, { operation: "revalidate", orgs, target: null }, () =>
        sweep(works, { requestId: crypto.randomUUID(), actor: `operator:${operator}` }, body, progress.advance),
      ).finally(progress.end);
      if (json) {
        terminal.print(JSON.stringify(result));
        return exits.ok;
      }
      const { providers, checked, remaining, next_due_at } = result;
      const rows = Object.entries(providers).map(([code, tally]): Cell[] => [
        code,
        String(tally.checked),
        { text: String(tally.valid), tone: "good" },
        counted(tally.invalid, "bad"),
        counted(tally.expired, "bad"),
        counted(tally.inconclusive, "warn"),
      ]);
      const head = ["provider", "checked", "valid", "invalid", "expired", "inconclusive"];
      if (rows.length > 0) terminal.print(`${table(terminal, head, rows)}\n`);
      terminal.print(
        pairs(terminal, [
          ["checked", String(checked)],
          ["remaining", counted(remaining, "warn")],
          ["next due", moment(next_due_at)],
        ]),
      );
      return exits.ok;
    });
  },
};

function counted(count: number, tone: "bad" | "warn"): Cell {
  return count > 0 ? { text: String(count), tone } : "0";
}
