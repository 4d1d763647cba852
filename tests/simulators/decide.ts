import { fixture } from "./answers/all.ts";
import type { Fixture } from "./fixture.ts";
import { markerIn } from "./keys.ts";
import { type Asked, type Profile, type ProviderCode, profiles, type Route, usualAnswers } from "./profiles.ts";

/** What the simulators remember between questions. */
export interface Memory {
  revoked: Set<string>;
  /** Flaky keys that had their first, failing answer. */
  flaked: Set<string>;
  forced: Map<ProviderCode, Fixture[]>;
  always: Map<ProviderCode, Fixture>;
}

export function freshMemory(): Memory {
  return { revoked: new Set(), flaked: new Set(), forced: new Map(), always: new Map() };
}

/** The answer of a provider to one question, as its documentation has it. */
export function decide(
  provider: ProviderCode,
  asked: Omit<Asked, "key"> & { key: string | null },
  memory: Memory,
): Fixture {
  const forced = memory.forced.get(provider)?.shift() ?? memory.always.get(provider);
  if (forced !== undefined) return forced;
  return fixture(provider, nameOf(provider, profiles[provider], asked, memory));
}

/** What a good key would have been answered on a path; the sink uses it to be as tempting as can be. */
export function goodAnswer(provider: ProviderCode, method: string, path: string): Fixture {
  const route = routeOf(profiles[provider], method, path);
  const name = typeof route?.answer === "string" ? route.answer : "ok";
  return fixture(provider, name);
}

/** The key of a request, from where the provider looks for it. */
export function keyOf(profile: Profile, headers: Readonly<Record<string, string>>): string | null {
  for (const name of profile.keyHeaders) {
    const value = headers[name];
    if (value === undefined) continue;
    if (name !== "authorization") return value;
    const bearer = /^Bearer\s+(.*)$/i.exec(value);
    if (bearer !== null) return bearer[1] ?? "";
  }
  return null;
}

function nameOf(
  provider: ProviderCode,
  profile: Profile,
  question: Omit<Asked, "key"> & { key: string | null },
  memory: Memory,
): string {
  const route = routeOf(profile, question.method, question.path);
  const { key } = question;
  if (route?.isPublic === true) return resolve(route.answer, { ...question, key: key ?? "" }) ?? "ok";
  if (key === null || key === "") return "missing";
  const asked: Asked = { ...question, key };
  const early = profile.before?.(asked) ?? null;
  if (early !== null) return early;
  if (!profile.shape.test(key)) return profile.malformed?.(key) ?? "rejected";
  if (memory.revoked.has(key)) return "rejected";
  const marked = byMarker(provider, profile, asked, memory);
  if (marked !== null) return marked;
  return (route === undefined ? null : resolve(route.answer, asked)) ?? "not_found";
}

function byMarker(provider: ProviderCode, profile: Profile, asked: Asked, memory: Memory): string | null {
  const marker = markerIn(asked.key);
  switch (marker) {
    case null:
      return null;
    case "flaky": {
      const id = `${provider} ${asked.key}`;
      if (memory.flaked.has(id)) return null;
      memory.flaked.add(id);
      return "outage";
    }
    case "hang":
    case "drip":
    case "html":
    case "huge":
    case "redirect":
    case "echo":
      return marker;
    default: {
      const own = profile.markers[marker];
      return own === undefined ? usualAnswers[marker] : resolve(own, asked);
    }
  }
}

function routeOf(profile: Profile, method: string, path: string): Route | undefined {
  const asGet = method === "HEAD" ? "GET" : method;
  return profile.routes.find((route) => route.method === asGet && route.path.test(path));
}

function resolve(answer: Route["answer"], asked: Asked): string | null {
  return typeof answer === "string" ? answer : answer(asked);
}
