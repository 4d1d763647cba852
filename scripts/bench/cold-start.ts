import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import type { FunctionName } from "../../shared/contract/routes.ts";
import { type Prepared, prepareArtifacts } from "../../tests/artifacts/prepared.ts";
import { exampleKeys, type Simulators } from "../../tests/simulators/start.ts";
import type { Google } from "./google.ts";
import { end, type First, median, peakMb, type Started, startTarget } from "./processes.ts";

const json = { "content-type": "application/json" };

/**
 * Every artifact as it is deployed, on the simulators of Google Cloud: from the start of its process to the first answer
 * that went all the way, against the framework's hello in the same run. The same request once more shows how much of that
 * was the request.
 */
export async function coldStarts(
  google: Google,
  simulators: Simulators,
  rounds: number,
): Promise<Array<Record<string, string | number>>> {
  const prepared = await prepareArtifacts();
  const asked = firstRequests(google);
  const hello = {
    source: join(import.meta.dirname, "hello"),
    env: {},
    first: { method: "GET", path: "/", headers: {} },
  };
  const cases = new Map<string, { source: string; env: Record<string, string>; first: First }>([["hello", hello]]);
  for (const [name, first] of asked) {
    const source = prepared.folderOf(name);
    const NODE_COMPILE_CACHE = join(source, ".compile-cache");
    cases.set(name, {
      source,
      env: { ...google.platform.env(name), ...simulators.env, INTEGRATIONS_RATE_LIMIT: "0", NODE_COMPILE_CACHE },
      first,
    });
  }
  const runs = new Map<string, Array<Started & { mb: number | null }>>([...cases.keys()].map((name) => [name, []]));
  for (let round = 0; round < rounds; round += 1)
    for (const [name, { source, env, first }] of cases) {
      const started = await startTarget(name, source, env, first);
      runs.get(name)?.push({ ...started, mb: peakMb(started.child) });
      await end(started.child);
    }
  const base = median((runs.get("hello") ?? []).map(({ ms }) => ms));
  const rows = [...runs].map(([name, list]) => {
    const times = list.map(({ ms }) => ms);
    return {
      function: name,
      "first answer, median ms": Math.round(median(times)),
      "min ms": Math.round(Math.min(...times)),
      ratio: Number((median(times) / base).toFixed(2)),
      "the same again, ms": Math.round(median(list.map(({ againMs }) => againMs))),
      "peak MB": Math.round(median(list.map(({ mb }) => mb ?? Number.NaN))),
      ...(name === "hello" ? {} : sizes(prepared, name)),
    };
  });
  prepared.close();
  return rows;
}

function sizes(prepared: Prepared, name: string): Record<string, number> {
  const folder = join(prepared.folderOf("list"), "..", name, "functions");
  const kB = (suffix: string) =>
    Math.round(
      readdirSync(folder)
        .filter((file) => file.endsWith(suffix))
        .reduce((sum, file) => sum + statSync(join(folder, file)).size, 0) / 1024,
    );
  return { "bundle kB": kB(".js"), "compiled kB": kB(".cache") };
}

/** What each is asked first: something that goes through everything behind it. */
function firstRequests({ key, token, scheduler }: Google): Map<FunctionName, First> {
  const keyed = { "x-api-key": key };
  const sent = (headers: Record<string, string>, body: object) => ({
    headers: { ...json, ...headers },
    body: JSON.stringify(body),
  });
  const run = { pipeline: "genai.payg_usage", run_id: "bench" };
  const { good } = exampleKeys("GROQ");
  return new Map<FunctionName, First>([
    ["list", { method: "GET", path: "/acme", headers: keyed }],
    ["get", { method: "GET", path: "/acme/openai", headers: keyed }],
    ["delete", { method: "DELETE", path: "/acme/gemini", headers: keyed }],
    ["decrypt", { method: "POST", path: "/acme/openai/decrypt", ...sent({ authorization: `Bearer ${token}` }, run) }],
    ["setup", { method: "POST", path: "/acme/groq/setup", ...sent(keyed, { credential: good }) }],
    ["update", { method: "PUT", path: "/acme/groq", ...sent(keyed, { credential_name: "Renamed" }) }],
    ["validate", { method: "POST", path: "/acme/groq/validate", ...sent(keyed, {}) }],
    ["revalidate", { method: "POST", path: "/revalidate", ...sent({ authorization: `Bearer ${scheduler}` }, {}) }],
  ]);
}
