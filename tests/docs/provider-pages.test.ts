import { afterAll, beforeAll, expect, test } from "vitest";
import {
  cloudCodes,
  clouds,
  exampleKeys,
  providerCodes,
  type Simulators,
  startSimulators,
} from "../simulators/start.ts";
import { fileOf, generated, readPage } from "./page.ts";
import { filledIn, lastAnswer, openSession, type Session } from "./session.ts";
import type { Shell } from "./shell.ts";

/* Each provider's page is followed as it stands, by an organisation of its own, with a key that its simulator takes. */

let simulators: Simulators;
let session: Session;
beforeAll(async () => {
  simulators = await startSimulators();
  session = await openSession(simulators);
});
afterAll(async () => {
  await session.close();
  await simulators.close();
});

test.each(generated)("the commands of %s set up what they are for", async (path) => {
  const page = path.replaceAll(/^.*\/|\.md$/g, "");
  // The simulated role trusts one organisation alone.
  const org = page === "aws_iam" ? "acme" : page;
  const { shell, port } = session;
  await shell.run(
    `B=http://127.0.0.1:${port}/api/v1/integrations
export INTEGRATIONS_API_KEY=$(npm run --silent cli -- org-key create ${org} --scope manage)`,
  );
  let json = "";
  let setups = 0;
  for (const block of readPage(path).blocks) {
    if (fileOf(block) === "setup.json") json = block.text;
    if (block.info !== "sh") continue;
    const segment = /(?:setup YOUR_ORG |YOUR_ORG\/)([a-z0-9_-]+)/.exec(block.text)?.[1];
    if (segment !== undefined) writeCredential(shell, segment, json);
    const printed = await shell.run(filledIn(block.text, port, org));
    if (!block.text.includes("/setup")) continue;
    setups += 1;
    expect(lastAnswer(printed), printed).toMatchObject({ success: true });
  }
  expect(setups).toBeGreaterThan(0);
});

/** The files that a page speaks of, with a credential that its simulator takes. */
function writeCredential(shell: Shell, segment: string, json: string): void {
  const credential = credentialFor(segment.toUpperCase());
  if (json !== "") {
    const shown: Record<string, unknown> = JSON.parse(json);
    shell.write("setup.json", JSON.stringify({ ...shown, ...(credential === null ? {} : { credential }) }));
  }
  if (credential === null) return;
  const text = typeof credential === "string" ? credential : JSON.stringify(credential);
  for (const file of ["key.txt", "key.json", "credential.json", "role_arn.txt"]) shell.write(file, text);
}

function credentialFor(code: string): unknown {
  const cloud = cloudCodes.find((one) => one === code || one.startsWith(`${code}_`));
  if (cloud) return clouds[cloud]?.credential() ?? null;
  const provider = providerCodes.find((one) => one === code);
  return provider === undefined ? null : (exampleKeys(provider).admin ?? exampleKeys(provider).good);
}
