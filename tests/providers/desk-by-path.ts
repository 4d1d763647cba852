import type { Finding } from "../../shared/contract/verdict.ts";
import { askThrough } from "../../shared/providers/ask.ts";
import { providerOf } from "../../shared/providers/index.ts";
import { entryOf } from "../registry/the-registry.ts";
import { credentialOf, federation, NOW, nobody } from "./desk.ts";

/** An answer that may look at the question, and may take its time. */
export type PathAnswer = (asked: URL) => Response | Promise<Response>;

/** Far beyond a test's own patience: what waits for an answer that must not be waited for fails by that. */
const PATIENCE_MS = 60_000;

/**
 * One probe of a provider that is asked several things at once: the answers go by the path, whatever the order. A path
 * with several answers gives them in turn, the last one again and again; one that is not named is not answered at all.
 */
export async function probeByPath(
  code: string,
  key: string | Record<string, string>,
  answers: Readonly<Record<string, PathAnswer | readonly PathAnswer[]>>,
): Promise<{ found: Finding; sent: Request[] }> {
  const sent: Request[] = [];
  const counts = new Map<string, number>();
  const ask = askThrough(async (url, init) => {
    const asked = new URL(url);
    sent.push(new Request(url, init));
    const count = counts.get(asked.pathname) ?? 0;
    counts.set(asked.pathname, count + 1);
    const answer = answers[asked.pathname];
    const turn = typeof answer === "function" ? answer : answer?.[Math.min(count, answer.length - 1)];
    if (turn === undefined) throw new Error("no answer");
    return await turn(asked);
  }, PATIENCE_MS);
  const entry = { ...entryOf(code), timeout_ms: PATIENCE_MS };
  const provider = await providerOf(entry);
  const credential = credentialOf(typeof key === "string" ? { api_key: key } : key);
  const found = await provider.probe(credential, {
    ...nobody,
    entry,
    ask,
    now: NOW,
    sleep: async () => {},
    federation,
  });
  return { found, sent };
}

/** Holds every answer back until this many are asked for: who asks for one after the other waits for ever. */
export function together(count: number): (answer: PathAnswer) => PathAnswer {
  let waiting = 0;
  let open = (): void => {};
  const all = new Promise<void>((resolve) => {
    open = resolve;
  });
  return (answer) => async (asked) => {
    waiting += 1;
    if (waiting >= count) open();
    await all;
    return await answer(asked);
  };
}

/** An answer that never comes. */
export const never: PathAnswer = () => new Promise<Response>(() => {});
