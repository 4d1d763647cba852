import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Simulators, startSimulators } from "../simulators/start.ts";
import { fileOf, fits, readPage, runnable, written } from "./page.ts";
import { filledIn, lastAnswer, openSession, type Session } from "./session.ts";

/*
 * Every page of the documentation is a session at the terminal: its blocks marked `sh` are run one after the other as
 * they stand, against the real service and simulated providers; a block of JSON after one is the answer that it shows.
 */

const connected = `export INTEGRATIONS_API_KEY=$(npm run --silent cli -- org-key create acme --scope manage)
echo 'sk-admin-…' | npm run --silent cli -- setup acme openai --file -
echo 'sk-admin-…another' > new-key.txt`;
/** What the reader of a page has done before, on another. */
const before: Readonly<Record<string, string>> = {
  "docs/providers/README.md": connected,
  "docs/operating.md": `${connected}
npm run --silent cli -- grant create --subject cost-pipeline --org acme --provider openai
export INTEGRATIONS_TOKEN=$(npm run --silent cli -- token --subject cost-pipeline)`,
  "docs/pipelines.md": connected,
};
const withCommands = written.filter((path) => readPage(path).blocks.some(runnable));

let simulators: Simulators;
beforeAll(async () => {
  simulators = await startSimulators();
});
afterAll(() => simulators.close());

describe.each(withCommands)("%s", (path) => {
  const page = readPage(path);
  let session: Session;
  let printed = "";
  beforeAll(async () => {
    session = await openSession(simulators);
    await session.shell.run(filledIn(before[path] ?? "", session.port));
  });
  afterAll(() => session.close());

  test.each(
    page.blocks
      .filter((block) => runnable(block) || fileOf(block) !== null || block.info === "json")
      .map((block) => [block.line, block] as const),
  )("line %i does as it says", async (_, block) => {
    const text = filledIn(block.text, session.port);
    const file = fileOf(block);
    if (file !== null) session.shell.write(file, text.trimEnd());
    else if (runnable(block)) printed = await session.shell.run(text);
    else expect(fits(JSON.parse(block.text), lastAnswer(printed)), printed).toBe(true);
  });
});
