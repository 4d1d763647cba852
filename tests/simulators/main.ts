import { parseArgs } from "node:util";
import {
  type CloudCode,
  cloudCodes,
  clouds,
  type ExampleKeys,
  exampleKeys,
  type Marker,
  type ProviderCode,
  profiles,
  providerCodes,
  startSimulators,
} from "./start.ts";

const meanings: Readonly<Record<Marker, string>> = {
  revoked: "refused as a deleted key",
  expired: "refused, as expired where the provider says so",
  limited: "429",
  outage: "503, or the provider's word for overload",
  noscope: "authenticated, a scope is missing",
  forbidden: "authenticated, not allowed",
  region: "our country is blocked",
  billing: "authenticated, no money left",
  leaked: "refused as found in public",
  ipblock: "our address is blocked",
  wrongorg: "another organisation's (OpenAI: where an organisation is sent)",
  hang: "never answers",
  drip: "one byte a second, for ever",
  html: "200 from a captive portal",
  huge: "5 MB of JSON",
  redirect: "307 to a sink that calls every key good",
  echo: "an error that repeats the key everywhere",
  flaky: "fails once, then is fine",
};

const { values } = parseArgs({
  options: { port: { type: "string", default: "9000" }, provider: { type: "string" }, word: { type: "string" } },
});
const only = values.provider?.toUpperCase();
const known: readonly string[] = [...providerCodes, ...cloudCodes];
if (only !== undefined && !known.includes(only)) {
  console.error(`No such provider. There are: ${known.join(", ")}`);
  process.exit(2);
}
const simulators = await startSimulators({ port: Number(values.port) });

console.log(`Simulated providers on ${simulators.url}\n`);
for (const [name, base] of Object.entries(simulators.env)) console.log(`export ${name}=${base}`);
console.log("\nA well-formed key is accepted, unless one of these words stands in it:\n");
for (const [marker, meaning] of Object.entries(meanings)) console.log(`  ${marker.padEnd(10)} ${meaning}`);
console.log("");
const shown = providerCodes.filter((code) => only === undefined || code === only);
for (const code of shown) describe(code, exampleKeys(code));
for (const code of cloudCodes) if (only === undefined || code === only) describeCloud(code);
if (only === undefined) console.log("Every example key of one provider: --provider openai, --provider gcp_sa");
console.log("Ctrl-C stops.");

process.once("SIGINT", stop);
process.once("SIGTERM", stop);

function describe(code: ProviderCode, keys: ExampleKeys): void {
  const words: readonly string[] = only === undefined ? ["good", "revoked", "admin"] : Object.keys(keys);
  console.log(`${code}, in place of ${profiles[code].host}`);
  for (const [behaviour, key] of Object.entries(keys))
    if (words.includes(behaviour)) console.log(`  ${behaviour.padEnd(16)} ${key}`);
  console.log("");
}

/** A credential on one line, and what each word makes of it. Key files are long, so only where they are asked for. */
function describeCloud(code: CloudCode): void {
  const cloud = clouds[code];
  if (cloud === undefined) return;
  console.log(`${code}, in place of ${[...new Set(Object.values(cloud.endpoints))].join(", ")}`);
  const word = values.word !== undefined && Object.hasOwn(cloud.words, values.word) ? values.word : undefined;
  const credential = JSON.stringify(cloud.credential(word));
  const isShown = only !== undefined || credential.length <= 400;
  console.log(`  credential: ${isShown ? credential : `long, see --provider ${code.toLowerCase()}`}`);
  if (cloud.metadata !== undefined) console.log(`  metadata: ${JSON.stringify(cloud.metadata)}`);
  console.log(
    "  words that decide otherwise, in the credential (--word <word> makes one) or in what its settings name:",
  );
  for (const [word, meaning] of Object.entries(cloud.words)) console.log(`    ${word.padEnd(12)} ${meaning}`);
  console.log("");
}

function stop(): void {
  simulators.close().then(() => process.exit(0));
}
