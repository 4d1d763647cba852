import type { Credential } from "../contract/secret.ts";
import type { Capability } from "../contract/verdict.ts";
import type { Entry } from "../registry/entry.ts";
import { finding, holds, readAnswer } from "../registry/read-answer.ts";
import type { Question } from "./ask.ts";
import type { Provider } from "./provider.ts";

/** Every provider that the registry alone describes: asks what its `probe` says and reads the answer by its rules. */
export const http: Provider = {
  async probe(credential, { entry, ask, now }) {
    const { probe } = entry;
    if (probe === undefined || "protocol" in probe) return finding("service_misconfigured", { reason: "internal" });
    const call = probe.get ?? probe.post;
    const base = call === undefined ? undefined : entry.endpoints[call.endpoint];
    if (call === undefined || base === undefined) return finding("service_misconfigured", { reason: "internal" });
    const question: Question = {
      method: probe.post ? "POST" : "GET",
      url: base + call.path,
      headers: { accept: "application/json", ...headersOf(call.headers, credential) },
    };
    if (probe.post) {
      question.headers = { "content-type": "application/json", ...question.headers };
      question.body = JSON.stringify(filled(probe.post.body, credential));
    }
    const answer = await ask(question);
    const found = readAnswer(probe, answer, { credential, now });
    if (found.outcome !== "valid" || found.reason !== null || "silence" in answer) return found;
    return { ...found, capabilities: capabilitiesIn(entry, answer.body) };
  },
};

/** What the body of a successful answer says about capabilities. */
function capabilitiesIn(entry: Entry, body: unknown): Capability[] {
  return entry.capabilities.flatMap(({ id, granted_when: condition, reason }): Capability[] => {
    if (condition === undefined) return [];
    if (holds(condition, body)) return [{ id, state: "granted" }];
    return [{ id, state: "denied", ...(reason ? { reason } : {}) }];
  });
}

/** A header that names an optional field which the credential has not is left out. */
function headersOf(templates: Record<string, string>, credential: Credential): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const [name, template] of Object.entries(templates)) {
    const missing = [...template.matchAll(FIELD)].some(
      ([, field]) => field !== undefined && !Object.hasOwn(credential, field),
    );
    if (!missing) headers[name] = interpolate(template, credential);
  }
  return headers;
}

/** `{field}`, the only thing that is replaced. */
const FIELD = /\{([a-z][a-z0-9_]*)\}/g;

function interpolate(template: string, credential: Credential): string {
  return template.replace(FIELD, (_, field: string) => credential[field]?.reveal() ?? "");
}

/** The body with every `{field}` in its texts replaced, however deep. */
function filled(value: unknown, credential: Credential): unknown {
  if (typeof value === "string") return interpolate(value, credential);
  if (Array.isArray(value)) return value.map((element) => filled(element, credential));
  if (typeof value === "object" && value !== null) {
    return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, filled(member, credential)]));
  }
  return value;
}
