import { parseArgs } from "node:util";
import { startPlatform } from "./start.ts";

/*
 * node tests/platform/main.ts [--identity operator] [--open]
 *
 * Starts the simulators of Google Cloud and prints the environment of a process that runs against them:
 *
 *   node tests/platform/main.ts > bench.env &
 *   . ./bench.env && npm start
 */
const { values } = parseArgs({
  options: { identity: { type: "string", default: "operator" }, open: { type: "boolean", default: false } },
});
const platform = await startPlatform({ enforce: !values.open });
process.once("SIGINT", stop);
process.once("SIGTERM", stop);
try {
  for (const [name, value] of Object.entries(platform.env(values.identity))) console.log(`export ${name}=${value}`);
} catch (error) {
  console.error(`--identity: ${error instanceof Error ? error.message : "unknown"}`);
  await platform.close();
  process.exit(2);
}
console.error("Google Cloud on loopback. A pipeline's identity token, for an hour:\n");
console.error(await platform.issue("117263548901234567890"));
console.error("\nCtrl-C stops.");

function stop(): void {
  platform.close().then(() => process.exit(0));
}
