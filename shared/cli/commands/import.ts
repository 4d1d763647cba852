import { orgArgument } from "../arguments.ts";
import { unlessUnusable } from "../backend.ts";
import type { Command, Context } from "../command.ts";
import { ask, baseUrl, requireService } from "../http-client.ts";
import type { Known, ReadyRow } from "../import/preflight.ts";
import type { ProgressFile } from "../import/progress-file.ts";
import { formatOf, formats, type RowProblem } from "../import/read-rows.ts";
import type { RowResult, Sent } from "../import/send.ts";
import { readInput } from "../input-file.ts";
import { problemJson, showProblem } from "../problem.ts";
import { progressBar } from "../progress.ts";
import { listAt, textsAt } from "../read.ts";
import { registryFiles } from "../registry-files.ts";
import { looksLikeKey } from "../secret-shapes.ts";
import { type Cell, table } from "../show.ts";
import { type Exit, exits } from "../stop.ts";
import type { Terminal } from "../terminal.ts";

const LARGEST_BYTES = 16 * 1024 * 1024;

export const runImport: Command = {
  name: "import",
  group: "integrations",
  summary: "Set up many providers from a list: CSV, JSONL or YAML",
  arguments: [
    orgArgument,
    {
      name: "file",
      help: "The list; - is stdin",
      opaque: true,
      check: (text) => (looksLikeKey(text) ? "must be a file, never a key" : null),
    },
  ],
  options: {
    format: { value: formats.join("|"), help: "What it is, where its name does not say it", choices: formats },
    "dry-run": { help: "Check every row and ask the providers, store nothing" },
  },
  example: "cloudact-integrations import acme providers.csv --dry-run",
  notes: [
    "A row for each provider. The columns of CSV, or the names in JSONL and YAML: provider, credential (a key, or an",
    "object of fields in JSON) or a column for each of the provider's fields (api_key, role_arn, …), credential_name,",
    "metadata.<setting>. For example:",
    "  provider,credential,credential_name,metadata.team,metadata.unit_price",
    "All rows are checked before the first is sent: while one is wrong, nothing is. Then the service proves each at its",
    "provider, and stores those that pass. Cut off, or with rows that failed, run it again: rows that are stored are not",
    "sent twice. What is done stands in <file>.import-progress, without any value, until everything is.",
    "Exit code 1 where a row is wrong or failed.",
  ],
  async run(context) {
    const { given, terminal, json } = context;
    const org = given.argument("org");
    const path = given.argument("file");
    const dryRun = given.flag("dry-run");
    requireService(context, "organisation");
    const { text, isOpenToOthers, isFile } = await readInput(path, {
      terminal,
      what: "The list",
      largestBytes: LARGEST_BYTES,
    });
    const note = (line: string): void => (json ? undefined : terminal.note(terminal.tone("warn", line, "stderr")));
    if (isOpenToOthers) note(`${path} can be read by others on this machine: chmod 600 it, and delete it afterwards`);
    const [{ readRows }, { preflight }, { openProgressFile }, { sendRows }] = await Promise.all([
      import("../import/read-rows.ts"),
      import("../import/preflight.ts"),
      import("../import/progress-file.ts"),
      import("../import/send.ts"),
    ]);
    const format = formats.find((one) => one === given.text("format")) ?? formatOf(path, text);
    const read = readRows(text, format);
    const { ready, problems } = preflight(read, await knownOf(context, org));
    if (problems.length > 0) return showProblems(terminal, json, problems, read.rows.length);
    const progress = !isFile || dryRun ? null : openProgressFile(path);
    const bar = progressBar(terminal, dryRun ? "checked" : "imported");
    const apiKey = context.environment["INTEGRATIONS_API_KEY"]?.trim() ?? "";
    const place = { org, url: baseUrl(context), apiKey };
    const sent = await sendRows(context, ready, { ...place, dryRun, progress, advance: bar.advance }).finally(bar.end);
    return showSent(context, sent, ready, { dryRun, progress });
  },
};

/** The service's providers and what is configured: one request each, and the proof that the key is of this organisation. */
async function knownOf(context: Context, org: string): Promise<Known> {
  const files = await registryFiles(context.environment);
  const [{ body: list }, { body: providers }] = [
    await ask(context, { method: "GET", path: `/${org}`, query: { configured: "true" }, as: "organisation" }),
    await ask(context, { method: "GET", path: "/providers", as: "organisation" }),
  ];
  return {
    registry: await unlessUnusable(() => files.load()),
    faces: listAt(providers, "providers"),
    configured: new Set(textsAt(list, "providers_configured")),
  };
}

