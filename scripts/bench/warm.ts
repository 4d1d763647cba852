import { join } from "node:path";
import autocannon from "autocannon";
import { exampleKeys } from "../../tests/simulators/start.ts";
import { end, median, startTarget } from "./processes.ts";

const json = { "content-type": "application/json" };

/** What a warm gateway carries on one machine, on the local backend, against the framework's hello. */
export async function warm(
  { key, token }: { key: string; token: string },
  env: Record<string, string>,
  seconds: number,
): Promise<Array<Record<string, string | number>>> {
  const keyed = { "x-api-key": key };
  const body = JSON.stringify({ pipeline: "genai.payg_usage", run_id: "bench" });
  const hello = await startTarget("hello", join(import.meta.dirname, "hello"), env, {
    method: "GET",
    path: "/",
    headers: {},
  });
  const source = join(import.meta.dirname, "../../functions/gateway.ts");
  const gateway = await startTarget("gateway", source, env, { method: "GET", path: "/health", headers: {} });
  const base = `${gateway.url}/api/v1/integrations`;
  const loads: Record<string, autocannon.Options> = {
    hello: { url: hello.url },
    "decrypt, cached": {
      url: `${base}/acme/openai/decrypt`,
      method: "POST",
      headers: { ...json, authorization: `Bearer ${token}` },
      body,
    },
    list: { url: `${base}/acme`, headers: keyed },
    get: { url: `${base}/acme/openai`, headers: keyed },
    "setup, provider on loopback": {
      url: `${base}/acme/openai/setup`,
      method: "POST",
      headers: { ...json, ...keyed },
      body: JSON.stringify({ credential: exampleKeys("OPENAI").good }),
    },
  };
  const results = new Map<string, { rps: number[]; p99: number[] }>();
  for (let round = 0; round < 3; round += 1) {
    for (const [name, load] of Object.entries(loads)) {
      const run = await autocannon({ connections: name.startsWith("setup") ? 8 : 50, duration: seconds, ...load });
      const refused = run.non2xx - (run.statusCodeStats?.["409"]?.count ?? 0);
      if (refused > 0 || run.errors > 0) throw new Error(`${name}: ${refused} refused, ${run.errors} errors`);
      const known = results.get(name) ?? { rps: [], p99: [] };
      known.rps.push(run.requests.average);
      known.p99.push(run.latency.p99);
      results.set(name, known);
    }
  }
  await end(hello.child);
  await end(gateway.child);
  const base0 = results.get("hello");
  return [...results].map(([name, { rps, p99 }]) => ({
    load: name,
    "requests/s": Math.round(median(rps)),
    "p99 ms": median(p99),
    ratio: Number((median(rps) / median(base0?.rps ?? [1])).toFixed(2)),
    "p99 ratio": Number((median(p99) / median(base0?.p99 ?? [1])).toFixed(2)),
  }));
}
