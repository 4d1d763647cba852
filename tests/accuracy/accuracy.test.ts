import { afterAll, describe, expect, test } from "vitest";
import { fixtureOf } from "../kit/own-protocol.ts";
import { openBench } from "../operations/bench.ts";
import { registry } from "../registry/the-registry.ts";
import type { Fixture } from "../simulators/start.ts";
import type { Row } from "./row.ts";
import { faultsOf } from "./run.ts";
import { answersOf, counts, documented, sourcesOf, table } from "./table.ts";

const bench = openBench();
afterAll(() => bench.close());

/** Endpoints without which nothing is proven, of providers that have others. */
const proving = new Map(
  await Promise.all(
    registry.entries.map(async ({ code }) => [code, (await fixtureOf(code))?.proves ?? ["api"]] as const),
  ),
);
const isProof = ({ provider, given }: Row) =>
  Object.keys(given).some((endpoint) => proving.get(provider)?.includes(endpoint));

/** Rows that are asked at the same time; each asks three simulators at most. */
const AT_ONCE = 16;
const waiting = [...table];
const found = new Map(table.map((row) => [row, Promise.withResolvers<string[]>()] as const));
for (let lane = 0; lane < AT_ONCE; lane++) void work();

async function work(): Promise<void> {
  for (let row = waiting.shift(); row !== undefined; row = waiting.shift()) {
    const faults = await faultsOf(row, bench.works).catch((error: unknown) => [`broke: ${String(error)}`]);
    found.get(row)?.resolve(faults);
  }
}

describe.each([...new Set(table.map(({ provider }) => provider))])("%s answers", (provider) => {
  const rows = table.filter((row) => row.provider === provider).map((row) => [row.name, row] as const);
  test.each(rows)("%s", async (_, row) => {
    expect(await found.get(row)?.promise).toEqual([]);
  });
});

describe("the table", () => {
  const named = (row: Row) => `${row.provider}: ${row.name}`;

  test("has at least 250 rows, and as many without what can happen to any provider", () => {
    expect(table.length).toBeGreaterThanOrEqual(250);
    expect(counts().reduce((sum, { own }) => sum + own, 0)).toBeGreaterThanOrEqual(250);
  });

  test("names every row once, and only answers that exist", () => {
    expect(table.map(named).filter((name, index, all) => all.indexOf(name) < index)).toEqual([]);
    expect(table.filter((row) => answersOf(row).length < Object.keys(row.given).length).map(named)).toEqual([]);
  });

  test("holds every provider that is asked, and every documented answer that says something of a credential", () => {
    const rows = new Map(
      registry.entries
        .filter(({ probe }) => probe)
        .map(({ code }) => [code, table.filter(({ provider }) => provider === code)]),
    );
    const left = [...rows].flatMap(([code, own]) => {
      const used = new Set(own.flatMap(({ given }) => Object.values(given)));
      return (documented.get(code) ?? [])
        .filter(({ name, reads }) => reads !== null && !used.has(name))
        .map(({ name }) => `${code}: ${name}`);
    });
    expect([...rows].filter(([, own]) => own.length === 0).map(([code]) => code)).toEqual([]);
    expect(left).toEqual([]);
  });

  test("cites a page, a package or a recorded observation in every row, and marks what is only plausible", () => {
    const cited =
      /\b[a-z0-9-]+(?:\.[a-z0-9-]+)*\.[a-z]{2,}\b|\bRFC \d{3,5}\b|\bGH \d{6,}\b|\b[\w-]+ \d+\.\d+\.\d+\b|\b[\w-]+\/[\w.-]+ [0-9a-f]{7,40}\b|@[\w.-]+/i;
    const vague = table.filter(
      (row) =>
        !row.undocumented && !sourcesOf(row).some((source) => cited.test(source) && !/\bundocumented\b/.test(source)),
    );
    expect(vague.map((row) => `${named(row)}: ${sourcesOf(row).join("; ") || "nothing"}`)).toEqual([]);
  });

  test("is plausible only in less than 15 of 100 rows", () => {
    expect(table.filter(({ undocumented }) => undocumented).length / table.length).toBeLessThan(0.15);
  });

  test("lets no outage, limit, region, clock, portal, redirect, junk or unclear answer change a status", () => {
    const changing = table.filter(
      ({ becomes, obstacle }) => obstacle !== null && (becomes.VALID !== "VALID" || becomes.PENDING !== "PENDING"),
    );
    expect(changing.map(named)).toEqual([]);
  });

  /** The same, by what was sent and not by what the row says of it. */
  const obstacles: Array<[string, (answer: Fixture) => boolean]> = [
    ["an answer of 500 or more", ({ status }) => status >= 500],
    ["a limit", ({ status, reads }) => status === 429 && reads?.reason !== "billing"],
    ["a redirect", ({ status }) => status >= 300 && status < 400],
    ["an answer that never arrives whole", ({ transport }) => transport !== "plain"],
    ["an answer in HTML", ({ body }) => typeof body === "string" && /^\s*<(?:!doctype )?html/i.test(body)],
  ];
  test.each(obstacles)("takes %s for an obstacle, and beside the proof for none", (_, isObstacle) => {
    const rows = table.filter((row) => {
      const answers = answersOf(row);
      return answers.length > 0 && answers.every(isObstacle);
    });
    expect(rows.length).toBeGreaterThan(0);
    expect(rows.filter((row) => (row.obstacle === null) === isProof(row)).map(named)).toEqual([]);
    const denying = rows.filter((row) => !isProof(row) && Object.values(row.capabilities ?? {}).includes("denied"));
    expect(denying.map(named)).toEqual([]);
  });

  test("makes nobody valid by junk", () => {
    const junk = table.filter(({ obstacle }) => obstacle === "junk" || obstacle === "portal" || obstacle === "unclear");
    expect(junk.filter(({ outcome }) => outcome === "valid").map(named)).toEqual([]);
  });

  test("has a remedy to look for wherever the outcome is not valid", () => {
    expect(table.filter(({ outcome, remedy }) => outcome !== "valid" && !remedy).map(named)).toEqual([]);
  });
});
