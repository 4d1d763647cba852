import { statusOf } from "../../shared/contract/verdict.ts";
import type { Entry, ProbeRules, Rule } from "../../shared/registry/entry.ts";
import { bodiesFor, conditionsOf } from "./body-for.ts";
import { firing, plainSuccess } from "./http-cases.ts";
import { junk } from "./ladder.ts";

/** What is wrong with an entry that nobody needs to be asked for, a sentence each. */
export function faultsOnPaper(entry: Entry): string[] {
  const { probe } = entry;
  const isHttp = probe !== undefined && !("protocol" in probe);
  return [
    ...(entry.cost === "free" ? [] : ["costs money: its probe must be free, or nobody may check it on a schedule"]),
    ...textFaults(entry),
    ...(isHttp ? [...probe.rules.flatMap((_, index) => ruleFaults(entry, probe, index)), ...successFaults(probe)] : []),
  ];
}

/** A denied capability without a text helps nobody. */
function textFaults(entry: Entry): string[] {
  return entry.capabilities.flatMap(({ id, state, required, remedy, reason }) => {
    const hasText = remedy !== undefined || (reason !== undefined && Object.hasOwn(entry.reasons, reason));
    if (hasText || (state !== "denied" && !required)) return [];
    return [`capability \`${id}\` can be denied and has no text: give it a \`remedy\``];
  });
}

function ruleFaults(entry: Entry, probe: ProbeRules, index: number): string[] {
  const rule = probe.rules[index];
  if (rule === undefined) return [];
  const at = `rules[${index}]`;
  const faults: string[] = [];
  const isDefinite = statusOf(rule.then) !== null;
  if (isDefinite && rule.at === undefined && rule.and === undefined)
    faults.push(
      `${at} makes a key ${rule.then} by the status ${[rule.status].flat().join(", ")} alone: say what the body holds`,
    );
  if (rule.reason !== undefined && !Object.hasOwn(entry.reasons, rule.reason))
    faults.push(`${at} has the reason \`${rule.reason}\`, which has no text in \`reasons\``);
  if (rule.then === "forbidden" && rule.reason === undefined && entry.remedies.forbidden === undefined)
    faults.push(`${at} is \`forbidden\` and says nowhere what to do: give it a \`reason\` with a text in \`reasons\``);
  return [...faults, ...[rule.status].flat().flatMap((status) => deadFaults(probe, rule, index, status))];
}

/** Whether an answer exists that only this rule takes. */
function deadFaults(probe: ProbeRules, rule: Rule, index: number, status: number): string[] {
  const bodies = bodiesFor(conditionsOf(rule));
  if (bodies.length === 0)
    return [
      `rules[${index}] cannot be satisfied, or the kit cannot word it: its conditions contradict one another, or give it an \`examples\` row`,
    ];
  const takers = bodies.map((body) => firing(probe, status, body));
  if (takers.includes(index)) return [];
  return [`rules[${index}] never decides about a ${status}: rules[${takers[0]}] takes every answer of it first`];
}

function successFaults(probe: ProbeRules): string[] {
  const { status } = probe.success;
  const liked = junk.filter(([, body]) => firing(probe, status, body) === "success").map(([name]) => name);
  return [
    ...(plainSuccess(probe) === null ? ["no answer is ever a success: its rules take every one"] : []),
    ...liked.map(
      (name) =>
        `takes junk for a success (${name}): choose a member for \`has\` that only this answer holds, and say what it \`is\``,
    ),
  ];
}