function showProblems(terminal: Terminal, json: boolean, problems: readonly RowProblem[], rows: number): Exit {
  const wrong = new Set(problems.map(({ row }) => row)).size;
  if (json) {
    terminal.print(JSON.stringify({ success: false, sent: false, rows, wrong, problems }));
    return exits.negative;
  }
  const cells = gathered(problems).map(({ place, provider, field, message, remedy }): Cell[] => [
    { text: place, tone: "strong" },
    provider ?? "-",
    field || "-",
    { text: message, tone: "bad" },
    remedy ?? "",
  ]);
  terminal.print(table(terminal, ["row", "provider", "field", "what is wrong", "what to do"], cells));
  terminal.note(
    `\n${wrong} of ${rows} ${rows === 1 ? "row" : "rows"} wrong: nothing was sent. Correct them and run it again.`,
  );
  return exits.negative;
}

const MOST_ALIKE = 10;

/** What is wrong with very many rows alike, such as a column that is missing, in one line. */
function gathered(problems: readonly RowProblem[]): Array<Omit<RowProblem, "row"> & { place: string }> {
  const nameOf = ({ field, message, remedy }: RowProblem): string => JSON.stringify([field, message, remedy]);
  const alike = Map.groupBy(problems, nameOf);
  return problems.flatMap((one) => {
    const group = alike.get(nameOf(one)) ?? [one];
    if (group.length <= MOST_ALIKE) return [{ ...one, place: String(one.row) }];
    if (group[0] !== one) return [];
    return [{ ...one, place: `${one.row}-${group.at(-1)?.row ?? one.row}`, provider: `${group.length} rows` }];
  });
}

function showSent(
  { terminal, json }: Context,
  { results, stop }: Sent,
  ready: readonly ReadyRow[],
  { dryRun, progress }: { dryRun: boolean; progress: ProgressFile | null },
): Exit {
  const count = (wanted: RowResult["status"]) => results.filter(({ status }) => status === wanted).length;
  const totals = {
    completed: count("completed"),
    unchanged: count("unchanged"),
    failed: count("failed"),
    not_attempted: count("not_attempted"),
  };
  const isDone = totals.failed === 0 && totals.not_attempted === 0;
  const isRefused = stop?.exit === exits.refused && totals.completed + totals.unchanged + totals.failed === 0;
  if (isDone) progress?.remove();
  if (json) {
    const problem = stop === null ? {} : { problem: JSON.parse(problemJson(stop)) };
    terminal.print(
      JSON.stringify({ success: isDone, sent: !isRefused, dry_run: dryRun, ...totals, results, ...problem }),
    );
  } else if (stop !== null && isRefused) {
    showProblem(terminal, stop.problem);
    terminal.note("Nothing was stored.");
  } else {
    const replaces = new Map(ready.map((one) => [one.row, one.replaces]));
    terminal.print(resultTable(terminal, results, { dryRun, replaces }));
    const [would, words] = dryRun ? ["would be ", "set up"] : ["", "set up"];
    const parts = [
      `${totals.completed} ${would}${words}`,
      ...(totals.unchanged > 0 ? [`${totals.unchanged} stored by an earlier run`] : []),
      ...(totals.failed > 0 ? [terminal.tone("bad", `${totals.failed} failed`)] : []),
      ...(totals.not_attempted > 0 ? [terminal.tone("warn", `${totals.not_attempted} not attempted`)] : []),
    ];
    terminal.print(`\n${parts.join(", ")}${dryRun ? ". Nothing was stored." : ""}`);
    if (stop !== null) showProblem(terminal, stop.problem);
    const what = stop === null ? "What failed changed nothing. Correct those rows and run it again" : "Run it again";
    if (!isDone && !dryRun) terminal.note(`${what}${progress ? ": what is stored is not sent twice" : ""}.`);
  }
  if (stop !== null) return stop.exit;
  return isDone ? exits.ok : exits.negative;
}

function resultTable(
  terminal: Terminal,
  results: readonly RowResult[],
  { dryRun, replaces }: { dryRun: boolean; replaces: ReadonlyMap<number, boolean> },
): string {
  const tones = { completed: "good", unchanged: "faint", failed: "bad", not_attempted: "warn" } as const;
  const hasTrouble = results.some(({ error, code, remedy }) => error ?? code ?? remedy);
  const rows = results.map(({ row, provider, status, code, error, fields, remedy }): Cell[] => {
    const why = [error ?? code ?? "", ...(fields ?? []).map(({ field, message }) => `${field} ${message}`)];
    return [
      { text: String(row), tone: "strong" },
      provider,
      { text: status.replace("_", " "), tone: tones[status] },
      status === "unchanged" ? "" : replaces.get(row) ? "replaces" : "new",
      ...(hasTrouble ? [why.join("; "), remedy ?? ""] : []),
    ];
  });
  const head = ["row", "provider", dryRun ? "would be" : "result", "", ...(hasTrouble ? ["why", "what to do"] : [])];
  return table(terminal, head, rows);
}
