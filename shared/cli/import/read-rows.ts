import { CsvError, parse as parseCsv } from "csv-parse/sync";
import { parseAllDocuments } from "yaml";
import { usage } from "../stop.ts";

export const formats = ["csv", "jsonl", "yaml"] as const;
export type Format = (typeof formats)[number];

/** One row of a list: where it stands, and its cells by name. What is empty is not among them. */
export interface Row {
  /** As people count: in CSV as a spreadsheet shows it, the head being 1; in JSONL the line; in YAML and JSON the item. */
  row: number;
  cells: ReadonlyMap<string, unknown>;
}

/** What is wrong with a row: never what stands in it. */
export interface RowProblem {
  row: number;
  /** The provider's code, where it is known. */
  provider: string | null;
  /** The column, such as `api_key` or `metadata.team`; empty for the row as a whole. */
  field: string;
  message: string;
  remedy: string | null;
}

export interface Rows {
  rows: Row[];
  problems: RowProblem[];
  /** The columns of a CSV file; `null` where each row has its own names. */
  head: string[] | null;
}

/** What the end of a file's name, or else its text, says that it is. */
export function formatOf(path: string, text: string): Format {
  const ending = /\.([a-z]+)$/i.exec(path)?.[1]?.toLowerCase();
  if (ending === "csv" || ending === "tsv") return "csv";
  if (ending === "jsonl" || ending === "ndjson" || ending === "json") return "jsonl";
  if (ending === "yaml" || ending === "yml") return "yaml";
  const first = text.replace(/^\uFEFF/, "").trimStart();
  if (first.startsWith("{") || first.startsWith("[")) return "jsonl";
  return /^(?:-{1,3}\s|#|items:|provider:)/.test(first) ? "yaml" : "csv";
}

/**
 * Takes a list apart. A row that cannot be read is a problem of its own.
 *
 * @throws Stop usage, where nothing of it can be read; what it holds is never repeated
 */
export function readRows(text: string, format: Format): Rows {
  const clean = text.replace(/^\uFEFF/, "");
  if (clean.trim() === "") throw usage("The list is empty", "It needs a row for each provider");
  const read = format === "csv" ? readCsv(clean) : format === "yaml" ? readYaml(clean) : readJsonLines(clean);
  if (read.rows.length === 0 && read.problems.length === 0)
    throw usage("The list has no rows", format === "csv" ? "Below the head, write a row for each provider" : undefined);
  return read;
}

function readCsv(text: string): Rows {
  const [head = [], ...records] = csvRecords(text);
  const names = head.map((name) => name.trim().toLowerCase());
  if (!names.includes("provider"))
    throw usage(
      "The list has no column named provider",
      "The first row names the columns, for example: provider,credential,credential_name,metadata.team",
    );
  const twice = names.findIndex((name, place) => name !== "" && names.indexOf(name) !== place);
  if (twice !== -1) throw usage(`Column ${twice + 1} has the name of another column`, "Name each column once");
  const problems: RowProblem[] = [];
  const rows = records.flatMap((record, index): Row[] => {
    const row = index + 2;
    const cells = record.flatMap(
      (cell, place): Array<[string, string]> => (cell.trim() === "" ? [] : [[names[place] ?? "", cell]]),
    );
    if (cells.length === 0) return [];
    if (cells.some(([name]) => name === "")) {
      problems.push(
        problem(row, "has more cells than the head has names", "Put a cell that holds a comma into double quotes"),
      );
      return [];
    }
    return [{ row, cells: new Map(cells) }];
  });
  return { rows, problems, head: names };
}

function csvRecords(text: string): string[][] {
  const [line = ""] = text.split(/\r\n|\n|\r/, 1);
  // Spreadsheets of many countries separate by semicolons, and some say so in a line above the head.
  const said = /^"?sep=(.)"?$/i.exec(line)?.[1];
  const delimiter = [",", ";", "\t"].map((sign) => [sign, line.split(sign).length] as const);
  const [[counted] = [","]] = delimiter.sort(([, one], [, other]) => other - one);
  const sign = said ?? counted;
  const rows = said === undefined ? text : text.slice(line.length).replace(/^\r?\n?/, "");
  try {
    return parseCsv(rows, { delimiter: sign, relax_column_count: true, skip_empty_lines: false });
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
    // Its message quotes the row.
    const lines: unknown = Reflect.get(error, "lines");
    throw usage(
      `The list is no CSV${typeof lines === "number" ? ` near line ${lines}` : ""}: a double quote is not closed, or stands inside a cell`,
      'Put the whole cell into double quotes, and write a double quote in it twice: ""',
    );
  }
}

function readJsonLines(text: string): Rows {
  if (text.trimStart().startsWith("[")) return ofItems(parseJson(text));
  const whole = parseJson(text);
  if (isRecord(whole) && Array.isArray(whole["items"])) return ofItems(whole["items"]);
  const problems: RowProblem[] = [];
  const rows = text.split(/\r\n|\n|\r/).flatMap((line, index): Row[] => {
    if (line.trim() === "") return [];
    const value = parseJson(line);
    if (isRecord(value)) return [{ row: index + 1, cells: cellsOf(value) }];
    problems.push(problem(index + 1, "is no JSON object", "Write one object a line, with all its quotes and braces"));
    return [];
  });
  return { rows, problems, head: null };
}

/** Everything is text: a key of digits stays as it was written, and a provider's form says what is a number. */
function readYaml(text: string): Rows {
  const options = { schema: "failsafe", prettyErrors: false, stringKeys: true, logLevel: "silent" } as const;
  const documents = parseAllDocuments(text, options);
  if (!Array.isArray(documents)) throw usage("The list is empty");
  const broken = documents.flatMap(({ errors }) => errors)[0];
  // Its message quotes the line.
  if (broken) {
    const line = `near line ${text.slice(0, broken.pos[0]).split("\n").length}`;
    if (broken.code === "NON_STRING_KEY")
      throw usage(`The list is no YAML of rows ${line}: a name is in braces`, "Remove the {{ }}");
    throw usage(`The list is no YAML ${line}`);
  }
  try {
    const values = documents.map((document): unknown => document.toJS({ maxAliasCount: 0 }));
    return ofItems(
      values.flatMap((value) => (isRecord(value) && Array.isArray(value["items"]) ? value["items"] : value)),
    );
  } catch {
    throw usage("The list refers from one row to another (& and *)", "Write each row out");
  }
}

function ofItems(items: unknown): Rows {
  if (!Array.isArray(items)) throw usage("The list begins like a JSON array and is none");
  const problems: RowProblem[] = [];
  const rows = items.flatMap((item: unknown, index): Row[] => {
    if (isRecord(item)) return [{ row: index + 1, cells: cellsOf(item) }];
    problems.push(problem(index + 1, "is no object", "Write provider, credential and what else belongs to it"));
    return [];
  });
  return { rows, problems, head: null };
}

function cellsOf(value: Record<string, unknown>): Map<string, unknown> {
  return new Map(
    Object.entries(value).filter(
      ([, cell]) => cell !== null && cell !== undefined && (typeof cell !== "string" || cell.trim() !== ""),
    ),
  );
}

function problem(row: number, message: string, remedy: string): RowProblem {
  return { row, provider: null, field: "", message, remedy };
}

/** `undefined` for what is no JSON: a message of JSON.parse would quote it. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
