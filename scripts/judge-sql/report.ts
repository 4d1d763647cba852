import { MODULE, VERSION } from "./emulator.ts";
import type { Finding } from "./judge.ts";

/** The findings as a table for people. */
export function printed(findings: readonly Finding[]): string {
  const wide = Math.max(...findings.map(({ name }) => name.length));
  const lines = findings.flatMap(({ name, runs, rows, verdict, said, reason }) => {
    const line = `${name.padEnd(wide)}  ${String(runs).padStart(4)}  ${String(rows).padStart(5)}  ${verdict}`;
    if (said === null) return [line];
    return [line, `    ${said.split("\n")[0]}`, `    ${reason === null ? "NOT EXPLAINED" : `explained: ${reason}`}`];
  });
  const count = (verdict: Finding["verdict"]) => findings.filter((one) => one.verdict === verdict).length;
  const open = findings.filter(({ said, reason }) => said !== null && reason === null).length;
  return [
    `bigquery-local / ${MODULE} ${VERSION}`,
    "",
    `${"".padEnd(wide)}  runs   rows`,
    ...lines,
    "",
    `${count("same")} same, ${count("same as SELECT")} same as SELECT, ${count("differs")} differ, ${count("not supported")} not supported, ${count("nothing compared")} not compared; ${open} not explained`,
  ].join("\n");
}
