import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { startBench } from "../../tests/adapters/cloud/bigquery-bench.ts";
import { recordOf, textOf } from "../../tests/platform/bigquery/json.ts";
import { datasets, project } from "../../tests/views/files.ts";
import type { Given } from "../../tests/views/insert.ts";
import { tellStory } from "../../tests/views/store-story.ts";
import { askEmulator, type Outcome, outcomeOf, type Question } from "./wire.ts";

/** One statement as the store sent it through the official client, and what bigquery-local made of it. */
export interface Told {
  /** The store's own name for it. */
  name: string;
  question: Question;
  outcome: Outcome;
  /** The table that it wrote, as it then stood; null for a SELECT. */
  wrote: { table: string; outcome: Outcome; rows: Given[] } | null;
}

/** Lets the store tell its story to bigquery-local, through a proxy that writes down what is said. */
export async function recordStory(): Promise<Told[]> {
  const bench = await startBench();
  const told: Told[] = [];
  const heard: { name: string } = { name: "" };
  const tableNow = async (table: string) => {
    const query = `SELECT * FROM \`${project}.${datasets.integrations}.${table}\``;
    return {
      table,
      outcome: outcomeOf(await askEmulator(bench.sim.endpoint, project, { query, location: bench.sim.location })),
      rows: await bench.sim.admin(query),
    };
  };
  const passOn = async (request: IncomingMessage): Promise<{ status: number; text: string }> => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const sent = Buffer.concat(chunks).toString("utf8");
    const answer = await fetch(`${bench.sim.endpoint}${request.url}`, {
      method: request.method ?? "GET",
      headers: { "content-type": "application/json", authorization: request.headers.authorization ?? "" },
      ...(sent === "" ? {} : { body: sent }),
    });
    const text = await answer.text();
    if (answer.ok && sent !== "") {
      const body = recordOf(JSON.parse(sent));
      const query = textOf(body["query"]);
      const written = query.match(/^(?:INSERT INTO|UPDATE) `[^`]*\.(\w+)`/)?.[1];
      told.push({
        name: heard.name,
        question: { query, queryParameters: body["queryParameters"] },
        outcome: outcomeOf(JSON.parse(text)),
        wrote: written === undefined ? null : await tableNow(written),
      });
    }
    return { status: answer.status, text };
  };
  const failed = Promise.withResolvers<never>();
  const proxy = createServer((request, response) => {
    passOn(request).then(({ status, text }) => {
      response.writeHead(status, { "content-type": "application/json; charset=UTF-8" }).end(text);
    }, failed.reject);
  });
  await new Promise<void>((resolve) => proxy.listen(0, "127.0.0.1", resolve));
  const { port } = proxy.address() as AddressInfo;
  try {
    const onStatement = (name: string) => {
      heard.name = name;
    };
    const store = bench.open({ apiEndpoint: `http://127.0.0.1:${port}`, onStatement });
    await Promise.race([tellStory(store), failed.promise]);
    return told;
  } finally {
    proxy.close();
    proxy.closeAllConnections();
    await bench.close();
  }
}
