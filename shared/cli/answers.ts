import type { Answer } from "./http-client.ts";
import { at, listAt, membersAt, textAt, textsAt } from "./read.ts";
import { type Cell, moment, pairs, statusCell, table } from "./show.ts";
import { harmlessJson, type Terminal } from "./terminal.ts";

/** Prints the server's JSON for programs, or what `show` makes of it for people. */
export function printAnswer(terminal: Terminal, json: boolean, answer: Answer, show: () => string): void {
  terminal.print(json ? harmlessJson(answer.text) : show());
}

/** What was stored: setup, update, rotate. */
export function storedText(terminal: Terminal, body: unknown, etag: string | null): string {
  const rows: Array<[string, Cell]> = [
    ["provider", textAt(body, "provider")],
    ["credential id", textAt(body, "credential_id")],
    ["status", statusCell(textAt(body, "validation_status"))],
    ["version", etag ?? "-"],
  ];
  return [
    terminal.tone("good", textAt(body, "message")),
    pairs(terminal, rows),
    ...readinessLines(terminal, body),
  ].join("\n");
}

/** A verdict that changed nothing in the credential: validate, and the dry run of setup. */
export function verdictText(terminal: Terminal, body: unknown): string {
  const isGood = at(body, "success") === true;
  const details = membersAt(body, "details").flatMap(
    ([name, value]): Array<[string, Cell]> =>
      typeof value === "object" && value !== null ? [] : [[name, String(value ?? "-")]],
  );
  const rows: Array<[string, Cell]> = [
    ["provider", textAt(body, "provider")],
    ["status", statusCell(textAt(body, "validation_status"))],
    ["outcome", textAt(body, "outcome")],
    ...(at(body, "reason") === undefined ? [] : [["reason", textAt(body, "reason")] satisfies [string, Cell]]),
    ...details,
    ...(at(body, "remedy") === undefined ? [] : [["remedy", textAt(body, "remedy")] satisfies [string, Cell]]),
  ];
  return [
    terminal.tone(isGood ? "good" : "bad", textAt(body, "message")),
    pairs(terminal, rows),
    ...exportLines(terminal, listAt(body, "details", "tables")),
    ...readinessLines(terminal, body),
  ].join("\n");
}

/** Capabilities, pipelines, what to do about them, and warnings; left out where there are none. */
export function readinessLines(terminal: Terminal, body: unknown): string[] {
  const capabilities = listAt(body, "capabilities");
  const pipelines = listAt(body, "pipelines");
  const able = capabilities.map((one): Cell[] => [textAt(one, "id"), capabilityCell(textAt(one, "state"))]);
  const ready = pipelines.map((one): Cell[] => [
    textAt(one, "id"),
    readyCell(at(one, "ready")),
    textsAt(one, "missing").join(", ") || "-",
  ]);
  const remedies = Map.groupBy(
    capabilities.filter((one) => at(one, "remedy") !== undefined),
    (one) => textAt(one, "remedy"),
  );
  return [
    ...(able.length > 0 ? ["", table(terminal, ["capability", "state"], able)] : []),
    ...(ready.length > 0 ? ["", table(terminal, ["pipeline", "ready", "missing"], ready)] : []),
    ...(remedies.size > 0 ? [""] : []),
    ...[...remedies].map(([remedy, ones]) => {
      const names = ones.map((one) => textAt(one, "id")).join(", ");
      return `${terminal.tone("faint", `for ${names}:`)} ${remedy}`;
    }),
    ...textsAt(body, "warnings").map((warning) => terminal.tone("warn", `warning: ${warning}`)),
  ];
}

/** The tables of a billing export, as last seen; nothing where there are none. */
export function exportLines(terminal: Terminal, tables: readonly unknown[]): string[] {
  const rows = tables.map((one): Cell[] => [
    { text: textAt(one, "table"), tone: "strong" },
    textAt(one, "setting"),
    textAt(one, "kind"),
    textAt(one, "state"),
    textAt(one, "location"),
    moment(at(one, "last_export_at")),
  ]);
  if (rows.length === 0) return [];
  return ["", table(terminal, ["export table", "setting", "kind", "state", "location", "last rows"], rows)];
}

/** `1/2`: how many pipelines are ready of those there are. */
export function readyCount(summary: unknown): Cell {
  const pipelines = listAt(summary, "pipelines");
  if (pipelines.length === 0) return "-";
  const ready = pipelines.filter((one) => at(one, "ready") === true).length;
  return { text: `${ready}/${pipelines.length}`, tone: ready === pipelines.length ? "good" : "warn" };
}

function capabilityCell(state: string): Cell {
  return { text: state, tone: state === "granted" ? "good" : state === "denied" ? "bad" : "warn" };
}

function readyCell(ready: unknown): Cell {
  if (ready === true) return { text: "yes", tone: "good" };
  return ready === false ? { text: "no", tone: "bad" } : { text: "unknown", tone: "warn" };
}
