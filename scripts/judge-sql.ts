import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { project } from "../tests/views/files.ts";
import { buildEmulator, startEmulator, Unavailable, VERSION } from "./judge-sql/emulator.ts";
import { judgeAll } from "./judge-sql/judge.ts";
import { printed } from "./judge-sql/report.ts";

/*
 * Has a second, independent judge run all SQL of the cloud backend: every statement of the store, with the parameters that
 * it sends, and every view, with data. Prints where it agrees with bigquery-local. Not part of the tests: it needs Go.
 *
 *   node scripts/judge-sql.ts [--json] [--cache <folder>] [--emulator <binary>]
 *
 * Exit codes: 0 they agree, or differ where scripts/judge-sql/explained.ts says why · 1 they differ · 2 usage · 4 there is
 * no second judge here
 */

const usage = "usage: node scripts/judge-sql.ts [--json] [--cache <folder>] [--emulator <binary>]";

async function main(): Promise<number> {
  const options = readArguments();
  if (options === null) return 2;
  const say = (line: string) => console.error(line);
  try {
    const binary = options.emulator ?? (await buildEmulator(options.cache, say));
    const emulator = await startEmulator(binary, project);
    try {
      const findings = await judgeAll(emulator.endpoint, say);
      console.log(options.json ? JSON.stringify(findings, null, 2) : printed(findings));
      return findings.some(({ said, reason }) => said !== null && reason === null) ? 1 : 0;
    } finally {
      await emulator.close();
    }
  } catch (error) {
    if (!(error instanceof Unavailable)) throw error;
    say(`no second judge here: ${error.message}`);
    return 4;
  }
}

function readArguments() {
  try {
    const { values } = parseArgs({
      options: { json: { type: "boolean" }, cache: { type: "string" }, emulator: { type: "string" } },
    });
    return {
      json: values.json ?? false,
      cache: values.cache ?? join(tmpdir(), `cloudact-bigquery-emulator-${VERSION}`),
      emulator: values.emulator ?? null,
    };
  } catch (error) {
    console.error(error instanceof Error ? `${error.message}\n${usage}` : usage);
    return null;
  }
}

process.exitCode = await main();
