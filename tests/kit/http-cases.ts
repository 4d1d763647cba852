import type { Credential } from "../../shared/contract/secret.ts";
import type { Entry, ProbeRules } from "../../shared/registry/entry.ts";
import { readAnswer } from "../../shared/registry/read-answer.ts";
import { bodiesFor, conditionsOf, successBodies } from "./body-for.ts";
import { json, type KitCase } from "./case.ts";
import { echoCases, ladderCases, transportCases } from "./ladder.ts";

/** When the kit's keys end, where an answer says so. */
const EXPIRES = "2031-01-02T03:04:05.000Z";

/** Every case of a provider that the registry alone describes, made from its entry. */
export function httpCases(entry: Entry, probe: ProbeRules, credential: Credential): KitCase[] {
  const secrets = entry.fields.filter(({ secret }) => secret).flatMap(({ name }) => credential[name]?.reveal() ?? []);
  const plain = plainSuccess(probe);
  const flattering = json(probe.success.status, plain ?? {});
  return [
    ...successCases(entry, probe),
    ...ruleCases(probe),
    ...ladderCases(),
    {
      name: "401 that blames the key",
      answer: json(401, { error: { message: "Invalid API key" } }),
      expected: { outcomes: ["rejected"] },
    },
    ...transportCases(flattering),
    ...echoCases(entry, secrets),
    {
      name: "success that echoes the key",
      answer: json(
        probe.success.status,
        { ...plain, request_id: secrets[0], kit: secrets },
        { "x-request-id": secrets[0] ?? "" },
      ),
      expected: { outcomes: ["valid"] },
    },
    ...entry.examples.map(
      (example): KitCase => ({
        name: `example: ${example.name}`,
        answer:
          typeof example.body === "string"
            ? { ...json(example.status, null, example.headers), text: example.body }
            : json(example.status, example.body, example.headers),
        expected: { outcomes: [example.then], reason: example.reason ?? null },
      }),
    ),
  ];
}

/** The plainest body that is read as success and nothing else; `null` where every one is taken by a rule. */
export function plainSuccess(probe: ProbeRules): Record<string, unknown> | null {
  return (
    successBodies(probe.success, EXPIRES).find((body) => firing(probe, probe.success.status, body) === "success") ??
    null
  );
}

function successCases(entry: Entry, probe: ProbeRules): KitCase[] {
  const plain = plainSuccess(probe);
  if (plain === null) return [];
  const expiring = probe.success.expires === undefined ? {} : { expires_at: EXPIRES };
  const conditional = entry.capabilities.filter(({ granted_when }) => granted_when !== undefined);
  const granting = bodiesFor(
    conditional.flatMap(({ granted_when }) => granted_when ?? []),
    plain,
  )[0];
  const states = (state: "granted" | "denied") => Object.fromEntries(conditional.map(({ id }) => [id, state]));
  const isRequired = conditional.some(({ required }) => required);
  return [
    ...(isRequired
      ? []
      : [
          {
            name: "success",
            answer: json(probe.success.status, plain),
            expected: { outcomes: ["valid" as const], ...expiring, capabilities: states("denied") },
          },
        ]),
    ...(granting === undefined || conditional.length === 0
      ? []
      : [
          {
            name: "success that grants everything",
            answer: json(probe.success.status, granting),
            expected: { outcomes: ["valid" as const], ...expiring, capabilities: states("granted") },
          },
        ]),
  ];
}

/** One answer for each rule: the first of its wordings that no earlier rule takes. */
function ruleCases(probe: ProbeRules): KitCase[] {
  return probe.rules.flatMap((rule, index) =>
    [rule.status].flat().flatMap((status): KitCase[] => {
      const body = bodiesFor(conditionsOf(rule)).find((one) => firing(probe, status, one) === index);
      if (body === undefined) return [];
      return [
        {
          name: `rules[${index}]: ${status} ${rule.at ?? ""} → ${rule.then}`,
          answer: json(status, body),
          expected: { outcomes: [rule.then], ...(rule.reason === undefined ? {} : { reason: rule.reason }) },
        },
      ];
    }),
  );
}

/** Which rule takes an answer, or that it is a success, or `null` where neither does. */
export function firing(probe: ProbeRules, status: number, body: unknown): number | "success" | null {
  const rules = probe.rules.map((rule, index) => ({ ...rule, reason: `rule_${index}` }));
  const found = readAnswer({ ...probe, rules }, { status, headers: new Headers(), body }, { credential: {}, now: 0 });
  const taken = /^rule_(\d+)$/.exec(found.reason ?? "");
  if (taken !== null) return Number(taken[1]);
  return found.outcome === "valid" ? "success" : null;
}
