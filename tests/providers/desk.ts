import { type Credential, Secret } from "../../shared/contract/secret.ts";
import type { Finding, Verdict } from "../../shared/contract/verdict.ts";
import type { Clock } from "../../shared/ports/clock.ts";
import type { Federation } from "../../shared/ports/federation.ts";
import { type Ask, askThrough } from "../../shared/providers/ask.ts";
import { attempt } from "../../shared/providers/attempt.ts";
import { providerOf } from "../../shared/providers/index.ts";
import type { Owner } from "../../shared/providers/provider.ts";
import { entryOf } from "../registry/the-registry.ts";

export const NOW = Date.parse("2026-11-20T12:00:00Z");

const SUBJECT = "000000000000000000000";
/** An identity towards AWS whose tokens nobody would believe. */
export const federation: Federation = {
  project: "local",
  subject: SUBJECT,
  isPlaceholder: true,
  identityToken: async (audience) =>
    `eyJhbGciOiJSUzI1NiJ9.${Buffer.from(JSON.stringify({ iss: "https://accounts.google.com", aud: audience, azp: SUBJECT, sub: SUBJECT })).toString("base64url")}.c2ln`,
};

/** An organisation without settings. */
export const nobody: Owner = { org: "acme", metadata: {}, isNew: false };

/** One answer of a provider: made afresh for each request, or a thrown error for silence. */
export type Answer = () => Response;

/** An answer with this status and JSON body; a string is sent as it stands, as HTML. */
export function reply(status: number, body: unknown = {}, headers: Record<string, string> = {}): Answer {
  const isText = typeof body === "string";
  return () =>
    new Response(isText ? body : JSON.stringify(body), {
      status,
      headers: { "content-type": isText ? "text/html" : "application/json", ...headers },
    });
}

export const timedOut: Answer = () => {
  throw new DOMException("", "TimeoutError");
};

/** An `ask` that gives these answers in turn, the last one again and again, and remembers what was sent. */
export function deskOf(...answers: Answer[]): { ask: Ask; sent: Request[] } {
  const sent: Request[] = [];
  const ask = askThrough(async (url, init) => {
    const answer = answers[Math.min(sent.length, answers.length - 1)];
    sent.push(new Request(url, init));
    if (answer === undefined) throw new Error("no answer");
    return answer();
  }, 1_000);
  return { ask, sent };
}

export function credentialOf(fields: Record<string, string>): Credential {
  return Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, new Secret(value)]));
}

/** One probe of a provider against these answers. */
export async function probe(
  code: string,
  key: string | Record<string, string>,
  ...answers: Answer[]
): Promise<{ found: Finding; sent: Request[] }> {
  const { ask, sent } = deskOf(...answers);
  const entry = entryOf(code);
  const provider = await providerOf(entry);
  const credential = credentialOf(typeof key === "string" ? { api_key: key } : key);
  return {
    found: await provider.probe(credential, { ...nobody, entry, ask, now: NOW, sleep: async () => {}, federation }),
    sent,
  };
}

/** A clock whose sleeps take no time but count. */
export function fakeClock(): Clock & { slept: number[] } {
  const slept: number[] = [];
  let elapsed = 0;
  return {
    slept,
    now: () => NOW + elapsed,
    monotonic: () => elapsed,
    sleep: async (ms) => {
      slept.push(ms);
      elapsed += ms;
    },
  };
}

/** One whole attempt against these answers. */
export async function attemptOf(
  code: string,
  key: string | Record<string, string>,
  ...answers: Answer[]
): Promise<{ verdict: Verdict; sent: Request[]; slept: number[] }> {
  const { ask, sent } = deskOf(...answers);
  const clock = fakeClock();
  const credential = credentialOf(typeof key === "string" ? { api_key: key } : key);
  return {
    verdict: await attempt(entryOf(code), credential, nobody, { ask, clock, federation }),
    sent,
    slept: clock.slept,
  };
}

export function urlsOf(sent: readonly Request[]): string[] {
  return sent.map((request) => `${request.method} ${request.url}`);
}

/** Names of the headers that were sent, in order. */
export function headersOf(request: Request | undefined): Record<string, string> {
  return Object.fromEntries(request?.headers ?? []);
}
